"""The grammar of R4: every element known, of its type, as often as it may be, with its code and its target.

For each type a Grammar is made once, from the field metadata of the fhir.resources model, and then walks the JSON
itself: it reports all faults at once, each with its path, where the model would give up, coerce or look away.
https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/formats.html
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from threading import RLock
from typing import Any

from sharedplan.fhir.codes import Required, resource_types
from sharedplan.fhir.element_rules import BARE, Judge, Rule, of_object, of_primitive, of_twin
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.faults import MOST, NONE, Fault, Faults
from sharedplan.fhir.invariants import OF_DATATYPES
from sharedplan.fhir.models import Field, Model, fields, model, type_of
from sharedplan.fhir.pointing import pointing
from sharedplan.fhir.primitives import is_id, shown
from sharedplan.fhir.resource_invariants import OF_RESOURCES

_PLAIN_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}")


class Grammar:
    """What an object of one type may hold."""

    __slots__ = ("_choices", "_invariants", "_is_resource", "_required", "_rules", "type")

    def __init__(self, type: str) -> None:
        self.type = type
        self._is_resource = type in resource_types()
        self._rules: dict[str, Rule] = {}
        self._required: tuple[tuple[str, str], ...] = ()
        self._choices: tuple[tuple[str, frozenset[str], bool], ...] = ()
        self._invariants = OF_DATATYPES.get(type) or OF_RESOURCES.get(type) or ()

    def faults(self, value: Any) -> Faults:
        """All that is wrong with the value and below it."""
        if type(value) is not dict:
            return [Fault("", "structure", f"Here should be an object; there is {shown(value)}.")]
        found: list[Fault] = []
        rules = self._rules
        for name, given in value.items():
            rule = rules.get(name)
            if rule is not None:
                if not (faults := rule(given, value)):
                    continue
                found += faults
            elif name != "resourceType" or not self._is_resource:
                found.append(self._unknown(name))
            if len(found) > MOST:
                return found
        for name, extended in self._required:
            if name not in value and extended not in value:
                found.append(Fault(name, "required", f"{name} is missing; it is required."))
        for stem, names, is_required in self._choices:
            present = value.keys() & names
            if not present:
                if is_required:
                    found.append(Fault(stem, "required", f"{stem}[x] is missing; one of its forms is required."))
            elif len(present) > 1 and len({name.lstrip("_") for name in present}) > 1:
                given_twice = " and ".join(sorted(present))
                found.append(
                    Fault(stem, "structure", f"Only one form of {stem}[x] may be given; there are {given_twice}.")
                )
        if len(value) < 2 and not self._is_resource and (not value or (self.type != "Element" and "id" in value)):
            found.append(BARE)
        if self._invariants and (not found or all("." in each.path or each.severity != "error" for each in found)):
            found += self._breaches(value, is_sound=not found)
        return found

    def _breaches(self, value: Json, *, is_sound: bool) -> Iterator[Fault]:
        """The invariants that the object breaks, its own elements being right; further down may be faults."""
        for invariant in self._invariants:
            try:
                holds = invariant.holds(value)
            except (AttributeError, LookupError, TypeError):
                if is_sound:
                    raise
                continue
            if not holds:
                yield Fault(invariant.at, invariant.code, invariant.told(value), invariant.severity)

    def _unknown(self, name: str) -> Fault:
        path = name if _PLAIN_NAME.fullmatch(name) else ""
        return Fault(path, "structure", f"{shown(name)} is no element here.", near=(name, self._rules))


_MAKING = RLock()  # grammars are made once, and none may be used half made by another thread


@lru_cache(maxsize=1024)
def grammar(type: str) -> Grammar | None:
    """The Grammar of a resource type or a datatype; None when its definition is not at hand."""
    with _MAKING:
        found = model(type)
        return None if found is None else _made(found)


_MADE: dict[Model, Grammar] = {}


def _made(model: Model) -> Grammar:
    if (known := _MADE.get(model)) is not None:
        return known
    made = _MADE[model] = Grammar(type_of(model))
    needed = []
    choices: dict[str, tuple[set[str], bool]] = {}
    for field in fields(model):
        made._rules[field.name] = _rule(field)
        if field.is_extensible:
            made._rules[f"_{field.name}"] = of_twin(field, lambda given: _twins().faults(given))
        if field.choice is not None:
            names, _ = choices.setdefault(field.choice, (set(), field.is_required))
            names |= {field.name, f"_{field.name}"}
        elif field.is_required:
            needed.append((field.name, f"_{field.name}"))
    made._required = tuple(needed)
    made._choices = tuple((stem, frozenset(names), need) for stem, (names, need) in choices.items())
    return made


@lru_cache(maxsize=1)
def _twins() -> Grammar:
    """The Grammar of what stands beside a primitive: an id and extensions."""
    found = grammar("Element")
    assert found is not None
    return found


def _rule(field: Field) -> Rule:
    return of_primitive(field) if field.model is None else of_object(field, _judge(field, field.model))


def _judge(field: Field, model: Model) -> Judge:
    """What judges one value of a complex field."""
    if field.kind == "Resource":
        return _contained if field.name == "contained" else resource
    made = _made(model)
    if field.kind == "Reference":
        return _with(made, pointing(field.targets))
    if field.required_codes is not None:
        return _with(made, _concept(field.required_codes))
    return made.faults


def _with(made: Grammar, more: Callable[[Json], Faults]) -> Judge:
    faults_of = made.faults

    def judge(given: Any) -> Faults:
        return faults_of(given) or more(given)

    return judge


def _concept(bound: Required) -> Callable[[Json], Faults]:
    def judge(concept: Json) -> Faults:
        for coding in concept.get("coding", ()):
            if coding.get("code") in bound.codes and coding.get("system") == bound.system:
                return NONE
        return [Fault("", "code-invalid", f"It needs a coding of the system {bound.system} with one of {bound}.")]

    return judge


# Resources: for themselves, in a Bundle or Parameters, and contained in another.
# https://hl7.org/fhir/R4/references.html#contained


def resource(value: Any) -> Faults:
    """All that is wrong with a resource, of whatever type it says it is."""
    faults = _of_its_type(value)
    if isinstance(value, dict) and ("contained" in value or any(fault.depends for fault in faults)):
        return list(islice(_settled(value, faults), MOST * 20))
    return faults


def _of_its_type(value: Any) -> Faults:
    if type(value) is not dict:
        return [Fault("", "structure", f"Here should be a resource; there is {shown(value)}.")]
    named = value.get("resourceType")
    if named is None:
        return [Fault("resourceType", "required", "resourceType is missing: which type of resource is it?")]
    if type(named) is not str or named not in resource_types():
        near = (str(named), resource_types())
        return [Fault("resourceType", "structure", f"{shown(named)} is no resource type of R4.", near=near)]
    made = grammar(named)
    if made is None:
        return [Fault("", "not-supported", f"{named} is kept without a look inside.", severity="information")]
    return made.faults(value)


def _contained(value: Any) -> Faults:
    return list(_of_contained(value))


def _of_contained(value: Any) -> Iterator[Fault]:
    for fault in _of_its_type(value):
        if fault.path == "id" and is_id(str(value["id"])[:64]):  # long ids are harmless where nobody looks them up
            yield Fault("id", "value", fault.saying, severity="warning")
        else:
            yield fault
    if not isinstance(value, dict):
        return
    if "contained" in value:
        yield Fault("contained", "invariant", "A contained resource may not contain resources itself. (dom-2)")
    meta = value.get("meta")
    for name, key in (("versionId", "dom-4"), ("lastUpdated", "dom-4"), ("security", "dom-5")):
        if isinstance(meta, dict) and name in meta:
            yield Fault(f"meta.{name}", "invariant", f"A contained resource may not have meta.{name}. ({key})")


def _settled(value: Json, faults: Faults) -> Iterator[Fault]:
    """The faults with those decided that depend on the whole resource, and what contained resources owe it."""
    contained = value.get("contained")
    within = [one if isinstance(one, dict) else {} for one in contained] if isinstance(contained, list) else []
    ids = {id for one in within if isinstance(id := one.get("id"), str)}
    for fault in faults:
        if fault.depends is None:
            yield fault
        elif fault.depends == "conditional":
            if value.get("resourceType") != "Bundle" or value.get("type") != "transaction":
                yield fault
        elif fault.depends[1:] and fault.depends[1:] not in ids:
            # Without anything contained it is a leftover that hurts nobody; beside others, a name is wrong.
            yield Fault(fault.path, fault.code, fault.saying, "error" if within else "warning")
    pointed_at = set(_fragments(value))
    seen = set()
    for index, one in enumerate(within):
        id, at = one.get("id"), f"contained[{index}]"
        if not isinstance(id, str) or (f"#{id}" not in pointed_at and "#" not in _fragments(one)):
            yield Fault(at, "invariant", "Nothing points at this contained resource. (dom-3)", severity="warning")
        elif id in seen:
            yield Fault(f"{at}.id", "duplicate", f"Two contained resources have the id {shown(id)}.")
        else:
            seen.add(id)


def _fragments(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for child in value.values():
            yield from _fragments(child)
    elif isinstance(value, list):
        for child in value:
            yield from _fragments(child)
    elif isinstance(value, str) and value.startswith("#"):
        yield value
