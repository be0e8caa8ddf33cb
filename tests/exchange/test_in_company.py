"""Many who ask the same question at the same time: each is told his own answer, and each leaves his own row."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from builders import a_goal, a_patient
from exchange.asking import BASE, POLICY, Ask
from exchange.cast import (
    ACT,
    AINO,
    SARI,
    Aino,
    H,
    Jari,
    Kai,
    Leena,
    N,
    Niko,
    S,
    Sari,
    consents,
    k1,
    system,
    the_world,
    together,
)
from sharedplan.access.principal import Principal
from sharedplan.clock import SystemClock
from sharedplan.errors import SharedplanError
from sharedplan.exchange.perform import perform
from sharedplan.exchange.plain_read import PlainRead
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Asked
from sharedplan.search.expression import Everything
from sharedplan.search.masking import SAFETY_BAN
from sharedplan.store.joint import Joint
from sharedplan.store.searches import Search
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Store

ASKERS = (system(S), system(H), system(N), Sari, Kai, Niko, Jari, Leena, Aino, replace(system(S), client_id="another"))
CLIENTS = (AINO, "Patient/bo", "Patient/none")
QUESTIONS = (
    *(f"read Goal/{id}" for id in ("1", "bo", "untold", "none")),
    *(f"search-type Goal?patient={client}" for client in CLIENTS),
    *(f"search-type Goal?patient={client}&_include=Goal:patient&_count=1" for client in CLIENTS),
    *(f"search-type Patient?_id={client.removeprefix('Patient/')}" for client in CLIENTS),
)


async def rows(store: Store) -> list[Trail]:
    """The rows of those who asked, by what they said their requests are called."""
    async with store.begin() as unit:
        search = Search({"AuditEvent": Everything()}, {"AuditEvent": Everything()}, 2000, "none", ())
        found = [each.trail for each in (await unit.search(search)).versions]
    return [each for each in found if each is not None and (each.request_id or "").startswith("of-")]


def told(trail: Trail) -> Any:
    return trail._replace(request_id=None, entities=tuple(sorted(trail.entities)))


async def test_each_gets_his_own_answer_and_leaves_his_own_row(
    ask: Ask, guarded: Store, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await the_world(ask)
    await consents(ask, k1())
    untold = {"security": [{"system": ACT, "code": "TBOO"}]}
    goals = a_goal("Patient/bo", id="bo"), a_goal(AINO, id="untold", meta=untold), a_goal(AINO, id="2")
    banned = a_patient(
        id="aino", address=[{"city": "Piilola"}], meta={"security": [{"system": SAFETY_BAN, "code": "1"}]}
    )
    await together(ask, system(S), a_patient(id="bo"), banned, *goals)
    for question in ("Goal/untold", "Goal/1", "Goal/bo"):
        await ask("read", question, by=system(S))
    before = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    log = [f"search-type AuditEvent?patient={each}&_lastUpdated=lt{before}&_sort=-_lastUpdated" for each in CLIENTS]
    plainly = PlainRead(guarded, SystemClock(), POLICY)

    async def answer(by: Principal, question: str, name: str) -> Any:
        interaction, _, address = question.partition(" ")
        path, _, query = address.partition("?")
        type, _, id = path.partition("/")
        pairs = tuple(tuple(pair.split("=", 1)) for pair in query.split("&") if pair)
        asked = Asked(interaction, type, id or None, parameters=pairs, base=BASE, request_id=name)  # type: ignore[arg-type]
        try:
            if interaction == "read" and (version := await plainly(type, id, by, name)) is not None:
                return version.content
            content = (await perform(asked, by, guarded.begin, SystemClock(), POLICY)).content
        except SharedplanError as failure:
            return failure.status
        assert content is not None
        found = json_text.read(content)
        return content if interaction == "read" else (found["total"], len(found["link"]), found.get("entry"))

    every = [(by, question) for by in ASKERS for question in (*QUESTIONS, *log)]
    alone = [await answer(*each, f"of-{n}") for n, each in enumerate(every)]
    assert "Goal/untold" in str(alone) and "Goal/untold" not in str(
        [found for (by, _), found in zip(every, alone, strict=True) if by is Aino]
    )
    where = {
        str(by.person or by.organization)
        for (by, _), found in zip(every, alone, strict=True)
        if "Piilola" in str(found)
    }
    assert where == {S, SARI, AINO}, "a safety ban hides it from the others"
    joined = []
    parameters = Joint.parameters
    monkeypatch.setattr(
        Joint, "parameters", lambda self, who, asked: joined.append(len(asked)) or parameters(self, who, asked)
    )
    for by in (Niko, system(H)):  # in company with himself, for what he may see is not what the others may
        once = await answer(by, "search-type Patient?_id=aino", "again")
        for found in await asyncio.gather(*(answer(by, "search-type Patient?_id=aino", "again") for _ in range(8))):
            assert found == once, "what is hidden from him alone is shown to him in company"
    turns = list(range(len(every))) * 3
    random.Random(7).shuffle(turns)
    asking = [asyncio.create_task(answer(*every[n], f"of-{n}-{turn}")) for turn, n in enumerate(turns)]
    gone = [asyncio.create_task(answer(*every[n], f"of-{n}-gone")) for n in range(len(every))]
    await asyncio.sleep(0.01)
    for each in gone:
        each.cancel()
    answers = await asyncio.gather(*asking)
    for n, found in zip(turns, answers, strict=True):
        assert found == alone[n], (every[n][0].client_id, every[n][0].person, every[n][1])
    assert sum(joined) > 50, "hardly anybody went together"
    await asyncio.gather(*gone, return_exceptions=True)
    assert guarded.pool.in_use == 0

    left: dict[str, list[Trail]] = {}
    for row in await rows(store):
        left.setdefault(str(row.request_id), []).append(told(row))
    assert all(len(each) == 1 for each in left.values())
    for turn, n in enumerate(turns):
        assert left[f"of-{n}-{turn}"] == left[f"of-{n}"], every[n]
