"""The OpenAPI document: valid, the same as the committed one, and true to the registry."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from click.testing import CliRunner

from sharedplan.catalogue import CATALOGUE
from sharedplan.commands import main
from sharedplan.fhir import resources
from sharedplan.fhir.addresses import addressed
from sharedplan.rest.openapi.document import openapi_document, openapi_text
from sharedplan.search.parameters import PARAMETERS

COMMITTED = Path(__file__).parents[2] / "openapi" / "openapi.json"
MAIN = ("CarePlan", "CareTeam", "Consent", "Encounter")
METHODS = ("get", "put", "post", "patch", "delete")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def test_the_committed_document_is_what_the_code_yields() -> None:
    assert COMMITTED.read_text() == openapi_text(), "run: sharedplan openapi > openapi/openapi.json"


def test_the_command_prints_the_document_and_nothing_else() -> None:
    result = CliRunner().invoke(main, ["openapi"])
    assert result.exit_code == 0
    assert result.stdout == openapi_text()


def test_it_stays_small_enough_to_be_opened() -> None:
    assert len(openapi_text()) < 2_000_000


def test_every_pointer_leads_somewhere(document: dict[str, Any]) -> None:
    def pointers(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for name, value in part.items():
                if name != "value":  # an example's own content
                    yield from pointers(value)
        elif isinstance(part, list):
            for value in part:
                yield from pointers(value)

    for pointer in set(pointers(document)):
        place: Any = document
        for step in pointer.removeprefix("#/").split("/"):
            assert step in place, pointer
            place = place[step]


def test_every_component_is_used(document: dict[str, Any]) -> None:
    text = openapi_text()
    for kind, components in document["components"].items():
        for name in components:
            if kind != "securitySchemes":
                assert f'"#/components/{kind}/{name}"' in text, f"{kind}/{name}"


def test_every_interaction_of_every_type_has_its_operation(document: dict[str, Any]) -> None:
    described = set()
    for path, method, _ in operations(document):
        if path.startswith("/fhir") and path not in ("/fhir/metadata", "/fhir/.well-known/smart-configuration"):
            below = path.removeprefix("/fhir").replace("{id}", "1").replace("{versionId}", "1").replace("{type}", "*")
            found = addressed(method.upper(), below)
            described.add((found.type, found.interaction))
    assert (None, "search-system") in described
    for type, offered in CATALOGUE.items():
        assert {interaction for of, interaction in described if of == type} - {"operation"} == offered.can
    assert {interaction for of, interaction in described if of is None} == {"batch", "search-system", "history-system"}


def test_every_search_parameter_of_a_type_is_told(document: dict[str, Any]) -> None:
    parameters = document["components"]["parameters"]
    for type, of_type in PARAMETERS.items():
        told = document["paths"][f"/fhir/{type}"]["get"]["parameters"]
        names = {parameters[each["$ref"].rpartition("/")[2]]["name"] for each in told}
        assert names >= of_type.keys()


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_only_what_says_nothing_of_clients_is_open(document: dict[str, Any]) -> None:
    open_to_all = {path for path, _, operation in operations(document) if operation.get("security") == []}
    assert open_to_all == {
        "/fhir/metadata",
        "/fhir/.well-known/smart-configuration",
        "/.well-known/smart-configuration",
        "/auth/token",
        "/auth/jwks",
        "/healthz",
        "/readyz",
        "/metrics",
    }


def test_a_test_tool_can_read_it(document: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(document)
    assert all(result.ok() for result in schema.get_all_operations())


def schema_of(document: dict[str, Any], type: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{type}", "components": document["components"]}
    )


@pytest.mark.parametrize("type", MAIN)
def test_a_main_resource_has_an_example_that_the_service_takes(document: dict[str, Any], type: str) -> None:
    example = document["components"]["examples"][type]["value"]
    assert resources.issues_of(type, example) == []
    assert list(schema_of(document, type).iter_errors(example)) == []
    assert len(example) > 8, "an example worth looking at"


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    schema_for = {"searchset": "Bundle", "history": "Bundle", "transaction": "Bundle", "response": "Bundle"}
    schema_for |= {"FhirPathPatch": "Parameters", "review": "OperationOutcome"}
    for name, example in document["components"]["examples"].items():
        errors = list(schema_of(document, schema_for.get(name, name)).iter_errors(example["value"]))
        assert errors == [], name


def test_a_failure_is_shown_as_an_outcome(document: dict[str, Any]) -> None:
    validator = schema_of(document, "OperationOutcome")
    shown = 0
    for response in document["components"]["responses"].values():
        content = response.get("content", {}).get("application/fhir+json", {})
        if "example" in content:
            validator.validate(content["example"])
            shown += 1
    assert shown > 10


def test_a_main_resource_is_described_to_its_last_element(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    status = schemas["CarePlanActivityDetail"]["properties"]["status"]
    assert "on-hold" in status["enum"]
    assert schemas["CarePlan"]["properties"]["_status"] == {"$ref": "#/components/schemas/Element"}
    assert set(schemas["CarePlan"]["required"]) == {"resourceType", "status", "intent", "subject"}
    assert "Practitioner" in schemas["EncounterParticipant"]["properties"]["individual"]["description"]


def test_a_wrong_code_and_an_unknown_element_do_not_fit_the_schema(document: dict[str, Any]) -> None:
    example = document["components"]["examples"]["CarePlan"]["value"]
    validator = schema_of(document, "CarePlan")
    assert not validator.is_valid({**example, "status": "started"})
    assert not validator.is_valid({**example, "stauts": "active"})
    assert not validator.is_valid({name: value for name, value in example.items() if name != "subject"})


def test_the_examples_are_of_this_standard(document: dict[str, Any]) -> None:
    assert json.loads(openapi_text())["openapi"].startswith("3.1")
    assert document["components"]["examples"]["CarePlan"]["value"]["language"] == "fi"
