"""What has been superseded is forgotten once no page can show its moment any more (`compile.rows`); and what was used
up (`store/used_once.py`) once it could not be used anyway."""

import asyncio
from datetime import timedelta

from sharedplan.errors import SharedplanError
from sharedplan.logs import log
from sharedplan.store.engine import Pool
from sharedplan.store.projection import projections
from sharedplan.store.session import Session
from sharedplan.store.used_once import forget_used

TOGETHER = 2_000
"""Rows that go by one statement, so that none takes long."""

_FORGETTER = 7461980431
"""The advisory lock that lets one worker do it at a time."""


async def forget(pool: Pool, lifetime: timedelta) -> int:
    """Takes away what was superseded longer ago than that; how many rows it was, 0 when another worker is at it.

    Raises Unavailable.
    """
    session, gone = Session(pool), 0
    for shape in projections():
        if not shape.is_superseded:
            continue
        sql = f"""
            WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({_FORGETTER}) AS so)
            DELETE FROM past.{shape.table} WHERE (SELECT so FROM mine) AND (id, version) IN (
                SELECT id, version FROM past.{shape.table} WHERE until < now() - $1::interval LIMIT {TOGETHER}
            ) RETURNING 1
        """
        found = TOGETHER
        while found == TOGETHER:
            found = len(await session.fetch(sql, [lifetime]))
            session.rest()
            gone += found
    return gone


async def keep_forgetting(pool: Pool, lifetime: timedelta) -> None:
    """Does so now and then, until it is cancelled."""
    while True:
        await asyncio.sleep(max(1.0, lifetime.total_seconds() / 12))
        try:
            if gone := await forget(pool, lifetime):
                log.info("past_forgotten", rows=gone)
            session = Session(pool)
            await forget_used(session)
            session.rest()
        except SharedplanError as failure:
            log.warning("past_not_forgotten", failure=str(failure))
