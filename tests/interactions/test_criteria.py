"""Conditions: what is one condition, and what is locked with it."""

import pytest

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
