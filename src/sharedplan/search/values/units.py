"""Units of measure: a value in any code of UCUM, told in base units, so that 1 g and 1000 mg are one.

https://ucum.org/ucum, https://hl7.org/fhir/R4/search.html#quantity

`fhir/definitions/units.json` has the prefixes and units of UCUM 2.2, each with its definition as published:

    "[lb_av]": "7000 [gr]"     a number and a code that may be built of other units
    "N": "*1 kg.m/s2"          with a star it takes prefixes
    "Cel": "*1 K +273.15"      a special unit: the last number is added to a value before the rest is applied
    "m": "*", "[iU]": "*"      no definition: a base unit, or one that no other unit can be converted to

Without definition are the base units, the arbitrary units and the logarithmic ones (pH, decibel): the order of pH
values is that of acidity turned round, so they are compared among themselves. An annotation is the unity, as UCUM has
it: {score} is 1, and mg{creatinine} is mg. Mass is told in kg. Amounts are numbers of particles, as UCUM has it: a
mole is 6.02214076e23.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from typing import TypeAlias

import orjson

LONGEST = 64
"""No code in use is longer, in characters."""

FARTHEST = 400
"""No value or factor is larger than 10 to this power, or smaller than 10 to its opposite."""

Powers: TypeAlias = dict[str, int]

_WIDE = Context(prec=120, traps=[])
_KEPT = Context(prec=34, traps=[])  # what a quotient without end, as 70 /min, is rounded to
_SYMBOL = r"10[*^]|(?:[^\d\s./(){}\[\]+\-]|\[[^\[\]{}\s]+\])+"
_PIECE = re.compile(
    rf"(?a)(?:(?P<symbol>{_SYMBOL})(?P<power>[+-]?\d{{1,2}}(?!\d))?|(?P<number>\d+)|(?P<open>\())?"
    r"(?P<annotation>\{[!-z|~]*\})?"
)


class _NotUcum(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Conversion:
    """(value + plus) · times / by is in units of `base`."""

    plus: Decimal
    times: Decimal
    by: Decimal
    base: str


@dataclass(frozen=True, slots=True)
class _Table:
    prefixes: Mapping[str, Fraction]
    units: Mapping[str, str]
    order: Mapping[str, int]


def canonical(value: Decimal, code: str) -> tuple[Decimal, str] | None:
    """The value in base units without trailing zeros, and the code of those units ("kg.m-3"; "1" for a mere number).

    Commensurable codes have the same base. Values are exact to 34 digits, and equal ones stay equal. None for what is
    no code of UCUM, for special units in products, and for values or units beyond 10^±400.
    """
    if len(code) > LONGEST or not value.is_finite() or (value and abs(value.adjusted()) > FARTHEST):
        return None
    if (known := _conversion(code)) is None:
        return None
    shifted = _WIDE.add(value, known.plus) if known.plus else value
    found = _KEPT.divide(_WIDE.multiply(shifted, known.times), known.by)
    return (found.normalize(_KEPT) if found else Decimal()), known.base


@lru_cache(maxsize=4096)
def _conversion(code: str) -> _Conversion | None:
    try:
        factor, powers, plus = _special(code) or (*_product(code), Decimal())
    except _NotUcum:
        return None
    if mass := powers.get("g", 0):
        factor /= Fraction(1000) ** mass
    times, by = Decimal(factor.numerator), Decimal(factor.denominator)
    if abs(times.adjusted() - by.adjusted()) > FARTHEST:
        return None
    return _Conversion(plus, times, by, _text(powers))


def _special(code: str) -> tuple[Fraction, Powers, Decimal] | None:
    """The conversion when the code is that of a special unit (Cel) with or without prefix; None for any other."""
    bare, brace, annotation = code.partition("{")
    prefix, definition = _named(bare)
    if definition is None or " +" not in definition or (brace and not _PIECE.fullmatch(brace + annotation)):
        return None
    rest, _, plus = definition.partition(" +")
    factor, powers = _defined(rest)
    offset = Fraction(plus) / prefix
    return factor * prefix, powers, _WIDE.divide(Decimal(offset.numerator), Decimal(offset.denominator))


def _product(code: str) -> tuple[Fraction, Powers]:
    """What a code of units, powers, products and quotients, read from left to right, is in units without definition.

    Raises _NotUcum.
    """
    (factor, powers), at = _term(code, 0)
    if at != len(code):
        raise _NotUcum
    return factor, {symbol: power for symbol, power in powers.items() if power}


def _term(code: str, at: int) -> tuple[tuple[Fraction, Powers], int]:
    """The product that begins there, and where it ends: at a closing bracket or the end of the code."""
    factor, powers = Fraction(1), dict[str, int]()
    sign = 1
    if code[at : at + 1] == "/":
        sign, at = -1, at + 1
    while True:
        (by, of), at = _component(code, at)
        factor *= by**sign
        for symbol, power in of.items():
            powers[symbol] = powers.get(symbol, 0) + sign * power
        following = code[at : at + 1]
        if following not in {".", "/"}:
            return (factor, powers), at
        sign, at = (1 if following == "." else -1), at + 1


def _component(code: str, at: int) -> tuple[tuple[Fraction, Powers], int]:
    found = _PIECE.match(code, at)
    if found is None or found.end() == at:
        raise _NotUcum
    if found["open"]:
        inner, end = _term(code, found.end("open"))
        if code[end : end + 1] != ")":
            raise _NotUcum
        note = _PIECE.match(code, end + 1)
        return inner, note.end() if note and note["annotation"] and note.start("annotation") == end + 1 else end + 1
    if found["symbol"]:
        return _raised(found["symbol"], int(found["power"] or 1)), found.end()
    if found["number"]:
        number = int(found["number"])
        if not number:
            raise _NotUcum
        return (Fraction(number), {}), found.end()
    return (Fraction(1), {}), found.end()


def _raised(symbol: str, power: int) -> tuple[Fraction, Powers]:
    prefix, definition = _named(symbol)
    if definition is None or " +" in definition:
        raise _NotUcum
    if definition in {"", "*"}:
        factor, powers = prefix, {symbol if prefix == 1 else _without_prefix(symbol): 1}
    else:
        factor, powers = _defined(definition)
        factor *= prefix
    return factor**power, {each: of * power for each, of in powers.items()}


def _named(symbol: str) -> tuple[Fraction, str | None]:
    """The prefix's factor and the definition of a unit; (1, None) when there is none of that name."""
    table = _table()
    if (definition := table.units.get(symbol)) is not None:
        return Fraction(1), definition
    unit = _without_prefix(symbol)
    definition = table.units.get(unit, "")
    if unit != symbol and definition.startswith("*"):
        return table.prefixes[symbol.removesuffix(unit)], definition
    return Fraction(1), None


def _without_prefix(symbol: str) -> str:
    """The symbol without the prefix that leaves the name of a unit; itself when none does."""
    table = _table()
    for length in (2, 1):
        if symbol[:length] in table.prefixes and symbol[length:] in table.units:
            return symbol[length:]
    return symbol


@lru_cache(maxsize=512)
def _defined(definition: str) -> tuple[Fraction, Powers]:
    number, _, code = definition.lstrip("*").partition(" ")
    factor, powers = _product(code)
    return Fraction(number) * factor, powers


def _text(powers: Powers) -> str:
    order = _table().order
    told = (
        f"{'kg' if symbol == 'g' else symbol}{'' if powers[symbol] == 1 else powers[symbol]}"
        for symbol in sorted(powers, key=order.__getitem__)
    )
    return ".".join(told) or "1"


@lru_cache(maxsize=1)
def _table() -> _Table:
    read = orjson.loads(files("sharedplan.fhir").joinpath("definitions/units.json").read_bytes())
    units: dict[str, str] = read["units"]
    return _Table(
        {name: Fraction(factor) for name, factor in read["prefixes"].items()},
        units,
        {symbol: number for number, symbol in enumerate(units)},
    )
