"""The grammar of R4: every element known, of its type, as often as it may be, with its code and its target.

For each type a Grammar is made once, from the field metadata of the fhir.resources model, and then walks the JSON
itself: it reports all faults at once, each with its path, where the model would give up, coerce or look away.
https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/formats.html
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from sharedplan.fhir.codes import Required, resource_types
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.faults import MOST, NONE, Fault, Faults
from sharedplan.fhir.invariants import OF_DATATYPES
from sharedplan.fhir.models import Field, Model, fields, model, type_of
from sharedplan.fhir.narrative import faults as narrative_faults
from sharedplan.fhir.pointing import pointing
from sharedplan.fhir.primitives import PRIMITIVES, Primitive, is_id, shown
from sharedplan.fhir.resource_invariants import OF_RESOURCES

Rule = Callable[[Any, Json], Faults]
"""What judges one element: its value, and the object that holds it; paths are relative to that object."""

_BARE = Fault("", "invariant", "An element needs a value or something inside; else leave it out. (ele-1)")
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
            if rule is None:
                if name != "resourceType" or not self._is_resource:
                    found.append(self._unknown(name))
            elif faults := rule(given, value):
                found += faults
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
            found.append(_BARE)
        if not found:
            for invariant in self._invariants:
                if not invariant.holds(value):
                    saying = f"{invariant.saying} ({invariant.key})" if invariant.key else invariant.saying
                    found.append(Fault(invariant.at, "invariant", saying, invariant.severity))
        return found

    def _unknown(self, name: str) -> Fault:
        path = name if _PLAIN_NAME.fullmatch(name) else ""
        return Fault(path, "structure", f"{shown(name)} is no element here.", near=(name, self._rules))


@lru_cache(maxsize=1024)
def grammar(type: str) -> Grammar | None:
    """The Grammar of a resource type or a datatype; None when its definition is not at hand."""
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
            made._rules[f"_{field.name}"] = _extended(field)
        if field.choice is not None:
            names, _ = choices.setdefault(field.choice, (set(), field.is_required))
            names |= {field.name, f"_{field.name}"}
        elif field.is_required:
            needed.append((field.name, f"_{field.name}"))
    made._required = tuple(needed)
    made._choices = tuple((stem, frozenset(names), need) for stem, (names, need) in choices.items())
    return made


# One rule for each element, made of the smallest steps that its definition needs: most of the time of a check is here.


def _rule(field: Field) -> Rule:
    if field.model is None:
        primitive = PRIMITIVES[field.kind]
        if field.kind == "xhtml":
            return _narrative
        if field.required_codes is not None:
            primitive = _coded(field.required_codes)
        return _primitives(field, primitive) if field.many else _primitive(field, primitive)
    judge = _judge(field, field.model)
    return _objects(field.label, judge) if field.many else _object(field.label, judge)


def _primitive(field: Field, primitive: Primitive) -> Rule:
    fits, label = primitive.fits, field.label

    def rule(given: Any, holder: Json) -> Faults:
        return NONE if fits(given) else [_misfit(label, given, primitive)]

    return rule


def _primitives(field: Field, primitive: Primitive) -> Rule:
    fits, label, extended = primitive.fits, field.label, f"_{field.name}"

    def rule(given: Any, holder: Json) -> Faults:
        if type(given) is not list or not given:
            return [_no_array(label, given)]
        found = []
        for index, one in enumerate(given):
            if not fits(one) and not (one is None and _has_at(holder.get(extended), index)):
                found.append(_misfit(f"{label}[{index}]", one, primitive))
                if len(found) > MOST:
                    break
        return found

    return rule


def _narrative(given: Any, holder: Json) -> Faults:
    """The rule of Narrative.div. What stands in a narrative is never repeated in a sentence."""
    if type(given) is not str:
        return [Fault("div", "structure", "div should be a string with XHTML.")]
    return [Fault("div", "invariant", f"{saying} (txt-1)") for saying in narrative_faults(given)]


def _extended(field: Field) -> Rule:
    """The rule of `_name`, the id and extensions of a primitive. https://hl7.org/fhir/R4/json.html#primitive"""
    label, name = field.label, field.name

    def one(given: Any, holder: Json) -> Faults:
        return [fault.below(label) for fault in _twin(given, name in holder)]

    def many(given: Any, holder: Json) -> Faults:
        if type(given) is not list or not given:
            return [_no_array(label, given, f"_{name}")]
        values = holder.get(name)
        found: list[Fault] = []
        for index, each in enumerate(given):
            has_value = _has_at(values, index)
            if each is not None:
                found += [fault.below(f"{label}[{index}]") for fault in _twin(each, has_value)]
            elif not has_value:
                found.append(Fault(f"{label}[{index}]", "structure", f"{name} and _{name} both have nothing here."))
            if len(found) > MOST:
                break
        return found

    return many if field.many else one


