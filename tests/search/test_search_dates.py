"""Dates as the search page of the standard has them. https://hl7.org/fhir/R4/search.html#date"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sharedplan.errors import Incorrect
from sharedplan.search.indexing import index_values
from sharedplan.search.matching import matches
from sharedplan.search.parse import parse
from sharedplan.search.values.date import EARLIEST, LATEST, span

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def found(query: str, **elements: Any) -> bool:
    """Whether a CarePlan with this period, or an Observation with this effective date, is found by `date=query`."""
    type = "Observation" if "effectiveDateTime" in elements else "CarePlan"
    values = index_values(type, {"resourceType": type, **elements})
    return matches(parse(type, [("date", query)], at=NOW).where, type, "1", values)


@pytest.mark.parametrize(
    ("query", "inside", "outside"),
    [
        # the table of the standard
        ("eq2013-01-14", ["2013-01-14T00:00:00+02:00", "2013-01-14T10:00:00+02:00"], ["2013-01-15T00:00:00+02:00"]),
        ("ne2013-01-14", ["2013-01-15T00:00:00+02:00"], ["2013-01-14T00:00:00+02:00", "2013-01-14T10:00:00+02:00"]),
        ("lt2013-01-14T10:00", ["2013-01-14", "2013-01-14T09:59:59+02:00"], ["2013-01-14T10:00:00+02:00"]),
        ("gt2013-01-14T10:00", ["2013-01-14", "2013-01-14T10:01:00+02:00"], ["2013-01-14T10:00:00+02:00"]),
        ("ge2013-03-14", ["2013-03-14", "2013-03-14T00:00:00+02:00", "2013-03-15"], ["2013-03-13"]),
        ("le2013-03-14", ["2013-03-14", "2013-03-14T23:59:59+02:00", "2013-03-13"], ["2013-03-15"]),
        (
            "sa2013-03-14",
            ["2013-03-15", "2013-03-15T00:00:00+02:00"],
            ["2013-03-14T00:00:00+02:00", "2013-03", "2013-03-14"],
        ),
        ("eb2013-03-14", ["2013-03-13"], ["2013-03-14", "2013-03", "2013-03-14T00:00:00+02:00"]),
        ("ap2013-03-14", ["2013-03-14", "2012-03-14", "2014-03-14"], ["2011-03-14", "2015-03-14"]),
        # no prefix is eq, and every precision has its range
        ("2013", ["2013", "2013-07", "2013-12-31T23:59:59+02:00"], ["2014-01-01T00:00:00+02:00"]),
        ("2013-02", ["2013-02-28", "2013-02"], ["2013", "2013-03-01"]),
        ("2013-01-14", ["2013-01-14"], ["2013-01", "2013"]),  # the value must enclose what is found
        ("2013-01-14T10:00", ["2013-01-14T10:00:30+02:00"], ["2013-01-14T10:01:00+02:00", "2013-01-14"]),
        ("2013-01-14T10:00:00.5Z", ["2013-01-14T10:00:00.55Z"], ["2013-01-14T10:00:00.6Z", "2013-01-14T10:00:00Z"]),
        # time zones
        (
            "2013-01-14T10:00:00Z",
            ["2013-01-14T12:00:00+02:00", "2013-01-14T05:00:00-05:00"],
            ["2013-01-14T10:00:00+02:00"],
        ),
        ("2013-07-14", ["2013-07-13T21:00:00Z", "2013-07-14T20:59:59Z"], ["2013-07-14T21:00:00Z"]),
    ],
)
def test_a_date_is_found(query: str, inside: list[str], outside: list[str]) -> None:
    for text in inside:
        assert found(query, effectiveDateTime=text), text
    for text in outside:
        assert not found(query, effectiveDateTime=text), text


@pytest.mark.parametrize(
    ("query", "period", "is_found"),
    [
        # "21-Jan 2013 onwards is included because that period may include times after 14-Mar 2013"
        ("gt2013-03-14", {"start": "2013-01-21"}, True),
        ("ge2013-03-14", {"start": "2013-01-21"}, True),
        ("sa2013-03-14", {"start": "2013-01-21"}, False),
        ("sa2013-03-14", {"start": "2013-03-15"}, True),
        ("lt2013-03-14", {"end": "2020"}, True),
        ("eb2013-03-14", {"end": "2013-03-13"}, True),
        ("eb2013-03-14", {"start": "2013-03-13"}, False),
        ("eq2013-03", {"start": "2013-03-01", "end": "2013-03-31"}, True),
        ("eq2013-03", {"start": "2013-03-01"}, False),
        ("ne2013-03", {"start": "2013-03-01"}, True),
        ("ap2013-03-14", {"start": "2000-01-01"}, True),
        ("le2013", {"start": "2013-05-01", "end": "2013-06-01"}, True),
        ("le2013", {"start": "2013-05-01", "end": "2014-06-01"}, False),
    ],
)
def test_a_period_is_found(query: str, period: dict[str, str], is_found: bool) -> None:
    assert found(query, period=period) == is_found


def test_nothing_is_found_by_a_period_without_ends_nor_without_a_period() -> None:
    for prefix in ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"):
        assert not found(f"{prefix}2013")
        assert not found(f"{prefix}2013", period={"id": "x"})


def test_a_period_that_ends_before_it_begins_is_still_a_range() -> None:
    assert found("2013", period={"start": "2013-05-01", "end": "2013-04-01"})


def test_a_space_stands_for_the_plus_that_a_query_string_lost() -> None:
    assert found("2013-01-14T10:00:00 02:00", effectiveDateTime="2013-01-14T08:00:00Z")


@pytest.mark.parametrize(
    "value",
    [
        *("x", "2013-1", "2013-02-30", "2013-13", "2013-01-14T", "2013-01-14T25:00", "2013-01-14T10", "eq", "zz2013"),
        *("0000", "2013-01-14T10:00:00+99:00", "-2013", "2013-01-14 10:00", "２０１３"),
    ],
)
def test_what_is_no_date_is_refused_by_name(value: str) -> None:
    with pytest.raises(Incorrect, match=r"^date: "):
        parse("CarePlan", [("date", value)])


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("9999-12-31", datetime(9999, 12, 30, 22, tzinfo=UTC), LATEST),
        ("9999-12", datetime(9999, 11, 30, 22, tzinfo=UTC), LATEST),
        ("9999", datetime(9998, 12, 31, 22, tzinfo=UTC), LATEST),
        ("9999-12-31T23:59:59.9999999-01:00", LATEST - timedelta(microseconds=1), LATEST),
        ("0001-01-01T00:00:00+02:00", EARLIEST, EARLIEST + timedelta(seconds=1)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC), datetime(2017, 1, 1, 0, 0, 1, tzinfo=UTC)),
        (
            "2024-03-31",
            datetime(2024, 3, 30, 22, tzinfo=UTC),
            datetime(2024, 3, 31, 21, tzinfo=UTC),
        ),  # summer time begins
        ("2024-02-29T10:00:00.123456789Z", *(datetime(2024, 2, 29, 10, 0, 0, us, UTC) for us in (123456, 123457))),
    ],
)
def test_the_edges_of_the_calendar(text: str, low: datetime, high: datetime) -> None:
    assert span(text) == (low, high)


def test_the_first_day_of_the_calendar_is_a_range() -> None:
    low, high = span("0001-01-01")
    assert low == EARLIEST < high
