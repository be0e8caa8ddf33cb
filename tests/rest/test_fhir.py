"""The short ways of the usual read and search: over HTTP nobody can tell them from the long one."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from rest.behind import Behind, connected, edge
from sharedplan.access.principal import Principal
from sharedplan.access.tokens import Verifier
from sharedplan.clock import FixedClock
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.rest.bodies import SMALL
from sharedplan.rest.fhir import LONGEST
from sharedplan.rest.wellknown import Health
from sharedplan.settings import Settings
from sharedplan.store.versions import Version

TEXT = '{"resourceType":"CarePlan","id":"1","title":"Åäö"}'
AT = datetime(2026, 3, 1, 10, 30, 15, 123456, tzinfo=UTC)
TRACE = {"x-request-id": "trace-0123456789"}

FHIR = {"content-type": "application/fhir+json"}


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as events:
        yield events


@pytest.fixture
def plan(behind: Behind) -> None:
    """A plan that both ways give."""
    behind.version = Version("CarePlan", "1", 3, AT, "update", TEXT)
    behind.answer = Answer(200, TEXT, "CarePlan", "1", 3, AT)


@pytest.mark.usefixtures("plan")
@pytest.mark.parametrize("accept", ["application/fhir+json", "application/json", "*/*", "text/html, */*;q=0.1"])
async def test_both_ways_answer_alike(
    client: httpx.AsyncClient, behind: Behind, logged: list[Any], accept: str
) -> None:
    headers = {**TRACE, "accept": accept}
    short = await client.get("CarePlan/1", headers=headers)
    assert (behind.heard, behind.read_plainly) == ([], [("CarePlan", "1", TRACE["x-request-id"])])
    behind.version = None
    long = await client.get("CarePlan/1", headers=headers)
    assert len(behind.heard) == 1
    assert (short.status_code, short.content) == (200, TEXT.encode())
    assert (short.content, short.headers.multi_items()) == (long.content, long.headers.multi_items())
    told = [{name: value for name, value in event.items() if name != "took_ms"} for event in logged]
    assert told[0] == told[1]
    assert (told[0]["interaction"], told[0]["type"], told[0]["client"]) == ("read", "CarePlan", "records")


UNUSUAL: list[tuple[str, str, dict[str, str]]] = [
    ("HEAD", "CarePlan/1", {}),
    ("GET", "CarePlan/1?_format=json", {}),
    ("GET", "CarePlan/1?_pretty=true", {}),
    ("GET", "CarePlan/1?", {"if-none-match": 'W/"3"'}),
    ("GET", "CarePlan/1", {"if-none-match": 'W/"3"'}),
    ("GET", "CarePlan/1", {"if-modified-since": "Sun, 01 Mar 2026 10:30:15 GMT"}),
    ("GET", "CarePlan/1", {"if-match": 'W/"3"'}),
    ("GET", "CarePlan/1/", {}),
    ("GET", "CarePlan/1/_history/3", {}),
    ("GET", "CarePlan/$document", {}),
    ("GET", "Patient/1/CarePlan", {}),
    ("GET", "CarePlan/" + "x" * 65, {}),
    ("GET", "CarePlan/1%0A", {}),
    ("GET", "Nothing/1", {}),
    ("GET", "CarePlan/1", {"accept": "application/fhir+xml"}),
]


@pytest.mark.usefixtures("plan")
@pytest.mark.parametrize(("method", "address", "headers"), UNUSUAL)
async def test_what_is_not_usual_goes_the_long_way(
    client: httpx.AsyncClient, behind: Behind, method: str, address: str, headers: dict[str, str]
) -> None:
    await client.request(method, address, headers=headers)
    assert behind.read_plainly == []


BUNDLE = '{"resourceType":"Bundle","type":"searchset"}'


@pytest.fixture
def found(behind: Behind) -> None:
    """A search that both ways answer."""
    behind.found = behind.answer = Answer(200, BUNDLE)


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("accept", ["application/fhir+json", "application/json"])
async def test_both_ways_answer_a_search_alike(
    client: httpx.AsyncClient, behind: Behind, logged: list[Any], accept: str
) -> None:
    headers = {**TRACE, "accept": accept, "accept-language": "fi"}
    short = await client.get("CarePlan?patient=Patient/%C3%A4&_count=2", headers=headers)
    [asked] = behind.searched_plainly
    assert behind.heard == []
    behind.found = None
    long = await client.get("CarePlan?patient=Patient/%C3%A4&_count=2", headers=headers)
    assert behind.asked == asked
    assert (short.status_code, short.content) == (200, BUNDLE.encode())
    assert (short.content, short.headers.multi_items()) == (long.content, long.headers.multi_items())
    told = [{name: value for name, value in event.items() if name != "took_ms"} for event in logged]
    assert told[0] == told[1]
    assert (told[0]["interaction"], told[0]["type"], told[0]["client"]) == ("search-type", "CarePlan", "records")


UNUSUAL_SEARCHES: list[tuple[str, str, dict[str, str]]] = [
    ("HEAD", "CarePlan?patient=1", {}),
    ("POST", "CarePlan/_search?patient=1", {}),
    ("GET", "CarePlan", {}),
    ("GET", "CarePlan/?patient=1", {}),
    ("GET", "Patient/1/CarePlan?status=active", {}),
    ("GET", "?_type=CarePlan", {}),
    ("GET", "CarePlan?patient=1", {"prefer": "handling=lenient"}),
    ("GET", "CarePlan?patient=1", {"if-none-match": 'W/"3"'}),
    ("GET", "CarePlan?patient=1", {"accept": "application/fhir+xml"}),
    ("GET", "CarePlan?patient=%FF", {}),
    ("GET", "CarePlan?title=" + "x" * LONGEST, {}),
    ("GET", "Nothing?patient=1", {}),
]


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(("method", "address", "headers"), UNUSUAL_SEARCHES)
async def test_a_search_that_is_not_usual_goes_the_long_way(
    client: httpx.AsyncClient, behind: Behind, method: str, address: str, headers: dict[str, str]
) -> None:
    await client.request(method, address, headers=headers)
    assert behind.searched_plainly == []


@pytest.mark.parametrize("prefer", [{}, {"prefer": "handling=lenient"}])
async def test_a_search_that_finds_no_place_is_told_with_its_question(
    settings: Settings, clock: FixedClock, behind: Behind, health: Health, prefer: dict[str, str]
) -> None:
    """By either way."""
    refused: list[Asked] = []

    async def noted(asked: Asked, by: Principal, failure: Exception) -> None:
        refused.append(asked)

    behind.refused = noted  # type: ignore[method-assign]
    hasty = settings.model_copy(update={"queue_wait": timedelta(seconds=0.01), "pool_size": 1})
    gate = asyncio.Event()
    behind.at_work = behind.at_work_plainly = gate.wait
    async with connected(edge(hasty, clock, behind, health), hasty, clock) as client:
        at_work = [asyncio.create_task(client.get("CarePlan/1")) for _ in range(hasty.plain_places)]
        at_work += [asyncio.create_task(client.get("CarePlan/1/_history")) for _ in range(hasty.places)]
        while (len(behind.read_plainly), len(behind.heard)) < (hasty.plain_places, hasty.places):  # noqa: ASYNC110
            await asyncio.sleep(0.001)  # they are there within moments
        response = await client.get("CarePlan?patient=Patient/1", headers=prefer)
        gate.set()
        await asyncio.gather(*at_work)
    assert response.status_code == 503
    assert [each.parameters for each in refused] == [(("patient", "Patient/1"),)]


@pytest.mark.usefixtures("plan")
async def test_no_read_waits_for_searches_that_take_long(
    settings: Settings, clock: FixedClock, behind: Behind, health: Health
) -> None:
    hasty = settings.model_copy(update={"queue_wait": timedelta(seconds=0.01), "pool_size": 1})
    gate = asyncio.Event()
    behind.at_work_searching, behind.found = gate.wait, Answer(200, '{"resourceType":"Bundle"}')
    async with connected(edge(hasty, clock, behind, health), hasty, clock) as client:
        searches = [asyncio.create_task(client.get("CarePlan?patient=Patient/1")) for _ in range(4)]
        while len(behind.searched_plainly) < len(searches):  # noqa: ASYNC110  # they are there within moments
            await asyncio.sleep(0.001)
        one_more = await client.get("CarePlan?patient=Patient/1")
        read = await client.get("CarePlan/1")
        gate.set()
        answers = await asyncio.gather(*searches)
    assert (one_more.status_code, read.status_code) == (503, 200)
    assert [each.status_code for each in answers] == [200] * 4
    assert behind.heard == []  # all of it by the short ways


@pytest.mark.usefixtures("plan")
async def test_two_headers_that_say_who_asks_are_refused(client: httpx.AsyncClient, behind: Behind, token: str) -> None:
    twice = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
    assert (await client.get("CarePlan/1", headers=twice)).status_code == 401
    assert (behind.read_plainly, behind.heard) == ([], [])


async def test_a_forged_token_is_looked_at_once(
    stranger: httpx.AsyncClient, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    principal = Verifier.principal
    monkeypatch.setattr(Verifier, "principal", lambda self, sent: looked.append(sent) or principal(self, sent))
    response = await stranger.get("/fhir/CarePlan/1", headers={"authorization": "Bearer forged"})
    assert (response.status_code, len(looked)) == (401, 1)
    assert [who for who, _ in behind.noted] == ["nobody"]


async def test_a_read_that_takes_too_long_is_told_as_a_read(
    settings: Settings, clock: FixedClock, behind: Behind, health: Health, logged: list[Any]
) -> None:
    """An operator who looks for what is slow would else look among the addresses outside of FHIR."""

    async def never() -> None:
        await asyncio.sleep(60)

    behind.at_work_plainly = never
    hasty = settings.model_copy(update={"request_timeout": timedelta(seconds=0.05)})
    async with connected(edge(hasty, clock, behind, health), hasty, clock) as client:
        response = await client.get("CarePlan/1")
    await asyncio.sleep(0)
    assert response.status_code == 503
    [event] = [each for each in logged if each["event"] == "request_answered"]
    assert (event["interaction"], event["type"], event["client"]) == ("read", "CarePlan", "records")
    assert behind.noted == [("read", "Unavailable")]


async def test_bodies_that_are_too_many_at_once_are_turned_away_but_small_ones(
    settings: Settings, clock: FixedClock, behind: Behind, health: Health
) -> None:
    """Each may be taken in, and all together are more than the worker has memory for."""
    large = b'{"resourceType":"CarePlan","description":"' + b"x" * (2 * SMALL) + b'"}'
    narrow = settings.model_copy(update={"body_limit": 3 * SMALL, "bodies_limit": 5 * SMALL})
    gate = asyncio.Event()
    behind.at_work = gate.wait
    async with connected(edge(narrow, clock, behind, health), narrow, clock) as client:
        at_work = [asyncio.create_task(client.post("CarePlan", content=large, headers=FHIR)) for _ in range(2)]
        while len(behind.heard) < 2:  # noqa: ASYNC110  # they are there within moments
            await asyncio.sleep(0.001)
        response = await client.post("CarePlan", content=large, headers=FHIR)
        small = asyncio.create_task(client.post("CarePlan", content=b'{"resourceType":"CarePlan"}', headers=FHIR))
        while len(behind.heard) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        gate.set()
        answers = await asyncio.gather(small, *at_work)
        again = await client.post("CarePlan", content=large, headers=FHIR)
    assert (response.status_code, response.json()["issue"][0]["code"]) == (503, "transient")
    assert [each.status_code for each in (*answers, again)] == [200] * 4
