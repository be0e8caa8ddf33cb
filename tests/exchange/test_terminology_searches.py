"""Searches by value sets, by where a code stands in its system, and by where a resource stands in a hierarchy."""

from dataclasses import replace
from typing import Any

import pytest

from exchange.asking import ANNA, BASE, RECORDS, Ask, a_bundle, a_patient, an_entry, resource_in
from sharedplan.access.scopes import parse
from sharedplan.errors import Incorrect, NotFound, VersionMismatch
from sharedplan.interactions import settling

REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
SERVICES = "urn:oid:1.2.246.537.6.50.201"
EMERGENCY = "urn:valuesets:emergency"


def concept(code: str, *under: Any) -> Any:
    return {"code": code, **({"concept": list(under)} if under else {})}


async def stored(ask: Ask, type: str, id: str, /, **elements: Any) -> None:
    await ask("update", f"{type}/{id}", {"resourceType": type, "id": id, **elements})


async def a_code_system(ask: Ask, id: str, url: str, *concepts: Any, **more: Any) -> None:
    told = {"status": "active", "content": "complete", "concept": list(concepts), **more}
    await stored(ask, "CodeSystem", id, url=url, **told)


async def a_value_set(ask: Ask, id: str, url: str, *include: Any, **more: Any) -> None:
    await stored(ask, "ValueSet", id, url=url, status="active", compose={"include": list(include)}, **more)


async def act_reasons(ask: Ask) -> None:
    """v3-ActReason as far as it is of treatment, and the value set of emergencies."""
    treatment = concept("TREAT", concept("COC"), concept("ETREAT", concept("BTG")))
    await a_code_system(ask, "reason", REASON, treatment, concept("HPAYMT"), hierarchyMeaning="is-a")
    emergency = {"system": REASON, "filter": [{"property": "concept", "op": "is-a", "value": "ETREAT"}]}
    await a_value_set(ask, "emergency", EMERGENCY, emergency)


async def tagged(ask: Ask, *codes: str, place: str = "security") -> None:
    """A Patient for each code, of that id and so labelled."""
    for code in codes:
        await ask("update", f"Patient/{code}", a_patient(id=code, meta={place: [{"system": REASON, "code": code}]}))


async def found(ask: Ask, question: str, **more: Any) -> set[str]:
    """The ids of all matches."""
    bundle = resource_in(await ask("search-type", question, **more))
    return {each["resource"]["id"] for each in bundle.get("entry", [])}


@pytest.mark.parametrize("place", ["security", "tag"])
async def test_labels_are_found_by_a_value_set_and_by_its_absence(ask: Ask, place: str) -> None:
    await act_reasons(ask)
    await tagged(ask, "TREAT", "COC", "ETREAT", "BTG", place=place)
    await ask("update", "Patient/none", a_patient(id="none"))
    for name in (EMERGENCY, "ValueSet/emergency", f"{BASE}/ValueSet/emergency"):
        assert await found(ask, f"Patient?_{place}:in={name}") == {"ETREAT", "BTG"}
        assert await found(ask, f"Patient?_{place}:not-in={name}") == {"TREAT", "COC", "none"}


async def test_a_code_is_found_above_and_below_another(ask: Ask) -> None:
    await act_reasons(ask)
    await tagged(ask, "TREAT", "COC", "ETREAT", "BTG")
    assert await found(ask, f"Patient?_security:below={REASON}|ETREAT") == {"ETREAT", "BTG"}
    assert await found(ask, f"Patient?_security:above={REASON}|ETREAT") == {"ETREAT", "TREAT"}
    assert await found(ask, f"Patient?_security:below={REASON}|BTG,{REASON}|COC") == {"BTG", "COC"}


async def test_services_are_found_by_the_class_they_belong_to(ask: Ask) -> None:
    under = {"code": "1.1", "property": [{"code": "parent", "valueCode": "1"}]}
    await a_code_system(ask, "services", SERVICES, concept("1"), under, concept("2"))
    for code in ("1.1", "2"):
        category = [{"coding": [{"system": SERVICES, "code": code}]}]
        request = {"status": "active", "intent": "order", "subject": {"reference": "Patient/1"}}
        await stored(ask, "ServiceRequest", f"s{code}", category=category, **request)
    assert await found(ask, f"ServiceRequest?category:below={SERVICES}|1") == {"s1.1"}


async def test_value_sets_are_made_of_others_and_of_whole_systems(ask: Ask) -> None:
    await act_reasons(ask)
    await tagged(ask, "TREAT", "COC", "BTG")
    await ask("update", "Patient/s", a_patient(id="s", meta={"security": [{"system": "urn:s", "code": "any"}]}))
    await a_value_set(ask, "wide", "urn:wide", {"valueSet": [EMERGENCY]}, {"system": "urn:s"})
    await a_value_set(ask, "wider", "urn:wider", {"valueSet": ["urn:wide"]})
    assert await found(ask, "Patient?_security:in=urn:wider") == {"BTG", "s"}
    assert await found(ask, f"Patient?_security:in=urn:wider,{EMERGENCY}") == {"BTG", "s"}


