"""The examples of the standard's page on search, asked of resources that they find and of others that they do not;
where the page asks for a type that is not offered here, the same of one that is. https://hl7.org/fhir/R4/search.html
"""

import json
from typing import Any

import pytest

from exchange.asking import Ask, resource_in
from sharedplan.errors import Incorrect
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json

LOINC, SNOMED, MG = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"


def concept(code: str, system: str = "http://acme.org/conditions/codes", text: str = "") -> Json:
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


def about(type: str, id: str, patient: str = "23", **elements: Any) -> Json:
    return {"resourceType": type, "id": id, "subject": {"reference": f"Patient/{patient}"}, **elements}


def observation(id: str, code: str, patient: str = "23", **elements: Any) -> Json:
    return about("Observation", id, patient, status="final", code=concept(code, LOINC), **elements)


def milligrams(value: float) -> Json:
    return {"value": value, "unit": "mg", "system": MG, "code": "mg"}


def times(at: str) -> Json:
    return {"effectiveDateTime": at}


STORED: tuple[Json, ...] = (
    {
        "resourceType": "Patient",
        "id": "23",
        "name": [{"family": "Peter", "given": ["Eve"]}],
        "gender": "male",
        "active": True,
        "identifier": [
            {
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
                "system": "http://acme.org/patient",
                "value": "2345",
            }
        ],
        "generalPractitioner": [{"reference": "Practitioner/joe"}],
    },
    {"resourceType": "Patient", "id": "24", "name": [{"family": "Ng", "given": ["Severine"]}], "gender": "female"},
    {"resourceType": "Patient", "id": "25", "name": [{"given": ["Evelyn"]}]},
    {
        "resourceType": "Practitioner",
        "id": "joe",
        "name": [{"family": "Joe"}],
        "address": [{"state": "MN", "city": "Duluth"}],
    },
    {
        "resourceType": "Group",
        "id": "102",
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": "Patient/23"}}],
        "characteristic": [{"code": concept("gender"), "valueCodeableConcept": concept("mixed"), "exclude": False}],
    },
    observation("o1", "1234-5", valueQuantity=milligrams(5.4), **times("2013-01-14T10:00:00Z")),
    observation("o2", "8480-6", valueQuantity=milligrams(5.43), **times("2013-01-15T00:00:00Z")),
    observation("o3", "1234-5", "24", valueQuantity=milligrams(7), **times("2013-03-14")),
    about("Condition", "c1", code=concept("ha125", text="Headache, of tension")),
    about("Condition", "c2", code=concept("ha126", text="Migraine")),
    {"resourceType": "ValueSet", "id": "v1", "status": "active", "url": "http://acme.org/fhir/ValueSet/123"},
    {"resourceType": "ValueSet", "id": "v2", "status": "draft", "url": "http://acme.org/fhir/ValueSet/123/_history/5"},
    {"resourceType": "ValueSet", "id": "v3", "status": "active", "url": "urn:oid:1.2.3.4.5"},
)

