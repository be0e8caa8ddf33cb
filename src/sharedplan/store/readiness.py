"""Whether requests can be served: the database answers, its schema is ours, the audit can be written and the second
guard stands."""

from collections.abc import Mapping

import asyncpg

from sharedplan.errors import Unavailable
from sharedplan.store import guard
from sharedplan.store.engine import FAILURES, Pool, meaning
from sharedplan.store.publication import has_all
from sharedplan.store.schema import at_head

_AUDIT = "SELECT has_table_privilege('audit_event', 'INSERT') AND NOT pg_is_in_recovery()"
_GUARDED = """
    SELECT has_schema_privilege('guarded', 'USAGE') AND has_table_privilege('public.subscription_secret', 'INSERT')
        AND has_function_privilege('public.merge_indexes()', 'EXECUTE')
"""
_GRANTED = """
    SELECT has_schema_privilege($1::text::name, 'guarded', 'USAGE')
        AND has_table_privilege($1::text::name, 'public.subscription_secret', 'INSERT')
        AND has_function_privilege($1::text::name, 'public.merge_indexes()', 'EXECUTE')
"""


async def readiness(pool: Pool) -> Mapping[str, bool]:
    """The checks by name: database, schema, audit, guard.

    Raises Unavailable when the database does not answer.
    """
    connection = await pool.acquire()
    try:
        schema = await at_head(connection)
        audit = schema and await connection.fetchval(_AUDIT)
        # Without a right to the schema of the guard, PostgreSQL passes over it and takes the tables behind it.
        guarded = schema and (pool.is_unguarded or await connection.fetchval(_GUARDED))
    except BaseException as failure:
        pool.discard(connection)
        if isinstance(failure, FAILURES):
            raise meaning(failure) from None
        raise
    pool.release(connection)
    return {"database": True, "schema": schema, "audit": bool(audit), "guard": bool(guarded)}


async def is_prepared(url: str, published: Mapping[str, str], *, role: str | None = None) -> bool:
    """Whether the database at that address is at the schema of this code, has what is `published` (reference → JSON
    text) as it is, and gave the `role` its rights, if one is named.

    Raises Unavailable when it does not answer; the text says why, for the operator.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10, server_settings={"search_path": guard.PATH})
        try:
            if not await at_head(connection) or not await has_all(connection, published):
                return False
            return role is None or bool(await connection.fetchval(_GRANTED, role))
        finally:
            await connection.close(timeout=5)
    except FAILURES as failure:
        raise Unavailable(f"{type(failure).__name__}: {failure}") from failure


async def clients(url: str, most: int) -> frozenset[str]:
    """The ids of clients who are stored there, in whatever register, or ever were; no more than `most`. Raises
    Unavailable, as `is_prepared`."""
    asked = f"SELECT DISTINCT id FROM resource_version WHERE type = 'Patient' LIMIT {most:d}"
    try:
        connection = await asyncpg.connect(url, timeout=10, server_settings={"search_path": guard.PATH})
        try:
            return frozenset(each["id"] for each in await connection.fetch(guard.judging(asked)))
        finally:
            await connection.close(timeout=5)
    except FAILURES as failure:
        raise Unavailable(f"{type(failure).__name__}: {failure}") from failure
