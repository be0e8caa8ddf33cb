"""The short way of the usual search leads to the same answer and the same trail as the long one."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from builders import a_goal, a_patient
from exchange.asking import BASE, POLICY, Ask
from exchange.cast import ACT, AINO, Niko, S, Sari, consents, k1, k2, system, the_world, together
from exchange.test_plain_reads import ASKERS, told
from sharedplan.access.principal import Principal
from sharedplan.clock import SystemClock
from sharedplan.errors import SharedplanError
from sharedplan.exchange.perform import perform
from sharedplan.exchange.plain_search import PlainSearch
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.search.masking import SAFETY_BAN
from sharedplan.store.unit_of_work import Store

USUAL = (
    "CarePlan?patient=Patient/aino",
    f"CarePlan?patient={BASE}/Patient/aino&_count=10&_total=accurate",
    "CarePlan?patient=aino,none&status=active,on-hold",
    "Goal?patient=Patient/aino",
    "Goal?patient=Patient/aino&_count=1",
    "Goal?patient=Patient/aino&_count=1&_total=none",
    "Goal?patient=none",
    "Goal?_lastUpdated=ge2020",
    "Goal?lifecycle-status:not=active&category:text=sleep",
    "Goal?start-date=ap2024-05-01",
    "Patient?_id=aino",
    "Patient?name=aino&birthdate=lt2030",
    "CareTeam?participant.name=sari",
    "Observation?code:missing=false&subject:Patient.name=aino",
    "Observation?category=a,b&value-quantity=lt5",
    "CarePlan?_id=1&_include=CarePlan:subject&_include=CarePlan:care-team&_revinclude=Task:based-on",
    "Organization?name=s",
    "Goal?identifier=http://example.org/goals|1",
)
UNUSUAL = (
    "Goal",
    "Goal?_count=5",
    "Goal?patient=Patient/aino&_count=0",
    "Goal?patient=Patient/aino&_sort=-_lastUpdated",
    "Goal?patient=Patient/aino&_summary=true",
    "Goal?patient=Patient/aino&_elements=id",
    "Goal?patient=Patient/aino&_include:iterate=Goal:patient",
    "Goal?_has:CarePlan:goal:patient=aino",
    "Goal?_filter=patient eq Patient/aino",
    "Goal?lifecycle-status:in=http://hl7.org/fhir/ValueSet/goal-status",
    "AuditEvent?patient=Patient/aino",
    "Patient?identifier=131052-308T",
    "Goal?patient=%%%",
    "Goal?nonsense=1",
    "Goal?patient=",
    "Goal?_count=1&_count=2&patient=aino",
    "Goal?_cursor=abc",
)

FEWER = {"no scope for plans": 2, "only active plans": 6, "in an emergency": 0, "too late": 0}
"""How many of the usual ones go the short way for these; for other askers all."""


def asked(question: str) -> Asked:
    type, _, query = question.partition("?")
    pairs = tuple(parse_qsl(query, keep_blank_values=True))
    return Asked("search-type", type, parameters=pairs, base=BASE, request_id="request-1", accept_language="fi")


async def outcome(search: Awaitable[Answer | None]) -> Any:
    """What comes of a search: the Bundle without what each has of its own, or what is told instead."""
    try:
        found = await search
    except SharedplanError as failure:
        return type(failure), [each.saying for each in failure.issues]
    if found is None:
        return None
    bundle = json_text.read(found.content)
    assert bundle.pop("id") and bundle["meta"].pop("lastUpdated")
    for link in bundle["link"]:
        link["url"] = link["url"] if link["relation"] == "self" else ""
    return bundle, found._replace(content=None)


def trails(rows: list[Any]) -> list[Any]:
    return [(trail._replace(entities=tuple(sorted(trail.entities))), patients) for trail, patients in rows]


async def the_clients(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1(), k2())
    untold = {"security": [{"system": ACT, "code": "TBOO"}]}
    goals = [a_goal(AINO, id=f"g{number}") for number in range(3)]
    numbered = a_goal(AINO, id="numbered", identifier=[{"system": "http://example.org/goals", "value": "1"}])
    banned = a_patient(
        id="aino",
        name=[{"family": "Aino"}],
        birthDate="1990-01-01",
        address=[{"city": "Piilola"}],
        meta={"security": [{"system": SAFETY_BAN, "code": "1"}]},
    )
    await together(ask, system(S), banned, *goals, numbered, a_goal(AINO, id="untold", meta=untold))


@pytest.mark.parametrize("who", ASKERS)
async def test_both_ways_lead_to_the_same(who: str, ask: Ask, guarded: Store, store: Store) -> None:
    by = ASKERS[who]
    await the_clients(ask)
    plainly = PlainSearch(guarded.begin, SystemClock(), POLICY)
    known: set[str] = set()
    await told(store, known)
    short = []
    for question in (*USUAL, *UNUSUAL):
        found = await outcome(plainly(asked(question), by))
        rows = await told(store, known)
        if found is None:
            assert not rows, question
            continue
        short.append(question)
        assert found == await outcome(perform(asked(question), by, guarded.begin, SystemClock(), POLICY)), question
        assert trails(rows) == trails(await told(store, known)), question  # type: ignore[arg-type]
    assert short == list(USUAL) or len(short) == FEWER.get(who), set(USUAL) ^ set(short)


async def test_in_company_each_has_his_own(ask: Ask, guarded: Store, store: Store) -> None:
    await the_clients(ask)
    plainly = PlainSearch(guarded.begin, SystemClock(), POLICY)
    known: set[str] = set()
    await told(store, known)

    async def answer(question: str, by: Principal) -> Any:
        return await outcome(plainly(asked(question), by))

    every = [(question, by) for by in (system(S), Sari, Niko) for question in USUAL[:6] for _ in range(3)]
    alone = [await answer(*each) for each in every]
    rows = trails(await told(store, known))  # type: ignore[arg-type]
    assert await asyncio.gather(*(answer(*each) for each in every)) == alone
    assert sorted(map(str, trails(await told(store, known)))) == sorted(map(str, rows))  # type: ignore[arg-type]
    assert "Piilola" not in str(await answer("Patient?_id=aino", Niko))
    assert "Piilola" in str(await answer("Patient?_id=aino", Sari))


async def test_a_token_that_ends_meanwhile_is_not_judged_again(ask: Ask, guarded: Store, store: Store) -> None:
    """What is on record as shown is shown."""
    await the_clients(ask)
    known: set[str] = set()
    await told(store, known)

    class Passing(SystemClock):
        """The end of the token comes after it was looked at."""

        times = 0

        def now(self) -> datetime:
            self.times += 1
            return by.expires - timedelta(seconds=1) if self.times == 1 else by.expires

    by = replace(system(S), expires=datetime(2100, 1, 1, tzinfo=UTC))
    found = await PlainSearch(guarded.begin, Passing(), POLICY)(asked("Goal?patient=Patient/aino&_count=1"), by)
    assert found is not None and found.status == 200
    [(trail, _)] = await told(store, known)  # type: ignore[misc]
    assert trail.outcome == "0"
