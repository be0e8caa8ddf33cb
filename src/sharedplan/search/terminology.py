"""Which codes a value set holds, and which lie above or below a code: what `:in`, `:above` and `:below` of a token ask.

https://hl7.org/fhir/R4/search.html#token, https://hl7.org/fhir/R4/valueset.html#compositions

Expansion as far as searching needs it. Pure: whoever calls loads the ValueSets and CodeSystems, those that `needs`
names among them. What cannot be told for certain is refused with the name of what is at fault, for a search that took a
part for the whole would mislead.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sharedplan.errors import Incorrect, Issue
from sharedplan.fhir import paths
from sharedplan.search import expression as e
from sharedplan.search.code_systems import CodeSystem
from sharedplan.search.parameters import Parameter
from sharedplan.search.values import token

MOST_CODES = 10_000
"""Codes that a value set may come to."""

MOST_DEPTH = 20
"""Value sets that may lie within each other."""

_EXTENSION = "http://hl7.org/fhir/StructureDefinition/valueset-"
_NOT_WHOLE = frozenset({f"{_EXTENSION}toocostly", f"{_EXTENSION}unclosed"})
_PARTS = re.compile(r"\d+|[^\d.]+")

Json = Mapping[str, Any]
Codes = frozenset[tuple[str, str | None]]
"""(system, code) pairs; (system, None) stands for a whole system whose codes are listed nowhere, and "" for none."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The canonicals ("url" or "url|version") that a value set is made of."""

    value_sets: frozenset[str]
    code_systems: frozenset[str]


@dataclass(slots=True)
class Terminology:
    """What is known, by the canonical or reference that it was asked by."""

    value_sets: Mapping[str, Json]
    code_systems: Mapping[str, CodeSystem]
    _expanded: dict[str, Codes] = field(default_factory=dict)

    def members(self, name: str) -> Codes:
        """The codes of the value set. Raises Incorrect when they cannot be told, or are more than MOST_CODES."""
        return self._members(name, ())

    def related(self, relation: str, system: str, code: str) -> Codes:
        """The code itself, and those above or below it. Raises Incorrect for a code or system that is not known."""
        known = self._system(system, f":{relation}")
        _check_code(known, code)
        found = known.above(code) if relation == "above" else known.below(code)
        return _checked(frozenset((known.url, each) for each in found), f"{code} of {system}, {relation},")

    def _members(self, name: str, within: tuple[str, ...]) -> Codes:
        if name in within:
            raise _refused("processing", f"the value set {name} includes itself, so what it holds cannot be told")
        if len(within) == MOST_DEPTH:
            raise _refused("too-costly", f"more than {MOST_DEPTH} value sets lie within each other in {within[0]}")
        if name not in self._expanded:
            value_set = self.value_sets.get(name)
            if value_set is None:
                where = f", which {within[-1]} is made of," if within else ""
                raise _refused("not-found", f"the value set {name}{where} is not known here")
            self._expanded[name] = _checked(self._expand(value_set, name, (*within, name)), name)
        return self._expanded[name]

    def _expand(self, value_set: Json, name: str, within: tuple[str, ...]) -> Codes:
        if (listed := _expansion(value_set)) is not None:
            return listed
        compose = value_set.get("compose")
        if compose is None:
            raise _refused("processing", f"the value set {name} does not say what it holds")
        found: Codes = frozenset()
        for each in compose.get("include", ()):
            found |= self._selected(each, name, within)
        for each in compose.get("exclude", ()):
            found = _without(found, self._selected(each, name, within), name)
        return found

    def _selected(self, part: Json, name: str, within: tuple[str, ...]) -> Codes:
        """What one include or exclude speaks of: that of its system which lies in all its value sets, too."""
        sets = [self._members(each, within) for each in part.get("valueSet", ())]
        if "system" in part:
            sets.insert(0, self._of_system(part, name))
        if not sets:
            return frozenset()
        found = sets[0]
        for other in sets[1:]:
            found = _common(found, other)
        return found

    def _of_system(self, part: Json, name: str) -> Codes:
        system = part["system"]
        if "concept" in part:
            return frozenset((system, each["code"]) for each in part["concept"] if "code" in each)
        if "filter" not in part:
            known = self.code_systems.get(_canonical(part))
            if known is None or not known.is_complete or len(known.codes) > MOST_CODES:
                return frozenset({(system, None)})
            return frozenset((system, code) for code in known.codes)
        known = self._system(_canonical(part), name)
        codes = known.codes
        for each in part["filter"]:
            codes &= _filtered(known, each, name)
        return frozenset((system, code) for code in codes)

    def _system(self, name: str, asked: str) -> CodeSystem:
        known = self.code_systems.get(name)
        if known is None:
            raise _refused("not-found", f"{asked} needs the codes of {name}, and they are not known here")
        return known


def needs(value_set: Json) -> Needs:
    """What must be loaded, as far as it is there, before the value set can be expanded."""
    if _expansion(value_set) is not None:
        return Needs(frozenset(), frozenset())
    compose = value_set.get("compose", {})
    parts = [*compose.get("include", ()), *compose.get("exclude", ())]
    return Needs(
        frozenset(each for part in parts for each in part.get("valueSet", ())),
        frozenset(_canonical(part) for part in parts if "system" in part and "concept" not in part),
    )


