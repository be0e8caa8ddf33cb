"""A safety ban (turvakielto): address and place are shown to the register's own and the client."""

import json
from typing import Any

import pytest

from builders import a_care_plan, a_care_team, a_goal, a_patient, a_reference, a_related_person, a_task, an_encounter
from exchange.answers import ids, named, searched
from exchange.asking import Ask, a_bundle, an_entry, resource_in
from exchange.cast import AINO, SARI, Aino, H, Niko, S, Sari, a_member, a_permit, consents, system, the_world, together
from sharedplan.errors import Refused, Unprocessable
from sharedplan.search.masking import SAFETY_BAN

BAN = {"security": [{"system": SAFETY_BAN, "code": "turvakielto"}]}
HOME = {
    "line": ["Piilokuja 1"],
    "city": "Piilola",
    "postalCode": "99999",
    "state": "PL",
    "country": "FI",
    "use": "home",
}
PHONE = {"system": "phone", "value": "+358401234567"}
MAIL = {"system": "email", "value": "aino@piilola.example"}
NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Piilola</div>'}
SECRET = ("Piilo", "0401234567", "358401234567", "piilola", "shelter")


def aino(**elements: Any) -> Any:
    return a_patient(
        id="aino",
        name=[{"family": "Virtanen"}],
        address=[HOME],
        telecom=[PHONE, MAIL],
        contact=[{"name": {"family": "Sisko"}, "address": HOME, "telecom": [PHONE]}],
        extension=[{"url": "https://hl7.fi/fhir/StructureDefinition/municipality-code", "valueString": "Piilola"}],
        text=NARRATIVE,
        **elements,
    )


def told(content: Any) -> bool:
    """Whether an answer tells something of where she is."""
    return any(each in str(content) for each in SECRET)


def of_others(bundle: Any) -> list[Any]:
    """The entries without what Niko's organisation keeps itself, and the place that this leads to."""
    return [each for each in bundle["entry"] if each["resource"]["id"] not in ("h", "shelter")]


async def world(ask: Ask, *, banned: bool = True) -> None:
    """Aino, whose address is known in the register of S, and meetings of S and H at a shelter."""
    await the_world(ask)
    meta = {"meta": BAN} if banned else {}
    shelter = {"resourceType": "Location", "id": "shelter", "name": "Piilopaikka", "address": HOME}
    at_shelter = [{"location": a_reference("Location/shelter")}]
    meeting = {
        "resourceType": "Appointment",
        "id": "meeting",
        "status": "proposed",
        "participant": [
            {"actor": a_reference(AINO), "status": "accepted"},
            {"actor": a_reference("Location/shelter"), "status": "accepted"},
        ],
    }
    step = {"status": "in-progress", "location": a_reference("Location/shelter")}
    await together(
        ask,
        system(S),
        aino(**meta),
        shelter,
        meeting,
        a_care_plan(AINO, id="1", activity=[{"detail": step}]),
        a_related_person(AINO, id="leena", address=[HOME], telecom=[PHONE]),
        an_encounter(AINO, id="1", location=at_shelter),
        a_task(AINO, id="nikos", owner=a_reference("Practitioner/niko"), location=a_reference("Location/shelter")),
    )
    await together(ask, system(H), an_encounter(AINO, id="h", location=at_shelter))
    await consents(ask, a_permit(H, S, id="k1"))


async def test_others_read_her_without_her_address_on_every_path(ask: Ask) -> None:
    await world(ask)
    things = ("Patient/aino", "RelatedPerson/leena", "Encounter/1", "Task/nikos", "CarePlan/1", "Appointment/meeting")
    for each in things:
        shown = [resource_in(await ask("read", each, by=Niko))]
        version = shown[0]["meta"]["versionId"]
        shown.append(resource_in(await ask("vread", f"{each}/{version}", by=Niko)))
        shown.append(resource_in(await ask("history-instance", each, by=Niko)))
        assert not told(shown), each
        marks = [label["code"] for label in shown[0]["meta"]["security"]]
        assert "SUBSETTED" in marks
    for question in ("?_type=Patient,Encounter,Task", "Patient?_id=aino&_elements=address", "Patient?_summary=data"):
        assert not told(of_others(await searched(ask, question, by=Niko)))
    whole = await searched(ask, "CarePlan?_include=*&_revinclude=Encounter:subject&_include:iterate=*", by=Niko)
    assert "Patient/aino" in named(whole, "include")
    assert not told(of_others(whole))
    for interaction, address in (("history-type", "Patient"), ("history-system", ""), ("history-type", "Encounter")):
        found = resource_in(await ask(interaction, address, by=Niko))
        assert of_others(found)
        assert not told(of_others(found))
    both = a_bundle("batch", an_entry("GET", "Patient/aino"), an_entry("GET", "Patient?_id=aino"))
    assert not told((await ask("batch", "", both, by=Niko)).content)
    again = await ask("create", "Patient", a_patient(), by=Niko, if_none_exist="name=virtanen")
    assert (again.status, told(again.content)) == (200, False)


