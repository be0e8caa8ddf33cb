"""Every path of the definitions against fhirpathpy, over all test data."""

import json
import re
from typing import Any

import pytest

from search.brute_force import NOT_IN_FHIRPATHPY, RESOLVED, expected
from search.examples import resources
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import paths
from sharedplan.fhir.structure import shape
from sharedplan.search.indexing import index_values
from sharedplan.search.parameters import OWN_COLUMNS, PARAMETERS, Parameter


def ours(parameter: Parameter, resource: dict[str, Any]) -> list[Any]:
    compiled = paths.compiled(parameter.path, parameter.resource)
    if isinstance(compiled, paths.Condition):
        return [compiled.test(resource)]
    return [value for branch in compiled for value in branch.values(resource)]


def as_text(values: list[Any]) -> list[str]:
    return sorted(json.dumps(value, sort_keys=True, default=float) for value in values)


LEAVES: dict[str, Any] = {
    "boolean": True,
    "date": "2024-05-01",
    "dateTime": "2024-05-01T10:00:00Z",
    "instant": "2024-05-01T10:00:00Z",
    "Address": {"city": "Turku"},
    "CodeableConcept": {"coding": [{"system": "urn:s", "code": "c"}], "text": "t"},
    "Coding": {"system": "urn:s", "code": "c"},
    "ContactPoint": {"system": "phone", "value": "+358"},
    "HumanName": {"family": "Virtanen"},
    "Identifier": {"system": "urn:s", "value": "1"},
    "Period": {"start": "2024-05-01"},
    "Timing": {"event": ["2024-05-01T10:00:00Z"]},
    "Attachment": {"title": "t"},
    "Quantity": {"value": 1, "system": "http://unitsofmeasure.org", "code": "h"},
    "Age": {"value": 1, "system": "http://unitsofmeasure.org", "code": "a"},
    "Duration": {"value": 1, "system": "http://unitsofmeasure.org", "code": "h"},
    "Range": {"low": {"value": 1}},
    "SampledData": {"origin": {"value": 0}, "period": 1, "dimensions": 1, "data": "1 2"},
    "BackboneElement": {"latitude": 60, "longitude": 24},
}


def smallest(parameter: Parameter, branch: paths.Branch) -> dict[str, Any]:
    """The smallest resource in which the branch finds something; conditions of the path are met from its text."""
    names = [step for step in branch.steps if isinstance(step, str)]
    conditions = dict(re.findall(r"where\((\w+)='([^']*)'\)", parameter.path))
    if url := re.search(r"xtension\('([^']*)'\)", parameter.path):
        conditions["url"] = url[1]
    target = RESOLVED.search(parameter.path)
    value = LEAVES.get(branch.type, "x")
    if branch.type == "Reference":
        value = {"reference": f"{target[1] if target else parameter.targets[0]}/1"}
    if branch.type == "Extension":
        value = {"valueString": "x"} if parameter.type == "string" else {"valueCode": "x"}
    if branch.type in ("Extension", "ContactPoint"):
        value = {**value, **conditions}
    for name in reversed(names):
        inner = [value] if is_list(parameter.resource, names[: names.index(name) + 1]) else value
        value = {name: inner}
        if name == "valueReference" and url:
            value["url"] = conditions["url"]
        if name in ("resource", "answer"):  # a related artifact is chosen by its type, an item by its extension
            value |= {"type": conditions["type"]} if name == "resource" else {"extension": [{"url": conditions["url"]}]}
    return {"resourceType": parameter.resource, **value}


def is_list(type: str, names: list[str]) -> bool:
    path, many = type, False
    for name in names:
        found = shape(f"{path}.{name}")
        if found is None:
            return False  # a choice, under the name of one of its types
        path, many = found.path, found.many
    return many


@pytest.mark.parametrize("type", CATALOGUE)
def test_every_branch_of_every_path_finds_its_element_and_every_parameter_has_something_to_index(type: str) -> None:
    for parameter in PARAMETERS[type].values():
        if parameter.components or not parameter.path:
            continue
        compiled = paths.compiled(parameter.path, type)
        if isinstance(compiled, paths.Condition):
            continue
        examples = [smallest(parameter, branch) for branch in compiled]
        for example in examples:
            values = ours(parameter, example)
            assert len(values) == 1, (parameter.path, example)
            if not any(word in parameter.path for word in NOT_IN_FHIRPATHPY):
                assert as_text(values) == as_text(expected(parameter, example)), (parameter.path, example)
        if parameter.code not in OWN_COLUMNS:
            assert any(index_values(type, example)[parameter.column] for example in examples), parameter.path


@pytest.mark.parametrize("type", sorted({resource["resourceType"] for resource in resources()}))
def test_every_path_finds_what_a_complete_fhirpath_finds(type: str) -> None:
    found = 0
    for resource in (each for each in resources() if each["resourceType"] == type):
        for parameter in PARAMETERS[type].values():
            if not parameter.path or any(word in parameter.path for word in NOT_IN_FHIRPATHPY):
                continue
            values = ours(parameter, resource)
            assert as_text(values) == as_text(expected(parameter, resource)), (parameter.path, resource.get("id"))
            found += len(values)
    assert found


def test_an_item_is_found_by_its_extension() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject"
    anna, bela = {"reference": "Patient/anna"}, {"reference": "Patient/bela"}
    response = {
        "resourceType": "QuestionnaireResponse",
        "item": [
            {"extension": [{"url": url, "valueBoolean": True}], "answer": [{"valueReference": anna}]},
            {"answer": [{"valueReference": bela}]},
        ],
    }
    assert ours(PARAMETERS["QuestionnaireResponse"]["item-subject"], response) == [anna]


@pytest.mark.parametrize(
    ("resource", "is_dead"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2024-05-01"}, True),
    ],
)
def test_a_condition_is_true_or_false_of_every_resource(resource: dict[str, Any], is_dead: bool) -> None:
    assert ours(PARAMETERS["Patient"]["deceased"], {"resourceType": "Patient", **resource}) == [is_dead]


def test_a_reference_is_known_by_its_type_when_its_text_does_not_tell() -> None:
    assert paths.target_type({"reference": "urn:uuid:1", "type": "Patient"}) == "Patient"
    assert paths.target_type({"reference": "https://x.example/fhir/Patient/1/_history/2"}) == "Patient"
    assert paths.target_type({"reference": "urn:uuid:1"}) is None


@pytest.mark.parametrize(
    "path",
    [
        "Patient.name.first()",
        "Patient.nome",
        "Patient.name.",
        "Patient.name.where(use)",
        "Patient.active = 1",
        "(Patient",
    ],
)
def test_what_lies_outside_the_subset_is_refused(path: str) -> None:
    with pytest.raises(ValueError):
        paths.compiled(path, "Patient")
