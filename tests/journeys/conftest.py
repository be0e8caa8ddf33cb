"""One running service for all journeys of a module, in a data directory that goes with it."""

from collections.abc import Iterator

import httpx
import pytest

from journeys.service import Service, free_port, prepared


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(prepared(tmp_path_factory, "service"), free_port()).start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as connected:
        yield connected
