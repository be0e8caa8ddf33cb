"""Values at a FHIRPath, for exactly the subset that the published SearchParameter definitions use.

https://hl7.org/fhir/R4/fhirpath.html

A path is resolved against the StructureDefinitions once, into straight branches: each a walk over JSON names that
ends in values of one known type ("Observation.value as Quantity" walks `valueQuantity`). So nothing is guessed from
the JSON, and following a branch is a chain of dictionary look-ups: it is on the way of every write.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sharedplan.fhir import path_text, structure
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.path_text import And, As, Compared, Exists, Expression, Extension, Has, Is, Member, Union, Where
from sharedplan.fhir.references import parse as reference

Visit = Callable[[Any, list[Any]], None]
"""Takes a node and adds what it finds to a list."""


_RESOLVED = re.compile(r"resolve\(\) is (\w+)")


@dataclass(frozen=True, slots=True)
class Branch:
    """One way from the resource to values of one type.

    `steps` are JSON names, or filters on the value reached. `system`: what a code's binding implies.
    """

    type: str
    many: bool
    steps: tuple[str | Callable[[Any], bool], ...]
    element: str  # "Observation.value", the same for all alternatives of a choice
    inner: str  # where the elements of the value are described
    system: str | None = None

    @property
    def head(self) -> str:
        """The first JSON name: without it in the resource there are no values."""
        return next(step for step in self.steps if isinstance(step, str))

    def after(self, base: "Branch") -> "Branch":
        """The rest of the way, from where `base` ends, which it goes through."""
        return replace(self, steps=self.steps[len(base.steps) :])

    def visitor(self, leaf: Visit) -> Visit:
        """A closure over the branch that hands every value it reaches to `leaf`."""
        visit = leaf
        for step in reversed(self.steps):
            visit = _into(step, visit) if isinstance(step, str) else _only(step, visit)
        return visit

    def values(self, resource: Json) -> list[Any]:
        """The values at the branch's end, in the resource's order."""
        found: list[Any] = []
        self.visitor(lambda value, out: out.append(value))(resource, found)
        return found


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression that is true or false of every resource; `heads` are the JSON names that it looks at."""

    heads: tuple[str, ...]
    test: Callable[[Any], bool]


def _into(name: str, visit: Visit) -> Visit:
    def step(node: Any, out: list[Any]) -> None:
        value = node.get(name)
        if value is None:
            return
        if value.__class__ is list:
            for item in value:
                if item is not None:  # a primitive that has only an extension
                    visit(item, out)
        else:
            visit(value, out)

    return step


def _only(holds: Callable[[Any], bool], visit: Visit) -> Visit:
    def step(node: Any, out: list[Any]) -> None:
        if holds(node):
            visit(node, out)

    return step


@lru_cache(maxsize=2048)
def compiled(expression: str, type: str) -> tuple[Branch, ...] | Condition:
    """The part of an expression that speaks of this type, ready to be followed; () when no part does.

    Raises ValueError for what lies outside the subset, or names an element that the type does not have.
    """
    read = path_text.read(expression)
    parts = read.parts if isinstance(read, Union) else (read,)
    mine = [part for part in parts if path_text.root(part) == type]
    if len(mine) == 1 and isinstance(mine[0], And | Compared | Exists):
        return _condition(mine[0], type)
    return tuple(branch for part in mine for branch in _branches(part, type))


def parts(expression: str) -> tuple[str, ...]:
    """The parts of a union, as text."""
    return path_text.split(expression)


def resolved(expression: str) -> tuple[str, ...]:
    """The types that the references found may lead to, where every part of the expression names one by `resolve()`."""
    found = [_RESOLVED.search(part) for part in parts(expression)]
    return tuple(dict.fromkeys(each[1] for each in found if each)) if all(found) else ()


def part_of(expression: str, type: str) -> str:
    """The part of a definition's expression that speaks of this type, as text; "" when none does."""
    parts = path_text.split(expression)
    return " | ".join(part for part in parts if path_text.root(path_text.read(part)) == type)


def _branches(expression: Expression, type: str) -> list[Branch]:
    match expression:
        case Union(parts):
            return [branch for part in parts for branch in _branches(part, type)]
        case Member(None, name) if name == type:
            return [Branch(type, False, (), type, type)]
        case Member(of, name) if of is not None:
            return [found for branch in _branches(of, type) for found in _members(branch, name)]
        case As(of, kind):
            return [branch for branch in _branches(of, type) if branch.type == kind]
        case Where(of, condition):
            holds = _filter(condition)
            return [_and(branch, holds) for branch in _branches(of, type)]
        case Extension(of, url):
            return [
                _and(found, _equals("url", url))
                for branch in _branches(of, type)
                for found in _members(branch, "extension")
            ]
    raise ValueError(f"not in the subset of FHIRPath that search parameters use: {expression}")


def _members(branch: Branch, name: str) -> list[Branch]:
    """The branches one element further on: one for each type that it may have."""
    path = f"{branch.inner}.{name}"
    shape = structure.shape(path)
    if shape is None:
        raise ValueError(f"{branch.type} has no element {name}")
    choice = structure.is_choice(path)
    return [
        Branch(
            kind,
            branch.many or shape.many,
            (*branch.steps, f"{name}{kind[0].upper()}{kind[1:]}" if choice else name),
            f"{branch.element}.{name}",
            kind if choice else shape.path,
            shape.system,
        )
        for kind in shape.types
    ]


def _and(branch: Branch, holds: Callable[[Any], bool]) -> Branch:
    return replace(branch, steps=(*branch.steps, holds))


def _filter(condition: Expression) -> Callable[[Any], bool]:
    match condition:
        case Compared(Member(None, name), "=", value):
            return _equals(name, value)
        case Is(kind):
            return lambda node: target_type(node) == kind
        case Has(url):
            return lambda node: any(each.get("url") == url for each in node.get("extension", ()))
    raise ValueError(f"not in the subset of FHIRPath that search parameters use: where({condition})")


def _equals(name: str, value: Any) -> Callable[[Any], bool]:
    return lambda node: node.get(name) == value


def target_type(node: Json) -> str | None:
    """The resource type that a Reference names: by its text, else by its `type`; nothing is resolved."""
    text = node.get("reference")
    if text is not None:
        type, slash, rest = text.partition("/")
        if slash and "/" not in rest and type.isalpha():
            return str(type)
        if (found := reference(text).type) is not None:
            return found
    told = node.get("type")
    return told.rpartition("/")[2] if isinstance(told, str) else None


def _condition(expression: Expression, type: str) -> Condition:
    match expression:
        case And(left, right):
            one, two = _condition(left, type), _condition(right, type)
            return Condition((*one.heads, *two.heads), lambda node: one.test(node) and two.test(node))
        case Exists(of):
            branches = _branches(of, type)
            return Condition(tuple(b.head for b in branches), lambda node: any(b.values(node) for b in branches))
        case Compared(of, "!=", value):
            branches = _branches(of, type)
            return Condition(
                tuple(b.head for b in branches),
                lambda node: (found := [v for b in branches for v in b.values(node)]) != [] and found != [value],
            )
    raise ValueError(f"not in the subset of FHIRPath that search parameters use: {expression}")
