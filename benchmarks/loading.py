"""The load rate: Synthea's transaction bundles through `sharedplan load`, resources a second."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.database import Database
from benchmarks.population import CONTROLLER
from benchmarks.servers import command

PATTERNS = ("synthea-*.ndjson.gz", "synthea-*.json.gz", "synthea-*.json", "synthea-*/*.json.gz")


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


def bundles(places: Sequence[Path]) -> list[Path]:
    """The files of Synthea bundles at these places, in the order in which they point at each other.

    A folder gives its `synthea-*` files and folders; a file gives itself. Raises FileNotFoundError when there is none.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            here = [path for pattern in PATTERNS for path in place.glob(pattern)]
            found += sorted(here, key=lambda path: ("first" not in path.name, path))
        elif place.exists():
            found.append(place)
    if not found:
        raise FileNotFoundError(f"no Synthea bundles in {', '.join(map(str, places))}")
    return found


def load(data_dir: Path, database: Database, files: Sequence[Path]) -> Load:
    """Load the files once, into the database that runs on the data directory, and count what came in."""
    before = database.value("select count(*) from resource_version")
    began = time.perf_counter()
    paths = [str(file.resolve()) for file in files]
    done = command("load", *paths, "--organization", CONTROLLER, "--data-dir", str(data_dir))
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise RuntimeError(f"sharedplan load failed:\n{done.stderr[-2000:]}")
    resources = database.value("select count(*) from resource_version") - before
    return Load(resources, seconds, done.stdout + done.stderr, done.returncode == 1)
