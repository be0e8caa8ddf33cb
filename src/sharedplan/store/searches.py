"""What is searched, as values: the question, the order, the page. https://hl7.org/fhir/R4/search.html"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.expression import Expression
from sharedplan.search.parameters import Parameter

Keys = tuple[Any, ...]
"""Where a row stands in the order: the value of each sort key, then the number of its type, then its id."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of the order: by the parameter's values, of several by the least (or descending, by the greatest).
    Rows without a value come last either way."""

    parameter: Parameter
    is_descending: bool = False

    @property
    def kind(self) -> str:
        """The SQL type of its values."""
        if self.parameter.code == "_lastUpdated" or self.parameter.type == "date":
            return "timestamptz"
        return "numeric" if self.parameter.type in ("number", "quantity") else "text"


@dataclass(frozen=True, slots=True)
class Place:
    """A page other than the first: at the moment `as_of`, beyond `keys`, or before them when it `is_backwards`.

    `keys` is None for the first page again, as it was then.
    """

    as_of: datetime
    keys: Keys | None = None
    is_backwards: bool = False


@dataclass(frozen=True, slots=True)
class Contained:
    """That a search looks at contained resources.

    `within`: what may be seen of each type of container. `limits`: what a contained resource of each type must meet
    beside, which is asked of itself. `is_both`: those that stand for themselves are looked for, too. `is_alone`: what
    is found is shown by itself, rather than its container, which is shown once whatever of it is found. `pairs`: (type,
    type of container) of what there is, as the store finds it.
    """

    within: Mapping[str, Expression]
    limits: Mapping[str, Expression]
    is_both: bool = False
    is_alone: bool = False
    pairs: tuple[tuple[str, str], ...] = ()


class Seeing(NamedTuple):
    """How much an asker sees (`store/extents.py`): of which types so `little` that most searches had better go through
    all of it than through what others keep beside it; of which `some`, little beside all that there is, so that those
    do whose conditions much may meet; and of which `much`, so that it is no way to find anything. It changes how
    matches are found, and never which."""

    little: frozenset[str] = frozenset()
    some: frozenset[str] = frozenset()
    much: frozenset[str] = frozenset()


UNKNOWN = Seeing()
"""Of an asker of whom nobody knows."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search: of each type what is asked of it, in what order, and which page.

    `total`: "none", "accurate", or "some" to count unless that is costly. `seen`: what may be seen of each type.
    `contained`: None for what stands for itself alone. `as_text`: the page may come as text that is joined already;
    nobody looks into it. `seeing`: how much the asker sees; the store finds it out.
    """

    wheres: Mapping[str, Expression]
    seen: Mapping[str, Expression]
    count: int
    total: str = "some"
    sort: tuple[SortKey, ...] = ()
    place: Place | None = None
    contained: Contained | None = None
    as_text: bool = False
    seeing: Seeing = UNKNOWN

    @property
    def types(self) -> tuple[str, ...]:
        """What is shown, by the numbers that rows have as their `rank`. Of containers these are those of all types, for
        the pages of a search may come to meet others."""
        return tuple(self.wheres) if self.contained is None else tuple(CATALOGUE)

    @property
    def is_ranked(self) -> bool:
        """Whether rows have ranks that tell them apart."""
        return self.contained is not None or len(self.wheres) > 1
