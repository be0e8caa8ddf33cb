"""A resource's index values: for each column of its type's table, what search finds it by.

https://hl7.org/fhir/R4/search.html, and each module of `values/` for its kind.

Every write passes here, so a type's paths become closures once, filed by the first name they look at: elements that a
resource does not have cost nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import paths
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.primitives import is_id
from sharedplan.search import composites
from sharedplan.search.consulting import consulted
from sharedplan.search.parameters import CONSULTED, CONSULTING, OWN_COLUMNS, PARAMETERS, SOUNDS, Parameter, columns
from sharedplan.search.registry import kept_until_renewed
from sharedplan.search.values import date, lookup, number, phonetic, position, quantity, reference, string, token, uri
from sharedplan.search.values import words as said

Fill: TypeAlias = Callable[[Json, dict[str, Any]], None]
"""Puts the values of one parameter into the row."""


class Inner(NamedTuple):
    """What a contained resource is found by: its type, its place among the contained ones, from 0, and its id; None
    when that does not tell it from the others."""

    type: str
    number: int
    id: str | None
    values: Mapping[str, Any]


class _Plan(NamedTuple):
    blank: dict[str, Any]  # the row of a resource without any element
    fills: Mapping[str, tuple[Fill, ...]]  # JSON name of an element → what to do when it is there


def index_values(type: str, resource: Json, *, base: str = "") -> dict[str, Any]:
    """Column → value, for all columns of the type (`parameters.columns`), None where the resource has none.

    A value is a string, a list of strings, a pair of instants [low, high) in UTC with None for an open end, a range of
    numbers (`values/number.py`), a pair (latitude, longitude), or a list of such ranges; never an empty list. `base`
    is this server's own address, without a trailing slash: references to it become relative. The resource is one that
    `fhir.resources.check` has accepted.
    """
    blank, fills = _plan(type, base)
    row = blank.copy()
    for name in resource:
        for fill in fills.get(name, ()):
            fill(resource, row)
    row["narrative"], row["words"] = said.narrative(resource), said.content(resource)
    if type in CONSULTING:
        row[CONSULTED.name] = consulted(resource, base=base)
    if row["lookup"] is not None:
        row["lookup"] = lookup.within_limit(row["lookup"])
    return row


def inner_values(resource: Json, *, base: str = "") -> tuple[Inner, ...]:
    """The contained resources of a resource, those of types that are offered; the log neither contains any nor is
    contained. `base` and the resource as for `index_values`. https://hl7.org/fhir/R4/references.html#contained"""
    if "contained" not in resource or resource["resourceType"] == LOG:
        return ()
    found: list[Inner] = []
    seen: set[str] = set()
    for place, each in enumerate(resource["contained"]):
        type, id = each["resourceType"], each.get("id")
        is_named = is_id(id) and id not in seen
        if is_named:
            seen.add(id)
        if type in CATALOGUE and type != LOG:
            found.append(Inner(type, place, id if is_named else None, index_values(type, each, base=base)))
    return tuple(found)


LOG = "AuditEvent"
"""It is searched by itself, for every search adds to it."""


@kept_until_renewed(maxsize=256)
def _plan(type: str, base: str) -> _Plan:
    blank: dict[str, Any] = {column.name: None for column in columns(type)}
    fills: dict[str, list[Fill]] = {}
    for parameter in PARAMETERS.indexed[type].values():
        if parameter.code in OWN_COLUMNS:
            continue
        found = paths.compiled(parameter.path, type)
        if isinstance(found, paths.Condition):
            fill, heads = _truth(parameter, found), found.heads
            fill({}, blank)
            made = [(fill, heads)]
        elif parameter.components:
            made = [composites.filling(parameter, extract(parameter.components[0], base), _second(parameter, base))]
        else:
            made = [_filling(parameter, found, base), *_looked_up(parameter, found)]
        for fill, heads in made:
            for head in dict.fromkeys(heads):
                fills.setdefault(head, []).append(fill)
    return _Plan(blank, {head: tuple(each) for head, each in fills.items()})


