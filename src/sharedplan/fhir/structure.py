"""What the elements of our types hold and whether they repeat, from the published StructureDefinitions.

https://hl7.org/fhir/R4/structuredefinition.html

`definitions/elements.json` has one line an element: `Σ` where it belongs to the summary, `+` where it is mandatory (its
least number is 1 or more), `*` where it repeats, its types, and for a code the one code system of its required binding.
Search needs this before the models of fhir.resources are loaded, which takes most of a second; a test holds the two to
the same answers.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import orjson


@dataclass(frozen=True, slots=True)
class Shape:
    """An element's types ("CodeableConcept"; several for a choice), whether it repeats, and, for a code, the system
    that its binding implies (None where it implies none, or several); whether it belongs to the summary of what holds
    it, and whether it is mandatory there."""

    path: str  # where its own elements are described: "CarePlan.activity", "HumanName"
    types: tuple[str, ...]
    many: bool
    system: str | None = None
    is_summary: bool = False
    is_mandatory: bool = False


@lru_cache(maxsize=1)
def _lines() -> dict[str, str]:
    read: dict[str, str] = orjson.loads(files("sharedplan.fhir").joinpath("definitions/elements.json").read_bytes())
    return read


@lru_cache(maxsize=1)
def _held() -> dict[str, tuple[str, ...]]:
    held: dict[str, list[str]] = {}
    for path in _lines():
        owner, _, name = path.rpartition(".")
        held.setdefault(owner, []).append(name.removesuffix("[x]"))
    return {owner: tuple(names) for owner, names in held.items()}


def names(owner: str) -> tuple[str, ...]:
    """The elements of a type ("HumanName"), or of the element at a path ("CarePlan.activity"), in the order of the
    standard, a choice by its bare name; none for a primitive."""
    return _held().get(owner, ())


def is_choice(path: str) -> bool:
    """Whether the element is a choice of types: Observation.value is, CarePlan.status is not."""
    return f"{path}[x]" in _lines()


@lru_cache(maxsize=4096)
def shape(path: str) -> Shape | None:
    """The shape of the element at a path without indexes ("CarePlan.activity.detail"); None when there is none.

    A choice is found by its bare name ("Observation.value"), and has the types of all its alternatives.
    """
    line = _lines().get(path) or _lines().get(f"{path}[x]")
    if line is None:
        return None
    marks, kinds, system = _parts(line)
    many, is_summary, is_mandatory = "*" in marks, "Σ" in marks, "+" in marks
    if kinds.startswith("#"):  # an element defined elsewhere in the type: Questionnaire.item.item is Questionnaire.item
        elsewhere = shape(kinds[1:])
        return elsewhere and Shape(elsewhere.path, elsewhere.types, many, None, is_summary, is_mandatory)
    types = tuple(kinds.split("|"))
    inner = path if types[0] in {"BackboneElement", "Element"} else types[0]
    return Shape(inner, types, many, system or None, is_summary, is_mandatory)


def _parts(line: str) -> tuple[str, str, str]:
    """The marks of a line, its types, and its system, "" where it has none."""
    rest = line.lstrip("Σ+*")
    kinds, _, system = rest.partition(" ")
    return line.removesuffix(rest), kinds, system
