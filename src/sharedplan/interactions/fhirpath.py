"""FHIRPath that points: an expression finds places in a resource, for FHIRPath Patch; pure.

https://hl7.org/fhir/R4/fhirpath.html, http://hl7.org/fhirpath/N1/

The subset that picks elements out of one resource: names, indexers, `where`, `first`, `last`, `skip`, `take`, `tail`,
`extension`, `ofType`, `exists`, `empty`, `not`, `count`, `startsWith`, `endsWith`, `contains`, comparisons, `and`,
`or`, `$this` and literals. Anything else, `resolve` above all, is refused by name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sharedplan.errors import Incorrect
from sharedplan.fhir.elements import Element, choices, element
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.fhirpath_syntax import Step, parse
from sharedplan.interactions.json_patch import equal, too_much

MOST_STEPS = 300_000
"""Evaluations and elements that the paths of one patch may look at, all together: about a second's work."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element stands: a property of `holder`, or one item of it when it repeats.

    `owner` is the type of the holder ("Patient", "PatientContact"), `index` None for an element that does not repeat.
    The root has an element without a name and is its own holder.
    """

    holder: Json
    owner: str
    element: Element
    index: int | None = None

    @property
    def value(self) -> Any:
        """The JSON value; None when a primitive has only extensions."""
        name = self.element.name
        return _at(self.holder, name, self.index) if name else self.holder

    @property
    def inside(self) -> tuple[str, Json | None]:
        """(type, object) that elements of this one are held in; the `_` sibling of a primitive, None without one."""
        value = self.value
        if isinstance(value, dict):
            return str(value.get("resourceType") or self.element.type), value
        shadow = _at(self.holder, "_" + self.element.name, self.index)
        return "Element", shadow if isinstance(shadow, dict) else None


class Budget:
    """What the paths of one patch may still cost."""

    def __init__(self) -> None:
        self.left = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Raises Incorrect when it is used up."""
        self.left -= steps
        if self.left < 0:
            raise too_much(f"the paths of the patch look at more than {MOST_STEPS} elements")


@dataclass(frozen=True, slots=True)
class _Root(Place):
    """The resource itself, and what looking into it may still cost."""

    budget: Budget = field(default_factory=Budget)


def _at(holder: Json, name: str, index: int | None) -> Any:
    value = holder.get(name)
    if index is None:
        return value
    return value[index] if isinstance(value, list) and index < len(value) else None


def find(resource: Json, path: str) -> list[Place]:
    """The places that the path selects, in document order. Raises Incorrect for a path outside the subset."""
    return places(resource, parse(path))


def places(resource: Json, step: Step, budget: Budget | None = None) -> list[Place]:
    """The places that a parsed path selects. Raises Incorrect when it gives values rather than elements, or costs more
    than the budget that it shares with others."""
    root = _root(resource, budget or Budget())
    found = _evaluate(step, [root], root)
    if not all(isinstance(one, Place) for one in found):
        raise Incorrect("the path gives a value, not an element of the resource")
    return found


def _root(resource: Json, budget: Budget) -> _Root:
    type = str(resource.get("resourceType", ""))
    return _Root(resource, type, Element("", type, False), budget=budget)


def _evaluate(step: Step, focus: list[Any], root: _Root) -> list[Any]:
    """The collection that a step gives: Places and plain values, in order."""
    root.budget.spend(1)
    if step.kind == "literal":
        return [step.word]
    if step.kind == "this":
        return focus
    if step.kind in ("and", "or"):
        left = _truth(_evaluate(_on(step), focus, root))
        if left is (step.kind == "or"):
            return [left]
        return [_truth(_evaluate(step.given[0], focus, root))]
    if step.kind == "compare":
        return _compared(step.word, _evaluate(_on(step), focus, root), _evaluate(step.given[0], focus, root))
    inside = focus if step.on is None else _evaluate(step.on, focus, root)
    if step.kind == "index":
        return inside[step.word : step.word + 1]
    if step.kind == "call":
        return _FUNCTIONS[step.word](inside, step.given, root)
    if step.on is None and step.word == root.owner and any(one is root for one in focus):
        return [root]
    found = [child for one in inside if isinstance(one, Place) for child in children(one, step.word)]
    root.budget.spend(len(found))
    return found


