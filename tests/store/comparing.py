"""Rows of index values in temporary tables, so that compiled conditions can be asked of them."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import asyncpg

from sharedplan.search import expression as e
from sharedplan.search.parameters import columns
from sharedplan.store.compile import condition
from sharedplan.store.projection import projection
from sharedplan.store.statements import Statement
from sharedplan.store.types import ENCODERS, placeholder

ROW = dict[str, Any]
"""`id`, `at` (when it was last updated) and `values`, by column."""

START = datetime(2024, 1, 1, tzinfo=UTC)


def encoded(type: str, values: ROW) -> list[Any]:
    found = [(column, values[column.name]) for column in columns(type)]
    return [None if value is None else ENCODERS[column.kind](value) for column, value in found]


class Database:
    """A connection with a temporary table for each type asked about, in the place of the type's own; driven from tests
    that are not async."""

    def __init__(self, url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.connection = self.loop.run_until_complete(asyncpg.connect(url))

    def close(self) -> None:
        self.loop.run_until_complete(self.connection.close())
        self.loop.close()

    def make(self, type: str) -> None:
        kinds = {"lookup": "tsvector", "words": "tsvector"}
        declared = "".join(f', "{each.name}" {kinds.get(each.kind, each.kind)}' for each in columns(type))
        own = 'id text collate "C", last_updated timestamptz'
        self.run(f"create temporary table if not exists {projection(type).table} ({own}{declared})")
        self.run(f"truncate pg_temp.{projection(type).table}")

    def insert(self, type: str, rows: list[ROW]) -> None:
        marks = ", ".join(["$1", "$2", *(placeholder(each.kind, n) for n, each in enumerate(columns(type), 3))])
        sent = [(row["id"], row["at"], *encoded(type, row["values"])) for row in rows]
        self.loop.run_until_complete(
            self.connection.executemany(f"insert into pg_temp.{projection(type).table} values ({marks})", sent)
        )

    def run(self, sql: str, *parameters: Any) -> list[Any]:
        found: list[Any] = self.loop.run_until_complete(self.connection.fetch(sql, *parameters))
        return found

    def found(
        self,
        type: str,
        expression: e.Expression,
        *,
        seen: Mapping[str, e.Expression] = MappingProxyType({}),
        is_anchored: bool = False,
    ) -> set[str]:
        """The ids of the rows that the compiled condition selects."""
        statement = Statement(["unused"], seen)
        sql = condition(statement, expression, type, "it", is_anchored=is_anchored)
        sql = f"select id from {projection(type).table} it where $1 <> '' and {sql}"
        return {row["id"] for row in self.run(sql, *statement.parameters)}
