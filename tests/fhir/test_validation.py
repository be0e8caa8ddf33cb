"""Validation: every problem is found and told with its path and a sentence that helps."""

import copy
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judged import found, only, patient, plan
from published import example
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Unprocessable
from sharedplan.fhir import resources
from sharedplan.fhir.faults import MOST
from sharedplan.fhir.models import fields, model

Json = dict[str, Any]
MASKED = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}

# Paths and sentences


def test_a_fault_is_told_with_its_whole_path() -> None:
    activity = [{"detail": {"status": "scheduled"}}, {}, {"detail": {"status": "done"}}]
    assert found(plan(activity=activity)) == [
        ("invariant", "CarePlan.activity[1]"),
        ("code-invalid", "CarePlan.activity[2].detail.status"),
    ]


def test_all_faults_are_told_at_once() -> None:
    broken = plan(status="aktiivinen", subjct=1, title=[], period={"start": "2025-02-30"}, category={"text": "x"})
    del broken["intent"]
    assert sorted(found(broken)) == [
        ("code-invalid", "CarePlan.status"),
        ("required", "CarePlan.intent"),
        ("structure", "CarePlan.category"),
        ("structure", "CarePlan.subjct"),
        ("structure", "CarePlan.title"),
        ("value", "CarePlan.period.start"),
    ]


def test_the_nearest_name_is_offered_for_an_unknown_element() -> None:
    assert only(plan(statuss="x")).saying == '"statuss" is no element here. Did you mean status?'


def test_a_name_that_is_no_path_is_left_out_of_the_path() -> None:
    assert only(plan(**{"a b.c": 1})).at == "CarePlan"


def test_the_codes_of_a_required_binding_are_listed() -> None:
    assert only(plan(intent="x")).saying == ('"x" should be one of the codes option, order, plan, proposal.')


@pytest.mark.parametrize(
    ("type", "status"),
    [("Encounter", "entered-in-error"), ("Task", "completed"), ("Observation", "corrected")],
)
def test_codes_that_the_models_forgot_are_accepted(type: str, status: str) -> None:
    smallest: Json = {
        "Encounter": {"class": {"code": "AMB"}},
        "Task": {"intent": "order"},
        "Observation": {"code": {"text": "x"}},
    }[type]
    assert found({"resourceType": type, "status": status, **smallest}) == []


def test_a_choice_is_told_by_its_fhirpath_name() -> None:
    assert found(patient(deceasedBoolean="yes")) == [("value", "Patient.deceased")]
    assert found(patient(multipleBirthInteger=1, multipleBirthBoolean=True)) == [("structure", "Patient.multipleBirth")]
    assert found(patient(extension=[{"url": "http://x", "valueString": "a", "valueCode": "b"}])) == [
        ("structure", "Patient.extension[0].value")
    ]


def test_a_choice_that_is_required_is_missed_by_its_name() -> None:
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": "Patient/1"}],
        "recorded": "2025-06-03T14:10:00Z",
        "agent": [{"who": {"display": "x"}}],
    }
    assert found(provenance) == []
    member = {"resourceType": "Group", "type": "person", "actual": False, "characteristic": [{"code": {"text": "x"}}]}
    assert sorted(found(member)) == [
        ("required", "Group.characteristic[0].exclude"),
        ("required", "Group.characteristic[0].value"),
    ]


def test_a_long_value_is_not_repeated_whole() -> None:
    assert len(only(patient(gender="x" * 1000)).saying) < 200


def test_endless_faults_end() -> None:
    broken = patient(name=[{"family": 1, "given": [1] * 50} for _ in range(1000)], **{f"x{n}": 1 for n in range(1000)})
    issues = resources.issues_of("Patient", broken)
    assert len(issues) == MOST + 1
    assert "more problems" in issues[-1].saying


# The shape of JSON