EXAMPLES = {
    "Patient?_id=23": "23",
    "Patient?gender:missing=true": "25",
    "Patient?gender:missing=false": "23 24",
    # Dates: each prefix.
    "Observation?date=eq2013-01-14": "o1",
    "Observation?date=ne2013-01-14": "o2 o3",
    "Observation?date=lt2013-01-14T10:00Z": "",
    "Observation?date=gt2013-01-14T10:00Z": "o2 o3",
    "Observation?date=ge2013-03-14": "o3",
    "Observation?date=le2013-03-14": "o1 o2 o3",
    "Observation?date=sa2013-03-14": "",
    "Observation?date=eb2013-03-14": "o1 o2",
    "Observation?date=ge2010-01-01&date=le2013-02-01": "o1 o2",
    # Strings.
    "Patient?given=eve": "23 25",
    "Patient?given:contains=eve": "23 24 25",
    "Patient?given:exact=Eve": "23",
    # URIs.
    "ValueSet?url=http://acme.org/fhir/ValueSet/123": "v1",
    "ValueSet?url:below=http://acme.org/fhir/": "v1 v2",
    "ValueSet?url:above=http://acme.org/fhir/ValueSet/123/_history/5": "v1 v2",
    "ValueSet?url=urn:oid:1.2.3.4.5": "v3",
    # Tokens.
    "Patient?identifier=http://acme.org/patient|2345": "23",
    "Patient?gender=male": "23",
    "Patient?gender:not=male": "24 25",
    "Patient?active=true": "23",
    "Condition?code=http://acme.org/conditions/codes|ha125": "c1",
    "Condition?code=ha125": "c1",
    "Condition?code:text=headache": "c1",
    "Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|2345": "23",
    # Quantities.
    "Observation?value-quantity=5.4|http://unitsofmeasure.org|mg": "o1 o2",
    "Observation?value-quantity=5.40|http://unitsofmeasure.org|mg": "o1",
    "Observation?value-quantity=5.4||mg": "o1 o2",
    "Observation?value-quantity=5.4": "o1 o2",
    "Observation?value-quantity=le5.4|http://unitsofmeasure.org|mg": "o1",
    "Observation?value-quantity=ap5.4|http://unitsofmeasure.org|mg": "o1 o2",
    # References.
    "Observation?subject=Patient/23": "o1 o2",
    "Observation?subject:Patient=23": "o1 o2",
    "Observation?subject=23": "o1 o2",
    "Observation?subject:Patient.identifier=http://acme.org/patient|2345": "o1 o2",
    # Composites.
    "Observation?code-value-quantity=http://loinc.org|1234-5$gt6.0": "o3",
    "Group?characteristic-value=gender$mixed": "102",
    # Chains, and back.
    "Observation?subject:Patient.name=peter": "o1 o2",
    "Observation?subject.name=peter": "o1 o2",
    "Patient?general-practitioner.name=Joe&general-practitioner.address-state=MN": "23",
    "Patient?general-practitioner.name=Joe&general-practitioner.address-state=FL": "",
    "Patient?_has:Observation:patient:code=1234-5": "23 24",
    "Patient?_has:Observation:patient:code=1234-5&_has:Observation:patient:code=8480-6": "23",
    "Patient?_has:Observation:patient:code=8480-6,1234-5": "23 24",
    "Observation?patient._has:Group:member:_id=102": "o1 o2",
    "Observation?code=http://loinc.org|1234-5&subject.name=peter": "o1",
    # Several values, and several parameters.
    "Patient?given=severine,evelyn": "24 25",
    "Patient?gender=male&active=true": "23",
    "Patient?_lastUpdated=gt2010-10-01": "23 24 25",
}
"""What is asked → the ids of what it finds."""


@pytest.fixture
async def stored(ask: Ask) -> Ask:
    for each in STORED:
        await ask("update", f"{each['resourceType']}/{each['id']}", json_text.read(json.dumps(each)))
    return ask


def found(bundle: Json, mode: str = "match") -> list[str]:
    return [each["resource"]["id"] for each in bundle.get("entry", ()) if each["search"]["mode"] == mode]


async def test_each_finds_what_it_is_to_find(stored: Ask) -> None:
    told = {each: sorted(found(resource_in(await stored("search-type", each)))) for each in EXAMPLES}
    assert told == {each: ids.split() for each, ids in EXAMPLES.items()}


async def test_what_is_asked_of_the_answer(stored: Ask) -> None:
    async def asked(question: str) -> Json:
        return resource_in(await stored("search-type", question))

    assert found(await asked("Patient?active:missing=true&_sort=-gender,_id")) == ["24", "25"]
    assert found(await asked("Observation?_sort=status,-date,code&status=final")) == ["o3", "o2", "o1"]
    assert (await asked("Observation?status=final&_summary=count")).get("total") == 3
    included = await asked(
        "Observation?_id=o1&_include=Observation:patient&_include:iterate=Patient:general-practitioner"
    )
    assert sorted(found(included, "include")) == ["23", "joe"]
    assert found(await asked("Patient?_id=24&_revinclude=Observation:patient"), "include") == ["o3"]
    shown = (await asked("Patient?_id=23&_elements=identifier,active"))["entry"][0]["resource"]
    assert {"identifier", "active"} <= shown.keys()
    assert "name" not in shown
    assert len(found(await asked("Patient?gender:missing=false&_count=1"))) == 1


async def test_what_the_page_calls_wrong_is_refused(stored: Ask) -> None:
    for wrong in ("Patient?foo=bar", "Patient?gender:below-that=male", "Observation?date=yesterday"):
        with pytest.raises(Incorrect):
            await stored("search-type", wrong)
