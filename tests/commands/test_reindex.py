"""`sharedplan reindex`: the tables of current resources follow from the versions, whatever became of them."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from commands.on_database import Commands

DATA = Path(__file__).parents[1] / "data"
ROWS = "SELECT r::text FROM encounter r ORDER BY id"


@pytest.fixture
def sharedplan(database_url: str) -> Commands:
    commands = Commands(database_url)
    assert commands("load", DATA / "synthea-careteam.ndjson.gz").exit_code == 0
    return commands


def execute(url: str, *statements: str) -> None:
    async def executed() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(executed())


def test_where_all_is_as_it_should_be_nothing_is_written(sharedplan: Commands) -> None:
    before = sharedplan.rows("SELECT xmin::text, r::text FROM encounter r ORDER BY id")
    result = sharedplan("reindex")
    assert result.exit_code == 0, result.output
    assert "Encounter: 190 resources, 0 rows mended" in result.stdout
    assert sharedplan.rows("SELECT xmin::text, r::text FROM encounter r ORDER BY id") == before


def test_what_was_lost_or_is_wrong_is_made_anew(sharedplan: Commands) -> None:
    before = sharedplan.rows(ROWS)
    execute(
        sharedplan.url,
        "UPDATE encounter SET status = NULL, patient = 'Patient/wrong' WHERE id IN (SELECT id FROM encounter LIMIT 7)",
        "DELETE FROM encounter WHERE id IN (SELECT id FROM encounter ORDER BY id DESC LIMIT 5)",
        "INSERT INTO encounter (id, version, last_updated, content) VALUES ('ghost', 1, now(), '{}')",
    )
    result = sharedplan("reindex", "--type", "Encounter")
    assert result.exit_code == 0, result.output
    assert sharedplan.rows(ROWS) == before
    assert "13 rows mended" in result.stdout or "12 rows mended" in result.stdout


def test_what_was_deleted_stays_deleted(sharedplan: Commands) -> None:
    ((id, version),) = sharedplan.rows("SELECT id, version FROM goal LIMIT 1")
    execute(
        sharedplan.url,
        f"INSERT INTO resource_version VALUES ('Goal', '{id}', {version + 1}, now(), 'delete', NULL, NULL, NULL, NULL)",
    )
    assert "1 rows mended" in sharedplan("reindex", "--type", "Goal").stdout
    assert sharedplan.rows(f"SELECT id FROM goal WHERE id = '{id}'") == []


def test_the_services_own_log_is_left_alone(sharedplan: Commands) -> None:
    before = sharedplan.rows("SELECT count(*) FROM audit_event")
    assert sharedplan("reindex", "--type", "AuditEvent").exit_code == 0
    assert sharedplan.rows("SELECT count(*) FROM audit_event") == before
