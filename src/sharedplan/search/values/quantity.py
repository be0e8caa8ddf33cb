"""Quantities: numbers of something, found in whatever unit they were measured. https://hl7.org/fhir/R4/search.html#quantity

The index holds each quantity several times over, as pairs of a range (`values/number.py`) and a key that says of what:

    ""                                  as a bare number, whatever the unit
    http://unitsofmeasure.org|mg        by system and code
    |mg                                 by a code or a unit, whatever its system
    =kg                                 for UCUM: in the base units that all units of its dimension share
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sharedplan.errors import Incorrect
from sharedplan.fhir.paths import Visit
from sharedplan.search.expression import InRange
from sharedplan.search.parameters import Parameter
from sharedplan.search.values import number
from sharedplan.search.values.entry import capped, of_extensions
from sharedplan.search.values.escapes import plain, split
from sharedplan.search.values.units import canonical

UCUM = "http://unitsofmeasure.org"

_SAMPLE = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?")


def parse(parameter: Parameter, text: str) -> InRange:
    """The condition that `[prefix]number`, `number|system|code` or `number||code` asks for. Raises Incorrect."""
    parts = [plain(part) for part in split(text, "|")]
    if len(parts) not in (1, 3) or (len(parts) == 3 and not parts[2]):
        raise Incorrect(f"{parameter.code}: a quantity is a number, number|system|code or number||code")
    prefix, value, low, high = number.asked(parameter.code, parts[0])
    if len(parts) == 1:
        return InRange(parameter, prefix, value, low, high, ("",))
    system, code = parts[1:]
    if system == UCUM:
        found = [canonical(each, code) for each in (value, low, high)]
        if (units := {each[1] for each in found if each is not None}) and None not in found:
            value, low, high = (each[0] for each in found if each is not None)
            return InRange(parameter, prefix, value, low, high, (f"={units.pop()}",))
    return InRange(parameter, prefix, value, low, high, (capped(f"{system}|{code}"),))


def _keyed(value: Any, low: Decimal | None, high: Decimal | None, bounds: str, out: list[Any]) -> None:
    """The pairs of one quantity, whose unit is that of the Quantity `value`."""
    ends = [each for each in (low, high) if each is not None]
    if not ends or not all(number.fits(each) for each in ends):
        return
    span = (low, high, bounds)
    out.append((span, ""))
    system, code, unit = value.get("system"), value.get("code"), value.get("unit")
    if system is not None and code is not None:
        out.append((span, capped(f"{system}|{code}")))
    for name in dict.fromkeys(each for each in (code, unit) if each is not None):
        out.append((span, capped(f"|{name}")))
    if system == UCUM and code is not None:
        bases = [None if each is None else canonical(each, code) for each in (low, high)]
        units = {each[1] for each in bases if each is not None}
        if len(units) == 1 and len([each for each in bases if each is not None]) == len(ends):
            base_low, base_high = (None if each is None else each[0] for each in bases)
            if all(each is None or number.fits(each) for each in (base_low, base_high)):
                out.append(((base_low, base_high, bounds), f"={units.pop()}"))


def _quantity(value: Any, out: list[Any]) -> None:
    if "value" not in value:
        return
    exact = Decimal(value["value"])
    match value.get("comparator"):
        case "<":
            _keyed(value, None, exact, "()", out)
        case "<=":
            _keyed(value, None, exact, "(]", out)
        case ">":
            _keyed(value, exact, None, "()", out)
        case ">=":
            _keyed(value, exact, None, "[)", out)
        case _:
            _keyed(value, exact, exact, "[]", out)


def _range(value: Any, out: list[Any]) -> None:
    low, high = value.get("low", {}), value.get("high", {})
    from_ = Decimal(low["value"]) if "value" in low else None
    to = Decimal(high["value"]) if "value" in high else None
    if from_ is not None and to is not None and from_ > to:
        from_, to = to, from_
    _keyed(low or high, from_, to, f"{'[' if from_ is not None else '('}{']' if to is not None else ')'}", out)


def _sampled(value: Any, out: list[Any]) -> None:
    """The least and the greatest of the samples, each by the factor and from the origin."""
    origin = value.get("origin", {})
    samples = [Decimal(each) for each in value.get("data", "").split() if _SAMPLE.fullmatch(each)]
    if samples and "value" in origin:
        base, factor = Decimal(origin["value"]), Decimal(value.get("factor", 1))
        if not all(number.fits(each) for each in (base, factor, *samples)):
            return
        ends = sorted(base + each * factor for each in (min(samples), max(samples)))
        _keyed(origin, ends[0], ends[1], "[]", out)


def _money(value: Any, out: list[Any]) -> None:
    coded = {"system": "urn:iso:std:iso:4217", "code": value.get("currency")}
    _quantity({"value": value["value"], **coded} if "value" in value else {}, out)


_VISITS: dict[str, Visit] = {
    **dict.fromkeys(("Quantity", "Age", "Count", "Distance", "Duration"), _quantity),
    "Range": _range,
    "SampledData": _sampled,
    "Money": _money,
}

EXTRACT: Mapping[str, Visit] = {**_VISITS, "Extension": of_extensions(_VISITS)}
"""Datatype → how its pairs of a range and a key are added."""
