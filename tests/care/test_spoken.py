"""Dates and rhythms as people write them, in three languages, in Finnish time."""

import pytest

from sharedplan.care.spoken import date_, day, moment, period, time_of, timing
from sharedplan.fhir.exchanges import Json

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("text", "fi", "en"),
    [
        ("2027-01-21", "21.1.2027", "21 January 2027"),
        ("2027-01", "1/2027", "January 2027"),
        ("2027", "2027", "2027"),
        ("2026-12-31T22:30:00Z", "1.1.2027", "1 January 2027"),  # which is the next year in Helsinki
    ],
)
def test_a_date_is_written_as_far_as_it_is_known(text: str, fi: str, en: str) -> None:
    assert (date_(text, "fi"), date_(text, "sv"), date_(text, "en")) == (fi, fi, en)


def test_a_time_has_its_weekday_and_the_time_of_helsinki() -> None:
    start, end = "2027-01-21T11:00:00Z", "2027-01-21T14:00:00+02:00"
    assert time_of(start, end, "fi") == f"torstai 21.1.2027 klo{NBSP}13.00–14.00"
    assert time_of(start, end, "sv") == f"torsdag 21.1.2027 kl.{NBSP}13.00–14.00"
    assert time_of(start, end, "en") == f"Thursday 21 January 2027 at{NBSP}13:00–14:00"
    assert time_of("2027-01-21", None, "fi") == "torstai 21.1.2027"
    assert time_of("2026-07-01T06:00:00Z", None, "fi").endswith("9.00")  # in summer three hours ahead


def test_a_period_with_one_end_says_which() -> None:
    assert period({"start": "2026-02-09", "end": "2026-03-06"}, "fi") == "9.2.2026–6.3.2026"
    assert period({"start": "2026-02-09"}, "sv") == "från 9.2.2026"
    assert period({"end": "2026-03-06"}, "en") == "until 6 March 2026"
    assert period({}, "fi") is None


@pytest.mark.parametrize(
    ("repeat", "said"),
    [
        ({"frequency": 1, "period": 3, "periodUnit": "wk"}, "3 viikon välein"),
        ({"frequency": 1, "period": 2, "periodUnit": "wk"}, "joka toinen viikko"),
        ({"frequency": 1, "period": 1, "periodUnit": "mo"}, "joka kuukausi"),
        ({"frequency": 2, "period": 1.0, "periodUnit": "wk"}, "2 kertaa viikossa"),
        (
            {"frequency": 1, "period": 1, "periodUnit": "wk", "boundsPeriod": {"end": "2026-12-18"}},
            "joka viikko, 18.12.2026 asti",
        ),
        ({"boundsPeriod": {"start": "2026-12-18"}}, "18.12.2026 alkaen"),
        ({"frequency": 1, "period": 0.5, "periodUnit": "wk"}, None),
    ],
)
def test_a_rhythm_is_said_in_words(repeat: Json, said: str | None) -> None:
    assert timing({"repeat": repeat}, "fi") == said


@pytest.mark.parametrize("text", [None, "", "soon", "2027-02-30", "2027-01-21T23:59:60Z"])
def test_what_cannot_be_read_is_no_moment(text: str | None) -> None:
    assert moment(text) is None
    assert day(text) is None or text == "2027-01-21T23:59:60Z"
