"""Which elements a type has, of which type each is and whether it repeats; read off the models of fhir.resources.

https://hl7.org/fhir/R4/elementdefinition.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, get_args, get_origin
from uuid import UUID

from fhir.resources.R4B import get_fhir_model_class


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type: its JSON name, the type of its values ("HumanName", "PatientContact", "code"),
    whether it repeats, and the choice it belongs to ("value" of valueQuantity)."""

    name: str
    type: str
    many: bool
    choice: str | None = None


def element(type: str, name: str) -> Element | None:
    """The element of a type by its JSON name; None when the type, or the element, is not known."""
    return elements(type).get(name)


def choices(type: str, name: str) -> tuple[Element, ...]:
    """The elements that a choice of that name may take: of Observation and "value", valueQuantity and its siblings."""
    return tuple(found for found in elements(type).values() if found.choice == name)


@lru_cache(maxsize=1024)
def elements(type: str) -> Mapping[str, Element]:
    """All elements of a type, by JSON name; empty for a type that is not known or has none."""
    try:
        fields = get_fhir_model_class(type).model_fields
    except (AttributeError, LookupError, ValueError):
        return MappingProxyType({})
    found = {}
    for name, field in fields.items():
        alias = field.alias or name
        if alias.startswith("_") or alias in ("fhir_comments", "resourceType", "resource_type"):
            continue
        many, kind = _unwrapped(field.annotation, tuple(field.metadata))
        told = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        choice = told.get("one_of_many")
        found[alias] = Element(alias, kind, many, choice if isinstance(choice, str) else None)
    return MappingProxyType(found)


_BARE = {bool: "boolean", str: "string", UUID: "uuid"}


def _unwrapped(annotation: Any, marks: tuple[Any, ...]) -> tuple[bool, str]:
    """(repeats, type name) of a field's annotation, out of Optional, list and Annotated."""
    for mark in marks:
        if named := getattr(mark, "__visit_name__", None):
            return False, str(named)
    if hasattr(annotation, "get_model_klass"):
        return False, str(annotation.get_model_klass().get_resource_type())
    if annotation in _BARE:
        return False, _BARE[annotation]
    if hasattr(annotation, "__metadata__"):
        return _unwrapped(get_args(annotation)[0], annotation.__metadata__)
    inner = [one for one in get_args(annotation) if one is not type(None)]
    if not inner:
        return False, ""
    many, kind = _unwrapped(inner[0], ())
    return many or get_origin(annotation) is list, kind