def _twin(given: Any, has_value: bool) -> Faults:
    """What is wrong with the object beside a primitive; without a value it needs extensions."""
    if faults := _of_primitives().faults(given):
        return faults
    return NONE if has_value or "extension" in given else [_BARE]


@lru_cache(maxsize=1)
def _of_primitives() -> Grammar:
    found = grammar("Element")
    assert found is not None
    return found


def _has_at(values: Any, index: int) -> bool:
    return type(values) is list and index < len(values) and values[index] is not None


def _object(label: str, judge: Callable[[Any], Faults]) -> Rule:
    def rule(given: Any, holder: Json) -> Faults:
        faults = judge(given)
        return [fault.below(label) for fault in faults] if faults else NONE

    return rule


def _objects(label: str, judge: Callable[[Any], Faults]) -> Rule:
    def rule(given: Any, holder: Json) -> Faults:
        if type(given) is not list or not given:
            return [_no_array(label, given)]
        found: list[Fault] = []
        for index, one in enumerate(given):
            if faults := judge(one):
                found += [fault.below(f"{label}[{index}]") for fault in faults]
                if len(found) > MOST:
                    break
        return found

    return rule


def _judge(field: Field, model: Model) -> Callable[[Any], Faults]:
    """What judges one value of a complex field."""
    if field.kind == "Resource":
        return _contained if field.name == "contained" else resource
    made = _made(model)
    if field.kind == "Reference":
        return _with(made, pointing(field.targets))
    if field.required_codes is not None:
        return _with(made, _concept(field.required_codes))
    return made.faults


def _with(made: Grammar, more: Callable[[Json], Faults]) -> Callable[[Any], Faults]:
    faults_of = made.faults

    def judge(given: Any) -> Faults:
        return faults_of(given) or more(given)

    return judge


def _coded(bound: Required) -> Primitive:
    codes = bound.codes
    return Primitive(lambda value: type(value) is str and value in codes, f"one of the codes {bound}")


def _concept(bound: Required) -> Callable[[Json], Faults]:
    def judge(concept: Json) -> Faults:
        for coding in concept.get("coding", ()):
            if coding.get("code") in bound.codes and coding.get("system") == bound.system:
                return NONE
        return [Fault("", "code-invalid", f"It needs a coding of the system {bound.system} with one of {bound}.")]

    return judge


def _misfit(path: str, given: Any, primitive: Primitive) -> Fault:
    if given is None:
        return Fault(path, "structure", "null may not stand here; leave the element out.")
    if isinstance(given, dict | list):
        return Fault(path, "structure", f"Here should be {primitive.looks}; there is {shown(given)}.")
    code = "code-invalid" if primitive.looks.startswith("one of the codes") and isinstance(given, str) else "value"
    return Fault(path, code, f"{shown(given)} should be {primitive.looks}.")


def _no_array(label: str, given: Any, name: str | None = None) -> Fault:
    if given == []:
        return Fault(label, "structure", f"An array may not be empty; leave {name or 'the element'} out.")
    return Fault(
        label,
        "structure",
        f"{name or label} may be given more than once, so it should be an array; there is {shown(given)}.",
    )


# Resources: for themselves, in a Bundle or Parameters, and contained in another. https://hl7.org/fhir/R4/references.html#contained


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
    within = [one for one in contained if isinstance(one, dict)] if isinstance(contained, list) else []
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
