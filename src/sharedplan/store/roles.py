"""The role that the service works under: what it needs, and whether it may do more than that.

A superuser passes every rule of the database, and the owner of a table may switch its triggers off: the audit would be
append-only by good will. So in production the tables belong to the role that migrates.
https://www.postgresql.org/docs/current/ddl-priv.html
"""

import asyncpg

from sharedplan.errors import Incorrect, Unavailable
from sharedplan.store.engine import FAILURES

_ROLE = """
    SELECT rolsuper, EXISTS (
        SELECT FROM pg_class
        WHERE relkind IN ('r', 'S') AND relnamespace::regnamespace::text IN ('public', 'past', 'contained')
            AND pg_has_role(current_user, relowner, 'MEMBER')
    ) AS owns
    FROM pg_roles WHERE rolname = current_user
"""


_GRANTS = """
    GRANT USAGE ON SCHEMA public, past, contained TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, past, contained TO {role};
    REVOKE UPDATE, DELETE ON resource_version, audit_event, audit_seal, access_opening FROM {role};
    REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role};
    GRANT SELECT, UPDATE ON SEQUENCE last_instant TO {role};
"""


async def grant(url: str, role: str) -> None:
    """Give a role all that the service needs of the newest schema; the one of that address must own it.

    Raises Incorrect when there is no such role, or when it may not be given.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        name = await connection.fetchval("SELECT format('%I', $1::text)", role)
        await connection.execute(_GRANTS.format(role=name))
    except asyncpg.PostgresError as failure:
        raise Incorrect(f"{role} cannot be given its rights: {failure}") from failure
    finally:
        await connection.close(timeout=5)


async def too_mighty(url: str) -> str | None:
    """Why the role of that address is not for production; None when it is.

    Raises Unavailable when the database does not answer.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            row = await connection.fetchrow(_ROLE)
        finally:
            await connection.close(timeout=5)
    except FAILURES as failure:
        raise Unavailable(f"{type(failure).__name__}: {failure}") from failure
    if row["rolsuper"]:
        return "the database role is a superuser, whom no rule of the database binds"
    if row["owns"]:
        return "the database role owns the tables (or may become their owner), so the audit is not safe from it"
    return None
