"""The schema's migrations, run by whoever starts the service: one at a time, and only forward.

https://alembic.sqlalchemy.org/en/latest/cookbook.html#sharing-a-connection-across-one-or-more-programmatic-migration-commands
"""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

_MIGRATORS = 7461980424
"""The advisory lock that lets one process migrate at a time."""

_TRIES = 5


class UnknownRevision(Exception):
    """The database's schema is none that this release knows; the text says what to do."""


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to a revision: "head", a later one by its name, or back by "-1" or "base".

    Waits for another process that is migrating. Runs a loop of its own: from a coroutine, call it in a thread.
    """
    asyncio.run(_migrate(url, revision))


def engine_of(url: str) -> AsyncEngine:
    """A SQLAlchemy engine for migrations. asyncpg reads the address itself, so it may say all that asyncpg knows."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, server_settings={"lock_timeout": "2s"})

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)


def directory() -> Path:
    """Where the migrations lie: beside `src`, or where the service was started. Raises FileNotFoundError."""
    for place in (Path(__file__).parents[3], Path.cwd()):
        if (place / "migrations" / "env.py").exists():
            return place / "migrations"
    raise FileNotFoundError("the directory `migrations` is neither beside `src` nor in the working directory")


async def _migrate(url: str, revision: str) -> None:
    engine = engine_of(url)
    guard = await asyncpg.connect(url, server_settings={"lock_timeout": "0", "statement_timeout": "0"})
    try:
        await guard.execute(f"SELECT pg_advisory_lock({_MIGRATORS})")
        for tries_left in reversed(range(_TRIES)):
            try:
                async with engine.connect() as connection:
                    await connection.run_sync(_run, revision)
                break
            except DBAPIError as failure:
                # A table in use is waited for shortly, and anew: a long wait would make everybody else queue behind.
                if getattr(failure.orig, "sqlstate", None) != "55P03" or not tries_left:
                    raise
                await asyncio.sleep(0.5)
    finally:
        await guard.close()
        await engine.dispose()


def _run(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(directory()).replace("%", "%%"))
    config.attributes["connection"] = connection
    _check_known(connection, ScriptDirectory.from_config(config))
    if revision.startswith("-") or revision == "base":
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _check_known(connection: Connection, known: ScriptDirectory) -> None:
    """Raises UnknownRevision for a schema that another release, or an earlier state of this one, made."""
    found = MigrationContext.configure(connection).get_current_heads()
    connection.rollback()  # so that each migration has a transaction of its own
    for revision in set(found) - {each.revision for each in known.walk_revisions()}:
        raise UnknownRevision(
            f"the database is at the schema {revision}, which this release does not know: a newer release made it, or "
            "one that was never released. Start that release again; or write the resources out by its `sharedplan "
            "export`, begin with a new data directory or an empty database, and `sharedplan load` them"
        )
