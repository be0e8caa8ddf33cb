"""What a query says of how the answer is to look, rather than what is in it: _count, _sort, _total, and how much of
each resource: _summary and _elements. And where it is looked for: _contained and _containedType.

https://hl7.org/fhir/R4/search.html#return, https://hl7.org/fhir/R4/search.html#contained
"""

from typing import NamedTuple

from sharedplan.errors import Incorrect

CONTAINED, CONTAINED_TYPE = "_contained", "_containedType"

NAMES = ("_count", "_sort", "_total", "_summary", "_elements", CONTAINED, CONTAINED_TYPE)

TOTALS = ("none", "estimate", "accurate")
SUMMARIES = ("true", "text", "data", "count", "false")
WHERE = ("false", "true", "both")
WHAT = ("container", "contained")


class Contained(NamedTuple):
    """That contained resources are searched. `is_both`: those that stand for themselves, too. `is_alone`: what is found
    is shown by itself, rather than the resource that contains it."""

    is_both: bool
    is_alone: bool


def count(value: str | None) -> int | None:
    """How many entries a page is to have. Raises Incorrect."""
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise Incorrect("_count is a whole number, 0 or more")
    return int(value)


def sort(value: str) -> tuple[tuple[str, bool], ...]:
    """(code, whether descending) for each key, the first counts most."""
    return tuple((part.removeprefix("-"), part.startswith("-")) for part in value.split(","))


def total(value: str | None) -> str | None:
    """How exact the total is to be: none, estimate or accurate. Raises Incorrect."""
    if value is not None and value not in TOTALS:
        raise Incorrect(f"_total is one of {', '.join(TOTALS)}")
    return value


def summary(value: str | None) -> str | None:
    """The form in which resources are wanted, true, text or data; "count" when only the total is; None for whole
    resources, as false says. Raises Incorrect."""
    if value is not None and value not in SUMMARIES:
        raise Incorrect(f"_summary is one of {', '.join(SUMMARIES)}")
    return None if value == "false" else value


def elements(value: str | None, *, summary: str | None = None) -> tuple[str, ...]:
    """The names of the elements that are wanted, each once; empty for whole resources.

    Whether the type has them is not asked here, see `fhir/summaries.py`. `summary` is what the function of that name
    made of the same query. Raises Incorrect for a list with nothing in a place, and when there is a summary as well:
    each says what is to be left out, and which of them should win is nowhere said.
    """
    if value is None:
        return ()
    if summary is not None:
        raise Incorrect(f"_elements and _summary={summary} exclude each other; give one of them")
    names = value.split(",")
    if "" in names:
        raise Incorrect("_elements is a list of element names, separated by commas, such as _elements=status,subject")
    return tuple(dict.fromkeys(names))


def contained(value: str | None, what: str | None) -> Contained | None:
    """What `_contained` and `_containedType` say; None when contained resources are not searched. Raises Incorrect."""
    if value is not None and value not in WHERE:
        raise Incorrect(f"{CONTAINED} is one of {', '.join(WHERE)}")
    if what is not None and what not in WHAT:
        raise Incorrect(f"{CONTAINED_TYPE} is one of {', '.join(WHAT)}")
    return Contained(value == "both", what == "contained") if value in ("true", "both") else None
