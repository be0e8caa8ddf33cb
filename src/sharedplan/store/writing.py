"""Changes and their audit rows on their way into the database: one by one statement, many by few.

A single change is one statement that draws its instant itself; one that contains resources is treated as many are. Of
many, all of one kind and type go by one statement sent once for each: as fast as COPY here (6,000 to 8,000 Encounters a
second, measured), and the same SQL.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sharedplan.clock import Clock
from sharedplan.fhir.bundles import instant
from sharedplan.store import attesting, containing, guard, subscriptions, trail
from sharedplan.store.company import Company
from sharedplan.store.projection import projection
from sharedplan.store.session import Session
from sharedplan.store.trail import Trail
from sharedplan.store.versions import Change, Version


async def write(
    session: Session, company: Company, clock: Clock, changes: Sequence[Change], trails: Sequence[Trail]
) -> list[Version]:
    """The versions that the changes become, in their order, each with an instant of its own.

    A single change with one audit row or none needs no transaction, unless it contains resources or hides something: it
    goes in `company` with those of others.
    `clock` gives the ids of audit rows.
    """
    if len(changes) == 1 and len(trails) < 2 and not _contains(changes[0]) and changes[0].sealed is None:
        return [await _one(session, company, clock, changes[0], trails)]
    if changes or len(trails) > 1:
        await session.begin()
    # Audit rows first, for whoever has drawn an instant keeps all others waiting.
    spoken_of = await _spoken_of(session, trails, changes)
    made = {f"{each.type}/{each.id}": each for each in changes}
    told = [
        _naming(each, spoken_of[each.resource], made[each.resource]) if each.resource in made else each
        for each in trails
    ]
    await record(session, clock, told)
    if not changes:
        return []
    attested = [(n, change.attested) for n, change in enumerate(changes) if change.attested is not None]
    # They name the version that they will belong to, and need no instant.
    for sql, rows in containing.inserts([*changes, *(each for _, each in attested)]).items():
        await session.execute_many(sql, rows)
    for change in changes:
        if change.sealed is not None:
            await subscriptions.keep_aside(session, change.id, change.version, change.sealed)
    first = (await session.fetch("SELECT draw_instants($1)", [len(changes) + len(attested)]))[0][0]
    instants = [first + timedelta(microseconds=n) for n in range(len(changes) + len(attested))]
    versions = [_version(change, at) for change, at in zip(changes, instants, strict=False)]
    for run in _runs(zip(changes, versions, strict=True)):
        for sql, rows in run.items():
            await session.execute_many(sql, rows)
    if attested:
        shape = projection("Provenance")
        rows = []
        for (n, each), at in zip(attested, instants[len(changes) :], strict=True):
            change, recorded = changes[n], instants[n]
            content, patients = each.at(instant(at), instant(recorded)), spoken_of[f"{change.type}/{change.id}"]
            rows.append(
                attesting.among_many_with(
                    shape, change, each, at=at, content=content, recorded=recorded, patients=patients
                )
            )
        await session.execute_many(attesting.among_many(shape), rows)
    return versions


def _contains(change: Change) -> bool:
    """Whether the change, or its Provenance, contains resources."""
    return bool(change.contained or (change.attested is not None and change.attested.contained))


async def record(session: Session, clock: Clock, trails: Sequence[Trail]) -> None:
    """Audit rows by themselves."""
    if len(trails) == 1:
        await session.fetch(trail.insert(1), trail.row(trails[0], clock.new_id()), once=True)
    elif trails:
        await session.begin()
        await session.execute_many(trail.insert(1), [trail.row(each, clock.new_id()) for each in trails])


async def _one(session: Session, company: Company, clock: Clock, change: Change, trails: Sequence[Trail]) -> Version:
    shape = projection(change.type)
    attested = change.attested
    sql = shape.alone(
        change.interaction, is_new=change.version == 1, recorded=bool(trails), attested=attested is not None
    )
    parameters = shape.alone_with(change)
    for each in trails:
        parameters += trail.row(_naming(each, shape.patients_of(change), change), clock.new_id())
    if attested is not None:
        parameters += attesting.parameters(projection("Provenance"), attested)
    if session.is_begun:
        found = await session.fetch(sql, [*parameters, 0])
    else:
        session.rest()  # or all connections could be held by those who wait for the one that writes
        found = await company.write(sql, parameters)
    return _version(change, found[0]["at"])


async def _spoken_of(
    session: Session, trails: Sequence[Trail], changes: Sequence[Change]
) -> dict[str, tuple[str, ...]]:
    """The patients that each change speaks of, by its reference; of what is deleted, as far as somebody will be told,
    those of its row."""
    spoken_of = {f"{each.type}/{each.id}": projection(each.type).patients_of(each) for each in changes}
    bare = {each.resource for each in trails if not each.patients}
    for change in changes:
        shape, name = projection(change.type), f"{change.type}/{change.id}"
        is_told = name in bare or change.attested is not None
        if change.interaction == "delete" and shape.patients and is_told:
            sql = f"SELECT {shape.patients} FROM {shape.table} r WHERE r.id = $1::text"
            found = await session.fetch(guard.writing(sql), [change.id])
            spoken_of[name] = tuple(found[0][0] or ()) if found else ()
    return spoken_of


def _naming(told: Trail, patients: tuple[str, ...], change: Change) -> Trail:
    """The row with whom the change speaks of, the register that it is in, and what it was allowed on, unless it says so
    itself."""
    registers = (change.controller,) if change.controller is not None else ()
    return told._replace(
        patients=told.patients or patients,
        grounds=told.grounds or change.grounds,
        registers=told.registers or registers,
    )


def _version(change: Change, at: datetime) -> Version:
    content = change.stamped.at(instant(at)) if change.stamped is not None else None
    return Version(change.type, change.id, change.version, at, change.interaction, content)


def _runs(written: Iterable[tuple[Change, Version]]) -> Iterable[dict[str, list[list[Any]]]]:
    """The changes drawn together by statement, anew whenever one identity comes again, so that its order is kept."""
    run: dict[str, list[list[Any]]] = {}
    seen: set[tuple[str, str]] = set()
    for change, version in written:
        if (change.type, change.id) in seen:
            yield run
            run, seen = {}, set()
        seen.add((change.type, change.id))
        shape = projection(change.type)
        sql = shape.among_many(change.interaction, is_new=change.version == 1)
        run.setdefault(sql, []).append(shape.among_many_with(change, version.last_updated, version.content))
    yield run
