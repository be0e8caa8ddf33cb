"""JSON Schemas of the R4 types: every type that is pointed at is there, and none is left open."""

from typing import Any

import pytest

from sharedplan.fhir.schemas import PRIMITIVES, schemas


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, Any]]:
    return schemas(["CarePlan", "Consent"])


def pointed_at(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"].rpartition("/")[2]} if "$ref" in part else set()
        return own.union(*(pointed_at(value) for value in part.values()))
    if isinstance(part, list):
        return set().union(*(pointed_at(value) for value in part))
    return set()


def test_every_type_that_is_pointed_at_is_made(made: dict[str, dict[str, Any]]) -> None:
    assert pointed_at(made) == made.keys() - {"CarePlan", "Consent"} | {"Resource"}


def test_only_primitives_and_closed_objects_are_made(made: dict[str, dict[str, Any]]) -> None:
    for name, schema in made.items():
        assert name in PRIMITIVES or schema["additionalProperties"] is False, name


def test_elements_stand_in_the_order_of_the_standard(made: dict[str, dict[str, Any]]) -> None:
    names = [name for name in made["Consent"]["properties"] if not name.startswith("_")]
    assert names[:4] == ["resourceType", "id", "meta", "implicitRules"]
    assert names.index("status") < names.index("scope") < names.index("category") < names.index("provision")


def test_a_primitive_in_a_list_may_be_null_where_an_extension_stands(made: dict[str, dict[str, Any]]) -> None:
    items = made["CarePlan"]["properties"]["instantiatesUri"]["items"]["anyOf"]
    assert {"type": "null"} in items
    assert made["CarePlan"]["properties"]["_instantiatesUri"]["type"] == "array"
    assert made["CarePlan"]["properties"]["goal"]["items"] == {"$ref": "#/components/schemas/Reference"}


def test_what_r4b_added_is_not_told(made: dict[str, dict[str, Any]]) -> None:
    assert "CodeableReference" not in made
    assert "valueCodeableReference" not in made["Extension"]["properties"]
    assert "valueMeta" in made["Extension"]["properties"]


def test_a_long_list_of_codes_is_named_and_not_listed(made: dict[str, dict[str, Any]]) -> None:
    assert "enum" in made["Consent"]["properties"]["status"]
    assert "enum" not in made["ConsentProvision"]["properties"]["class"].get("items", {})
