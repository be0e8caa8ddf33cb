"""How PostgreSQL would answer a statement, and what it looks at, by a plan of either kind.

EXPLAIN of a statement with parameters plans it for their values, whatever `plan_cache_mode` says; only that of a
prepared statement is of the plan that the service keeps for all values.
https://www.postgresql.org/docs/current/sql-prepare.html#SQL-PREPARE-NOTES
"""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

import asyncpg

_NUMBERS = count()


async def explained(
    connection: asyncpg.Connection, sql: str, values: Sequence[Any], mode: str, options: str = "VERBOSE"
) -> dict[str, Any]:
    """The plan of the statement in that `plan_cache_mode`."""
    name = f"explained_{next(_NUMBERS)}"
    await connection.execute(f"SET plan_cache_mode = {mode}")
    await connection.execute(f"PREPARE {name} AS {sql}")
    try:
        told = f"({', '.join(map(_literal, values))})" if values else ""
        found = await connection.fetchval(f"EXPLAIN ({options}, FORMAT JSON) EXECUTE {name}{told}")
    finally:
        await connection.execute(f"DEALLOCATE {name}")
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return plan


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int():
            return str(value)
        case list() | tuple():
            return f"ARRAY[{', '.join(map(_literal, value))}]"
        case asyncpg.Range():
            low, high = (_end(each) for each in (value.lower, value.upper))
            return f"'{'[' if value.lower_inc else '('}{low},{high}{']' if value.upper_inc else ')'}'"
        case datetime():
            return f"'{_end(value)}'"
    return "'" + str(value).replace("'", "''") + "'"


def _end(value: Any) -> str:
    """An end of a range, or an instant: for the driver the ends of the calendar are infinity."""
    if isinstance(value, datetime) and value.year in (datetime.min.year, datetime.max.year):
        return "infinity" if value.year == datetime.max.year else "-infinity"
    return "" if value is None else value.isoformat() if isinstance(value, datetime) else str(value)
