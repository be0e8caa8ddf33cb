"""What is gathered of one client: all of his that may be seen, and the directory that it names, in three statements."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from builders import a_reference, an_encounter
from exchange.asking import BASE, Ask
from exchange.cast import AINO, Aino, Jari, Niko, S, a_permit, classes, consents, k1, k2, system, the_world, together
from sharedplan.access.decision import Facts, decide
from sharedplan.access.principal import Principal
from sharedplan.care.situation import Situation
from sharedplan.catalogue import CATALOGUE
from sharedplan.demo import world
from sharedplan.fhir.exchanges import Asked
from sharedplan.interactions.gathering import gathered
from sharedplan.search.expression import Everything, Expression
from sharedplan.store.unit_of_work import Store

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)


def slices(by: Principal) -> Mapping[str, Expression]:
    return decide(Asked("read", "CarePlan", "1"), by, Facts(datetime.now(UTC)), by_consent=True).slices


async def seen(store: Store, by: Principal, client: str = AINO, **more: Any) -> Situation:
    unit = store.begin()
    unit.asked_by(by.person, by.organization)
    async with unit, unit.snapshot():
        return await gathered(client, unit, within=slices(by), at=AT, plan="CarePlan/1", base=BASE, **more)


@pytest.mark.usefixtures("demo")
async def test_everything_of_the_client_and_the_directory_that_it_names(guarded: Store) -> None:
    found = await seen(guarded, system(world.ORGANIZATION), "Patient/aino")
    whole = world.resources()
    of_aino = {
        name
        for name, each in whole.items()
        if any((each.get(of) or {}).get("reference") == "Patient/aino" for of in ("subject", "patient", "for"))
    }
    assert {"CarePlan/aino", "Patient/aino"} < of_aino | {"Patient/aino"} <= found.resources.keys()
    assert not [name for name in found.resources if name.endswith(("/pekka", "/eetu", "/mikael"))]
    named = {
        reference
        for name in of_aino
        for reference in json.dumps(whole[name]).split('"')
        if reference.startswith(("Practitioner/", "PractitionerRole/", "Organization/", "Location/"))
    }
    assert named and named <= found.resources.keys()
    roles = found.of("PractitionerRole")
    assert all(found.get(each["practitioner"]) is not None for each in roles)
    assert "PractitionerRole/sari-aikuissosiaalityo" in found.resources  # which her name in the team leads to
    assert "PractitionerRole/tuomas-aikuissosiaalityo" not in found.resources
    assert found.registers["CarePlan/aino"] == world.ORGANIZATION
    assert not found.is_cut


async def test_questionnaires_and_models_are_found_by_the_url_that_names_them(ask: Ask, guarded: Store) -> None:
    await the_world(ask)
    definitions: list[dict[str, Any]] = [
        {"resourceType": "Questionnaire", "id": "q", "url": "https://plan.example/forms/need", "status": "active"},
        {"resourceType": "PlanDefinition", "id": "m", "url": "https://plan.example/models/stop", "status": "active"},
    ]
    await together(ask, system(S), *definitions)
    plan = (await seen(guarded, system(S))).resources["CarePlan/1"]
    form = {
        "resourceType": "QuestionnaireResponse",
        "id": "filled",
        "status": "completed",
        "questionnaire": "https://plan.example/forms/need|1",
        "subject": a_reference(AINO),
    }
    await together(ask, system(S), {**plan, "instantiatesCanonical": ["https://plan.example/models/stop"]}, form)
    found = await seen(guarded, system(S))
    assert {"Questionnaire/q", "PlanDefinition/m"} <= found.resources.keys()


async def test_what_is_hidden_is_as_if_it_were_not_there(ask: Ask, guarded: Store) -> None:
    await the_world(ask)
    await consents(ask, k1(), k2())
    everything = await seen(guarded, Aino)
    assert {"Goal/1", "Encounter/1", "Observation/psy", "Consent/k1"} <= everything.resources.keys()
    narrow = await seen(guarded, Jari)
    assert {each.partition("/")[0] for each in narrow.resources} <= {
        *("CarePlan", "CareTeam", "Task", "Practitioner", "PractitionerRole", "Organization")
    }
    assert "CarePlan/1" in narrow.resources
    assert (await seen(guarded, Niko)).resources.keys() > narrow.resources.keys() - {"Organization/n"}


async def test_what_a_judgement_gathers_is_all_there_is(ask: Ask, guarded: Store) -> None:
    await the_world(ask)
    await consents(ask, a_permit(S, id="only", provision=classes("CarePlan")))
    unit = guarded.begin()
    async with unit:
        with unit.judging():
            found = await gathered(AINO, unit, within=dict.fromkeys(CATALOGUE, Everything()), at=AT, base=BASE)
    assert {"Observation/psy", "Goal/1", "Task/nikos", "Consent/only"} <= found.resources.keys()
    assert found.of("Provenance") == []


async def test_more_than_the_limit_is_said(ask: Ask, guarded: Store) -> None:
    await the_world(ask)
    await together(ask, system(S), *(an_encounter(AINO, id=f"e{number}") for number in range(5)))
    found = await seen(guarded, system(S), limit=8)
    assert found.is_cut
    assert "CarePlan/1" in found.resources
    assert not (await seen(guarded, system(S))).is_cut


@pytest.mark.parametrize("text", ["Practitioner/sari", f"{BASE}/Practitioner/sari", "https://other.example/fhir/P/1"])
async def test_references_to_this_server_are_followed_however_they_are_written(
    ask: Ask, guarded: Store, text: str
) -> None:
    await the_world(ask)
    await together(ask, system(S), {"resourceType": "Practitioner", "id": "sari", "name": [{"family": "S"}]})
    await together(ask, system(S), an_encounter(AINO, id="e", participant=[{"individual": a_reference(text)}]))
    found = await seen(guarded, system(S), types=("Encounter",))
    assert ("Practitioner/sari" in found.resources) is ("Practitioner" in text)
