"""A resource as it stands in a Bundle that holds not all it refers to: what is withheld leaves no reference; pure.

https://hl7.org/fhir/R4/references.html, http://hl7.org/fhir/StructureDefinition/data-absent-reason

Of a list of references those that lead nowhere are left out. One that stands alone, or was the last of its list, says
that it is masked, so that a task is not taken for nobody's and a team member not for a role that is unfilled. The
narrative goes, for it may tell the same, and the copy says that it is a part, so that nobody writes it back.
"""

from collections.abc import Callable
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import references, summaries
from sharedplan.fhir.exchanges import Json

MASKED: Json = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]
}

_NAMELESS = ("type", "identifier", "display")
"""What a reference to a type that is not offered keeps: nothing is withheld there, and nothing can be followed."""

IsThere = Callable[[str], bool]
"""Whether the Bundle holds "Type/id"."""


def is_whole(text: str, is_there: IsThere, base: str) -> bool:
    """Whether a Reference with that text leads to something in the Bundle, or out of this server."""
    found = references.parse(text).relative_to(base)
    if found.kind != "relative":
        return True
    return found.target is not None and is_there(found.target)


def without(resource: Json, is_there: IsThere, base: str) -> Json:
    """The resource without the references that lead nowhere, marked as a part; itself when none does."""
    part = _Cut(is_there, base).of(resource, is_extension=False)
    if part == resource:
        return resource
    part.pop("text", None)
    if resource["resourceType"] == "CareTeam" and "participant" in part:
        part["participant"] = [_without_employer(each) for each in part["participant"]]
    return _marked(part)


class _Cut:
    """One walk through a resource."""

    def __init__(self, is_there: IsThere, base: str) -> None:
        self._is_there, self._base = is_there, base

    def of(self, holder: Json, *, is_extension: bool) -> Json:
        """An object that is no Reference, with what it holds cut."""
        part: Json = {}
        for name, value in holder.items():
            if isinstance(value, dict):
                part[name] = self._one(value)
            elif isinstance(value, list) and value:
                kept = self._extensions(value) if "xtension" in name and not is_extension else self._many(value)
                if kept:
                    part[name] = kept
            else:
                part[name] = value
        return part

    def _one(self, value: Json) -> Json:
        if isinstance(text := value.get("reference"), str):
            return value if is_whole(text, self._is_there, self._base) else self._nameless(value, text)
        return self.of(value, is_extension="url" in value)

    def _many(self, values: list[Any]) -> list[Any]:
        """The values of a list; a reference that leads nowhere stays only where all of them do, once."""
        kept, last = [], None
        for value in values:
            cut = self._one(value) if isinstance(value, dict) else value
            if cut is MASKED:
                last = MASKED
            else:
                kept.append(cut)
        return kept if kept or last is None else [last]

    def _extensions(self, values: list[Any]) -> list[Any]:
        """Extensions without those that say nothing but a reference which leads nowhere."""
        cut = [self._one(value) if isinstance(value, dict) else value for value in values]
        return [each for each in cut if not (isinstance(each, dict) and each.get("valueReference") is MASKED)]

    def _nameless(self, value: Json, text: str) -> Json:
        """What is left of a Reference to what is not in the Bundle."""
        if references.parse(text).relative_to(self._base).type not in CATALOGUE:
            left = {name: value[name] for name in _NAMELESS if name in value}
            return left or MASKED
        return MASKED


def _without_employer(participant: Json) -> Json:
    """Only a Practitioner takes part on behalf of an organisation (ctm-1), and of whom is masked it cannot be told."""
    if participant.get("member") is not MASKED:
        return participant
    return {name: value for name, value in participant.items() if name != "onBehalfOf"}


def _marked(part: Json) -> Json:
    """With the security label that says it is a part, after the others and once."""
    meta = part.get("meta", {})
    label = {"system": summaries.SYSTEM, "code": summaries.SUBSETTED}
    labels = [each for each in meta.get("security", ()) if each != label]
    return {**part, "meta": {**meta, "security": [*labels, label]}}
