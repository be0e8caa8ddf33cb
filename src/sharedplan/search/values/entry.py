"""What may stand in an index: a database's index takes no entry of unlimited length."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from sharedplan.fhir.paths import Visit

LIMIT = 400
"""The longest entry, in characters: four bytes each still fit into an index row of PostgreSQL (2,704 bytes)."""

_HEAD = 300


def capped(entry: str) -> str:
    """The entry itself, or for a long one its beginning and a hash: equal for equal entries only."""
    if len(entry) <= LIMIT:
        return entry
    return f"{entry[:_HEAD]}#{blake2b(entry.encode(), digest_size=16).hexdigest()}"


def of_extensions(visits: Mapping[str, Visit]) -> Visit:
    """A visit of an Extension: that of its value, by the type that the value's name tells."""
    by_name = {f"value{type[0].upper()}{type[1:]}": visit for type, visit in visits.items()}

    def visit(extension: Any, out: list[Any]) -> None:
        for name, value in extension.items():
            if name in by_name:
                by_name[name](value, out)

    return visit
