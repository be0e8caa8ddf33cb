"""A CodeSystem as far as searching needs it: which codes there are, and which lies under which.

https://hl7.org/fhir/R4/codesystem.html#hierarchy

Concepts lie under those that they are nested in, and under those that a property names. What the nesting means is
said by `hierarchyMeaning`; only "is-a", which is also meant where nothing is said, makes one code part of another.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_PROPERTIES = "http://hl7.org/fhir/concept-properties#"
_UP, _DOWN = "parent", "child"
_WITH_CONCEPTS = frozenset({"complete", "fragment", "example"})

Links = Mapping[str, frozenset[str]]
"""Code → codes."""


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """`is_complete`: it lists all codes that there are. `parents` and `children` have an entry for each code, also for
    one that nothing lies over or under; `properties` those that a concept has, by name, each value as text."""

    url: str
    is_complete: bool
    parents: Links
    children: Links
    properties: Mapping[str, Mapping[str, frozenset[str]]]

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(self.parents)

    def above(self, code: str) -> frozenset[str]:
        """The code and all that it lies under."""
        return _reached(code, self.parents)

    def below(self, code: str) -> frozenset[str]:
        """The code and all that lie under it."""
        return _reached(code, self.children)


def read(resource: Mapping[str, Any]) -> CodeSystem | None:
    """The code system that a CodeSystem resource describes; None when it lists no concepts of its own."""
    if resource.get("content") not in _WITH_CONCEPTS or "url" not in resource:
        return None
    parents: defaultdict[str, set[str]] = defaultdict(set)
    properties: dict[str, dict[str, frozenset[str]]] = {}
    is_hierarchy = resource.get("hierarchyMeaning", "is-a") == "is-a"
    names = _links(resource)
    for concept, over in _concepts(resource):
        code = concept.get("code")
        if code is None:
            continue
        parents[code].update([over] if over is not None and is_hierarchy else ())
        values = _properties(concept)
        properties[code] = values
        for name, found in values.items():
            way = names.get(name)
            if way == _UP and (is_hierarchy or name == "subsumedBy"):
                parents[code].update(found)
            elif way == _DOWN and is_hierarchy:
                for each in found:
                    parents[each].add(code)
    listed = {code: frozenset(parents[code]) & properties.keys() for code in properties}
    children: dict[str, set[str]] = {code: set() for code in listed}
    for code, over_it in listed.items():
        for each in over_it:
            children[each].add(code)
    under = {code: frozenset(found) for code, found in children.items()}
    return CodeSystem(resource["url"], resource["content"] == "complete", listed, under, properties)


def _concepts(resource: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    """Each concept with the code that it is nested in."""
    waiting: list[tuple[Mapping[str, Any], str | None]] = [(each, None) for each in resource.get("concept", ())]
    while waiting:
        concept, over = waiting.pop()
        yield concept, over
        waiting += [(each, concept.get("code")) for each in concept.get("concept", ())]


def _links(resource: Mapping[str, Any]) -> dict[str, str]:
    """The names of properties that lead up or down."""
    declared = {each.get("code"): each.get("uri") for each in resource.get("property", ())}
    by_uri = {f"{_PROPERTIES}{_UP}": _UP, f"{_PROPERTIES}{_DOWN}": _DOWN}
    found = {name: by_uri[uri] for name, uri in declared.items() if name and uri in by_uri}
    return {_UP: _UP, "subsumedBy": _UP, _DOWN: _DOWN, **found}


def _properties(concept: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for each in concept.get("property", ()):
        for name, value in each.items():
            if name.startswith("value") and "code" in each and (text := _text(value)) is not None:
                found[each["code"]].add(text)
    return {name: frozenset(values) for name, values in found.items()}


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):  # a Coding
        return value.get("code")
    return str(value) if isinstance(value, (str, int, float, Decimal)) else None


def _reached(start: str, links: Links) -> frozenset[str]:
    """Where the links lead from there, itself included, each code once: circles do no harm."""
    found = {start}
    waiting: list[str] = [start]
    while waiting:
        new: Iterable[str] = links.get(waiting.pop(), frozenset()) - found
        found.update(new)
        waiting += new
    return frozenset(found)