@pytest.mark.parametrize(
    ("elements", "at"),
    [
        ({"active": None}, "Patient.active"),
        ({"name": None}, "Patient.name"),
        ({"name": {}}, "Patient.name"),
        ({"name": []}, "Patient.name"),
        ({"name": [None]}, "Patient.name[0]"),
        ({"name": [{}]}, "Patient.name[0]"),
        ({"name": [{"id": "x"}]}, "Patient.name[0]"),
        ({"name": ["Anna"]}, "Patient.name[0]"),
        ({"name": [{"given": "Anna"}]}, "Patient.name[0].given"),
        ({"name": [{"given": []}]}, "Patient.name[0].given"),
        ({"name": [{"given": [None]}]}, "Patient.name[0].given[0]"),
        ({"name": [{"given": ["A", None], "_given": [None, None]}]}, "Patient.name[0].given[1]"),
        ({"name": [{"_given": []}]}, "Patient.name[0].given"),
        ({"name": [{"_given": [{}]}]}, "Patient.name[0].given[0]"),
        ({"active": [True]}, "Patient.active"),
        ({"active": {"x": 1}}, "Patient.active"),
        ({"_active": {"value": True}}, "Patient.active.value"),
        ({"_active": []}, "Patient.active"),
        ({"_id": {"extension": [{"url": "http://x", "valueCode": "a"}]}}, "Patient._id"),
        ({"managingOrganization": [{"display": "x"}]}, "Patient.managingOrganization"),
        ({"managingOrganization": "Organization/1"}, "Patient.managingOrganization"),
        (
            {"managingOrganization": {"resourceType": "Reference", "display": "x"}},
            "Patient.managingOrganization.resourceType",
        ),
        ({"meta": None}, "Patient.meta"),
        ({"meta": {"versionId": 1}}, "Patient.meta.versionId"),
        ({"meta": {"lastUpdated": "2025-06-03"}}, "Patient.meta.lastUpdated"),
        ({"extension": [{"valueCode": "a"}]}, "Patient.extension[0].url"),
        ({"extension": {"url": "http://x", "valueCode": "a"}}, "Patient.extension"),
        ({"fhir_comments": ["x"]}, "Patient"),
    ],
)
def test_json_of_the_wrong_shape_is_refused_where_it_is(elements: Json, at: str) -> None:
    assert {where for _, where in found(patient(**elements))} == {at}


def test_nulls_hold_the_place_of_extensions() -> None:
    name = {"given": ["Anna", None], "_given": [None, MASKED], "_family": MASKED}
    assert found(patient(name=[name], _birthDate=MASKED)) == []
    assert found(plan(_status={"id": "s"})) == []
    assert found(patient(_active={"id": "s"})) == [("invariant", "Patient.active")]


def test_extensions_stand_in_for_a_required_value() -> None:
    masked = plan(_status=MASKED)
    del masked["status"]
    assert found(masked) == []


def test_forms_that_only_later_releases_have_are_refused() -> None:
    later = {"valueCodeableReference": {"concept": {"text": "x"}}}
    assert [at for _, at in found(patient(extension=[{"url": "http://x", **later}]))] == [
        "Patient.extension[0].valueCodeableReference"
    ]


def test_the_value_of_an_extension_may_itself_be_extended() -> None:
    translated = {"extension": [{"url": "urn:lang", "valueCode": "sv"}]}
    assert found(patient(extension=[{"url": "http://x", "valueString": "a", "_valueString": translated}])) == []
    assert found(patient(extension=[{"url": "http://x", "_valueString": translated}])) == []
    assert found(patient(extension=[{"url": "http://x", "_valueString": {"colour": 1}}])) != []
    assert found(patient(extension=[{"url": "http://x", "_valueReference": translated}])) != []


def test_a_form_that_the_models_forgot_is_accepted() -> None:
    assert found(patient(extension=[{"url": "http://x", "valueMeta": {"tag": [{"code": "a"}]}}])) == []
    assert found(patient(extension=[{"url": "http://x", "valueMeta": {"tagg": 1}}])) == [
        ("structure", "Patient.extension[0].value.tagg")
    ]


