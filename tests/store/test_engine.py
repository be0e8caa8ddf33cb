"""The pool of connections: bounded, quick to give up, and back by itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from builders import a_care_plan
from sharedplan.errors import Unavailable
from sharedplan.search.expression import Everything
from sharedplan.store.engine import Pool
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, a_trail, as_written, written

ALL = Everything()


@asynccontextmanager
async def a_pool(url: str, **settings: object) -> AsyncIterator[Pool]:
    pool = Pool(url, unguarded=True, **settings)  # type: ignore[arg-type]
    try:
        yield pool
    finally:
        await pool.close(patience=timedelta(seconds=1))


async def end_all_sessions(url: str) -> None:
    """What a restart of the server does to its clients."""
    connection = await asyncpg.connect(url)
    others = "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    await connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {others}")
    await connection.close()


async def test_connections_are_used_again(database_url: str) -> None:
    async with a_pool(database_url) as pool:
        first = await pool.acquire()
        pool.release(first)
        assert await pool.acquire() is first
        pool.release(first)


async def test_whoever_waits_too_long_is_told_to_come_back(database_url: str) -> None:
    async with a_pool(database_url, size=2, wait=timedelta(milliseconds=100)) as pool:
        lent = [await pool.acquire(), await pool.acquire()]
        began = time.monotonic()
        with pytest.raises(Unavailable) as told:
            await pool.acquire()
        assert 0.09 < time.monotonic() - began < 5
        assert told.value.retry_after >= 1
        assert pool.in_use == 2
        for connection in lent:
            pool.release(connection)
        assert pool.in_use == 0


async def test_whoever_waits_gets_what_is_given_back_in_turn(database_url: str) -> None:
    async with a_pool(database_url, size=1) as pool:
        order: list[int] = []

        async def use(number: int) -> None:
            connection = await pool.acquire()
            order.append(number)
            await asyncio.sleep(0.002)
            pool.release(connection)

        await asyncio.gather(*(use(number) for number in range(10)))
        assert order == list(range(10))
        assert pool.in_use == 0


async def test_a_waiter_that_gives_up_loses_no_connection(database_url: str) -> None:
    async with a_pool(database_url, size=1) as pool:
        lent = await pool.acquire()
        waiters = [asyncio.create_task(pool.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        waiters[0].cancel()
        pool.release(lent)
        waiters[1].cancel()  # its turn has come already, but it has not noticed
        connection = await waiters[2]
        pool.release(connection)
        assert pool.in_use == 0


async def test_dead_connections_are_replaced_unnoticed(database_url: str) -> None:
    async with a_pool(database_url, size=4) as pool:
        store = Store(pool)
        [plan] = await written(store, a_change(a_care_plan()))
        for connection in [await pool.acquire() for _ in range(4)]:
            pool.release(connection)
        await end_all_sessions(database_url)
        trail = a_trail(resource_id=plan.id)
        async with store.begin() as unit:
            found = await unit.read("CarePlan", plan.id, within=ALL, trail=trail)
            assert found is not None and as_written(found) == [plan]
        await end_all_sessions(database_url)
        async with store.begin() as unit:
            locked = await unit.lock("CarePlan", plan.id, within=ALL)
            assert locked is not None and as_written(locked) == [plan]
        await end_all_sessions(database_url)
        await asyncio.sleep(0.1)  # a write is not repeated, so it needs the end to be noticed before
        await written(store, a_change(a_care_plan()))


async def test_a_read_is_repeated_when_the_connection_dies_under_it(database_url: str) -> None:
    async with a_pool(database_url, size=1) as pool:
        connection = await pool.acquire()
        pool.release(connection)
        store = Store(pool)

        async def pause() -> None:
            async with store.begin() as unit:
                await unit._session.fetch("SELECT pg_sleep(0.2)", ())

        await asyncio.gather(pause(), end_after(database_url, 0.05))
        assert connection.is_closed()


async def test_a_transaction_whose_connection_dies_is_unavailable(database_url: str) -> None:
    async with a_pool(database_url, size=2) as pool:
        store = Store(pool)
        with pytest.raises(Unavailable) as told:
            async with store.begin() as unit:
                await unit.lock("CarePlan", "plan", within=ALL)
                await end_all_sessions(database_url)
                unit.put(a_change(a_care_plan(), id="plan"))
                await unit.write()
        assert told.value.retry_after >= 1
        assert pool.in_use == 0
        async with store.begin() as unit:
            assert await unit.newest("CarePlan", "plan", within=ALL) is None


async def test_a_statement_that_takes_too_long_is_ended(database_url: str) -> None:
    async with a_pool(database_url, statement_timeout=timedelta(milliseconds=50)) as pool:
        store = Store(pool)
        with pytest.raises(Unavailable):
            async with store.begin() as unit:
                await unit._session.fetch("SELECT pg_sleep(5)", ())
        async with store.begin() as unit:  # on the same connection
            assert await unit.matching("CarePlan", ALL, within={"CarePlan": ALL}) == []


async def test_a_transaction_left_idle_is_ended(database_url: str) -> None:
    async with a_pool(database_url, idle_in_transaction_timeout=timedelta(milliseconds=50)) as pool:
        store = Store(pool)
        with pytest.raises(Unavailable):
            async with store.begin() as unit:
                await unit.lock("CarePlan", "plan", within=ALL)
                await asyncio.sleep(0.2)
                await unit.lock("CarePlan", "plan", within=ALL)
        assert pool.in_use == 0


async def test_a_cancelled_unit_leaves_no_lock_behind(database_url: str) -> None:
    async with a_pool(database_url) as pool:
        store = Store(pool)

        async def hold() -> None:
            async with store.begin() as unit:
                await unit.lock("CarePlan", "plan", within=ALL)
                await unit._session.fetch("SELECT pg_sleep(2)", ())

        holding = asyncio.create_task(hold())
        await asyncio.sleep(0.1)
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
        assert pool.in_use == 0
        began = time.monotonic()
        async with store.begin() as unit:
            assert await unit.matching("CarePlan", ALL, within={"CarePlan": ALL}) == []
        assert time.monotonic() - began < 1.5


async def test_a_database_that_is_not_there_is_unavailable(database_url: str) -> None:
    async with a_pool(f"{database_url.partition('?')[0]}?host=/nowhere") as pool:
        with pytest.raises(Unavailable):
            await pool.acquire()
        assert pool.in_use == 0


async def test_closing_waits_for_what_is_lent_and_lends_no_more(database_url: str) -> None:
    pool = Pool(database_url)
    lent = await pool.acquire()
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await pool.acquire()
    assert not closing.done()
    pool.release(lent)
    await closing
    assert lent.is_closed()


async def test_closing_does_not_wait_for_ever(database_url: str) -> None:
    pool = Pool(database_url)
    lent = await pool.acquire()
    await pool.close(patience=timedelta(milliseconds=50))
    pool.discard(lent)
    assert pool.in_use == 0


async def end_after(url: str, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await end_all_sessions(url)
