"""$everything of a plan: one Bundle with all that it needs to be understood, as each of its readers may see it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from builders import (
    a_care_plan,
    a_goal,
    a_patient,
    a_reference,
    a_task,
    an_encounter,
    an_episode_of_care,
    an_observation,
)
from exchange.asking import BASE, Ask, resource_in
from exchange.cast import (
    AINO,
    Aino,
    Jari,
    Leena,
    Niko,
    Olli,
    S,
    Sari,
    a_permit,
    classes,
    consents,
    k1,
    k2,
    person,
    system,
    the_world,
    together,
)
from exchange.test_trails import entities, log
from sharedplan.access.principal import Principal
from sharedplan.clock import SystemClock
from sharedplan.demo import world
from sharedplan.errors import Gone, Incorrect, NotFound, NotOffered, Unprocessable
from sharedplan.fhir import references, resources
from sharedplan.publishing import publish
from sharedplan.search.masking import SAFETY_BAN
from sharedplan.store.unit_of_work import Store

Json = dict[str, Any]
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
DEMO_SARI = person("Practitioner/sari", world.ORGANIZATION)
DEMO_JARI = person("Practitioner/jari", "Organization/kantapoyta")


async def everything(ask: Ask, by: Principal, plan: str = "CarePlan/1", **more: Any) -> Json:
    return resource_in(await ask("operation", plan, by=by, operation="everything", **more))


def shown(bundle: Json) -> dict[str, Json]:
    """Type/id → resource."""
    found = [each["resource"] for each in bundle["entry"]]
    return {f"{each['resourceType']}/{each['id']}": each for each in found}


def dangling(bundle: Json) -> list[str]:
    """References that lead to nothing in the Bundle."""
    there = shown(bundle).keys()
    texts = [text for each in shown(bundle).values() for _, _, text in references.each(each)]
    return [text for text in texts if not text.startswith("#") and text.removeprefix(f"{BASE}/") not in there]


@pytest.mark.usefixtures("demo")
async def test_the_plan_comes_first_with_all_that_it_needs(ask: Ask, store: Store) -> None:
    await publish(store, SystemClock(), base="")
    bundle = await everything(ask, DEMO_SARI, "CarePlan/aino")
    modes = [each["search"]["mode"] for each in bundle["entry"]]
    assert bundle["entry"][0]["resource"]["id"] == "aino" and modes[0] == "match"
    assert set(modes[1:]) == {"include"} and bundle["total"] == 1
    assert bundle["link"] == [{"relation": "self", "url": f"{BASE}/CarePlan/aino/$everything"}]
    found = shown(bundle)
    assert len(found) == len(bundle["entry"])
    assert {each["fullUrl"] for each in bundle["entry"]} == {f"{BASE}/{name}" for name in found}
    of_aino = {
        name
        for name, each in world.resources().items()
        if any((each.get(of) or {}).get("reference") == "Patient/aino" for of in ("subject", "patient", "for"))
    }
    not_of_the_plan = {"Observation/aino-univaikeus", "Observation/aino-mieliala"}
    assert of_aino - not_of_the_plan <= found.keys()
    assert {
        *("Patient/aino", "Questionnaire/need-assessment", "Practitioner/niko", "PractitionerRole/niko-terveysasema"),
        *("Organization/kantapoyta", "Location/sosiaaliasema", "RelatedPerson/leena", "Consent/aino-leena"),
    } <= found.keys()
    assert not [name for name in found if name.endswith(("/pekka", "/olli", "/tuomas", "/rantakoulu"))]
    assert dangling(bundle) == []
    assert not any(SUBSETTED in each["meta"].get("security", ()) for each in found.values())


@pytest.mark.parametrize("client", ["aino", "pekka", "riitta", "eetu", "mikael"])
@pytest.mark.usefixtures("demo")
async def test_every_reader_of_the_demo_gets_a_valid_bundle_without_a_loose_end(ask: Ask, client: str) -> None:
    team = world.resources()[f"CareTeam/{client}"]
    readers = [person(f"Patient/{client}", None)]
    for each in team["participant"]:
        organization = each.get("onBehalfOf", {}).get("reference")
        readers.append(person(each["member"]["reference"], organization))
    read = 0
    for reader in readers:
        try:
            bundle = await everything(ask, reader, f"CarePlan/{client}")
        except NotFound:
            assert reader.person == "Practitioner/ville"  # who takes no part any more
            continue
        read += 1
        assert dangling(bundle) == [], reader.person
        Bundle.model_validate(bundle)
        for name, each in shown(bundle).items():
            errors = [issue for issue in resources.issues_of(each["resourceType"], each) if issue.severity == "error"]
            assert errors == [], (reader.person, name)
    assert read >= 3


@pytest.mark.usefixtures("demo")
async def test_a_narrow_view_holds_what_it_may_and_no_trace_of_the_rest(ask: Ask) -> None:
    bundle = await everything(ask, DEMO_JARI, "CarePlan/aino")
    found = shown(bundle)
    types = {each["resourceType"] for each in found.values()}
    directory = {"Practitioner", "PractitionerRole", "Organization", "Location", "Questionnaire"}
    assert types - directory == {"CarePlan", "CareTeam", "Task"}
    text = json.dumps(bundle)
    for hidden in ("Goal/", "Condition/", "Patient/", "RelatedPerson/", "Encounter/", "Consent/", "Leena Salmela"):
        assert hidden not in text.replace("https://sharedplan.dev/fhir/", ""), hidden
    plan = found["CarePlan/aino"]
    assert SUBSETTED in plan["meta"]["security"] and "text" not in plan
    masked = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
    assert plan["subject"] == {"extension": [masked]}
    assert plan["goal"] == [{"extension": [masked]}]
    assert [each["reference"] for each in plan["contributor"]] == ["Practitioner/niko", "Practitioner/jari"]
    relative = found["CareTeam/aino"]["participant"][3]
    assert relative["member"] == {"extension": [masked]}
    step = found["Task/aino-oma-askel-uni"]
    assert step["owner"] == {"extension": [masked]} and "extension" not in step


@pytest.mark.usefixtures("demo")
async def test_a_copy_with_something_taken_out_is_not_written_back(ask: Ask) -> None:
    copy = shown(await everything(ask, DEMO_JARI, "CarePlan/aino"))["CarePlan/aino"]
    with pytest.raises(Unprocessable):
        await ask("update", "CarePlan/aino", copy, by=DEMO_SARI)


async def test_whoever_may_not_see_the_plan_is_told_that_there_is_none(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1(), k2())
    for stranger in (Olli, person("Practitioner/niko", None), Leena):
        with pytest.raises(NotFound, match="there is no CarePlan/1"):
            await everything(ask, stranger)
    with pytest.raises(NotFound, match="there is no CarePlan/never"):
        await everything(ask, Sari, "CarePlan/never")
    for reader in (Sari, Niko, Jari, Aino):
        assert (await everything(ask, reader))["entry"][0]["resource"]["id"] == "1"
    await consents(ask, a_permit("RelatedPerson/leena", id="leena", provision=classes("CarePlan", "Goal", "Patient")))
    assert {"Goal/1", "Patient/aino"} < shown(await everything(ask, Leena)).keys()
    await ask("delete", "CarePlan/1", by=system(S))
    with pytest.raises(Gone):
        await everything(ask, system(S))


async def test_what_belongs_to_another_plan_or_episode_stays_out(ask: Ask) -> None:
    await the_world(ask)
    of_now = {"url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare", "valueReference": {}}
    plan = (await everything(ask, system(S)))["entry"][0]["resource"]
    spine = [{**of_now, "valueReference": a_reference("EpisodeOfCare/now")}]
    before = [{**of_now, "valueReference": a_reference("EpisodeOfCare/before")}]
    await together(
        ask,
        system(S),
        {**plan, "extension": spine, "supportingInfo": [a_reference("Observation/strength")]},
        an_episode_of_care(AINO, id="now"),
        an_episode_of_care(AINO, id="before"),
        a_care_plan(AINO, id="old", extension=before, status="completed", goal=[a_reference("Goal/old")]),
        a_goal(AINO, id="old"),
        a_task(AINO, id="old", basedOn=[a_reference("CarePlan/old")]),
        an_encounter(AINO, id="old", episodeOfCare=[a_reference("EpisodeOfCare/before")]),
        an_encounter(AINO, id="now", episodeOfCare=[a_reference("EpisodeOfCare/now")]),
        a_task(AINO, id="unsaid"),
        an_observation(AINO, id="strength"),
        an_observation(AINO, id="other"),
        an_observation(AINO, id="of-a-meeting", encounter=a_reference("Encounter/now")),
    )
    found = shown(await everything(ask, system(S)))
    assert {"Task/unsaid", "Encounter/1", "Encounter/now", "EpisodeOfCare/now", "Goal/1"} <= found.keys()
    assert {"Observation/strength", "Observation/of-a-meeting"} <= found.keys()
    assert not [name for name in found if name.endswith(("/old", "/before")) or name == "Observation/other"]


async def test_consents_that_are_no_longer_in_force_stay_out(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1(), {**k2(), "status": "inactive"})
    found = shown(await everything(ask, Aino))
    assert "Consent/k1" in found and "Consent/k2" not in found


async def test_a_safety_ban_masks_addresses_and_places_here_too(ask: Ask) -> None:
    await the_world(
        ask, meta={"security": [{"system": SAFETY_BAN, "code": "turvakielto"}]}, address=[{"city": "Piilo"}]
    )
    await consents(ask, k1())
    shelter = {"resourceType": "Location", "id": "shelter", "name": "Piilopaikka"}
    await together(
        ask, system(S), shelter, an_encounter(AINO, id="1", location=[{"location": a_reference("Location/shelter")}])
    )
    bundle = await everything(ask, Niko)
    assert "Piilo" not in json.dumps(bundle) and "shelter" not in json.dumps(bundle)
    assert "Patient/aino" in shown(bundle)
    assert "Location/shelter" in shown(await everything(ask, Sari))


async def test_references_out_of_this_service_stay_and_those_to_what_is_not_offered_lead_nowhere(ask: Ask) -> None:
    await the_world(ask)
    elsewhere = [
        a_reference("https://other.example/fhir/Encounter/7"),
        {"reference": "Procedure/9", "display": "Operation"},
    ]
    plan = (await everything(ask, system(S)))["entry"][0]["resource"]
    await together(ask, system(S), {**plan, "supportingInfo": [*elsewhere, a_reference("Observation/never")]})
    found = shown(await everything(ask, system(S)))["CarePlan/1"]
    assert found["supportingInfo"] == [elsewhere[0], {"display": "Operation"}]


async def test_it_is_on_record_with_whom_and_what_it_showed(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    bundle = await everything(ask, Niko)
    event = (await log(ask))[-1]
    assert event["subtype"][0]["code"] == "$everything" and event["outcome"] == "0"
    assert {name for name in shown(bundle)} <= {*entities(event)}
    mine = resource_in(await ask("search-type", f"AuditEvent?patient={AINO}&_count=100", by=Aino))
    assert any("Niko" in json.dumps(each) or "niko" in json.dumps(each) for each in mine["entry"])
    with pytest.raises(NotFound):
        await everything(ask, Olli)
    refused = (await log(ask))[-1]
    assert (refused["subtype"][0]["code"], refused["outcome"]) == ("$everything", "4")


async def test_an_emergency_shows_the_core_and_says_so(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    emergency = replace(Olli, purpose="ETREAT")
    body = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "unconscious"}]}
    await ask("operation", AINO, body, by=emergency, operation="break-glass", method="POST")
    answer = await ask("operation", "CarePlan/1", by=emergency, operation="everything")
    bundle = resource_in(answer)
    assert answer.labels == ("ETREAT",)
    assert {each["resourceType"] for each in shown(bundle).values()} & {"Goal", "Encounter", "Task"} == set()
    assert dangling(bundle) == []


async def test_it_is_asked_of_one_plan_without_parameters(ask: Ask) -> None:
    await the_world(ask)
    empty = {"resourceType": "Parameters"}
    assert (await everything(ask, Sari, body=empty, method="POST"))["total"] == 1
    for address in ("Patient/aino", "CarePlan"):
        with pytest.raises(NotOffered):
            await everything(ask, Sari, address)
    for more in ({"body": a_patient(id="1"), "method": "POST"}, {"body": [], "method": "POST"}):
        with pytest.raises(Incorrect):
            await everything(ask, Sari, **more)
    with pytest.raises(Incorrect, match="_since"):
        await everything(ask, Sari, "CarePlan/1?_since=2026")
