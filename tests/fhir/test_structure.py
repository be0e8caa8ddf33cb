"""What we read of the StructureDefinitions, held to the models of fhir.resources."""

from typing import Any, get_args, get_origin

import pytest
from fhir.resources.R4B import get_fhir_model_class

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.structure import Shape, is_choice, shape


def repeats(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(repeats(inner) for inner in get_args(annotation))


@pytest.mark.parametrize("type", [*CATALOGUE, "HumanName", "Address", "Identifier", "Timing", "Extension", "Reference"])
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


def test_an_element_inside_another_is_found_by_its_path() -> None:
    assert shape("CarePlan.activity") == Shape("CarePlan.activity", ("BackboneElement",), True)
    assert shape("CarePlan.activity.detail.scheduled") == Shape("Timing", ("Timing", "Period", "string"), False)
    assert shape("CarePlan.nothing") is None


def test_an_element_defined_elsewhere_has_the_elements_of_that_place() -> None:
    assert shape("Questionnaire.item.item") == Shape("Questionnaire.item", ("BackboneElement",), True)


def test_a_code_has_the_system_of_its_required_binding() -> None:
    found = shape("CarePlan.status")
    assert found is not None and found.system == "http://hl7.org/fhir/request-status"