async def test_the_registers_own_and_the_client_see_all_of_it(ask: Ask) -> None:
    await world(ask)
    for by in (Sari, system(S), Aino):
        patient = resource_in(await ask("read", AINO, by=by))
        assert patient["address"] == [HOME]
        assert "SUBSETTED" not in str(patient["meta"])
        assert ids(await searched(ask, "Patient?address-city=piilola", by=by)) == ["aino"]
    for by, id in ((Niko, "h"), (Sari, "1"), (system(S), "1"), (Aino, "1"), (Aino, "h")):
        assert told((await ask("read", f"Encounter/{id}", by=by)).content)
    assert not told((await ask("read", "Encounter/h", by=Sari)).content)


async def test_what_is_left_out_is_marked_where_something_has_to_stand(ask: Ask) -> None:
    await world(ask)
    meeting = resource_in(await ask("read", "Appointment/meeting", by=Niko))
    assert meeting["participant"][1]["actor"] == {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]
    }
    patient = resource_in(await ask("read", AINO, by=Niko))
    assert patient["contact"] == [{"name": {"family": "Sisko"}}]
    assert not {"address", "telecom", "extension", "text"} & patient.keys()


QUESTIONS = [
    "Patient?address=piilo",
    "Patient?address:contains=iilol",
    "Patient?address-city=Piilola",
    "Patient?address-postalcode:exact=99999",
    "Patient?address-country=FI",
    "Patient?address-state=PL",
    "Patient?address-use=home",
    "Patient?telecom=+358401234567",
    "Patient?phone=+358401234567",
    "Patient?email=aino@piilola.example",
    "Patient?address:missing=false",
    "Patient?phone:missing=false",
    "Patient?_text=Piilola",
    "Patient?_content=Piilola",
    "Patient?_filter=address co iilo",
    "Patient?_filter=name eq virtanen and phone pr true",
    "Patient?_has:RelatedPerson:patient:address=piilo",
    "RelatedPerson?phone=+358401234567",
    "CarePlan?subject:Patient.address=piilo",
    "Task?patient.address-city=piilola",
    "Encounter?location=Location/shelter",
    "Encounter?location.name=piilopaikka",
    "Encounter?location.address-city=piilola",
    "Encounter?location:missing=false",
    "Appointment?location=Location/shelter",
    "Appointment?actor=Location/shelter",
    "Appointment?actor:Location.name=piilopaikka",
]


async def test_nobody_finds_by_what_he_is_not_shown(ask: Ask) -> None:
    await world(ask)
    wrong = []
    for question in QUESTIONS:
        for by, are_found in ((Niko, False), (system(S), True)):
            own = f"{question}&_filter=not (_id eq h)" if by is Niko and "_filter" not in question else question
            for each in (own, f"{own}&_summary=count"):
                found = await searched(ask, each, by=by)
                wrong += [(each, by.organization)] if bool(found["total"]) is not are_found else []
    assert wrong == []


async def test_without_a_ban_others_find_and_see_it(ask: Ask) -> None:
    await world(ask, banned=False)
    assert told((await ask("read", AINO, by=Niko)).content)
    assert (await searched(ask, "Patient?address-city=piilola", by=Niko))["total"] == 1
    assert "Encounter/1" in named(await searched(ask, "Encounter?location=Location/shelter", by=Niko))


