"""The type tables made anew from `resource_version`, batch by batch, while the service runs.

The tables of living resources are projections of the append-only truth: when a release finds other index values in the
same content, or a row was lost, they are rebuilt from it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from sharedplan.search.indexing import Inner
from sharedplan.store import containing
from sharedplan.store import derived as deriving
from sharedplan.store.engine import Pool
from sharedplan.store.locking import OF_IDENTITY
from sharedplan.store.projection import Projection, projection
from sharedplan.store.session import Session
from sharedplan.store.types import placeholder

Values = Callable[[str, str], Mapping[str, Any]]
"""(type, content) → index values by column."""

Inners = Callable[[str, str], Sequence[Inner]]
"""(type, content) → what the contained resources are found by."""

Derived = Callable[[str, str, int], str | None]
"""(type, content, version) → the rows that it says of access, as a JSON array; None for a type that says nothing."""

BATCH = 200
"""Resources that are locked at a time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of one batch: the id that the next one comes after (None: that was all), how many resources were
    looked at, and how many rows were not as they should be."""

    last: str | None
    looked_at: int
    mended: int


async def reindex(
    pool: Pool,
    type: str,
    values: Values,
    derived: Derived,
    inners: Inners,
    *,
    after: str = "",
    size: int = BATCH,
) -> Batch:
    """Puts the rows of the next resources of that type right, those of what they contain, and those of access; only
    what differs is written.

    Whoever wants to change one of them waits for the batch. Raises Unavailable, and RetryableConflict when another
    writer was in the way.
    """
    session, shape = Session(pool), projection(type)
    try:
        await session.begin()
        ids = [row[0] for row in await session.fetch(_IDS, [type, after, size])]
        newest = await _locked(session, shape, ids)
        mended = await _contain(session, type, ids, newest, inners) if type in containing.TYPES else 0
        for version in newest:
            if version["interaction"] == "delete":
                mended += len(
                    await session.fetch(f"DELETE FROM {shape.table} WHERE id = $1 RETURNING id", [version["id"]])
                )
            else:
                found = values(type, version["content"])
                if type == "Provenance":  # it speaks of the clients that it was bound to when it was written
                    found = {**found, "patient": version["patients"] or None}
                mended += len(await session.fetch(_mending(shape), _row(shape, version, found)))
            if shape.is_derived:
                mended += await _derive(session, version, derived)
        if len(ids) < size:
            mended += len(await session.fetch(_orphans(shape), [type]))
            if shape.is_derived:
                mended += len(await session.fetch(deriving.orphans(type), [type]))
            if type in containing.TYPES:
                for _, holder in containing.pairs(await session.fetch(containing.holding([type]), [])):
                    mended += len(await session.fetch(containing.orphans(type, holder), []))
    except BaseException:
        await session.roll_back()
        raise
    await session.commit()
    return Batch(ids[-1] if len(ids) == size else None, len(ids), mended)


async def reindex_contained(
    pool: Pool, type: str, inners: Inners, *, after: tuple[str, str, int, int] = ("", "", 0, 0), size: int = BATCH
) -> tuple[tuple[str, str, int, int] | None, int]:
    """Puts right the next rows of what is contained of that type, whatever contains it; only what differs is written.

    Gives the key that the next batch comes after (None: that was all), and how many rows were not as they should be.
    Nobody else changes such rows. Raises as `reindex`.
    """
    session, mended = Session(pool), 0
    try:
        await session.begin()
        found = await session.fetch(containing.batch(type), [*after, size])
        for each in found:
            for inner in inners(each["container_type"], each["content"]):
                if (inner.type, inner.number) == (type, each["number"]):
                    key = (each["container_type"], each["container"], each["version"])
                    mended += len(await session.fetch(containing.mending(type), containing.row(*key, inner)))
    except BaseException:
        await session.roll_back()
        raise
    await session.commit()
    last = found[-1] if len(found) == size else None
    return (last and (last["container_type"], last["container"], last["version"], last["number"])), mended


async def _contain(
    session: Session, type: str, ids: Sequence[str], newest: Sequence[asyncpg.Record], inners: Inners
) -> int:
    """Puts right what these containers contain, as far as it is of their newest versions; how many rows it was."""
    there = {
        (each["type"], each["container"], each["number"]): each["version"]
        for each in await session.fetch(containing.held(), [type, list(ids)])
        if (each["container"], each["version"]) in {(one["id"], one["version"]) for one in newest}
    }
    mended = 0
    for version in newest:
        if version["interaction"] == "delete":
            continue
        for inner in inners(type, version["content"]):
            there.pop((inner.type, version["id"], inner.number), None)
            parameters = containing.row(type, version["id"], version["version"], inner)
            mended += len(await session.fetch(containing.mending(inner.type), parameters))
    for (kind, id, number), each in there.items():
        await session.fetch(containing.removing(kind), [type, id, each, number])
    return mended + len(there)


_IDS = """
    SELECT DISTINCT id FROM resource_version WHERE type = $1::text AND id > $2::text ORDER BY id LIMIT $3::integer