async def test_a_value_set_is_taken_in_the_version_that_is_named_or_the_newest(ask: Ask) -> None:
    await tagged(ask, "TREAT", "COC")
    for number, code in (("9", "TREAT"), ("10", "COC")):
        listed = {"system": REASON, "concept": [{"code": code}]}
        await a_value_set(ask, f"v{number}", "urn:v", listed, version=f"1.{number}")
    assert await found(ask, "Patient?_security:in=urn:v") == {"COC"}
    assert await found(ask, r"Patient?_security:in=urn:v\|1.9") == {"TREAT"}
    assert await found(ask, "Patient?_security:in=urn:v|1.9") == {"TREAT"}
    with pytest.raises(Incorrect, match="urn:v"):
        await found(ask, "Patient?_security:in=urn:v|2")


async def test_a_code_element_is_found_by_the_system_that_its_binding_implies(ask: Ask) -> None:
    await a_value_set(
        ask, "g", "urn:g", {"system": "http://hl7.org/fhir/administrative-gender", "concept": [{"code": "male"}]}
    )
    for gender in ("male", "female"):
        await ask("update", f"Patient/{gender}", a_patient(id=gender, gender=gender))
    assert await found(ask, "Patient?gender:in=urn:g") == {"male"}
    assert await found(ask, "Patient?gender:not-in=urn:g") == {"female"}


async def test_value_sets_serve_chains_forwards_and_back(ask: Ask) -> None:
    await act_reasons(ask)
    await tagged(ask, "COC", "BTG")
    for patient in ("COC", "BTG"):
        await stored(
            ask, "Flag", f"f{patient}", status="active", code={"text": "f"}, subject={"reference": f"Patient/{patient}"}
        )
    assert await found(ask, f"Flag?subject:Patient._security:in={EMERGENCY}") == {"fBTG"}
    label = {"security": [{"system": REASON, "code": "ETREAT"}]}
    flag = {"status": "active", "code": {"text": "f"}, "subject": {"reference": "Patient/COC"}}
    await stored(ask, "Flag", "labelled", meta=label, **flag)
    assert await found(ask, f"Patient?_has:Flag:subject:_security:in={EMERGENCY}") == {"COC"}


async def test_all_types_are_searched_by_one_value_set(ask: Ask) -> None:
    await act_reasons(ask)
    await tagged(ask, "COC", "BTG")
    bundle = resource_in(await ask("search-system", f"?_security:in={EMERGENCY}"))
    assert [each["resource"]["id"] for each in bundle["entry"]] == ["BTG"]


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("_security:in=urn:nowhere", "urn:nowhere"),
        ("_security:in=ValueSet/nowhere", "ValueSet/nowhere"),
        ("_security:not-in=urn:nowhere", "urn:nowhere"),
        ("_security:below=urn:nowhere|a", "urn:nowhere"),
        (f"_security:below={REASON}|TREET", "TREET"),
    ],
)
async def test_what_is_not_known_fails_the_search(ask: Ask, question: str, named: str) -> None:
    await act_reasons(ask)
    for lenient in (False, True):
        with pytest.raises(Incorrect, match=named):
            await ask("search-type", f"Patient?{question}", lenient=lenient)


async def test_a_value_set_that_the_asker_may_not_see_is_not_known(ask: Ask) -> None:
    await act_reasons(ask)
    await tagged(ask, "BTG")
    narrow = replace(RECORDS, scopes=parse("system/Patient.rs"))
    with pytest.raises(Incorrect, match=EMERGENCY):
        await found(ask, f"Patient?_security:in={EMERGENCY}", by=narrow)
    wide = replace(RECORDS, scopes=parse("system/Patient.rs system/ValueSet.rs system/CodeSystem.rs"))
    assert await found(ask, f"Patient?_security:in={EMERGENCY}", by=wide) == {"BTG"}


async def test_definitions_beyond_a_number_are_too_many(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "MOST_DEFINITIONS", 1)
    await act_reasons(ask)
    with pytest.raises(Incorrect, match="more than 1 "):
        await found(ask, f"Patient?_security:in={EMERGENCY}")


async def test_a_condition_of_a_write_takes_value_sets(ask: Ask) -> None:
    await act_reasons(ask)
    await tagged(ask, "COC", "BTG")
    condition = (("_security:in", EMERGENCY),)
    labelled = a_patient(gender="male", meta={"security": [{"system": REASON, "code": "BTG"}]})
    query = "&".join("=".join(pair) for pair in condition)
    assert (await ask("update", f"Patient?{query}", labelled)).id == "BTG"
    assert (await ask("create", "Patient", labelled, if_none_exist=query)).id == "BTG"
    with pytest.raises(Incorrect, match="urn:nowhere"):
        await ask("create", "Patient", labelled, if_none_exist="_security:in=urn:nowhere")
    await ask("delete", f"Patient?{query}")
    assert await found(ask, "Patient") == {"COC"}


