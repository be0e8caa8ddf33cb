"""A query string read into an Expression, and what it says about the answer. https://hl7.org/fhir/R4/search.html

Strict: what is not known is an error that names the nearest name, for a filter that is dropped gives away more than was
asked for. `Prefer: handling=lenient` drops and reports it. A bad value is an error either way.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Issue
from sharedplan.search import controls, filter_language, filters, includes
from sharedplan.search.controls import Contained
from sharedplan.search.expression import And, Everything, Expression
from sharedplan.search.filters import Asking, Budget, Unknown
from sharedplan.search.includes import Include
from sharedplan.search.parameters import OF_THE_TEXT, PARAMETERS, SOUNDS, Parameter

MOST_PARAMETERS = 100

OF_THE_EDGE = frozenset({"_format", "_pretty"})
"""Read before the search, so no part of it."""

_UNSORTED = frozenset({"composite", "special"})
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_USUAL = 200
"""Characters that what is said of the answer has together, mostly."""
_LONGEST_NAME = 200
"""Characters of a parameter's name that are looked at: comparing long texts to known names takes long."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a query string asks for.

    `where`: Everything when no parameter filters. `sort`: (parameter, whether descending), the first counts most; empty
    leaves it to the server. `total`: none, estimate or accurate. `summary`: true, text, data or count; None for whole
    resources. `elements`: those wanted, empty for all. `includes`: what belongs to the matches. `contained`: how
    contained resources are searched, None for not at all.
    `understood`: the pairs that have been heeded, as they were sent, for the self link. `dropped`: a warning for each
    that has not, when the search is lenient.
    """

    where: Expression
    count: int | None = None
    sort: tuple[tuple[Parameter, bool], ...] = ()
    total: str | None = None
    summary: str | None = None
    elements: tuple[str, ...] = ()
    includes: tuple[Include, ...] = ()
    contained: Contained | None = None
    understood: tuple[tuple[str, str], ...] = ()
    dropped: tuple[Issue, ...] = ()


def parse(
    type: str,
    pairs: Sequence[tuple[str, str]],
    *,
    lenient: bool = False,
    base: str = "",
    at: datetime | None = None,
    types: Sequence[str] = (),
    budget: Budget | None = None,
) -> Query:
    """The question that the decoded pairs of a query string ask of one type.

    `base` is this server's own address: references to it are found as relative ones. `at` is the present, which the
    prefix `ap` is relative to. `types` are all that are searched together, when they are several, and `budget`
    what all of their questions may hold.
    Raises Incorrect, naming the parameter.
    """
    if len(pairs) > MOST_PARAMETERS:
        raise Incorrect(f"a search takes at most {MOST_PARAMETERS} parameters; this one has {len(pairs)}")
    asking = Asking(base, at, budget=budget or Budget())
    found: list[Expression] = []
    given: dict[str, str] = {}
    included: list[tuple[str, str]] = []
    sort: tuple[tuple[Parameter, bool], ...] = ()
    understood: list[tuple[str, str]] = []
    dropped: list[Issue] = []
    is_filtered = False
    shown = _shown(pairs, types or (type,))
    for name, value in pairs:
        if name in OF_THE_EDGE:
            continue
        _check_text(name, value)
        try:
            if name in controls.NAMES:
                if name in given:
                    raise Incorrect(f"{name} is given twice")
                given[name] = value
                if name == "_sort":
                    sort = _sort(type, value)
            elif includes.is_include(name):
                included.append((name, value))
            elif name == filter_language.NAME:
                if is_filtered:
                    raise Incorrect(f"{name} is given twice: join them with and")
                is_filtered = True
                found.append(filter_language.parse(type, value, asking))
            else:
                found.append(filters.filter(type, name, value, asking))
            understood.append((name, value))
        except Unknown as unknown:
            if not lenient:
                raise
            dropped.append(Issue("not-supported", f"left out: {unknown}", severity="warning"))
    return Query(
        where=_joined(found),
        sort=sort,
        includes=includes.parse(tuple(included), tuple(shown)) if included else (),
        understood=tuple(understood),
        dropped=tuple(dropped),
        **_said(given),
    )


def condition(type: str, pairs: Iterable[tuple[str, str]], *, base: str, at: datetime) -> Expression:
    """What pairs that all filter demand together: the `where` that `parse` makes of them. Raises Incorrect."""
    asking, found = Asking(base, at), []
    for name, value in pairs:
        _check_text(name, value)
        found.append(filters.filter(type, name, value, asking))
    return _joined(found)


def _joined(found: Sequence[Expression]) -> Expression:
    return found[0] if len(found) == 1 else And(tuple(found)) if found else Everything()


def _said(given: Mapping[str, str]) -> Mapping[str, Any]:
    """What the parameters say that speak of the answer. Raises Incorrect."""
    pairs = tuple(pair for pair in given.items() if pair[0] != "_sort")
    # What is long nobody says again, and it would be kept.
    return (_controls if sum(len(value) for _, value in pairs) < _USUAL else _controls.__wrapped__)(pairs)


@lru_cache(maxsize=128)
def _controls(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    """The same, kept: nearly all who ask say the same."""
    given = dict(pairs)
    summary = controls.summary(given.get("_summary"))
    return {
        "contained": controls.contained(given.get(controls.CONTAINED), given.get(controls.CONTAINED_TYPE)),
        "count": controls.count(given.get("_count")),
        "total": controls.total(given.get("_total")),
        "summary": summary,
        "elements": controls.elements(given.get("_elements"), summary=summary),
    }


def _shown(pairs: Sequence[tuple[str, str]], types: Sequence[str]) -> Sequence[str]:
    """The types that matches are shown as: those that are searched, or whatever contains what is found."""
    asked = dict(pairs)
    if asked.get(controls.CONTAINED) not in ("true", "both") or asked.get(controls.CONTAINED_TYPE) == "contained":
        return types
    return tuple(CATALOGUE)


def _check_text(name: str, value: str) -> None:
    """Raises Incorrect for what no stored text can hold, and for a parameter without a value."""
    if len(name) > _LONGEST_NAME:
        raise Incorrect(f"{name[:60]}… is longer than the name of any search parameter")
    if not value:
        raise Incorrect(f"{name} has no value")
    if _NO_TEXT.search(value):
        raise Incorrect(f"{name}: the value has characters that are not text")


def _sort(type: str, value: str) -> tuple[tuple[Parameter, bool], ...]:
    """(parameter, whether descending) for each key. Raises Incorrect, and Unknown for what there is not."""
    keys = []
    for code, is_descending in controls.sort(value):
        parameter = PARAMETERS[type].get(code)
        if parameter is None:
            near = get_close_matches(code[:60], PARAMETERS[type], n=1, cutoff=0.5)
            hint = f"; do you mean {near[0]}?" if near else ""
            raise Unknown(f"_sort: {type} has no search parameter {code[:60] or 'without a name'}{hint}")
        if parameter.type in _UNSORTED or code in (*OF_THE_TEXT, SOUNDS):
            raise Unknown(f"_sort: {code} has no order")
        keys.append((parameter, is_descending))
    if len({parameter.code for parameter, _ in keys}) < len(keys):
        raise Incorrect("_sort names a parameter twice")
    return tuple(keys)
