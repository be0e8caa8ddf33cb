"""One unit of work: everything that an interaction may ask of the store, in one transaction or none.

Reads are a statement each, and so are single changes, short ones in company of others (`store/company.py`); their audit
rows go in with them, or with those of other units (`store/recorder.py`). The first lock, or the second change, begins a
transaction; it is committed when the unit is left, and rolled back when it is left by an error. Instants are drawn by
the last writing statement, so `write` comes once and last: whoever has drawn holds the clock for everybody until the
commit.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from asyncpg import Record

from sharedplan.clock import Clock, SystemClock
from sharedplan.errors import Fault
from sharedplan.search.expression import Everything, Expression, OfOwnClients
from sharedplan.search.includes import Include
from sharedplan.store import (
    containing,
    histories,
    including,
    knowing,
    locking,
    queries,
    subscriptions,
    together,
    tracing,
    used_once,
    visible_versions,
    writing,
)
from sharedplan.store.company import Company
from sharedplan.store.engine import Pool
from sharedplan.store.engine import RetryableConflict as RetryableConflict
from sharedplan.store.extents import Extents
from sharedplan.store.found_rows import all_living_of, living_of, page_of, part_of, version_of
from sharedplan.store.guard import JUDGEMENT, Who, asker
from sharedplan.store.joined import MASKED
from sharedplan.store.joint import Question
from sharedplan.store.kept import Kept
from sharedplan.store.locking import Key
from sharedplan.store.queries import Query
from sharedplan.store.recorder import Recorder
from sharedplan.store.searches import Search
from sharedplan.store.searching import LIGHT, page
from sharedplan.store.session import Session
from sharedplan.store.together import Parts, Row
from sharedplan.store.trail import Trail
from sharedplan.store.versions import Authors, Change, Found, Included, Named, Page, Version
from sharedplan.store.weighing import HEAVY
from sharedplan.store.wholes import whole

KEPT = 3_000
"""What is kept of what was read, beside the database, in weights of some 3.5 KB: 10 MB, three or four of the largest
plans or some fifty ordinary ones."""


class Store:
    """Where units of work begin."""

    def __init__(self, pool: Pool, clock: Clock | None = None) -> None:
        """`clock` gives the ids of audit rows; their instants are the database's."""
        self.pool = pool
        self._clock = clock or SystemClock()
        self._recorder = Recorder(pool, self._clock)
        self._company = Company(pool)
        self._open: set[Unit] = set()
        self._kept = Kept(KEPT)
        self._extents = Extents()

    def begin(self) -> "Unit":
        """A unit of work, to be entered by `async with`."""
        return Unit(self.pool, self._clock, self._recorder, self._company, self._open, self._kept, self._extents)

    async def read(self, type: str, id: str, *, within: Expression, trail: Trail, who: Who) -> Version | None:
        """The current version, if it is visible to whom it is for, with its audit row: what a unit of work that does
        nothing else does, by one statement and without the unit. Raises as that does, and then nothing is recorded."""
        query = queries.audited(type, id, within=within, trail=trail, row_id=self._clock.new_id())
        found = await self._company.fetch(query, who)
        return living_of(type, found[0]) if found else None

    async def settled(self) -> None:
        """Returns when all units that are open now have been left, and what they write is committed or never will."""
        # Seldom, while units are many and would each need an event.
        waited_for = set(self._open)
        while waited_for & self._open:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        # What one of them wrote may be under way though it was cancelled meanwhile.
        writes = self._company.writes
        while writes & self._company.writes:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def close(self, *, patience: timedelta = timedelta(seconds=10)) -> None:
        """Answer those who wait, write the audit rows that wait, and close the pool; with as much patience for all."""
        loop = asyncio.get_running_loop()
        until = loop.time() + patience.total_seconds()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._company.drain()
                await self._recorder.drain()
        await self.pool.close(patience=timedelta(seconds=max(0.0, until - loop.time())))