async def test_a_conditional_reference_meets_what_the_transaction_itself_creates(ask: Ask) -> None:
    await act_reasons(ask)
    labelled = a_patient(meta={"security": [{"system": REASON, "code": "BTG"}]})
    flag = {
        "resourceType": "Flag",
        "status": "active",
        "code": {"text": "f"},
        "subject": {"reference": f"Patient?_security:in={EMERGENCY}"},
    }
    entries = [an_entry("POST", "Patient", labelled), an_entry("POST", "Flag", flag)]
    await ask("transaction", "", a_bundle("transaction", *entries))
    (patient,) = await found(ask, "Patient")
    assert len(await found(ask, f"Flag?subject=Patient/{patient}")) == 1
    unmet = {**flag, "subject": {"reference": f"Patient?_security:below={REASON}|COC"}}
    with pytest.raises((NotFound, VersionMismatch)):
        await ask("transaction", "", a_bundle("transaction", an_entry("POST", "Flag", unmet)))


async def places(ask: Ask, *parents: tuple[str, str | None]) -> None:
    for id, parent in parents:
        part = {"partOf": {"reference": f"Location/{parent}"}} if parent else {}
        await stored(ask, "Location", id, **part)
        encounter: dict[str, Any] = {"status": "planned", "class": {"code": "AMB"}}
        await stored(
            ask, "Encounter", f"in-{id}", **encounter, location=[{"location": {"reference": f"Location/{id}"}}]
        )


async def test_a_reference_is_found_above_and_below_its_place_in_a_hierarchy(ask: Ask) -> None:
    await places(ask, ("house", None), ("ward", "house"), ("room", "ward"), ("other", "house"))
    assert await found(ask, "Encounter?location:below=Location/ward") == {"in-ward", "in-room"}
    assert await found(ask, "Encounter?location:above=Location/ward") == {"in-ward", "in-house"}
    assert await found(ask, "Encounter?location:below=Location/house") == {"in-house", "in-ward", "in-room", "in-other"}
    assert await found(ask, "Location?partof:below=Location/ward") == {"room"}
    assert await found(ask, "Encounter?location:below=Location/nowhere") == set()


async def test_a_circle_of_places_ends(ask: Ask) -> None:
    await places(ask, ("a", "c"), ("b", "a"), ("c", "b"))
    for relation in ("above", "below"):
        assert await found(ask, f"Encounter?location:{relation}=Location/b") == {"in-a", "in-b", "in-c"}


async def test_a_hierarchy_beyond_its_bounds_is_refused(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    await places(ask, ("a", None), ("b", "a"), ("c", "b"))
    monkeypatch.setattr(settling, "MOST_LEVELS", 2)
    with pytest.raises(Incorrect, match="more than 2 levels"):
        await found(ask, "Encounter?location:below=Location/a")
    assert await found(ask, "Encounter?location:below=Location/b") == {"in-b", "in-c"}
    monkeypatch.setattr(settling, "MOST_RELATED", 1)
    with pytest.raises(Incorrect, match="more than 1 resources"):
        await found(ask, "Encounter?location:below=Location/b")


async def test_a_hierarchy_is_walked_along_what_the_asker_may_see(ask: Ask) -> None:
    for id, patient, part in (
        ("top", "anna", None),
        ("mid", "otto", "top"),
        ("low", "anna", "mid"),
        ("own", "anna", "top"),
    ):
        await stored(
            ask,
            "Encounter",
            id,
            status="planned",
            subject={"reference": f"Patient/{patient}"},
            **{"class": {"code": "AMB"}},
            **({"partOf": {"reference": f"Encounter/{part}"}} if part else {}),
        )
        await stored(
            ask,
            "Observation",
            f"o-{id}",
            status="final",
            code={"text": "o"},
            subject={"reference": "Patient/anna"},
            encounter={"reference": f"Encounter/{id}"},
        )
    question = "Observation?encounter:below=Encounter/top"
    assert await found(ask, question) == {"o-top", "o-mid", "o-low", "o-own"}
    assert await found(ask, question, by=ANNA) == {"o-top", "o-own"}


async def test_a_filter_expression_finds_what_its_tests_ask(ask: Ask) -> None:
    await act_reasons(ask)
    await tagged(ask, "COC", "BTG")
    await ask("update", "Patient/m", a_patient(id="m", gender="male", name=[{"given": ["Päivö"]}]))
    assert await found(ask, f'Patient?_filter=_security in {EMERGENCY} or given eq "päivö"') == {"BTG", "m"}
    assert await found(ask, f"Patient?_filter=not (_security in {EMERGENCY}) and gender pr false") == {"COC"}
    flag = {"status": "active", "code": {"text": "f"}, "subject": {"reference": "Patient/m"}}
    await stored(ask, "Flag", "f", **flag)
    assert await found(ask, "Flag?_filter=subject.given co aiv and subject:Patient.gender ne female") == {"f"}
    assert await found(ask, "Flag?_filter=subject.given eq paiv") == set()
    named = a_patient(gender="male", name=[{"given": ["Päivö"]}])
    assert (await ask("create", "Patient", named, if_none_exist="_filter=given%20eq%20paivo")).id == "m"
