"""The rows that say what a Consent or a CareTeam means for access, written in the statement that writes the resource.

`access/rows.py` makes them. So there is no moment at which a consent is withdrawn and still opens something. A member
of a team who does not say since when has been one since the version of the team that first named him, the first one
too: a consent that names nobody covers who was a member when it was given. `sharedplan reindex` makes all anew.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson

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


def telling(type: str, *, id: str, rows: str, at: str, source: str = "") -> str:
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
            SELECT CASE WHEN {first} THEN ({before}) ELSE {at} END AS since
        ) named
    )"""


def since(versions: Sequence[tuple[datetime, str | None]]) -> dict[str, str]:
    """Each member that the newest version of a team names → when the first of the versions without a gap did.
    `versions`: (instant, content), the content None where it was deleted."""
    found: dict[str, str] = {}
    for at, content in versions:
        found = {each: found.get(each, at.isoformat()) for each in _members(content)}
    return found


def _members(content: str | None) -> list[str]:
    """How the participants of a team are named, as they are written."""
    participants = orjson.loads(content).get("participant", ()) if content is not None else ()
    return [text for each in participants if (text := each.get("member", {}).get("reference")) is not None]


def completed(type: str, rows: str, at: datetime, since: Mapping[str, str]) -> str:
    """The rows with what a write adds to them: its instant, or since when a member has been one."""
    found = orjson.loads(rows)
    for row in found:
        if type == "Consent":
            row["updated"] = at.isoformat()
            continue
        row["since"] = next((from_ for name, from_ in since.items() if _is_same(name, row["member"])), None)
    return orjson.dumps(found).decode()


def _is_same(written: str, indexed: str) -> bool:
    """Whether a reference, as it is written, is the one that the row has."""
    plain = written.partition("/_history/")[0]
    return plain == indexed or plain.endswith(f"/{indexed}")


def rewriting(type: str) -> tuple[str, str]:
    """Two statements that put the rows of one resource right where they are not. Parameters of both: its reference, and
    the rows as a JSON array; each gives a row for each that it took away, or put in."""
    table, column = TABLES[type]
    said = f"SELECT {_SAID[type]} FROM json_populate_recordset(NULL::{table}, $2::json) told"
    listed = ", ".join(_LISTED[type])
    held = f"SELECT {listed} FROM {table} WHERE {column} = $1::text"
    differs = "SELECT FROM ((TABLE said EXCEPT ALL TABLE held) UNION ALL (TABLE held EXCEPT ALL TABLE said)) both_ways"
    return (
        f"""WITH said AS ({said}), held AS ({held})
            DELETE FROM {table} WHERE {column} = $1::text AND EXISTS ({differs}) RETURNING 1""",
        f"""INSERT INTO {table} ({listed}) {said}
            WHERE NOT EXISTS (SELECT FROM {table} WHERE {column} = $1::text) RETURNING 1""",
    )


def orphans(type: str) -> str:
    """Takes away the rows of resources that are not there. Its parameter is the type."""
    table, column = TABLES[type]
    return f"""
        DELETE FROM {table} WHERE NOT EXISTS (
            SELECT FROM resource_version v WHERE v.type = $1::text AND $1::text || '/' || v.id = {column}
        ) RETURNING 1
    """


_LISTED = {
    "Consent": (*RULE, "updated"),
    "CareTeam": (*(each for each in MEMBER if each != "period"), "period", "since"),
}
_SAID = {
    "Consent": ", ".join(f"told.{name}" for name in _LISTED["Consent"]),
    "CareTeam": ", ".join(
        "told.period * CASE WHEN told.says_since THEN '(,)' ELSE tstzrange(told.since, NULL) END"
        if name == "period"
        else f"told.{name}"
        for name in _LISTED["CareTeam"]
    ),
}
