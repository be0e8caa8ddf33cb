"""What is said without a token: health, readiness, numbers, SMART configuration and the CapabilityStatement."""

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from fastapi import FastAPI

from rest.behind import Behind
from sharedplan.errors import Unavailable
from sharedplan.rest import wellknown
from sharedplan.rest.wellknown import Health, smart_configuration
from sharedplan.settings import Settings


async def test_the_process_answers_that_it_lives(stranger: httpx.AsyncClient, behind: Behind) -> None:
    behind.checks = {"database": False}
    assert (await stranger.get("/healthz")).status_code == 200


async def test_ready_when_every_check_holds(stranger: httpx.AsyncClient, behind: Behind) -> None:
    behind.checks = {"database": True, "schema": True, "audit": True, "guard": True}
    response = await stranger.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ready")


@pytest.mark.parametrize("broken", ["database", "schema", "audit", "guard"])
async def test_not_ready_when_one_check_fails(stranger: httpx.AsyncClient, behind: Behind, broken: str) -> None:
    behind.checks = {"database": True, "schema": True, "audit": True, "guard": True, broken: False}
    response = await stranger.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"][broken] is False


async def test_not_ready_while_draining(stranger: httpx.AsyncClient, health: Health) -> None:
    health.is_draining = True
    assert (await stranger.get("/readyz")).status_code == 503
    assert (await stranger.get("/healthz")).status_code == 200


async def test_not_ready_when_the_database_does_not_answer(
    app: FastAPI, stranger: httpx.AsyncClient, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> Mapping[str, bool]:
        await asyncio.sleep(60)
        return {}

    monkeypatch.setattr(health, "_checks", never)
    monkeypatch.setattr(wellknown, "PATIENCE", 0.05)
    assert (await stranger.get("/readyz")).status_code == 503


async def test_not_ready_when_the_database_cannot_be_reached(
    stranger: httpx.AsyncClient, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable() -> Mapping[str, bool]:
        raise Unavailable("the database cannot be reached")

    monkeypatch.setattr(health, "_checks", unreachable)
    assert (await stranger.get("/readyz")).status_code == 503


async def test_the_database_is_asked_once_however_many_ask(health: Health, stranger: httpx.AsyncClient) -> None:
    asked = 0

    async def slow() -> Mapping[str, bool]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        return {"database": True}

    health._checks = slow
    answers = await asyncio.gather(*(stranger.get("/readyz") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert asked == 1


async def test_the_statement_needs_no_token_and_comes_in_the_form_asked_for(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get("/fhir/metadata", headers={"accept": "application/json"})
    assert response.json() == {"resourceType": "CapabilityStatement", "status": "active"}
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert (await stranger.get("/fhir/metadata?_format=xml")).status_code == 406
    assert "\n" in (await stranger.get("/fhir/metadata?_pretty=true")).text


async def test_the_smart_configuration_needs_no_token(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get("/fhir/.well-known/smart-configuration")
    assert response.headers["content-type"] == "application/json"
    assert "permission-v2" in response.json()["capabilities"]


def test_the_smart_configuration_names_the_trusted_issuer(settings: Settings) -> None:
    row = {"iss": "https://issuer.example", "jwks": {"keys": []}}
    trusting = Settings(issuers=(row,), data_dir=settings.data_dir)
    assert smart_configuration(trusting)["issuer"] == "https://issuer.example"
    assert smart_configuration(settings)["issuer"] == "urn:sharedplan:dev"


async def test_numbers_name_interaction_type_and_status_and_nothing_else(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    await client.get("CarePlan/a-very-special-id?_format=json")
    await client.get("CarePlan?identifier=secret")
    text = (await stranger.get("/metrics")).text
    assert 'sharedplan_requests_total{interaction="read",status="200",type="CarePlan"}' in text
    assert 'sharedplan_request_seconds_count{interaction="search-type"}' in text
    assert "a-very-special-id" not in text
    assert "secret" not in text


async def test_numbers_are_for_this_machine(app: FastAPI) -> None:
    far = httpx.ASGITransport(app, client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=far, base_url="http://test") as elsewhere:
        assert (await elsewhere.get("/metrics")).status_code == 401


@pytest.mark.parametrize(("sent", "status"), [("Bearer operator", 200), ("Bearer other", 401), ("", 401)])
async def test_numbers_are_for_whoever_has_the_operators_token(sent: str, status: int) -> None:
    guarded = httpx.ASGITransport(wellknown.Metrics("operator"))
    async with httpx.AsyncClient(transport=guarded, base_url="http://test") as operator:
        headers = {"authorization": sent} if sent else {}
        assert (await operator.get("/metrics", headers=headers)).status_code == status
