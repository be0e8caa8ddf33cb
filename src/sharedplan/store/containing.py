"""Contained resources: the rows that they are found by, and what a search asks of those; pure.

https://hl7.org/fhir/R4/references.html#contained, https://hl7.org/fhir/R4/search.html#contained

A row belongs to one version of its container and is there for whom, and when, that version of the container's own row
is: it is always joined with it. So it follows the container without a step of its own when that is replaced or deleted,
and a page sees those of its moment. What no page can show any more is taken away with the container's row
(`store/forgetting.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.indexing import LOG, Inner
from sharedplan.search.registry import kept_until_renewed
from sharedplan.store import guard
from sharedplan.store.projection import projection
from sharedplan.store.types import placeholder
from sharedplan.store.versions import Attestation, Change

TYPES = tuple(type for type in CATALOGUE if type != LOG)
"""What contains and is contained."""

_OWN = ("container_type", "container", "version", "number", "id")

KEY = ", ".join(_OWN[:4])


def table(type: str) -> str:
    """The view, quoted, of what is contained of a type."""
    return f'"contained_{projection(type).name}"'


def inserts(changes: Iterable[Change | Attestation]) -> dict[str, list[list[Any]]]:
    """The statements that write the rows of these changes, each with its parameters for every row."""
    found: dict[str, list[list[Any]]] = {}
    for change in changes:
        for inner in change.contained:
            found.setdefault(_insert(inner.type), []).append(row(change.type, change.id, change.version, inner))
    return found


def row(container_type: str, container: str, version: int, inner: Inner) -> list[Any]:
    """The parameters of a row."""
    shape = projection(inner.type)
    return [container_type, container, version, inner.number, inner.id, *shape.encoded(inner.values)]


@kept_until_renewed()
def _insert(type: str) -> str:
    shape = projection(type)
    names = "".join(f', "{name}"' for name in shape.names)
    values = "".join(f", {placeholder(kind, n)}" for n, kind in enumerate(shape.kinds, 6))
    return f"""
        INSERT INTO {table(type)} AS r ({", ".join(_OWN)}{names})
        VALUES ($1::text, $2::text, $3::integer, $4::integer, $5::text{values})
    """


def mending(type: str) -> str:
    """Writes a row if it is not there as it should be. Parameters: `row`. Gives a row if it had to."""
    shape = projection(type)
    names = ("id", *(f'"{name}"' for name in shape.names))
    return f"""
        {_insert(type)} ON CONFLICT ({KEY}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in names)}
        WHERE ({", ".join(f"r.{name}" for name in names)}) IS DISTINCT FROM (
            {", ".join(f"excluded.{name}" for name in names)}
        ) RETURNING 1
    """


def held() -> str:
    """(type, container, version, number) of the rows of some containers. Parameters: their type and ids."""
    return " UNION ALL ".join(
        f"SELECT '{type}' AS type, container, version, number FROM {table(type)} "
        f"WHERE container_type = $1::text AND container = ANY($2::text[])"
        for type in TYPES
    )


def removing(type: str) -> str:
    """Takes one row away. Parameters: its key."""
    return f"""
        DELETE FROM {table(type)} WHERE container_type = $1::text AND container = $2::text
        AND version = $3::integer AND number = $4::integer
    """


def forgetting(type: str) -> str:
    """Takes away the rows of a type that belong to some versions. Parameters: the containers' type, and as arrays of
    the same length their ids and versions."""
    return guard.writing(f"""
        WITH gone AS (
            DELETE FROM {table(type)} WHERE container_type = $1::text
            AND (container, version) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
        ) SELECT 1
    """)


def orphans(type: str, container_type: str) -> str:
    """Takes away the rows of a type whose container is neither there as it was then, nor kept. No parameters."""
    holder = projection(container_type).table
    return f"""
        DELETE FROM {table(type)} k WHERE k.container_type = '{container_type}'
        AND NOT EXISTS (SELECT FROM {holder} r WHERE r.id = k.container AND r.version = k.version)
        AND NOT EXISTS (SELECT FROM past.{holder} r WHERE r.id = k.container AND r.version = k.version) RETURNING 1
    """


def batch(type: str) -> str:
    """(container_type, container, version, number, content) of the next rows of a type, in the order of their keys,
    with the text of the whole container. Parameters: the key that they come after, and how many."""
    return f"""
        SELECT {", ".join(f"k.{name}" for name in KEY.split(", "))}, v.content FROM (
            SELECT {KEY} FROM {table(type)}
            WHERE ({KEY}) > ($1::text, $2::text, $3::integer, $4::integer) ORDER BY {KEY} LIMIT $5::integer
        ) k JOIN resource_version v ON v.type = k.container_type AND v.id = k.container AND v.version = k.version
        ORDER BY {KEY}
    """


def holding(types: Sequence[str]) -> str:
    """(type, container_type): what is contained of these types, and in what. No parameters.

    One look into the index for each: rows are many, and types of containers few.
    """

    def one(type: str) -> str:
        first = f"SELECT container_type FROM {table(type)} {{}} ORDER BY container_type LIMIT 1"
        return f"""SELECT '{type}' AS type, container_type FROM (
            WITH RECURSIVE found AS (
                ({first.format("")})
                UNION ALL
                SELECT ({first.format("WHERE container_type > found.container_type")}) FROM found
                WHERE found.container_type IS NOT NULL
            ) SELECT container_type FROM found WHERE container_type IS NOT NULL
        ) found"""

    return guard.judging(" UNION ALL ".join(map(one, types)))


def pairs(rows: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The rows of `holding`."""
    return tuple((row["type"], row["container_type"]) for row in rows)
