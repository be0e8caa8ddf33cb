"""Numbers, compared as exactly as they are written. https://hl7.org/fhir/R4/search.html#number

A number asked for means all that round to it: 100 is [99.5, 100.5), 1.00 is [0.995, 1.005); one with an exponent means
a tenth of that, as the standard's example has it: 1e2 is [95, 105). What is compared by size (gt, lt, ge, le, sa, eb)
is compared with the number itself. A number in a resource is itself.

The index holds ranges (low, high, bounds): bounds as PostgreSQL writes them, "[]" both included, None an open end.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any, TypeAlias

from sharedplan.errors import Incorrect
from sharedplan.fhir.paths import Visit
from sharedplan.search.expression import InRange
from sharedplan.search.parameters import Parameter
from sharedplan.search.values.entry import of_extensions

Range: TypeAlias = tuple[Decimal | None, Decimal | None, str]

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

_ASKED = re.compile(
    r"(?a)(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?(?P<number>[+\- ]?(?:\d{1,40})(?:\.\d{1,40})?(?:[eE][+\- ]?\d{1,3})?)"
)
_EXACT = Context(prec=500)
"""More digits than a number within the limits can have."""

_LARGEST_EXPONENT = 200
"""Beyond it a number is not indexed: PostgreSQL would write its zeros out."""


def parse(parameter: Parameter, text: str) -> InRange:
    """The condition that a prefix and a number ask for. Raises Incorrect for anything that is no number."""
    return InRange(parameter, *asked(parameter.code, text))


def asked(name: str, text: str) -> tuple[str, Decimal, Decimal, Decimal]:
    """(prefix, value, low, high) of a search value; no prefix is eq, and `ap` widens [low, high) to a tenth of the
    value on both sides. Raises Incorrect, naming the parameter."""
    found = _ASKED.fullmatch(text.strip())
    if found is None:
        raise Incorrect(
            f"{name}: a number is written as 100, 5.40 or 1e3, after one of {', '.join(PREFIXES)} or nothing"
        )
    value = Decimal(found["number"].replace(" ", "+"))
    if not fits(value):
        raise Incorrect(f"{name}: the number is out of range")
    prefix = found["prefix"] or "eq"
    low, high = meant(value, has_exponent="e" in text.lower())
    if prefix == "ap":
        tolerance = _EXACT.scaleb(abs(value), -1)
        low, high = min(low, _EXACT.subtract(value, tolerance)), max(high, _EXACT.add(value, tolerance))
    return prefix, value, low, high


def meant(value: Decimal, *, has_exponent: bool = False) -> tuple[Decimal, Decimal]:
    """[low, high) of all numbers that a number, as it is written, stands for."""
    exponent = value.as_tuple().exponent
    half = Decimal(5).scaleb((exponent if isinstance(exponent, int) else 0) - (2 if has_exponent else 1))
    return _EXACT.subtract(value, half), _EXACT.add(value, half)


def fits(value: Decimal) -> bool:
    """Whether the number can be kept and compared."""
    return value.is_finite() and abs(value.adjusted()) <= _LARGEST_EXPONENT


def exactly(value: Any) -> Range | None:
    """The range of one number of a resource; None when it cannot be kept."""
    number = Decimal(value)
    return (number, number, "[]") if fits(number) else None


def hull(ranges: Iterable[Range]) -> Range:
    """A range that encloses all of them."""
    lows, highs = [], []
    for low, high, _ in ranges:
        lows.append(low)
        highs.append(high)
    return (
        None if None in lows else min(low for low in lows if low is not None),
        None if None in highs else max(high for high in highs if high is not None),
        "[]",
    )


def holds(asked: InRange, ranges: Sequence[Range], keys: Sequence[str] | None) -> bool:
    """Whether one of an element's ranges meets the condition; `keys` say of what each of them is."""
    if not asked.keys:
        return any(_holds(asked, each) for each in ranges)
    return any(key in asked.keys and _holds(asked, each) for key, each in zip(keys or (), ranges, strict=True))


def _holds(asked: InRange, element: Range) -> bool:
    """The prefixes as the standard words them."""
    from_, to, bounds = element
    value, takes_from, takes_to = asked.value, bounds[0] == "[", bounds[1] == "]"
    within = (
        from_ is not None and to is not None and asked.low <= from_ and (to < asked.high or _ends(to, asked, bounds))
    )
    above = to is None or to > value
    below = from_ is None or from_ < value
    equal_top, equal_bottom = to == value and takes_to, from_ == value and takes_from
    match asked.prefix:
        case "eq":
            return within
        case "ne":
            return not within
        case "gt":
            return above
        case "lt":
            return below
        case "ge":
            return above or equal_top
        case "le":
            return below or equal_bottom
        case "sa":
            return from_ is not None and (from_ > value or (from_ == value and not takes_from))
        case "eb":
            return to is not None and (to < value or (to == value and not takes_to))
    begins = from_ is None or from_ < asked.high
    return begins and (to is None or to > asked.low or (to == asked.low and takes_to))  # ap: the two overlap


def _ends(to: Decimal, asked: InRange, bounds: str) -> bool:
    """Whether a range that ends at the very end asked for leaves that end out, as the other does."""
    return to == asked.high and bounds[1] == ")"


def _number(value: Any, out: list[Any]) -> None:
    if (found := exactly(value)) is not None:
        out.append(found)


_VISITS: dict[str, Visit] = dict.fromkeys(("decimal", "integer", "positiveInt", "unsignedInt"), _number)

EXTRACT: Mapping[str, Visit] = {**_VISITS, "Extension": of_extensions(_VISITS)}
"""Datatype → how its ranges are added."""
