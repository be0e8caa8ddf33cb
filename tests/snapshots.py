"""All rows of a database, to be put into an empty one again and again: quicker than to write them as the service does.

https://www.postgresql.org/docs/current/sql-copy.html
"""

from io import BytesIO
from typing import NamedTuple

import asyncpg

COLUMNS = """
    SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""


class Rows(NamedTuple):
    """Those of one table, as COPY writes them."""

    schema: str
    table: str
    columns: list[str]
    text: bytes


class Snapshot(NamedTuple):
    """What a database held."""

    rows: list[Rows]
    numbers: list[tuple[str, int]]
    """How far each sequence had come."""


async def taken(operator: asyncpg.Connection, filled: str) -> Snapshot:
    """Of the tables that the query `filled` names first in each row."""
    rows = []
    for name, *_ in await operator.fetch(filled):
        columns = await operator.fetchval(COLUMNS, name)
        schema, _, table = name.rpartition(".")
        text = BytesIO()
        await operator.copy_from_table(table, schema_name=schema or "public", columns=columns, output=text)
        rows.append(Rows(schema or "public", table, columns, text.getvalue()))
    numbers = "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences WHERE last_value > 0"
    return Snapshot(rows, [(name, number) for name, number in await operator.fetch(numbers)])


async def put_back(operator: asyncpg.Connection, snapshot: Snapshot) -> None:
    """Into tables that are empty; triggers are not to be at work."""
    for schema, table, columns, text in snapshot.rows:
        await operator.copy_to_table(table, schema_name=schema, columns=columns, source=BytesIO(text))
    await operator.executemany(
        "SELECT setval($1::text::regclass, greatest($2, (SELECT last_value FROM pg_sequences "
        "WHERE format('%I.%I', schemaname, sequencename) = $1)))",
        snapshot.numbers,
    )
