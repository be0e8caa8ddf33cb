"""Fills the database with numbered clients, care plans and what lies around them, by PostgreSQL itself: a million plans
take minutes.

A few templates are written through the service, so that every column and every index entry is what the service makes
of them; then each row is a template's row with its nine-digit numbers, its instant and nothing else replaced. This
knows no column by name but `id`, `last_updated` and `content`, so it follows the tables as they change: a type's table
in whatever schema, a column of any kind that can be read from its own text.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import httpx

from benchmarks.population import (
    PLAN_EPOCH,
    PLANS_OF_A_CLIENT,
    PLANS_OF_A_PERFORMER,
    STRIDE,
    TEAMS_OF_A_MEMBER,
    VARIANTS,
    Json,
    client,
    start_of,
    status_of,
)
from benchmarks.surroundings import WHOLE_PLANS, whole_plan

CHUNK = 5_000
SIDE_BY_SIDE = 2

OWN_ID = "^bench-[0-9]{9}(-[0-9])?$"


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One resource type to fill, from templates whose numbers are marks: three digits that say of what, four zeros, and
    two digits that say which template.

    `numbers`: the first three digits → SQL of the number that takes the mark's place in row n; `own`: those of its own
    ids. `which`: SQL of the template of row n. The rows' instants rise from `epoch`, a millisecond apart.
    """

    type: str
    table: str
    epoch: str
    own: str
    numbers: Mapping[str, str]
    which: str = f"n % {VARIANTS}"

    @property
    def derived(self) -> tuple[str, str] | None:
        """The table of the rows that say what its resources mean for access, and its column that names them."""
        return DERIVED.get(self.type)

    @property
    def pattern(self) -> str:
        """The id of a template as a regular expression; what it is in parentheses: which it is, and its part."""
        return f"bench-{self.own}0000([0-9][0-9])(?:-([0-9]))?$"


DERIVED = {"Consent": ("access_rule", "consent"), "CareTeam": ("access_member", "team")}


def _spread(of_one: int) -> str:
    """As in `population.py`."""
    return f"n / {of_one * STRIDE} * {STRIDE} + n % {STRIDE}"


_OF_A_PLAN = {
    "999": f"n / {PLANS_OF_A_CLIENT}",
    "998": "n",
    "997": _spread(PLANS_OF_A_PERFORMER),
    "996": _spread(TEAMS_OF_A_MEMBER),
}
CLIENTS = Kind("Patient", "patient", "2019-01-01 00:00:00+00", "999", {"999": "n"})
OF_PLANS = (
    Kind("CareTeam", "care_team", "2019-02-01 00:00:00+00", "998", _OF_A_PLAN),
    Kind("CarePlan", "care_plan", f"{PLAN_EPOCH}", "998", _OF_A_PLAN),
)
OF_WHOLE_PLANS = (
    Kind("Goal", "goal", "2019-03-01 00:00:00+00", "998", _OF_A_PLAN),
    Kind("Condition", "condition", "2019-04-01 00:00:00+00", "998", _OF_A_PLAN),
    Kind("Encounter", "encounter", "2019-05-01 00:00:00+00", "998", _OF_A_PLAN),
    Kind("Task", "task", "2019-06-01 00:00:00+00", "998", _OF_A_PLAN),
)
KINDS = (CLIENTS, *OF_PLANS, *OF_WHOLE_PLANS)

Wanted = Sequence[tuple[Kind, range]]
"""What to fill in, and the numbers of the rows."""


def templates() -> Iterator[tuple[str, Json]]:
    """The template clients, plans and what lies around them, each with its address: one plan of each variant."""
    for variant in range(VARIANTS):
        of_client, of_plan, of_performer, of_member = (f"99{of}0000{variant:02}" for of in (9, 8, 7, 6))
        yield f"Patient/bench-{of_client}", client(f"bench-{of_client}")
        yield from whole_plan(
            of_plan,
            f"Patient/bench-{of_client}",
            performer=f"Practitioner/bench-{of_performer}",
            member=f"PractitionerRole/bench-{of_member}",
            status=status_of(variant),
            start=start_of(variant),
        )