async def test_what_is_hidden_counts_as_missing(ask: Ask) -> None:
    await world(ask)
    for question in ("address:missing=true", "phone:missing=true", "_filter=address pr false"):
        assert ids(await searched(ask, f"Patient?{question}", by=Niko)) == ["aino"]
    assert ids(await searched(ask, "Appointment?actor=Location/shelter,Patient/aino", by=Niko)) == ["meeting"]
    assert "1" in ids(await searched(ask, "Encounter?location:missing=true", by=Niko))


async def test_no_order_and_no_reference_leads_to_it(ask: Ask) -> None:
    await world(ask)
    # Berta, whom Niko's organisation keeps: by their cities Aino would stand before or behind her.
    for city in ("Aavasaksa", "Zzz"):
        berta = a_patient(id="berta", address=[{"city": city}])
        team = {"resourceType": "CareTeam", "id": "b", "status": "active", "subject": a_reference("Patient/berta")}
        team["participant"] = [a_member("Practitioner/niko")]
        await together(ask, system(H), berta, team)
        for sort in ("address-city", "-address-city"):
            assert ids(await searched(ask, f"Patient?_sort={sort}", by=Niko)) == ["berta", "aino"]
    meetings = await searched(ask, "Encounter?_id=1&_include=Encounter:location&_include=*", by=Niko)
    assert "Location/shelter" not in named(meetings, "include")
    appointments = await searched(ask, "Appointment?_include=Appointment:actor", by=Niko)
    assert "Location/shelter" not in named(appointments, "include")
    back = "_revinclude=Encounter:location&_revinclude=Appointment:actor&_revinclude=Appointment:location"
    places = await searched(ask, f"Location?{back}", by=Niko)
    assert named(places, "include") == ["Encounter/h"]
    assert (await searched(ask, "Location?_has:Encounter:location:_id=1", by=Niko))["total"] == 0
    assert (await searched(ask, "Location?_has:Encounter:location:_id=1", by=system(S)))["total"] == 1


async def test_who_sees_a_part_does_not_write_it_back(ask: Ask) -> None:
    await world(ask)
    team = resource_in(await ask("read", "CareTeam/1", by=Sari))
    niko_leads = [a_member("Practitioner/niko", "coordinator"), a_member(SARI)]
    await ask("update", "CareTeam/1", {**team, "participant": niko_leads}, by=Sari)
    shown = resource_in(await ask("read", AINO, by=Niko))
    for body in (shown, {**shown, "meta": {}}, aino()):
        with pytest.raises((Refused, Unprocessable)):
            await ask("update", AINO, body, by=Niko)
    for city in ("Piilola", "Helsinki"):
        guess = [{"op": "test", "path": "/address/0/city", "value": city}]
        with pytest.raises(Refused) as failure:
            await ask("patch", AINO, guess, by=Niko, patch_format="json-patch")
        assert not told(json.dumps([each.saying for each in failure.value.issues]))
    with pytest.raises(Refused):
        await ask("delete", AINO, by=Niko)
    assert resource_in(await ask("read", AINO, by=Sari))["address"] == [HOME]


async def test_a_ban_holds_from_the_next_page_on_and_when_she_is_deleted(ask: Ask) -> None:
    await world(ask, banned=False)
    first = await searched(ask, "?_type=CareTeam,Patient&_count=1", by=Niko)
    following = next(each["url"] for each in first["link"] if each["relation"] == "next")
    await ask("update", AINO, aino(meta=BAN), by=system(S))
    page = await searched(ask, "?" + following.partition("?")[2], by=Niko)
    assert "Patient/aino" in named(page)
    assert not told(page)
    await ask("delete", AINO, by=system(S))
    assert not told((await ask("read", "RelatedPerson/leena", by=Niko)).content)


async def test_a_copy_with_a_text_of_her_own_words_is_found_by_other_things(ask: Ask) -> None:
    await world(ask)
    assert ids(await searched(ask, "Patient?name=virtanen", by=Niko)) == ["aino"]
    assert ids(await searched(ask, "Patient?active:missing=true&name=virtanen", by=Niko)) == ["aino"]


ALONE = "_contained=true&_containedType=contained"


