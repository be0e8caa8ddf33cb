"""Whether requests can be served: the database answers, its schema is ours, and the audit can be written."""

from collections.abc import Mapping

from sharedplan.store.engine import FAILURES, Pool, meaning
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
