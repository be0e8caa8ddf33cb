"""Which added parameters a worker works by: taken on between requests, and let go when nothing of before is written."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import asyncpg
import pytest

from sharedplan.search import additions
from sharedplan.search.additions import FILLING, READY, Added
from sharedplan.search.expression import Everything
from sharedplan.search.parameters import PARAMETERS, columns
from sharedplan.store import generations
from sharedplan.store.engine import Pool
from sharedplan.store.follower import Follower
from sharedplan.store.generations import SERVING, WORKING
from sharedplan.store.unit_of_work import Store

DEFINITION = {
    "resourceType": "SearchParameter",
    "id": "title",
    "url": "https://example.org/SearchParameter/title",
    "status": "active",
    "code": "title",
    "base": ["CarePlan"],
    "type": "string",
    "expression": "CarePlan.title",
}


@pytest.fixture(autouse=True)
def nothing_added() -> Iterator[None]:
    """What a test took on is not there for the next one."""
    yield
    additions.take_on([])


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    made = await asyncpg.connect(url)
    yield made
    await made.close()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    pool = Pool(url, size=2)
    yield Store(pool)
    await pool.close()


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


async def older(connection: asyncpg.Connection, generation: int) -> dict[int, int]:
    return await generations.older(connection, generation, (SERVING, WORKING))


async def test_what_is_filling_is_indexed_and_what_is_ready_is_offered(
    url: str, connection: asyncpg.Connection, store: Store
) -> None:
    follower = Follower(url, store.settled)
    await follower.look()
    assert "title" not in PARAMETERS.indexed["CarePlan"]
    await generations.change(connection, [Added("CarePlan", "title", DEFINITION, FILLING)])
    await follower.look()
    assert "title" in PARAMETERS.indexed["CarePlan"]
    assert "title" not in PARAMETERS["CarePlan"]
    assert "title" in [each.name for each in columns("CarePlan")]
    await generations.change(connection, [Added("CarePlan", "title", DEFINITION, READY)])
    await follower.look()
    assert PARAMETERS["CarePlan"]["title"].url == DEFINITION["url"]
    follower.close()


async def test_the_generation_before_is_held_until_units_of_then_have_been_left(
    url: str, connection: asyncpg.Connection, store: Store
) -> None:
    follower = Follower(url, store.settled)
    await follower.look()
    async with store.begin() as unit:
        await unit.read("CarePlan", "1", within=Everything())
        newest = await generations.change(connection, [Added("CarePlan", "title", DEFINITION, FILLING)])
        looking = asyncio.create_task(follower.look())
        await until(lambda: "title" in PARAMETERS.indexed["CarePlan"])
        async with store.begin() as later:  # units of now are not waited for
            await later.read("CarePlan", "1", within=Everything())
            assert await older(connection, newest) == {SERVING: 1}
            assert not looking.done()
        assert await older(connection, newest) == {SERVING: 1}
    await looking
    assert await older(connection, newest) == {}
    follower.close()


async def test_a_lost_connection_is_made_anew(url: str, connection: asyncpg.Connection, store: Store) -> None:
    follower = Follower(url, store.settled)
    await follower.look()
    assert follower.is_following
    named = "application_name = 'sharedplan generations'"
    await connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {named}")
    await generations.change(connection, [Added("CarePlan", "title", DEFINITION, FILLING)])
    await follower.look()
    await follower.look()
    assert follower.is_following
    assert "title" in PARAMETERS.indexed["CarePlan"]
    follower.close()


async def test_a_command_keeps_what_it_began_with(url: str, connection: asyncpg.Connection) -> None:
    async with generations.holding(url):
        newest = await generations.change(connection, [Added("CarePlan", "title", DEFINITION, FILLING)])
        assert await older(connection, newest) == {WORKING: 1}
    async with generations.holding(url):
        assert "title" in PARAMETERS.indexed["CarePlan"]


async def test_what_this_release_cannot_use_is_left_out(url: str, connection: asyncpg.Connection) -> None:
    bad = {**DEFINITION, "expression": "CarePlan.title.first()"}
    shipped = {**DEFINITION, "code": "status"}
    rows = [Added("CarePlan", "title", bad, READY), Added("CarePlan", "status", shipped, READY)]
    await generations.change(connection, rows)
    async with generations.holding(url):
        assert "title" not in PARAMETERS.indexed["CarePlan"]
        assert PARAMETERS["CarePlan"]["status"].url == PARAMETERS.shipped["CarePlan"]["status"].url
