"""Required bindings, and what the models say of R4."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.codes import required, resource_types
from sharedplan.fhir.grammar import _MADE, grammar, resource
from sharedplan.fhir.models import fields, model, type_of
from sharedplan.fhir.structure import shape


def test_every_offered_type_is_one_of_r4() -> None:
    assert CATALOGUE.keys() <= resource_types()
    assert len(resource_types()) == 146


def test_a_short_set_is_told_whole_and_a_long_one_by_its_address() -> None:
    assert str(required("CarePlan", "intent")) == "option, order, plan, proposal"
    assert "http://hl7.org/fhir/ValueSet/resource-types" in str(required("Questionnaire", "subjectType"))
    assert required("CarePlan", "title") is None


@pytest.mark.parametrize("type", CATALOGUE)
def test_the_models_are_those_of_r4_element_by_element(type: str) -> None:
    judge = model(type)
    assert judge is not None and type_of(judge) == type
    for field in fields(judge):
        found = shape(f"{type}.{field.label}")
        assert found is not None, field.name
        assert found.many == field.many, field.name
        if field.model is None and field.choice is None and field.name != "id":
            assert field.kind in found.types, field.name


def test_every_code_with_one_required_system_has_its_codes() -> None:
    for type in CATALOGUE:
        judge = model(type)
        assert judge is not None
        for field in fields(judge):
            found = shape(f"{type}.{field.label}")
            if field.kind == "code" and found is not None and found.system is not None:
                assert field.required_codes is not None, f"{type}.{field.name}"


def test_types_without_a_model_of_r4_have_none() -> None:
    assert [model(type) for type in ("Evidence", "MedicinalProduct", "Nothing")] == [None] * 3


def test_a_grammar_is_never_used_half_made() -> None:
    grammar.cache_clear()
    _MADE.clear()
    text = {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"reference": "Patient/1"}}
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(resource, [text] * 32)) == [[]] * 32
