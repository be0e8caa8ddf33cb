"""What is hidden makes no difference: two stores that differ in nothing but hidden data give the same answers."""

import json
import re
from typing import Any

import pytest

from builders import (
    a_care_plan,
    a_care_team,
    a_goal,
    a_patient,
    a_practitioner,
    a_provenance,
    a_reference,
    a_task,
    an_appointment,
    an_observation,
)
from exchange.asking import Ask
from exchange.cast import (
    Aino,
    H,
    Jari,
    Kai,
    Leena,
    Niko,
    Sari,
    a_member,
    consents,
    k1,
    k2,
    system,
    the_world,
    together,
)
from sharedplan.access.principal import Principal
from sharedplan.errors import SharedplanError

OTTO = "Patient/otto"
ASKERS = {"Niko": Niko, "Jari": Jari, "Leena": Leena, "Aino": Aino, "Kai": Kai, "Sari": Sari, "H": system(H)}

QUESTIONS = [
    ("search-type", "CarePlan?_count=1&_sort=-_lastUpdated&_total=accurate"),
    ("search-type", "CarePlan?_include=*&_revinclude=Task:focus&_revinclude=QuestionnaireResponse:based-on"),
    ("search-type", "Patient?_has:CarePlan:patient:status=active&_total=accurate"),
    ("search-type", "Patient?_has:Observation:patient:code:missing=false"),
    ("search-type", "CarePlan?patient.identifier=urn:example:ids|secret"),
    ("search-type", "CarePlan?subject:Patient.name=otto"),
    ("search-type", "Task?focus:CarePlan.status=active"),
    ("search-type", "Goal?_sort=start-date&_total=accurate"),
    ("search-type", "Observation?_summary=count"),
    ("search-type", "Appointment"),
    ("search-type", "Patient?identifier=urn:example:ids|secret"),
    ("search-system", "?_type=CarePlan,Goal,Task,Patient,Observation&_total=accurate"),
    ("search-type", "Provenance?_total=accurate&_sort=-_lastUpdated"),
    ("search-type", "Provenance?target=CarePlan/ottos,Goal/gone&_total=accurate"),
    ("search-type", f"Provenance?patient={OTTO}&_summary=count"),
    ("search-type", "Provenance?agent=Organization/other"),
    ("search-type", "Provenance?recorded=gt2020&_count=2&_include=Provenance:target"),
    ("search-type", "CarePlan?_has:Provenance:target:agent=Organization/other"),
    ("search-type", "CarePlan?_revinclude=Provenance:target"),
    ("history-type", "Provenance"),
    ("read", "Provenance/ottos"),
    ("search-type", "Goal?_contained=both&_sort=-start-date&_total=accurate"),
    ("search-type", "Goal?_contained=true&_containedType=contained&_count=1&_include=Goal:subject"),
    ("search-type", "Practitioner?_contained=true&name=secret"),
    ("search-type", "CarePlan?_contained=both&_revinclude=Task:focus&_summary=count"),
    ("search-system", "?_type=Goal,Task,Observation&_contained=true&_containedType=contained&_total=accurate"),
    ("history-type", "CarePlan"),
    ("history-type", "Patient"),
    ("history-system", ""),
    ("read", "CarePlan/ottos"),
    ("read", OTTO),
    ("vread", "CarePlan/ottos/1"),
    ("history-instance", "CarePlan/ottos"),
    ("read", "Goal/gone"),
    ("history-instance", "Goal/gone"),
    ("patch", "CarePlan/ottos", [{"op": "replace", "path": "/status", "value": "revoked"}]),
    ("delete", "CarePlan/ottos"),
    ("create", "Patient", a_patient(active=True), "identifier=urn:example:ids|secret"),
]


async def hidden(ask: Ask) -> None:
    """Otto's things, in the register of an organisation that nobody here is of; what names him and others."""
    other = system("Organization/other")
    await together(
        ask,
        other,
        a_patient(id="otto", name=[{"family": "otto"}], identifier=[{"system": "urn:example:ids", "value": "secret"}]),
        a_care_plan(
            OTTO,
            id="ottos",
            status="active",
            contained=[
                a_goal(OTTO, id="g", startDate="2001-01-01"),
                a_practitioner(id="d", name=[{"family": "secret"}]),
            ],
            supportingInfo=[a_reference("#g"), a_reference("#d")],
        ),
        a_care_team(OTTO, id="ottos", participant=[a_member("Practitioner/x")]),
        a_goal(OTTO, id="ottos", startDate="2001-01-01"),
        a_goal(OTTO, id="gone"),
        a_task(OTTO, id="ottos", focus=a_reference("CarePlan/ottos"), owner=a_reference("Practitioner/x")),
        an_observation(OTTO, id="ottos"),
        an_appointment(OTTO, id="ottos"),
        a_provenance("CarePlan/ottos", "CarePlan/1", id="ottos"),
    )
    await ask("delete", "Goal/gone", by=other)


async def answered(ask: Ask, by: Principal) -> list[Any]:
    """The answers to all questions, without what every answer has of its own."""
    found: list[Any] = []
    for interaction, address, *more in QUESTIONS:
        body = more[0] if more else None
        condition = {"if_none_exist": more[1]} if len(more) > 1 else {}
        form = {"patch_format": "json-patch"} if interaction == "patch" else {}
        if interaction == "create":
            continue  # would change what is seen by the next
        try:
            answer = await ask(interaction, address, body, by=by, **condition, **form)
            found.append((address, answer.status, _plain(answer.text)))
        except SharedplanError as failure:
            found.append((address, failure.status, failure.code, [each.saying for each in failure.issues]))
    return found


def _plain(content: str | None) -> Any:
    text = re.sub(r'"(lastUpdated|recorded)":"[^"]*"', r'"\1":""', content or "null")
    text = re.sub(r"_page=[^\"&]*", "_page=", text)
    bundle = json.loads(text)
    if isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle":
        bundle.pop("id")
        for entry in bundle.get("entry", ()):
            entry.get("response", {}).pop("lastModified", None)
    return bundle


@pytest.mark.parametrize("name", ASKERS)
async def test_what_is_hidden_changes_no_answer(ask: Ask, name: str) -> None:
    await the_world(ask)
    await consents(ask, k1(), k2())
    before = await answered(ask, ASKERS[name])
    await hidden(ask)
    after = await answered(ask, ASKERS[name])
    assert [each for each in zip(before, after, strict=True) if each[0] != each[1]] == []


@pytest.mark.parametrize("name", ["Niko", "Jari", "Leena", "Kai"])
async def test_a_condition_on_what_is_hidden_finds_nothing(ask: Ask, name: str) -> None:
    await the_world(ask)
    await hidden(ask)
    by = ASKERS[name]
    outcomes = []
    for condition in ("identifier=urn:example:ids|secret", "identifier=urn:example:ids|nobodys"):
        try:
            answer = await ask("create", "Patient", a_patient(), by=by, if_none_exist=condition)
            outcomes.append((answer.status, answer.created))
        except SharedplanError as failure:
            outcomes.append((failure.status, str(failure)))
    assert outcomes[0] == outcomes[1]
