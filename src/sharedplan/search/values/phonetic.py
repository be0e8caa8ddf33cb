"""Names by how they sound, for the parameters `phonetic`. https://hl7.org/fhir/R4/patient.html#search

Finnish is written as it is spoken, so a name's spelling already is its sound; what varies is how old, Swedish and
foreign names are written, and how long a sound is heard to be. The keys of English (Soundex, Metaphone, NYSIIS) drop or
merge the vowels, for which Laine and Leino are one. Here a key is the folded word, written in the simplest way:

    old and foreign letters    Wirtanen Virtanen, Carl Karl, Cecilia Sesilia, Axel Aksel, Zacharias Sakarias, Yrsa Irsa
    groups of letters          Christina Kristina, Sofia Sophia, Mathias Matias, Lindquist Lindkvist, Sjöberg Schöberg
    the Swedish å is an o      Åberg Oberg
    letters that are silent    Hjelm Jelm, Ahlström Alström, Johnsson Jonsson
    hard and soft consonants   Bergman Perkman, Fredrik Vretrik, Heidi Heiti
    length                     Virtannen Virtanen, Laakso Lakso, Kristiina Kristina

Marks are folded as in other strings, so Mäki is also Maki.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from sharedplan.fhir.paths import Visit
from sharedplan.search.values.string import fold

LONGEST = 60
"""Letters of a key; what comes later in a word is not heard."""

_LETTERS = str.maketrans({"å": "o", "æ": "a", "ø": "o", "œ": "o", "ð": "d", "þ": "t", "ł": "l", "đ": "d", "ı": "i"})
_WORD = re.compile(r"[^\W\d_]+")
_APOSTROPHE = re.compile(r"['’ʼ`´]")
_GROUP = re.compile(
    r"sch|sh|^(?:stj|skj|sj|tj)|^[hlgd]j|ch|ck|ph|th|dh|xx?|z|c(?=[eiy])|qu(?=[aeiouy])|ij(?=[aeou])"
    r"|(?<=[aeiouy])h(?=[lmnr])"
)
_SIMPLER = {
    **dict.fromkeys(("sch", "sh", "stj", "skj", "sj", "tj", "c", "z"), "s"),
    **dict.fromkeys(("hj", "lj", "gj", "dj"), "j"),
    **dict.fromkeys(("ch", "ck"), "k"),
    **dict.fromkeys(("th", "dh"), "t"),
    **dict.fromkeys(("x", "xx"), "ks"),
    "ph": "v",
    "qu": "kv",
    "ij": "i",
    "h": "",
}
_SINGLE = str.maketrans("bcdfgqwy", "pktvkkvi")
_LONG = re.compile(r"(.)\1+")


def sounds(text: str) -> tuple[str, ...]:
    """One key for each word of a name, in order and each once: ("anna", "lisa", "virtanen") of Anna-Liisa Wirtanen.

    Names that sound alike have the same keys. Words in other scripts than Latin are their own keys, folded.
    """
    heard = _APOSTROPHE.sub("", unicodedata.normalize("NFC", text)).casefold().translate(_LETTERS)
    return tuple(dict.fromkeys(_key(word) for word in _WORD.findall(fold(heard))))


def _key(word: str) -> str:
    simple = _GROUP.sub(lambda found: _SIMPLER[found[0]], word).translate(_SINGLE)
    return _LONG.sub(r"\1", simple)[:LONGEST]


def _text(value: Any, out: list[Any]) -> None:
    out += sounds(value)


def _name(value: Any, out: list[Any]) -> None:
    for part in (value.get("text"), value.get("family"), *value.get("given", ())):
        if part is not None:
            out += sounds(part)


EXTRACT: Mapping[str, Visit] = {"string": _text, "HumanName": _name}
"""Datatype → how the keys of its words are added."""
