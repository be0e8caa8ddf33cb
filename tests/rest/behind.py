"""A stand-in for what lies behind the HTTP edge: it hears what is asked and answers what it is told to."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI

from sharedplan.access.keys import trusted_keys
from sharedplan.access.own_tokens import own_token
from sharedplan.access.principal import Principal
from sharedplan.access.tokens import Verifier
from sharedplan.clock import Clock
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.rest.fhir import FhirBase
from sharedplan.rest.routes import application
from sharedplan.rest.wellknown import Health
from sharedplan.settings import Settings
from sharedplan.store.versions import Version

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Behind:
    """What lies behind the edge."""

    answer: Answer = field(default_factory=lambda: Answer(200, '{"resourceType":"CarePlan"}'))
    failure: Exception | None = None
    at_work: Callable[[], Awaitable[object]] | None = None
    heard: list[Asked] = field(default_factory=list)
    checks: Mapping[str, bool] = field(default_factory=lambda: {"database": True})
    noted: list[tuple[str, str]] = field(default_factory=list)
    version: Version | None = None
    at_work_plainly: Callable[[], Awaitable[object]] | None = None
    read_plainly: list[tuple[str, str, str]] = field(default_factory=list)
    found: Answer | None = None
    searched_plainly: list[Asked] = field(default_factory=list)
    at_work_searching: Callable[[], Awaitable[object]] | None = None

    @property
    def asked(self) -> Asked:
        """The only question that came."""
        [only] = self.heard
        return only

    async def perform(self, asked: Asked, by: Principal) -> Answer:
        self.heard.append(asked)
        if self.at_work is not None:
            await self.at_work()
        if self.failure is not None:
            raise self.failure
        return self.answer

    async def read(self, type: str, id: str, by: Principal, request_id: str, languages: str) -> Version | None:
        """By the short way nothing is read here unless a test says what."""
        self.read_plainly.append((type, id, request_id))
        if self.at_work_plainly is not None:
            await self.at_work_plainly()
        return self.version

    async def search(self, asked: Asked, by: Principal) -> Answer | None:
        """By the short way nothing is found here unless a test says what."""
        self.searched_plainly.append(asked)
        if self.at_work_searching is not None:
            await self.at_work_searching()
        return self.found

    async def unproved(self, why: str, *, network: str | None, request_id: str) -> None:
        self.noted.append(("nobody", why))

    async def refused(self, asked: Asked, by: Principal, failure: Exception) -> None:
        self.noted.append((asked.interaction, type(failure).__name__))

    async def check(self) -> Mapping[str, bool]:
        return self.checks


def edge(settings: Settings, clock: Clock, behind: Behind, health: Health) -> FastAPI:
    """The application with the stand-in behind it."""
    fhir = FhirBase(
        behind.perform,
        behind.read,
        behind.search,
        Verifier(trusted_keys(settings), clock),
        behind,  # type: ignore[arg-type]
        base=settings.base,
        body_limit=settings.body_limit,
        bodies_limit=settings.bodies_limit,
        places=settings.places,
        plain_places=settings.plain_places,
        queue_wait=settings.queue_wait,
    )
    return application(
        settings,
        clock,
        fhir=fhir,
        health=health,
        statement=lambda: '{"resourceType":"CapabilityStatement","status":"active"}',
        documentation=(),
        lifespan=nothing_to_open,
    )


@asynccontextmanager
async def nothing_to_open(app: FastAPI) -> AsyncIterator[None]:
    yield


def connected(app: FastAPI, settings: Settings, clock: Clock) -> httpx.AsyncClient:
    """A client with a token."""
    token = own_token(settings, clock, client="records", organization="Organization/s")
    headers = {"authorization": f"Bearer {token}", "accept": "application/fhir+json"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test/fhir/", headers=headers)
