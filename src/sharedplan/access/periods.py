"""Spans of time: when a statement holds, and what time a thing is of. https://hl7.org/fhir/R4/datatypes.html#Period

A Span is [low, high), UTC; an open end is the end of the calendar, so spans compare without exceptions.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import EARLIEST, LATEST, span


class Span(NamedTuple):
    """[low, high), UTC; nothing lies within one whose high is not after its low."""

    low: datetime
    high: datetime

    def covers(self, at: datetime) -> bool:
        return self.low <= at < self.high

    def encloses(self, other: "Span") -> bool:
        return self.low <= other.low and other.high <= self.high

    def overlaps(self, other: "Span") -> bool:
        return self.low < other.high and other.low < self.high and self.low < self.high

    def meeting(self, other: "Span") -> "Span":
        """What both of them cover."""
        return Span(max(self.low, other.low), min(self.high, other.high))


ALWAYS = Span(EARLIEST, LATEST)
NEVER = Span(LATEST, EARLIEST)

MOMENT = timedelta(microseconds=1)
"""The least time there is."""


def validity(period: Json | None) -> Span:
    """When something with that Period holds; always, when it has none.

    An end given to the day is the end of that day in Finland. An end given as a time is that very instant, which is
    no longer within: so what ends and what begins at one instant leave no gap and do not overlap.
    """
    start, end = (period or {}).get("start"), (period or {}).get("end")
    low = span(start)[0] if start is not None else EARLIEST
    if end is None:
        return Span(low, LATEST)
    found = span(end)
    return Span(low, found[0] if "T" in end else found[1])


def extent(period: Json) -> Span:
    """All the time that a Period may mean, its last second or day included."""
    start, end = period.get("start"), period.get("end")
    return Span(span(start)[0] if start is not None else EARLIEST, span(end)[1] if end is not None else LATEST)


def first_and_last(date_time: str) -> tuple[datetime, datetime]:
    """The first and the last instant that a dateTime may mean. Raises ValueError for what is none."""
    low, high = span(date_time)
    return low, max(low, high - MOMENT)


def birthday(birth_date: str, years: int) -> datetime | None:
    """When somebody born then comes to that age, midnight in Finland, UTC; None when the text is no date.

    A birth date without its day or month counts from its beginning. Who is born on a leap day comes of age on the
    28th of February.
    """
    try:
        year, rest = int(birth_date[:4]) + years, birth_date[4:] or "-01-01"
        rest = rest if len(rest) == 6 else f"{rest}-01"
        try:
            return span(f"{year:04}{rest}")[0]
        except ValueError:
            return span(f"{year:04}-02-28")[0] if rest == "-02-29" else None
    except ValueError:
        return None