"""

_NEWEST = """
    SELECT DISTINCT ON (id) type, id, version, last_updated, interaction, content, controller, patients
    FROM resource_version WHERE type = $1::text AND id = ANY($2::text[]) ORDER BY id, version DESC
"""


async def _locked(session: Session, shape: Projection, ids: Sequence[str]) -> list[asyncpg.Record]:
    """The newest versions of these ids, which nobody changes until the end of the transaction.

    They are locked as units of work lock them: living ones by their row, the others by their identity.
    """
    rows = f"SELECT id FROM {shape.table} WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
    living = {row[0] for row in await session.fetch(rows, [list(ids)])}
    absent = [f"{shape.type}/{id}" for id in ids if id not in living]
    if absent:
        await session.fetch(f"SELECT {OF_IDENTITY} FROM unnest($1::text[]) name", [absent])
    return await session.fetch(_NEWEST, [shape.type, list(ids)])


async def _derive(session: Session, newest: asyncpg.Record, derived: Derived) -> int:
    """Puts right what the resource says of access; how many rows had to be written."""
    type, name = newest["type"], f"{newest['type']}/{newest['id']}"
    said = "[]"
    if newest["interaction"] != "delete":
        said = derived(type, newest["content"], newest["version"]) or "[]"
    # A member who does not say since when has been one since the first version, of those without a gap, to name him.
    versions = await session.fetch(_ALL, [type, newest["id"]]) if type == "CareTeam" else []
    since = deriving.since([(each["last_updated"], each["content"]) for each in versions])
    rows = deriving.completed(type, said, newest["last_updated"], since)
    removed, added = deriving.rewriting(type)
    gone = await session.fetch(removed, [name, rows])
    return len(gone) + len(await session.fetch(added, [name, rows]))


_ALL = """
    SELECT last_updated, content FROM resource_version WHERE type = $1::text AND id = $2::text ORDER BY version
"""


def _mending(shape: Projection) -> str:
    """Writes a row if it is not there as it should be. Parameters: `_row`. Gives the id if it had to."""
    names = ["version", "last_updated", "controller", "content", *(f'"{name}"' for name in shape.names)]
    values = "".join(f", {placeholder(kind, number)}" for number, kind in enumerate(shape.kinds, 6))
    held = ", ".join(f"r.{name}::text" if name == "content" else f"r.{name}" for name in names)
    said = ", ".join(f"excluded.{name}::text" if name == "content" else f"excluded.{name}" for name in names)
    return f"""
        INSERT INTO {shape.table} AS r (id, {", ".join(names)})
        VALUES ($1::text, $2::integer, $3::timestamptz, $4::text, $5::json{values})
        ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in names)}
        WHERE ({held}) IS DISTINCT FROM ({said})
        RETURNING id
    """


def _row(shape: Projection, version: asyncpg.Record, values: Mapping[str, Any]) -> list[Any]:
    known = [version["id"], version["version"], version["last_updated"], version["controller"], version["content"]]
    return known + shape.encoded(values)


def _orphans(shape: Projection) -> str:
    """Takes rows away that no version stands behind; the service's own audit rows have none, and stay."""
    return f"""
        DELETE FROM {shape.table} r WHERE r.content IS NOT NULL
        AND NOT EXISTS (SELECT FROM resource_version v WHERE v.type = $1::text AND v.id = r.id) RETURNING r.id
    """
