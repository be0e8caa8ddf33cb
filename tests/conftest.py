"""What tests stand on: a real PostgreSQL, and a database of its own with the newest schema for each test."""

import gc
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings

import databases
from connections import Connections
from databases import Server
from sharedplan.search.parameters import PARAMETERS
from sharedplan.store.engine import Pool
from sharedplan.store.unit_of_work import Store

# What is imported stays for good: to look through it again and again while tests are collected, and in each full
# collection later, took a fifth of the time.
gc.disable()

# How long an example takes to draw says something of the machine, which may be busy, and nothing of the code.
settings.register_profile("suite", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


WAITING = ("journeys", "commands")
"""The directories whose tests take longest, mostly because they wait for processes of their own."""


FIRST = ("test_added_parameters.py", "test_compile.py", "test_migrations.py")
"""The first makes what all journeys copy (`journeys/service.prepared`); the others have enough to do meanwhile."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, or one process would still be at it when the others have nothing left."""

    def turn(item: pytest.Item) -> tuple[int, int]:
        first = FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST)
        package = item.path.parent.name
        return first, WAITING.index(package) if package in WAITING else len(WAITING)

    items.sort(key=turn)


def pytest_collection_finish() -> None:
    gc.enable()
    gc.freeze()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The PostgreSQL of this run, shared by its processes."""
    with databases.server() as found:
        yield found


@pytest.fixture
def database_url(server: Server) -> Iterator[str]:
    """A database for one test, with the newest schema and nothing in it."""
    with server.emptied() as url:
        yield url


@pytest.fixture
def bare_database_url(server: Server) -> Iterator[str]:
    """A database for one test without any schema."""
    with server.database(empty=True) as url:
        yield url


@pytest.fixture(scope="session")
async def connections(server: Server) -> AsyncIterator[Connections]:
    """What stays open between tests."""
    left = Connections()
    yield left
    left.close()


@pytest.fixture
async def pool(database_url: str, connections: Connections) -> AsyncIterator[Pool]:
    """The pool of an operator's connections to the test's database, with the timeouts of production."""
    opened = connections.pool(database_url, size=20, unguarded=True)
    yield opened
    await opened.close(patience=timedelta(seconds=1))


@pytest.fixture
async def store(pool: Pool) -> Store:
    """The store on the test's database, as an operator works on it: whatever a slice lets through is seen."""
    return Store(pool)


@pytest.fixture
def texts_made_anew() -> Iterator[None]:
    """For a test that changes what statements are made of: those that are kept are forgotten before it and after."""
    PARAMETERS.take_on(ready=(), filling=())
    yield
    PARAMETERS.take_on(ready=(), filling=())


@pytest.fixture
def service_url(database_url: str) -> str:
    """The address of the test's database under the role that the service works under."""
    return databases.of_service(database_url)


@pytest.fixture
async def guarded(service_url: str, connections: Connections) -> AsyncIterator[Store]:
    """The store as the service has it: under its own role, behind the second guard."""
    opened = connections.pool(service_url, size=20)
    yield Store(opened)
    await opened.close(patience=timedelta(seconds=1))
