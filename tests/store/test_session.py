"""One borrowed connection: whoever is cancelled amidst a statement holds nothing back."""

import asyncio
import time

import asyncpg
import pytest

from sharedplan.store.engine import Pool
from sharedplan.store.session import Session, fetch_alone

LOCK = 20_261_127
LARGE = "x" * 1_000_000


async def test_who_is_cancelled_while_the_database_takes_nothing_more_holds_nothing(
    pool: Pool, database_url: str
) -> None:
    """The rows fill what lies between the two before the first of them is done."""
    beside = await asyncpg.connect(database_url)
    await beside.execute(f"SELECT pg_advisory_lock({LOCK})")
    session = Session(pool)
    await session.begin()
    many = session.execute_many(f"SELECT $1::text FROM pg_advisory_lock({LOCK})", [[LARGE]] * 40)
    writing = asyncio.create_task(many)
    await asyncio.sleep(0.3)
    began = time.monotonic()
    writing.cancel()
    done, _ = await asyncio.wait([writing], timeout=10)
    session.abandon()
    assert done and writing.cancelled()
    assert time.monotonic() - began < 5
    assert pool.in_use == 0
    await beside.close()


async def test_what_fails_amidst_many_rows_is_told(pool: Pool) -> None:
    session = Session(pool)
    with pytest.raises(Exception, match="refused the statement"):
        await session.execute_many("SELECT 1 / $1::integer", [[1], [0]])
    await session.roll_back()
    assert pool.in_use == 0


async def test_whoever_is_cancelled_amidst_a_statement_that_stands_alone_keeps_no_connection(pool: Pool) -> None:
    asking = asyncio.create_task(fetch_alone(pool, "SELECT pg_sleep(5)"))
    await asyncio.sleep(0.1)
    assert pool.in_use == 1
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert pool.in_use == 0
