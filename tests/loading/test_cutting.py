"""References taken out: what is left of the resource is still whole, or it is refused."""

from typing import Any

import pytest

from loading.texts import plan
from sharedplan.fhir import resources
from sharedplan.loading.cutting import Required, without

GONE = "urn:uuid:gone"


def is_cut(text: str) -> bool:
    return text == GONE


def encounter(**elements: Any) -> dict[str, Any]:
    klass = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    return {"resourceType": "Encounter", "status": "finished", "class": klass, **elements}


def test_a_resource_without_such_references_comes_back_itself() -> None:
    resource = plan("Patient/1", goal=[{"reference": "Goal/1"}])
    left, count = without(resource, is_cut)
    assert left is resource
    assert count == 0


def test_the_last_of_a_list_takes_the_list_along() -> None:
    left, count = without(
        plan("Patient/1", goal=[{"reference": GONE}], addresses=[{"reference": "Condition/1"}]), is_cut
    )
    assert count == 1
    assert "goal" not in left
    assert left["addresses"] == [{"reference": "Condition/1"}]
    assert resources.issues_of("CarePlan", left) == []


def test_what_says_who_is_meant_only_loses_its_link() -> None:
    author = {"reference": GONE, "type": "Device", "display": "Sari", "identifier": {"value": "1"}}
    left, _ = without(plan("Patient/1", author=author), is_cut)
    assert left["author"] == {"display": "Sari", "identifier": {"value": "1"}}
    assert resources.issues_of("CarePlan", left) == []


def test_an_element_that_cannot_be_without_goes_as_a_whole() -> None:
    resource = encounter(
        diagnosis=[{"condition": {"reference": GONE}, "rank": 1}, {"condition": {"reference": "Condition/1"}}],
        location=[{"location": {"reference": GONE}, "status": "completed"}],
    )
    left, count = without(resource, is_cut)
    assert count == 2
    assert left["diagnosis"] == [{"condition": {"reference": "Condition/1"}}]
    assert "location" not in left
    assert resources.issues_of("Encounter", left) == []


def test_an_extension_goes_with_its_value() -> None:
    extension = {
        "url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare",
        "valueReference": {"reference": GONE},
    }
    left, _ = without(plan("Patient/1", extension=[extension]), is_cut)
    assert "extension" not in left


def test_beside_a_value_in_a_list_the_places_stay() -> None:
    held = {"extension": [{"url": "urn:x", "valueReference": {"reference": GONE}}]}
    kept = {"extension": [{"url": "urn:y", "valueString": "y"}]}
    resource = plan("Patient/1", instantiatesUri=["urn:a", "urn:b"], _instantiatesUri=[held, kept])
    left, _ = without(resource, is_cut)
    assert left["_instantiatesUri"] == [None, kept]
    left, _ = without(plan("Patient/1", instantiatesUri=["urn:a"], _instantiatesUri=[held]), is_cut)
    assert "_instantiatesUri" not in left


def test_contained_resources_are_looked_into() -> None:
    contained = {"resourceType": "CareTeam", "id": "t", "participant": [{"member": {"reference": GONE}}]}
    left, count = without(plan("Patient/1", contained=[contained], careTeam=[{"reference": "#t"}]), is_cut)
    assert count == 1
    assert left["contained"] == [{"resourceType": "CareTeam", "id": "t"}]


def test_a_required_reference_refuses_the_resource() -> None:
    with pytest.raises(Required, match=r"CarePlan\.subject is required, and refers to urn:uuid:gone"):
        without(plan(GONE), is_cut)


def test_the_order_of_what_stays_is_the_order_it_came_in() -> None:
    left, _ = without({"zeta": 1, "goal": [{"reference": GONE}], "alpha": 2, "resourceType": "CarePlan"}, is_cut)
    assert list(left) == ["zeta", "alpha", "resourceType"]
