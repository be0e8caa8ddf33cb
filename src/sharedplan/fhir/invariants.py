"""Invariants: what one is, the shapes that most of them have, and those of the datatypes.

Each is asked only of an object whose elements are known and of their types. Warnings of the standard (names fit for
code generators) are left out. https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sharedplan.fhir import identity_codes
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.moments import is_in_order

UCUM = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Invariant:
    """One constraint: its key, whether an object keeps it, the element to blame ("" is the object), and the sentence
    when it does not, which may depend on the object; `code` is that of the issue."""

    key: str
    holds: Callable[[Json], bool]
    at: str
    saying: str | Callable[[Json], str]
    severity: str = "error"
    code: str = "invariant"

    def told(self, it: Json) -> str:
        """The sentence about an object that breaks it, with its key."""
        saying = self.saying if isinstance(self.saying, str) else self.saying(it)
        return f"{saying} ({self.key})" if self.key else saying


def has(it: Json, *names: str) -> bool:
    """Whether any of the elements is there, be it only as the extensions of a primitive."""
    return any(name in it or f"_{name}" in it for name in names)


def chosen(it: Json, stem: str) -> bool:
    """Whether a choice (value[x]) is there in any of its forms."""
    return any(name.lstrip("_").startswith(stem) and name.lstrip("_") != stem for name in it)


def needs(key: str, name: str, *others: str) -> Invariant:
    """`name` may be there only together with one of the others."""
    wanted = " or ".join(others)
    return Invariant(
        key, lambda it: not has(it, name) or has(it, *others), others[0], f"{name} needs {wanted} beside it."
    )


def some(key: str, *names: str) -> Invariant:
    """At least one of these."""
    return Invariant(key, lambda it: has(it, *names), "", f"One of these is needed: {', '.join(names)}.")


def not_both(key: str, one: str, other: str) -> Invariant:
    """At most one of the two."""
    return Invariant(
        key, lambda it: not (has(it, one) and has(it, other)), one, f"Either {one} or {other} may be there, not both."
    )


def just_one(key: str, one: str, other: str) -> Invariant:
    """Exactly one of the two."""
    return Invariant(
        key, lambda it: has(it, one) != has(it, other), "", f"One of {one} and {other} is needed, not both."
    )


def only(key: str, name: str, when: Callable[[Json], bool], saying: str) -> Invariant:
    """`name` may be there only when something holds."""
    return Invariant(key, lambda it: not has(it, name) or when(it), name, saying)


def _is_ordered(it: Json) -> bool:
    low, high = it.get("low", {}), it.get("high", {})
    if low.get("code") != high.get("code") or low.get("system") != high.get("system"):
        return True  # other units: not ours to convert
    return "value" not in low or "value" not in high or bool(low["value"] <= high["value"])


def _has_value_or_extensions(it: Json) -> bool:
    besides = len(it) - sum(name in it for name in ("id", "url", "_url", "extension"))
    return (besides > 0) != ("extension" in it)


def _is_complete_ratio(it: Json) -> bool:
    return ("numerator" in it) == ("denominator" in it) and ("numerator" in it or "extension" in it)


def _is_ucum(it: Json) -> bool:
    return has(it, "code") >= has(it, "value") and it.get("system", UCUM) == UCUM


def _is_count(it: Json) -> bool:
    return _is_ucum(it) and it.get("code", "1") == "1" and "." not in str(it.get("value", 1))


def _identity_fault(it: Json) -> str:
    """What is wrong with the personal identity code that an Identifier has, "" when nothing or when it has none."""
    if it.get("system") != identity_codes.SYSTEM or "value" not in it:
        return ""
    return identity_codes.fault(it["value"]) or ""


def _is_duration(it: Json) -> bool:
    return not has(it, "code") or (it.get("system") == UCUM and has(it, "value"))


def _is_triggered(it: Json) -> bool:
    kind = str(it.get("type"))
    needed = {"named-event": "name", "periodic": "timing"}.get(kind, "data" if kind.startswith("data-") else "type")
    return has(it, needed) or chosen(it, needed)


_CODED = needs("qty-3", "code", "system")
_PATH = just_one("drq-1", "path", "searchParam")

OF_DATATYPES: Mapping[str, tuple[Invariant, ...]] = {
    "Age": (
        _CODED,
        Invariant(
            "age-1", lambda it: _is_ucum(it) and it.get("value", 1) > 0, "", "An age is above 0, in a unit of UCUM."
        ),
    ),
    # R4 calls it an error, yet data without contentType is common, and what it lacks can be told by the data.
    "Attachment": (replace(needs("att-1", "data", "contentType"), severity="warning"),),
    "ContactPoint": (needs("cpt-2", "value", "system"),),
    "Count": (_CODED, Invariant("cnt-3", _is_count, "", "A count is a whole number with the code 1 of UCUM.")),
    "DataRequirementCodeFilter": (_PATH,),
    "DataRequirementDateFilter": (_PATH,),
    "Distance": (_CODED, Invariant("dis-1", _is_ucum, "", "A distance has a unit of UCUM.")),
    "Duration": (_CODED, Invariant("drt-1", _is_duration, "", "A duration has a unit of UCUM.")),
    "Expression": (some("exp-1", "expression", "reference"),),
    "Extension": (
        Invariant("ext-1", _has_value_or_extensions, "", "An extension has either a value[x] or extensions within."),
    ),
    # Ours, not the standard's: a mistyped code is another person's, or nobody's.
    "Identifier": (Invariant("", lambda it: not _identity_fault(it), "value", _identity_fault, code="value"),),
    "Period": (
        Invariant(
            "per-1",
            lambda it: is_in_order(it.get("start"), it.get("end")),
            "end",
            "The end should not be before the start; give both as dates or both as times, so that it can be told.",
        ),
    ),
    "Quantity": (_CODED,),
    "Range": (Invariant("rng-2", _is_ordered, "low", "The low end of the range is above its high end."),),
    "Ratio": (Invariant("rat-1", _is_complete_ratio, "", "A ratio has a numerator and a denominator."),),
    "TimingRepeat": (
        needs("tim-1", "duration", "durationUnit"),
        needs("tim-2", "period", "periodUnit"),
        Invariant("tim-4", lambda it: it.get("duration", 0) >= 0, "duration", "A duration is not negative."),
        Invariant("tim-5", lambda it: it.get("period", 0) >= 0, "period", "A period is not negative."),
        needs("tim-6", "periodMax", "period"),
        needs("tim-7", "durationMax", "duration"),
        needs("tim-8", "countMax", "count"),
        only(
            "tim-9",
            "offset",
            lambda it: has(it, "when") and not {"C", "CM", "CD", "CV"} & set(it.get("when", ())),
            "An offset needs a when, and none of C, CM, CD and CV.",
        ),
        not_both("tim-10", "timeOfDay", "when"),
    ),
    "TriggerDefinition": (
        only("trd-1", "data", lambda it: not chosen(it, "timing"), "Either data or timing[x] may be there, not both."),
        needs("trd-2", "condition", "data"),
        Invariant(
            "trd-3", _is_triggered, "type", "A named event needs a name, a periodic one timing, a data event data."
        ),
    ),
}
