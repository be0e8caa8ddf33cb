"""The recorder: no answer before its audit row is committed, and one commit for many."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from builders import a_care_plan
from sharedplan.clock import SystemClock
from sharedplan.errors import Conflict, Fault, Unavailable
from sharedplan.search.expression import Everything
from sharedplan.store.engine import Pool
from sharedplan.store.recorder import MOST_ROWS, Recorder
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Version
from store.changes import a_change, a_trail, written

ALL = Everything()
READS = 60

REFUSING = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;
    CREATE TRIGGER refuses BEFORE INSERT ON audit_event FOR EACH ROW WHEN ({0}) EXECUTE FUNCTION refuse()
"""


@pytest.fixture
async def plan(store: Store) -> Version:
    """A plan to be read."""
    return (await written(store, a_change(a_care_plan(), id="plan")))[0]


@pytest.fixture
async def beside(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection beside the pool."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def read(store: Store, id: str = "plan", **trail: Any) -> Version | None:
    async with store.begin() as unit:
        found = await unit.read("CarePlan", id, within=ALL, trail=a_trail(resource_id=id, **trail))
    return found._replace(patients=None, controller=None) if found is not None else None


async def requests_on_record(connection: asyncpg.Connection) -> list[str]:
    """The reasons of the audit rows, by which the tests tell them apart, in the order of their instants."""
    rows = await connection.fetch("SELECT trail ->> 'query' FROM audit_event ORDER BY last_updated, id")
    return [row[0] for row in rows]


@asynccontextmanager
async def nothing_recorded_meanwhile(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Keeps every audit row out until the block is left."""
    async with connection.transaction():
        await connection.execute("LOCK TABLE audit_event IN SHARE ROW EXCLUSIVE MODE")
        yield


@asynccontextmanager
async def refused(connection: asyncpg.Connection, when: str = "true") -> AsyncIterator[None]:
    """A database that refuses audit rows, those of which that is true."""
    await connection.execute(REFUSING.format(when))
    try:
        yield
    finally:
        await connection.execute("DROP FUNCTION refuse CASCADE")


async def inserting(connection: asyncpg.Connection) -> int:
    """The process that waits to insert audit rows."""
    async with asyncio.timeout(10):
        while True:
            waits = "relation = 'audit_event'::regclass AND NOT granted"
            found = await connection.fetchval(f"SELECT pid FROM pg_locks WHERE {waits}")
            if found is not None:
                return int(found)
            await asyncio.sleep(0.005)


async def test_an_answer_waits_until_its_row_is_committed(
    store: Store, plan: Version, beside: asyncpg.Connection
) -> None:
    async with nothing_recorded_meanwhile(beside):
        reading = asyncio.create_task(read(store))
        absent = asyncio.create_task(read(store, "never"))
        await inserting(beside)
        await asyncio.sleep(0.05)
        assert not reading.done()
        assert not absent.done()
    assert await reading == plan
    assert await absent is None
    assert await beside.fetchval("SELECT array_agg(outcome[1] ORDER BY outcome) FROM audit_event") == ["0", "4"]


async def test_no_data_leaves_when_the_row_cannot_be_written(
    store: Store, plan: Version, beside: asyncpg.Connection
) -> None:
    async with refused(beside):
        unit = store.begin()
        with pytest.raises(Fault):
            async with unit:
                await unit.read("CarePlan", plan.id, within=ALL, trail=a_trail(resource_id=plan.id))
        assert not unit.has_recorded
        results = await asyncio.gather(*(read(store) for _ in range(READS)), return_exceptions=True)
        assert {type(each) for each in results} == {Fault}
    assert await read(store) == plan
    assert await beside.fetchval("SELECT count(*) FROM audit_event") == 1


async def test_what_is_recorded_at_once_shares_few_commits(store: Store, beside: asyncpg.Connection) -> None:
    async def record() -> None:
        async with store.begin() as unit:
            await unit.record(a_trail())

    await asyncio.gather(*(record() for _ in range(READS)))
    rows, commits, instants = await beside.fetchrow(
        "SELECT count(*), count(DISTINCT xmin::text), count(DISTINCT last_updated) FROM audit_event"
    )
    assert rows == READS
    assert commits <= READS // 3
    assert instants > READS // 2  # each row's is its own, as finely as the clock goes


async def test_one_statement_has_a_bounded_number_of_rows(store: Store, beside: asyncpg.Connection) -> None:
    async def record(*names: str) -> None:
        async with store.begin() as unit:
            await unit.record(*(a_trail(query=name) for name in names))

    names = [f"{number:04}" for number in range(2 * MOST_ROWS + 50)]
    await asyncio.gather(*(record(*names[first : first + 5]) for first in range(0, len(names), 5)))
    largest = await beside.fetchval("SELECT max(n) FROM (SELECT count(*) n FROM audit_event GROUP BY xmin::text) s")
    assert largest <= MOST_ROWS
    assert sorted(await requests_on_record(beside)) == names


async def test_rows_of_one_asker_keep_their_order_and_go_together(store: Store, beside: asyncpg.Connection) -> None:
    names = [f"{number:04}" for number in range(MOST_ROWS + 100)]
    async with store.begin() as unit:
        await unit.record(*(a_trail(query=name) for name in names))
    assert await requests_on_record(beside) == names
    async with refused(beside, "NEW.trail ->> 'query' = 'bad'"), store.begin() as unit:
        with pytest.raises(Fault):
            await unit.record(a_trail(query="good"), a_trail(query="bad"))
    assert await requests_on_record(beside) == names


async def test_a_row_that_is_refused_fails_nobody_else(store: Store, plan: Version, beside: asyncpg.Connection) -> None:
    async with refused(beside, "NEW.trail ->> 'query' LIKE 'bad%'"):
        names = [f"{'bad' if number % 10 == 3 else 'good'}-{number}" for number in range(40)]
        results = await asyncio.gather(*(read(store, query=name) for name in names), return_exceptions=True)
    for name, result in zip(names, results, strict=True):
        assert isinstance(result, Fault) if name.startswith("bad") else result == plan, name
    assert sorted(await requests_on_record(beside)) == sorted(name for name in names if name.startswith("good"))


async def test_text_of_any_kind_goes_in_as_it_is(store: Store, beside: asyncpg.Connection) -> None:
    odd = "name=\u0000\u001e\u001f\x7f\"\\{},NULL'$1 ä😀"
    trail = a_trail("search-type", query=odd, patients=('Patient/{"a",b}', "Patient/NULL"), entities=("Goal/ ",))
    async with store.begin() as unit:
        await unit.record(trail)
        id = await beside.fetchval("SELECT id FROM audit_event")
        event = await unit.read("AuditEvent", id, within=ALL)
    assert event is not None
    assert event.trail == trail


async def test_who_is_cancelled_takes_nobody_along(store: Store, plan: Version, beside: asyncpg.Connection) -> None:
    async with nothing_recorded_meanwhile(beside):
        first = asyncio.create_task(read(store, query="first"))  # alone in a statement under way
        await inserting(beside)
        later = [asyncio.create_task(read(store, query=f"later-{n}")) for n in range(6)]
        await asyncio.sleep(0.1)
        for cancelled in (first, *later[::2]):
            cancelled.cancel()
    results = await asyncio.gather(first, *later, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in results] == [True, True, False] * 1 + [True, False] * 2
    assert results[2::2] == [plan] * 3
    assert {"later-1", "later-3", "later-5"} <= set(await requests_on_record(beside))
    assert await read(store) == plan
    assert store.pool.in_use == 0


async def test_a_connection_that_dies_meanwhile_is_replaced_and_the_rows_go_in_once(
    store: Store, plan: Version, beside: asyncpg.Connection
) -> None:
    async with nothing_recorded_meanwhile(beside):
        reading = [asyncio.create_task(read(store, query=f"{n}")) for n in range(5)]
        process = await inserting(beside)
        await beside.execute("SELECT pg_terminate_backend($1)", process)
        await asyncio.sleep(0.05)
    assert await asyncio.gather(*reading) == [plan] * 5
    assert sorted(await requests_on_record(beside)) == ["0", "1", "2", "3", "4"]


async def test_what_was_committed_when_the_connection_died_is_not_written_twice(
    pool: Pool, beside: asyncpg.Connection
) -> None:
    recorder = Recorder(pool, SystemClock())
    await recorder.record([a_trail(query="one")])
    [id] = await beside.fetchrow("SELECT id FROM audit_event")

    class Repeating(SystemClock):
        def new_id(self) -> str:
            return str(id)

    again = Recorder(pool, Repeating())
    with pytest.raises(Conflict):
        await again.record([a_trail(query="two")])  # another's row is not taken for its own
    async with nothing_recorded_meanwhile(beside):
        recording = asyncio.create_task(again.record([a_trail(query="one")]))
        await beside.execute("SELECT pg_terminate_backend($1)", await inserting(beside))
        await asyncio.sleep(0.05)
    await recording
    assert await requests_on_record(beside) == ["one"]


async def test_a_database_that_does_not_answer_is_given_up(pool: Pool, beside: asyncpg.Connection) -> None:
    recorder = Recorder(pool, SystemClock(), patience=timedelta(milliseconds=200))
    async with nothing_recorded_meanwhile(beside):
        recording = [asyncio.create_task(recorder.record([a_trail()])) for _ in range(3)]
        for each in await asyncio.gather(*recording, return_exceptions=True):
            assert isinstance(each, Unavailable)
    assert pool.in_use == 0
    await recorder.record([a_trail()])


async def test_a_single_connection_is_enough_for_many_reads(database_url: str, plan: Version) -> None:
    store = Store(Pool(database_url, size=1, unguarded=True))
    assert await asyncio.gather(*(read(store) for _ in range(READS))) == [plan] * READS
    await store.close()


async def use(pool: Pool, order: list[str], name: str, **turn: bool) -> None:
    """Takes a connection, is noted down, and gives it back."""
    connection = await pool.acquire(**turn)
    order.append(name)
    pool.release(connection)


async def test_the_recorder_comes_before_others_who_wait_for_a_connection(database_url: str) -> None:
    pool = Pool(database_url, size=1, unguarded=True)
    lent = await pool.acquire()
    order: list[str] = []

    waiting = [asyncio.create_task(use(pool, order, "a")), asyncio.create_task(use(pool, order, "b"))]
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(use(pool, order, "recorder", first=True)))
    await asyncio.sleep(0)
    pool.release(lent)
    await asyncio.gather(*waiting)
    assert order == ["recorder", "a", "b"]
    await pool.close()


async def test_who_comes_before_others_does_not_keep_them_waiting(database_url: str) -> None:
    pool = Pool(database_url, size=1, unguarded=True)
    lent = await pool.acquire()
    order: list[str] = []

    waiting = [asyncio.create_task(use(pool, order, "other")) for _ in range(2)]
    waiting += [asyncio.create_task(use(pool, order, "first", first=True)) for _ in range(3)]
    await asyncio.sleep(0)
    pool.release(lent)
    await asyncio.gather(*waiting)
    assert order == ["first", "other", "first", "other", "first"]
    await pool.close()


async def test_a_read_in_a_transaction_is_on_record_only_with_it(
    store: Store, plan: Version, beside: asyncpg.Connection
) -> None:
    class Undone(Exception):
        pass

    unit = store.begin()
    with pytest.raises(Undone):
        async with unit:
            await unit.lock("Goal", "goal", within=ALL)
            assert await unit.read("CarePlan", plan.id, within=ALL, trail=a_trail()) is not None
            assert unit.has_recorded
            raise Undone
    assert not unit.has_recorded
    async with store.begin() as unit:
        await unit.lock("Goal", "goal", within=ALL)
        assert await unit.read("CarePlan", "never", within=ALL, trail=a_trail(resource_id="never")) is None
    assert unit.has_recorded
    assert await beside.fetchval("SELECT array_agg(outcome[1]) FROM audit_event") == ["4"]


async def test_closing_waits_for_the_rows_under_way(
    database_url: str, plan: Version, beside: asyncpg.Connection
) -> None:
    store = Store(Pool(database_url, unguarded=True))
    async with nothing_recorded_meanwhile(beside):
        reading = [asyncio.create_task(read(store)) for _ in range(3)]
        await inserting(beside)
        reading += [asyncio.create_task(read(store)) for _ in range(3)]
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
    assert await asyncio.gather(*reading) == [plan] * 6
    await closing
    with pytest.raises(Unavailable):
        await read(store)
