"""Whom a consultation asks that names no client: a Communication without subject, a Task of that code without `for`.

https://hl7.org/fhir/R4/communication.html, https://hl7.org/fhir/R4/task.html

Such a thing is seen by those whom it is addressed to, in whatever register it lies (`Addressed`). So what is said here
is said narrowly: whatever might lead to a client, be it no more than his plan or a relative, makes it no such thing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.references import parse
from sharedplan.search.parameters import CONSULTING
from sharedplan.search.values.reference import indexed

_ELEMENTS = MappingProxyType({"Task": ("for", "owner"), "Communication": ("subject", "recipient")})
"""Type → its elements that say whom it is about, and whom it is addressed to."""

_TASK, _CONSULTATION = "https://sharedplan.dev/fhir/CodeSystem/task", "consultation"

_ASKED = ("Practitioner/", "PractitionerRole/", "Organization/")

_UNSENT = frozenset({"draft", "preparation"})
"""Statuses of what has not been sent yet."""

_OPEN = frozenset({*(each.type for each in CATALOGUE.values() if not each.client_data), *CONSULTING})
"""Types that it may refer to: the directory, definitions, and the questions and answers before it."""


def consulted(resource: Json, *, base: str = "") -> list[str] | None:
    """References to those whom it asks, as the index has them; None when it may be about somebody, is no consultation
    or has not been sent."""
    about, to = _ELEMENTS[resource["resourceType"]]
    client = resource.get(about)
    if isinstance(client, Mapping) and ("reference" in client or "identifier" in client):
        return None
    if to not in resource or resource.get("status") in _UNSENT or not _is_consultation(resource):
        return None
    named = resource[to] if isinstance(resource[to], list) else [resource[to]]
    texts = (each.get("reference") for each in named if isinstance(each, Mapping))
    found = (indexed(text, base) for text in texts if isinstance(text, str))
    asked = list(dict.fromkeys(each for each in found if each is not None and each.startswith(_ASKED)))
    return asked if asked and _names_nobody(resource) else None


def _is_consultation(resource: Json) -> bool:
    if resource["resourceType"] != "Task":
        return True
    codings = resource.get("code", {}).get("coding", ())
    return any(each.get("system") == _TASK and each.get("code") == _CONSULTATION for each in codings)


def _names_nobody(resource: Json) -> bool:
    """Whether it refers to nothing and contains nothing but what is of the types that say nothing of clients."""
    if any(each.get("resourceType") not in _OPEN for each in resource.get("contained", ())):
        return False
    left: list[Any] = [resource]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            text = value.get("reference")
            if isinstance(text, str):
                found = parse(text)
                if found.kind != "fragment" and found.type not in _OPEN:
                    return False
            elif isinstance(value.get("identifier"), dict):  # a Reference by an identifier alone
                type = value.get("type")
                if not isinstance(type, str) or type not in _OPEN:
                    return False
            left += [each for each in value.values() if isinstance(each, dict | list)]
        elif isinstance(value, list):
            left += value
    return True
