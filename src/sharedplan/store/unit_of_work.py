"""One unit of work: everything that an interaction may ask of the store, in one transaction or none.

Reads run by themselves, each a statement. The first lock, or the second change, begins a transaction; it is committed
when the unit is left, and rolled back when it is left by an error. Instants are drawn by the last writing statement,
so `write` comes once and last: whoever has drawn holds the clock for everybody until the commit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Any, Self

import asyncpg

from sharedplan.clock import Clock, SystemClock
from sharedplan.errors import Fault, Unavailable
from sharedplan.fhir.bundles import instant
from sharedplan.search.expression import Everything, Expression
from sharedplan.store import queries, trail
from sharedplan.store.engine import FAILURES, Pool, is_lost, meaning
from sharedplan.store.engine import RetryableConflict as RetryableConflict
from sharedplan.store.projection import projection
from sharedplan.store.trail import Trail
from sharedplan.store.versions import Change, Found, Page, Version

Key = tuple[str, str]
"""A resource's identity: (type, id)."""

IDENTITIES = 7461980425
CRITERIA = 7461980426
"""The two families of advisory locks that units of work take."""

MOST_LOCKS = 256
"""Identities that one unit locks beside their rows: the database's room for such locks is small. Beyond, two writers
of one new identity meet at its primary key, and the second is told Conflict."""


class Store:
    """Where units of work begin."""

    def __init__(self, pool: Pool, clock: Clock | None = None) -> None:
        """`clock` gives the ids of audit rows; their instants are the database's."""
        self.pool = pool
        self._clock = clock or SystemClock()

    def begin(self) -> "Unit":
        """A unit of work, to be entered by `async with`."""
        return Unit(self.pool, self._clock)


