"""References to other resources. https://hl7.org/fhir/R4/search.html#reference

The index holds `Type/id` for what lies on this server, and an absolute URL or a urn as it was sent; never the version
that a reference names, for a search finds the resource in all of them. Contained resources are not found by reference.
A canonical stands with its version and without.
"""

import re
from collections.abc import Mapping
from typing import Any

from sharedplan.errors import Incorrect
from sharedplan.fhir.paths import Visit
from sharedplan.search.expression import Identified, RefersTo
from sharedplan.search.parameters import Parameter
from sharedplan.search.values import token
from sharedplan.search.values.entry import LIMIT, capped, of_extensions

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_RELATIVE = re.compile(rf"([A-Z][A-Za-z]+)/{_ID.pattern}(?:/_history/{_ID.pattern})?")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_VERSION = "/_history/"


def parse(parameter: Parameter, text: str, *, base: str = "", type: str | None = None) -> RefersTo:
    """The condition that `id`, `Type/id`, an absolute URL or a urn asks for; `type` is that of the modifier.

    A bare id stands for every type that the element may refer to.
    Raises Incorrect for anything else, and for a type that the element cannot refer to.
    """
    if type is not None and type not in parameter.targets:
        raise Incorrect(f"{parameter.code}:{type}: it refers to {_listed(parameter.targets)} only")
    if parameter.is_canonical and _ABSOLUTE.fullmatch(text):
        return RefersTo(parameter, (capped(text),))  # it is what it is, also below this server's own base
    if _ID.fullmatch(text):
        types = (type,) if type is not None else parameter.targets
        return RefersTo(parameter, tuple(f"{each}/{text}" for each in types))
    if (named := indexed(text, base)) is not None:
        if found := _RELATIVE.fullmatch(named):
            if type is not None and found[1] != type:
                raise Incorrect(f"{parameter.code}:{type} is given a reference to a {found[1]}")
            return RefersTo(parameter, (named,))
        if _ABSOLUTE.fullmatch(text):
            return RefersTo(parameter, (named,))
    raise Incorrect(f"{parameter.code}: a reference is an id, Type/id, an absolute URL or a urn")


def _listed(types: tuple[str, ...]) -> str:
    return ", ".join(types[:8]) + (" and others" if len(types) > 8 else "")


def holds(asked: RefersTo, entries: list[str]) -> bool:
    """Whether an element with these index entries meets the condition."""
    return any(each in entries for each in asked.references)


def indexed(text: str, base: str) -> str | None:
    """A reference as the index has it; None for one to a contained resource. `base` is this server's own."""
    if text[:1] == "#":
        return None
    if _VERSION in text:
        text = text[: text.index(_VERSION)]
    if base and text.startswith(base) and text[len(base) : len(base) + 1] == "/":
        text = text[len(base) + 1 :]
    return text if len(text) <= LIMIT else capped(text)


def identified(parameter: Parameter, text: str) -> Identified:
    """The condition of `:identifier`: a token, of the identifier that the reference names its target by.

    Raises Incorrect.
    """
    return Identified(parameter, (token.entry(token.parse(parameter, text)),))


def identifiers(value: Any, out: list[Any]) -> None:
    """Adds the token entries of a Reference's identifier."""
    if (identifier := value.get("identifier")) is not None:
        out += token.identifier_entries(identifier)


def _reference(base: str) -> Visit:
    def visit(value: Any, out: list[Any]) -> None:
        text = value.get("reference")
        if text is not None and (entry := indexed(text, base)) is not None:
            out.append(entry)

    return visit


def _plain(value: Any, out: list[Any]) -> None:
    out.append(capped(value))


def canonical(value: Any, out: list[Any]) -> None:
    """A canonical URL: without its version, and with it."""
    url, bar, _ = value.partition("|")
    out.append(capped(url))
    if bar:
        out.append(capped(value))


def extract(base: str) -> Mapping[str, Visit]:
    """Datatype → how its entries are added; `base` is this server's own, without a trailing slash."""
    visits: dict[str, Visit] = {
        "Reference": _reference(base),
        "canonical": canonical,
        "uri": _plain,
        "url": _plain,
    }
    return {**visits, "Extension": of_extensions(visits)}
