"""Whether the store has what the service publishes; asked at every start, so it needs nothing but one statement."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson

from sharedplan.catalogue import CATALOGUE
from sharedplan.store import guard

_NOT_COMPARED = ("versionId", "lastUpdated", "security")
"""What in meta is the store's own, or a label that somebody added."""


async def has_all(connection: asyncpg.Connection, texts: Mapping[str, str]) -> bool:
    """Whether each of these resources is stored as it is; `texts`: reference → JSON text."""
    ids: dict[str, list[str]] = {}
    for name in texts:
        type, _, id = name.partition("/")
        ids.setdefault(type, []).append(id)
    if not ids:
        return True
    selects = (
        f"SELECT '{type}/' || id AS name, content::text AS content FROM \"{CATALOGUE[type].table}\" "
        f"WHERE id = ANY(${number}::text[])"
        for number, type in enumerate(ids, 1)
    )
    sql = guard.judging(" UNION ALL ".join(selects))
    rows = await connection.fetch(sql, *ids.values())
    found = {row["name"]: _compared(row["content"]) for row in rows}
    return found == {name: _compared(text) for name, text in texts.items()}


def _compared(text: str) -> dict[str, Any]:
    resource: dict[str, Any] = orjson.loads(text)
    meta = {name: value for name, value in resource.pop("meta", {}).items() if name not in _NOT_COMPARED}
    return resource | ({"meta": meta} if meta else {})
