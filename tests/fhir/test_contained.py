"""Contained resources, and those in Bundles."""

from typing import Any

import pytest

from judged import found, patient, plan
from sharedplan.errors import Unprocessable
from sharedplan.fhir import resources

Json = dict[str, Any]


def test_a_contained_resource_is_judged_by_its_own_type() -> None:
    holder = plan(contained=[{"resourceType": "Patient", "id": "p1", "gendr": "x"}], subject={"reference": "#p1"})
    assert found(holder) == [("structure", "CarePlan.contained[0].gendr")]


@pytest.mark.parametrize(
    ("contained", "at"),
    [
        ({"resourceType": "Patient", "id": "org_1"}, "CarePlan.contained[0].id"),
        ({"resourceType": "Patient", "id": "p1", "meta": {"versionId": "1"}}, "CarePlan.contained[0].meta.versionId"),
        (
            {"resourceType": "Patient", "id": "p1", "meta": {"security": [{"code": "R"}]}},
            "CarePlan.contained[0].meta.security",
        ),
        ({"resourceType": "Patientt", "id": "p1"}, "CarePlan.contained[0].resourceType"),
        ({"id": "p1"}, "CarePlan.contained[0].resourceType"),
        ("p1", "CarePlan.contained[0]"),
    ],
)
def test_what_a_contained_resource_may_not_be(contained: Any, at: str) -> None:
    assert at in [where for _, where in found(plan(contained=[contained]))]


def test_contained_resources_are_not_nested() -> None:
    inner = {"resourceType": "Patient", "id": "p2"}
    outer = {"resourceType": "Patient", "id": "p1", "contained": [inner]}
    assert ("invariant", "CarePlan.contained[0].contained") in found(
        plan(contained=[outer], subject={"reference": "#p1"})
    )


def test_a_local_reference_names_what_is_contained() -> None:
    contained = [{"resourceType": "Patient", "id": "p1"}]
    assert found(plan(contained=contained, subject={"reference": "#p1"})) == []
    assert found(plan(contained=contained, subject={"reference": "#p2"})) == [
        ("invariant", "CarePlan.subject.reference")
    ]
    assert found(plan(subject={"reference": "#p2"}), "warning") == [("invariant", "CarePlan.subject.reference")]


def test_what_nothing_points_at_is_contained_in_vain() -> None:
    contained = [{"resourceType": "Patient", "id": "p1"}]
    assert found(plan(contained=contained)) == []
    assert found(plan(contained=contained), "warning") == [("invariant", "CarePlan.contained[0]")]
    back = [
        {
            "resourceType": "Goal",
            "id": "g",
            "lifecycleStatus": "active",
            "description": {"text": "x"},
            "subject": {"reference": "#"},
        }
    ]
    assert resources.issues_of("CarePlan", plan(contained=back)) == []


def test_ids_of_contained_resources_differ() -> None:
    twins = [
        {"resourceType": "Patient", "id": "p1"},
        {"resourceType": "Group", "id": "p1", "type": "person", "actual": True},
    ]
    assert found(plan(contained=twins, subject={"reference": "#p1"})) == [("duplicate", "CarePlan.contained[1].id")]


def test_a_type_that_is_not_offered_is_judged_too() -> None:
    medication = {"resourceType": "Medication", "id": "m", "status": "strong"}
    product = [{"detail": {"status": "scheduled", "productReference": {"reference": "#m"}}}]
    assert found(plan(contained=[medication], activity=product)) == [("code-invalid", "CarePlan.contained[0].status")]


@pytest.mark.parametrize("type", ["MedicinalProduct", "Evidence"])
def test_a_type_that_no_model_describes_is_kept_without_a_look_inside(type: str) -> None:
    kept = plan(contained=[{"resourceType": type, "id": "x", "whatever": 1}], supportingInfo=[{"reference": "#x"}])
    assert found(kept) == []
    assert found(kept, "information") == [("not-supported", "CarePlan.contained[0]")]


def test_thousands_of_contained_resources_take_no_longer_than_they_are_long() -> None:
    many = [{"resourceType": "Basic", "id": f"b{number}"} for number in range(20_000)]
    assert found(plan(contained=many)) != []


def test_the_entries_of_a_bundle_are_judged_each_in_its_place() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"resource": patient()},
            {"resource": patient(gender="x")},
            {"resource": {"resourceType": "Foo"}},
            {},
        ],
    }
    assert found(bundle) == [
        ("code-invalid", "Bundle.entry[1].resource.gender"),
        ("structure", "Bundle.entry[2].resource.resourceType"),
        ("invariant", "Bundle.entry[3]"),
    ]


REQUEST = {"method": "POST", "url": "Patient"}
PAGE = {"link": [{"relation": "self", "url": "http://x"}]}


@pytest.mark.parametrize(
    ("bundle", "at"),
    [
        ({"type": "sack"}, "Bundle.type"),
        ({}, "Bundle.type"),
        ({"type": "collection", "total": 1}, "Bundle.total"),
        ({"type": "collection", "entry": [{"resource": patient(), "search": {"mode": "match"}}]}, "Bundle.entry"),
        ({"type": "transaction", "entry": [{"resource": patient()}]}, "Bundle.entry"),
        ({"type": "collection", "entry": [{"resource": patient(), "request": REQUEST}]}, "Bundle.entry"),
        ({"type": "batch-response", "entry": [{"resource": patient()}]}, "Bundle.entry"),
        ({"type": "batch", "entry": [{"request": {"method": "POST"}}]}, "Bundle.entry[0].request.url"),
        ({"type": "batch", "entry": [{"request": {"method": "SEND", "url": "x"}}]}, "Bundle.entry[0].request.method"),
        ({"type": "collection", "entry": [{"fullUrl": "Patient/1", "resource": patient()}]}, "Bundle.entry[0].fullUrl"),
        (
            {"type": "collection", "entry": [{"fullUrl": "http://x/Patient/1/_history/1", "resource": patient()}]},
            "Bundle.entry[0].fullUrl",
        ),
        ({"type": "collection", "entry": [{"fullUrl": "urn:uuid:1", "resource": patient()}] * 2}, "Bundle.entry"),
        ({"type": "document", "entry": [{"resource": patient()}]}, "Bundle.identifier"),
        ({"type": "message", "entry": [{"resource": patient()}]}, "Bundle.entry"),
    ],
)
def test_a_bundle_keeps_the_rules_of_its_type(bundle: Json, at: str) -> None:
    assert at in [where for _, where in found({"resourceType": "Bundle", **bundle})]


def test_the_envelope_is_judged_without_its_resources() -> None:
    entry = {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "gender": "x"}, "request": REQUEST}
    resources.check_envelope({"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    assert found({"resourceType": "Bundle", "type": "batch", "entry": [entry]}) != []


@pytest.mark.parametrize(
    "elements",
    [{"meta": None}, {"type": "sack"}, {"entry": [None]}, {"entry": {}}, {"entry": [{"request": {"method": "POST"}}]}],
)
def test_a_wrong_envelope_is_refused(elements: Json) -> None:
    with pytest.raises(Unprocessable):
        resources.check_envelope({"resourceType": "Bundle", "type": "batch", **elements})
