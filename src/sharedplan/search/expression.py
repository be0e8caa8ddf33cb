"""The one small language that search and access share: what is asked for, and what may be seen.

An Expression is a value. `store/compile.py` turns it into SQL, `search/matching.py` tests it in memory; a property
test holds them to the same answers. A slice (what somebody may see) is an Expression too, so a limit is always
part of the query and never sifted out afterwards.
"""

from dataclasses import dataclass
from datetime import datetime

from sharedplan.search.parameters import Parameter


class Expression:
    """A condition on resources of one type."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Everything(Expression):
    """True of every resource."""


@dataclass(frozen=True, slots=True)
class Nothing(Expression):
    """True of none."""


@dataclass(frozen=True, slots=True)
class And(Expression):
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Expression):
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not(Expression):
    part: Expression


@dataclass(frozen=True, slots=True)
class HasId(Expression):
    """The resource's id is one of these."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Updated(Expression):
    """`_lastUpdated`: not before `since`, and before `until`, UTC; None leaves that side open."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class InCompartment(Expression):
    """In the compartment of that resource: it is the resource, or one of the parameters of the type's row in the
    CompartmentDefinition points at it. https://hl7.org/fhir/R4/compartmentdefinition.html"""

    compartment: str  # "Patient"
    id: str


@dataclass(frozen=True, slots=True)
class Missing(Expression):
    """`:missing`: the parameter finds no value in the resource."""

    parameter: Parameter


@dataclass(frozen=True, slots=True)
class HasToken(Expression):
    """`code`, `system|code`, `|code` or `system|`: None is not asked, "" is asked to be absent."""

    parameter: Parameter
    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class RefersTo(Expression):
    """The parameter's element refers to any of these, written as the index has them ("Patient/1", or an absolute
    URL or urn)."""

    parameter: Parameter
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InTime(Expression):
    """A date against [low, high), UTC, by prefix: eq, ne, gt, lt, ge, le, sa, eb or ap.

    https://hl7.org/fhir/R4/search.html#date
    """

    parameter: Parameter
    prefix: str
    low: datetime
    high: datetime


@dataclass(frozen=True, slots=True)
class HasText(Expression):
    """A string: `how` is starts, contains or exact; `text` is folded for the first two."""

    parameter: Parameter
    text: str
    how: str = "starts"


@dataclass(frozen=True, slots=True)
class HasUri(Expression):
    """A uri: `how` is exact, above or below."""

    parameter: Parameter
    uri: str
    how: str = "exact"
