"""The column types, and how index values travel to them: text and arrays as they are, pairs as PostgreSQL ranges.

https://www.postgresql.org/docs/current/rangetypes.html
"""

from collections.abc import Callable
from typing import Any

from asyncpg import Range

Encoder = Callable[[Any], Any]


def _range(value: tuple[Any, Any]) -> Range[Any]:
    """(low, high) as [low, high); None leaves that side open."""
    return Range(value[0], value[1])


def _ranges(values: list[tuple[Any, Any]]) -> list[Range[Any]] | None:
    return [Range(low, high) for low, high in values] or None


def _texts(values: list[str]) -> list[str] | None:
    """An absent array is null, never empty: one way to say nothing."""
    return values or None


def _text(value: str) -> str:
    return value


ENCODERS: dict[str, Encoder] = {
    "text": _text,
    "text[]": _texts,
    "tstzrange": _range,
    "tstzrange[]": _ranges,
    "numrange": _range,
    "numrange[]": _ranges,
}
"""SQL type → what turns an index value into what the driver sends; None never gets here, it is null anyway."""
