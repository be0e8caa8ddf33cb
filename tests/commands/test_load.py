"""`sharedplan load`: real files in, by several processes; counts, refusals, and an exit code that tells."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from commands.on_database import Commands

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def sharedplan(database_url: str) -> Commands:
    return Commands(database_url)


def test_real_bundles_go_in_and_a_second_load_changes_nothing(sharedplan: Commands) -> None:
    first = sharedplan("load", DATA / "synthea-careteam.ndjson.gz", "--organization", "Organization/south")
    assert first.exit_code == 0, first.output
    assert "loaded 344 resources" in first.stdout
    assert "refused 0" in first.stdout
    before = sharedplan.rows("SELECT count(*), max(last_updated) FROM resource_version")
    again = sharedplan("load", DATA / "synthea-careteam.ndjson.gz", "--organization", "Organization/south")
    assert again.exit_code == 0
    # One hospital is described in several bundles, each time with other figures: the last word stands.
    assert "created" not in again.stdout
    assert sharedplan.rows("SELECT count(*) FROM organization") == [(18,)]
    assert sharedplan.rows("SELECT DISTINCT controller FROM care_plan") == [("Organization/south",)]
    assert sharedplan.rows("SELECT count(*) FROM patient") == [(6,)]
    assert before[0][0] >= 344 - 2


def criteria(entry: dict[str, Any]) -> str:
    """What a conditional reference finds it by, or for a role the practitioner who has it."""
    of_whom = entry["resource"].get("practitioner", {}).get("identifier", {})
    return entry["request"].get("ifNoneExist") or f"identifier={of_whom['system']}|{of_whom['value']}"


@pytest.mark.parametrize("is_whole", [False, pytest.param(True, marks=pytest.mark.long)])
def test_conditional_references_find_what_the_files_before_made(
    sharedplan: Commands, tmp_path: Path, is_whole: bool
) -> None:
    """Of the 4,764 that the first file has, those that the second names; or all."""
    second = DATA / "synthea-conditional-refs.ndjson.gz"
    text = gzip.decompress(second.read_bytes()).decode()
    batches = gzip.decompress((DATA / "synthea-conditional-refs-first.ndjson.gz").read_bytes()).splitlines()
    made = [json.loads(each) for each in batches]
    for batch in made:
        batch["entry"] = [each for each in batch["entry"] if is_whole or criteria(each) in text]
        assert batch["entry"]
    first = tmp_path / "first.ndjson"
    first.write_text("\n".join(json.dumps(each) for each in made))
    result = sharedplan("load", first, second)
    assert result.exit_code == 0, result.output
    number = sum(len(json.loads(each)["entry"]) for each in text.splitlines()) + sum(
        len(each["entry"]) for each in made
    )
    assert f"loaded {number:,} resources" in result.stdout and (number == 5_383) is is_whole
    loose = (
        "SELECT count(*) FROM encounter WHERE service_provider IS NULL OR service_provider NOT LIKE 'Organization/%'"
    )
    assert sharedplan.rows(loose) == [(0,)]


def test_what_is_not_offered_is_left_out_and_named(sharedplan: Commands) -> None:
    file = min((DATA / "synthea-bundles-full").iterdir(), key=lambda each: each.stat().st_size)
    result = sharedplan("load", file)
    assert result.exit_code == 0, result.output
    assert "of types that are not offered" in result.stdout
    assert "Claim" in result.stdout
    strict = sharedplan("load", file, "--strict")
    assert strict.exit_code == 1
    assert "are of types that are not offered: " in strict.stderr


def test_every_refusal_is_told_with_its_place_and_the_exit_code_with_them(sharedplan: Commands, tmp_path: Path) -> None:
    file = tmp_path / "mixed.ndjson.gz"
    good, bad = {"resourceType": "Patient", "id": "good"}, {"resourceType": "Patient", "id": "bad", "gender": "none"}
    file.write_bytes(gzip.compress("\n".join(json.dumps(each) for each in (good, bad)).encode()))
    (tmp_path / "broken.json.gz").write_bytes(gzip.compress(b"{}")[:-4])
    result = sharedplan("load", tmp_path)
    assert result.exit_code == 1
    assert f"refused {file}:2 (Patient/bad): Patient.gender: " in result.stderr
    assert "broken.json.gz: cannot be read" in result.stderr
    assert "loaded 1 resources" in result.stdout
    assert "refused 2" in result.stdout


def test_the_order_of_the_lines_decides_what_stands_at_the_end(sharedplan: Commands, tmp_path: Path) -> None:
    file = tmp_path / "changes.ndjson"
    lines = [{"resourceType": "Patient", "id": f"p{n % 3}", "birthDate": f"{1900 + n}"} for n in range(60)]
    file.write_text("\n".join(json.dumps(each) for each in lines))
    assert sharedplan("load", file).exit_code == 0
    told = "SELECT id, version, content->>'birthDate' FROM patient ORDER BY id"
    assert sharedplan.rows(told) == [("p0", 20, "1957"), ("p1", 20, "1958"), ("p2", 20, "1959")]


def test_what_cannot_be_meant_is_told_before_anything_is_read(sharedplan: Commands, tmp_path: Path) -> None:
    assert "Organization/ID" in sharedplan("load", tmp_path, "--organization", "south").stderr
    assert "nothing to load" in sharedplan("load", tmp_path).stderr
    assert sharedplan("load", tmp_path / "none.json").exit_code == 2
