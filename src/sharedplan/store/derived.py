"""The rows that say what a Consent or a CareTeam means for access, written in the statement that writes the resource.

`access/rows.py` makes them. So there is no moment at which a consent is withdrawn and still opens something. A member
of a team who does not say since when has been one since the version of the team that first named him; the first
version's have been as long as the team. `sharedplan reindex` makes all anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

RULE = (
    *("client", "consent", "version", "number", "at", "rank", "is_ban", "performers", "path", "depth", "effect"),
    *("period", "recipients", "holders", "authors", "classes", "codes", "labels", "data", "actions", "purposes"),
    *("data_period", "is_of_all_data"),
)
"""What the rows of a Consent have, but for `updated`."""

MEMBER = ("client", "team", "member", "on_behalf_of", "roles", "period", "says_since")
"""What the rows of a CareTeam have, but for `since`, which cuts their period."""

TABLES: Mapping[str, tuple[str, str]] = {
    "Consent": ("access_rule", "consent"),
    "CareTeam": ("access_member", "team"),
}
"""Type → the table of its rows, and the column that names the resource."""


def forgetting(type: str, *, id: str) -> str:
    """A step of a statement that takes away the rows of a resource; `id` is SQL."""
    table, column = TABLES[type]
    return f"forgotten AS (DELETE FROM {table} WHERE {column} = '{type}/' || {id}::text)"


def telling(type: str, *, id: str, rows: str, at: str, version: str, source: str = "") -> str:
    """A step of a statement that puts them in; all arguments are SQL, `rows` of the JSON array.

    It sees the rows of the version before, for all steps of a statement look at the same moment.
    """
    if type == "Consent":
        told = f"json_populate_recordset(NULL::access_rule, {rows}::json) told"
        listed = ", ".join(RULE)
        values = ", ".join(f"told.{name}" for name in RULE)
        return f"""told AS (
            INSERT INTO access_rule ({listed}, updated) SELECT {values}, {at} FROM {told}{source}
        )"""
    values = ", ".join(f"told.{name}" for name in MEMBER if name != "period")
    listed = ", ".join(name for name in MEMBER if name != "period")
    before = f"""SELECT b.since FROM access_member b
        WHERE b.team = '{type}/' || {id}::text AND b.member = told.member LIMIT 1"""
    first = f"EXISTS (SELECT FROM access_member b WHERE b.team = '{type}/' || {id}::text AND b.member = told.member)"
    return f"""told AS (
        INSERT INTO access_member ({listed}, period, since)
        SELECT {values}, told.period * CASE WHEN told.says_since THEN '(,)' ELSE tstzrange(named.since, NULL) END,
            named.since
        FROM json_populate_recordset(NULL::access_member, {rows}::json) told{source}, LATERAL (
            SELECT CASE WHEN {version} = 1 THEN NULL WHEN {first} THEN ({before}) ELSE {at} END AS since
        ) named
    )"""


def rewriting(type: str) -> Sequence[str]:
    """Statements that put the rows of one resource right when they are not. Parameters: `rewritten_with`; the second
    gives what it had to put in."""
    table, column = TABLES[type]
    names = (*RULE, "updated") if type == "Consent" else (*MEMBER, "since")
    listed = ", ".join(names)
    said = f"SELECT {listed} FROM json_populate_recordset(NULL::{table}, $2::json)"
    held = f"SELECT {listed} FROM {table} WHERE {column} = $1::text"
    differs = "((TABLE said EXCEPT ALL TABLE held) UNION ALL (TABLE held EXCEPT ALL TABLE said))"
    return (
        f"""WITH said AS ({said}), held AS ({held})
            DELETE FROM {table} WHERE {column} = $1::text AND EXISTS {differs}""",
        f"""WITH said AS ({said})
            INSERT INTO {table} ({listed}) SELECT {listed} FROM said
            WHERE NOT EXISTS (SELECT FROM {table} WHERE {column} = $1::text) RETURNING 1""",
    )


def rewritten_with(name: str, rows: str) -> list[Any]:
    return [name, rows]
