"""What one unit of work reads and writes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import pytest

from builders import a_care_plan, a_goal, a_patient, an_encounter
from sharedplan.errors import Conflict, Fault
from sharedplan.search.expression import Everything, Expression, HasId, InCompartment, Nothing, RefersTo
from sharedplan.search.parameters import PARAMETERS
from sharedplan.store import weighing
from sharedplan.store.engine import Pool
from sharedplan.store.searches import Place, SortKey
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Version
from store.changes import NORTH, a_change, a_deletion, a_search, a_trail, as_written, written

ALL = Everything()


def of_patient(id: str) -> Expression:
    return InCompartment("Patient", id)


async def read(store: Store, type: str, id: str, within: Expression = ALL) -> Version | None:
    async with store.begin() as unit:
        return await unit.read(type, id, within=within)


async def test_what_was_created_is_read_as_it_was_written(store: Store) -> None:
    [created] = await written(store, a_change(a_care_plan()))
    assert await read(store, "CarePlan", created.id) == created
    assert created.content is not None
    instant = created.last_updated.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert f'"meta":{{"versionId":"1","lastUpdated":"{instant}"}}' in created.content


async def test_content_is_kept_to_the_character(store: Store) -> None:
    text = '  "\\u00e4\\n", a\u0308, \U0001f600, 1.10'
    [created] = await written(store, a_change(a_care_plan(description=text, title="x" * 20_000)))
    found = await read(store, "CarePlan", created.id)
    assert found is not None
    assert found.content == created.content


async def test_an_update_takes_the_place_of_what_was(store: Store) -> None:
    [first] = await written(store, a_change(a_care_plan(status="draft")))
    [second] = await written(store, a_change(a_care_plan(), id=first.id, version=2))
    assert await read(store, "CarePlan", first.id) == second
    assert second.last_updated > first.last_updated
    async with store.begin() as unit:
        assert as_written(await unit.version("CarePlan", first.id, 1, within=ALL)) == [first]
        assert as_written(await unit.version("CarePlan", first.id, 2, within=ALL)) == [second]
        assert await unit.version("CarePlan", first.id, 3, within=ALL) is None


async def test_a_deleted_resource_is_gone_but_its_versions_stay(store: Store) -> None:
    [first] = await written(store, a_change(a_care_plan()))
    [deletion] = await written(store, a_deletion("CarePlan", first.id, version=2))
    assert await read(store, "CarePlan", first.id) is None
    async with store.begin() as unit:
        newest = await unit.newest("CarePlan", first.id, within=ALL)
        assert newest == deletion
        assert newest is not None and newest.is_deleted and newest.content is None
        assert as_written(await unit.version("CarePlan", first.id, 1, within=ALL)) == [first]


async def test_what_was_deleted_can_be_made_again(store: Store) -> None:
    [first] = await written(store, a_change(a_care_plan()))
    await written(store, a_deletion("CarePlan", first.id, version=2))
    [third] = await written(store, a_change(a_care_plan(status="draft"), id=first.id, version=3))
    assert await read(store, "CarePlan", first.id) == third


async def test_one_identity_is_not_created_twice(store: Store) -> None:
    [first] = await written(store, a_change(a_care_plan()))
    with pytest.raises(Conflict):
        await written(store, a_change(a_care_plan(status="draft"), id=first.id))
    assert await read(store, "CarePlan", first.id) == first


async def test_outside_the_slice_nothing_is_there(store: Store) -> None:
    [plan] = await written(store, a_change(a_care_plan(subject="Patient/anna")))
    for within in (Nothing(), of_patient("bertil"), HasId(("other",))):
        async with store.begin() as unit:
            assert await unit.read("CarePlan", plan.id, within=within) is None
            assert await unit.newest("CarePlan", plan.id, within=within) is None
            assert await unit.version("CarePlan", plan.id, 1, within=within) is None
            assert await unit.matching("CarePlan", ALL, within={"CarePlan": within}) == []
            assert (await unit.search(a_search("CarePlan", within=within))).total == 0
            assert (await unit.history(within={"CarePlan": within}, type="CarePlan", count=5)).versions == []
            assert await unit.lock("CarePlan", plan.id, within=within) is None
    async with store.begin() as unit:
        assert await unit.read("CarePlan", plan.id, within=of_patient("anna")) == plan
        assert as_written(await unit.version("CarePlan", plan.id, 1, within=of_patient("anna"))) == [plan]


async def test_a_deletion_shows_only_to_whom_everything_does(store: Store) -> None:
    [plan] = await written(store, a_change(a_care_plan()))
    await written(store, a_deletion("CarePlan", plan.id, version=2))
    async with store.begin() as unit:
        assert await unit.newest("CarePlan", plan.id, within=of_patient("anna")) is None
        assert await unit.lock("CarePlan", plan.id, within=of_patient("anna")) is None
        locked = await unit.lock("CarePlan", plan.id, within=ALL)
        assert locked is not None and locked.is_deleted


async def test_several_changes_come_in_one_unit_each_with_its_instant(store: Store) -> None:
    changes = [a_change(a_patient()), a_change(a_goal()), a_change(an_encounter()), a_change(a_goal())]
    versions = await written(store, *changes)
    assert [(each.type, each.id) for each in versions] == [(each.type, each.id) for each in changes]
    instants = [each.last_updated for each in versions]
    assert instants == sorted(set(instants))
    for version in versions:
        assert await read(store, version.type, version.id) == version


async def test_one_resource_may_change_twice_in_one_unit(store: Store) -> None:
    first = a_change(a_care_plan(status="draft"))
    second = a_change(a_care_plan(status="active"), id=first.id, version=2)
    versions = await written(store, first, a_change(a_goal()), second, a_deletion("CarePlan", first.id, version=3))
    async with store.begin() as unit:
        page = await unit.history(within={"CarePlan": ALL}, type="CarePlan", id=first.id, count=10)
    assert as_written(*page.versions) == [versions[3], versions[2], versions[0]]
    assert await read(store, "CarePlan", first.id) is None


async def test_a_unit_that_fails_leaves_nothing(store: Store) -> None:
    change = a_change(a_care_plan())
    with pytest.raises(ZeroDivisionError):
        async with store.begin() as unit:
            unit.put(change)
            unit.put(a_change(a_goal()))
            await unit.write()
            raise ZeroDivisionError
    async with store.begin() as unit:
        assert await unit.newest("CarePlan", change.id, within=ALL) is None
        assert (await unit.search(a_search("Goal", count=1))).total == 0


async def test_many_changes_are_written_whole_or_not_at_all(store: Store) -> None:
    [there] = await written(store, a_change(a_goal()))
    changes = [a_change(an_encounter()) for _ in range(20)]
    with pytest.raises(Conflict):
        await written(store, *changes, a_change(a_goal(), id=there.id))
    async with store.begin() as unit:
        assert (await unit.search(a_search("Encounter", count=1))).total == 0
        assert (await unit.history(within={"Encounter": ALL}, count=1)).total == 0


async def test_forgetting_to_write_is_a_fault(store: Store) -> None:
    with pytest.raises(Fault, match="not written"):
        async with store.begin() as unit:
            unit.put(a_change(a_care_plan()))


async def test_a_unit_reads_what_it_has_written(store: Store) -> None:
    async with store.begin() as unit:
        await unit.lock("CarePlan", "anna-1", within=ALL)
        unit.put(a_change(a_care_plan(), id="anna-1"))
        [created] = await unit.write()
        assert await unit.read("CarePlan", "anna-1", within=ALL) == created


async def test_a_resource_stays_in_the_register_that_it_was_created_in(store: Store, pool: Pool) -> None:
    [first] = await written(store, a_change(a_care_plan(), controller=NORTH))
    await written(store, a_change(a_care_plan(), id=first.id, version=2, controller="Organization/south"))
    await written(
        store,
        a_change(a_care_plan(), id=first.id, version=3, controller="Organization/south"),
        a_change(a_goal(), controller="Organization/south"),
    )
    connection = await pool.acquire()
    found = await connection.fetch("SELECT controller FROM resource_version WHERE type = 'CarePlan'")
    assert [row[0] for row in found] == [NORTH] * 3
    assert await connection.fetchval("SELECT controller FROM care_plan") == NORTH
    assert await connection.fetchval("SELECT controller FROM goal") == "Organization/south"
    pool.release(connection)


async def test_history_is_newest_first_and_comes_in_pages(store: Store) -> None:
    [plan] = await written(store, a_change(a_care_plan()))
    versions = [plan]
    for number in range(2, 8):
        versions += await written(store, a_change(a_care_plan(), id=plan.id, version=number))
        await written(store, a_change(a_goal()))
    seen: list[Version] = []
    before: datetime | None = None
    while True:
        async with store.begin() as unit:
            page = await unit.history(within={"CarePlan": ALL}, type="CarePlan", id=plan.id, before=before, count=3)
        assert page.total == 7
        seen += page.versions
        if not page.more:
            break
        before = page.versions[-1].last_updated
    assert as_written(*seen) == versions[::-1]


async def test_history_of_a_type_and_of_everything_holds_deletions(store: Store) -> None:
    [plan] = await written(store, a_change(a_care_plan()))
    [goal] = await written(store, a_change(a_goal()))
    [deletion] = await written(store, a_deletion("CarePlan", plan.id, version=2))
    within = {"CarePlan": ALL, "Goal": ALL, "AuditEvent": ALL}
    async with store.begin() as unit:
        assert as_written(*(await unit.history(within=within, type="CarePlan", count=9)).versions) == [deletion, plan]
        assert as_written(*(await unit.history(within=within, count=9)).versions) == [deletion, goal, plan]
        narrow = {"CarePlan": of_patient("anna"), "Goal": of_patient("anna")}
        assert as_written(*(await unit.history(within=narrow, count=9)).versions) == [goal]
        assert as_written(*(await unit.history(within={"CarePlan": Nothing(), "Goal": ALL}, count=9)).versions) == [
            goal
        ]
        assert (await unit.history(within={"CarePlan": Nothing()}, count=9)).total == 0


async def test_history_since_is_at_or_after(store: Store) -> None:
    versions = [(await written(store, a_change(a_goal())))[0] for _ in range(3)]
    async with store.begin() as unit:
        page = await unit.history(within={"Goal": ALL}, type="Goal", since=versions[1].last_updated, count=9)
        assert as_written(*page.versions) == [versions[2], versions[1]]
        after = versions[1].last_updated + timedelta(microseconds=1)
        page = await unit.history(within={"Goal": ALL}, type="Goal", since=after, count=9)
        assert as_written(*page.versions) == [versions[2]]


async def test_history_at_a_time_holds_what_was_current_then(store: Store) -> None:
    [first] = await written(store, a_change(a_goal()))
    [second] = await written(store, a_change(a_goal(), id=first.id, version=2))
    [deletion] = await written(store, a_deletion("Goal", first.id, version=3))

    async def at(low: datetime | None, high: datetime | None) -> list[int]:
        async with store.begin() as unit:
            page = await unit.history(within={"Goal": ALL}, type="Goal", at=(low, high), count=9)
        return [each.version for each in page.versions]

    tick = timedelta(microseconds=1)
    assert await at(first.last_updated, first.last_updated + tick) == [1]
    assert await at(second.last_updated, second.last_updated + tick) == [2]
    assert await at(first.last_updated, second.last_updated + tick) == [2, 1]
    assert await at(None, first.last_updated) == []
    assert await at(deletion.last_updated, None) == []
    assert await at(None, None) == [2, 1]


async def test_search_counts_all_and_shows_a_page(store: Store) -> None:
    plans = sorted((await written(store, *(a_change(a_care_plan()) for _ in range(7)))), key=lambda each: each.id)
    await written(store, a_change(a_care_plan(subject="Patient/bertil")))
    of_anna = RefersTo(PARAMETERS["CarePlan"]["patient"], ("Patient/anna",))
    seen: list[Version] = []
    place: Place | None = None
    while True:
        async with store.begin() as unit:
            found = await unit.search(a_search("CarePlan", of_anna, count=3, place=place))
        assert found.total == 7
        seen += found.versions
        if not found.more:
            break
        place = Place(found.as_of, found.last)
    assert as_written(*seen) == plans
    assert {each.patients for each in seen} == {("Patient/anna",)}


async def test_a_change_between_two_pages_moves_nothing(store: Store) -> None:
    plans = await written(store, *(a_change(a_care_plan(), id=f"plan-{n}") for n in range(6)))
    async with store.begin() as unit:
        first = await unit.search(a_search("CarePlan", count=3))
    await written(store, a_change(a_care_plan(), id=plans[0].id, version=2))
    async with store.begin() as unit:
        second = await unit.search(a_search("CarePlan", count=3, place=Place(first.as_of, first.last)))
    assert as_written(*first.versions, *second.versions) == plans
    assert (second.total, second.more) == (6, False)


@pytest.mark.parametrize("descending", [False, True])
async def test_search_sorts_by_the_last_change(store: Store, descending: bool) -> None:
    plans = await written(store, *(a_change(a_care_plan(), id=f"plan-{9 - n}") for n in range(5)))
    sort = (SortKey(PARAMETERS["CarePlan"]["_lastUpdated"], descending),)
    async with store.begin() as unit:
        first = await unit.search(a_search("CarePlan", count=3, sort=sort))
        place = Place(first.as_of, first.last)
        second = await unit.search(a_search("CarePlan", count=3, sort=sort, place=place))
    assert as_written(*first.versions, *second.versions) == (plans[::-1] if descending else plans)


async def test_a_search_may_only_count_or_only_show(store: Store) -> None:
    await written(store, *(a_change(a_goal()) for _ in range(3)))
    async with store.begin() as unit:
        counted = await unit.search(a_search("Goal", count=0))
        shown = await unit.search(a_search("Goal", count=2, total="none"))
        none = await unit.search(a_search("CarePlan", count=2))
    assert (counted.versions, counted.total, counted.more) == ([], 3, False)
    assert (len(shown.versions), shown.total, shown.more) == (2, None, True)
    assert (none.versions, none.total, none.more, none.last) == ([], 0, False, None)


async def test_matching_gives_ids_and_versions(store: Store) -> None:
    plans = await written(store, *(a_change(a_care_plan(), id=f"plan-{n}") for n in range(3)))
    async with store.begin() as unit:
        assert await unit.matching("CarePlan", ALL, within={"CarePlan": ALL}) == [("plan-0", 1), ("plan-1", 1)]
        one = HasId((plans[2].id,))
        assert await unit.matching("CarePlan", one, within={"CarePlan": ALL}, limit=9) == [("plan-2", 1)]


async def test_locks_give_the_newest_versions_of_what_there_is(store: Store) -> None:
    [living, dead] = await written(store, a_change(a_care_plan(), id="b"), a_change(a_goal(), id="a"))
    [deletion] = await written(store, a_deletion("Goal", dead.id, version=2))
    keys = [("Goal", "a"), ("CarePlan", "b"), ("CarePlan", "never"), ("CarePlan", "b")]
    async with store.begin() as unit:
        locked = await unit.lock_all(keys, within={"CarePlan": ALL, "Goal": ALL})
    assert locked == {("CarePlan", "b"): living._replace(controller=NORTH), ("Goal", "a"): deletion}


async def test_instants_rise_although_the_clock_stands(store: Store, pool: Pool) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    connection = await pool.acquire()
    await connection.fetchval("SELECT setval('last_instant', $1)", int(ahead.timestamp() * 1_000_000))
    pool.release(connection)
    versions = [(await written(store, a_change(a_goal())))[0] for _ in range(3)]
    gaps = [later.last_updated - earlier.last_updated for earlier, later in pairwise(versions)]
    assert gaps == [timedelta(microseconds=1)] * 2
    assert versions[0].last_updated > ahead - timedelta(microseconds=2)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE resource_version SET interaction = 'create'",
        "DELETE FROM resource_version",
        "TRUNCATE resource_version",
        "TRUNCATE audit_event",
    ],
)
async def test_what_is_kept_for_good_is_not_changed(store: Store, pool: Pool, statement: str) -> None:
    await written(store, a_change(a_care_plan()))
    connection = await pool.acquire()
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await connection.execute(statement)
    finally:
        pool.release(connection)


async def test_the_services_own_audit_rows_are_not_changed(store: Store, pool: Pool) -> None:
    async with store.begin() as unit:
        await unit.record(a_trail())
    connection = await pool.acquire()
    try:
        for statement in ("UPDATE audit_event SET outcome = '{0}'", "DELETE FROM audit_event"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await connection.execute(statement)
    finally:
        pool.release(connection)


@pytest.mark.usefixtures("texts_made_anew")
async def test_a_page_ends_early_when_its_resources_are_long(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighing, "ANSWER_BYTES", 2500)
    for n in range(5):
        await written(store, a_change(a_goal(note=[{"text": "x" * 1000}]), id=f"long-{n}"))
    seen: list[str] = []
    place = None
    async with store.begin() as unit:
        for _ in range(5):
            found = await unit.search(a_search("Goal", count=10, place=place))
            assert found.total == 5
            seen += [each.id for each in found.versions]
            if not found.more:
                break
            place = Place(found.as_of, found.last)
        page = await unit.history(within={"Goal": ALL}, type="Goal", count=10)
    assert seen == [f"long-{n}" for n in range(5)]
    assert (len(page.versions), page.more, page.total) == (3, True, 5)
