"""The test data as resources, for tests that run over all of it."""

import gzip
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from sharedplan.catalogue import CATALOGUE

DATA = Path(__file__).parent.parent / "data"


@lru_cache(maxsize=1)
def resources() -> tuple[dict[str, Any], ...]:
    """Every resource of the test data that is of an offered type, those in Bundles included."""
    return tuple(each for each in _all() if each["resourceType"] in CATALOGUE)


def _all() -> Iterator[dict[str, Any]]:
    for path in sorted(DATA.rglob("*.gz")):
        if path.name.startswith("invalid"):
            continue
        text = gzip.decompress(path.read_bytes()).decode()
        for line in text.splitlines() if ".ndjson" in path.name else [text]:
            yield from _inside(json.loads(line))


def _inside(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if resource["resourceType"] == "Bundle":
        for entry in resource["entry"]:
            yield entry["resource"]
    else:
        yield resource
