"""The role that the service works under: what it needs, and whether it may do more than that.

A superuser passes every rule of the database, and the owner of a table may switch its triggers off: the audit would be
append-only by good will. So the tables belong to the role that migrates, and the service's may read none of them: it
has the views of the second guard (`store/guard.py`), and the functions that judge.
https://www.postgresql.org/docs/current/ddl-priv.html
"""

import asyncpg

from sharedplan.errors import Incorrect, Unavailable
from sharedplan.store.engine import FAILURES

_ROLE = """
    SELECT rolsuper, EXISTS (
        SELECT FROM pg_class
        WHERE relkind IN ('r', 'S', 'v')
            AND relnamespace::regnamespace::text IN ('public', 'past', 'contained', 'guarded')
            AND pg_has_role(current_user, relowner, 'MEMBER')
    ) AS owns, coalesce(has_table_privilege(to_regclass('public.resource_version'), 'SELECT'), false) AS reads
    FROM pg_roles WHERE rolname = current_user
"""


_GRANTS = """
    REVOKE ALL ON ALL TABLES IN SCHEMA public, past, contained FROM {role};
    GRANT USAGE ON SCHEMA public, past, guarded TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA guarded TO {role};
    REVOKE UPDATE, DELETE ON guarded.resource_version, guarded.audit_event, guarded.access_opening FROM {role};
    GRANT INSERT ON ALL TABLES IN SCHEMA past TO {role};
    GRANT SELECT ON added_parameter, alembic_version, last_commit, audit_digest TO {role};
    GRANT SELECT, INSERT, DELETE ON client_assertion TO {role};
    GRANT SELECT, INSERT ON audit_seal TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON subscription_state, subscription_secret TO {role};
    GRANT SELECT, UPDATE ON SEQUENCE last_instant TO {role};
    DO $grant$
    DECLARE
        named regprocedure;
    BEGIN
        -- Ours, which run with their owner's rights; those of extensions are not ours to give.
        FOR named IN
            SELECT oid::regprocedure FROM pg_proc p
            WHERE pronamespace = 'public'::regnamespace AND prosecdef AND pg_has_role(proowner, 'USAGE')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {role}', named);
        END LOOP;
    END
    $grant$;
"""

_MAKE = """
    DO $make$ BEGIN
        CREATE ROLE {role} LOGIN;
    EXCEPTION WHEN duplicate_object THEN NULL;
    END $make$
"""

_OPERATES = """
    SELECT coalesce(has_table_privilege(t, 'SELECT') AND has_table_privilege(t, 'INSERT'), true)
    FROM (SELECT to_regclass('public.resource_version') AS t) table_of_versions
"""


async def make(url: str, role: str) -> None:
    """Make a role that may log in and no more, unless there is one; `role` is a plain name. For the embedded
    PostgreSQL, whose roles are nobody else's."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(_MAKE.format(role=role))
    finally:
        await connection.close(timeout=5)


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


async def may_operate(url: str) -> bool:
    """Whether the role of that address works on the tables themselves, as an operator must.

    Raises Unavailable when the database does not answer.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return bool(await connection.fetchval(_OPERATES))
        finally:
            await connection.close(timeout=5)
    except FAILURES as failure:
        raise Unavailable(f"{type(failure).__name__}: {failure}") from failure


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
    if row["reads"]:
        return "the database role may read the tables themselves, so the second guard does not bind it"
    return None
