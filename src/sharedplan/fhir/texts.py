"""Every text of a resource with where it stands, whatever the element: for what may stand nowhere in it.

Narratives are told as they are read, beside as they are written. https://hl7.org/fhir/R4/narrative.html
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from sharedplan.fhir.elements import element
from sharedplan.fhir.exchanges import Json

_TAG = re.compile(r"<[^<>]*>")


def each(resource: Json) -> Iterator[tuple[str, str]]:
    """(FHIRPath, text) of every string, in the order of the resource; contained resources and extensions included."""
    return _each(resource, str(resource.get("resourceType", "")), "")


def _each(value: Any, path: str, owner: str) -> Iterator[tuple[str, str]]:
    """`owner`: the type that describes the value; "" for a resource."""
    if isinstance(value, str):
        yield path, value
        if owner == "xhtml":
            yield path, unescape(_TAG.sub("", value))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _each(one, f"{path}[{index}]", owner)
    elif isinstance(value, dict):
        owner = str(value.get("resourceType", owner))
        for name, child in value.items():
            bare = name.removeprefix("_")  # of the extensions of a primitive
            found = element(owner, bare) if bare != "extension" else None
            type = "Extension" if bare == "extension" else found.type if found is not None else "?"
            shown = (found.choice if found is not None else None) or bare
            yield from _each(child, f"{path}.{shown}", "Element" if name != bare else type)
