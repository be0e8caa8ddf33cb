"""What reads ask of the database, as SQL text and its parameters; pure. Every one takes its slice into the query.

A version is visible when the resource's current row lies within the slice and the version itself spoke of the same
client: what was once another's stays theirs. Where that cannot be told, the current version is all. A deleted resource
has no row any more, so it is visible only to whom everything is. Conditions are compiled in `store/compile.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.expression import Everything, Expression, InCompartment, Nothing
from sharedplan.store import trail as trails
from sharedplan.store.compile import condition, is_anchor
from sharedplan.store.projection import projection
from sharedplan.store.statements import Statement
from sharedplan.store.trail import Trail
from sharedplan.store.weighing import weighed

Query = tuple[str, list[Any]]
"""SQL text and its parameters."""

COUNTED = 10_000
"""Versions of a history that are counted at most: beyond, a total costs more than it tells."""

_FIELDS = "v.type, v.id, v.version, v.last_updated, v.interaction, v.content"


def current(type: str, id: str, *, within: Expression, version: int | None = None) -> Query:
    """The living row of a resource; only if it is still that `version`, when one is given."""
    parameters: list[Any] = [id]
    rows = _rows(type, within, parameters)
    if version is not None:
        parameters.append(version)
        rows += f" AND r.version = ${len(parameters)}::integer"
    return f"SELECT {projection(type).fields} {rows} AND r.id = $1::text", parameters


def audited(type: str, id: str, *, within: Expression, trail: Trail, row_id: str) -> Query:
    """The same, and the audit row in one statement: its outcome says whether a row was found."""
    parameters: list[Any] = [id, *trails.row(trail, row_id)]
    return _audited(type, _rows(type, within, parameters)), parameters


@lru_cache(maxsize=1024)
def _audited(type: str, rows: str) -> str:
    shape = projection(type)
    patients = f", {shape.patients} AS patients" if shape.patients else ""
    audit = trails.insert(
        2,
        found="EXISTS (SELECT FROM found)",
        patients="(SELECT patients FROM found)" if shape.patients else "",
    )
    return f"""
        WITH found AS MATERIALIZED (
            SELECT {shape.fields}{patients} {rows} AND r.id = $1::text
        ), recorded AS ({audit})
        SELECT * FROM found
    """


def matching(type: str, where: Expression, *, within: Expression, seen: Mapping[str, Expression], limit: int) -> Query:
    """(id, version) of what matches, at most `limit`, in no order; `seen` is what may be seen of each type, for
    conditions that go across references."""
    statement = Statement([], seen)
    asked = condition(statement, where, type, is_anchored=is_anchor(within))
    rows = f"FROM {projection(type).table} r WHERE {asked} AND {condition(statement, within, type)}"
    parameters = statement.parameters
    # Within the CTE the planner does not see the limit, which would tempt it to look through the table for a match.
    return f"WITH hits AS MATERIALIZED (SELECT r.id, r.version {rows}) SELECT * FROM hits LIMIT {limit:d}", parameters


def living(type: str, where: Expression, *, within: Expression, seen: Mapping[str, Expression], limit: int) -> Query:
    """The rows of what matches, in the order of ids: at most `limit`, and as many as an answer can hold. Each tells how
    many there were (`fetched`, one above the limit when there are more); `seen` as for `matching`."""
    statement = Statement([], seen)
    asked = condition(statement, where, type, is_anchored=is_anchor(within))
    slice = condition(statement, within, type)
    shape = projection(type)
    rows = f"SELECT {shape.fields} FROM {shape.table} r WHERE {asked} AND {slice} LIMIT {limit + 1:d}"
    return f"WITH few AS MATERIALIZED ({rows}) {weighed('few', 'id')}", statement.parameters


def newest(type: str, id: str, *, within: Expression) -> Query:
    """The newest version of a resource, also a deletion."""
    parameters: list[Any] = [type, id]
    seen = _seen(type, within, parameters)
    return (
        f"""
        SELECT {_FIELDS} FROM resource_version v WHERE v.type = $1::text AND v.id = $2::text AND {seen}
        ORDER BY v.version DESC LIMIT 1
        """,
        parameters,
    )


def version(type: str, id: str, number: int, *, within: Expression) -> Query:
    """One version of a resource."""
    parameters: list[Any] = [type, id, number]
    seen = _seen(type, within, parameters)
    return (
        f"""
        SELECT {_FIELDS} FROM resource_version v
        WHERE v.type = $1::text AND v.id = $2::text AND v.version = $3::integer AND {seen}
        """,
        parameters,
    )


def history(
    *,
    within: Mapping[str, Expression],
    type: str | None,
    id: str | None,
    since: datetime | None,
    at: tuple[datetime | None, datetime | None] | None,
    before: datetime | None,
    count: int,
) -> Query | None:
    """A page of versions, newest first, and one more if there is any, each with the total (one above COUNTED when
    there are more). None when nothing of what is asked can be seen."""
    parameters: list[Any] = [count]
    wanted = _of_types(within, [type] if type is not None else _with_history(within), parameters)
    if not wanted:
        return None

    def bound(value: Any, kind: str) -> str:
        parameters.append(value)
        return f"${len(parameters)}::{kind}"

    parts = [f"({' OR '.join(wanted)})"]
    if id is not None:
        parts.append(f"v.id = {bound(id, 'text')}")
    if since is not None:
        parts.append(f"v.last_updated >= {bound(since, 'timestamptz')}")
    if at is not None:
        low, high = at
        parts.append("v.interaction <> 'delete'")
        if high is not None:
            parts.append(f"v.last_updated < {bound(high, 'timestamptz')}")
        if low is not None:
            parts.append(f"""NOT EXISTS (SELECT FROM resource_version later WHERE later.type = v.type
                AND later.id = v.id AND later.version = v.version + 1
                AND later.last_updated <= {bound(low, "timestamptz")})""")
    rows = f"FROM resource_version v WHERE {' AND '.join(parts)}"
    place = f" AND v.last_updated < {bound(before, 'timestamptz')}" if before is not None else ""
    return (
        f"""
        WITH few AS (
            SELECT {_FIELDS} {rows}{place} ORDER BY v.last_updated DESC LIMIT $1::integer + 1
        ), page AS MATERIALIZED ({weighed("few", "last_updated DESC")})
        SELECT counted.total, page.*
        FROM (SELECT count(*) AS total FROM (SELECT {rows} LIMIT {COUNTED + 1}) few) counted
        LEFT JOIN page ON true ORDER BY page.last_updated DESC
        """,
        parameters,
    )


def locking(type: str, ids: Sequence[str], *, within: Expression) -> Query:
    """The living rows of these ids, locked in the order of the ids until the unit of work ends."""
    parameters: list[Any] = [list(ids)]
    rows = _rows(type, within, parameters)
    sql = f"SELECT {projection(type).fields} {rows} AND r.id = ANY($1::text[]) ORDER BY r.id FOR UPDATE OF r"
    return sql, parameters


def deletions(type: str, ids: Sequence[str]) -> Query:
    """The newest version of each of these ids, where it is a deletion."""
    return (
        f"""
        SELECT * FROM (
            SELECT DISTINCT ON (v.id) {_FIELDS} FROM resource_version v
            WHERE v.type = $1::text AND v.id = ANY($2::text[]) ORDER BY v.id, v.version DESC
        ) newest WHERE interaction = 'delete'
        """,
        [type, list(ids)],
    )


def _rows(type: str, within: Expression, parameters: list[Any]) -> str:
    """FROM and WHERE of the visible rows of a type."""
    return f"FROM {projection(type).table} r WHERE {condition(Statement(parameters), within, type)}"


def _seen(type: str, within: Expression, parameters: list[Any]) -> str:
    """The condition on a version `v` that it is visible."""
    if isinstance(within, Everything):
        return "true"
    rows = f"{_rows(type, within, parameters)} AND r.id = v.id"
    if isinstance(within, InCompartment) and projection(type).patients:
        parameters.append(f"{within.compartment}/{within.id}")
        return f"EXISTS (SELECT {rows}) AND ${len(parameters)}::text = ANY(v.patients)"
    return f"EXISTS (SELECT {rows} AND r.version = v.version)"


def _of_types(within: Mapping[str, Expression], types: Sequence[str], parameters: list[Any]) -> list[str]:
    """The alternatives that make a version visible, for these types; those seen wholly are drawn together."""
    whole = [type for type in types if isinstance(within[type], Everything)]
    found = []
    if whole:
        parameters.append(whole)
        found.append(f"v.type = ANY(${len(parameters)}::text[])")
    for type in types:
        if not isinstance(within[type], (Everything, Nothing)):
            parameters.append(type)
            found.append(f"(v.type = ${len(parameters)}::text AND {_seen(type, within[type], parameters)})")
    return found


def _with_history(within: Mapping[str, Expression]) -> list[str]:
    return [type for type in within if "history-type" in CATALOGUE[type].can]
