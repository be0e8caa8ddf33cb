"""Locks that units of work take: on resources, which others may read meanwhile, and on criteria.

All units take them in one order, so that no two wait in a ring, and keep them until they end.
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from sharedplan.search.expression import Expression
from sharedplan.store import queries, visible_versions
from sharedplan.store.found_rows import living_of
from sharedplan.store.session import Session
from sharedplan.store.versions import Version

Key = tuple[str, str]
"""A resource's identity: (type, id)."""

_IDENTITIES = 7461980425
_CRITERIA = 7461980426

OF_IDENTITY = f"pg_advisory_xact_lock(hashtextextended(name, {_IDENTITIES}))"
"""SQL that locks the identity `name` ("CarePlan/1")."""

MOST = 256
"""Identities that one unit locks beside their rows: the database's room for such locks is small. Beyond, two writers
of one new identity meet at its primary key, and the second is told Conflict."""


async def lock_all(session: Session, keys: Iterable[Key], *, within: Mapping[str, Expression]) -> dict[Key, Version]:
    """The newest versions of these, as far as there are any and they are visible. Raises as `Session.ask` does."""
    await session.begin()
    ordered = sorted(set(keys))
    locked: dict[Key, Version] = {}
    if len(ordered) > 1:
        # First the identities, which can be locked in one order whether or not they are there yet.
        await _lock_identities(session, ordered)
    await _lock_rows(session, ordered, within, locked)
    absent = [key for key in ordered if key not in locked]
    if absent and len(ordered) == 1:
        await _lock_identities(session, absent)
        await _lock_rows(session, absent, within, locked)  # somebody may have stored it while we waited
    for type, ids in by_type(key for key in absent if key not in locked):
        query = visible_versions.deletions(type, ids, within=within[type])
        for row in await session.ask(*query) if query is not None else ():
            locked.setdefault((type, row["id"]), Version(*tuple(row)[:6]))
    return locked


async def lock_criteria(session: Session, type: str, criteria: str) -> None:
    """What is found by these criteria. Raises as `Session.fetch` does."""
    await session.begin()
    lock = f"SELECT pg_advisory_xact_lock(hashtextextended($1::text, {_CRITERIA}))"
    await session.fetch(lock, [f"{type}?{criteria}"])


def by_type(keys: Iterable[Key]) -> Iterator[tuple[str, list[str]]]:
    """(type, ids) of keys that are sorted."""
    for type, group in groupby(keys, key=itemgetter(0)):
        yield type, [id for _, id in group]


async def _lock_identities(session: Session, keys: Sequence[Key]) -> None:
    names = [f"{type}/{id}" for type, id in keys[:MOST]]
    await session.fetch(f"SELECT {OF_IDENTITY} FROM unnest($1::text[]) name", [names])


async def _lock_rows(
    session: Session, keys: Sequence[Key], within: Mapping[str, Expression], locked: dict[Key, Version]
) -> None:
    """Locks the living rows among the keys and adds them to `locked`."""
    for type, ids in by_type(keys):
        for row in await session.ask(*queries.locking(type, ids, within=within[type])):
            locked[type, row["id"]] = living_of(type, row)
