"""What the elements of our types hold and whether they repeat, from the published StructureDefinitions.

https://hl7.org/fhir/R4/structuredefinition.html

`definitions/elements.json` has one line an element: `*` where it repeats, its types, and for a code the one code
system of its required binding. Search needs this before the models of fhir.resources are loaded, which takes most of
a second; a test holds the two to the same answers.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import orjson


@dataclass(frozen=True, slots=True)
class Shape:
    """An element's types ("CodeableConcept"; several for a choice), whether it repeats, and, for a code, the system
    that its binding implies (None where it implies none, or several)."""

    path: str  # where its own elements are described: "CarePlan.activity", "HumanName"
    types: tuple[str, ...]
    many: bool
    system: str | None = None


@lru_cache(maxsize=1)
def _lines() -> dict[str, str]:
    read: dict[str, str] = orjson.loads(files("sharedplan.fhir").joinpath("definitions/elements.json").read_bytes())
    return read


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
    kinds, _, system = line.lstrip("*").partition(" ")
    if kinds.startswith("#"):  # an element defined elsewhere in the type: Questionnaire.item.item is Questionnaire.item
        elsewhere = shape(kinds[1:])
        return elsewhere and Shape(elsewhere.path, elsewhere.types, line.startswith("*"))
    types = tuple(kinds.split("|"))
    inner = path if types[0] in {"BackboneElement", "Element"} else types[0]
    return Shape(inner, types, line.startswith("*"), system or None)
