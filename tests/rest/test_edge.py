"""The outermost ring: request ids, time limits, framing, the log, and how many are at work at once."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from structlog.testing import capture_logs

from rest.behind import Behind, connected, edge
from sharedplan.clock import FixedClock
from sharedplan.errors import NotFound, Unavailable
from sharedplan.rest.admission import Admission
from sharedplan.rest.wellknown import Health
from sharedplan.settings import Settings

JSON = {"content-type": "application/fhir+json"}


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as events:
        yield events


async def test_a_request_gets_an_id_that_reaches_the_interaction(client: httpx.AsyncClient, behind: Behind) -> None:
    response = await client.get("CarePlan/1")
    assert response.headers["x-request-id"] == behind.asked.request_id
    assert len(behind.asked.request_id) == 36


async def test_the_clients_own_id_is_kept(client: httpx.AsyncClient, behind: Behind) -> None:
    response = await client.get("CarePlan/1", headers={"x-request-id": "trace-0123456789"})
    assert response.headers["x-request-id"] == behind.asked.request_id == "trace-0123456789"


@pytest.mark.parametrize("id", ["short", "x" * 65, 'a"b"c"d"e', "ääääääääää".encode(), "a b c d e f g", ""])
async def test_an_id_that_could_harm_a_log_is_replaced(client: httpx.AsyncClient, behind: Behind, id: Any) -> None:
    response = await client.get("CarePlan/1", headers={b"x-request-id": id})
    assert response.headers["x-request-id"] == behind.asked.request_id
    assert len(behind.asked.request_id) == 36


async def test_the_log_tells_of_a_request_what_an_operator_may_know(
    client: httpx.AsyncClient, token: str, logged: list[Any]
) -> None:
    plan = b'{"resourceType":"CarePlan","title":"Ainon suunnitelma"}'
    await client.put("CarePlan/a-1?identifier=010190-123A", content=plan, headers=JSON)
    [event] = logged
    assert event["event"] == "request_answered"
    assert (event["interaction"], event["type"], event["status"]) == ("update", "CarePlan", 200)
    assert event["client"] == "records"
    assert event["took_ms"] >= 0
    for secret in ("Aino", "010190", "a-1", token):
        assert secret not in json.dumps(event)


async def test_a_length_said_twice_is_refused(client: httpx.AsyncClient, behind: Behind) -> None:
    both = {**JSON, "content-length": "2", "transfer-encoding": "chunked"}
    response = await client.post("CarePlan", content=b"{}", headers=both)
    assert response.status_code == 400
    assert response.headers["connection"] == "close"
    assert behind.heard == []


async def test_two_lengths_are_refused(client: httpx.AsyncClient, behind: Behind) -> None:
    twice = [("content-type", "application/fhir+json"), ("content-length", "2"), ("content-length", "2")]
    assert (await client.post("CarePlan", content=b"{}", headers=twice)).status_code == 400
    assert behind.heard == []


async def test_a_request_that_takes_too_long_is_given_up(
    settings: Settings, clock: FixedClock, behind: Behind, health: Health
) -> None:
    was_cancelled = asyncio.Event()

    async def never() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            was_cancelled.set()
            raise

    behind.at_work = never
    hasty = settings.model_copy(update={"request_timeout": timedelta(seconds=0.05)})
    async with connected(edge(hasty, clock, behind, health), hasty, clock) as client:
        response = await client.get("CarePlan/1")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["issue"][0]["code"] == "transient"
    assert was_cancelled.is_set()


async def test_a_client_that_leaves_amid_its_body_leaves_nothing_behind(
    app: FastAPI, token: str, behind: Behind, logged: list[Any]
) -> None:
    messages = iter(
        [{"type": "http.request", "body": b'{"resourceType":', "more_body": True}, {"type": "http.disconnect"}]
    )
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/fhir/CarePlan",
        "raw_path": b"/fhir/CarePlan",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/fhir+json"), (b"authorization", f"Bearer {token}".encode())],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert (sent, behind.heard) == ([], [])
    assert [event["status"] for event in logged] == [499]


async def test_more_than_the_places_wait_their_turn() -> None:
    door, order = Admission(1, timedelta(seconds=5)), []

    async def enter(name: int) -> None:
        async with door:
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(*(enter(name) for name in range(10)))
    assert order == list(range(10))


async def test_who_waits_too_long_is_turned_away_and_told_to_come_again() -> None:
    door = Admission(1, timedelta(seconds=0.02))
    async with door:
        with pytest.raises(Unavailable) as turned_away:
            async with door:
                pytest.fail("there was no place")
    assert turned_away.value.retry_after >= 1
    async with door:
        pass


async def test_who_gives_up_in_the_moment_that_a_place_comes_free_is_told_so() -> None:
    """His turn is over, and found so by whoever leaves, before he himself learns of it."""
    door = Admission(1, timedelta(seconds=5))
    await door.__aenter__()
    waiting = asyncio.create_task(door.__aenter__())
    await asyncio.sleep(0)
    waiting.cancel()
    await door.__aexit__(None, None, None)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(0.1), door:
        pass


async def test_no_place_is_lost_to_those_who_give_up() -> None:
    door = Admission(2, timedelta(seconds=0.01))

    async def enter(seconds: float) -> None:
        async with door:
            await asyncio.sleep(seconds)

    tasks = [asyncio.create_task(enter(0.01)) for _ in range(50)]
    await asyncio.sleep(0.005)
    for task in tasks[::3]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1), door, door:
        pass


async def test_requests_beyond_the_places_are_turned_away_while_health_still_answers(
    settings: Settings, clock: FixedClock, behind: Behind, health: Health
) -> None:
    release = asyncio.Event()
    behind.at_work = release.wait
    small = settings.model_copy(update={"pool_size": 1, "queue_wait": timedelta(seconds=0.05)})
    async with connected(edge(small, clock, behind, health), small, clock) as client:
        running = [asyncio.create_task(client.get("CarePlan/1")) for _ in range(small.places)]
        await asyncio.sleep(0.02)
        turned_away = await client.get("CarePlan/1")
        assert turned_away.status_code == 503
        assert turned_away.headers["retry-after"] == "1"
        assert (await client.get("http://test/healthz")).status_code == 200
        release.set()
        assert [(await task).status_code for task in running] == [200] * small.places


async def test_what_is_refused_before_it_is_performed_is_noted_once(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, behind: Behind
) -> None:
    await client.get("CarePlan?a=%ff")
    await client.put("CarePlan/1", content="{", headers=JSON)
    await client.get("Nothing")
    await stranger.get("/fhir/CarePlan")
    await stranger.get("/fhir/CarePlan", headers={"authorization": "Bearer forged"})
    behind.failure = NotFound("performed, and on record")
    await client.get("CarePlan/1")
    assert behind.noted[:3] == [("search-type", "Incorrect"), ("update", "Incorrect"), ("get", "NotFound")]
    assert [who for who, _ in behind.noted[3:]] == ["nobody"]


async def test_a_request_that_is_given_up_is_noted(
    settings: Settings, clock: FixedClock, behind: Behind, health: Health
) -> None:
    hurried = settings.model_copy(update={"request_timeout": timedelta(milliseconds=50)})
    behind.at_work = lambda: asyncio.sleep(5)
    async with connected(edge(hurried, clock, behind, health), settings, clock) as client:
        assert (await client.get("CarePlan/1")).status_code == 503
        await asyncio.sleep(0)
    assert behind.noted == [("read", "Unavailable")]
