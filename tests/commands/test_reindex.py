"""`sharedplan reindex`: the tables of current resources follow from the versions, whatever became of them."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from commands.on_database import Commands
from databases import Server
from sharedplan.commands import adding
from sharedplan.search import additions
from sharedplan.search.filters import Asking, Unknown, filter
from sharedplan.store import generations
from snapshots import Snapshot

DATA = Path(__file__).parents[1] / "data"
ROWS = "SELECT r::text FROM encounter r ORDER BY id"


@pytest.fixture(scope="module")
def loaded(server: Server) -> Snapshot:
    """Real resources, as they are loaded."""
    with server.database() as url:
        assert Commands(url)("load", DATA / "synthea-careteam.ndjson.gz").exit_code == 0
        return server.snapshot(url)


@pytest.fixture
def sharedplan(server: Server, database_url: str, loaded: Snapshot) -> Commands:
    server.put_back(loaded)
    return Commands(database_url)


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


PARAMETER = {
    "resourceType": "SearchParameter",
    "id": "title",
    "url": "https://example.org/SearchParameter/title",
    "name": "Title",
    "status": "active",
    "description": "x",
    "code": "title",
    "base": ["CarePlan"],
    "type": "string",
    "expression": "CarePlan.title",
}


@pytest.fixture(scope="module")
def stored(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with a SearchParameter, to be copied."""
    file = tmp_path_factory.mktemp("stored") / "parameter.json"
    file.write_text(json.dumps(PARAMETER))
    with server.database() as url:
        assert Commands(url)("load", file).exit_code == 0
        yield url


@pytest.fixture
def added_to(server: Server, stored: str) -> Iterator[Commands]:
    """A database of its own, for its tables get another column; a SearchParameter is stored in it."""
    with server.database(like=stored) as url:
        yield Commands(url)
    additions.take_on([])


def reindexed_beside(commands: Commands, family: int) -> tuple[int, str]:
    """What becomes of a reindex while somebody holds on to the generation of before."""

    async def both() -> tuple[int, str]:
        connection = await asyncpg.connect(commands.url)
        try:
            await generations.locked(connection, family)
            result = await asyncio.to_thread(commands, "reindex", "--type", "CarePlan")
            return result.exit_code, result.output
        finally:
            await connection.close()

    return asyncio.run(both())


def test_who_writes_by_older_parameters_is_waited_for_and_the_next_reindex_goes_on(
    added_to: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "LONGEST_WAIT", 0.5)
    code, output = reindexed_beside(added_to, generations.WORKING)
    assert code == 1
    assert "still at work with the search parameters of before: processes of loads and other commands (1)" in output
    assert added_to.rows("SELECT code, state FROM added_parameter") == [("title", "filling")]
    with pytest.raises(Unknown, match="title of CarePlan is not indexed yet"):
        filter("CarePlan", "title", "x", Asking())
    assert "CarePlan: title can be searched by" in added_to("reindex", "--type", "CarePlan").output
    assert added_to.rows("SELECT code, state FROM added_parameter") == [("title", "ready")]


def test_only_one_adds_parameters_at_a_time(added_to: Commands) -> None:
    async def both() -> str:
        connection = await asyncpg.connect(added_to.url)
        try:
            await connection.execute("SELECT pg_advisory_lock(7461980427)")
            return (await asyncio.to_thread(added_to, "reindex", "--type", "CarePlan")).output
        finally:
            await connection.close()

    assert "another `sharedplan reindex` is at work" in asyncio.run(both())


def test_an_index_that_was_given_up_half_made_is_made_anew(added_to: Commands) -> None:
    execute(
        added_to.url,
        "ALTER TABLE care_plan ADD COLUMN title text[]",
        "CREATE INDEX care_plan_title_idx ON care_plan USING gin (title)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'care_plan_title_idx'::regclass",
    )
    assert added_to("reindex", "--type", "CarePlan").exit_code == 0
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'care_plan_title_idx'::regclass"
    assert added_to.rows(valid) == [(True,)]


def test_a_column_from_before_that_holds_something_else_is_told(added_to: Commands) -> None:
    execute(added_to.url, "ALTER TABLE care_plan ADD COLUMN title tstzrange")
    result = added_to("reindex", "--type", "CarePlan")
    assert result.exit_code == 1
    assert "SearchParameter/title: CarePlan: the column title is there from before and holds tstzrange" in result.output
