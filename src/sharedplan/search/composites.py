"""Composite parameters: two values of one and the same element, such as a code and what was measured by it.

https://hl7.org/fhir/R4/search.html#composite

The first component is a token. The index holds, by what the second one is:

    token, reference      code$value            each entry of the one with each of the other
    string                code$text             the same; how they begin is in `values/lookup.py`, too
    quantity              ranges, with code$unit as the key of each
    date                  ranges, with the code as the key of each
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from sharedplan.errors import Incorrect
from sharedplan.fhir import paths
from sharedplan.fhir.exchanges import Json
from sharedplan.search import expression as e
from sharedplan.search.parameters import Parameter
from sharedplan.search.values import date, lookup, quantity, reference, string, token
from sharedplan.search.values.entry import capped
from sharedplan.search.values.escapes import plain, split

JOINED = "$"

Pair = tuple[list[paths.Visit], list[paths.Visit]]


def parse(parameter: Parameter, text: str, *, base: str, at: Any) -> e.Expression:
    """The condition that `code$value` asks for; each of the two is written as for a parameter of its own.

    Raises Incorrect.
    """
    parts = split(text, JOINED)
    if len(parts) != 2 or not all(parts):
        raise Incorrect(f"{parameter.code} is a composite: two values with a $ between them; escape any other as \\$")
    one, other = parameter.components
    code = token.entry(token.parse(one, parts[0]))
    match other.type:
        case "quantity":
            asked = quantity.parse(other, parts[1])
            keys = tuple(_joined(code, key) for key in asked.keys)
            return e.InRange(parameter, asked.prefix, asked.value, asked.low, asked.high, keys)
        case "date":
            prefix, low, high = date.asked(parameter.code, plain(parts[1]), at=at)
            return e.InTime(parameter, prefix, low, high, (code,))
        case "string":
            start = _joined(code, string.asked_for(parameter.code, parts[1]))
            return e.Begins(parameter, (lookup.beginning(parameter.column, start),))
        case "reference":
            named = reference.parse(other, plain(parts[1]), base=base).references
            return e.HasEntry(parameter, tuple(_joined(code, each) for each in named))
    return e.HasEntry(parameter, (_joined(code, token.entry(token.parse(other, parts[1]))),))


def filling(
    parameter: Parameter, first: Mapping[str, paths.Visit], second: Mapping[str, paths.Visit]
) -> tuple[Callable[[Json, dict[str, Any]], None], tuple[str, ...]]:
    """What fills the composite's columns, and the names of the elements that it looks at; `first` and `second` are
    how values of each component are read, by datatype."""
    found = [_within(branch, parameter, first, second) for branch in _bases(parameter)]
    heads = tuple(head for _, each in found for head in each)
    steps = [step for step, _ in found]
    keep = _KEEPING.get(parameter.holds, _keep_pairs)

    def fill(resource: Json, row: dict[str, Any]) -> None:
        pairs: list[tuple[list[Any], list[Any]]] = []
        for step in steps:
            step(resource, pairs)
        if pairs:
            keep(parameter, pairs, row)

    return fill, heads


def _bases(parameter: Parameter) -> tuple[paths.Branch, ...]:
    found = paths.compiled(parameter.path, parameter.resource)
    return found if isinstance(found, tuple) else ()


def _within(
    base: paths.Branch, parameter: Parameter, first: Mapping[str, paths.Visit], second: Mapping[str, paths.Visit]
) -> tuple[paths.Visit, tuple[str, ...]]:
    """A visit of a resource that adds ([entries of the first], [of the second]) of each element at `base`, and the
    names that it begins with."""
    visits: list[list[paths.Visit]] = []
    heads: list[str] = []
    for component, by_type in zip(parameter.components, (first, second), strict=True):
        branches = paths.compiled(component.path, parameter.resource)
        mine = [
            each
            for each in (branches if isinstance(branches, tuple) else ())
            if each.steps[: len(base.steps)] == base.steps and each.type in by_type
            if len(each.element.split(".")) == len(base.element.split(".")) + 1
        ]
        visits.append([each.after(base).visitor(by_type[each.type]) for each in mine])
        heads = heads or [each.head for each in mine]  # without the first component there is no pair

    def leaf(node: Any, out: list[Any]) -> None:
        sides: tuple[list[Any], list[Any]] = ([], [])
        for side, each in zip(sides, visits, strict=True):
            for visit in each:
                visit(node, side)
        if all(sides):
            out.append(sides)

    return base.visitor(leaf), tuple(heads)


def _joined(one: str, other: str) -> str:
    return capped(f"{one}{JOINED}{other}")


def _keep_pairs(parameter: Parameter, pairs: list[tuple[list[Any], list[Any]]], row: dict[str, Any]) -> None:
    row[parameter.column] = list(dict.fromkeys(_joined(*each) for pair in pairs for each in product(*pair)))


def _keep_texts(parameter: Parameter, pairs: list[tuple[list[Any], list[Any]]], row: dict[str, Any]) -> None:
    _keep_pairs(parameter, pairs, row)
    begun = [
        lookup.beginning(parameter.column, _joined(code, string.bare(text)))
        for codes, texts in pairs
        for code, text in product(codes, texts)
        if not text.startswith(string.EXACT)
    ]
    row["lookup"] = [*(row["lookup"] or ()), *begun]


def _keep_quantities(parameter: Parameter, pairs: list[tuple[list[Any], list[Any]]], row: dict[str, Any]) -> None:
    keyed = [(span, _joined(code, unit)) for codes, found in pairs for code in codes for span, unit in found]
    row[parameter.column], row[str(parameter.key_column)] = [each for each, _ in keyed], [key for _, key in keyed]


def _keep_dates(parameter: Parameter, pairs: list[tuple[list[Any], list[Any]]], row: dict[str, Any]) -> None:
    keyed = [(span, code) for codes, found in pairs for code in codes for span in found]
    row[parameter.column], row[str(parameter.key_column)] = [each for each, _ in keyed], [key for _, key in keyed]


_KEEPING = {"string": _keep_texts, "quantity": _keep_quantities, "date": _keep_dates}
