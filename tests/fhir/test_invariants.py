"""Invariants of R4: each breach is told by its key, and what keeps them passes."""

from typing import Any

import pytest

from judged import found, only, patient, plan
from sharedplan.fhir import resources
from sharedplan.fhir.moments import is_in_order

Json = dict[str, Any]

QUANTITY = {"value": 1, "code": "h", "system": "http://unitsofmeasure.org"}


def timed(**repeat: Any) -> Json:
    return plan(activity=[{"detail": {"status": "scheduled", "scheduledTiming": {"repeat": repeat}}}])


def extended(**value: Any) -> Json:
    return patient(extension=[{"url": "http://x", **value}])


def condition(**elements: Any) -> Json:
    return {"resourceType": "Condition", "subject": {"reference": "Patient/1"}, **elements}


def observation(**elements: Any) -> Json:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, **elements}


def question(**elements: Any) -> Json:
    return {"resourceType": "Questionnaire", "status": "active", "item": [{"linkId": "1", **elements}]}


def coded(code: str, system: str) -> Json:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


def value_set(**include: Any) -> Json:
    return {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]}}


def search_parameter(**elements: Any) -> Json:
    return {
        "resourceType": "SearchParameter",
        "url": "http://x/SearchParameter/note",
        "name": "Note",
        "status": "active",
        "description": "x",
        "code": "note",
        "base": ["Goal"],
        "type": "string",
        **elements,
    }


def structure(**elements: Any) -> Json:
    whole = {
        "resourceType": "StructureDefinition",
        "url": "http://x/StructureDefinition/note",
        "name": "Note",
        "status": "active",
        "kind": "complex-type",
        "abstract": False,
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "context": [{"type": "element", "expression": "CarePlan"}],
        "differential": {"element": [{"id": "Extension", "path": "Extension"}]},
        **elements,
    }
    return {name: value for name, value in whole.items() if value is not None}


def listed(**elements: Any) -> Json:
    return {"resourceType": "List", "status": "current", "mode": "snapshot", **elements}


def appointment(**elements: Any) -> Json:
    return {
        "resourceType": "Appointment",
        "status": "booked",
        "participant": [{"status": "accepted", "actor": {"display": "x"}}],
        "start": "2025-06-03T14:10:00Z",
        "end": "2025-06-03T15:10:00Z",
        **elements,
    }


