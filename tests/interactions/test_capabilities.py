"""The CapabilityStatement: a valid one, and true to what is executed."""

import json
import re

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from sharedplan.catalogue import CATALOGUE
from sharedplan.exchange.step import INTERACTIONS
from sharedplan.fhir import json_text, resources
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.capabilities import capability_statement, capability_text
from sharedplan.search.parameters import PARAMETERS

BASE = "https://plan.example/fhir"


@pytest.fixture
def statement() -> Json:
    return capability_statement(BASE)


def of_type(statement: Json, type: str) -> Json:
    (found,) = [each for each in statement["rest"][0]["resource"] if each["type"] == type]
    return dict(found)


def test_it_is_a_valid_capability_statement(statement: Json) -> None:
    CapabilityStatement.model_validate(statement)
    assert resources.issues_of("CapabilityStatement", statement) == []


def test_it_tells_exactly_the_interactions_that_the_catalogue_offers(statement: Json) -> None:
    told = {each["type"]: {code["code"] for code in each["interaction"]} for each in statement["rest"][0]["resource"]}
    assert told == {type: offered.can for type, offered in CATALOGUE.items()}


def test_every_interaction_that_it_tells_is_executed(statement: Json) -> None:
    rest = statement["rest"][0]
    told = {each["code"] for each in rest["interaction"]}
    told |= {each["code"] for resource in rest["resource"] for each in resource["interaction"]}
    assert told == INTERACTIONS.keys() | {"batch", "transaction"}


def test_it_tells_every_search_parameter_by_its_definition(statement: Json) -> None:
    for type, parameters in PARAMETERS.items():
        told = {each["name"]: (each["type"], each["definition"]) for each in of_type(statement, type)["searchParam"]}
        assert told == {code: (each.type, each.url) for code, each in parameters.items()}
    assert of_type(statement, "CarePlan")["searchParam"][-1]["definition"].startswith("http://hl7.org/fhir/")


def test_it_tells_every_operation(statement: Json) -> None:
    for type, offered in CATALOGUE.items():
        told = {each["name"] for each in of_type(statement, type).get("operation", ())}
        own = {
            "Patient": {"access-decision", "break-glass"},
            "Consent": {"preview"},
            "CarePlan": {"everything", "document", "review"},
            "PlanDefinition": {"apply"},
            "Measure": {"evaluate-measure"},
            "Subscription": {"status", "events"},
        }
        assert told == ({"validate"} if "create" in offered.can else set()) | own.get(type, set())


def test_what_can_only_be_read_is_told_so(statement: Json) -> None:
    audit = of_type(statement, "AuditEvent")
    assert not audit["updateCreate"]
    assert not audit["conditionalCreate"]
    assert audit["conditionalDelete"] == "not-supported"


def test_the_setting_that_wants_if_match_is_told() -> None:
    assert of_type(capability_statement(BASE), "CarePlan")["versioning"] == "versioned"
    wants = capability_statement(BASE, if_match_required=True)
    assert of_type(wants, "CarePlan")["versioning"] == "versioned-update"
    assert of_type(wants, "AuditEvent")["versioning"] == "versioned"


def test_it_names_this_version_and_this_address(statement: Json) -> None:
    assert statement["implementation"]["url"] == BASE
    assert statement["fhirVersion"] == "4.0.1"
    assert re.fullmatch(r"\d+\.\d+\.\d+", statement["software"]["version"])


def test_the_text_is_made_once() -> None:
    assert json_text.read(capability_text(BASE)) == json.loads(json.dumps(capability_statement(BASE)))
    assert capability_text(BASE) is capability_text(BASE)
