"""What `sharedplan reindex` does in the database for added search parameters: their columns, indexes and states.

https://www.postgresql.org/docs/current/sql-altertable.html,
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY

A column is added without a look at the rows, and an index made while others write. Nothing is ever taken away: what is
retired keeps its column, empty in what is written from then on.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import asyncpg
import orjson

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Unavailable
from sharedplan.search import additions
from sharedplan.search.additions import FILLING, READY, RETIRED, Added, Unusable
from sharedplan.search.parameters import Column, Parameter, columns_of
from sharedplan.store import generations

ALONE = 7461980427
"""The advisory lock of whoever adds parameters."""

_TRIES = 40
_PAUSE = 0.25

_ACTIVE = """
    SELECT content::text FROM search_parameter WHERE status && ARRAY['active'] ORDER BY last_updated, id
"""

_COLUMNS = """
    SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""

_INVALID = "SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: rows that are new or have changed, rows that nobody asks for any more, and what cannot be
    done, with the reason. `parameters` are those to be filled."""

    filling: tuple[Added, ...]
    retiring: tuple[Added, ...]
    problems: tuple[str, ...]
    parameters: tuple[Parameter, ...]


async def alone(connection: asyncpg.Connection) -> bool:
    """Whether nobody else adds parameters, as long as the connection lasts."""
    return bool(await connection.fetchval(f"SELECT pg_try_advisory_lock({ALONE})"))


async def planned(connection: asyncpg.Connection, types: Sequence[str]) -> Plan:
    """What the active SearchParameters ask of these types, beside what is there; this process has taken it all on."""
    _, rows = await generations.added(connection)
    asked = [orjson.loads(row[0]) for row in await connection.fetch(_ACTIVE)]
    asked = [definition for definition in asked if not additions.is_shipped(definition)]
    wanted = {(type, each["code"], each["url"]) for each in asked for type in each["base"]}
    kept = {(row.type, row.code): row for row in rows if row.state != RETIRED}
    retiring = [
        replace(row, state=RETIRED)
        for key, row in kept.items()
        if row.type in types and (*key, row.definition["url"]) not in wanted
    ]
    for row in retiring:
        del kept[row.type, row.code]
    problems = [
        f"{_name(each)}: {', '.join(each['base'])} is not offered here" for each in asked if not additions.bases(each)
    ]
    filling: list[Added] = []
    found: list[Parameter] = []
    known = additions.all_definitions(asked)
    for definition in asked:
        for type in additions.bases(definition):
            if type not in types:
                continue
            additions.take_on(kept.values())
            try:
                parameter = additions.parameter(definition, type, known)
                await _check_kinds(connection, type, parameter)
            except Unusable as failure:
                problems.append(f"{_name(definition)}: {type}: {failure}")
                continue
            held = kept.get((type, definition["code"]))
            if held is not None and held.state == READY and _same(held, parameter, known):
                continue
            filling.append(Added(type, definition["code"], definition, FILLING))
            kept[type, definition["code"]] = filling[-1]
            found.append(parameter)
    additions.take_on(kept.values())
    return Plan(tuple(filling), tuple(retiring), tuple(problems), tuple(found))


async def add_columns(connection: asyncpg.Connection, parameter: Parameter) -> None:
    """Makes the parameter's columns where they are not there yet; whoever uses the table is waited for, shortly and
    anew. Raises Unavailable when it is in use all the time."""
    for table in _tables(parameter):
        there = {row[0] for row in await connection.fetch(_COLUMNS, table)}
        new = [each for each in columns_of([parameter]) if each.name not in there]
        if new:
            adding = ", ".join(f'ADD COLUMN IF NOT EXISTS "{each.name}" {each.kind}' for each in new)
            await _patiently(connection, f"ALTER TABLE {table} {adding}")
    await _patiently(connection, f"SELECT guard_table('{CATALOGUE[parameter.resource].table}')")


async def add_indexes(connection: asyncpg.Connection, parameter: Parameter) -> None:
    """Makes an index for each of the parameter's columns, as the shipped ones have them, and looks at the values for
    the planner."""
    name = CATALOGUE[parameter.resource].table
    columns = columns_of([parameter])
    for schema in ("public", "contained"):
        table = f'{schema}."{name}"'
        for column in columns:
            index = f'"{name}_{column.name}_idx"'
            using = _using(column)
            if not using:
                continue
            if await connection.fetch(_INVALID, f"{schema}.{index}"):  # it was given up half made
                await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema}.{index}")
            await connection.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {table} {using}")
        names = ", ".join(f'"{each.name}"' for each in columns)
        await connection.execute(f"ANALYZE {table} ({names})")


def _using(column: Column) -> str:
    """How an index on the column is made; "" for one that has none."""
    held = f'("{column.name}") WHERE "{column.name}" IS NOT NULL'
    match column.kind:
        case "text":
            return held
        case "tstzrange" | "numrange":
            return f"USING gist {held}"
        case "text[]":
            return f'USING gin ("{column.name}") WITH (fastupdate = false)'
    return ""


async def _check_kinds(connection: asyncpg.Connection, type: str, parameter: Parameter) -> None:
    """Raises Unusable when a column of the name is there from before, and holds something else."""
    there = {row[0]: row[1] for row in await connection.fetch(_COLUMNS, f'public."{CATALOGUE[type].table}"')}
    for column in columns_of([parameter]):
        held = there.get(column.name, column.kind)
        if held != column.kind:
            raise Unusable(f"the column {column.name} is there from before and holds {held}: choose another code")


def _tables(parameter: Parameter) -> tuple[str, ...]:
    table = CATALOGUE[parameter.resource].table
    return tuple(f'{schema}."{table}"' for schema in ("public", "past", "contained"))


def _same(row: Added, parameter: Parameter, known: dict[str, additions.Definition]) -> bool:
    """Whether the row's definition gives the same parameter."""
    try:
        own = {row.definition["url"]: row.definition}
        return additions.parameter(row.definition, row.type, {**known, **own}) == parameter
    except Unusable:
        return False


def _name(definition: additions.Definition) -> str:
    return f"SearchParameter/{definition['id']}"


async def _patiently(connection: asyncpg.Connection, statement: str) -> None:
    """Executes what needs a table for itself. A long wait would make everybody else queue behind it."""
    for _ in range(_TRIES):
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '300ms'")
                await connection.execute(statement)
            return
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(_PAUSE)
    raise Unavailable("a table is in use all the time; try again later")
