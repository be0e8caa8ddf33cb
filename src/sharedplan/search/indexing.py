"""A resource's index values: for each column of its type's table, what search finds it by.

https://hl7.org/fhir/R4/search.html, and each module of `values/` for its kind.

Every write passes here, so a type's paths become closures once, filed by the first name they look at: elements that a
resource does not have cost nothing.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from sharedplan.fhir import paths
from sharedplan.fhir.exchanges import Json
from sharedplan.search.parameters import OWN_COLUMNS, PARAMETERS, Parameter, columns
from sharedplan.search.values import date, reference, string, token, uri

_Fill: TypeAlias = Callable[[Json, dict[str, Any]], None]
"""Puts the values of one parameter into the row."""


class _Plan(NamedTuple):
    blank: dict[str, Any]  # the row of a resource without any element
    fills: Mapping[str, tuple[_Fill, ...]]  # JSON name of an element → what to do when it is there


def index_values(type: str, resource: Json, *, base: str = "") -> dict[str, Any]:
    """Column → value, for all columns of the type (`parameters.columns`), None where the resource has none.

    A value is a string, a list of strings, a pair of instants [low, high) in UTC with None for an open end, or a list
    of such pairs; never an empty list. `base` is this server's own address, without a trailing slash: references to
    it become relative. The resource is one that `fhir.resources.check` has accepted.
    """
    blank, fills = _plan(type, base)
    row = blank.copy()
    for name in resource:
        for fill in fills.get(name, ()):
            fill(resource, row)
    return row


@lru_cache(maxsize=256)
def _plan(type: str, base: str) -> _Plan:
    blank: dict[str, Any] = {column.name: None for column in columns(type)}
    fills: dict[str, list[_Fill]] = {}
    for parameter in PARAMETERS[type].values():
        if parameter.code in OWN_COLUMNS:
            continue
        found = paths.compiled(parameter.path, type)
        if isinstance(found, paths.Condition):
            fill, heads = _truth(parameter, found), found.heads
            fill({}, blank)
        else:
            visits = _visits(parameter, found, base)
            fill, heads = _values(parameter, [visit for _, visit in visits]), tuple(head for head, _ in visits)
        for head in dict.fromkeys(heads):
            fills.setdefault(head, []).append(fill)
    return _Plan(blank, {head: tuple(each) for head, each in fills.items()})


def _visits(parameter: Parameter, branches: tuple[paths.Branch, ...], base: str) -> list[tuple[str, paths.Visit]]:
    """(first name, visit) of each branch whose values this kind of parameter can hold."""
    extract = _extract(parameter.type, base)
    return [(each.head, each.visitor(extract[each.type])) for each in branches if each.type in extract]


def _extract(kind: str, base: str) -> Mapping[str, paths.Visit]:
    match kind:
        case "token":
            return token.EXTRACT
        case "string":
            return string.EXTRACT
        case "uri":
            return uri.EXTRACT
        case "date":
            return date.EXTRACT
    return reference.extract(base)


def _truth(parameter: Parameter, condition: paths.Condition) -> _Fill:
    """A condition is true or false of every resource, also of one that has none of its elements."""
    column, test, visit = parameter.column, condition.test, token.EXTRACT["boolean"]

    def fill(resource: Json, row: dict[str, Any]) -> None:
        row[column] = []
        visit(test(resource), row[column])

    return fill


def _values(parameter: Parameter, visits: list[paths.Visit]) -> _Fill:
    column, span = parameter.column, f"{parameter.column}_span"
    is_scalar, is_date = parameter.is_scalar, parameter.type == "date"

    def fill(resource: Json, row: dict[str, Any]) -> None:
        out: list[Any] = []
        for visit in visits:
            visit(resource, out)
        if not out:
            return
        if is_scalar:
            row[column] = out[0]
            return
        row[column] = list(dict.fromkeys(out)) if len(out) > 1 else out
        if is_date:
            row[span] = date.hull(out)

    return fill
