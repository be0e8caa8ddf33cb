"""Where references may point."""

from typing import Any

import pytest

from judged import found, only, plan
from sharedplan.fhir import resources

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ({"reference": "Practitioner/1"}, "value"),
        ({"reference": "https://x.fi/fhir/Practitioner/1"}, "value"),
        ({"reference": "Practitioner/1/_history/2"}, "value"),
        ({"reference": "Patientt/1"}, "value"),
        ({"reference": "Patient"}, "value"),
        ({"reference": ""}, "value"),
        ({"reference": "Patient/a_b"}, "value"),
        ({"reference": "Patient?identifier=1"}, "value"),
        ({"reference": "Patient/1", "type": "Group"}, "value"),
        ({"type": "Practitioner", "identifier": {"value": "1"}}, "value"),
        ({"reference": 1}, "value"),
        ({}, "invariant"),
        ({"display": ""}, "value"),
    ],
)
def test_a_wrong_reference_is_refused(reference: Json, code: str) -> None:
    assert only(plan(subject=reference)).code == code


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Patient/1"},
        {"reference": "Group/1/_history/2", "type": "Group"},
        {"reference": "https://x.fi/fhir/Patient/1"},
        {"reference": "https://x.fi/about/Anna"},
        {"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},
        {"reference": "#"},
        {"identifier": {"value": "1"}},
        {"type": "Patient", "display": "Anna"},
    ],
)
def test_a_right_reference_is_accepted_without_a_word(reference: Json) -> None:
    assert resources.issues_of("CarePlan", plan(subject=reference)) == []


def test_a_target_of_a_type_that_is_not_offered_is_kept_with_a_warning() -> None:
    assert found(plan(subject={"reference": "FamilyMemberHistory/1"})) == []
    assert found(plan(subject={"reference": "FamilyMemberHistory/1"}), "warning") == [
        ("value", "CarePlan.subject.reference")
    ]


def test_the_allowed_targets_are_named() -> None:
    assert only(plan(subject={"reference": "Task/1"})).saying == "It points at a Task; allowed here: Group, Patient."


def test_a_conditional_reference_is_for_transactions() -> None:
    conditional = plan(subject={"reference": "Patient?identifier=1"})
    resources.check("CarePlan", conditional, in_transaction=True)
    entry = {"resource": conditional, "request": {"method": "POST", "url": "CarePlan"}}
    assert found({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}) == []
    assert found({"resourceType": "Bundle", "type": "batch", "entry": [entry]}) == [
        ("value", "Bundle.entry[0].resource.subject.reference")
    ]
