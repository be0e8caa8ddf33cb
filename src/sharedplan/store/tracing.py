"""Who was at a client's data, by the log: one row for each person and organisation, without what else the log tells.

It is asked through the slice of the client's own log (`store/own_log.py`), which leaves out what is of others.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sharedplan.search.expression import ToldOf
from sharedplan.store.compile import condition, source_of
from sharedplan.store.queries import Query
from sharedplan.store.statements import Statement

WRITES = ("C", "U", "D")
FETCHES = ("read", "search-type", "search-system", "$everything", "$document", "history-instance", "history-type")
"""Interactions that show a thing as it is."""


class Visit(NamedTuple):
    """`agents`: the person, the organisation or both, as references. `last`: when last, `wrote`: when last to write,
    `fetched`: when first the thing that was asked about was shown since it was changed last; UTC."""

    agents: Sequence[str]
    last: datetime
    wrote: datetime | None
    fetched: datetime | None


def visits(client: str, thing: str, *, since: datetime, changed: datetime) -> Query:
    """Who was at the data of the client since then, or since the thing ("CarePlan/1") was changed."""
    statement = Statement([client, thing, since, changed, list(WRITES), list(FETCHES)])
    within = ToldOf(client)
    source = source_of(statement, "AuditEvent", within)
    inside = condition(statement, within, "AuditEvent", is_anchored=True)
    sql = f"""
        SELECT r.agent AS agents, max(r.last_updated) AS last,
            max(r.last_updated) FILTER (WHERE r.action && $5::text[]) AS wrote,
            min(r.last_updated) FILTER (
                WHERE r.entity @> ARRAY[$2::text] AND r.last_updated >= $4::timestamptz AND r.subtype && $6::text[]
            ) AS fetched
        FROM {source} r
        WHERE r.last_updated >= least($3::timestamptz, $4::timestamptz) AND r.patient @> ARRAY[$1::text]
            AND r.outcome @> '{{0}}'::text[] AND r.agent IS NOT NULL AND {inside}
        GROUP BY r.agent
        """
    return statement.headed(sql), statement.parameters
