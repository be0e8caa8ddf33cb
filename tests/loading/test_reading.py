"""Files → JSON texts: plain and gzip, one a file or one a line."""

import gzip
from pathlib import Path

import pytest

from sharedplan.loading import reading


def places(file: Path) -> list[tuple[str, bytes]]:
    return [(text.place.removeprefix(str(file)), text.body.strip()) for text in reading.texts(file)]


def test_a_file_of_lines_gives_its_lines_with_their_numbers(tmp_path: Path) -> None:
    file = tmp_path / "some.ndjson"
    file.write_bytes(b'{"a":1}\n\n{"a":2}\n{"a":3}')
    assert places(file) == [(":1", b'{"a":1}'), (":3", b'{"a":2}'), (":4", b'{"a":3}')]


def test_a_json_file_is_one_text_however_it_is_laid_out(tmp_path: Path) -> None:
    for content in (b'{"a":1}', b'{"a":1}\n', b'{\n "a": 1\n}\n'):
        file = tmp_path / "one.json"
        file.write_bytes(content)
        assert places(file) == [("", content.strip())]


def test_lines_in_a_file_that_is_called_json_are_found_out(tmp_path: Path) -> None:
    file = tmp_path / "lines.json"
    file.write_bytes(b'{"a":1}\n{"a":2}\n{"a":3}\n')
    assert places(file) == [(":1", b'{"a":1}'), (":2", b'{"a":2}'), (":3", b'{"a":3}')]


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    for name in ("some.ndjson.gz", "some.ndjson"):
        file = tmp_path / name
        file.write_bytes(gzip.compress(b'{"a":1}\n{"a":2}\n'))
        assert [place for place, _ in places(file)] == [":1", ":2"]


def test_a_gzip_that_is_cut_off_is_told(tmp_path: Path) -> None:
    file = tmp_path / "cut.json.gz"
    file.write_bytes(gzip.compress(b'{"a":1}' * 1000)[:-10])
    with pytest.raises(reading.UNREADABLE):
        list(reading.texts(file))


def test_an_empty_file_holds_nothing_to_load(tmp_path: Path) -> None:
    file = tmp_path / "none.ndjson"
    file.write_bytes(b"")
    assert places(file) == []


def test_a_directory_gives_the_files_that_we_know_by_name(tmp_path: Path) -> None:
    for name in ("b.json", "a.ndjson.gz", "c.txt", "deep/d.jsonl", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = [str(file.relative_to(tmp_path)) for file in reading.files([tmp_path, tmp_path / "c.txt"])]
    assert found == ["a.ndjson.gz", "b.json", "deep/d.jsonl", "c.txt"]


def test_the_position_reaches_the_size_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "some.ndjson.gz"
    file.write_bytes(gzip.compress(b'{"a":1}\n' * 10))
    assert list(reading.texts(file))[-1].position == file.stat().st_size
