"""The filler's rows are as good as the service's own, and the floor answers from them."""

import asyncio
import json
from typing import Any

import asyncpg
import httpx
import pytest
from benchmarks.filler import fill, forget_others, templates
from benchmarks.population import client_of, identifier_of, plan, plan_id

from benchmarks import floor
from exchange.asking import BASE, POLICY, RECORDS
from sharedplan.clock import SystemClock
from sharedplan.exchange.perform import perform
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.store.engine import Pool
from sharedplan.store.unit_of_work import Store

PLANS = 40


async def _asked(url: str, questions: list[Asked]) -> list[Answer]:
    pool = Pool(url)
    try:
        store = Store(pool)
        return [await perform(each, RECORDS, store.begin, SystemClock(), POLICY) for each in questions]
    finally:
        await pool.close()


def ask(url: str, *questions: Asked) -> list[Any]:
    """What the service answers, parsed."""
    answers = asyncio.run(_asked(url, list(questions)))
    return [json.loads(answer.content) if answer.content else None for answer in answers]


@pytest.fixture
def filled(database_url: str) -> str:
    """A database with the templates and 40 plans of 4 clients."""
    puts = []
    for path, body in templates():
        type, id = path.split("/")
        puts.append(Asked("update", type, id, body=body, base=BASE, method="PUT"))
    ask(database_url, *puts)
    fill(database_url, 0, PLANS)
    return database_url


def test_a_filled_plan_is_read_found_and_kept_like_one_that_was_sent(filled: str) -> None:
    number = 23
    read, by_client, by_identifier, history = ask(
        filled,
        Asked("read", "CarePlan", plan_id(number), base=BASE),
        Asked("search-type", "CarePlan", parameters=(("patient", client_of(number)),), base=BASE),
        Asked("search-type", "CarePlan", parameters=(("identifier", identifier_of(number)),), base=BASE),
        Asked("history-instance", "CarePlan", plan_id(number), base=BASE),
    )
    meta = read.pop("meta")
    assert meta == {"versionId": "1", "lastUpdated": "2020-01-01T00:00:00.023000Z"}
    sent = plan(number, client_of(number), status=read["status"], start=read["period"]["start"])
    assert read == {"resourceType": "CarePlan", "id": plan_id(number), **sent}
    assert by_client["total"] == 10
    assert [entry["resource"]["id"] for entry in by_identifier["entry"]] == [plan_id(number)]
    assert history["total"] == 1


def test_clients_are_filled_in_once_each(filled: str) -> None:
    (found,) = ask(filled, Asked("search-type", "Patient", parameters=(("_id", "bench-000000003"),), base=BASE))
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["bench-000000003"]


def test_what_was_written_beside_the_population_can_be_forgotten(filled: str) -> None:
    def held() -> list[int]:
        async def count() -> list[int]:
            connection = await asyncpg.connect(filled)
            try:
                return [await connection.fetchval(f"select count(*) from {table}") for table in TABLES]
            finally:
                await connection.close()

        return asyncio.run(count())

    before = held()
    ask(filled, Asked("create", "CarePlan", body={"resourceType": "CarePlan", **plan(5, client_of(5))}, base=BASE))
    assert held() == [before[0] + 1, before[1] + 1]
    forget_others(filled)
    assert held() == before


TABLES = ("care_plan", "resource_version")


def test_the_floor_reads_searches_and_creates(filled: str) -> None:
    async def answers() -> tuple[httpx.Response, ...]:
        connections = floor.Connections()
        await connections.open(filled)
        floor.connections, before = connections, floor.connections
        try:
            transport = httpx.ASGITransport(floor.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://floor/fhir") as http:
                made = await http.post("/CarePlan", json=plan(99, client_of(23)))
                return (
                    made,
                    await http.get(f"/CarePlan/{made.json()['id']}"),
                    await http.get("/CarePlan", params={"patient": client_of(23), "_count": "10"}),
                    await http.get("/CarePlan", params={"identifier": identifier_of(99)}),
                    await http.post("/CarePlan", json={"resourceType": "CarePlan", "status": "active"}),
                    await http.get("/CarePlan/nobody"),
                )
        finally:
            floor.connections = before
            await connections.close()

    made, read, by_client, by_identifier, refused, missed = asyncio.run(answers())
    assert (made.status_code, refused.status_code, missed.status_code) == (201, 422, 404)
    assert read.json() == made.json()
    assert (by_client.json()["total"], len(by_client.json()["entry"])) == (11, 10)
    assert [entry["resource"] for entry in by_identifier.json()["entry"]] == [made.json()]
