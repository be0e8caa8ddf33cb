"""What is read of several types in one statement, each row once: a whole client, and what that names; pure.

A search of several types looks at each row twice, to find it and to show it, since it has pages and an order. What is
read here has neither, so the statement is half as long to plan and to run (230 rows of 18 types: 8 ms against 20,
measured). Who has read it before asks what has come since, or which of it he does not have.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from struct import pack
from typing import NamedTuple

from sharedplan.search.expression import Expression
from sharedplan.store.compile import condition, source_of
from sharedplan.store.masks import masked_column
from sharedplan.store.projection import projection
from sharedplan.store.queries import Query
from sharedplan.store.selectivity import client_of, is_anchor
from sharedplan.store.statements import Statement
from sharedplan.store.versions import Version
from sharedplan.store.weighing import is_little, weighed

Parts = Sequence[tuple[str, Expression]]
"""Types, each with what is asked of it; the number of one is the `rank` of its rows."""


class Row(NamedTuple):
    """One of the rows. `is_banned`: a safety ban hides of whoever asks what it hides, whether or not it is in there."""

    rank: int
    version: Version
    is_banned: bool


EPOCH = 946_684_800_000_000
"""The database counts instants from the year 2000 on: microseconds of a Unix time before that."""


def living(wheres: Mapping[str, Expression], *, within: Mapping[str, Expression], limit: int) -> Query:
    """The rows of each type that meet its condition and lie within its slice, by type and id: at most `limit`, and as
    many as an answer can hold. Each tells the number of its type (`rank`) and how many there were (`fetched`, one above
    the limit when there are more)."""
    statement = Statement([], within)
    few = _few(statement, tuple(wheres.items()), within, limit, with_patients=True)
    sql = f"WITH few AS MATERIALIZED ({few}) {weighed('few', 'rank, id')}"
    return statement.headed(sql), statement.parameters


def unknown(parts: Parts, known: Iterable[Row], *, within: Mapping[str, Expression], limit: int) -> Query:
    """The same of these parts; of the rows that are known the content is left out."""
    statement = Statement([], within)
    few = _few(statement, parts, within, limit)
    keys = statement.bind([_key(each) for each in known], "text[]")
    is_known = f"concat_ws('/', rank, version, masked IS TRUE, id) = ANY({keys})"
    columns = "rank, id, version, last_updated, controller, masked"
    sql = f"""
        WITH few AS MATERIALIZED ({few}),
        new AS MATERIALIZED (SELECT {columns}, CASE WHEN {is_known} THEN NULL ELSE content END AS content FROM few)
        {weighed("new", "rank, id")}
    """
    return statement.headed(sql), statement.parameters


def _key(row: Row) -> str:
    return f"{row.rank}/{row.version.version}/{'t' if row.is_banned else 'f'}/{row.version.id}"


def since(parts: Parts, *, within: Mapping[str, Expression], limit: int) -> Query:
    """What stands for these rows (`mark`), and after that those which were written after the instant that is the first
    parameter, None here; those only when they are no more than goes together. The statement has its turn."""
    statement = Statement([None], within)
    # Sorted are rows without their contents, but for those few.
    few = _few(statement, parts, within, limit, content="CASE WHEN r.last_updated > $1::timestamptz THEN r.content END")
    # As they are sent, for to write an instant as text takes longer than all else.
    told = "int4send(rank) || int4send(version) || timestamptz_send(last_updated) || boolsend(masked IS TRUE)"
    told = f"textsend(id) || {told} || textsend(coalesce(controller, ''))"
    digest = f"encode(sha256(coalesce(string_agg({told}, '\\x00'::bytea), ''::bytea)), 'hex')"
    columns = "rank, id, version, last_updated, controller, masked, content"
    sql = f"""
        WITH few AS MATERIALIZED ({few}),
        new AS MATERIALIZED (SELECT * FROM few WHERE last_updated > $1::timestamptz)
        SELECT {statement.turn} AS turn, found.* FROM (
            SELECT {digest} AS mark, NULL::integer AS rank, NULL::text AS id, NULL::integer AS version,
                NULL::timestamptz AS last_updated, NULL::text AS controller, NULL::boolean AS masked,
                NULL::json AS content
            FROM (SELECT * FROM few ORDER BY rank, id) ordered
            UNION ALL SELECT NULL, {columns} FROM new WHERE {is_little("new")}
        ) found ORDER BY mark NULLS LAST
    """
    return statement.headed(sql), statement.parameters


def told(row: Row) -> bytes:
    """What stands for one row in a mark."""
    rank, version, is_banned = row
    at = version.last_updated
    moment = int(at.timestamp()) * 1_000_000 + at.microsecond - EPOCH
    numbers = pack(">iiq?", rank, version.version, moment, is_banned)
    return version.id.encode() + numbers + (version.controller or "").encode()


def mark(rows: Iterable[bytes]) -> str:
    """What stands for these rows, each as `told`, in the order of their parts and ids: as `since` says it."""
    return sha256(b"\0".join(rows)).hexdigest()


def _few(
    statement: Statement,
    asked: Parts,
    within: Mapping[str, Expression],
    limit: int,
    *,
    content: str = "r.content",
    with_patients: bool = False,
) -> str:
    """The rows; only where they are to tell it, they tell whom they speak of."""
    parts = []
    for rank, (type, where) in enumerate(asked):
        slice = within[type]
        meets = condition(statement, where, type, is_anchored=is_anchor(slice))
        inside = condition(statement, slice, type, is_anchored=is_anchor(where), client=client_of(where))
        shape, masks = projection(type), masked_column(statement, slice, type, client=client_of(where))
        told = f"r.id, r.version, r.last_updated, r.controller, {content} AS content"
        patients = f", {shape.patients or 'NULL::text[]'} AS patients" if with_patients else ""
        parts.append(
            f"SELECT {rank:d} AS rank, {told}{patients}, {masks} "
            f"FROM {source_of(statement, type, slice)} r WHERE {meets} AND {inside}"
        )
    most = statement.bind(limit + 1, "integer")
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) each_of_them ORDER BY rank, id LIMIT {most}"
