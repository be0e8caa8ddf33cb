"""Conditions: what is one condition, and what is locked with it."""

import pytest

from sharedplan.errors import Incorrect
from sharedplan.interactions.criteria import from_text

BASE = "https://plan.example/fhir"


@pytest.mark.parametrize(
    "spelling", ["identifier=a,b&active=true", "active=true&identifier=b,a", "identifier=b,a,a&active=true"]
)
def test_one_condition_in_other_words_has_the_same_key(spelling: str) -> None:
    first = from_text("Patient", "identifier=a,b&active=true", base=BASE)
    assert from_text("Patient", spelling, base=BASE).key == first.key


def test_an_escaped_comma_parts_nothing() -> None:
    together = from_text("Patient", r"identifier=a\,b", base=BASE)
    assert together.key != from_text("Patient", "identifier=a,b", base=BASE).key


def test_a_condition_that_is_no_utf_8_is_refused() -> None:
    """Else two that are none would be the same one."""
    with pytest.raises(Incorrect, match="UTF-8"):
        from_text("CarePlan", "identifier=%ED%A0%80", base=BASE)