async def test_what_is_contained_is_neither_shown_nor_found_nor_sorted_by_address(ask: Ask) -> None:
    await world(ask)
    inner = [
        {name: value for name, value in aino().items() if name != "text"} | {"id": "her"},
        a_patient(id="other", name=[{"family": "Virtanen"}]),
        an_encounter(AINO, id="visit", location=[{"location": a_reference("Location/shelter")}]),
        {"resourceType": "Location", "id": "place", "name": "Piilopaikka", "address": HOME},
    ]
    pointing = [a_reference(f"#{each['id']}") for each in inner]
    plan = a_care_plan(AINO, id="holding", contained=inner, supportingInfo=pointing)
    team = a_care_team(AINO, id="holding", status="proposed", contained=inner, participant=[{"member": pointing[0]}])
    await together(ask, system(S), plan, team)
    for question, of_own, of_other in (
        (f"Patient?{ALONE}&address-city=piilola", 2, 0),
        (f"Patient?{ALONE}&phone=+358401234567", 2, 0),
        (f"Patient?{ALONE}&address:missing=true", 2, 4),
        (f"Patient?{ALONE}&_content=piilola", 2, 0),
        (f"Patient?{ALONE}&name=virtanen", 4, 4),
        (f"Location?{ALONE}", 2, 0),
        ("Location?_contained=true&name=piilopaikka", 2, 0),
        (f"Encounter?{ALONE}&location=Location/shelter", 2, 0),
        (f"Encounter?{ALONE}&location:Location.name=piilopaikka", 2, 0),
        (f"Encounter?{ALONE}&_include=Encounter:location", 2, 2),
        (f"Encounter?{ALONE}&_include=*", 2, 2),
    ):
        own, other = await searched(ask, question, by=Sari), await searched(ask, question, by=Niko)
        assert (own["total"], other["total"]) == (of_own, of_other), question
        assert not told(other.get("entry", ())), question
        assert "Location/shelter" not in named(other, "include")
    question = f"Patient?{ALONE}&_sort=-address-city&_count=1"
    for by, first in ((Sari, "her"), (Niko, "other")):  # to whom no city is told, for him the ids decide
        found = await searched(ask, question, by=by)
        assert found["entry"][0]["fullUrl"].endswith(f"CarePlan/holding#{first}")


async def test_a_provenance_tells_others_no_place_either(ask: Ask) -> None:
    await world(ask)
    stated = {"resourceType": "Provenance", "location": a_reference("Location/shelter")}
    await ask("update", "Encounter/there", an_encounter(AINO, id="there"), by=system(S), provenance=stated)
    question = "Provenance?target=Encounter/there"
    (to_niko,) = (await searched(ask, question, by=Niko))["entry"]
    (to_sari,) = (await searched(ask, question, by=Sari))["entry"]
    assert (told(to_niko), told(to_sari)) == (False, True)
    by_place = "Provenance?location=Location/shelter"
    assert [(await searched(ask, by_place, by=by))["total"] for by in (Niko, Sari)] == [0, 1]
    led_to = await searched(ask, f"{question}&_include=Provenance:location", by=Niko)
    assert "shelter" not in str(led_to["entry"])


async def test_what_any_other_thing_contains_is_cut_too(ask: Ask) -> None:
    await world(ask)
    her = {name: value for name, value in aino().items() if name != "text"} | {"id": "her"}
    plain = a_patient(id="her", name=[{"family": "Virtanen"}])
    holding = [
        a_goal(AINO, id=id, contained=[one], expressedBy=a_reference("#her"))
        for id, one in (("h1", her), ("h2", plain))
    ]
    await together(ask, system(S), *holding)
    questions = [
        ("read", "Goal/h1"),
        ("vread", "Goal/h1/1"),
        ("history-instance", "Goal/h1"),
        ("history-type", "Goal"),
        ("search-type", "Goal?_id=h1,h2"),
        ("search-type", "Patient?_contained=true&name=virtanen"),
        ("search-type", "Patient?_id=aino&_revinclude=Goal:patient"),
    ]
    for question in questions:
        assert told((await ask(*question, by=Sari)).content), question
        shown = (await ask(*question, by=Niko)).content
        assert "h1" in str(shown) and not told(shown), question
    assert [(await searched(ask, "Goal?_content=piilola", by=by))["total"] for by in (Sari, Niko)] == [1, 0]
    assert resource_in(await ask("read", "Goal/h1", by=Niko))["meta"]["security"][-1]["code"] == "SUBSETTED"
    assert "security" not in resource_in(await ask("read", "Goal/h2", by=Niko))["meta"]
