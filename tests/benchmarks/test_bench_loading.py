"""Copies of bundles differ in their UUIDs only, and each hangs together."""

import gzip
import json
import re
from pathlib import Path

import pytest
from benchmarks.loading import bundles, write_copies

ONE, OTHER = "0cd536b8-674b-4bae-b0b0-181400ffc022", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
BUNDLE = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {"fullUrl": f"urn:uuid:{ONE}", "resource": {"resourceType": "Patient", "id": ONE}},
        {"fullUrl": f"urn:uuid:{OTHER}", "resource": {"subject": {"reference": f"urn:uuid:{ONE}"}}},
    ],
}


def test_each_copy_has_ids_of_its_own_and_refers_to_them(tmp_path: Path) -> None:
    write_copies([json.dumps(BUNDLE)], tmp_path / "copies", entries=6)
    copies = [json.loads(line) for line in (tmp_path / "copies").read_text().splitlines()]
    patients = [copy["entry"][0]["fullUrl"] for copy in copies]
    assert len(set(patients)) == len(copies) == 3
    assert [copy["entry"][1]["resource"]["subject"]["reference"] for copy in copies] == patients
    assert all(re.fullmatch(r"urn:uuid:0cd536b8-674b-4bae-b0b0-[0-9a-f]{4}00ffc022", each) for each in patients)


def test_bundles_come_from_folders_of_files_and_of_lines(tmp_path: Path) -> None:
    (tmp_path / "synthea-bundles-full").mkdir()
    text = json.dumps(BUNDLE)
    with gzip.open(tmp_path / "synthea-bundles-full" / "one.json.gz", "wt") as file:
        file.write(json.dumps(BUNDLE, indent=2))
    with gzip.open(tmp_path / "synthea-bundles-reduced.ndjson.gz", "wt") as file:
        file.write(f"{text}\n{text}\n")
    assert [json.loads(each) for each in bundles([tmp_path])] == [BUNDLE] * 3
    with pytest.raises(FileNotFoundError):
        list(bundles([tmp_path / "synthea-bundles-full"]))
