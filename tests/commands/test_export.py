"""`sharedplan export`: what is stored, a line each, as it goes in again."""

import json
from pathlib import Path

import pytest

from commands.on_database import Commands

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def sharedplan(database_url: str) -> Commands:
    return Commands(database_url)


def test_what_goes_out_goes_in_again_as_it_was(sharedplan: Commands, tmp_path: Path) -> None:
    assert sharedplan("load", DATA / "synthea-careteam.ndjson.gz").exit_code == 0
    result = sharedplan("export", "--to", tmp_path)
    assert result.exit_code == 0, result.output
    assert "CareTeam: 19" in result.stderr
    lines = (tmp_path / "CareTeam.ndjson").read_text().splitlines()
    assert len(lines) == 19
    assert [json.loads(line)["id"] for line in lines] == sorted(json.loads(line)["id"] for line in lines)
    assert {path.suffix for path in tmp_path.iterdir()} == {".ndjson"}
    (tmp_path / "AuditEvent.ndjson").unlink()
    again = sharedplan("load", tmp_path)
    assert again.exit_code == 0, again.output
    assert "created" not in again.stdout
    assert "updated" not in again.stdout


def test_a_number_keeps_its_digits_on_the_way_in_and_out(sharedplan: Commands, tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(
        '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"weight"},"valueQuantity":{"value":1.10}}'
    )
    assert sharedplan("load", file).exit_code == 0
    assert '"value":1.10}' in sharedplan("export", "--type", "Observation").stdout


def test_only_the_types_and_the_time_that_are_asked_for(sharedplan: Commands, tmp_path: Path) -> None:
    for id in ("a", "b"):
        file = tmp_path / f"{id}.json"
        file.write_text(json.dumps({"resourceType": "Patient", "id": id}))
        assert sharedplan("load", file).exit_code == 0
    ((later,),) = sharedplan.rows("SELECT last_updated FROM patient WHERE id = 'b'")
    out = sharedplan("export", "--type", "Patient", "--since", later.isoformat()).stdout
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["b"]
    assert len(sharedplan("export", "--type", "Patient").stdout.splitlines()) == 2
    assert sharedplan("export", "--type", "Goal").stdout == ""


def test_an_export_is_on_record(sharedplan: Commands) -> None:
    assert sharedplan("export", "--type", "Patient", "--type", "Goal").exit_code == 0
    told = sharedplan.rows("SELECT trail->>'type' FROM audit_event WHERE trail->>'client_id' = 'sharedplan export'")
    assert sorted(told) == [("Goal",), ("Patient",)]


def test_a_time_without_offset_is_refused(sharedplan: Commands) -> None:
    result = sharedplan("export", "--since", "2026-01-01T00:00:00")
    assert result.exit_code == 2
    assert "with its offset" in result.stderr


def test_a_place_that_cannot_be_written_to_is_named(sharedplan: Commands, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = sharedplan("export", "--to", tmp_path / "taken" / "below")
    assert result.exit_code == 1
    assert "cannot write to" in result.stderr
