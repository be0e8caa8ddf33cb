"""A query string read into an Expression, and what it says about the answer. https://hl7.org/fhir/R4/search.html

Strict: what is not known is an error that names the nearest name, for a filter that is dropped gives away more than was
asked for. `Prefer: handling=lenient` drops and reports it. A bad value is an error either way.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches

from sharedplan.catalogue import CATALOGUE
from sharedplan.clock import SystemClock
from sharedplan.errors import Incorrect, Issue
from sharedplan.search import controls
from sharedplan.search.expression import (
    And,
    Everything,
    Expression,
    HasId,
    Missing,
    Not,
    Or,
    Updated,
)
from sharedplan.search.parameters import OWN_COLUMNS, PARAMETERS, Parameter
from sharedplan.search.values import date, reference, string, token, uri
from sharedplan.search.values.escapes import plain, split

MOST_PARAMETERS = 100
MOST_VALUES = 100

OF_THE_EDGE = frozenset({"_format", "_pretty"})
"""Read before the search, so no part of it."""

NOT_YET = frozenset(
    {"_content", "_contained", "_containedType", "_elements", "_filter", "_has", "_include", "_list", "_query"}
    | {"_revinclude", "_text", "_type"}
)
"""Parameters of the standard that are refused by name, so that nobody takes them for a misspelling."""

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_MOMENT = timedelta(microseconds=1)
_LONGEST_NAME = 100
"""Characters of a parameter's name that are looked at: comparing long texts to known names takes long."""

_MODIFIERS: dict[str, tuple[str, ...]] = {
    "token": ("not", "missing"),
    "reference": ("missing",),
    "date": ("missing",),
    "string": ("exact", "contains", "missing"),
    "uri": ("above", "below", "missing"),
}


@dataclass(frozen=True, slots=True)
class Query:
    """What a query string asks for.

    `where`: Everything when no parameter filters. `sort`: (code, whether descending), the first counts most; empty
    leaves it to the server. `total`: none, estimate or accurate. `summary`: "count", or None for whole resources.
    `understood`: the pairs that have been heeded, as they were sent, for the self link. `dropped`: a warning for each
    that has not, when the search is lenient.
    """

    where: Expression
    count: int | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    total: str | None = None
    summary: str | None = None
    understood: tuple[tuple[str, str], ...] = ()
    dropped: tuple[Issue, ...] = ()


class _Unknown(Incorrect):
    """A parameter or modifier that lenient handling may drop."""


def parse(
    type: str,
    pairs: Sequence[tuple[str, str]],
    *,
    lenient: bool = False,
    base: str = "",
    at: datetime | None = None,
) -> Query:
    """The question that the decoded pairs of a query string ask of one type.

    `base` is this server's own address: references to it are found as relative ones. `at` is the present, which the
    prefix `ap` is relative to. Raises Incorrect, naming the parameter.
    """
    if len(pairs) > MOST_PARAMETERS:
        raise Incorrect(f"a search takes at most {MOST_PARAMETERS} parameters; this one has {len(pairs)}")
    filters: list[Expression] = []
    given: dict[str, str] = {}
    understood: list[tuple[str, str]] = []
    dropped: list[Issue] = []
    for name, value in pairs:
        if name in OF_THE_EDGE:
            continue
        _check_text(name, value)
        try:
            if name in controls.NAMES:
                if name in given:
                    raise Incorrect(f"{name} is given twice")
                given[name] = value
            else:
                filters.append(_filter(type, name, value, base, at))
            understood.append((name, value))
        except _Unknown as unknown:
            if not lenient:
                raise
            dropped.append(Issue("not-supported", f"left out: {unknown}", severity="warning"))
    return Query(
        where=filters[0] if len(filters) == 1 else And(tuple(filters)) if filters else Everything(),
        count=controls.count(given.get("_count")),
        sort=controls.sort(given.get("_sort")),
        total=controls.total(given.get("_total")),
        summary=controls.summary(given.get("_summary")),
        understood=tuple(understood),
        dropped=tuple(dropped),
    )


def _check_text(name: str, value: str) -> None:
    """Raises Incorrect for what no stored text can hold, and for a parameter without a value."""
    if len(name) > _LONGEST_NAME:
        raise Incorrect(f"{name[:60]}… is longer than the name of any search parameter")
    if not value:
        raise Incorrect(f"{name} has no value")
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise Incorrect(f"{name}: the value has characters that are not text")