def test_a_resource_that_was_patched_beyond_all_depth_is_refused() -> None:
    deep: Json = {"url": "http://x", "valueCode": "a"}
    for _ in range(40):
        deep = {"url": "http://x", "extension": [deep]}
    assert found(patient(extension=[deep])) == [("too-costly", "Patient")]


def test_a_resource_has_its_size() -> None:
    assert found(patient(name=[{"family": "a"}] * 40_000)) == []
    assert found(patient(name=[{"family": "a"}] * 60_000)) == [("too-costly", "Patient")]


# Which resource it is


@pytest.mark.parametrize(
    "resource",
    [None, [], "x", {}, {"resourceType": ""}, {"resourceType": 1}, {"resourceType": "Practitioner"}, {"id": "x"}],
)
def test_what_is_no_such_resource_is_incorrect(resource: Any) -> None:
    with pytest.raises(Incorrect):
        resources.check("Patient", resource)


def test_what_breaks_rules_is_unprocessable_with_every_issue() -> None:
    with pytest.raises(Unprocessable) as refused:
        resources.check("Patient", patient(gender="x", active=1))
    assert [issue.at for issue in refused.value.issues] == ["Patient.gender", "Patient.active"]


def test_what_is_right_passes() -> None:
    resources.check("Patient", patient(active=True))


# The last word


def test_what_only_the_models_refuse_is_told_with_a_fhirpath(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "resource", lambda value: [])
    broken = plan(activity=[{"detail": {"scheduledPeriod": {"start": "x"}, "status": "scheduled"}}])
    assert found(broken) == [("structure", "CarePlan.activity[0].detail.scheduled.start")]


def test_a_model_that_stumbles_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stumbling:
        @staticmethod
        def model_validate(resource: Json) -> None:
            raise KeyError("x")

    monkeypatch.setattr(resources, "model", lambda type: Stumbling)
    assert found(patient()) == [("structure", "Patient")]


# Any JSON at all

ANY = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=5),
        st.sampled_from(["Patient/1", "#x", "2025", "active", "http://x"]),
        st.decimals(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["id", "extension", "url", "valueString", "reference", "resourceType", "coding", "status", "x"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


@cache
def names() -> dict[str, list[str]]:
    """The elements of each type; not found out while tests are collected, for that reads all models."""
    return {
        type: sorted({one.name for one in fields(judge)} | {f"_{one.name}" for one in fields(judge)})
        for type in CATALOGUE
        if (judge := model(type)) is not None
    }


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_comes_it_is_judged_and_nothing_is_raised(data: st.DataObject) -> None:
    type = data.draw(st.sampled_from(sorted(names())))
    elements = data.draw(st.dictionaries(st.sampled_from(names()[type]), ANY, max_size=4))
    resource = {"resourceType": type, **elements}
    before = copy.deepcopy(resource)
    for issue in resources.issues_of(type, resource):
        assert issue.saying and issue.at is not None and issue.at.startswith(type)
    assert resource == before


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_one_wrong_thing_in_a_right_resource_is_found_beneath_its_place(data: st.DataObject) -> None:
    resource = json.loads(example("CarePlan", "gpvisit"))
    places: list[tuple[Any, Any, str]] = []

    def walk(value: Any, path: str) -> None:
        members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, child in list(members):
            at = f"{path}[{key}]" if isinstance(value, list) else f"{path}.{key}"
            places.append((value, key, at))
            walk(child, at)

    walk(resource, "CarePlan")
    holder, key, at = data.draw(st.sampled_from([place for place in places if place[1] != "resourceType"]))
    holder[key] = {"wrong": 1}
    errors = [i.at for i in resources.issues_of("CarePlan", resource) if i.severity == "error"]
    at = at.replace("scheduledPeriod", "scheduled")  # a choice goes by its bare name
    assert any(str(where).startswith(at[: len(str(where))]) for where in errors)
