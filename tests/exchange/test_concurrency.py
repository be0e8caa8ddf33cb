"""Many at once: no update is lost, no condition creates twice, and a failed transaction leaves nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from exchange.asking import BASE, POLICY, RECORDS, Ask, a_bundle, a_patient, an_entry, identified, resource_in
from sharedplan.clock import SystemClock
from sharedplan.errors import SharedplanError, Unavailable, VersionMismatch
from sharedplan.exchange.perform import perform
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.store.engine import Pool
from sharedplan.store.unit_of_work import Store

WRITERS = 16


async def test_updates_with_if_match_lose_none(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1", name=[{"given": ["0"]}]))

    async def add_one() -> int:
        for attempt in range(200):
            read = await ask("read", "Patient/1")
            count = int(resource_in(read)["name"][0]["given"][0])
            body = a_patient(id="1", name=[{"given": [str(count + 1)]}])
            try:
                await ask("update", "Patient/1", body, if_match=f'W/"{read.version}"')
                return attempt
            except VersionMismatch:
                continue
        raise AssertionError("an update never came through")

    retries = await asyncio.gather(*[add_one() for _ in range(WRITERS)])
    final = await ask("read", "Patient/1")
    assert resource_in(final)["name"][0]["given"] == [str(WRITERS)]
    assert final.version == WRITERS + 1
    assert sum(retries) > 0


async def test_one_version_is_the_base_of_one_update_only(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    bodies = [a_patient(id="1", name=[{"text": str(number)}]) for number in range(WRITERS)]
    updates = [ask("update", "Patient/1", body, if_match='W/"1"') for body in bodies]
    results = await asyncio.gather(*updates, return_exceptions=True)
    assert sum(isinstance(each, Answer) for each in results) == 1
    assert sum(isinstance(each, VersionMismatch) for each in results) == WRITERS - 1


async def test_conditional_creates_with_one_condition_make_one(ask: Ask) -> None:
    creates = [ask("create", "Patient", identified("1"), if_none_exist="identifier=urn:ids|1") for _ in range(WRITERS)]
    answers = await asyncio.gather(*creates)
    assert sorted(each.status for each in answers) == [200] * (WRITERS - 1) + [201]
    assert len({each.id for each in answers}) == 1


async def test_conditional_updates_and_transactions_with_one_condition_make_one(ask: Ask) -> None:
    condition = "identifier=urn:ids|1"
    entry = an_entry("POST", "Patient", identified("1"), ifNoneExist=condition)
    asked = [
        *[ask("update", f"Patient?{condition}", identified("1", active=bool(n % 2))) for n in range(6)],
        *[ask("create", "Patient", identified("1"), if_none_exist=condition) for _ in range(5)],
        *[ask("transaction", "", a_bundle("transaction", entry)) for _ in range(5)],
    ]
    await asyncio.gather(*asked)
    assert resource_in(await ask("search-type", f"Patient?{condition}"))["total"] == 1


async def test_a_new_id_is_created_by_one_and_updated_by_the_others(ask: Ask) -> None:
    bodies = [a_patient(id="new", name=[{"text": str(number)}]) for number in range(WRITERS)]
    answers = await asyncio.gather(*[ask("update", "Patient/new", body) for body in bodies])
    assert sorted(each.version or 0 for each in answers) == list(range(1, WRITERS + 1))
    assert [each.status for each in answers].count(201) == 1


async def test_failing_transactions_leave_nothing_among_those_that_succeed(ask: Ask) -> None:
    def bundle(number: int, gender: str) -> object:
        name = f"shared-{number % 3}"
        return a_bundle(
            "transaction",
            an_entry("PUT", f"Patient/{name}", a_patient(id=name, name=[{"text": str(number)}])),
            an_entry("POST", "Patient", identified(f"{gender}-{number}", gender=gender)),
            an_entry("PUT", f"Patient/last-{number}", a_patient(id=f"last-{number}", gender=gender)),
        )

    asked = [ask("transaction", "", bundle(n, "male" if n % 2 else "neither")) for n in range(WRITERS)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(each, Answer) for each in results] == [n % 2 == 1 for n in range(WRITERS)]
    assert all(isinstance(each, Answer | SharedplanError) for each in results)
    history = resource_in(await ask("history-system", "?_count=200"))
    assert history["total"] == 2 * 3 * WRITERS // 2  # each with its Provenance
    assert all(each["resource"].get("gender") != "neither" for each in history["entry"])


async def test_transactions_that_change_the_same_in_opposite_orders_all_succeed(ask: Ask) -> None:
    async def both(number: int) -> Answer:
        names = ["a", "b", "c"] if number % 2 else ["c", "b", "a"]
        entries = [an_entry("PUT", f"Patient/{n}", a_patient(id=n, name=[{"text": str(number)}])) for n in names]
        return await ask("transaction", "", a_bundle("transaction", *entries))

    answers = await asyncio.gather(*[both(number) for number in range(WRITERS)])
    assert {each.status for each in answers} == {200}
    texts = [resource_in(await ask("read", f"Patient/{name}"))["name"][0]["text"] for name in "abc"]
    assert len(set(texts)) == 1


@pytest.fixture
async def impatient(service_url: str) -> AsyncIterator[Store]:
    """A store that waits only shortly for another writer's lock."""
    pool = Pool(service_url, lock_timeout=timedelta(milliseconds=200))
    yield Store(pool)
    await pool.close()


async def test_a_writer_in_the_way_is_waited_for_and_tried_again(ask: Ask, impatient: Store, database_url: str) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    other = await asyncpg.connect(database_url)
    in_the_way = other.transaction()
    await in_the_way.start()
    await other.execute("SELECT FROM patient WHERE id = '1' FOR UPDATE")
    asked = Asked("update", "Patient", "1", body=a_patient(id="1", gender="male"), base=BASE)
    update = asyncio.create_task(perform(asked, RECORDS, impatient.begin, SystemClock(), POLICY))
    await asyncio.sleep(0.4)
    await in_the_way.commit()
    assert (await update).version == 2
    await other.close()


async def test_a_writer_who_stays_in_the_way_makes_it_unavailable_and_that_is_on_record(
    ask: Ask, impatient: Store, database_url: str
) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute("SELECT FROM patient WHERE id = '1' FOR UPDATE")
        asked = Asked("delete", "Patient", "1", base=BASE)
        with pytest.raises(Unavailable) as failure:
            await perform(asked, RECORDS, impatient.begin, SystemClock(), POLICY)
        assert failure.value.retry_after >= 1
    await other.close()
    events = resource_in(await ask("search-type", "AuditEvent?_sort=-_lastUpdated"))["entry"]
    assert (events[0]["resource"]["outcome"], events[0]["resource"]["action"]) == ("8", "D")
