"""What reads ask of the database, as SQL text and its parameters; pure. Every one takes its slice into the query.

A version is visible when the resource's current row lies within the slice and the version itself spoke of the same
client: what was once another's stays theirs. Where that cannot be told, the current version is all. A deleted resource
has no row any more, so it is visible only to whom everything is, or everything of its register. Conditions are
compiled in `store/compile.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from sys import intern
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.expression import (
    And,
    Everything,
    Expression,
    Not,
    Nothing,
    OfClient,
    OfRegister,
    Or,
    WrittenBy,
    asker_of,
)
from sharedplan.search.masking import MASKED, may_mask
from sharedplan.search.registry import kept_until_renewed
from sharedplan.store import trail as trails
from sharedplan.store.clients import acted_for
from sharedplan.store.compile import client_of, condition, is_anchor, masked_column, source_of, written_by
from sharedplan.store.joint import ASKED, Filling, Joint, Question, joint
from sharedplan.store.projection import projection
from sharedplan.store.statements import Statement
from sharedplan.store.trail import Trail
from sharedplan.store.weighing import weighed

Query = tuple[str, list[Any]]
"""SQL text and its parameters; who asks comes after them (`Session.ask`), and after that the turn of one that has it as
its first column (`company.py`)."""

_ID: Filling = (0, None)
_OF_THE_TRAIL: tuple[Filling, ...] = ((None, None),) * len(trails.FIELDS)

COUNTED = 10_000
"""Versions of a history that are counted at most: beyond, a total costs more than it tells."""

_SPOKEN_OF = "CASE WHEN v.type = 'Provenance' THEN v.patients END AS spoken_of"
"""The patients of what does not tell them by itself."""

_FIELDS = "v.type, v.id, v.version, v.last_updated, v.interaction, v.content"


def current(type: str, id: str, *, within: Expression, version: int | None = None) -> Question:
    """The living row of a resource; only if it is still that `version`, when one is given. It has its turn."""
    sql, always = _current(type, within, version is not None)
    return Question(sql, [id, *always] if version is None else [id, version, *always])


@kept_until_renewed(2048)
def _current(type: str, within: Expression, is_versioned: bool) -> Query:
    """The text, and the parameters that do not depend on what is read."""
    own: list[Any] = [None, None] if is_versioned else [None]
    statement = Statement(list(own))
    rows = (
        f"{_rows(type, within, statement)} AND r.id = $1::text{' AND r.version = $2::integer' if is_versioned else ''}"
    )
    fields = f"{projection(type).fields}, {masked_column(statement, within, type)}"
    sql = statement.headed(f"SELECT {statement.turn} AS turn, {fields} {rows}")
    return intern(sql), statement.parameters[len(own) :]


def audited(type: str, id: str, *, within: Expression, trail: Trail, row_id: str) -> Question:
    """The same, and the audit row in one statement: its outcome says whether a row was found."""
    sql, always, several = _audited(type, within)
    own = [id, *trails.row(trail, row_id)]
    return Question(sql, [*own, *always], several, own)


@kept_until_renewed(2048)
def _audited(type: str, within: Expression) -> tuple[str, list[Any], Joint]:
    """The text, and the parameters that do not depend on what is read; and the statement of several."""
    own: list[Any] = [None] * (1 + len(trails.FIELDS))
    statement = Statement(list(own))
    shape = projection(type)
    patients = f", {shape.patients} AS patients" if shape.patients else ""
    masks = masked_column(statement, within, type)
    found = f"""
        SELECT {shape.fields}, r.controller{patients}, {masks} {_rows(type, within, statement)} AND r.id = $1::text
    """
    of_clients = CATALOGUE[type].client_data
    audit = trails.insert(
        2,
        found="EXISTS (SELECT FROM found)",
        patients=f"coalesce({trails.placeholder(2, 'patients')}, (SELECT patients FROM found))"
        if shape.patients
        else "",
        registers="ARRAY(SELECT controller FROM found WHERE controller IS NOT NULL)" if of_clients else "",
    )
    sql = f"""
        WITH found AS MATERIALIZED ({found}), recorded AS ({audit})
        SELECT {statement.turn} AS turn, found.* FROM found
    """
    audits = trails.insert(
        ASKED,
        found="told.is_found",
        patients="told.patients" if shape.patients else "",
        registers="array_remove(ARRAY[told.controller], NULL)" if of_clients else "",
        source=f"{ASKED} JOIN told ON told.whose = {ASKED}.turn",
    )
    recorded = f"""told AS MATERIALIZED (
            SELECT {ASKED}.turn AS whose, clock_timestamp() AS at, found.id IS NOT NULL AS is_found, found.controller
                {", found.patients" if shape.patients else ""}
            FROM {ASKED} LEFT JOIN found ON found.turn = {ASKED}.turn
        ), recorded AS ({audits})"""
    always = statement.parameters[len(own) :]
    fillings = (_ID, *_OF_THE_TRAIL, *((None, each) for each in always))
    several = joint(statement, fillings, found, many=1, rows="found", recorded=recorded, shown="SELECT * FROM found")
    return intern(statement.headed(sql)), always, several


def named(type: str, ids: Sequence[str], *, within: Expression) -> Query:
    """(id, patients, controller) of the visible rows among these ids."""
    statement = Statement([list(ids)])
    patients = projection(type).patients or "NULL::text[]"
    rows = f"{_rows(type, within, statement)} AND r.id = ANY($1::text[])"
    return statement.headed(f"SELECT r.id, {patients} AS patients, r.controller {rows}"), statement.parameters


def matching(type: str, where: Expression, *, within: Expression, seen: Mapping[str, Expression], limit: int) -> Query:
    """(id, version) of what matches, at most `limit`, in no order; `seen` is what may be seen of each type, for
    conditions that go across references."""
    statement = Statement([], seen)
    asked = condition(statement, where, type, is_anchored=is_anchor(within))
    source = source_of(statement, type, within)
    rows = f"FROM {source} r WHERE {asked} AND {_inside(statement, within, type, where)}"
    # Within the CTE the planner does not see the limit, which would tempt it to look through the table for a match.
    sql = f"WITH hits AS MATERIALIZED (SELECT r.id, r.version {rows}) SELECT * FROM hits LIMIT {limit:d}"
    return statement.headed(sql), statement.parameters


def living(type: str, where: Expression, *, within: Expression, seen: Mapping[str, Expression], limit: int) -> Query:
    """The rows of what matches, in the order of ids: at most `limit`, and as many as an answer can hold. Each tells how
    many there were (`fetched`, one above the limit when there are more); `seen` as for `matching`."""
    statement = Statement([], seen)
    asked = condition(statement, where, type, is_anchored=is_anchor(within))
    slice = _inside(statement, within, type, where)
    shape = projection(type)
    masks = masked_column(statement, within, type)
    source = source_of(statement, type, within)
    rows = f"SELECT {shape.fields}, {masks} FROM {source} r WHERE {asked} AND {slice} LIMIT {limit + 1:d}"
    sql = f"WITH few AS MATERIALIZED ({rows}) {weighed('few', 'id')}"
    return statement.headed(sql), statement.parameters


def newest(type: str, id: str, *, within: Expression) -> Query:
    """The newest version of a resource, also a deletion."""
    statement = Statement([type, id])
    seen = _seen(type, within, statement)
    sql = f"""
        SELECT {_FIELDS}, {_masked({type: within}, [type], statement)}
        FROM resource_version v WHERE v.type = $1::text AND v.id = $2::text AND {seen}
        ORDER BY v.version DESC LIMIT 1
        """
    return statement.headed(sql), statement.parameters


def version(type: str, id: str, number: int, *, within: Expression) -> Query:
    """One version of a resource."""
    statement = Statement([type, id, number])
    seen = _seen(type, within, statement)
    sql = f"""
        SELECT {_FIELDS}, v.controller, {_SPOKEN_OF}, {_masked({type: within}, [type], statement)}
        FROM resource_version v
        WHERE v.type = $1::text AND v.id = $2::text AND v.version = $3::integer AND {seen}
        """
    return statement.headed(sql), statement.parameters


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
    statement = Statement([count])
    bound = statement.bind
    types = [type] if type is not None else _with_history(within)
    wanted = _of_types(within, types, statement, is_one=id is not None)
    if not wanted:
        return None
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
            parts.append(f"NOT was_over(v.type, v.id, v.version, {bound(low, 'timestamptz')})")
    rows = f"FROM resource_version v WHERE {' AND '.join(parts)}"
    masks = _masked(within, types, statement)
    place = f" AND v.last_updated < {bound(before, 'timestamptz')}" if before is not None else ""
    return (
        statement.headed(f"""
        WITH few AS (
            SELECT {_FIELDS}, v.controller, {_SPOKEN_OF}, {masks} {rows}{place}
            ORDER BY v.last_updated DESC LIMIT $1::integer + 1
        ), page AS MATERIALIZED ({weighed("few", "last_updated DESC")})
        SELECT counted.total, page.*
        FROM (SELECT count(*) AS total FROM (SELECT {rows} LIMIT {COUNTED + 1}) few) counted
        LEFT JOIN page ON true ORDER BY page.last_updated DESC
        """),
        statement.parameters,
    )


def locking(type: str, ids: Sequence[str], *, within: Expression) -> Query:
    """The living rows of these ids, locked in the order of the ids until the unit of work ends."""
    statement = Statement([list(ids)])
    rows = _rows(type, within, statement)
    fields = f"{projection(type).fields}, {masked_column(statement, within, type)}"
    sql = f"SELECT {fields} {rows} AND r.id = ANY($1::text[]) ORDER BY r.id FOR UPDATE OF r"
    return statement.headed(sql), statement.parameters


def deletions(type: str, ids: Sequence[str], *, within: Expression) -> Query | None:
    """The newest version of each of these ids, where it is a deletion that is visible; None when none can be."""
    statement = Statement([type, list(ids)])
    seen = _seen_gone(within, statement)
    if seen is None:
        return None
    sql = f"""
        SELECT * FROM (
            SELECT DISTINCT ON (v.id) {_FIELDS}, v.controller, v.who FROM resource_version v
            WHERE v.type = $1::text AND v.id = ANY($2::text[]) ORDER BY v.id, v.version DESC
        ) v WHERE interaction = 'delete' AND {seen} AND NOT is_succeeded($1::text, v.id, v.version)
        """
    return statement.headed(sql), statement.parameters


def _inside(statement: Statement, within: Expression, type: str, where: Expression) -> str:
    """The condition of a slice beside that of what is asked."""
    return condition(statement, within, type, is_anchored=is_anchor(where), client=client_of(where))


def _rows(type: str, within: Expression, statement: Statement) -> str:
    """FROM and WHERE of the visible rows of a type, of which few are named by their ids."""
    source = source_of(statement, type, within)
    return f"FROM {source} r WHERE {condition(statement, within, type, is_anchored=True)}"


def _seen(type: str, within: Expression, statement: Statement, *, is_one: bool = True) -> str:
    """The condition on a version `v` that it is visible; `is_one`: there are few beside which it stands.

    A register's versions are seen by whoever sees the register, also deletions.
    """
    match within:
        case Everything():
            return "true"
        case OfRegister(organization):
            return f"v.controller = {statement.bind(organization, 'text')}"
        case Or(parts):
            return f"({' OR '.join(_seen(type, part, statement, is_one=is_one) for part in parts)})"
        case And((inner, WrittenBy() as by)):
            return f"({_seen(type, inner, statement, is_one=is_one)} AND {written_by(statement, by, 'v')})"
    if _client_of(within) and not projection(type).patients:
        return "false"  # it never speaks of a client; and nothing may be bound that nothing refers to
    inside = condition(statement, within, type, is_anchored=is_one, is_whole=True)
    rows = f"FROM {projection(type).table} r WHERE {inside}"
    if client := _client_of(within):
        current = f"{_among(rows, is_one, statement)} AND v.patients <@ ARRAY[{statement.bind(client, 'text')}]"
        return f"({current} AND v.patients <> '{{}}')"
    if is_one:
        # OFFSET keeps it from becoming a join, in which the slice would be asked again for each version there ever was:
        # who may not see a thing of 250 versions waited for four seconds (measured).
        return f"EXISTS (SELECT {rows} AND r.id = v.id AND r.version = v.version OFFSET 0)"
    # Asked of each row by itself: an EXISTS would now and then be made of the whole table.
    is_current = f"(SELECT c.version FROM {projection(type).table} c WHERE c.id = v.id) = v.version"
    return f"({_among(rows, is_one, statement)} AND {is_current})"


def _masked(within: Mapping[str, Expression], types: Sequence[str], statement: Statement) -> str:
    """The column `masked` of a version `v`: whether the ban that a client has now takes something out of it for whoever
    asks."""
    found = []
    for type in types:
        asker = asker_of(within[type])
        if asker is None or not may_mask(type):
            continue
        own = acted_for(statement, asker)
        banned = "EXISTS (SELECT FROM unnest(v.patients) p WHERE access_has_safety_ban(p))"
        holds = "" if type in MASKED else " AND v.content -> 'contained' IS NOT NULL"
        found.append(f"v.type = '{type}'{holds} AND (v.controller = {own}) IS NOT TRUE AND {banned}")
    return f"({' OR '.join(found) or 'false'}) AS masked"


def _among(rows: str, is_one: bool, statement: Statement) -> str:
    """That `v` is a version of one of the rows; many are found once in the statement."""
    if is_one:
        return f"EXISTS (SELECT {rows} AND r.id = v.id)"
    return f"{statement.ids_of(f'SELECT r.id {rows}')} ? v.id"


def _client_of(within: Expression) -> str | None:
    """The client whose own view it is, without further limits; None for any other."""
    match within:
        case OfClient(client) | And((OfClient(client), Not())):
            return client
    return None


def _seen_gone(within: Expression, statement: Statement) -> str | None:
    """The condition on a version `v` that is visible even when nothing living is there; None when that is never so."""
    match within:
        case Everything():
            return "true"
        case OfRegister(organization):
            return f"v.controller = {statement.bind(organization, 'text')}"
        case Or(parts):
            found = [each for part in parts if (each := _seen_gone(part, statement)) is not None]
            return f"({' OR '.join(found)})" if found else None
        case And((inner, WrittenBy() as by)):
            gone = _seen_gone(inner, statement)
            return f"({gone} AND {written_by(statement, by, 'v')})" if gone is not None else None
    return None


def _of_types(
    within: Mapping[str, Expression], types: Sequence[str], statement: Statement, *, is_one: bool
) -> list[str]:
    """The alternatives that make a version visible, for these types; those seen wholly are drawn together."""
    whole = [type for type in types if isinstance(within[type], Everything)]
    found = [f"v.type = ANY({statement.bind(whole, 'text[]')})"] if whole else []
    for type in types:
        if not isinstance(within[type], (Everything, Nothing)):
            of_type = f"v.type = {statement.bind(type, 'text')}"
            found.append(f"({of_type} AND {_seen(type, within[type], statement, is_one=is_one)})")
    return found


def _with_history(within: Mapping[str, Expression]) -> list[str]:
    return [type for type in within if "history-type" in CATALOGUE[type].can]
