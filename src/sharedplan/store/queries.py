"""What reads ask of living rows, as SQL text and its parameters; pure. Every one takes its slice into the query.

What is asked of their versions is in `store/visible_versions.py` and `store/histories.py`; conditions are compiled in
`store/compile.py`.
"""

from collections.abc import Mapping, Sequence
from sys import intern
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.expression import Expression
from sharedplan.search.registry import kept_until_renewed
from sharedplan.store import trail as trails
from sharedplan.store.compile import condition, source_of
from sharedplan.store.joint import ASKED, Filling, Joint, Question, joint
from sharedplan.store.masks import masked_column
from sharedplan.store.projection import projection
from sharedplan.store.reach import reach
from sharedplan.store.selectivity import client_of, is_anchor
from sharedplan.store.statements import Statement
from sharedplan.store.trail import Trail
from sharedplan.store.weighing import weighed

Query = tuple[str, list[Any]]
"""SQL text and its parameters; who asks comes after them (`Session.ask`), and after that the turn of one that has it as
its first column (`company.py`)."""

_ID: Filling = (0, None)
_OF_THE_TRAIL: tuple[Filling, ...] = ((None, None),) * len(trails.FIELDS)


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


def locking(type: str, ids: Sequence[str], *, within: Expression) -> Query:
    """The living rows of these ids, locked in the order of the ids until the unit of work ends."""
    statement = Statement([list(ids)])
    rows = _rows(type, within, statement)
    fields = f"{projection(type).fields}, r.controller, {masked_column(statement, within, type)}"
    sql = f"SELECT {fields} {rows} AND r.id = ANY($1::text[]) ORDER BY r.id FOR UPDATE OF r"
    return statement.headed(sql), statement.parameters


def _inside(statement: Statement, within: Expression, type: str, where: Expression) -> str:
    """The condition of a slice beside that of what is asked. Nothing is asked of what others keep that refers to the
    same."""
    inside = condition(statement, within, type, is_anchored=is_anchor(where), client=client_of(where))
    if not is_anchor(where) or is_anchor(where, surely=True) or is_anchor(within):
        return inside
    near = reach(statement, within, type, looks_up=True)
    return f"({near}) IS TRUE AND {inside}" if near else inside


def _rows(type: str, within: Expression, statement: Statement) -> str:
    """FROM and WHERE of the visible rows of a type, of which few are named by their ids."""
    source = source_of(statement, type, within)
    return f"FROM {source} r WHERE {condition(statement, within, type, is_anchored=True)}"
