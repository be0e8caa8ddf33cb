"""Whether the role that the service works under may do more than its work.

A superuser passes every rule of the database, and the owner of a table may switch its triggers off: the audit would be
append-only by good will. So in production the tables belong to the role that migrates.
https://www.postgresql.org/docs/current/ddl-priv.html
"""

import asyncpg

from sharedplan.errors import Unavailable
from sharedplan.store.engine import FAILURES

_ROLE = """
    SELECT rolsuper, EXISTS (
        SELECT FROM pg_class
        WHERE relkind IN ('r', 'S') AND relnamespace::regnamespace::text IN ('public', 'past')
            AND pg_has_role(current_user, relowner, 'MEMBER')
    ) AS owns
    FROM pg_roles WHERE rolname = current_user
"""


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
