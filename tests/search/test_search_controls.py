"""How much of each resource a query asks for."""

import pytest

from sharedplan.errors import Incorrect
from sharedplan.search import controls


@pytest.mark.parametrize("value", ["true", "text", "data", "count"])
def test_a_summary_is_of_one_of_the_forms_of_the_standard(value: str) -> None:
    assert controls.summary(value) == value


@pytest.mark.parametrize("value", [None, "false"])
def test_no_summary_and_a_summary_of_false_leave_the_resource_whole(value: str | None) -> None:
    assert controls.summary(value) is None


@pytest.mark.parametrize("value", ["", "True", "yes", "text,data", "elements"])
def test_another_summary_is_incorrect_and_the_forms_are_told(value: str) -> None:
    with pytest.raises(Incorrect, match="true, text, data, count, false"):
        controls.summary(value)


def test_elements_are_names_in_the_order_given_each_once() -> None:
    assert controls.elements("status,subject,CarePlan.status,status") == ("status", "subject", "CarePlan.status")
    assert controls.elements(None) == ()


@pytest.mark.parametrize("value", ["", ",", "status,", ",status", "status,,subject"])
def test_a_list_of_elements_with_nothing_in_a_place_is_incorrect(value: str) -> None:
    with pytest.raises(Incorrect, match="separated by commas"):
        controls.elements(value)


@pytest.mark.parametrize("form", ["true", "text", "data", "count"])
def test_elements_beside_a_summary_are_incorrect(form: str) -> None:
    with pytest.raises(Incorrect, match=f"_summary={form}"):
        controls.elements("status", summary=controls.summary(form))


def test_elements_beside_a_summary_of_false_are_taken() -> None:
    assert controls.elements("status", summary=controls.summary("false")) == ("status",)


def test_contained_resources_are_searched_when_it_is_said_so() -> None:
    assert controls.contained(None, None) is controls.contained("false", "contained") is None
    assert controls.contained("true", None) == controls.contained("true", "container") == (False, False)
    assert controls.contained("both", "contained") == (True, True)


@pytest.mark.parametrize(("value", "what"), [("", None), ("TRUE", None), ("true", "both"), (None, "Container")])
def test_another_word_for_where_to_look_is_incorrect(value: str | None, what: str | None) -> None:
    with pytest.raises(Incorrect, match=r"_contained(Type)? is one of"):
        controls.contained(value, what)