class Unit:
    """A unit of work. Its methods raise Unavailable when the database cannot answer, RetryableConflict when another
    writer was in the way and all of it may be done again, Conflict when another stored the same identity first."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._connection: asyncpg.Connection | None = None
        self._is_begun = False
        self._changes: list[Change] = []
        self.has_recorded = False  # whether an audit row went in; false again once that was rolled back

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, where: TracebackType | None
    ) -> None:
        connection = self._connection
        if failure is None and self._changes:
            failure = Fault("changes were put and not written")
            await self._undo(connection)
            raise failure
        if connection is None:
            return
        if failure is None:
            if self._is_begun:
                await self._commit(connection)
            self._give_back()
        elif isinstance(failure, Exception):
            await self._undo(connection)
        else:
            self._lose()  # cancelled amidst a statement, perhaps

    async def read(self, type: str, id: str, *, within: Expression, trail: Trail | None = None) -> Version | None:
        """The current version, if it is visible. With a `trail`, the audit row goes in with the same statement."""
        if trail is None:
            sql, parameters = queries.current(type, id, within=within)
        else:
            sql, parameters = queries.audited(type, id, within=within, trail=trail, row_id=self._clock.new_id())
        found = await self._fetch(sql, parameters)
        self.has_recorded = self.has_recorded or trail is not None
        return _living(type, found[0]) if found else None

    async def newest(self, type: str, id: str, *, within: Expression) -> Version | None:
        """The newest version, which may be a deletion (visible only to whom everything of the type is)."""
        found = await self._fetch(*queries.newest(type, id, within=within))
        return Version(*found[0]) if found else None

    async def version(self, type: str, id: str, version: int, *, within: Expression) -> Version | None:
        """That version, if the resource is visible."""
        if type == "AuditEvent":  # what the service records itself never changes, and is not kept twice
            found = await self._fetch(*queries.current(type, id, within=within, version=version))
            return _living(type, found[0]) if found else None
        found = await self._fetch(*queries.version(type, id, version, within=within))
        return Version(*found[0]) if found else None

    async def history(
        self,
        *,
        within: Mapping[str, Expression],
        type: str | None = None,
        id: str | None = None,
        since: datetime | None = None,
        at: tuple[datetime | None, datetime | None] | None = None,
        before: datetime | None = None,
        count: int,
    ) -> Page:
        """Versions of a resource, a type or (neither given) everything, newest first, deletions included.

        Those from `since` on; those that were current at some time of `at`, [low, high); on a later page, those
        `before` the last one seen.
        """
        query = queries.history(within=within, type=type, id=id, since=since, at=at, before=before, count=count)
        if query is None:
            return Page([], 0, False)
        found = await self._fetch(*query)
        total = found[0]["total"]
        versions = [Version(*tuple(row)[1:]) for row in found if row["id"] is not None]
        return Page(versions[:count], total if total <= queries.COUNTED else None, len(versions) > count)

    async def search(
        self,
        type: str,
        where: Expression,
        *,
        within: Expression,
        count: int,
        after: str | None = None,
        total: bool = True,
        sort: Sequence[tuple[str, bool]] = (),
        trail: Trail | None = None,
    ) -> Found:
        """A page of the living resources that match and are visible; with a `trail`, in one statement with it.

        In the order of ids, so that a change between two pages moves nothing; or by `sort`: the first of its pairs
        ("_id" or "_lastUpdated", whether descending). The next page comes `after` what the last one gave as `next`.
        """
        sql, parameters = queries.page(
            type,
            where,
            within=within,
            count=count,
            after=after,
            total=total,
            sort=sort,
            trail=trail,
            row_id=self._clock.new_id(),
        )
        found = await self._fetch(sql, parameters)
        self.has_recorded = self.has_recorded or trail is not None
        versions = [_living(type, row) for row in found if row["id"] is not None]
        shown, more = versions[:count], len(versions) > count
        code = sort[0][0] if sort else "_id"
        next = queries.cursor(code, shown[-1].id, shown[-1].last_updated) if more else None
        return Found(shown, found[0]["total"], next)

    async def matching(
        self, type: str, where: Expression, *, within: Expression, limit: int = 2
    ) -> list[tuple[str, int]]:
        """(id, version) of the living resources that match and are visible, at most `limit`."""
        found = await self._fetch(*queries.matching(type, where, within=within, limit=limit))
        return [(row[0], row[1]) for row in found]

    async def lock(self, type: str, id: str, *, within: Expression) -> Version | None:
        """The newest version, kept as it is for others until the unit is left; None when there never was one to see.

        What is hidden counts as never there: writing it then is a Conflict.
        """
        return (await self.lock_all([(type, id)], within={type: within})).get((type, id))

    async def lock_all(self, keys: Iterable[Key], *, within: Mapping[str, Expression]) -> dict[Key, Version]:
        """The newest versions of many, locked in one order for everybody, so that no two units wait in a ring."""
        await self._begin()
        ordered = sorted(set(keys))
        locked: dict[Key, Version] = {}
        if len(ordered) > 1:
            # First the identities, which can be locked in one order whether or not they are there yet.
            await self._lock_identities(ordered)
        await self._lock_rows(ordered, within, locked)
        absent = [key for key in ordered if key not in locked]
        if absent and len(ordered) == 1:
            await self._lock_identities(absent)
            await self._lock_rows(absent, within, locked)  # somebody may have stored it while we waited
        gone = [(type, id) for type, id in absent if isinstance(within[type], Everything)]
        for type, ids in _by_type(gone):
            for row in await self._fetch(*queries.deletions(type, ids)):
                locked.setdefault((type, row["id"]), Version(*row))
        return locked

    async def lock_criteria(self, type: str, criteria: str) -> None:
        """Let no other unit act on the same criteria until this one is left: what matches them is then certain."""
        await self._begin()
        name = f"{type}?{criteria}"
        await self._fetch(f"SELECT pg_advisory_xact_lock(hashtextextended($1::text, {CRITERIA}))", [name])

    def put(self, change: Change) -> None:
        """A change to be written by `write`."""
        self._changes.append(change)

    async def write(self, trails: Sequence[Trail] = ()) -> list[Version]:
        """Writes what was put, in its order, each with an instant of its own, and the audit rows with it.

        A single change outside a transaction is one statement that commits itself.
        """
        changes, self._changes = self._changes, []
        if len(changes) == 1:
            return [await self._write_one(changes[0], trails)]
        if not changes:
            await self.record(*trails)
            return []
        await self._begin()
        trails = await self._with_patients(trails, changes)
        await self._insert(trails)
        versions = await self._write_many(changes)
        self.has_recorded = self.has_recorded or bool(trails)
        return versions

    async def record(self, *trails: Trail) -> None:
        """Audit rows of what was not recorded together with its statement."""
        if len(trails) == 1:
            await self._fetch(trail.insert(1), trail.row(trails[0], self._clock.new_id()), once=True)
        elif trails:
            await self._begin()
            await self._insert(trails)
        self.has_recorded = self.has_recorded or bool(trails)

    async def _write_one(self, change: Change, trails: Sequence[Trail]) -> Version:
        shape = projection(change.type)
        sql = shape.alone(change.interaction, is_new=change.version == 1, recorded=len(trails) == 1)
        parameters = shape.alone_with(change)
        if len(trails) == 1:
            known = _named(trails[0], shape.patients_of(change))
            parameters += trail.row(known, self._clock.new_id())
        elif trails:
            await self._begin()
            await self._insert(await self._with_patients(trails, [change]))
        found = await self._fetch(sql, parameters, once=True)
        self.has_recorded = self.has_recorded or bool(trails)
        return _written(change, found[0][0])

    async def _write_many(self, changes: list[Change]) -> list[Version]:
        first = (await self._fetch("SELECT draw_instants($1)", [len(changes)]))[0][0]
        versions = [_written(change, first + timedelta(microseconds=n)) for n, change in enumerate(changes)]
        for run in _runs(list(zip(changes, versions, strict=True))):
            for sql, rows in run.items():
                await self._execute_many(sql, rows)
        return versions

    async def _with_patients(self, trails: Sequence[Trail], changes: Sequence[Change]) -> list[Trail]:
        """The trails, those about one of the changes with its patients; of what is deleted, those of its row."""
        spoken_of = {f"{each.type}/{each.id}": projection(each.type).patients_of(each) for each in changes}
        bare = {each.resource for each in trails if not each.patients}
        for change in changes:
            shape, name = projection(change.type), f"{change.type}/{change.id}"
            if change.interaction == "delete" and shape.patients and name in bare:
                sql = f"SELECT {shape.patients} FROM {shape.table} r WHERE r.id = $1::text"
                found = await self._fetch(sql, [change.id])
                spoken_of[name] = tuple(found[0][0] or ()) if found else ()
        return [_named(each, spoken_of.get(each.resource or "", ())) for each in trails]

    async def _insert(self, trails: Sequence[Trail]) -> None:
        await self._execute_many(trail.insert(1), [trail.row(each, self._clock.new_id()) for each in trails])

    async def _lock_identities(self, keys: Sequence[Key]) -> None:
        names = [f"{type}/{id}" for type, id in keys[:MOST_LOCKS]]
        lock = f"pg_advisory_xact_lock(hashtextextended(name, {IDENTITIES}))"
        await self._fetch(f"SELECT {lock} FROM unnest($1::text[]) name", [names])

    async def _lock_rows(
        self, keys: Sequence[Key], within: Mapping[str, Expression], locked: dict[Key, Version]
    ) -> None:
        """Locks the living rows among the keys and adds them to `locked`."""
        for type, ids in _by_type(keys):
            for row in await self._fetch(*queries.locking(type, ids, within=within[type])):
                locked[type, row["id"]] = _living(type, row)

    async def _fetch(self, sql: str, parameters: Sequence[Any], *, once: bool = False) -> list[asyncpg.Record]:
        """The rows of one statement. What has not begun a transaction is tried again on another connection when the
        first turns out to be dead, unless it may happen but `once`."""
        connection = await self._acquired()
        try:
            return list(await connection.fetch(sql, *parameters))
        except FAILURES as failure:
            if self._is_begun or once or not is_lost(failure):
                raise meaning(failure) from failure
        self._lose()
        connection = await self._acquired()
        try:
            return list(await connection.fetch(sql, *parameters))
        except FAILURES as failure:
            raise meaning(failure) from failure

    async def _execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        connection = await self._acquired()
        try:
            await connection.executemany(sql, rows)
        except FAILURES as failure:
            raise meaning(failure) from failure

    async def _begin(self) -> None:
        if not self._is_begun:
            await self._fetch("BEGIN", ())
            self._is_begun = True

    async def _commit(self, connection: asyncpg.Connection) -> None:
        try:
            done = await connection.execute("COMMIT")
        except FAILURES as failure:
            self.has_recorded = False
            self._lose()
            raise meaning(failure) from failure
        if done != "COMMIT":
            self.has_recorded = False
            self._give_back()
            raise Unavailable("the transaction had been given up")

    async def _undo(self, connection: asyncpg.Connection | None) -> None:
        if connection is None:
            return
        if self._is_begun:
            self.has_recorded = False
            try:
                await connection.execute("ROLLBACK")
            except FAILURES:
                self._lose()
                return
        self._give_back()

    async def _acquired(self) -> asyncpg.Connection:
        if self._connection is None:
            self._connection = await self._pool.acquire()
        return self._connection

    def _give_back(self) -> None:
        if self._connection is not None:
            self._pool.release(self._connection)
            self._connection = None

    def _lose(self) -> None:
        if self._connection is not None:
            self._pool.discard(self._connection)
            self._connection = None


def _by_type(keys: Sequence[Key]) -> Iterable[tuple[str, list[str]]]:
    """(type, ids) of keys that are sorted."""
    for type, group in groupby(keys, key=itemgetter(0)):
        yield type, [id for _, id in group]


def _living(type: str, row: asyncpg.Record) -> Version:
    """A row of a type's table as the version that it is."""
    interaction = "create" if row["version"] == 1 else "update"
    told = None
    if type == "AuditEvent" and row["trail"] is not None:
        told = trail.restored(row["trail"], row["outcome"], row["patient"], row["entity"])
    return Version(type, row["id"], row["version"], row["last_updated"], interaction, row["content"], told)


def _written(change: Change, at: datetime) -> Version:
    content = change.stamped.at(instant(at)) if change.stamped is not None else None
    return Version(change.type, change.id, change.version, at, change.interaction, content)


def _named(told: Trail, patients: tuple[str, ...]) -> Trail:
    return replace(told, patients=patients) if patients and not told.patients else told


def _runs(written: list[tuple[Change, Version]]) -> Iterable[dict[str, list[list[Any]]]]:
    """The changes drawn together by statement, anew whenever one identity comes again, so that its order is kept."""
    run: dict[str, list[list[Any]]] = {}
    seen: set[Key] = set()
    for change, version in written:
        if (change.type, change.id) in seen:
            yield run
            run, seen = {}, set()
        seen.add((change.type, change.id))
        shape = projection(change.type)
        sql = shape.among_many(change.interaction, is_new=change.version == 1)
        run.setdefault(sql, []).append(shape.among_many_with(change, version.last_updated, version.content))
    yield run
