"""Versions read into what they say, each once: the resource, and what it names.

https://hl7.org/fhir/R4/references.html
"""

import re
from collections.abc import Iterable, Mapping
from sys import intern
from typing import NamedTuple

import orjson

from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json
from sharedplan.store.versions import Version

REFERENCE = re.compile(r'"reference":\s*"([^"\\]+)"')
"""Any in the text of a resource; to walk through its elements took ten times as long (measured)."""

_BY_URL = {"questionnaire": "Questionnaire", "instantiatesCanonical": "PlanDefinition"}
"""Elements that name something by its url, and its type."""

_MAY_BE_CANONICAL = re.compile("|".join(f'"{element}"' for element in _BY_URL))

Key = tuple[str, str, int, bool]
"""One version as somebody may see it: type, id, version, and whether something is masked."""


class Canonical(NamedTuple):
    """Something named by its url; `own`: what that is on this server, if the url ends with the id it was given."""

    type: str
    url: str
    own: str | None


class Read(NamedTuple):
    """`size`: characters of the text. `names`: what its references lead to ("Goal/1"), here or elsewhere, each once."""

    resource: Json
    size: int
    names: tuple[str, ...]
    canonicals: tuple[Canonical, ...]


class Reader:
    """Reads versions of a server with that base; those that are known already are not read again."""

    def __init__(self, base: str, known: Mapping[Key, Read] | None = None) -> None:
        self._base = base
        self._known = known or {}
        self._targets: dict[str, str | None] = {}
        self.read_now: dict[Key, Read] = {}  # what was asked for, of what was known, too

    def read(self, version: Version) -> Read:
        """What the version says. Decimals are read as floats."""
        key = key_of(version)
        found = self.read_now.get(key) or self._known.get(key)
        if found is None:
            text = version.content or "{}"
            resource = orjson.loads(text)
            named, targets = REFERENCE.findall(text), self._targets
            if not targets.keys() >= {*named}:
                self._learn(named)
            names = dict.fromkeys(targets[each] for each in named)
            names.pop(None, None)
            canonicals = tuple(_canonicals(resource)) if _MAY_BE_CANONICAL.search(text) else ()
            found = Read(resource, len(text), tuple(names), canonicals)  # type: ignore[arg-type]  # None is taken out
        self.read_now[key] = found
        return found

    def _learn(self, texts: Iterable[str]) -> None:
        """What these references lead to."""
        for text in texts:
            if text not in self._targets:
                target = references.parse(text).relative_to(self._base).target
                self._targets[text] = intern(target) if target is not None else None


def key_of(version: Version) -> Key:
    return version.type, version.id, version.version, version.is_masked


def _canonicals(resource: Json) -> list[Canonical]:
    found = []
    for element, type in _BY_URL.items():
        given = resource.get(element, ())
        for url in dict.fromkeys((given,) if isinstance(given, str) else filter(None, given)):
            bare = url.partition("|")[0]
            own = references.parse(bare)
            found.append(Canonical(type, bare, own.target if own.type == type else None))
    return found
