"""One running service for the journeys of a test process, each with clients of its own, in a data directory that goes
with it. What would be in the way of others, or has to be the first, starts one for itself (`fresh`)."""

from collections.abc import Iterator

import httpx
import pytest

from journeys.service import Service, free_port, prepared


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    yield from _run(tmp_path_factory)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for one module alone."""
    yield from _run(tmp_path_factory)


def _run(directories: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(prepared(directories, "service"), free_port()).start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as connected:
        yield connected
