"""Dates and periods, compared as ranges of time. https://hl7.org/fhir/R4/search.html#date

Every date is the range of instants that it may mean: 2024-05 is all of May. A range is (low, high), low included,
high not, both UTC; None is an open end. A date without a time zone is meant in Finland's time.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sharedplan.errors import Incorrect
from sharedplan.fhir.paths import Visit
from sharedplan.search.expression import InTime
from sharedplan.search.parameters import Parameter
from sharedplan.search.values.entry import of_extensions

Range: TypeAlias = tuple[datetime | None, datetime | None]

ZONE = ZoneInfo("Europe/Helsinki")
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_MOMENT = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_ASKED = re.compile(
    r"(?a)(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?"
    r"(?P<date>\d{4}(?:-\d\d(?:-\d\d(?P<time>T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+\- ]\d\d:\d\d)?)?)?)?)"
)
_FRACTION = re.compile(r"\d+")


def parse(parameter: Parameter, text: str, *, at: datetime) -> InTime:
    """The condition that a prefix and a date ask for; `at` is the present, from which `ap` takes its tolerance.

    Raises Incorrect for anything that is no date.
    """
    return InTime(parameter, *asked(parameter.code, text, at=at))


def asked(name: str, text: str, *, at: datetime) -> tuple[str, datetime, datetime]:
    """(prefix, low, high) of a search value; no prefix is eq, and `ap` widens the range by a tenth of its distance
    from the present, `at`. Raises Incorrect, naming the parameter.

    A space stands for the plus sign of a zone, which a query string loses when it is not encoded.
    """
    try:
        if found := _ASKED.fullmatch(text):
            prefix, (low, high) = found["prefix"] or "eq", span(found["date"].replace(" ", "+"))
            tolerance = abs(at - low) / 10 if prefix == "ap" else timedelta()
            return prefix, _later(low, -tolerance), _later(high, tolerance)
    except ValueError:
        pass
    raise Incorrect(
        f"{name}: a date is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss][zone] that the calendar has, "
        f"after one of {', '.join(PREFIXES)} or nothing"
    )


def span(text: str) -> tuple[datetime, datetime]:
    """The range that a FHIR date, dateTime or instant may mean, within the years that Python's calendar has.

    Raises ValueError for what is no date.
    """
    return _of_time(text) if len(text) > 10 else _of_day(text)


@lru_cache(maxsize=4096)
def _of_day(text: str) -> tuple[datetime, datetime]:
    """Of a day, a month or a year; the same ones come again and again."""
    year, month, day = int(text[:4]), int(text[5:7] or 1), int(text[8:] or 1)
    low = _midnight(year, month, day)
    if len(text) == 4:
        return low, _midnight(year + 1, 1, 1)
    if len(text) == 7:
        return low, _midnight(year + month // 12, month % 12 + 1, 1)
    if (year, month, day) == (9999, 12, 31):
        return low, LATEST
    following = date(year, month, day) + _DAY
    return low, _midnight(following.year, following.month, following.day)


def _midnight(year: int, month: int, day: int) -> datetime:
    if year > 9999:
        return LATEST
    try:
        return datetime(year, month, day, tzinfo=ZONE).astimezone(UTC)
    except OverflowError:  # the first hours of year 1, in a zone east of Greenwich
        return EARLIEST


def _of_time(text: str) -> tuple[datetime, datetime]:
    if text[17:19] == "60":  # a leap second, which Python's calendar does not have
        low, high = _of_time(f"{text[:17]}59{text[19:]}")
        return _later(low, _SECOND), _later(high, _SECOND)
    read = datetime.fromisoformat(text)
    try:
        low = (read if read.tzinfo is not None else read.replace(tzinfo=ZONE)).astimezone(UTC)
    except OverflowError:
        low = EARLIEST if read.year == 1 else LATEST
    low = min(low, LATEST - _MOMENT)
    if text[16:17] != ":":
        return low, _later(low, _MINUTE)
    if text[19:20] != ".":
        return low, _later(low, _SECOND)
    digits = _FRACTION.match(text, 20)
    return low, _later(low, _MOMENT * 10 ** max(6 - len(digits[0] if digits else ""), 0))


def _later(instant: datetime, by: timedelta) -> datetime:
    try:
        return instant + by
    except OverflowError:
        return LATEST if by > timedelta() else EARLIEST


def hull(ranges: Iterable[Range]) -> Range:
    """The least range that encloses all of them."""
    lows, highs = zip(*ranges, strict=True)
    return (
        None if None in lows else min(low for low in lows if low is not None),
        None if None in highs else max(high for high in highs if high is not None),
    )


def holds(asked: InTime, ranges: list[Range], keys: list[str]) -> bool:
    """Whether one of an element's ranges meets the condition; `keys` say of what each of them is, in a composite."""
    if asked.keys:
        ranges = [span for key, span in zip(keys, ranges, strict=True) if key in asked.keys]
    return any(_holds(asked.prefix, asked.low, asked.high, low, high) for low, high in ranges)


def _holds(prefix: str, low: datetime, high: datetime, from_: datetime | None, to: datetime | None) -> bool:
    """The prefixes as the standard words them; the search value is [low, high), the element [from_, to)."""
    within = from_ is not None and to is not None and low <= from_ and to <= high
    above = to is None or to > high
    below = from_ is None or from_ < low
    match prefix:
        case "eq":
            return within
        case "ne":
            return not within
        case "gt":
            return above
        case "lt":
            return below
        case "ge":
            return above or within
        case "le":
            return below or within
        case "sa":
            return from_ is not None and from_ >= high
        case "eb":
            return to is not None and to <= low
    return (from_ is None or from_ < high) and (to is None or to > low)  # ap: the two overlap


def _date(value: Any, out: list[Any]) -> None:
    out.append(span(value))


def _period(value: Any, out: list[Any]) -> None:
    start, end = value.get("start"), value.get("end")
    low = span(start)[0] if start is not None else None
    high = span(end)[1] if end is not None else None
    if low is not None and high is not None and low >= high:  # ends before it begins: read from its earlier end
        low, high = high - _MOMENT, low + _MOMENT
    if low is not None or high is not None:
        out.append((low, high))


def _timing(value: Any, out: list[Any]) -> None:
    """Only the outer limits of a schedule count."""
    found = [span(event) for event in value.get("event", ()) if event is not None]
    if bounds := value.get("repeat", {}).get("boundsPeriod"):
        _period(bounds, found)
    if found:
        out.append(hull(found))


_VISITS: dict[str, Visit] = {
    "date": _date,
    "dateTime": _date,
    "instant": _date,
    "Period": _period,
    "Timing": _timing,
}

EXTRACT: Mapping[str, Visit] = {**_VISITS, "Extension": of_extensions(_VISITS)}
"""Datatype → how its ranges are added."""
