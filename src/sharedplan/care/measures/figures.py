"""What a measure comes to: groups of counted things, with their scores and strata. Pure.

https://hl7.org/fhir/R4/measurereport.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import median
from typing import NamedTuple, Protocol

from sharedplan.fhir.exchanges import Json


@dataclass(frozen=True, slots=True)
class Period:
    """Days in Helsinki from `start` on, and before `end`."""

    start: date
    end: date

    def has(self, day: date | None) -> bool:
        return day is not None and self.start <= day < self.end


class Value(NamedTuple):
    """What a stratum has in common: of a stratifier ("source"), its value ("Organization/1"), and how it is called."""

    of: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Stratum:
    """Those of a group that have these values in common."""

    values: tuple[Value, ...]
    population: int
    numerator: int | None = None

    @property
    def counts(self) -> tuple[int, ...]:
        return (self.population,) if self.numerator is None else (self.population, self.numerator)


@dataclass(frozen=True, slots=True)
class Group:
    """Things that are counted: how many (`population`), of these how many fulfil what is asked (`numerator`; None when
    nothing is), or what their values are (`median`), in `unit` (UCUM)."""

    code: str
    population: int
    numerator: int | None = None
    median: float | None = None
    unit: str = "1"
    strata: tuple[Stratum, ...] = field(default=())

    @property
    def counts(self) -> tuple[int, ...]:
        return (self.population,) if self.numerator is None else (self.population, self.numerator)


def of_values(code: str, values: Sequence[int], unit: str) -> Group:
    """A group whose score is the median of its values."""
    return Group(code, len(values), median=float(median(values)) if values else 0.0, unit=unit)


class Question(NamedTuple):
    """A search for what is to be taken: pairs of a query string of that type."""

    type: str
    pairs: tuple[tuple[str, str], ...] = ()


class Measuring(Protocol):
    """One measure at work."""

    def questions(self) -> Iterator[Question]:
        """What is needed, in this order: each is answered in full, by `take`, before the next is asked for."""

    def take(self, resource: Json) -> None:
        """One resource that a question found."""

    def groups(self) -> list[Group]:
        """What it all came to."""
