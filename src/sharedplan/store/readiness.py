"""Whether requests can be served: the database answers, its schema is ours, and the audit can be written."""

from collections.abc import Mapping

import asyncpg

from sharedplan.errors import Unavailable
from sharedplan.store import guard
from sharedplan.store.engine import FAILURES, Pool, meaning
from sharedplan.store.publication import has_all
from sharedplan.store.schema import at_head


async def readiness(pool: Pool) -> Mapping[str, bool]:
    """The checks by name: database, schema, audit.

    Raises Unavailable when the database does not answer.
    """
    connection = await pool.acquire()
    try:
        schema = await at_head(connection)
        audit = schema and await connection.fetchval(
            "SELECT has_table_privilege('audit_event', 'INSERT') AND NOT pg_is_in_recovery()"
        )
    except BaseException as failure:
        pool.discard(connection)
        if isinstance(failure, FAILURES):
            raise meaning(failure) from None
        raise
    pool.release(connection)
    return {"database": True, "schema": schema, "audit": bool(audit)}


async def is_prepared(url: str, published: Mapping[str, str]) -> bool:
    """Whether the database at that address is at the schema of this code, and has what is `published` (reference →
    JSON text) as it is.

    Raises Unavailable when it does not answer; the text says why, for the operator.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10, server_settings={"search_path": guard.PATH})
        try:
            return await at_head(connection) and await has_all(connection, published)
        finally:
            await connection.close(timeout=5)
    except FAILURES as failure:
        raise Unavailable(f"{type(failure).__name__}: {failure}") from failure
