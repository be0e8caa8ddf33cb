"""What is done over and over beside answering."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest

from databases import of_service
from sharedplan.errors import SharedplanError
from sharedplan.store import merging, sealing
from sharedplan.store.engine import Pool
from sharedplan.store.sealing import unsealed
from sharedplan.store.unit_of_work import Store
from sharedplan.store.upkeep import upkeep
from store.changes import a_trail


async def recorded(store: Store) -> None:
    async with store.begin() as unit:
        await unit.record(a_trail(resource_id="a"))


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Returns when it is so, and fails when it is not in time."""
    async with asyncio.timeout(20):
        while not await is_so():  # noqa: ASYNC110  # it is the database's to say
            await asyncio.sleep(0.02)


async def test_it_seals_and_sorts_in_again_and_again_whatever_failed_before(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge, pages, failures = merging.merge, list[int](), list[Exception]()

    async def seen(pool: Pool) -> int:
        try:
            pages.append(await merge(pool))
        except SharedplanError as failure:
            failures.append(failure)
            raise
        return pages[-1]

    async def is_all_sealed() -> bool:
        return await unsealed(pool) == 0

    async def is_something_merged() -> bool:
        return any(pages)

    async def has_failed_twice() -> bool:
        return len(failures) > 1

    monkeypatch.setattr(merging, "merge", seen)
    monkeypatch.setattr(sealing, "INTERVAL", 0.05)
    monkeypatch.setattr(merging, "INTERVAL", 0.05)
    pool = Pool(of_service(database_url), size=2)
    operator = await asyncpg.connect(database_url)
    tasks = [asyncio.create_task(each) for each in upkeep(pool, timedelta(hours=1))]
    try:
        await operator.execute("ALTER FUNCTION merge_indexes() RENAME TO merged")
        try:
            await until(has_failed_twice)
            await recorded(store)
            await until(is_all_sealed)
        finally:
            await operator.execute("ALTER FUNCTION merged() RENAME TO merge_indexes")
        for _ in range(2):
            pages.clear()
            await recorded(store)
            await until(is_all_sealed)
            await until(is_something_merged)
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=5)
        await operator.close()
        await pool.close()


async def test_it_ends_when_it_is_cancelled_amidst_a_statement_and_keeps_no_connection(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "INTERVAL", 0.05)
    pool = Pool(of_service(database_url), size=3)
    operator = await asyncpg.connect(database_url)

    async def somebody_waits() -> bool:
        return pool.in_use > 0 and bool(await operator.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    try:
        async with operator.transaction():
            await operator.execute("LOCK TABLE audit_seal IN ACCESS EXCLUSIVE MODE")
            tasks = [asyncio.create_task(each) for each in upkeep(pool, timedelta(hours=1))]
            await until(somebody_waits)
            for task in tasks:
                task.cancel()
            done, _ = await asyncio.wait(tasks, timeout=5)
            assert len(done) == len(tasks) == 3
            assert pool.in_use == 0
    finally:
        await operator.close()
        await pool.close()