def _on(step: Step) -> Step:
    if step.on is None:
        raise Incorrect("an operator lacks its left side")
    return step.on


def children(parent: Place, name: str) -> Iterator[Place]:
    """The elements of that name: of a complex element its own, of a primitive its id and extensions."""
    type, holder = parent.inside
    if holder is None:
        return
    own = element(type, name)
    for found in (own,) if own is not None else choices(type, name):
        for index in range(count(holder, found)):
            yield Place(holder, type, found, index if found.many else None)


def count(holder: Json, found: Element) -> int:
    """How many items an element has, those that are only extensions included."""
    value, shadow = holder.get(found.name), holder.get("_" + found.name)
    if not found.many:
        return int(value is not None or shadow is not None)
    return max(len(items) if isinstance(items, list) else 0 for items in (value, shadow))


def _plain(one: Any) -> Any:
    return one.value if isinstance(one, Place) else one


def _truth(found: list[Any]) -> bool:
    """A collection as a condition: empty is false, a single non-boolean true."""
    if len(found) > 1:
        raise Incorrect("a condition in the path gives several values")
    value = _plain(found[0]) if found else False
    return value if isinstance(value, bool) else True


def _compared(sign: str, left: list[Any], right: list[Any]) -> list[Any]:
    if not left or not right:
        return []
    ones, others = [_plain(one) for one in left], [_plain(one) for one in right]
    if sign in ("=", "!="):
        same = len(ones) == len(others) and all(map(equal, ones, others))
        return [same is (sign == "=")]
    if len(ones) > 1 or len(others) > 1:
        raise Incorrect("a comparison in the path has several values on one side")
    one, other = ones[0], others[0]
    both_text = isinstance(one, str) and isinstance(other, str)
    if not both_text and not (_is_number(one) and _is_number(other)):
        raise Incorrect(f"a comparison in the path is of values that have no order: {sign}")
    return [{"<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other}[sign]]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


Given = tuple[Step, ...]
Function = Callable[[list[Any], Given, _Root], list[Any]]


def _where(inside: list[Any], given: Given, root: _Root) -> list[Any]:
    return [one for one in inside if _truth(_evaluate(given[0], [one], root))]


def _extension(inside: list[Any], given: Given, root: _Root) -> list[Any]:
    url = _argument(given, root, str)
    found = [child for one in inside if isinstance(one, Place) for child in children(one, "extension")]
    return [one for one in found if isinstance(one.value, dict) and one.value.get("url") == url]


def _of_type(inside: list[Any], given: Given, root: _Root) -> list[Any]:
    return [one for one in inside if isinstance(one, Place) and one.element.type == given[0].word]


def _argument(given: Given, root: _Root, kind: type) -> Any:
    found = _evaluate(given[0], [root], root)
    if len(found) != 1 or not isinstance(found[0], kind):
        raise Incorrect(f"a function in the path needs a {'text' if kind is str else 'number'}")
    return found[0]


def _text_test(test: Callable[[str, str], bool]) -> Function:
    def tested(inside: list[Any], given: Given, root: _Root) -> list[Any]:
        text = _argument(given, root, str)
        return [isinstance(_plain(one), str) and test(_plain(one), text) for one in inside[:1]]

    return tested


_FUNCTIONS: dict[str, Function] = {
    "where": _where,
    "first": lambda inside, given, root: inside[:1],
    "last": lambda inside, given, root: inside[-1:],
    "tail": lambda inside, given, root: inside[1:],
    "skip": lambda inside, given, root: inside[int(_argument(given, root, Decimal)) :],
    "take": lambda inside, given, root: inside[: int(_argument(given, root, Decimal))],
    "extension": _extension,
    "ofType": _of_type,
    "exists": lambda inside, given, root: [bool(inside)],
    "empty": lambda inside, given, root: [not inside],
    "not": lambda inside, given, root: [not _truth(inside)],
    "count": lambda inside, given, root: [len(inside)],
    "startsWith": _text_test(str.startswith),
    "endsWith": _text_test(str.endswith),
    "contains": _text_test(lambda text, part: part in text),
}