def extract(parameter: Parameter, base: str) -> Mapping[str, paths.Visit]:
    """Datatype → how the parameter's entries of such a value are added."""
    match parameter.type:
        case "token":
            return token.EXTRACT
        case "string" if parameter.code == SOUNDS:
            return phonetic.EXTRACT
        case "string":
            return string.EXTRACT
        case "uri":
            return uri.EXTRACT
        case "date":
            return date.EXTRACT
        case "number":
            return number.EXTRACT
        case "quantity":
            return quantity.EXTRACT
        case "special":
            return position.EXTRACT
    return reference.extract(base)


def _second(parameter: Parameter, base: str) -> Mapping[str, paths.Visit]:
    return extract(parameter.components[1], base)


def _visits(branches: tuple[paths.Branch, ...], by_type: Mapping[str, paths.Visit]) -> list[tuple[str, paths.Visit]]:
    """(first name, visit) of each branch whose values can be visited so."""
    return [(each.head, each.visitor(by_type[each.type])) for each in branches if each.type in by_type]


def _truth(parameter: Parameter, condition: paths.Condition) -> Fill:
    """A condition is true or false of every resource, also of one that has none of its elements."""
    column, test, visit = parameter.column, condition.test, token.EXTRACT["boolean"]

    def fill(resource: Json, row: dict[str, Any]) -> None:
        row[column] = []
        visit(test(resource), row[column])

    return fill


def _filling(parameter: Parameter, branches: tuple[paths.Branch, ...], base: str) -> tuple[Fill, tuple[str, ...]]:
    """What fills the parameter's columns, and the names of the elements that it looks at."""
    found = _visits(branches, extract(parameter, base))
    heads, visits = tuple(head for head, _ in found), [visit for _, visit in found]
    match parameter.type:
        case "quantity":
            return _quantities(parameter, visits), heads
        case "string" if parameter.code != SOUNDS:
            return _texts(parameter, visits), heads
    return _values(parameter, visits), heads


def _values(parameter: Parameter, visits: list[paths.Visit]) -> Fill:
    column, span = parameter.column, f"{parameter.column}_span"
    is_single, has_span = parameter.is_scalar or parameter.type == "special", parameter.has_span
    hull: Any = date.hull if parameter.type == "date" else number.hull
    begins = parameter.type == "uri"

    def fill(resource: Json, row: dict[str, Any]) -> None:
        out: list[Any] = []
        for visit in visits:
            visit(resource, out)
        if not out:
            return
        if is_single:
            row[column] = out[0]
            return
        row[column] = list(dict.fromkeys(out)) if len(out) > 1 else out
        if has_span:
            row[span] = hull(out)
        if begins:
            _look_up(row, [lookup.beginning(column, each) for each in row[column]])

    return fill


def _quantities(parameter: Parameter, visits: list[paths.Visit]) -> Fill:
    column, span, keys = parameter.column, f"{parameter.column}_span", f"{parameter.column}_key"

    def fill(resource: Json, row: dict[str, Any]) -> None:
        out: list[Any] = []
        for visit in visits:
            visit(resource, out)
        if out:
            row[column], row[keys] = [each for each, _ in out], [key for _, key in out]
            row[span] = number.hull(row[column])

    return fill


def _texts(parameter: Parameter, visits: list[paths.Visit]) -> Fill:
    fill_column, column = _values(parameter, visits), parameter.column

    def fill(resource: Json, row: dict[str, Any]) -> None:
        fill_column(resource, row)
        if row[column] is not None:
            _look_up(row, string.lookups(column, row[column]))

    return fill


def _looked_up(parameter: Parameter, branches: tuple[paths.Branch, ...]) -> list[tuple[Fill, tuple[str, ...]]]:
    """What else is kept of the parameter's values: texts beside codes, identifiers beside references."""
    column = parameter.column
    entry: Callable[[str, str], str]
    match parameter.type:
        case "token":
            found, entry = _visits(branches, token.TEXTS), lookup.beginning
        case "reference":
            found, entry = _visits(branches, {"Reference": reference.identifiers}), lookup.identified
        case _:
            return []

    def fill(resource: Json, row: dict[str, Any]) -> None:
        out: list[Any] = []
        for _, visit in found:
            visit(resource, out)
        if out:
            _look_up(row, [entry(column, each) for each in out])

    return [(fill, tuple(head for head, _ in found))] if found else []


def _look_up(row: dict[str, Any], entries: list[str]) -> None:
    held = row["lookup"]
    row["lookup"] = entries if held is None else held + entries
