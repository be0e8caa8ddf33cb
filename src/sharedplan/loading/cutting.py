"""Taking references out of a resource so that what is left of it is still whole.

A reference that also says who is meant, by identifier or by display, only loses its link. Else the element that holds
it goes; where the standard requires it, the one around that goes too, and so on outwards.
https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.models import Field, Model, fields, model, type_of

IsCut = Callable[[str], bool]
"""Whether a reference, as it is written, leads to what is left out."""

_LINK = ("reference", "_reference", "type", "_type")
_BESIDE_ITS_VALUE = frozenset({"id", "url"})


class Required(Exception):
    """A reference was cut without which the resource cannot be."""


@dataclass(frozen=True, slots=True)
class Gone:
    """An element that is left out, and the reference on whose account."""

    path: str
    reference: str


def without(resource: Json, is_cut: IsCut) -> tuple[Json, int]:
    """(the resource without those references, how many there were); the resource itself when it holds none.

    Raises Required.
    """
    cutting = _Cutting(is_cut)
    type = str(resource.get("resourceType"))
    left = cutting.left_of(resource, model(type), type)
    if isinstance(left, Gone):
        raise Required(f"{left.path} is required, and refers to {left.reference}, which is left out")
    return left, cutting.count


class _Cutting:
    """One pass through one resource."""

    def __init__(self, is_cut: IsCut) -> None:
        self._is_cut = is_cut
        self.count = 0

    def left_of(self, value: Json, of: Model | None, path: str) -> Json | Gone:
        """What is left of an object of that type; the object itself when nothing was cut in it."""
        text = value.get("reference")
        if isinstance(text, str) and self._is_cut(text):
            self.count += 1
            left = {name: each for name, each in value.items() if name not in _LINK}
            return Gone(path, text) if left.keys().isdisjoint(("identifier", "display")) else left
        changed: dict[str, Any] = {}
        for name, each in value.items():
            if not isinstance(each, dict | list):
                continue
            field = _fields(of).get(name) if of is not None else None
            left_there = self._below(each, name, field, f"{path}.{name}")
            if isinstance(left_there, Gone) and field is not None and field.is_required:
                return left_there
            if left_there is not each:
                changed[name] = left_there
        if not changed:
            return value
        made = {name: changed.get(name, each) for name, each in value.items()}
        kept = {name: each for name, each in made.items() if not isinstance(each, Gone)}
        if len(kept) < len(made) and (not kept or _is_hollow(kept, of)):
            return next(each for each in made.values() if isinstance(each, Gone))
        return kept

    def _below(self, value: Any, name: str, field: Field | None, path: str) -> Any:
        """What is left of one member's value: an object or a list; Gone when nothing is."""
        if isinstance(value, dict):
            return self.left_of(value, _model_of(value, name, field), path)
        made = [
            self.left_of(each, _model_of(each, name, field), f"{path}[{number}]") if isinstance(each, dict) else each
            for number, each in enumerate(value)
        ]
        gone = next((each for each in made if isinstance(each, Gone)), None)
        if gone is None:
            return value if all(new is old for new, old in zip(made, value, strict=True)) else made
        if name.startswith("_"):  # the places of these are those of the values beside them
            placed = [None if isinstance(each, Gone) else each for each in made]
            return placed if any(each is not None for each in placed) else gone
        return [each for each in made if not isinstance(each, Gone)] or gone


def _is_hollow(value: Json, of: Model | None) -> bool:
    """Whether it is an extension that says nothing any more."""
    return of is not None and type_of(of) == "Extension" and value.keys() <= _BESIDE_ITS_VALUE


def _model_of(value: Json, name: str, field: Field | None) -> Model | None:
    """The model of a member's value; that of a contained resource is the one it names."""
    type = "Element" if name.startswith("_") else value.get("resourceType")
    if isinstance(type, str):
        return model(type)
    return field.model if field is not None else None


@lru_cache(maxsize=1024)
def _fields(of: Model) -> dict[str, Field]:
    return {field.name: field for field in fields(of)}
