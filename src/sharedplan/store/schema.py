"""Which schema this code works on: asked by every worker, so it needs neither Alembic nor SQLAlchemy."""

import asyncpg

HEAD = "2026_11_28_0800"
"""The newest revision in `migrations/`; a test compares the two."""


async def at_head(connection: asyncpg.Connection) -> bool:
    """Whether the database's schema is the one that this code expects."""
    try:
        found = await connection.fetch("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return False
    return [row[0] for row in found] == [HEAD]
