"""The column types, and how index values travel to them: text as it is, arrays as text, pairs as PostgreSQL ranges.

https://www.postgresql.org/docs/current/rangetypes.html
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from asyncpg import Range

Encoder = Callable[[Any], Any]


def _range(value: tuple[Any, Any]) -> Range[Any]:
    """(low, high) as [low, high); None leaves that side open."""
    return Range(value[0], value[1])


def _ranges(values: list[tuple[Any, Any]]) -> list[Range[Any]] | None:
    return [Range(low, high) for low, high in values] or None


def _numbers(value: tuple[Any, Any, str]) -> Range[Any]:
    """(low, high, bounds); None leaves that side open."""
    low, high, bounds = value
    return Range(low, high, lower_inc=bounds[0] == "[", upper_inc=bounds[1] == "]")


def _ranges_of_numbers(values: list[tuple[Any, Any, str]]) -> list[Range[Any]] | None:
    return [_numbers(each) for each in values] or None


def _point(value: tuple[float, float]) -> list[float]:
    """(latitude, longitude)."""
    return list(value)


def array(values: Sequence[str]) -> str:
    """The text of a text[], for `$1::text::text[]`: of an array the driver asks each element what it is (150 times for
    a plan; 3 % of what its create takes the service, by a profile).
    https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO"""
    text = orjson.dumps(values).decode()
    if "\\" not in text:
        return f"{{{text[1:-1]}}}"
    quoted = (each.replace("\\", "\\\\").replace('"', '\\"') for each in values)
    return "{" + ",".join(f'"{each}"' for each in quoted) + "}"


def _texts(values: list[str]) -> str | None:
    """An absent array is null, never empty: one way to say nothing."""
    return array(values) if values else None


def _text(value: str) -> str:
    return value


ENCODERS: dict[str, Encoder] = {
    "text": _text,
    "text[]": _texts,
    "tstzrange": _range,
    "tstzrange[]": _ranges,
    "numrange": _numbers,
    "numrange[]": _ranges_of_numbers,
    "float8[]": _point,
    "lookup": _texts,
    "words": _text,
}
"""Kind of column → what turns an index value into what the driver sends; None never gets here, it is null anyway."""

_MADE = {
    "text[]": "${}::text::text[]",
    "lookup": "array_to_tsvector(${}::text::text[])",
    "words": "to_tsvector('finnish', ${}::text)",
}


def placeholder(kind: str, number: int) -> str:
    """What stands in a statement for the value of a column of that kind, which is its parameter of that number."""
    return _MADE.get(kind, "${}::" + kind).format(number)
