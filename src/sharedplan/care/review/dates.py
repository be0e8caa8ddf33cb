"""Days as Finland counts them, and how they are said in three languages; pure. https://hl7.org/fhir/R4/datatypes.html"""

from calendar import monthrange
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sharedplan.care import helsinki
from sharedplan.care.finding import Words
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import EARLIEST, LATEST, span

Range = tuple[datetime, datetime]
"""From an instant up to another, which is not in it; UTC."""

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def extent(value: Any) -> Range | None:
    """The instants that a date, dateTime or Period covers, an open end reaching for ever; None for none of these."""
    if isinstance(value, dict):
        if "start" not in value and "end" not in value:
            return None
        low, high = _span(value.get("start")), _span(value.get("end"))
        return low[0] if low else EARLIEST, high[1] if high else LATEST
    return _span(value)


def _span(value: Any) -> Range | None:
    return _read(value) if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _read(text: str) -> Range | None:
    """The same dates come again and again within a plan."""
    try:
        return span(text)
    except ValueError:
        return None


def start_of(value: Any) -> datetime | None:
    """When a date, dateTime or Period begins; None when it does not say."""
    found = extent(value)
    return found[0] if found is not None and found[0] > EARLIEST else None


def end_of(value: Any) -> datetime | None:
    """When a Period ends, the day of its end being past; None while it is open."""
    found = extent(value)
    return found[1] if found is not None and found[1] < LATEST else None


def covers(period: Json | None, at: datetime) -> bool:
    """Whether the instant is in the period; one that says nothing covers all time."""
    found = extent(period)
    return found is None or found[0] <= at < found[1]


def overlap(period: Json | None, when: Range) -> bool:
    """Whether a Period and that time have a moment in common; one that says nothing covers all time."""
    low, high = extent(period) or (EARLIEST, LATEST)
    return low < when[1] and when[0] < high


def day(at: datetime) -> date:
    """The day that it is in Finland."""
    return helsinki.day_of(at)


def last_day(value: Any) -> date | None:
    """The last day of a Period, as it says it; None while it is open."""
    text = value.get("end") if isinstance(value, dict) else value
    found = _span(text)
    return day(found[0]) if found is not None else None


def said(when: date | datetime | None) -> Words:
    """A day in words."""
    if when is None:
        return ("päivä ei tiedossa", "okänd dag", "day not known")
    if isinstance(when, datetime):
        when = day(when)
    figures = f"{when.day}.{when.month}.{when.year}"
    return (figures, figures, f"{when.day} {_MONTHS[when.month - 1]} {when.year}")


def years_later(born: date, years: int) -> date:
    """The birthday of that age; of who was born on a leap day, the last of February in other years."""
    year = born.year + years
    return date(year, born.month, min(born.day, monthrange(year, born.month)[1]))


def months_before(when: date, months: int) -> date:
    """The same day of the month that many months before, or that month's last."""
    number = when.year * 12 + when.month - 1 - months
    year, month = divmod(number, 12)
    return date(year, month + 1, min(when.day, monthrange(year, month + 1)[1]))


def count(number: int, one: Words, many: Words) -> Words:
    """A number with its noun: ("2 tapaamista", …)."""
    words = one if number == 1 else many
    return (f"{number} {words[0]}", f"{number} {words[1]}", f"{number} {words[2]}")


DAYS = (("päivä", "dag", "day"), ("päivää", "dagar", "days"))
"""What `count` needs for days."""


def days(number: int) -> Words:
    """A number of days in words."""
    return count(number, *DAYS)