BREACHES: list[tuple[str, Json]] = [
    ("ext-1", extended()),
    ("ext-1", extended(valueCode="a", extension=[{"url": "y", "valueCode": "b"}])),
    ("per-1", plan(period={"start": "2025-06-03", "end": "2025-06-02"})),
    ("per-1", plan(period={"start": "2025-06-03T12:00:00+03:00", "end": "2025-06-03T08:59:59Z"})),
    ("per-1", plan(period={"start": "2025-06-03", "end": "2025-06-03T14:10:00Z"})),
    ("qty-3", extended(valueQuantity={"value": 1, "code": "h"})),
    ("rng-2", extended(valueRange={"low": {**QUANTITY, "value": 2}, "high": QUANTITY})),
    ("rat-1", extended(valueRatio={"numerator": QUANTITY})),
    ("age-1", extended(valueAge={"value": 0, "code": "a", "system": "http://unitsofmeasure.org"})),
    ("cnt-3", extended(valueCount={"value": 1, "code": "2", "system": "http://unitsofmeasure.org"})),
    ("dis-1", extended(valueDistance={"value": 1, "unit": "km"})),
    ("drt-1", extended(valueDuration={"value": 1, "code": "h", "system": "http://x"})),
    ("cpt-2", patient(telecom=[{"value": "040"}])),
    ("exp-1", extended(valueExpression={"language": "text/fhirpath"})),
    ("tim-1", timed(duration=1)),
    ("tim-2", timed(period=1)),
    ("tim-4", timed(duration=-1, durationUnit="h")),
    ("tim-5", timed(period=-1, periodUnit="h")),
    ("tim-6", timed(periodMax=1)),
    ("tim-7", timed(durationMax=1)),
    ("tim-8", timed(countMax=1)),
    ("tim-9", timed(offset=1, when=["C"])),
    ("tim-10", timed(timeOfDay=["10:00:00"], when=["AC"])),
    ("trd-1", extended(valueTriggerDefinition={"type": "periodic", "timingDate": "2025", "data": [{"type": "Task"}]})),
    (
        "trd-2",
        extended(
            valueTriggerDefinition={
                "type": "periodic",
                "timingDate": "2025",
                "condition": {"language": "x", "expression": "y"},
            }
        ),
    ),
    ("trd-3", extended(valueTriggerDefinition={"type": "named-event"})),
    ("drq-1", extended(valueDataRequirement={"type": "Task", "codeFilter": [{"valueSet": "http://x"}]})),
    ("txt-1", patient(text={"status": "generated", "div": "<div>a<script/></div>"})),
    ("app-2", appointment(end=None) | {"end": "2025-06-03T15:10:00Z"} | {"start": "2025-06-03T14:10:00Z"}),
    ("app-3", {k: v for k, v in appointment().items() if k not in ("start", "end")}),
    ("app-4", appointment(cancelationReason={"text": "x"})),
    ("app-1", appointment(participant=[{"status": "accepted"}])),
    ("con-1", condition(stage=[{"type": {"text": "x"}}])),
    ("con-4", condition(abatementString="x", clinicalStatus=coded("active", "condition-clinical"))),
    (
        "con-5",
        condition(
            clinicalStatus=coded("active", "condition-clinical"),
            verificationStatus=coded("entered-in-error", "condition-ver-status"),
        ),
    ),
    ("ppc-1", {"resourceType": "Consent", "status": "active", "scope": {"text": "x"}, "category": [{"text": "x"}]}),
    (
        "grp-1",
        {
            "resourceType": "Group",
            "type": "person",
            "actual": False,
            "member": [{"entity": {"reference": "Patient/1"}}],
        },
    ),
    ("lst-1", listed(emptyReason={"text": "x"}, entry=[{"item": {"display": "x"}}])),
    ("lst-2", listed(entry=[{"item": {"display": "x"}, "deleted": True}])),
    ("lst-3", listed(entry=[{"item": {"display": "x"}, "date": "2025"}])),
    ("obs-3", observation(referenceRange=[{"type": {"text": "x"}}])),
    ("obs-6", observation(valueString="x", dataAbsentReason={"text": "y"})),
    (
        "obs-7",
        observation(code=coded("a", "b"), valueString="x", component=[{"code": coded("a", "b"), "valueString": "y"}]),
    ),
    ("org-1", {"resourceType": "Organization", "active": True}),
    ("org-2", {"resourceType": "Organization", "name": "x", "address": [{"use": "home", "city": "Turku"}]}),
    (
        "org-3",
        {"resourceType": "Organization", "name": "x", "telecom": [{"use": "home", "system": "phone", "value": "1"}]},
    ),
    ("pat-1", patient(contact=[{"gender": "female"}])),
    ("que-1", question(type="group")),
    ("que-1", question(type="display", item=[{"linkId": "2", "type": "string"}])),
    ("que-2", question(type="group", item=[{"linkId": "1", "type": "string"}])),
    ("que-3", question(type="display", code=[{"code": "x"}])),
    ("que-4", question(type="choice", answerOption=[{"valueString": "x"}], answerValueSet="http://x")),
    ("que-5", question(type="boolean", answerOption=[{"valueString": "x"}])),
    ("que-6", question(type="display", required=True)),
    ("que-7", question(type="string", enableWhen=[{"question": "1", "operator": "exists", "answerString": "x"}])),
    ("que-8", question(type="display", initial=[{"valueString": "x"}])),
    ("que-9", question(type="display", readOnly=True)),
    ("que-10", question(type="choice", maxLength=1)),
    ("que-11", question(type="choice", answerOption=[{"valueString": "x"}], initial=[{"valueString": "x"}])),
    ("que-13", question(type="string", initial=[{"valueString": "x"}, {"valueString": "y"}])),
    (
        "qrs-1",
        {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "item": [{"linkId": "1", "answer": [{"valueString": "x"}], "item": [{"linkId": "2"}]}],
        },
    ),
    (
        "prr-1",
        {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "subject": {"reference": "Patient/1"},
            "orderDetail": [{"text": "x"}],
        },
    ),
    ("spd-1", search_parameter(xpath="f:Goal/f:note")),
    ("spd-2", search_parameter(chain=["name"])),
    ("sdf-4", structure(baseDefinition=None)),
    ("sdf-5", structure(context=None)),
    ("sdf-14", structure(differential={"element": [{"path": "Extension"}]})),
    ("sdf-16", structure(differential={"element": [{"id": "E", "path": "E"}, {"id": "E", "path": "E.url"}]})),
    ("sdf-18", structure(type="CarePlan", contextInvariant=["true"])),
    ("vsd-1", value_set(version="1")),
    ("vsd-2", value_set(valueSet=["http://x"], concept=[{"code": "a"}])),
    (
        "vsd-3",
        value_set(system="http://x", concept=[{"code": "a"}], filter=[{"property": "p", "op": "=", "value": "v"}]),
    ),
    (
        "csd-1",
        {"resourceType": "CodeSystem", "status": "active", "content": "complete", "concept": [{"code": "a"}] * 2},
    ),
    ("inv-1", {"resourceType": "Parameters", "parameter": [{"name": "x"}]}),
]
BREACHES = [(key, resource) for key, resource in BREACHES if key != "app-2"] + [
    ("app-2", {k: v for k, v in appointment().items() if k != "end"})
]


@pytest.mark.parametrize(("key", "resource"), BREACHES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_breach_of_an_invariant_is_told_with_its_key(key: str, resource: Json) -> None:
    issues = resources.issues_of(resource["resourceType"], resource)
    told = [i for i in issues if i.code == "invariant" and f"({key})" in i.saying]
    assert told, issues
    assert {i.severity for i in told} == {"error"}


def test_a_required_code_of_a_concept_is_asked_for() -> None:
    assert only(condition(clinicalStatus={"text": "active"})).at == "Condition.clinicalStatus"
    assert only(condition(clinicalStatus=coded("alive", "condition-clinical"))).code == "code-invalid"
    assert found(condition(clinicalStatus=coded("active", "condition-clinical"))) == []


def test_data_without_its_kind_is_told_and_kept() -> None:
    assert found(patient(photo=[{"data": "AAAA"}]), "warning") == [("invariant", "Patient.photo[0].contentType")]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-06-03", "2025-06-03"),
        ("2025-06", "2025-07-01"),
        ("2025-06-03", "2025-06-04T00:00:00Z"),
        ("2025-06-03T10:00:00+03:00", "2025-06-03T07:00:00Z"),
        ("2025-06-03T10:00:00Z", "2025-06-03T10:00:00.001Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        (None, "2025"),
        ("2025", None),
    ],
)
def test_times_in_order(start: str | None, end: str | None) -> None:
    assert is_in_order(start, end)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-06-03", "2025-06-02"),
        ("2025-06", "2025-06-03"),
        ("2025-06-03", "2025-06-03T10:00:00Z"),
        ("2026", "2025-12-31"),
    ],
)
def test_times_not_in_order_or_nobody_can_tell(start: str, end: str) -> None:
    assert not is_in_order(start, end)
