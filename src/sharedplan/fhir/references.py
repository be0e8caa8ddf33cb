"""References: what kind one is, where a resource has them, and how a transaction rewrites them. Resolves nothing.

https://hl7.org/fhir/R4/references.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sharedplan.fhir.exchanges import Json

_ID = r"[A-Za-z0-9\-.]{1,64}"
_RELATIVE = re.compile(rf"(?P<type>[A-Z][A-Za-z]+)/(?P<id>{_ID})(?:/_history/(?P<version>{_ID}))?")
_RESTFUL = re.compile(rf"(?P<base>https?://[^\s?#]+)/{_RELATIVE.pattern}")
_CONDITIONAL = re.compile(r"(?P<type>[A-Z][A-Za-z]+)\?(?P<criteria>\S+)")
_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}:\S+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_FRAGMENT = re.compile(r"#\S*")


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference's text, understood.

    `kind`: relative ("Patient/1"), absolute ("https://…"), urn ("urn:uuid:…"), fragment ("#p1", contained; "#" is the
    container itself), conditional ("Patient?identifier=…", in transactions only), or malformed.
    `type` and `id` are None where the text does not tell them; `base` belongs to absolute RESTful ones, without a
    trailing slash; `id` of a fragment is what follows the "#"; `criteria` is a condition's query, still encoded.
    """

    kind: str
    text: str
    type: str | None = None
    id: str | None = None
    version: str | None = None
    base: str | None = None
    criteria: str | None = None

    def relative_to(self, base: str) -> "Reference":
        """The same as a relative reference, when it is an absolute one to this base; otherwise itself."""
        if self.kind == "absolute" and self.base is not None and self.base == base.rstrip("/"):
            return parse(self.text[len(self.base) + 1 :])
        return self

    @property
    def target(self) -> str | None:
        """ "Type/id" without the version, when the text tells both."""
        return f"{self.type}/{self.id}" if self.type and self.id else None


def parse(text: str) -> Reference:
    """What the text of a Reference.reference means; never raises."""
    if found := _RELATIVE.fullmatch(text):
        return Reference("relative", text, found["type"], found["id"], found["version"])
    if text.startswith("#"):
        return Reference("fragment" if _FRAGMENT.fullmatch(text) else "malformed", text, id=text[1:])
    if _URN.fullmatch(text):
        return Reference("urn", text)
    if found := _RESTFUL.fullmatch(text):
        return Reference("absolute", text, found["type"], found["id"], found["version"], found["base"])
    if found := _CONDITIONAL.fullmatch(text):
        return Reference("conditional", text, found["type"], criteria=found["criteria"])
    return Reference("absolute" if _ABSOLUTE.fullmatch(text) else "malformed", text)


def each(resource: Json) -> Iterator[tuple[str, Json, str]]:
    """Every Reference that has a `reference`: its FHIRPath, the object that holds it, and the text.

    In the order of the resource, contained resources included.
    """
    return _each(resource, str(resource.get("resourceType", "")))


def _each(value: Any, path: str) -> Iterator[tuple[str, Json, str]]:
    if isinstance(value, dict):
        text = value.get("reference")
        if isinstance(text, str):  # Reference is the only type of R4 with a primitive element of that name
            yield path, value, text
        for name, child in value.items():
            if isinstance(child, dict | list):
                yield from _each(child, f"{path}.{name}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            if isinstance(child, dict | list):
                yield from _each(child, f"{path}[{index}]")
