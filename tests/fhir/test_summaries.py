"""Parts of resources: what stays, what does not, and that the part says that it is one."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from judged import patient, plan
from published import example
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import resources
from sharedplan.fhir.json_text import read, write
from sharedplan.fhir.models import Field, Model, fields, model
from sharedplan.fhir.summaries import (
    is_subset,
    nearest_element,
    refusal,
    summarised,
    unknown_elements,
    with_elements,
)
from wholes import CODE, NARRATIVE, wholes

Json = dict[str, Any]

MARK = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
MASKED = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
ALWAYS = {"resourceType", "id", "meta", "implicitRules", "modifierExtension"}

TOGETHER = {
    "Appointment": {"(app-2)", "(app-3)"},
    "Condition": {"(con-4)"},
    "Consent": {"(ppc-1)"},
    "Organization": {"(org-1)"},
    "ServiceRequest": {"(prr-1)"},
    "StructureDefinition": {"(sdf-4)", "(sdf-5)"},
}
"""Invariants between elements of which none is mandatory by itself. Who names his elements may ask for one without the
other; the tag says that the rest is elsewhere. Summaries of the kinds true and data keep them."""


def errors(type: str, part: Json) -> set[str]:
    """What keeps a part from being valid, by the keys of invariants where there are."""
    issues = resources.issues_of(type, part, in_transaction=True)
    return {issue.saying[issue.saying.rfind("(") :] for issue in issues if issue.severity == "error"}


def mandatory(type: str) -> set[str]:
    judge = model(type)
    assert judge is not None
    return {field.name for field in fields(judge) if field.is_required}


def names_in(part: Json) -> set[str]:
    return {name.removeprefix("_") for name in part}


# Every type


@pytest.mark.parametrize("kind", ["true", "text", "data"])
@pytest.mark.parametrize("type", CATALOGUE)
def test_a_summary_of_what_is_valid_is_valid_and_marked(type: str, kind: str) -> None:
    for whole in wholes(type):
        before = write(whole)
        part = summarised(type, whole, kind)
        assert errors(type, part) <= (TOGETHER.get(type, set()) if kind == "text" else set())
        assert part["meta"]["tag"][-1] == MARK
        assert [name for name in part if name != "meta"] == [n for n in whole if n != "meta" and n in part]
        assert write(whole) == before


@pytest.mark.parametrize("type", CATALOGUE)
def test_a_summary_holds_all_that_the_models_say_it_does_and_nothing_else(type: str) -> None:
    assert wholes(type)
    for whole in wholes(type):
        part = summarised(type, whole, "true")
        assert list(differing(whole, part, model(type), ALWAYS)) == []


def differing(whole: Any, part: Any, judge: Model | None, always: set[str] = frozenset()) -> Iterator[str]:  # type: ignore[assignment]
    """The names in which a part is not the summary of the whole; what fhir.resources says is the measure."""
    assert judge is not None
    summary = set(judge.summary_elements_sequence())  # type: ignore[attr-defined]
    known: dict[str, Field] = {field.name: field for field in fields(judge)}
    stays = {n for n, f in known.items() if n in summary or f.choice in summary or f.is_required} | always
    if not names_in(whole) & stays:
        if part != whole:
            yield f"{judge.__name__}: nothing of it is summary, so it should be whole"
        return
    for name in whole:
        bare = name.removeprefix("_")
        if (name in part) != (bare in stays):
            yield f"{judge.__name__}.{name}"
        elif name in part and name not in ("meta", "modifierExtension"):
            inner = known[name].model if name in known else None
            pairs = [(whole[name], part[name])]
            if isinstance(whole[name], list):
                pairs = list(zip(whole[name], part[name], strict=True))
            for one, left in pairs:
                if inner is None or known[name].kind == "Extension":
                    if one != left:
                        yield f"{judge.__name__}.{name}"
                else:
                    yield from differing(one, left, inner)


@pytest.mark.parametrize("type", CATALOGUE)
def test_a_summary_of_text_has_the_narrative_and_what_is_mandatory(type: str) -> None:
    for whole in wholes(type):
        part = summarised(type, whole, "text")
        assert names_in(part) - {"meta"} == names_in(whole) & (mandatory(type) | ALWAYS | {"text"}) - {"meta"}
        assert all(part[name] is whole[name] for name in part if name != "meta")


@pytest.mark.parametrize("type", CATALOGUE)
def test_a_summary_of_data_is_all_but_the_narrative(type: str) -> None:
    for whole in wholes(type):
        part = summarised(type, whole, "data")
        assert {**part, "meta": 0} == {**{n: v for n, v in whole.items() if n != "text"}, "meta": 0}


@pytest.mark.parametrize("type", CATALOGUE)
def test_named_elements_come_with_what_is_mandatory(type: str) -> None:
    for whole in wholes(type):
        for name in sorted(names_in(whole) - {"resourceType"}):
            part = with_elements(type, whole, (name,))
            stays = names_in(whole) & (mandatory(type) | ALWAYS | {name}) | {"meta"}
            assert names_in(part) - {"contained"} == stays - {"contained"}
            assert errors(type, part) <= TOGETHER.get(type, set())
            assert part["meta"]["tag"][-1] == MARK


# The summary, rule by rule


def test_elements_inside_others_are_left_out_too() -> None:
    whole = {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"id": "1", "contentType": "text/plain", "data": "AQID"}}],
    }
    part = summarised("DocumentReference", whole, "true")
    assert part["content"] == [{"attachment": {"contentType": "text/plain"}}]


def test_what_is_mandatory_stays_at_all_levels() -> None:
    whole = {
        "resourceType": "Appointment",
        "status": "booked",
        "participant": [{"actor": {"display": "Anna"}, "status": "accepted", "period": {"start": "2026-01-01"}}],
    }
    part = summarised("Appointment", whole, "true")
    assert part["participant"] == [{"actor": {"display": "Anna"}, "status": "accepted"}]


def test_contained_resources_and_narratives_are_not_in_the_summary() -> None:
    whole = plan(
        text=NARRATIVE,
        contained=[{"resourceType": "Goal", "id": "g", "lifecycleStatus": "active", "description": {"text": "x"}}],
        addresses=[{"reference": "#g"}],
    )
    assert summarised("CarePlan", whole, "true").keys() & {"text", "contained"} == set()
    assert summarised("CarePlan", whole, "true")["addresses"] == [{"reference": "#g"}]
    assert "contained" not in summarised("CarePlan", whole, "text")
    assert summarised("CarePlan", whole, "data")["contained"] == whole["contained"]


def test_extensions_are_left_out_of_objects_and_stay_beside_primitives() -> None:
    whole = patient(
        extension=[{"url": "urn:x", "valueString": "x"}],
        name=[{"family": "A", **MASKED}],
        _gender=MASKED,
        _active=MASKED,
    )
    assert summarised("Patient", whole, "true") == patient(
        meta={"tag": [MARK]}, name=[{"family": "A"}], _gender=MASKED, _active=MASKED
    )


def test_arrays_of_primitives_stay_beside_their_twins() -> None:
    name = {"given": ["A", None], "_given": [None, MASKED]}
    assert summarised("Patient", patient(name=[name]), "true")["name"] == [name]


def test_an_object_that_has_only_a_reason_for_its_absence_keeps_it() -> None:
    part = summarised("CarePlan", plan(subject=MASKED), "true")
    assert part["subject"] == MASKED
    assert errors("CarePlan", part) == set()


def test_what_changes_the_meaning_of_all_else_is_never_left_out() -> None:
    changing = {
        "implicitRules": "urn:rules",
        "modifierExtension": [{"url": "urn:not", "valueBoolean": True}],
    }
    whole = patient(id="1", gender="other", **changing)
    for part in (
        *(summarised("Patient", whole, kind) for kind in ("true", "text", "data")),
        with_elements("Patient", whole, ["gender"]),
    ):
        assert {name: part[name] for name in changing} == changing


def test_what_changes_the_meaning_of_an_object_stays_whole_in_it() -> None:
    component = {"modifierExtension": [{"url": "urn:not", "valueBoolean": True}], "code": CODE}
    whole = {"resourceType": "Observation", "status": "final", "code": CODE, "component": [component]}
    assert summarised("Observation", whole, "true")["component"] == [component]


def test_the_forms_of_a_choice_stay_or_go_together() -> None:
    observation = {"resourceType": "Observation", "status": "final", "code": CODE}
    for form, value in (("valueQuantity", {"value": 1}), ("valueString", "x"), ("_valueTime", MASKED)):
        assert summarised("Observation", {**observation, form: value}, "true")[form] == value
    detail = {"status": "scheduled", "scheduledString": "x"}
    assert "activity" not in summarised("CarePlan", plan(activity=[{"detail": detail}]), "true")


def test_digits_stay_as_they_were_written() -> None:
    text = '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10}}'
    assert '"value":1.10}' in write(summarised("Observation", read(text), "true"))


def test_another_kind_of_summary_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="count"):
        summarised("Patient", patient(), "count")


# Named elements, rule by rule

OBSERVATION = {
    "resourceType": "Observation",
    "id": "1",
    "status": "final",
    "_status": MASKED,
    "code": CODE,
    "valueString": "x",
    "_valueString": MASKED,
    "note": [{"text": "n"}],
}


@pytest.mark.parametrize("name", ["value", "valueString", "Observation.value", "Observation.valueString"])
def test_a_choice_is_named_by_its_bare_name_or_by_its_form(name: str) -> None:
    part = with_elements("Observation", OBSERVATION, [name])
    assert list(part) == ["resourceType", "id", "meta", "status", "_status", "code", "valueString", "_valueString"]


def test_another_form_of_a_choice_is_not_meant() -> None:
    assert "valueString" not in with_elements("Observation", OBSERVATION, ["valueQuantity"])


def test_a_name_with_a_type_limits_that_type_only() -> None:
    names = ("Patient.gender", "Observation.note")
    assert "valueString" not in with_elements("Observation", OBSERVATION, names)
    assert "note" in with_elements("Observation", OBSERVATION, names)
    whole = with_elements("Observation", OBSERVATION, ("Patient.gender",))
    assert whole == OBSERVATION and whole is not OBSERVATION


def test_a_contained_resource_stays_while_something_points_at_it() -> None:
    def a_team(id: str, **elements: Any) -> Json:
        return {"resourceType": "CareTeam", "id": id, **elements}

    teams = [a_team("a", encounter={"reference": "#c"}), a_team("b"), a_team("c")]
    whole = plan(contained=teams, careTeam=[{"reference": "#a"}], goal=[{"reference": "#b"}])
    assert "contained" not in with_elements("CarePlan", whole, ["status"])
    assert with_elements("CarePlan", whole, ["goal"])["contained"] == [teams[1]]
    part = with_elements("CarePlan", whole, ["careTeam"])
    assert part["contained"] == [teams[0], teams[2]]
    assert list(part) == ["resourceType", "meta", "status", "intent", "subject", "contained", "careTeam"]
    assert with_elements("CarePlan", whole, ["contained"])["contained"] == teams


def test_a_contained_questionnaire_stays_for_its_canonical() -> None:
    whole = read(example("QuestionnaireResponse", "3141"))
    assert {one["id"] for one in whole["contained"]} == {"patsub", "order", "questauth"}
    whole["questionnaire"] = "#questions"
    whole["contained"].append({"resourceType": "Questionnaire", "id": "questions", "status": "active"})
    part = with_elements("QuestionnaireResponse", whole, ["questionnaire"])
    assert [one["id"] for one in part["contained"]] == ["questions"]


@pytest.mark.parametrize(
    "name",
    [
        "nmae",
        "name.family",
        "Patient.name.family",
        "Patient.nmae",
        "Pateint.name",
        "",
        ".",
        "Patient.",
        "_gender",
        "value",
    ],
)
def test_a_name_that_is_no_element_is_told(name: str) -> None:
    assert unknown_elements("Patient", ["name", name, "gender"]) == [name]


def test_names_that_are_elements_are_known() -> None:
    known = ["id", "meta", "resourceType", "deceased", "deceasedBoolean", "text", "contained", "Patient.name"]
    assert unknown_elements("Patient", [*known, "CarePlan.status"]) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("nmae", "name"),
        ("name.family", "name"),
        ("birthdate", "birthDate"),
        ("Patient.gendr", "Patient.gender"),
        ("Patient.name.family", "Patient.name"),
        ("xyzzy", None),
        ("Patient.xyzzy", None),
        ("x" * 10_000, None),
    ],
)
def test_the_nearest_name_is_at_hand(name: str, meant: str | None) -> None:
    assert nearest_element("Patient", name) == meant


# The mark


def test_the_mark_comes_once_and_after_the_tags_that_are_there() -> None:
    tagged = patient(id="1", meta={"versionId": "3", "tag": [{"code": "t"}]})
    once = summarised("Patient", tagged, "data")
    assert once["meta"] == {"versionId": "3", "tag": [{"code": "t"}, MARK]}
    assert summarised("Patient", once, "true")["meta"] == once["meta"]
    assert tagged["meta"] == {"versionId": "3", "tag": [{"code": "t"}]}


def test_meta_follows_the_id_when_there_was_none() -> None:
    assert list(summarised("Patient", patient(id="1", gender="male"), "true")) == [
        "resourceType",
        "id",
        "meta",
        "gender",
    ]
    assert list(summarised("Patient", patient(gender="male"), "true")) == ["resourceType", "meta", "gender"]


def test_a_part_can_be_changed_without_changing_the_whole_or_another_part() -> None:
    whole = patient(id="1", meta={"tag": []}, gender="male")
    before = copy.deepcopy(whole)
    first, second = (summarised("Patient", whole, "true") for _ in range(2))
    first["meta"]["tag"][0]["code"] = "mine"
    first["gender"] = "other"
    assert whole == before
    assert is_subset(second)


@pytest.mark.parametrize("member", ["tag", "security"])
def test_a_part_is_known_by_its_tag_or_label(member: str) -> None:
    assert is_subset(patient(meta={member: [{"code": "x"}, MARK]}))
    (issue,) = refusal("Patient", patient(meta={member: [MARK]}))
    assert (issue.code, issue.at, issue.severity) == ("business-rule", "Patient.meta", "error")
    assert "Read it whole" in issue.saying


@pytest.mark.parametrize(
    "meta",
    [None, "x", {}, {"tag": None}, {"tag": MARK}, {"tag": ["SUBSETTED"]}, {"tag": [{"code": "SUBSETTED"}]}],
    ids=json.dumps,
)
def test_other_tags_and_no_tags_do_not_make_a_part(meta: Any) -> None:
    assert not is_subset(patient(meta=meta))
    assert not is_subset(patient())
    assert refusal("Patient", patient(meta=meta)) == []
