"""The floor answers from the filler's rows what the service would, and looks through no table for it."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import asyncpg
import httpx
import pytest
from benchmarks.population import (
    Json,
    client_of,
    identifier_of,
    instant_of,
    member_of,
    performer_of,
    plan,
    plan_id,
)
from benchmarks.surroundings import PARTS, numbered

from benchmarks import floor, statements
from databases import Server
from exchange.asking import BASE
from populated import NUMBER, PLANS, ask
from sharedplan.fhir.exchanges import Asked


def at_the_floor(
    url: str, *questions: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
) -> list[httpx.Response]:
    """What the floor answers, one question after another."""

    async def answers() -> list[httpx.Response]:
        connections = floor.Connections()
        await connections.open(url)
        floor.connections, before = connections, floor.connections
        try:
            transport = httpx.ASGITransport(floor.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://floor/fhir") as http:
                return [await question(http) for question in questions]
        finally:
            floor.connections = before
            await connections.close()

    return asyncio.run(answers())


def searched(url: str, *queries: str) -> list[Json]:
    """What the floor finds."""
    asked = [lambda http, query=query: http.get(f"/CarePlan?{query}") for query in queries]
    return [answer.raise_for_status().json() for answer in at_the_floor(url, *asked)]


def test_the_floor_reads_searches_and_creates(filled: str) -> None:
    made, by_client, by_identifier, refused, missed = at_the_floor(
        filled,
        lambda http: http.post("/CarePlan", json=plan(999, client_of(23))),
        lambda http: http.get("/CarePlan", params={"patient": client_of(23), "_count": "10"}),
        lambda http: http.get("/CarePlan", params={"identifier": identifier_of(999)}),
        lambda http: http.post("/CarePlan", json={"resourceType": "CarePlan", "status": "active"}),
        lambda http: http.get("/CarePlan/nobody"),
    )
    (read,) = at_the_floor(filled, lambda http: http.get(f"/CarePlan/{made.json()['id']}"))
    assert (made.status_code, refused.status_code, missed.status_code) == (201, 422, 404)
    assert read.json() == made.json()
    assert (by_client.json()["total"], len(by_client.json()["entry"])) == (11, 10)
    assert [entry["resource"] for entry in by_identifier.json()["entry"]] == [made.json()]


def test_the_floor_finds_by_period_and_by_team_what_the_service_finds(filled: str) -> None:
    period = f"performer={performer_of(NUMBER)}&date=ge2018-12-01&date=le2022-12-01"
    by_period, by_team = searched(filled, period, f"care-team.participant={member_of(NUMBER)}")
    parameters = tuple((name, value) for name, _, value in (each.partition("=") for each in period.split("&")))
    (expected,) = ask(filled, Asked("search-type", "CarePlan", parameters=parameters, base=BASE))
    assert by_period["total"] == expected["total"] == 10
    assert ids(by_period) == ids(expected)
    assert by_team["total"] == 10
    assert ids(by_team) == {plan_id(number) for number in range(PLANS) if member_of(number) == member_of(NUMBER)}


def test_the_floor_gives_a_whole_plan(filled: str) -> None:
    (found,) = searched(filled, f"_id={plan_id(NUMBER)}")
    given = {entry["fullUrl"]: entry for entry in found["entry"]}
    expected = {*dict(numbered(NUMBER)), client_of(NUMBER)}
    assert given.keys() == {f"http://floor/fhir/{address}" for address in expected}
    assert [len(given), found["total"]] == [PARTS, 1]
    matches = [url for url, entry in given.items() if entry["search"]["mode"] == "match"]
    assert matches == [f"http://floor/fhir/CarePlan/{plan_id(NUMBER)}"]


def test_the_floor_gives_what_changed_after_an_instant_in_order(filled: str) -> None:
    (found,) = searched(filled, f"_lastUpdated=gt{instant_of(NUMBER)}&_sort=_lastUpdated&_count=100")
    given = [entry["resource"]["id"] for entry in found["entry"]]
    assert given == [plan_id(number) for number in range(NUMBER + 1, NUMBER + 101)]


def ids(bundle: Json) -> set[str]:
    return {entry["resource"]["id"] for entry in bundle["entry"]}


@pytest.mark.parametrize("statement", statements.ALL)
def test_an_index_serves_each_statement_of_the_floor(database_url: str, statement: str) -> None:
    async def plan_of() -> str:
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute("set enable_seqscan = off; set plan_cache_mode = force_generic_plan")
            await connection.execute(f"prepare asked as {statement}")
            values = ", ".join(["null"] * len(set(re.findall(r"\$[0-9]", statement))))
            return "\n".join(row[0] for row in await connection.fetch(f"explain execute asked({values})"))
        finally:
            await connection.close()

    assert "Seq Scan" not in asyncio.run(plan_of())


def test_the_floor_keeps_no_table_locked_while_nobody_asks(server: Server) -> None:
    async def drops(url: str) -> None:
        connections, other = floor.Connections(), await asyncpg.connect(url)
        await connections.open(url)
        try:
            await other.execute("set lock_timeout = '3s'; drop index care_plan_last_updated_idx")
        finally:
            await connections.close()
            await other.close()

    with server.database() as url:  # one of its own, for the next test wants the index
        asyncio.run(drops(url))
