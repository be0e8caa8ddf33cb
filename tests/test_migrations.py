"""The migrations make the tables that the code works on, forwards and backwards."""

import asyncio
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from builders import a_reference
from databases import ROLE, of_service
from exchange.cast import NIKO
from exchange.test_consultations import CLOSED, OPEN, a_message, a_question
from sharedplan.store.engine import Pool
from sharedplan.store.migrations import directory, engine_of, migrate
from sharedplan.store.roles import grant
from sharedplan.store.schema import HEAD, at_head
from sharedplan.store.tables import CONTAINED, PAST, metadata
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, written

CATALOG = """
    SELECT string_agg(thing, E'\\n' ORDER BY thing) FROM (
        SELECT attrelid::regclass || ' ' || attname || ' ' || format_type(atttypid, atttypmod) || attnotnull
            || attcollation AS thing
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace::regnamespace::text IN ('public', 'past', 'contained') AND attnum > 0 AND relkind = 'r'
        UNION ALL SELECT pg_get_indexdef(indexrelid) || coalesce(array_to_string(reloptions, ','), '')
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE relnamespace::regnamespace::text IN ('public', 'past', 'contained')
        UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(pg_constraint.oid)
        FROM pg_constraint WHERE connamespace::regnamespace::text IN ('public', 'past', 'contained')
    ) things WHERE thing NOT LIKE '%alembic_version%'
"""
"""All columns, indexes with their settings, and constraints, as one text."""


async def asked(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def is_at_head(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return await at_head(connection)
    finally:
        await connection.close()


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(directory()))
    return ScriptDirectory.from_config(config)


def test_they_climb_to_head_go_back_and_climb_again(bare_database_url: str) -> None:
    assert not asyncio.run(is_at_head(bare_database_url))
    migrate(bare_database_url)
    assert asyncio.run(is_at_head(bare_database_url))
    first = asyncio.run(asked(bare_database_url, CATALOG))
    for _ in scripts().walk_revisions():
        migrate(bare_database_url, "-1")
        assert not asyncio.run(is_at_head(bare_database_url))
    assert asyncio.run(asked(bare_database_url, CATALOG)) is None
    migrate(bare_database_url)
    assert asyncio.run(asked(bare_database_url, CATALOG)) == first


@pytest.mark.parametrize("granted_at", ["2026_11_28_0700", "head"])
def test_the_service_may_ask_the_guard_before_and_after(bare_database_url: str, granted_at: str) -> None:
    """Whose rights were given before a migration or going back needs no others to read."""
    guarded = """
        WITH stated AS MATERIALIZED (SELECT guard_open('asker', NULL, 'Organization/x') AS skipped)
        SELECT count(*) FROM guarded.resource_version t WHERE public.guard_knows(ARRAY['Patient/a', 'Patient/b'])
        OFFSET (SELECT skipped FROM stated)
    """
    before = "2026_11_28_0700"
    migrate(bare_database_url, granted_at)
    asyncio.run(grant(bare_database_url, ROLE))
    service = of_service(bare_database_url)
    for goes_back in (False, True, False):
        if not goes_back:
            migrate(bare_database_url)
        while goes_back and asyncio.run(asked(bare_database_url, "SELECT version_num FROM alembic_version")) != before:
            migrate(bare_database_url, "-1")
        assert asyncio.run(asked(service, guarded)) == 0
        assert asyncio.run(asked(service, "SELECT public.guard_knows('Patient/a')")) is False


async def test_nothing_has_drifted_from_the_tables(database_url: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True, "include_schemas": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    engine = engine_of(database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_the_tables_make_what_the_migrations_make(database_url: str, bare_database_url: str) -> None:
    """Alembic's comparison looks at neither index methods and settings nor collations; this one does."""
    engine = engine_of(bare_database_url)
    async with engine.begin() as connection:
        for schema in (PAST, CONTAINED):
            await connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    assert await asked(bare_database_url, CATALOG) == await asked(database_url, CATALOG)


def test_the_code_expects_the_newest_revision() -> None:
    assert scripts().get_heads() == [HEAD]


def test_revisions_are_named_by_their_dates_in_order() -> None:
    revisions = [each.revision for each in scripts().walk_revisions()][::-1]
    assert revisions == sorted(revisions)
    assert all(Path(each.path).name.startswith(each.revision) for each in scripts().walk_revisions())


def test_migrations_import_nothing_of_the_package() -> None:
    for script in (directory() / "versions").glob("*.py"):
        assert not re.search(r"^\s*(from|import) sharedplan", script.read_text(), re.MULTILINE)


def test_several_may_migrate_at_once(bare_database_url: str) -> None:
    with ThreadPoolExecutor(3) as migrators:
        list(migrators.map(migrate, [bare_database_url] * 3))
    assert asyncio.run(is_at_head(bare_database_url))


def test_the_command_line_takes_the_address_from_the_settings(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "downgrade", "-1"],
        cwd=directory().parent,
        env={"SHAREDPLAN_DATABASE_URL": database_url, "PYTHONPATH": str(directory().parent / "src"), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert asyncio.run(asked(database_url, "SELECT version_num FROM alembic_version")) != HEAD


async def test_a_table_in_use_is_waited_for(database_url: str) -> None:
    """A migration that meets a lock tries again rather than failing, and rather than making all others queue."""
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT 1 FROM care_plan")

    async def release_later() -> None:
        await asyncio.sleep(2.3)  # longer than one try waits
        await transaction.rollback()

    await asyncio.gather(release_later(), asyncio.to_thread(migrate, database_url, "base"))
    await connection.close()
    assert await asked(database_url, CATALOG) is None


async def test_consultations_that_were_stored_before_are_found_by_whom_they_ask(database_url: str) -> None:
    """What the migration fills in is what a write would; but for little that it leaves to `reindex`."""
    made = [
        *({**a_message(NIKO), **elements} for elements in (*OPEN.values(), *CLOSED.values())),
        *(a_question(NIKO, **elements) for elements in ({}, {"focus": a_reference("Task/1")}, {"status": "draft"})),
        a_question(NIKO, focus=a_reference("CarePlan/1")),
        {**a_question(NIKO), "code": {"text": "Muuta"}},
        {**a_question(NIKO), "for": a_reference("Patient/anna")},
    ]
    opened = Pool(database_url, size=2, unguarded=True)
    await written(Store(opened), *(a_change(each, id=f"x{n}") for n, each in enumerate(made)))
    await opened.close()
    sql = """
        SELECT string_agg(id, ' ' ORDER BY id) FROM (
            SELECT id, consulted FROM task UNION ALL SELECT id, consulted FROM communication
        ) t WHERE consulted IS NOT NULL
    """
    before = set((await asked(database_url, sql)).split())
    there = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'task'::regclass AND attname = 'consulted'"
    while await asked(database_url, there):
        await asyncio.to_thread(migrate, database_url, "-1")
    await asyncio.to_thread(migrate, database_url)
    after = set((await asked(database_url, sql)).split())
    places = {name: f"x{n}" for n, name in enumerate(OPEN)}
    left = {places[name] for name in ("display", "absolute", "by identifier, and a practitioner", "contained")}
    assert after == before - left
    assert len(after) == len(OPEN) - len(left) + 2
