"""What a safety ban takes out of a resource, and what is not found by it in memory; pure."""

from typing import Any

import pytest

from builders import a_patient, a_reference, an_encounter
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.json_text import read, write
from sharedplan.fhir.summaries import is_subset
from sharedplan.search.expression import Expression
from sharedplan.search.indexing import index_values
from sharedplan.search.masking import MASKED, is_masked, masked
from sharedplan.search.matching import Known, matches
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.parse import parse


class Banned:
    """Nothing else is at hand, and all of it is masked."""

    def of(self, type: str) -> list[Known]:
        return []

    def allows(self, asked: object, it: Known) -> bool:
        return True

    def masks(self, it: Known) -> bool:
        return True


def test_the_parameters_of_address_and_place_are_masked_and_no_others() -> None:
    found = {type: {each.code for each in PARAMETERS[type].values() if is_masked(each)} for type in PARAMETERS}
    words = {"_text", "_content"}
    of_people = {"address", "telecom", "phone", "email"} | {
        f"address-{part}" for part in ("city", "country", "postalcode", "state", "use")
    }
    assert found["Patient"] == found["RelatedPerson"] == of_people | words
    assert found["Encounter"] == {"location", "location-period"} | words
    assert found["Appointment"] == {"actor", "location"} | words
    assert {type for type in found if found[type] - words} <= set(MASKED)
    # What anything else contains may tell it, too.
    of_clients = {type for type, offered in CATALOGUE.items() if offered.client_data and type != "AuditEvent"}
    assert {type for type in found if words <= found[type]} == of_clients


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "CarePlan", "activity": [{"detail": {"location": a_reference("Location/1"), "status": "x"}}]},
        {"resourceType": "ServiceRequest", "locationReference": [a_reference("Location/1")]},
        {"resourceType": "Device", "location": a_reference("Location/1")},
        {"resourceType": "Provenance", "location": a_reference("Location/1")},
        {"resourceType": "Encounter", "hospitalization": {"origin": a_reference("Location/1")}},
        {"resourceType": "Appointment", "participant": [{"actor": a_reference("https://x.example/Location/1")}]},
        {
            "resourceType": "Appointment",
            "contained": [{"resourceType": "Location", "id": "1", "name": "Location/1"}],
            "participant": [{"actor": a_reference("#1")}],
        },
        {"resourceType": "Patient", "contact": [{"telecom": [{"value": "Location/1"}]}]},
        {"resourceType": "Patient", "extension": [{"url": "urn:x", "valueAddress": {"city": "Location/1"}}]},
    ],
)
def test_what_tells_of_a_place_is_taken_out_and_the_part_is_marked(resource: dict[str, Any]) -> None:
    text = masked(resource["resourceType"], write(resource))
    assert text is not None
    assert "Location/1" not in text
    assert "#1" not in text
    assert is_subset(read(text))


def test_what_tells_of_none_stays_as_it_is_but_a_patient_is_always_marked() -> None:
    assert masked("Encounter", write(an_encounter(id="1"))) is None
    assert is_subset(read(str(masked("Patient", write(a_patient(id="1"))))))


def test_digits_and_other_labels_stay() -> None:
    patient = a_patient(id="1", meta={"security": [{"system": "urn:x", "code": "a"}]}, multipleBirthInteger=2)
    text = str(masked("Patient", write(patient)))
    assert '"multipleBirthInteger":2' in text
    assert [each["code"] for each in read(text)["meta"]["security"]] == ["a", "SUBSETTED"]


@pytest.mark.parametrize(
    ("question", "is_found"),
    [
        ("address-city=Espoo", False),
        ("address=espoo", False),
        ("address-city:missing=true", True),
        ("address-city:missing=false", False),
        ("address-use:not=home", True),
        ("_filter=address-city eq Espoo or name eq virtanen", True),
        ("name=virtanen", True),
    ],
)
def test_in_memory_nothing_is_found_by_what_is_masked(question: str, is_found: bool) -> None:
    patient = a_patient(address=[{"city": "Espoo", "use": "home"}], name=[{"family": "Virtanen"}])
    values = index_values("Patient", patient)
    name, _, value = question.partition("=")
    where: Expression = parse("Patient", [(name, value)]).where
    assert matches(where, "Patient", "1", values, world=Banned()) is is_found
