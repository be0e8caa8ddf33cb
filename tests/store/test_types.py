"""Index values on their way into columns and back."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from asyncpg import Range

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.parameters import columns
from sharedplan.store.engine import Pool
from sharedplan.store.types import ENCODERS, placeholder

EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        ("text", "Patient/1", "Patient/1"),
        ("text[]", ["a", "ä|\U0001f600", ""], ["a", "ä|\U0001f600", ""]),
        ("text[]", [], None),
        ("text[]", ["NULL", "{}", "a,b", " ", 'say "no"'], ["NULL", "{}", "a,b", " ", 'say "no"']),
        ("text[]", ["\\", 'a\\"b', "line\nbreak\ttab", "\x7f\x01"], ["\\", 'a\\"b', "line\nbreak\ttab", "\x7f\x01"]),
        ("tstzrange", (NOON, LATER), Range(NOON, LATER)),
        ("tstzrange", (NOON, None), Range(NOON, None)),
        ("tstzrange", (None, NOON), Range(None, NOON)),
        ("tstzrange", (None, None), Range(None, None)),
        ("tstzrange[]", [(NOON, None), (None, NOON)], [Range(NOON, None), Range(None, NOON)]),
        ("numrange", (Decimal("1.095"), Decimal("1.105"), "[)"), Range(Decimal("1.095"), Decimal("1.105"))),
        ("numrange", (Decimal(1), Decimal(1), "[]"), Range(Decimal(1), Decimal(1), upper_inc=True)),
        ("numrange[]", [(None, Decimal(1), "()")], [Range(None, Decimal(1), lower_inc=False)]),
        ("float8[]", (60.25, -24.5), [60.25, -24.5]),
    ],
)
async def test_a_value_comes_back_as_it_went(pool: Pool, kind: str, value: Any, stored: Any) -> None:
    connection = await pool.acquire()
    assert await connection.fetchval(f"SELECT {placeholder(kind, 1)}", ENCODERS[kind](value)) == stored
    pool.release(connection)


async def test_the_ends_of_time_are_within_reach(pool: Pool) -> None:
    """The first and the last instant that FHIR can write order before and after all others."""
    connection = await pool.acquire()
    early, late = ENCODERS["tstzrange"]((EARLIEST, NOON)), ENCODERS["tstzrange"]((NOON, LATEST))
    assert await connection.fetchval("SELECT $1::tstzrange << $2::tstzrange", early, late)
    assert await connection.fetchval("SELECT $1::tstzrange @> '0001-01-02'::timestamptz", early)
    assert await connection.fetchval("SELECT $1::tstzrange @> '9999-12-31'::timestamptz", late)
    pool.release(connection)


def test_every_kind_of_column_can_be_sent() -> None:
    assert {column.kind for type in CATALOGUE for column in columns(type)} <= ENCODERS.keys()