class Unit:
    """A unit of work. Its methods raise Unavailable when the database cannot answer, RetryableConflict when another
    writer was in the way and all of it may be done again, Conflict when another stored the same identity first."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        recorder: Recorder,
        company: Company,
        open: set["Unit"],
        kept: Kept,
        extents: Extents,
    ) -> None:
        """`open`: where it stands while it is entered. `kept`, `extents`: what is kept from one unit to the next."""
        self._open = open
        self.kept = kept
        self._extents = extents
        self._session = Session(pool)
        self._clock = clock
        self._recorder = recorder
        self._company = company
        self._changes: list[Change] = []
        self._is_looking = False  # in a transaction that writes nothing
        self.has_recorded = False  # whether an audit row went in; false again once that was rolled back

    async def __aenter__(self) -> Self:
        self._open.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            await self._leave(failure)
        finally:
            self._open.discard(self)

    async def _leave(self, failure: BaseException | None) -> None:
        forgot = failure is None and bool(self._changes)
        recorded = self.has_recorded
        if self._session.is_begun:
            self.has_recorded = False
        if failure is not None and not isinstance(failure, Exception):
            self._session.abandon()  # cancelled amidst a statement, perhaps
        elif failure is not None or forgot:
            await self._session.roll_back()
        else:
            await self._session.commit()
            self.has_recorded = recorded
        if forgot:
            raise Fault("changes were put and not written")

    def asked_by(self, person: str | None, organization: str | None) -> None:
        """Whom the second guard of the database is to let through; until it is said, nobody sees a client's data."""
        self._session.who = asker(person, organization)

    @contextmanager
    def judging(self) -> Iterator[None]:
        """What is read inside goes into a judgement, and to nobody: the second guard lets it through."""
        who, self._session.who = self._session.who, JUDGEMENT
        try:
            yield
        finally:
            self._session.who = who

    async def read(self, type: str, id: str, *, within: Expression, trail: Trail | None = None) -> Version | None:
        """The current version, if it is visible. With a `trail`, the audit row goes in with the same statement."""
        if trail is None:
            query = queries.current(type, id, within=within)
        else:
            query = queries.audited(type, id, within=within, trail=trail, row_id=self._clock.new_id())
        found = await self._looked(query)
        self.has_recorded = self.has_recorded or trail is not None
        return living_of(type, found[0]) if found else None

    async def newest(self, type: str, id: str, *, within: Expression) -> Version | None:
        """The newest version, which may be a deletion (visible only to whom everything of the type is)."""
        if type == "AuditEvent":  # never changed nor deleted, and a client is not told all that its versions hold
            return await self.read(type, id, within=within)
        found = await self._session.ask(*visible_versions.newest(type, id, within=within))
        return version_of(found[0]) if found else None

    async def version(self, type: str, id: str, version: int, *, within: Expression) -> Version | None:
        """That version, if the resource is visible."""
        if type == "AuditEvent":  # what the service records itself never changes, and is not kept twice
            found = await self._looked(queries.current(type, id, within=within, version=version))
            return living_of(type, found[0]) if found else None
        found = await self._session.ask(*visible_versions.version(type, id, version, within=within))
        return version_of(found[0]) if found else None

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
        query = histories.history(within=within, type=type, id=id, since=since, at=at, before=before, count=count)
        if query is None:
            return Page([], 0, False)
        found = await self._session.ask(*query)
        total = found[0]["total"]
        shown = [version_of(row) for row in found if row["id"] is not None][:count]
        more = bool(shown) and (found[0]["fetched"] or len(found)) > len(shown)
        return Page(shown, total if total <= histories.COUNTED else None, more)

    async def search(self, search: Search, *, trail: Trail | None = None) -> Found:
        """A page of the living resources that match and are visible. With a `trail`, the audit row goes in with the
        same statement, and names what is shown and whom it speaks of; not where contained resources are searched, which
        is to be done in a `snapshot`."""
        if search.contained is not None:
            there = containing.pairs(await self._session.fetch(containing.holding(tuple(search.wheres)), []))
            search = replace(search, contained=replace(search.contained, pairs=there))
        search = await self._extents.found(search, self._session)
        row_id = self._clock.new_id() if trail is not None else ""
        is_light = search.count <= LIGHT
        found = await self._looked(page(search, trail=trail, row_id=row_id, is_light=is_light), is_short=is_light)
        if found[0]["fetched"] == HEAVY:
            found = await self._looked(page(search, trail=trail, row_id=row_id), is_short=False)
        self.has_recorded = self.has_recorded or trail is not None
        return page_of(search, found)

    async def search_with(
        self, includes: Sequence[Include], search: Search, *, limit: int, trail: Trail
    ) -> tuple[Found, Included] | None:
        """A page, and what belongs to it and is visible, each once and none of the matches again; all as it is at one
        moment, and with the audit row. None, and nothing is recorded, when it takes several statements or is more than
        `limit`."""
        search = await self._extents.found(search, self._session)
        query = whole(search, includes, limit=limit, trail=trail, row_id=self._clock.new_id())
        rows = await self._looked(query) if query is not None else []
        if not rows or rows[0]["fetched"] == HEAVY:
            return None
        self.has_recorded = True
        if "entries" in rows[0]:
            return page_of(search, rows), Included([], False)
        end = next((number for number, row in enumerate(rows) if row["is_included"]), len(rows))
        return page_of(search, rows[:end]), Included(all_living_of(None, rows[end:]), False)

    async def included(
        self,
        includes: Sequence[Include],
        matches: Sequence[Version],
        *,
        seen: Mapping[str, Expression],
        limit: int,
        as_of: datetime | None = None,
    ) -> Included:
        """What belongs to the matches and is visible, each once and none of the matches again, at most `limit`.

        `as_of` is the moment that the matches are shown as they were at; None for now. What belongs to them is shown
        as it is.
        """
        known: dict[str, set[str]] = {}
        added: list[Version] = []
        following, step = list(includes), _ids(matches)
        inner = [each for each in matches if each.container is not None]
        while (step or inner) and following:
            for type, ids in step.items():
                known.setdefault(type, set()).update(ids)
            query = including.step(
                following, step, seen=seen, known=known, limit=limit - len(added), as_of=as_of, inner=inner
            )
            as_of, inner = None, []
            if query is None:
                break
            found = await self._session.ask(*query)
            new = [living_of(row["type"], row) for row in found]
            if len(added) + len(new) > limit or (found and found[0]["fetched"]):
                return Included([*added, *new][:limit], True)
            added += new
            following, step = [each for each in includes if each.iterates], _ids(new)
        return Included(added, False)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """All that is read inside is read as it is at one moment; within a transaction that has begun, as that does."""
        if self._session.is_begun:
            yield
            return
        await self._session.look()
        self._is_looking = True
        try:
            yield
        except Exception:
            await self._session.roll_back()
            raise
        finally:
            self._is_looking = False
        await self._session.commit()

    def rest(self) -> None:
        """Gives the connection back until the next statement, unless a transaction is on it: so that who asks several
        things at once does not hold one while he waits for another."""
        self._session.rest()

    async def matching(
        self, type: str, where: Expression, *, within: Mapping[str, Expression], limit: int = 2
    ) -> list[tuple[str, int]]:
        """(id, version) of the living resources that match and are visible, at most `limit`."""
        found = await self._session.ask(*queries.matching(type, where, within=within[type], seen=within, limit=limit))
        return [(row[0], row[1]) for row in found]

    async def living(self, type: str, where: Expression, *, within: Mapping[str, Expression], limit: int) -> Included:
        """The living resources that match and are visible, at most `limit`, and as many as an answer can hold."""
        found = await self._session.ask(*queries.living(type, where, within=within[type], seen=within, limit=limit))
        shown = [living_of(type, row) for row in found[:limit]]
        return Included(shown, bool(shown) and (found[0]["fetched"] or len(found)) > len(shown))

    async def together(
        self, wheres: Mapping[str, Expression], *, within: Mapping[str, Expression], limit: int
    ) -> Included:
        """The same of several types in one statement, by type in the order given and id, with whom each speaks of."""
        types = tuple(wheres)
        found = await self._session.ask(*together.living(wheres, within=within, limit=limit))
        shown = [living_of(types[row["rank"]], row) for row in found[:limit]]
        return Included(shown, bool(shown) and (found[0]["fetched"] or len(found)) > len(shown))

    async def rows(
        self, parts: Parts, known: Iterable[Row] = (), *, within: Mapping[str, Expression], limit: int
    ) -> tuple[list[Row], bool]:
        """The same of parts, each row with the number of its own; and whether there is more. Those that are known have
        no content."""
        found = await self._session.ask(*together.unknown(parts, known, within=within, limit=limit))
        shown = [part_of(parts, row) for row in found[:limit]]
        return shown, bool(shown) and (found[0]["fetched"] or len(found)) > len(shown)

    async def since(self, parts: Parts, query: Query, at: datetime) -> tuple[str, list[Row]]:
        """What stands for all that `rows` would find of these parts, by the query for it (`store/together.py`): the
        same as long as nothing of it has changed, and nothing more of it is to be seen, or less. And the rows that were
        written after that instant, unless they are too many for one answer."""
        sql, parameters = query
        rows = await self._looked(Question(sql, [at, *parameters[1:]]))
        return str(rows[0]["mark"]), [part_of(parts, row) for row in rows[1:]]

    async def known(
        self,
        person: str | None,
        organization: str | None,
        clients: Sequence[str],
        items: Sequence[str],
        *,
        wholly: bool,
    ) -> str:
        """The facts that a write is judged by, as JSON text (`store/knowing.py`)."""
        query = knowing.known(person, organization, clients, items, wholly=wholly)
        return str((await self._session.fetch(*query))[0][0])

    async def open(
        self, client: str, person: str, organization: str, purpose: str, since: datetime, until: datetime, *, task: str
    ) -> None:
        """The core data of the client lie open to that person from one instant up to the other, once the unit commits;
        all are references ("Patient/1"), `task` of the one that reviews it."""
        await self._session.begin()
        await self._session.fetch(*knowing.opening(client, person, organization, purpose, since, until, task))

    async def opened(
        self, client: str, person: str, organization: str, purpose: str, at: datetime
    ) -> tuple[datetime, str] | None:
        """Until when that runs which `open` opened so, and its task; None when nothing does. Until the unit is left
        nobody else learns it of the same four."""
        await self.lock_criteria("access_opening", f"{client}&{person}&{organization}&{purpose}")
        found = await self._session.fetch(*knowing.opened(client, person, organization, purpose, at))
        return (found[0]["until"], found[0]["task"]) if found else None

    async def named(self, names: Iterable[str], *, within: Mapping[str, Expression] | None) -> dict[str, Named]:
        """Those of the resources ("Goal/1") that are there and visible; without `within`, all that are there."""
        found: dict[str, Named] = {}
        for type, ids in locking.by_type(sorted(tuple(name.split("/")) for name in names)):  # type: ignore[misc]
            slice = within[type] if within is not None else Everything()
            for row in await self._session.ask(*queries.named(type, ids, within=slice)):
                found[f"{type}/{row[0]}"] = Named(tuple(row["patients"] or ()), row["controller"])
        return found

    async def deleted(self, type: str, ids: Sequence[str], *, within: Mapping[str, Expression]) -> set[str]:
        """Those of the ids that are deleted, and whose deletion is visible."""
        query = visible_versions.deletions(type, ids, within=within[type]) if ids else None
        return {row["id"] for row in await self._session.ask(*query)} if query is not None else set()

    async def standing(self, subscription: str) -> subscriptions.Standing | None:
        """How a Subscription is doing; None when nothing of it has been taken on yet."""
        return await subscriptions.standing(self._session, subscription)

    async def subscribed(self, client: str, organization: str | None) -> int:
        """How many Subscriptions a client system has for that organisation, beside those that are off."""
        return await subscriptions.owned(self._session, client, organization)

    async def events(self, subscription: str, low: int, high: int | None, most: int) -> list[subscriptions.Event]:
        """The events with these numbers that a Subscription was told, as far as they are kept."""
        return await subscriptions.events(self._session, subscription, low, high, most)

    async def authors(self, names: Sequence[str]) -> dict[str, Authors]:
        """The authors by Provenance of these things ("Encounter/1")."""
        found = await self._session.fetch(*knowing.authors(names))
        return {row["name"]: Authors(frozenset(row["attested"]), frozenset(row["claimed"])) for row in found}

    async def visits(
        self, client: str, thing: str, *, keeper: OfOwnClients | None, since: datetime, changed: datetime
    ) -> list[tracing.Visit]:
        """Who was at the data of the client ("Patient/1") since then, and since a thing of his ("CarePlan/1") was
        `changed`, who has had it: for whom his log lies open, which is to be found out before, all of it or as far as
        its `keeper` is told of it. `since` is no earlier than it was the last time; of what was told then only what has
        come is asked."""
        key = ("visits", client, thing, keeper, self._session.who)
        told: tracing.Told | None = self.kept.get(key)
        if told is not None and (told.changed != changed or told.since > since):
            told = None
        asked = tracing.visits(client, thing, keeper=keeper, since=since, changed=changed, told=told)
        rows = await self._looked(Question(*asked))
        found = [tracing.Visit(*tuple(row)[2:]) for row in rows if row["agents"] is not None]
        told = tracing.together(found, upto=rows[0]["upto"], since=since, changed=changed, told=told)
        if not self._session.is_begun or self._is_looking:  # what a transaction sees of itself may yet be undone
            self.kept.put(key, told, 1 + len(told.visits) // 10)
        return list(told.visits)

    async def above(self, organizations: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Each of the organisations, as a reference, with itself and all it is part of."""
        found = await self._session.fetch(*knowing.above(organizations))
        return {row["named"]: tuple(row["above"]) for row in found}

    async def referred(self, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of the pairs of references of which the first refers to the second."""
        found = await self._session.fetch(*knowing.referred(pairs)) if pairs else []
        return {(row[0], row[1]) for row in found}

    async def _looked(self, question: Question, *, is_short: bool = True) -> list[Record]:
        """The rows of a statement that looks for whoever asks and has a turn: in company of other units, unless a
        transaction has begun or the answer may be long."""
        who = self._session.who
        if self._session.is_begun or not is_short:
            return await self._session.fetch(question.sql, [*question.parameters, *who, 0])
        self._session.rest()  # or all connections could be held by those who wait for one more
        rows = await self._company.fetch(question, who)
        if rows and rows[0].get("fetched") == MASKED:
            return await self._session.fetch(question.sql, [*question.parameters, *who, 0])
        return rows

    async def lock(self, type: str, id: str, *, within: Expression) -> Version | None:
        """The newest version, kept as it is for others until the unit is left; None when there never was one to see.

        What is hidden counts as never there: writing it then is a Conflict.
        """
        return (await self.lock_all([(type, id)], within={type: within})).get((type, id))

    async def lock_all(self, keys: Iterable[Key], *, within: Mapping[str, Expression]) -> dict[Key, Version]:
        """The newest versions of many, locked in one order for everybody, so that no two units wait in a ring."""
        return await locking.lock_all(self._session, keys, within=within)

    async def lock_criteria(self, type: str, criteria: str) -> None:
        """Let no other unit act on the same criteria until this one is left: what matches them is then certain."""
        await locking.lock_criteria(self._session, type, criteria)

    def put(self, change: Change) -> None:
        """A change to be written by `write`."""
        self._changes.append(change)

    async def write(self, trails: Sequence[Trail] = ()) -> list[Version]:
        """Writes what was put, in its order, each with an instant of its own, and the audit rows with it.

        A single change outside a transaction is one statement that commits itself, if it contains no resources.
        """
        changes, self._changes = self._changes, []
        versions = await writing.write(self._session, self._company, self._clock, changes, trails)
        self.has_recorded = self.has_recorded or bool(trails)
        return versions

    async def record(self, *trails: Trail) -> None:
        """Audit rows of what was not recorded together with its statement: in the transaction, if one has begun, else
        together with those of other units, and committed on return."""
        if self._session.is_begun:
            await writing.record(self._session, self._clock, trails)
        else:
            self._session.rest()  # or all connections could be held by those who wait for the one that records
            await self._recorder.record(trails)
        self.has_recorded = self.has_recorded or bool(trails)

    async def save(self, state: subscriptions.State, progress: subscriptions.Progress) -> bool:
        """Keeps how far a Subscription has come, with what the unit writes; False when it has changed meanwhile."""
        await self._session.begin()
        return await subscriptions.save(self._session, state, progress)

    async def use_up(self, issuer: str, jti: str, until: datetime) -> bool:
        """Whether this is the first use of what that issuer calls `jti`, and which ends at `until`; nobody is told so
        twice."""
        return await used_once.use_up(self._session, issuer, jti, until)


def _ids(versions: Iterable[Version]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in versions:
        if each.container is None:  # nothing refers to what is contained
            found.setdefault(each.type, []).append(each.id)
    return found
