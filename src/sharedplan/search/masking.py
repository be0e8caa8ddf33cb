"""What a safety ban (turvakielto) hides of a client from others than the register's own: address and place.

The Patient bears a security label of the system SAFETY_BAN. Then the elements here are neither shown to who sees a
resource by the team and the consents alone (`expression.Permitted`), nor found by: `store/compile.py` takes them as
absent, and `store/unit_of_work.py` gives the resource without them, marked SUBSETTED, so that no copy of it is written
back. https://hl7.org/fhir/R4/security-labels.html, https://simplifier.net/guide/finnish-base-profiles
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import summaries
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.json_text import read, write
from sharedplan.search import expression as e
from sharedplan.search.parameters import OF_THE_TEXT, Parameter

SAFETY_BAN = "https://hl7.fi/fhir/finnish-base-profiles/CodeSystem/fi-base-security-label-cs"

MASKED = {
    "Patient": ("address", "telecom", "contact.address", "contact.telecom"),
    "RelatedPerson": ("address", "telecom"),
    "Encounter": ("location", "hospitalization.origin", "hospitalization.destination"),
    "Appointment": ("participant.actor",),
    "CarePlan": ("activity.detail.location",),
    "ServiceRequest": ("locationCode", "locationReference"),
    "Task": ("location",),
    "Device": ("location",),
    "Provenance": ("location",),
}
"""Type → the elements. Of `participant.actor` those that are Locations."""

_ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
_OF_PLACES = ("valueAddress", "valueContactPoint")
_ACTOR = ("Appointment", "participant.actor")


def may_mask(type: str) -> bool:
    """Whether a ban may take something out of a resource of that type: of its own elements, or of what it contains."""
    return CATALOGUE[type].client_data and type != "AuditEvent"


def of_masked(asked: e.Expression) -> bool:
    """Whether a condition on one parameter of a resource looks at what a ban takes out."""
    parameter: Parameter | None = getattr(asked, "parameter", None)
    if parameter is None or not is_masked(parameter):
        return False
    if not _is_of_actors(parameter):
        return True
    match asked:
        case e.Missing():
            return False
        case e.RefersTo(_, references):
            return any("Location/" in each for each in references)
        case e.Chained(_, type):
            return type == "Location"
    return True


def without_places(asked: e.RefersTo) -> e.RefersTo:
    """Of references to actors those that are none to Locations; none of any other parameter."""
    kept = tuple(each for each in asked.references if "Location/" not in each) if _is_of_actors(asked.parameter) else ()
    return e.RefersTo(asked.parameter, kept)


@lru_cache(maxsize=4096)
def is_masked(parameter: Parameter) -> bool:
    """Whether the parameter's values may be of such elements: by its path, or since all of the text is looked at."""
    if parameter.code in OF_THE_TEXT:
        return may_mask(parameter.resource)
    elements = MASKED.get(parameter.resource)
    if elements is None:
        return False
    named = "|".join(re.escape(each) for each in elements)
    if re.search(rf"\b{parameter.resource}\.({named})\b", parameter.path) is None:
        return _is_of_extensions(parameter)
    is_of_others = "resolve()" in parameter.path and "Location" not in parameter.path
    return not (_is_of_actors(parameter) and is_of_others)


def _is_of_extensions(parameter: Parameter) -> bool:
    """Whether it may find extensions that tell where somebody lives: added parameters may."""
    if not parameter.path.startswith(("Patient.extension", "RelatedPerson.extension")):
        return False
    path = parameter.path.lower()
    is_named = "'" in path
    return not is_named or any(word in path for word in ("municipality", "address", "contactpoint"))


def _is_of_actors(parameter: Parameter) -> bool:
    """Whether only some of what the parameter finds is masked."""
    return parameter.resource == "Appointment" and parameter.code != "location" and parameter.code not in OF_THE_TEXT


def masked(type: str, text: str) -> str | None:
    """The text of a resource of that type without what a ban hides, marked as a part; None when nothing is taken out.

    A Patient is marked in any case: whether he has an address is not told either.
    """
    resource = read(text)
    part = _masked(type, resource)
    if part == resource and type != "Patient":
        return None
    part.pop("text", None)
    return write(_marked(part))


def _masked(type: str, resource: Json) -> Json:
    places = {f"#{each.get('id')}" for each in resource.get("contained", ()) if each.get("resourceType") == "Location"}
    part = dict(resource)
    for element in MASKED.get(type, ()):
        if (type, element) == _ACTOR:
            if "participant" in part:
                part["participant"] = [_without_place(each, places) for each in part["participant"]]
        else:
            part = _without(part, element.split("."))
    if "contact" in part and type == "Patient":
        part["contact"] = [each for each in part["contact"] if {"name", "organization"} & each.keys()]
        if not part["contact"]:
            del part["contact"]
    if "extension" in part and type in ("Patient", "RelatedPerson"):
        part["extension"] = [each for each in part["extension"] if not _is_of_place(each)]
        if not part["extension"]:
            del part["extension"]
    if "contained" in part:
        kept = [each for each in part["contained"] if each.get("resourceType") != "Location"]
        part["contained"] = [_masked(str(each.get("resourceType")), each) for each in kept]
        if not kept:
            del part["contained"]
    return part


def _without(value: Any, path: list[str]) -> Any:
    if isinstance(value, list):
        return [_without(each, path) for each in value]
    if not isinstance(value, dict) or (path[0] not in value and f"_{path[0]}" not in value):
        return value
    if len(path) == 1:
        return {name: each for name, each in value.items() if name not in (path[0], f"_{path[0]}")}
    return {**value, path[0]: _without(value[path[0]], path[1:])}


def _without_place(participant: Json, places: Iterable[str]) -> Json:
    """The participant with a Location in the actor's place masked: there has to be an actor or a type."""
    actor = participant.get("actor")
    text = str((actor or {}).get("reference", ""))
    is_place = "Location/" in text or text in places or (actor or {}).get("type") == "Location"
    return {**participant, "actor": {"extension": [_ABSENT]}} if is_place else participant


def _is_of_place(extension: Json) -> bool:
    """Whether an extension tells where somebody lives: an address, a telephone, the home municipality."""
    return any(name in extension for name in _OF_PLACES) or "municipality" in str(extension.get("url", "")).lower()


def _marked(part: Json) -> Json:
    """With the security label that says it is a part, after the others."""
    meta = part.get("meta", {})
    label = {"system": summaries.SYSTEM, "code": summaries.SUBSETTED}
    return {**part, "meta": {**meta, "security": [*meta.get("security", ()), label]}}
