"""The resources of tests/data, as text. Nobody here wrote them."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


@cache
def lines(name: str) -> tuple[str, ...]:
    """The lines of an NDJSON file, each a resource or Bundle, or a body with what is expected of it."""
    return tuple(gzip.decompress((DATA / name).read_bytes()).decode().splitlines())


def examples() -> tuple[str, ...]:
    """The examples of the R4 specification."""
    return lines("hl7-r4-examples.ndjson.gz")


def example(type: str, id: str) -> str:
    """One of them."""
    return next(text for text in examples() if f'"resourceType":"{type}","id":"{id}"' in text)


def bundles() -> list[str]:
    """Synthea's Bundles, reduced ones, full ones and those with conditional references."""
    names = sorted(path.name for path in DATA.glob("synthea*.ndjson.gz"))
    full = [gzip.decompress(path.read_bytes()).decode() for path in sorted(DATA.glob("synthea-bundles-full/*.gz"))]
    return [line for name in names for line in lines(name)] + full


def bodies(*expected: str) -> list[dict[str, Any]]:
    """The bodies of invalid.ndjson.gz of which this is expected: accept, reject, reject-parse."""
    return [case for case in map(json.loads, lines("invalid.ndjson.gz")) if case["expect"] in expected]
