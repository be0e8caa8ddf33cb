"""The rule of one element: made of the smallest steps its definition needs, for most of the time of a check is here.

https://hl7.org/fhir/R4/json.html
"""

from collections.abc import Callable
from typing import Any

from sharedplan.fhir.codes import Required
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.faults import MOST, NONE, Fault, Faults
from sharedplan.fhir.models import Field
from sharedplan.fhir.narrative import faults as narrative_faults
from sharedplan.fhir.primitives import PRIMITIVES, Primitive, shown

Judge = Callable[[Any], Faults]
"""What judges one value; paths are relative to it."""

Rule = Callable[[Any, Json], Faults]
"""What judges one element: its value, and the object that holds it; paths are relative to that object."""

BARE = Fault("", "invariant", "An element needs a value or something inside; else leave it out. (ele-1)")


def of_primitive(field: Field) -> Rule:
    """The rule of an element of a primitive type, one or many."""
    if field.kind == "xhtml":
        return _narrative
    primitive = PRIMITIVES[field.kind] if field.required_codes is None else _coded(field.required_codes)
    return _primitives(field, primitive) if field.many else _primitive(field, primitive)


def of_object(field: Field, judge: Judge) -> Rule:
    """The rule of an element of a complex type, one or many; `judge` judges each."""
    return _objects(field.label, judge) if field.many else _object(field.label, judge)


def of_twin(field: Field, judge: Judge) -> Rule:
    """The rule of `_name`, the id and extensions of a primitive; `judge` judges each.

    https://hl7.org/fhir/R4/json.html#primitive
    """
    label, name = field.label, field.name

    def twin(given: Any, has_value: bool) -> Faults:
        if faults := judge(given):
            return faults
        return NONE if has_value or "extension" in given else [BARE]

    def one(given: Any, holder: Json) -> Faults:
        return [fault.below(label) for fault in twin(given, name in holder)]

    def many(given: Any, holder: Json) -> Faults:
        if type(given) is not list or not given:
            return [_no_array(label, given, f"_{name}")]
        values = holder.get(name)
        found: list[Fault] = []
        for index, each in enumerate(given):
            has_value = _has_at(values, index)
            if each is not None:
                found += [fault.below(f"{label}[{index}]") for fault in twin(each, has_value)]
            elif not has_value:
                found.append(Fault(f"{label}[{index}]", "structure", f"{name} and _{name} both have nothing here."))
            if len(found) > MOST:
                break
        return found

    return many if field.many else one


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


def _coded(bound: Required) -> Primitive:
    codes = bound.codes
    return Primitive(lambda value: type(value) is str and value in codes, f"one of the codes {bound}")


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
