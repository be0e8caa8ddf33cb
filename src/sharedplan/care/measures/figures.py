"""What a measure comes to: groups of counted things, with their scores and strata. Pure.

https://hl7.org/fhir/R4/measurereport.html
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from statistics import mean, median
from typing import NamedTuple, Protocol

from sharedplan.care.situation import Situation
from sharedplan.care.writing import Acceptance
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import ZONE


@dataclass(frozen=True, slots=True)
class Period:
    """Days in Helsinki from `start` on, and before `end`."""

    start: date
    end: date

    def has(self, day: date | None) -> bool:
        return day is not None and self.start <= day < self.end


@dataclass(frozen=True, slots=True)
class Around:
    """What a measure goes by: the period, what time it is (UTC), the Organization whose register is counted, and the
    FHIR base of absolute references. `accept`: whom a client has accepted, by his consents."""

    period: Period
    now: datetime
    organization: str
    base: str
    accept: Callable[[Situation], Acceptance]

    @property
    def today(self) -> date:
        """In Helsinki."""
        return self.now.astimezone(ZONE).date()

    @property
    def since(self) -> datetime:
        """When the period begins."""
        return datetime.combine(self.period.start, time(), ZONE)

    @property
    def until(self) -> datetime:
        """When it ends, or now while it has not."""
        return min(self.now, datetime.combine(self.period.end, time(), ZONE))

    @property
    def last(self) -> datetime:
        """The last moment of the period that has come."""
        return self.until - timedelta(microseconds=1)


class Value(NamedTuple):
    """What a stratum has in common: of a stratifier ("source"), its value ("Organization/1"), and how it is called."""

    of: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Stratum:
    """Those of a group that have these values in common. `people`: see Group."""

    values: tuple[Value, ...]
    population: int
    numerator: int | None = None
    people: int | None = None

    @property
    def counts(self) -> tuple[int, ...]:
        return (self.population,) if self.numerator is None else (self.population, self.numerator)


@dataclass(frozen=True, slots=True)
class Group:
    """Things that are counted: how many (`population`), of these how many fulfil what is asked (`numerator`; None when
    nothing is), or what their values come to (`score`), in `unit` (UCUM). `people`: how many clients all this is of,
    when one may have several of what is counted; it is not told, and few of them are few however much they have."""

    code: str
    population: int
    numerator: int | None = None
    score: float | None = None
    unit: str = "1"
    strata: tuple[Stratum, ...] = field(default=())
    people: int | None = None

    @property
    def counts(self) -> tuple[int, ...]:
        return (self.population,) if self.numerator is None else (self.population, self.numerator)


def of_values(code: str, values: Sequence[int], unit: str) -> Group:
    """A group whose score is the median of its values."""
    return Group(code, len(values), score=float(median(values)) if values else 0.0, unit=unit)


def of_means(code: str, values: Sequence[Sequence[float]]) -> Group:
    """A group of people, each with the values that are his, whose score is the mean of their own means."""
    return Group(code, len(values), score=round(mean(map(mean, values)), 2) if values else 0.0)


class Question(NamedTuple):
    """A search for what is to be taken: pairs of a query string of that type."""

    type: str
    pairs: tuple[tuple[str, str], ...] = ()


AT_ONCE = 100
"""References that one question asks for."""


def chunks(listed: Sequence[str]) -> Iterator[Sequence[str]]:
    """So many of them at a time."""
    for first in range(0, len(listed), AT_ONCE):
        yield listed[first : first + AT_ONCE]


class Measuring(Protocol):
    """One measure at work."""

    def questions(self) -> Iterator[Question]:
        """What is needed, in this order: each is answered in full, by `take`, before the next is asked for."""

    def take(self, resource: Json) -> None:
        """One resource that a question found."""

    def groups(self) -> list[Group]:
        """What it all came to."""
