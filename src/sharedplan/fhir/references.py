"""References: what kind one is, where a resource has them, and how a transaction rewrites them. Resolves nothing.

https://hl7.org/fhir/R4/references.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import Any

from sharedplan.fhir.elements import element
from sharedplan.fhir.exchanges import Json

_ID = r"[A-Za-z0-9\-.]{1,64}"
_RELATIVE = re.compile(rf"(?P<type>[A-Z][A-Za-z]+)/(?P<id>{_ID})(?:/_history/(?P<version>{_ID}))?")
_RESTFUL = re.compile(rf"(?P<base>https?://[^\s?#]+)/{_RELATIVE.pattern}")
_CONDITIONAL = re.compile(r"(?P<type>[A-Z][A-Za-z]+)\?(?P<criteria>\S+)")
_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}:\S+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_FRAGMENT = re.compile(r"#\S*")
_LINK = re.compile(r"""(<(?:a|img)\s[^<>]*?\b(?:href|src)\s*=\s*)("[^"<]*"|'[^'<]*')""")
_REWRITTEN = frozenset({"uri", "url", "oid", "uuid"})


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


def rewritten(resource: Json, mapping: Mapping[str, str]) -> Json:
    """The resource with every link that is a key of the mapping replaced by its value.

    Links are References, elements of type uri, url, oid and uuid, and href and src in narratives; canonicals are not,
    says the standard. Whatever holds no such link is the same object as before; nothing is changed in place.
    https://hl7.org/fhir/R4/http.html#trules
    """
    changed: Json = _rewritten(resource, "", mapping)
    return changed


def _rewritten(value: Any, owner: str, mapping: Mapping[str, str]) -> Any:
    """`owner`: the type that describes the value, or the path of its element; "" for a resource."""
    if isinstance(value, list):
        items = [_rewritten(one, owner, mapping) for one in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    if isinstance(value, str):
        if owner in _REWRITTEN:
            return mapping.get(value, value)
        return _relinked(value, mapping) if owner == "xhtml" else value
    if not isinstance(value, dict):
        return value
    if "resourceType" in value:
        owner = str(value["resourceType"])
    members = {name: _member(name, child, owner, mapping) for name, child in value.items()}
    return value if all(members[name] is value[name] for name in members) else members


def _member(name: str, child: Any, owner: str, mapping: Mapping[str, str]) -> Any:
    if name == "reference" and isinstance(child, str):
        return mapping.get(child, child)
    if name.startswith("_"):  # the extensions of a primitive
        return _rewritten(child, "Element", mapping)
    return _rewritten(child, _type_of(owner, name), mapping)


@lru_cache(maxsize=8192)
def _type_of(owner: str, name: str) -> str:
    found = element("Extension" if name == "extension" else owner, name)
    return found.type if found is not None else "?"


def _relinked(div: str, mapping: Mapping[str, str]) -> str:
    def link(found: re.Match[str]) -> str:
        start, quoted = found.groups()
        new = mapping.get(unescape(quoted[1:-1]))
        return found[0] if new is None else f"{start}{quoted[0]}{new}{quoted[0]}"

    found = _LINK.sub(link, div)
    return div if found == div else found
