"""The load rate: Synthea's transaction bundles through `sharedplan load`, resources a second.

What lies in the tests is soon loaded, and the command's own start would be half of it; so it is copied, each copy with
ids of its own, until there is enough.
"""

import gzip
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.database import Database
from benchmarks.population import CONTROLLER
from benchmarks.servers import command

PATTERNS = ("synthea-bundles-*.ndjson.gz", "synthea-bundles-*/*.json.gz")

_UUID = re.compile(r"\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-)[0-9a-f]{4}([0-9a-f]{8})\b")


@dataclass(frozen=True, slots=True)
class Load:
    """How many resources came in, and how long the command ran, its start included."""

    resources: int
    seconds: float
    said: str
    refused: bool  # the command ended with 1: something was not taken

    @property
    def rate(self) -> float:
        return self.resources / self.seconds


def bundles(places: Sequence[Path]) -> Iterator[str]:
    """The texts of the Synthea bundles at these places: a folder gives its `synthea-bundles-*`, a file gives itself.

    Raises FileNotFoundError when there is none.
    """
    files: list[Path] = []
    for place in places:
        files += sorted(path for pattern in PATTERNS for path in place.glob(pattern)) if place.is_dir() else [place]
    if not files:
        raise FileNotFoundError(f"no Synthea bundles in {', '.join(map(str, places))}")
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            yield from lines if ".ndjson" in file.name else [json.dumps(json.load(lines), ensure_ascii=False)]


def write_copies(texts: Sequence[str], file: Path, entries: int) -> None:
    """Write the bundles over and over into an NDJSON file, with other UUIDs each time, until it holds so many entries.

    At most 65,536 copies.
    """
    sizes = [len(json.loads(text)["entry"]) for text in texts]
    written = 0
    with file.open("w", encoding="utf-8") as lines:
        for copy in range(1 << 16):
            for text, size in zip(texts, sizes, strict=True):
                lines.write(_UUID.sub(rf"\g<1>{copy:04x}\g<2>", text.strip()) + "\n")
                written += size
                if written >= entries:
                    return


def load(data_dir: Path, database: Database, file: Path) -> Load:
    """Load the file once, into the database that runs on the data directory, and count what came in.

    Raises RuntimeError when the command fails.
    """
    before = database.value("select count(*) from resource_version")
    began = time.perf_counter()
    done = command("load", str(file), "--organization", CONTROLLER, "--data-dir", str(data_dir))
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise RuntimeError(f"sharedplan load failed:\n{done.stderr[-2000:]}")
    resources = database.value("select count(*) from resource_version") - before
    return Load(resources, seconds, done.stdout + done.stderr, done.returncode == 1)
