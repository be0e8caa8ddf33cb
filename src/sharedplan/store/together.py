"""What is read of several types in one statement, each row once: a whole client, and what that names; pure.

A search of several types looks at each row twice, to find it and to show it, since it has pages and an order. What is
read here has neither, so the statement is half as long to plan and to run (230 rows of 18 types: 8 ms against 20,
measured).
"""

from collections.abc import Mapping

from sharedplan.search.expression import Expression
from sharedplan.store.compile import client_of, condition, is_anchor, masked_column, source_of
from sharedplan.store.projection import projection
from sharedplan.store.queries import Query
from sharedplan.store.statements import Statement
from sharedplan.store.weighing import weighed


def living(wheres: Mapping[str, Expression], *, within: Mapping[str, Expression], limit: int) -> Query:
    """The rows of each type that meet its condition and lie within its slice, by type and id: at most `limit`, and as
    many as an answer can hold. Each tells the number of its type (`rank`) and how many there were (`fetched`, one above
    the limit when there are more)."""
    statement = Statement([], within)
    few = _few(statement, wheres, within, limit, with_content=True)
    sql = f"WITH few AS MATERIALIZED ({few}) {weighed('few', 'rank, id')}"
    return statement.headed(sql), statement.parameters


def mark(wheres: Mapping[str, Expression], *, within: Mapping[str, Expression], limit: int) -> Query:
    """What stands for these rows: a digest of what identifies each (its version, its register, and whether something of
    it is masked). The statement has its turn."""
    statement = Statement([], within)
    few = _few(statement, wheres, within, limit, with_content=False)
    # As they are sent, for to write an instant as text takes longer than all else.
    told = "textsend(id) || int4send(rank) || int4send(version) || timestamptz_send(last_updated) || boolsend(masked)"
    told = f"{told} || textsend(coalesce(controller, ''))"
    digest = f"encode(sha256(coalesce(string_agg({told}, '\\x00'::bytea), ''::bytea)), 'hex')"
    sql = f"""
        WITH few AS MATERIALIZED ({few})
        SELECT {statement.turn} AS turn, {digest} AS mark FROM (SELECT * FROM few ORDER BY rank, id) ordered
    """
    return statement.headed(sql), statement.parameters


def _few(
    statement: Statement,
    wheres: Mapping[str, Expression],
    within: Mapping[str, Expression],
    limit: int,
    *,
    with_content: bool,
) -> str:
    """The rows; without their content they do not tell whom they speak of either."""
    parts = []
    for rank, (type, where) in enumerate(wheres.items()):
        slice = within[type]
        asked = condition(statement, where, type, is_anchored=is_anchor(slice))
        inside = condition(statement, slice, type, is_anchored=is_anchor(where), client=client_of(where))
        shape, masks = projection(type), masked_column(statement, slice, type, client=client_of(where))
        content = f"r.content, {shape.patients or 'NULL::text[]'} AS patients, " if with_content else ""
        parts.append(
            f"SELECT {rank:d} AS rank, r.id, r.version, r.last_updated, r.controller, {content}{masks} "
            f"FROM {source_of(statement, type, slice)} r WHERE {asked} AND {inside}"
        )
    most = statement.bind(limit + 1, "integer")
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) each_of_them ORDER BY rank, id LIMIT {most}"
