"""Fills the database with numbered clients and care plans, by PostgreSQL itself: a million plans take minutes.

A few templates are written through the service, so that every column and every index entry is what the service makes
of them; then each row is a template's row with its nine-digit numbers, its instant and nothing else replaced. This
knows no column by name but `id`, `last_updated` and `content`, so it follows the tables as they change.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import httpx

from benchmarks.population import PLANS_OF_A_CLIENT, STATUSES, Json, client, plan

TEMPLATES = 24
CHUNK = 20_000
SIDE_BY_SIDE = 2

PLAN_EPOCH = "2020-01-01 00:00:00+00"  # the filled rows' instants rise from here, a millisecond apart
CLIENT_EPOCH = "2019-01-01 00:00:00+00"


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource type to fill: its table, and which number and instant its rows have."""

    type: str
    table: str
    epoch: str


PLANS = Kind("CarePlan", "care_plan", PLAN_EPOCH)
CLIENTS = Kind("Patient", "patient", CLIENT_EPOCH)


def template_number(index: int) -> str:
    """The number of template plan `index`, nine digits."""
    return f"9980000{index:02}"


def template_client(index: int) -> str:
    """The number of the client of template plan `index`, nine digits."""
    return f"9990000{index:02}"


def templates() -> Iterator[tuple[str, Json]]:
    """The template clients and plans, each with its address: plans of every status, begun at different times."""
    for index in range(TEMPLATES):
        patient, plan_id = f"bench-{template_client(index)}", f"bench-{template_number(index)}"
        start = f"20{14 + index // 2}-0{1 + index % 9}-{11 + index % 17}"
        status = STATUSES[index % len(STATUSES)]
        body = plan(template_number(index), f"Patient/{patient}", status=status, start=start)
        yield f"Patient/{patient}", client(patient)
        yield f"CarePlan/{plan_id}", {"resourceType": "CarePlan", "id": plan_id, **body}


def write_templates(base: str, token: str) -> None:
    """PUT the templates through the service. Raises RuntimeError with the answer if one is refused."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    with httpx.Client(headers=headers, timeout=30) as http:
        for path, resource in templates():
            answer = http.put(f"{base}/{path}", json=resource)
            if answer.status_code not in (200, 201):
                raise RuntimeError(f"PUT {path} was answered {answer.status_code}: {answer.text[:2000]}")


def fill(url: str, first: int, last: int) -> float:
    """Add plans `first` up to, not including, `last`, with their clients and their versions; seconds that it took.

    Both must be multiples of PLANS_OF_A_CLIENT. Ends with VACUUM ANALYZE, so that the indexes are in order.
    """
    began = time.perf_counter()
    asyncio.run(_fill(url, first, last))
    return time.perf_counter() - began


async def _fill(url: str, first: int, last: int) -> None:
    pool = await asyncpg.create_pool(url, min_size=SIDE_BY_SIDE, max_size=SIDE_BY_SIDE, command_timeout=600)
    try:
        for kind, low, high in (
            (CLIENTS, first // PLANS_OF_A_CLIENT, last // PLANS_OF_A_CLIENT),
            (PLANS, first, last),
        ):
            statements = [
                await _copying(pool, kind, kind.table, "true"),
                await _copying(pool, kind, "resource_version", f"type = '{kind.type}'"),
            ]
            jobs = [(at, min(at + CHUNK, high)) for at in range(low, high, CHUNK)]
            await _work_off(pool, statements, jobs)
        for table in (CLIENTS.table, PLANS.table, "resource_version"):
            await pool.execute(f"vacuum analyze {table}")
        await pool.execute("checkpoint")
    finally:
        await pool.close()


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


async def _copying(pool: asyncpg.Pool, kind: Kind, table: str, where: str) -> str:
    """The statement that adds rows $1 up to $2 of the kind to the table, made from the templates' rows there."""
    columns = await pool.fetch(
        "select quote_ident(attname) as name, format_type(atttypid, atttypmod) as type from pg_attribute "
        "where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and attgenerated = '' order by attnum",
        table,
    )
    mark = "99[89]0000[0-9][0-9]"
    templates = f"{table} where {where} and id ~ '^bench-{mark}$'"
    instant = f"timestamptz '{kind.epoch}' + n * interval '1 millisecond'"
    served = f"""to_char(({instant}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    numbers = _replaced("{}", "plan_mark", "lpad(n::text, 9, '0')")
    client_number = "n" if kind is CLIENTS else f"n / {PLANS_OF_A_CLIENT}"
    numbers = _replaced(numbers, "client_mark", f"lpad(({client_number})::text, 9, '0')")
    made = []
    for column in columns:
        name, type_ = column["name"], column["type"]
        told = await pool.fetchval(f"select bool_or({name}::text ~ '{mark}') from {templates}")
        if name == "last_updated":
            made.append(instant)
        elif name == "content":
            made.append(f"{_replaced(numbers, 'stamp', served).format('t.content::text')}::{type_}")
        elif told:
            made.append(f"{numbers.format(f't.{name}::text')}::{type_}")
        else:
            made.append(f"t.{name}")
    names = ", ".join(column["name"] for column in columns)
    return f"""
        with t as (
            select *, row_number() over (order by id) - 1 as place, right(id, 2) as which,
                   '9980000' || right(id, 2) as plan_mark, '9990000' || right(id, 2) as client_mark,
                   content -> 'meta' ->> 'lastUpdated' as stamp
            from {templates}
        )
        insert into {table} ({names})
        select {", ".join(made)}
        from generate_series($1::bigint, $2::bigint - 1) as n join t on t.place = n % {TEMPLATES}
    """


def _replaced(inner: str, mark: str, by: str) -> str:
    return f"replace({inner}, t.{mark}, {by})"


def forget_others(url: str) -> None:
    """Take away what the measurements wrote: everything but the numbered rows, and the trail of it."""

    async def forget() -> None:
        connection = await asyncpg.connect(url, command_timeout=600)
        try:
            await connection.execute("delete from care_plan where id !~ '^bench-[0-9]{9}$'")
            await connection.execute("alter table resource_version disable trigger user")
            await connection.execute("delete from resource_version where id !~ '^bench-[0-9]{9}$'")
            await connection.execute("alter table resource_version enable trigger user")
            for table in ("care_plan", "resource_version", "audit_event"):
                await connection.execute(f"vacuum analyze {table}")
        finally:
            await connection.close()

    asyncio.run(forget())