def write_templates(base: str, token: str, written: Iterable[tuple[str, Json]] | None = None) -> None:
    """PUT the templates, or what else is to be `written`, through the service. Raises RuntimeError with the answer if
    one is refused."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    with httpx.Client(headers=headers, timeout=30) as http:
        for path, resource in templates() if written is None else written:
            answer = http.put(f"{base}/{path}", json=resource)
            if answer.status_code not in (200, 201):
                raise RuntimeError(f"PUT {path} was answered {answer.status_code}: {answer.text[:2000]}")


def delete(base: str, token: str, paths: Iterable[str]) -> None:
    """DELETE templates that nothing more is to be made of. Raises RuntimeError with the answer if one is refused."""
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        for path in paths:
            answer = http.delete(f"{base}/{path}")
            if answer.status_code not in (200, 204):
                raise RuntimeError(f"DELETE {path} was answered {answer.status_code}: {answer.text[:2000]}")


def fill(url: str, first: int, last: int) -> float:
    """Add plans `first` up to, not including, `last`, with what goes with them and all versions; seconds that it took.

    Both must be multiples of PLANS_OF_A_CLIENT. Ends with VACUUM ANALYZE, so that the indexes are in order.
    """
    clients = range(first // PLANS_OF_A_CLIENT, last // PLANS_OF_A_CLIENT)
    plans, whole = range(first, last), range(first, min(last, WHOLE_PLANS))
    wanted = [(CLIENTS, clients), *((kind, plans) for kind in OF_PLANS), *((kind, whole) for kind in OF_WHOLE_PLANS)]
    return fill_in(url, wanted)


def fill_in(url: str, wanted: Wanted) -> float:
    """Add the rows of these kinds, with their versions and what they mean for access; seconds that it took."""
    began = time.perf_counter()
    asyncio.run(_fill(url, wanted))
    return time.perf_counter() - began


async def _fill(url: str, wanted: Wanted) -> None:
    pool = await asyncpg.create_pool(url, min_size=SIDE_BY_SIDE, max_size=SIDE_BY_SIDE, command_timeout=1800)
    try:
        tables = {kind: await _tables(pool, kind.table) for kind, _ in wanted}
        everywhere = [table for those in tables.values() for table in those]
        everywhere += [kind.derived[0] for kind, _ in wanted if kind.derived is not None]
        async with _indexed_afterwards(pool, everywhere):
            for kind, numbers in wanted:
                statements = [await _copying(pool, kind, "resource_version", f"type = '{kind.type}'")]
                statements += [await _copying(pool, kind, table) for table in tables[kind]]
                if kind.derived is not None:
                    table, column = kind.derived
                    id = f"substr({column}, {len(kind.type) + 2})"
                    statements.append(
                        await _copying(pool, kind, table, f"{column} like '{kind.type}/bench-{kind.own}0000%'", id=id)
                    )
                jobs = [(at, min(at + CHUNK, numbers.stop)) for at in numbers[::CHUNK]]
                await _work_off(pool, [statement for statement in statements if statement], jobs)
        for table in (*everywhere, "resource_version"):
            await pool.execute(f"vacuum analyze {table}")
        await pool.execute("checkpoint")
    finally:
        await pool.close()


@asynccontextmanager
async def _indexed_afterwards(pool: asyncpg.Pool, tables: list[str]) -> AsyncIterator[None]:
    """Without the indexes of these tables, but for the unique ones, while the block runs: to make them again is three
    times as fast as to keep them. An error leaves them away."""
    indexes = await pool.fetch(
        "select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as made from pg_index "
        "where indrelid = any($1::text[]::regclass[]) and not indisunique",
        tables,
    )
    for index in indexes:
        await pool.execute(f"drop index {index['name']}")
    yield
    waiting = iter(indexes)

    async def one_after_another() -> None:
        async with pool.acquire() as connection:
            await connection.execute("set maintenance_work_mem = '512MB'")
            for index in waiting:
                await connection.execute(index["made"])

    await asyncio.gather(*(one_after_another() for _ in range(SIDE_BY_SIDE)))


async def _tables(asked: asyncpg.Pool | asyncpg.Connection, name: str) -> list[str]:
    """The tables of that name, in whatever schema."""
    found = await asked.fetch(
        "select c.oid::regclass::text from pg_class c join pg_namespace s on s.oid = c.relnamespace "
        "where c.relname = $1 and c.relkind = 'r' and s.nspname !~ '^pg_'",
        name,
    )
    return [row[0] for row in found]


async def _work_off(pool: asyncpg.Pool, statements: list[str], jobs: list[tuple[int, int]]) -> None:
    """Carry out the statements for every range of numbers, some ranges side by side."""
    waiting = iter(jobs)

    async def one_after_another() -> None:
        for low, high in waiting:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("set local synchronous_commit = off")
                for statement in statements:
                    await connection.execute(statement, low, high)

    await asyncio.gather(*(one_after_another() for _ in range(SIDE_BY_SIDE)))


async def _copying(pool: asyncpg.Pool, kind: Kind, table: str, where: str = "true", *, id: str = "id") -> str:
    """The statement that adds the rows of numbers $1 up to $2 to the table, made from the templates' rows there; empty
    when there are none. `id`: SQL of the id of the resource that a row belongs to."""
    templates = f"{table} where {where} and {id} ~ '^{kind.pattern}'"
    if not await pool.fetchval(f"select exists (select from {templates})"):
        return ""
    columns = await pool.fetch(
        "select quote_ident(attname) as name, format_type(atttypid, atttypmod) as type from pg_attribute "
        "where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and attgenerated = '' order by attnum",
        table,
    )
    # The parts of one plan are a microsecond apart, for no two resources share an instant.
    instant = f"timestamptz '{kind.epoch}' + n * interval '1 millisecond' + t.part * interval '1 microsecond'"
    served = f"""to_char(({instant}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    made = []
    for column in columns:
        name, type_ = column["name"], column["type"]
        text = f"t.{name}::text"
        for mark in await _marks(pool, kind, f"{name}::text", templates):
            text = f"replace({text}, '{mark}0000' || t.which, lpad(({kind.numbers[mark]})::text, 9, '0'))"
        if name == "last_updated" or (kind.derived is not None and table == kind.derived[0] and name == "updated"):
            made.append(instant)
        elif name == "content":
            made.append(f"replace({text}, t.stamp, {served})::{type_}")
        else:
            made.append(f"{text}::{type_}" if "replace" in text else f"t.{name}")
    names = ", ".join(column["name"] for column in columns)
    stamp = "content -> 'meta' ->> 'lastUpdated'" if "content" in names else "null"
    return f"""
        with t as (
            select *, (regexp_match({id}, '{kind.pattern}'))[1] as which,
                   coalesce((regexp_match({id}, '{kind.pattern}'))[2]::integer, 0) as part, {stamp} as stamp
            from {templates}
        )
        insert into {table} ({names})
        select {", ".join(made)}
        from generate_series($1::bigint, $2::bigint - 1) as n join t on t.which::integer = {kind.which}
    """


async def _marks(pool: asyncpg.Pool, kind: Kind, text: str, templates: str) -> list[str]:
    """The beginnings of the kind's marks that are somewhere in that text of the templates."""
    found = await pool.fetch(
        f"select distinct mark[1] from (select {text} as told from {templates}) t, "
        f"regexp_matches(told, '({'|'.join(kind.numbers)})0000[0-9][0-9]', 'g') mark order by 1"
    )
    return [row[0] for row in found]


def forget_others(url: str) -> None:
    """Take away what the measurements wrote: everything but the numbered rows, and the trail of it."""

    async def forget() -> None:
        connection = await asyncpg.connect(url, command_timeout=600)
        try:
            written = (*(kind.table for kind in KINDS), "provenance")
            tables = [table for name in written for table in await _tables(connection, name)]
            for table in (*tables, "resource_version"):
                await connection.execute(f"alter table {table} disable trigger user")
                await connection.execute(f"delete from {table} where id !~ '{OWN_ID}'")
                await connection.execute(f"alter table {table} enable trigger user")
            for table in (*tables, "resource_version", "audit_event"):
                await connection.execute(f"vacuum analyze {table}")
        finally:
            await connection.close()

    asyncio.run(forget())