def _filter(type: str, name: str, value: str, base: str, at: datetime | None) -> Expression:
    """What one pair demands; its values are alternatives."""
    if name == "_id":
        return HasId(tuple(_id(each) for each in _values(name, value)))
    if name == "_lastUpdated":
        return _either([_updated(each, at) for each in _values(name, value)])
    code, colon, modifier = name.partition(":")
    parameter = PARAMETERS[type].get(code)
    if parameter is None or "." in modifier or (colon and not modifier):
        raise _unknown(type, name)
    if code in OWN_COLUMNS:
        raise _Unknown(f"{code} takes no modifier")
    if modifier == "missing":
        return _missing(parameter, value)
    if modifier and modifier not in _MODIFIERS[parameter.type] and modifier not in parameter.targets:
        raise _unknown_modifier(parameter, modifier)
    read = _reader(parameter, modifier, base, at)
    found = _either([read(each) for each in _values(name, value)])
    return Not(found) if modifier == "not" else found


def _reader(parameter: Parameter, modifier: str, base: str, at: datetime | None) -> Callable[[str], Expression]:
    """What reads one value of the parameter, still escaped."""
    match parameter.type:
        case "token":
            return lambda text: token.parse(parameter, text)
        case "reference":
            return lambda text: reference.parse(parameter, plain(text), base=base, type=modifier or None)
        case "date":
            return lambda text: date.parse(parameter, plain(text), at=at or SystemClock().now())
        case "string":
            return lambda text: string.parse(parameter, text, modifier or "starts")
    return lambda text: uri.parse(parameter, text, modifier or "exact")


def _values(name: str, value: str) -> list[str]:
    """The alternatives between commas, still escaped. Raises Incorrect for an empty one, and for too many."""
    parts = split(value, ",")
    if len(parts) > MOST_VALUES:
        raise Incorrect(f"{name} takes at most {MOST_VALUES} values; this one has {len(parts)}")
    if not all(part.strip() for part in parts):
        raise Incorrect(f"{name} has an empty value")
    return parts


def _either(parts: list[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise Incorrect("_id: an id has 1 to 64 letters, digits, hyphens and full stops")
    return text


def _updated(text: str, at: datetime | None) -> Expression:
    """`_lastUpdated` is an instant, so each prefix is one stretch of time, or the two beside it."""
    prefix, low, high = date.asked("_lastUpdated", plain(text), at=at or SystemClock().now())
    match prefix:
        case "gt" | "sa":
            return Updated(since=high)
        case "ge":
            return Updated(since=low)
        case "lt" | "eb":
            return Updated(until=low)
        case "le":
            return Updated(until=high)
        case "ne":
            return Not(Updated(low, high))
    return Updated(low, high)


def _missing(parameter: Parameter, value: str) -> Expression:
    if value not in ("true", "false"):
        raise Incorrect(f"{parameter.code}:missing is true or false")
    return Missing(parameter) if value == "true" else Not(Missing(parameter))


def _unknown(type: str, name: str) -> _Unknown:
    code = name.partition(":")[0]
    if code in NOT_YET:
        return _Unknown(f"{code} is not yet supported")
    if "." in name and PARAMETERS[type].get(code.partition(".")[0]) is not None:
        return _Unknown(f"{name}: chained parameters are not yet supported")
    known = [*PARAMETERS[type], *controls.NAMES]
    if code in known:
        return _Unknown(f"{name}: a modifier follows the colon")
    nearest = get_close_matches(code, known, n=1, cutoff=0.5)
    return _Unknown(f"{type} has no search parameter {code[:60]}" + (f"; do you mean {nearest[0]}?" if nearest else ""))


def _unknown_modifier(parameter: Parameter, modifier: str) -> _Unknown:
    offered = (*_MODIFIERS[parameter.type], *(type for type in parameter.targets if type in CATALOGUE))
    nearest = get_close_matches(modifier, offered, n=1, cutoff=0.5)
    return _Unknown(
        f"{parameter.code} has no modifier :{modifier[:60]}"
        + (f"; do you mean :{nearest[0]}?" if nearest else f"; it has :{', :'.join(_MODIFIERS[parameter.type])}")
    )
