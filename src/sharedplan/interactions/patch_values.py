"""The value part of a FHIRPath Patch operation as the JSON that it becomes; pure.

A data type comes as `value[x]`, an element without a type of its own (CarePlan.activity) as parts, a contained
resource as `resource`. https://hl7.org/fhir/R4/fhirpatch.html, https://hl7.org/fhir/R4/parameters.html
"""

from dataclasses import dataclass
from typing import Any

from sharedplan.errors import Incorrect, Unprocessable
from sharedplan.fhir.elements import Element, element, has_elements
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions import lists
from sharedplan.interactions.json_patch import copied


@dataclass(frozen=True, slots=True)
class Brought:
    """What an operation brings in: as which element, its value, and the extensions of a primitive (`_` sibling)."""

    element: Element
    value: Any
    shadow: Any


def suffix(part: Json) -> str:
    """The type of the value that a part carries: "Quantity" of valueQuantity; empty without one."""
    return next((key.lstrip("_")[5:] for key in part if key.startswith(("value", "_value"))), "")


def brought(part: Json, known: Element, at: str) -> Brought:
    """What the part brings in as that element. Raises Incorrect or Unprocessable when it does not fit it."""
    given = suffix(part)
    if given:
        value, shadow = copied(part.get("value" + given)), copied(part.get("_value" + given))
        if has_elements(known.type):
            if given != known.type:
                raise Unprocessable(f"{known.name} is a {known.type}, not a {given}", at=at)
        elif isinstance(value, dict | list):
            raise Unprocessable(f"{known.name} is a {known.type}, not a {given}", at=at)
        return Brought(known, value, shadow)
    if isinstance(part.get("part"), list):
        if not has_elements(known.type):
            raise Unprocessable(f"{known.name} is a {known.type} and has no parts", at=at)
        return Brought(known, _assembled(part["part"], known.type, at), None)
    if isinstance(part.get("resource"), dict) and known.type == "Resource":
        return Brought(known, copied(part["resource"]), None)
    raise Incorrect("a value is given as value[x], as parts or as a resource", at=at)


def _assembled(parts: list[Any], type: str, at: str) -> Json:
    """An object of that type, each part one element or one item of it."""
    whole: Json = {}
    for part in parts:
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str):
            raise Incorrect("each part of a value has a name", at=at)
        known = element(type, name) or element(type, name + suffix(part))
        if known is None:
            raise Unprocessable(f"{type} has no element {name}", at=at)
        inner = brought(part, known, at)
        if known.many:
            lists.append(whole, known.name, inner.value, inner.shadow)
        elif known.name in whole or "_" + known.name in whole:
            raise Unprocessable(f"{type}.{name} does not repeat", at=at)
        else:
            lists.put(whole, known.name, inner.value, inner.shadow)
    return whole
