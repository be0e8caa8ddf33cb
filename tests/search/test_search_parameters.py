"""The registry against the published definitions."""

import pytest

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.parameters import COMPARTMENTS, PARAMETERS, columns, parameter


def test_every_type_of_the_catalogue_has_parameters_and_the_common_ones() -> None:
    assert PARAMETERS.keys() == CATALOGUE.keys()
    for type, found in PARAMETERS.items():
        assert {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source"} <= found.keys(), type


def test_a_definition_for_many_types_has_one_part_for_each() -> None:
    patient = parameter("DocumentReference", "patient")
    assert patient is not None
    assert patient.path == "DocumentReference.subject.where(resolve() is Patient)"
    assert patient.url == "http://hl7.org/fhir/SearchParameter/clinical-patient"
    identifier = parameter("DocumentReference", "identifier")
    assert (
        identifier is not None
        and identifier.path == "DocumentReference.masterIdentifier | DocumentReference.identifier"
    )


@pytest.mark.parametrize(
    ("type", "code", "kind"),
    [
        ("CarePlan", "subject", "text"),
        ("CarePlan", "care-team", "text[]"),
        ("CarePlan", "date", "tstzrange"),
        ("CarePlan", "activity-date", "tstzrange[]"),
        ("CarePlan", "status", "text[]"),
        ("Condition", "onset-date", "tstzrange"),  # a choice of types, and still one value
        ("Consent", "source-reference", "text"),
        ("QuestionnaireResponse", "questionnaire", "text[]"),  # a canonical, found with its version and without
        ("Patient", "mothersMaidenName", "text[]"),
    ],
)
def test_a_column_is_an_array_where_the_element_repeats(type: str, code: str, kind: str) -> None:
    found = {column.name: column.kind for column in columns(type) if not column.is_span}
    assert found[PARAMETERS[type][code].column] == kind


def test_an_array_of_periods_has_one_that_encloses_them() -> None:
    parameter = PARAMETERS["CarePlan"]["activity-date"]
    names = [column.name for column in columns("CarePlan") if column.parameter == parameter]
    assert names == ["activity_date", "activity_date_span"]


def test_columns_have_names_of_their_own() -> None:
    for type in CATALOGUE:
        names = [column.name for column in columns(type)]
        assert len(set(names)) == len(names), type
        assert not {"id", "version", "last_updated", "controller", "content"} & set(names), type


def test_a_code_knows_the_system_that_its_binding_implies() -> None:
    gender = parameter("Patient", "gender")
    assert gender is not None and gender.system == "http://hl7.org/fhir/administrative-gender"


def test_compartments_are_those_of_the_definitions() -> None:
    assert COMPARTMENTS["Patient"]["CarePlan"] == ("patient", "performer")
    assert COMPARTMENTS["Encounter"]["CarePlan"] == ("encounter",)
    assert "Task" not in COMPARTMENTS["Patient"]
    assert "Practitioner" not in COMPARTMENTS["Practitioner"]  # it is in its own by being it


def test_every_parameter_that_a_compartment_rests_on_is_offered() -> None:
    for types in COMPARTMENTS.values():
        for type, codes in types.items():
            assert all(PARAMETERS[type][code].type == "reference" for code in codes), type
