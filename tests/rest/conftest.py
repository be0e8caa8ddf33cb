"""The HTTP edge on its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from rest.behind import NOW, Behind, connected, edge
from sharedplan.access.own_tokens import own_token
from sharedplan.clock import FixedClock
from sharedplan.rest.wellknown import Health
from sharedplan.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, base_url="https://plans.example/fhir", body_limit=4096)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def health(behind: Behind) -> Health:
    return Health(behind.check)


@pytest.fixture
def token(settings: Settings, clock: FixedClock) -> str:
    return own_token(settings, clock, client="records", organization="Organization/s")


@pytest.fixture
def app(settings: Settings, clock: FixedClock, behind: Behind, health: Health) -> FastAPI:
    return edge(settings, clock, behind, health)


@pytest.fixture
async def client(app: FastAPI, settings: Settings, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token."""
    async with connected(app, settings, clock) as client:
        yield client


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as connected:
        yield connected
