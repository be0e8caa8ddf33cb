"""What is written in a resource, for `_text` and `_content`: PostgreSQL's full text search, in Finnish.

https://hl7.org/fhir/R4/search.html#content, https://www.postgresql.org/docs/current/textsearch.html
"""

import html
import re

from sharedplan.fhir.exchanges import Json

LONGEST = 100_000
"""Characters that are looked at; with the parts of addresses twice, a tsvector has room for some millions of bytes
less than that (1 MiB)."""

_TAG = re.compile(r"<[^>]*>")
_LEFT_OUT = frozenset(
    {"id", "resourceType", "reference", "system", "url", "data", "versionId", "lastUpdated", "language"}
)
"""Elements that nobody looks for by words."""

_NO_WORDS = (*"0123456789", "http://", "https://", "urn:")
"""How dates, numbers and addresses begin."""


def narrative(resource: Json) -> str | None:
    """The narrative's words, without its mark-up; None without a narrative."""
    text = resource.get("text")
    div = text.get("div") if isinstance(text, dict) else None
    if not isinstance(div, str):
        return None
    words = html.unescape(_TAG.sub(" ", div))[:LONGEST]
    return words if words.strip() else None


def content(resource: Json) -> str | None:
    """All that is said in the resource, the narrative first; None when nothing is."""
    said: list[str] = []
    if (words := narrative(resource)) is not None:
        said.append(words)
    _gather(resource, said)
    text = "\n".join(said)[:LONGEST]
    return text or None


def _gather(node: Json, said: list[str]) -> None:
    for name, value in node.items():
        if name in _LEFT_OUT or name[0] == "_":
            continue
        kind = value.__class__
        if kind is str:
            if name != "div" and not value.startswith(_NO_WORDS):
                said.append(value)
        elif kind is dict:
            _gather(value, said)
        elif kind is list:
            for each in value:
                if each.__class__ is dict:
                    _gather(each, said)
                elif each.__class__ is str and not each.startswith(_NO_WORDS):
                    said.append(each)
