"""What is refused when a Consent is saved."""

from typing import Any

import pytest

import builders as b
from sharedplan.care import rulebook

GIVEN = "2026-01-10"


def told(interaction: str = "create", current: Any = None, **elements: Any) -> list[str | None]:
    """Where the issues of a consent with these elements are."""
    consent = {name: value for name, value in b.a_consent(**elements).items() if value is not None}
    return [issue.at for issue in rulebook.issues("Consent", interaction, current, consent)]


def test_a_typed_and_dated_consent_is_good() -> None:
    nested = b.a_provision("deny", labels="PSY", provision=[b.a_provision(to="Practitioner/1")])
    assert told(dateTime=GIVEN, provision=b.a_provision(to="Organization/h", provision=[nested])) == []


@pytest.mark.parametrize("interaction", ["create", "update", "patch"])
def test_every_way_to_save_is_an_occasion(interaction: str) -> None:
    stored = b.a_consent() if interaction != "create" else None
    assert told(interaction, stored, provision=b.a_provision()) == ["Consent.dateTime"]


def test_a_consent_in_force_needs_its_patient_by_a_reference() -> None:
    assert told(patient=None, dateTime=GIVEN) == ["Consent.patient"]
    assert told(patient={"identifier": {"value": "1"}}, dateTime=GIVEN) == ["Consent.patient"]


@pytest.mark.parametrize(
    "criterion",
    [
        {"actor": [{"reference": b.a_reference("Practitioner/1")}]},
        {"action": [{"text": "read"}]},
        {"securityLabel": [b.a_label("R")]},
        {"purpose": [{"code": "TREAT"}]},
        {"class": [{"code": "CarePlan"}]},
        {"dataPeriod": {"end": "2020"}},
        {"code": [{"text": "x"}]},
        {"data": [{"meaning": "instance", "reference": b.a_reference("CarePlan/1")}]},
    ],
)
def test_a_root_with_a_criterion_says_permit_or_deny(criterion: Any) -> None:
    assert told(dateTime=GIVEN, provision=criterion) == ["Consent.provision.type"]
    assert told(dateTime=GIVEN, provision={"type": "deny", **criterion}) == []


def test_a_root_with_nothing_but_a_period_needs_no_type() -> None:
    assert told(dateTime=GIVEN, provision={"period": {"start": "2026"}}) == []
    assert told(dateTime=GIVEN) == []


def test_every_nested_provision_says_permit_or_deny() -> None:
    root = b.a_provision(provision=[b.a_provision("deny", provision=[b.a_provision(None)]), b.a_provision(None)])
    assert told(dateTime=GIVEN, provision=root) == [
        "Consent.provision.provision[0].provision[0].type",
        "Consent.provision.provision[1].type",
    ]


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error"])
def test_a_consent_that_is_not_in_force_may_lack_all_that(status: str) -> None:
    assert told(status=status, patient=None, provision=b.a_provision(None, to="Practitioner/1")) == []


def test_a_consent_of_another_scope_may_lack_all_that() -> None:
    scope = b.a_concept("http://terminology.hl7.org/CodeSystem/consentscope", "treatment")
    assert told(scope=scope, patient=None, provision=b.a_provision(None, to="Practitioner/1")) == []