def condition(parameter: Parameter, codes: Codes) -> e.Expression:
    """What asks for any of the codes."""
    entries: set[str] = set()
    for system, code in codes:
        if system == parameter.system and code is None:
            return e.Not(e.Missing(parameter))  # its codes are all of that system
        bare = system == parameter.system or (code is not None and _has_bare_codes(parameter))
        entries.add(token.entry(e.HasToken(parameter, None if bare else system, code)))
    return e.HasEntry(parameter, tuple(sorted(entries))) if entries else e.Nothing()


def newest(resources: Iterable[Json], name: str) -> Json | None:
    """The one that a canonical means: of that version, or the newest when it names none."""
    url, bar, version = name.partition("|")
    found = [each for each in resources if each.get("url") == url and (not bar or each.get("version") == version)]
    return max(found, key=lambda each: (_order(each.get("version", "")), each.get("date", "")), default=None)


def _order(version: str) -> list[tuple[int, int, str]]:
    """What versions are compared by: 1.10 comes after 1.9, and a number after a word."""
    return [(1, int(each), "") if each.isdecimal() else (0, 0, each) for each in _PARTS.findall(version[:100])]


def _canonical(part: Json) -> str:
    return f"{part['system']}|{part['version']}" if "version" in part else str(part["system"])


@lru_cache
def _has_bare_codes(parameter: Parameter) -> bool:
    """Whether its elements are plain codes, which have no system beside them, and whose binding implies none."""
    found = paths.compiled(parameter.path, parameter.resource)
    return isinstance(found, tuple) and {branch.type for branch in found} == {"code"}


def _expansion(value_set: Json) -> Codes | None:
    """The codes that the value set lists as its expansion; None when there is none, or not the whole of it."""
    expansion = value_set.get("expansion")
    if expansion is None:
        return None
    contains = list(_contained(expansion))
    total = expansion.get("total")
    is_cut = total is not None and total > len(contains)
    is_open = any(each.get("url") in _NOT_WHOLE for each in expansion.get("extension", ()))
    is_absent = not contains and total is None and "compose" in value_set
    if is_cut or is_open or is_absent:
        return None
    return frozenset((each.get("system", ""), each["code"]) for each in contains if "code" in each)


def _contained(expansion: Json) -> Iterator[Json]:
    waiting = list(expansion.get("contains", ()))
    while waiting:
        each = waiting.pop()
        yield each
        waiting += each.get("contains", ())


def _filtered(known: CodeSystem, filter: Json, name: str) -> frozenset[str]:
    """The codes that one filter lets through. https://hl7.org/fhir/R4/valueset-filter-operator.html"""
    about, how, value = filter.get("property", ""), filter.get("op", ""), filter.get("value", "")
    if about in ("code", "concept"):
        match how:
            case "=":
                return known.codes & {value}
            case "in" | "not-in":
                named = {each.strip() for each in value.split(",")}
                return known.codes & named if how == "in" else known.codes - named
            case "is-a" | "descendent-of" | "is-not-a" | "generalizes":
                _check_code(known, value)
        match how:
            case "is-a":
                return known.below(value)
            case "descendent-of":
                return known.below(value) - {value}
            case "is-not-a":
                return known.codes - known.below(value)
            case "generalizes":
                return known.above(value)
    elif how == "=":
        if about in ("parent", "child"):
            links = known.parents if about == "parent" else known.children
            return frozenset(code for code, found in links.items() if value in found)
        return frozenset(code for code, has in known.properties.items() if value in has.get(about, ()))
    elif how == "exists":
        return frozenset(code for code, has in known.properties.items() if (about in has) == (value == "true"))
    raise _refused("not-supported", f"the value set {name} filters {about[:60]} by {how[:20]}, which is not done here")


def _common(one: Codes, other: Codes) -> Codes:
    return frozenset(pair for a, b in ((one, other), (other, one)) for pair in a if pair in b or (pair[0], None) in b)


def _without(found: Codes, less: Codes, name: str) -> Codes:
    """Raises Incorrect when single codes are taken from a system whose codes are not known."""
    wholes = {system for system, code in less if code is None}
    for system, code in less:
        if code is not None and (system, None) in found and system not in wholes:
            raise _refused("not-found", f"the value set {name} leaves out codes of {system}, which is not known here")
    return frozenset(pair for pair in found if pair not in less and pair[0] not in wholes)


def _check_code(known: CodeSystem, code: str) -> None:
    if code not in known.parents:
        raise _refused("not-found", f"{known.url} has no code {code[:100]} here")


def _checked(codes: Codes, name: str) -> Codes:
    if len(codes) > MOST_CODES:
        raise _refused("too-costly", f"{name} comes to more than {MOST_CODES:,} codes")
    return codes


def _refused(code: str, saying: str) -> Incorrect:
    return Incorrect(saying, issues=(Issue(code, saying),))
