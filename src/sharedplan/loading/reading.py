"""Files → JSON texts in their order: one a file, or one a line; plain or gzip. https://hl7.org/fhir/R4/nd-json.html"""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

ENDINGS = (".json", ".ndjson", ".jsonl")
LINES = (".ndjson", ".jsonl")
GZIP = b"\x1f\x8b"

UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading a file may end with: it is not there, or a gzip that is broken or cut off."""


@dataclass(frozen=True, slots=True)
class Text:
    """One JSON text: its file, its line there from 1 (None when it is the whole file), and how many bytes of the
    file, as they lie on disk, had been read with it."""

    file: str
    line: int | None
    body: bytes
    position: int

    @property
    def place(self) -> str:
        """How it is called in the report: file, or file:line."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


def files(paths: Iterable[Path]) -> list[Path]:
    """The files that the paths name, in the order given; of directories all that end as we know, by name."""
    found: list[Path] = []
    for path in paths:
        found += sorted(each for each in path.rglob("*") if _is_ours(each)) if path.is_dir() else [path]
    return found


def texts(file: Path) -> Iterator[Text]:
    """The JSON texts of a file, blank lines left out. Raises UNREADABLE."""
    with file.open("rb") as disk:
        packed = disk.read(2) == GZIP
        disk.seek(0)
        with gzip.GzipFile(fileobj=disk) if packed else disk as stream:
            yield from _texts(str(file), _ending(file) in LINES, stream, disk)


def _texts(name: str, is_lines: bool, stream: BinaryIO | gzip.GzipFile, disk: BinaryIO) -> Iterator[Text]:
    first = stream.readline()
    if not is_lines and not _is_whole(first):
        yield Text(name, None, first + stream.read(), disk.tell())
        return
    second = stream.readline()
    if not is_lines and not second.strip():
        rest = stream.read()
        if not rest.strip():
            yield Text(name, None, first, disk.tell())
            return
        second += rest
    for number, line in enumerate(_lines(first, second, stream), 1):
        if line.strip():
            yield Text(name, number, line, disk.tell())


def _lines(first: bytes, second: bytes, stream: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    yield first
    yield from io.BytesIO(second)
    yield from stream


def _is_whole(line: bytes) -> bool:
    """Whether a line is a JSON text by itself."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _ending(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix


def _is_ours(path: Path) -> bool:
    return path.is_file() and _ending(path) in ENDINGS
