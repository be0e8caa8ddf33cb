"""What has been superseded is forgotten once no page can show its moment any more (`compile.rows`), with what it
contained; and what was used up (`store/used_once.py`) once it could not be used anyway."""

from collections.abc import Sequence
from datetime import timedelta

from sharedplan.logs import log
from sharedplan.store import containing
from sharedplan.store.engine import Pool
from sharedplan.store.projection import projections
from sharedplan.store.session import Session, fetch_alone
from sharedplan.store.used_once import forget_used

TOGETHER = 2_000
"""Rows that go by one statement, so that none takes long."""

_FORGETTER = 7461980431
"""The advisory lock that lets one worker do it at a time."""


_FORGET = f"""
    WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({_FORGETTER}) AS so)
    SELECT gone.id, gone.version
    FROM mine, forget_superseded(CASE WHEN mine.so THEN $1::text END, $2::interval, {TOGETHER}) gone
"""


async def forget(pool: Pool, lifetime: timedelta) -> int:
    """Takes away what was superseded longer ago than that; how many rows it was, 0 when another worker is at it.

    Raises Unavailable.
    """
    session, gone = Session(pool), 0
    contained = containing.pairs(await fetch_alone(pool, containing.holding(containing.TYPES)))
    for shape in projections():
        if not shape.is_superseded:
            continue
        inner = [type for type, container_type in contained if container_type == shape.type]
        found = TOGETHER
        while found == TOGETHER:
            found = await _forgotten(session, shape.name, lifetime, shape.type, inner)
            gone += found
    return gone


async def _forgotten(session: Session, table: str, lifetime: timedelta, type: str, inner: Sequence[str]) -> int:
    """Some of a type, with what they contained of these types; how many it was."""
    try:
        if inner:
            await session.begin()
        rows = await session.fetch(_FORGET, [table, lifetime])
        if rows:
            ids, versions = [row["id"] for row in rows], [row["version"] for row in rows]
            for each in inner:
                await session.fetch(containing.forgetting(each), [type, ids, versions])
    except Exception:
        await session.roll_back()
        raise
    except BaseException:
        session.abandon()  # cancelled amidst a statement
        raise
    await session.commit()
    return len(rows)


async def forget_all(pool: Pool, lifetime: timedelta) -> None:
    """The same, and what was used up. Raises Unavailable."""
    if gone := await forget(pool, lifetime):
        log.info("past_forgotten", rows=gone)
    await forget_used(pool)
