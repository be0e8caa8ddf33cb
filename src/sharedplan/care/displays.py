"""How codes and questions are called in Finnish, Swedish and English, by what is published of them; pure.

https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.concept.designation,
https://hl7.org/fhir/R4/extension-translation.html
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from types import MappingProxyType

from sharedplan import published
from sharedplan.care.finding import LANGUAGES, Words
from sharedplan.fhir.exchanges import Json

TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"


def of_code(system: str, code: str) -> Words:
    """The display of a code of ours; the code itself where none is published."""
    return _published().get((system, code), (code, code, code))


def is_ours(system: str | None, code: str | None) -> bool:
    """Whether the code is one whose displays are published."""
    return (system, code) in _published()


def of_question(questionnaires: Iterable[Json], link: str) -> Words:
    """The text of the item of that linkId in the first of these that has it; the linkId itself without one."""
    for questionnaire in questionnaires:
        for item in _items(questionnaire.get("item", ())):
            if item.get("linkId") == link and item.get("text"):
                language = str(questionnaire.get("language", "")).partition("-")[0]
                return _in_each(str(item["text"]), _translated(item.get("_text") or {}, language))
    return (link, link, link)


def of_text(text: str) -> Words | None:
    """What a text of a model or a form means in each language, word for word as it is published; None for others. Who
    takes such a text up and changes it has written his own."""
    return _published_texts().get(text)


@lru_cache(maxsize=1)
def _published_texts() -> Mapping[str, Words]:
    definitions = (*published.of_type("PlanDefinition"), *published.of_type("Questionnaire"))
    return MappingProxyType(dict(chain.from_iterable(map(_texts, definitions))))


def _texts(part: object) -> Iterator[tuple[str, Words]]:
    """(text, its translations) of each element that has some, however deep."""
    if isinstance(part, list):
        yield from chain.from_iterable(map(_texts, part))
    if not isinstance(part, dict):
        return
    for name, value in part.items():
        said = _translated(part.get(f"_{name}") or {}, "fi") if isinstance(value, str) else {}
        if said:
            yield value, _in_each(value, said)
        yield from _texts(value)


def all_of(each: Iterable[Words]) -> Words:
    """These in a row, in each language."""
    found = list(each)
    finnish, swedish, english = (", ".join(words[number] for words in found) for number in range(len(LANGUAGES)))
    return (finnish, swedish, english)


@lru_cache(maxsize=1)
def _published() -> Mapping[tuple[str, str], Words]:
    found: dict[tuple[str, str], Words] = {}
    for system in published.of_type("CodeSystem"):
        for concept in system.get("concept", ()):
            said = {each.get("language"): str(each["value"]) for each in concept.get("designation", ())}
            found[system["url"], concept["code"]] = _in_each(str(concept.get("display", concept["code"])), said)
    return MappingProxyType(found)


def _in_each(text: str, said: Mapping[str, str]) -> Words:
    """What is said in each language; where it is not said, the text."""
    finnish, swedish, english = (said.get(language, text) for language in LANGUAGES)
    return (finnish, swedish, english)


def _translated(primitive: Json, language: str) -> dict[str, str]:
    """language → text, of the translations of a primitive."""
    found: dict[str, str] = {}
    for each in primitive.get("extension", ()):
        if each.get("url") == TRANSLATION:
            parts = {one.get("url"): one for one in each.get("extension", ())}
            told = parts.get("lang", {}).get("valueCode"), parts.get("content", {}).get("valueString")
            if told[0] and told[1] and told[0] != language:
                found[str(told[0])] = str(told[1])
    return found


def _items(items: Iterable[Json]) -> Iterator[Json]:
    for each in items:
        yield each
        yield from _items(each.get("item", ()))
