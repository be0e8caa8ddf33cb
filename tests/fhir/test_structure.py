"""What we read of the StructureDefinitions, held to the models of fhir.resources."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from fhir.resources.R4B import get_fhir_model_class

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.models import Model, fields, model
from sharedplan.fhir.structure import Shape, is_choice, names, shape


def repeats(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(repeats(inner) for inner in get_args(annotation))


@pytest.mark.parametrize(
    "type",
    [*CATALOGUE, "HumanName", "Address", "Identifier", "Timing", "Extension", "Reference"],
)
def test_elements_are_those_of_the_models(type: str) -> None:
    for name, field in get_fhir_model_class(type).model_fields.items():
        json_name = field.alias or name
        if json_name.startswith("_") or json_name in ("fhir_comments", "resourceType"):
            continue
        told = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        choice = told.get("one_of_many")
        found = shape(f"{type}.{choice or json_name}")
        assert found is not None, json_name
        assert found.many == repeats(field.annotation), json_name
        assert is_choice(f"{type}.{choice or json_name}") == bool(choice), json_name


@pytest.mark.parametrize("type", CATALOGUE)
def test_what_is_summary_and_what_is_mandatory_is_as_in_the_models(type: str) -> None:
    for owner, judge in described(type):
        of_model = {field.choice or field.name: field for field in fields(judge)}
        summary = set(judge.summary_elements_sequence())  # type: ignore[attr-defined]
        in_summary = {label for label, field in of_model.items() if {label, field.name} & summary}
        shapes = {name: shape(f"{owner}.{name}") for name in names(owner)}
        assert shapes.keys() == of_model.keys(), owner
        assert {name for name, found in shapes.items() if found and found.is_summary} == in_summary, owner
        assert {name for name, found in shapes.items() if found and found.is_mandatory} == {
            label for label, field in of_model.items() if field.is_required
        }, owner


def described(type: str) -> Iterator[tuple[str, Model]]:
    """The type, its elements with elements of their own and their datatypes: where each is described, and its model."""
    todo, seen = [type], {type}
    while todo:
        owner = todo.pop()
        judge = model_at(owner)
        yield owner, judge
        for field in fields(judge):
            found = shape(f"{owner}.{field.label}")
            if field.model is not None and field.kind != "Resource" and found is not None:
                inner = field.kind if field.choice or found.path in found.types else found.path
                if inner not in seen:
                    seen.add(inner)
                    todo.append(inner)


def model_at(path: str) -> Model:
    """The model of a type, or of the element at a path."""
    type, *steps = path.split(".")
    found = model(type)
    for step in steps:
        assert found is not None
        found = next(field.model for field in fields(found) if field.name == step)
    assert found is not None
    return found


def test_an_element_inside_another_is_found_by_its_path() -> None:
    assert shape("CarePlan.activity") == Shape("CarePlan.activity", ("BackboneElement",), True)
    assert shape("CarePlan.activity.detail.scheduled") == Shape("Timing", ("Timing", "Period", "string"), False)
    assert shape("CarePlan.nothing") is None


def test_an_element_defined_elsewhere_has_the_elements_of_that_place() -> None:
    assert shape("Questionnaire.item.item") == Shape("Questionnaire.item", ("BackboneElement",), True)


def test_the_names_inside_an_element_are_those_of_the_standard_in_its_order() -> None:
    assert names("Observation.referenceRange") == (
        *("id", "extension", "modifierExtension", "low", "high", "type", "appliesTo", "age", "text"),
    )
    assert "value" in names("Observation")
    assert names("string") == ()


def test_a_code_has_the_system_of_its_required_binding() -> None:
    found = shape("CarePlan.status")
    assert found is not None and found.system == "http://hl7.org/fhir/request-status"
