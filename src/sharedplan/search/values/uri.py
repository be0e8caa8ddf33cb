"""URIs, compared as they are written. https://hl7.org/fhir/R4/search.html#uri

`:below` finds the address and all whose path goes on from it; `:above` finds the address and all that it goes on from.
Both are for URLs only: a urn has no path. A canonical is found with its version and without.
"""

from collections.abc import Mapping
from typing import Any

from sharedplan.errors import Incorrect
from sharedplan.fhir.paths import Visit
from sharedplan.search.expression import HasUri
from sharedplan.search.parameters import Parameter
from sharedplan.search.values.entry import capped, of_extensions
from sharedplan.search.values.escapes import plain
from sharedplan.search.values.reference import canonical

LONGEST_ASKED = 300
"""How long an address `:below` may be asked for: longer ones are hashed from there on."""


def parse(parameter: Parameter, text: str, how: str = "exact") -> HasUri:
    """The condition; `how` is exact, above or below. Raises Incorrect for a urn above or below."""
    uri = plain(text)
    if how != "exact":
        if "://" not in uri:
            raise Incorrect(f"{parameter.code}:{how} needs a URL; a urn has no path to go up or down")
        if len(uri) > LONGEST_ASKED:
            raise Incorrect(f"{parameter.code}:{how} takes a URL of at most {LONGEST_ASKED} characters")
    return HasUri(parameter, uri, how)


def ancestors(uri: str) -> tuple[str, ...]:
    """The address itself, and each that it goes on from, with and without a trailing slash."""
    scheme, _, rest = uri.partition("://")
    parts = rest.rstrip("/").split("/")
    found = [f"{scheme}://{'/'.join(parts[:count])}" for count in range(1, len(parts) + 1)]
    return tuple(dict.fromkeys([each for one in found for each in (one, f"{one}/")] + [uri]))


def beneath(uri: str) -> str:
    """What the addresses below it begin with."""
    return f"{uri.rstrip('/')}/"


def holds(asked: HasUri, entries: list[str]) -> bool:
    """Whether an element with these index entries meets the condition."""
    if asked.how == "exact":
        return capped(asked.uri) in entries
    if asked.how == "above":
        return any(each in entries for each in ancestors(asked.uri))
    start = beneath(asked.uri)
    return any(each == start[:-1] or each.startswith(start) for each in entries)


def _plain(value: Any, out: list[Any]) -> None:
    out.append(capped(value))


_VISITS: dict[str, Visit] = {**dict.fromkeys(("uri", "url", "oid", "uuid", "string"), _plain), "canonical": canonical}

EXTRACT: Mapping[str, Visit] = {**_VISITS, "Extension": of_extensions(_VISITS)}
"""Datatype → how its entries are added."""
