"""`sharedplan migrate`: the schema, and what the service publishes in it."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import asyncpg

from commands.on_database import Commands
from sharedplan import published
from sharedplan.catalogue import CATALOGUE
from sharedplan.clock import SystemClock
from sharedplan.fhir import json_text, resources
from sharedplan.publishing import publish
from sharedplan.store.engine import Pool
from sharedplan.store.readiness import is_prepared
from sharedplan.store.unit_of_work import Store

ROLE = "SearchParameter/CareTeam-role"
VERSIONS = "SELECT version, interaction, who FROM resource_version WHERE id = 'CareTeam-role' ORDER BY version"


def executed(url: str, sql: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(execute())


def test_what_is_published_is_valid_and_named_by_its_file() -> None:
    for name, text in published.texts().items():
        resource = json_text.read(text)
        assert name == f"{resource['resourceType']}/{resource['id']}"
        assert resource["resourceType"] in CATALOGUE
        assert resources.issues_of(resource["resourceType"], resource) == []


def test_it_is_stored_once_and_found_again(database_url: str) -> None:
    commands = Commands(database_url)
    assert not asyncio.run(is_prepared(database_url, published.texts()))
    told = commands("migrate")
    assert told.exit_code == 0, told.output
    assert f"published {ROLE}" in told.output
    assert asyncio.run(is_prepared(database_url, published.texts()))
    assert "published" not in commands("migrate").output
    ((version, interaction, who),) = commands.rows(VERSIONS)
    assert (version, interaction, json.loads(who)) == (1, "update", {"client": "sharedplan"})
    assert commands.rows("SELECT code FROM search_parameter WHERE id = 'CareTeam-role'") == [(["role", "|role"],)]
    recorded = "SELECT trail->>'client_id' FROM audit_event WHERE entity @> ARRAY['SearchParameter/CareTeam-role']"
    assert commands.rows(recorded) == [("sharedplan",)]


def test_what_was_deleted_or_changed_comes_back_as_a_new_version(database_url: str) -> None:
    commands = Commands(database_url)
    commands("migrate")
    for statement in (
        "INSERT INTO resource_version VALUES "
        "('SearchParameter', 'CareTeam-role', 2, now(), 'delete', NULL, NULL, NULL, NULL)",
        "DELETE FROM search_parameter WHERE id = 'CareTeam-role'",
        "UPDATE search_parameter SET content = replace(content::text, '\"active\"', '\"retired\"')::json "
        "WHERE id = 'CarePlan-episode-of-care'",
    ):
        executed(database_url, statement)
    assert not asyncio.run(is_prepared(database_url, published.texts()))
    assert commands("migrate").output.count("published") == 2
    assert [row[:2] for row in commands.rows(VERSIONS)] == [(1, "update"), (2, "delete"), (3, "update")]
    assert asyncio.run(is_prepared(database_url, published.texts()))


def test_two_that_publish_at_once_make_one_version(database_url: str) -> None:
    found: list[list[str]] = []

    def published_by_one() -> None:
        async def run() -> list[str]:
            pool = Pool(database_url, size=1)
            try:
                return await publish(Store(pool), SystemClock(), base="")
            finally:
                await pool.close()

        found.append(asyncio.run(run()))

    threads = [threading.Thread(target=published_by_one) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(map(len, found)) == [0, 0, len(published.texts())]


def test_a_schema_of_an_unknown_release_ends_with_what_to_do(bare_database_url: str, tmp_path: Path) -> None:
    executed(bare_database_url, "CREATE TABLE alembic_version (version_num varchar(32))")
    executed(bare_database_url, "INSERT INTO alembic_version VALUES ('2020_01_01_0000')")
    told: Any = Commands(bare_database_url)("migrate")
    assert told.exit_code == 1
    assert "2020_01_01_0000, which this release does not know" in told.output
    assert "sharedplan load" in told.output
    assert "Traceback" not in told.output
