"""The language of an answer: by the parameter, else by the header."""

import pytest

from sharedplan.errors import Incorrect
from sharedplan.fhir.languages import chosen


@pytest.mark.parametrize(
    ("parameter", "header", "language"),
    [
        (None, None, "en"),
        ("fi", None, "fi"),
        ("sv-FI", "fi", "sv"),
        (None, "fi", "fi"),
        (None, "sv-FI", "sv"),
        (None, "en;q=0.5, fi;q=0.9", "fi"),
        (None, "de, fr;q=0.9", "en"),
        (None, "de, sv;q=0.1", "sv"),
        (None, "fi;q=0, sv;q=0.2", "sv"),
        (None, "*", "en"),
        (None, "fi;q=much, sv", "sv"),
        (None, ", ;q=1,", "en"),
    ],
)
def test_the_parameter_comes_before_the_header_and_its_weights(
    parameter: str | None, header: str | None, language: str
) -> None:
    assert chosen(parameter, header) == language


def test_a_parameter_of_another_language_is_told() -> None:
    with pytest.raises(Incorrect, match="fi, sv, en"):
        chosen("de", None)
