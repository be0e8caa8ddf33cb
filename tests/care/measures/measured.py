"""What a measure comes to over hand-made resources."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from sharedplan.care.measures.figures import Around, Group, Measuring, Period
from sharedplan.exchange.accepting import accepted

Json = dict[str, Any]

BASE = "https://plan.example/fhir"
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
SPRING = Period(date(2026, 4, 1), date(2026, 5, 1))
TODAY = date(2026, 11, 27)


def around(period: Period, now: datetime = datetime(2026, 11, 27, 10, tzinfo=UTC)) -> Around:
    return Around(period, now, "Organization/s", BASE, accepted)


def over(measuring: Measuring, resources: Iterable[Json]) -> dict[str, Group]:
    """The groups by their codes, when each question finds those of its type."""
    listed = list(resources)
    for question in measuring.questions():
        for each in listed:
            if each["resourceType"] == question.type:
                measuring.take(each)
    return {each.code: each for each in measuring.groups()}


def strata(group: Group) -> dict[str, tuple[int, ...]]:
    """The counts of each stratum by its value."""
    return {each.values[0].code: each.counts for each in group.strata}
