"""Which added search parameters a process works by, and how others find out that none works by older ones.

The table `added_parameter` counts its changes: each row has the generation that it was last changed in. Whoever writes
resources holds a shared advisory lock on the generation that it has taken on, for as long as anything of it may be
written. So when nobody holds an older one, every write fills the new columns; a process that dies lets go by dying.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import orjson

from sharedplan.search import additions
from sharedplan.search.additions import Added

Connection = asyncpg.Connection

SERVING, WORKING = 746198051, 746198052
"""The two families of locks: workers of the service, which follow every change, and commands that write, as a load
does, which keep what they began with."""

NEWEST = "SELECT coalesce(max(generation), 0) FROM added_parameter"

_ROWS = "SELECT type, code, definition::text AS definition, state, generation FROM added_parameter ORDER BY type, code"

_OLDER = """
    SELECT classid::bigint::integer AS family, count(*) AS n FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid::bigint = ANY($1::bigint[])
        AND objid::bigint < $2::bigint AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY 1
"""


async def added(connection: asyncpg.Connection) -> tuple[int, list[Added]]:
    """The newest generation, and what is added in it."""
    rows = await connection.fetch(_ROWS)
    found = [Added(row["type"], row["code"], orjson.loads(row["definition"]), row["state"]) for row in rows]
    return max((row["generation"] for row in rows), default=0), found


async def locked(connection: asyncpg.Connection, family: int) -> tuple[int, list[Added]]:
    """The same, with the lock on it held by the connection's session; to be taken on before anything is written."""
    while True:
        generation = await connection.fetchval(NEWEST)
        await connection.execute("SELECT pg_advisory_lock_shared($1::integer, $2::integer)", family, generation)
        newest, found = await added(connection)
        if newest == generation:
            return generation, found
        await unlock(connection, family, generation)  # it changed in between


async def unlock(connection: asyncpg.Connection, family: int, generation: int) -> None:
    """Lets go of a generation."""
    await connection.execute("SELECT pg_advisory_unlock_shared($1::integer, $2::integer)", family, generation)


async def older(connection: asyncpg.Connection, generation: int, families: Sequence[int]) -> dict[int, int]:
    """Family → how many processes of it still work by an older generation."""
    return {row["family"]: row["n"] for row in await connection.fetch(_OLDER, list(families), generation)}


async def connected(url: str) -> asyncpg.Connection:
    """A connection of its own for locks, which hold for as long as it does."""
    settings = {"application_name": "sharedplan generations", "timezone": "UTC", "lock_timeout": "0"}
    return await asyncpg.connect(url, timeout=5, server_settings=settings)


async def change(connection: asyncpg.Connection, changed: Sequence[Added]) -> int:
    """Puts these rows into the table, as one new generation; gives its number."""
    async with connection.transaction():
        await connection.execute("LOCK TABLE added_parameter IN EXCLUSIVE MODE")
        generation: int = await connection.fetchval(NEWEST) + 1
        await connection.executemany(
            """
            INSERT INTO added_parameter (type, code, definition, state, generation)
            VALUES ($1::text, $2::text, $3::text::json, $4::text, $5::integer)
            ON CONFLICT (type, code) DO UPDATE
            SET definition = excluded.definition, state = excluded.state, generation = excluded.generation
            """,
            [(each.type, each.code, json.dumps(each.definition), each.state, generation) for each in changed],
        )
    return generation


@asynccontextmanager
async def holding(url: str) -> AsyncIterator[None]:
    """What a command that writes works inside: what is added is taken on, and stays as it is meanwhile."""
    connection = await connected(url)
    try:
        _, found = await locked(connection, WORKING)
        additions.take_on(found)
        yield
    finally:
        await connection.close(timeout=5)
