"""How Alembic meets the database: on the connection it is handed, else on the one that the settings name."""

import asyncio
from logging import WARNING, getLogger

from alembic import context
from sqlalchemy import Connection

from sharedplan.settings import Settings
from sharedplan.store.embedded import database
from sharedplan.store.migrations import engine_of
from sharedplan.store.tables import metadata

getLogger("alembic").setLevel(WARNING)


def run(connection: Connection) -> None:
    """Run what was asked for, each migration in a transaction of its own."""
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def run_by_settings() -> None:
    settings = Settings()
    secret = settings.database_url
    with database(secret.get_secret_value() if secret else None, settings.data_dir) as url:
        engine = engine_of(url)
        try:
            async with engine.connect() as connection:
                await connection.run_sync(run)
        finally:
            await engine.dispose()


if context.is_offline_mode():
    raise SystemExit("migrations run on a database, not into a file")
given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_by_settings())
