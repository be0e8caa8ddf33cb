"""What holds when many write at once, each on a connection of its own."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from builders import a_care_plan, a_goal, a_patient
from sharedplan.errors import Conflict
from sharedplan.search.expression import Everything, HasToken, Updated
from sharedplan.search.parameters import PARAMETERS
from sharedplan.store.searches import SortKey
from sharedplan.store.unit_of_work import RetryableConflict, Store
from store.changes import a_change, a_deletion, a_search, a_trail, written

ALL = Everything()
WRITERS = 16


async def test_sixteen_writers_with_version_checks_lose_nothing(store: Store) -> None:
    await written(store, a_change(a_care_plan(description="0"), id="plan"))
    refused = 0

    async def write_ten_times() -> None:
        nonlocal refused
        done = 0
        known = 1
        while done < 10:
            async with store.begin() as unit:
                current = await unit.lock("CarePlan", "plan", within=ALL)
                assert current is not None
                if current.version != known:  # a client whose If-Match is stale
                    refused += 1
                    known = current.version
                    continue
                unit.put(a_change(a_care_plan(description=str(known)), id="plan", version=known + 1))
                [made] = await unit.write([a_trail("update", resource_id="plan")])
            known = made.version
            done += 1

    await asyncio.gather(*(write_ten_times() for _ in range(WRITERS)))
    async with store.begin() as unit:
        page = await unit.history(within={"CarePlan": ALL}, type="CarePlan", id="plan", count=1000)
    assert [each.version for each in page.versions] == list(range(WRITERS * 10 + 1, 0, -1))
    instants = [each.last_updated for each in page.versions]
    assert instants == sorted(set(instants), reverse=True)
    assert refused > 0  # the writers really met


async def test_conditional_creates_under_one_lock_make_exactly_one(store: Store) -> None:
    def identified(value: str) -> HasToken:
        return HasToken(PARAMETERS["Patient"]["identifier"], "urn:ids", value)

    async def create_if_none(value: str) -> bool:
        async with store.begin() as unit:
            await unit.lock_criteria("Patient", f"identifier=urn:ids|{value}")
            if await unit.matching("Patient", identified(value), within={"Patient": ALL}):
                return False
            unit.put(a_change(a_patient(identifier=[{"system": "urn:ids", "value": value}])))
            await unit.write()
            return True

    for value in map(str, range(10)):
        made = await asyncio.gather(*(create_if_none(value) for _ in range(WRITERS)))
        assert sum(made) == 1
        async with store.begin() as unit:
            found = await unit.matching("Patient", identified(value), within={"Patient": ALL}, limit=9)
            assert len(found) == 1


async def test_whoever_asks_for_what_is_newer_misses_nothing(store: Store) -> None:
    """A puller asks for what changed after the newest instant it has seen, while sixteen write in every way."""
    writing = True
    pulled: Counter[str] = Counter()
    newest = datetime(2000, 1, 1, tzinfo=UTC)
    by_time = (SortKey(PARAMETERS["Goal"]["_lastUpdated"]),)

    async def pull() -> None:
        nonlocal newest
        while True:
            last_look = not writing
            async with store.begin() as unit:
                after = Updated(since=newest, until=None)
                found = await unit.search(a_search("Goal", after, count=10_000, total="none", sort=by_time))
            for version in found.versions:
                if version.last_updated > newest:
                    pulled[version.id] += 1
                    newest = version.last_updated
            if last_look:
                return
            await asyncio.sleep(0.002)

    made: list[str] = []

    async def write(dice: random.Random) -> None:
        for _ in range(25):
            changes = [a_change(a_goal()) for _ in range(dice.choice([1, 1, 1, 2, 5, 20]))]
            async with store.begin() as unit:
                if dice.random() < 0.3:  # a transaction that began long before it commits
                    await unit.lock("CarePlan", changes[0].id, within=ALL)
                    await asyncio.sleep(dice.random() * 0.02)
                for change in changes:
                    unit.put(change)
                await unit.write([a_trail("create")] if dice.random() < 0.5 else ())
            made.extend(change.id for change in changes)

    async def write_all() -> None:
        nonlocal writing
        await asyncio.gather(*(write(random.Random(seed)) for seed in range(WRITERS)))
        writing = False

    await asyncio.gather(pull(), write_all())
    assert set(made) - pulled.keys() == set()
    assert set(pulled.values()) == {1}


async def test_opposite_orders_of_the_same_resources_do_not_deadlock(store: Store) -> None:
    ids = [f"plan-{n}" for n in range(12)]
    await written(store, *(a_change(a_care_plan(), id=id) for id in ids[:6]))  # the others are not there yet

    async def bundle(dice: random.Random) -> None:
        chosen = dice.sample(ids, 6)  # in any order
        keys = [("CarePlan", id) for id in chosen]
        async with store.begin() as unit:
            current = await unit.lock_all(keys, within={"CarePlan": ALL})
            for key in keys:
                version = current[key].version + 1 if key in current else 1
                unit.put(a_change(a_care_plan(), id=key[1], version=version))
            await unit.write()

    for round in range(4):
        await asyncio.gather(*(bundle(random.Random(round * WRITERS + n)) for n in range(WRITERS)))
    async with store.begin() as unit:
        page = await unit.history(within={"CarePlan": ALL}, type="CarePlan", count=1000)
    assert page.total == 6 + WRITERS * 4 * 6
    for id in ids:
        versions = sorted(each.version for each in page.versions if each.id == id)
        assert versions == list(range(1, len(versions) + 1))


async def test_a_deadlock_is_a_conflict_that_may_be_retried(store: Store) -> None:
    await written(store, a_change(a_care_plan(), id="a"), a_change(a_care_plan(), id="b"))
    both = asyncio.Barrier(2)

    async def cross(first: str, second: str) -> str:
        try:
            async with store.begin() as unit:
                await unit.lock("CarePlan", first, within=ALL)
                await both.wait()
                await unit.lock("CarePlan", second, within=ALL)
                return "done"
        except RetryableConflict as conflict:
            assert conflict.retry_after == 1
            return "may retry"

    assert sorted(await asyncio.gather(cross("a", "b"), cross("b", "a"))) == ["done", "may retry"]


async def test_waiting_too_long_for_a_lock_is_a_conflict_that_may_be_retried(store: Store) -> None:
    await written(store, a_change(a_care_plan(), id="plan"))
    async with store.begin() as holder:
        await holder.lock("CarePlan", "plan", within=ALL)
        with pytest.raises(RetryableConflict):
            async with store.begin() as unit:
                await unit.lock("CarePlan", "plan", within=ALL)


async def test_first_versions_under_one_id_follow_one_another(store: Store) -> None:
    """Update as create: all sixteen put under an id that is not there; one creates, the others update."""

    async def put() -> int:
        async with store.begin() as unit:
            current = await unit.lock("CarePlan", "mine", within=ALL)
            version = current.version + 1 if current else 1
            unit.put(a_change(a_care_plan(), id="mine", version=version))
            [made] = await unit.write()
            return made.version

    assert sorted(await asyncio.gather(*(put() for _ in range(WRITERS)))) == list(range(1, WRITERS + 1))


async def test_deleting_and_making_again_take_turns(store: Store) -> None:
    await written(store, a_change(a_care_plan(), id="plan"))

    async def toggle() -> int:
        async with store.begin() as unit:
            current = await unit.lock("CarePlan", "plan", within=ALL)
            assert current is not None
            version = current.version + 1
            again = a_change(a_care_plan(), id="plan", version=version)
            unit.put(again if current.is_deleted else a_deletion("CarePlan", "plan", version=version))
            await unit.write()
            return version

    assert sorted(await asyncio.gather(*(toggle() for _ in range(WRITERS)))) == list(range(2, WRITERS + 2))


async def test_without_locks_one_of_two_creators_is_told_of_the_conflict(store: Store) -> None:
    async def create() -> str:
        try:
            await written(store, a_change(a_care_plan(), id="mine"))
            return "created"
        except Conflict:
            return "conflict"

    made = Counter(await asyncio.gather(*(create() for _ in range(WRITERS))))
    assert made == {"created": 1, "conflict": WRITERS - 1}


async def test_a_transaction_that_fails_at_its_end_leaves_nothing_among_others(store: Store) -> None:
    [there] = await written(store, a_change(a_goal()))

    async def fail() -> None:
        with pytest.raises(Conflict):
            await written(store, *(a_change(a_care_plan()) for _ in range(10)), a_change(a_goal(), id=there.id))

    async def succeed() -> None:
        await written(store, *(a_change(a_patient()) for _ in range(10)))

    await asyncio.gather(*(each() for _ in range(WRITERS // 2) for each in (fail, succeed)))
    async with store.begin() as unit:
        assert (await unit.search(a_search("CarePlan", count=1))).total == 0
        assert (await unit.search(a_search("Patient", count=1))).total == WRITERS // 2 * 10
        within = {"CarePlan": ALL}
        assert (await unit.history(within=within, count=1)).total == 0
