"""What the service itself publishes: definitions that others may read and build on, one resource a file.

`SearchParameter-CarePlan-episode-of-care.json` holds SearchParameter/CarePlan-episode-of-care. They are stored as
resources like any other (`publishing.py`), and what they define works whether or not they are.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import orjson


@lru_cache(maxsize=1)
def texts() -> Mapping[str, str]:
    """Every resource that is published: its reference ("SearchParameter/CareTeam-role") → its JSON text."""
    found = {}
    for file in sorted(files("sharedplan.published").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".json"):
            type, _, id = file.name.removesuffix(".json").partition("-")
            found[f"{type}/{id}"] = file.read_text(encoding="utf-8")
    return MappingProxyType(found)


def of_type(type: str) -> list[dict[str, Any]]:
    """The resources of one type that are published."""
    return [orjson.loads(text) for name, text in texts().items() if name.startswith(f"{type}/")]
