"""Strings, found by how they begin, whatever their case and accents. https://hl7.org/fhir/R4/search.html#string

Folding takes away case, accents and the kind of white space: Virtänen, VIRTANEN and virtanen are one, and ä, ö, å are
found as a and o. A folded text has no white space but single spaces inside, so other white space can mark entries:

    virtanen      the folded text, up to 400 characters; after a tab if it begins with "="
    \n…           a later stretch of a longer text, so that `:contains` finds all of it
    =Virtänen     the text as it was sent, for `:exact`
"""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import filterfalse
from typing import Any

from sharedplan.errors import Incorrect
from sharedplan.fhir.paths import Visit
from sharedplan.search.expression import HasText
from sharedplan.search.parameters import Parameter
from sharedplan.search.values import lookup
from sharedplan.search.values.entry import LIMIT, capped, of_extensions
from sharedplan.search.values.escapes import plain

LONGEST_ASKED = LIMIT // 2
"""How long a folded text may be asked for: any stretch of that length lies whole in one entry."""

EXACT = "="
SHORT = 200
"""Characters of a text that is likely to come again, as names and displays do."""

_LITERAL = "\t"
_LATER = "\n"


def parse(parameter: Parameter, text: str, how: str = "starts") -> HasText:
    """The condition; `how` is starts, contains or exact. Raises Incorrect for one too long, or all accents."""
    if how == "exact":
        return HasText(parameter, plain(text), how)
    return HasText(parameter, asked_for(parameter.code, text), how)


def asked_for(name: str, text: str) -> str:
    """The folded text that a value asks for, its escapes resolved. Raises Incorrect, naming the parameter."""
    folded = fold(plain(text))
    if not folded:
        raise Incorrect(f"{name}: nothing is left of the value without white space and accents")
    if len(folded) > LONGEST_ASKED:
        raise Incorrect(f"{name} takes at most {LONGEST_ASKED} characters")
    return folded


def fold(text: str) -> str:
    """The text without case, accents and compatibility forms, every run of white space one space."""
    return _folded(text) if len(text) <= SHORT else _folded.__wrapped__(text)


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    if not text.isascii():
        text = _bare(_bare(text).casefold())
        return " ".join(text.split())
    return " ".join(text.lower().split())


def _bare(text: str) -> str:
    return "".join(filterfalse(unicodedata.combining, unicodedata.normalize("NFKD", text)))


def beginning(folded: str) -> str:
    """What an entry begins with when its folded text begins so."""
    return f"{_LITERAL}{folded}" if folded.startswith(EXACT) else folded


def exactly(text: str) -> str:
    """The entry of exactly that text."""
    return capped(f"{EXACT}{text}")


def holds(asked: HasText, entries: list[str]) -> bool:
    """Whether an element with these index entries meets the condition."""
    if asked.how == "exact":
        return exactly(asked.text) in entries
    if asked.how == "contains":
        return any(asked.text in each for each in entries if not each.startswith(EXACT))
    start = beginning(asked.text)
    return any(each.startswith(start) for each in entries)


def _string(value: Any, out: list[Any]) -> None:
    folded = fold(value)
    if not folded:
        return
    out.append(beginning(folded)[:LIMIT])
    for at in range(LONGEST_ASKED, len(folded) - LONGEST_ASKED, LONGEST_ASKED):
        out.append(_LATER + folded[at : at + LIMIT])
    out.append(exactly(value))


def lookups(column: str, entries: Iterable[str]) -> list[str]:
    """What `values/lookup.py` keeps of a parameter's entries: how they begin, and their pieces."""
    texts = [each for each in entries if not each.startswith(EXACT)]
    begun = [lookup.beginning(column, bare(each)) for each in texts if not each.startswith(_LATER)]
    return begun + lookup.some_pieces(column, [bare(each) for each in texts])


def bare(entry: str) -> str:
    """The folded text of an entry, without the mark before it."""
    return entry[1:] if entry.startswith((_LITERAL, _LATER)) else entry


def _parts(*names: str) -> Visit:
    def visit(value: Any, out: list[Any]) -> None:
        for name in names:
            part = value.get(name)
            if part.__class__ is str:
                _string(part, out)
            elif part:
                for each in part:
                    if each is not None:
                        _string(each, out)

    return visit


_VISITS: dict[str, Visit] = {
    "string": _string,
    "markdown": _string,
    "code": _string,
    "HumanName": _parts("text", "family", "given", "prefix", "suffix"),
    "Address": _parts("text", "line", "city", "district", "state", "postalCode", "country"),
}

EXTRACT: Mapping[str, Visit] = {**_VISITS, "Extension": of_extensions(_VISITS)}
"""Datatype → how its entries are added."""
