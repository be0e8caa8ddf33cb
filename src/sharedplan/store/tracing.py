"""Who was at a client's data, by the log: one row for each person and organisation, without what else the log tells.

It is asked through the slice of the client's own log (`store/own_log.py`), which leaves out what is of others, but by
whoever sees the thing that it is asked for; and of other things it gives nothing but who was at them. Who was
told by a Subscription that something changed has read nothing yet, and is not among them for that.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sharedplan.search.expression import OfOwnClients, ToldOf
from sharedplan.store import own_log
from sharedplan.store.compile import condition
from sharedplan.store.queries import Query
from sharedplan.store.statements import Statement

WRITES = ("C", "U", "D")
FETCHES = ("read", "search-type", "search-system", "$everything", "$document", "history-instance", "history-type")
"""Interactions that show a thing as it is."""


LATE = timedelta(minutes=1)
"""How long before it was committed a row of the log may say that it was made, at most; the limits of the database for a
statement and for a transaction that waits are much shorter."""


class Visit(NamedTuple):
    """`agents`: the person, the organisation or both, as references. `last`: when last, `wrote`: when last to write,
    `fetched`: when first the thing that was asked about was shown since it was changed last; UTC."""

    agents: Sequence[str]
    last: datetime
    wrote: datetime | None
    fetched: datetime | None


class Told(NamedTuple):
    """What the log told of a client: the thing that was asked about and since when, and the first transaction that may
    not have been over by then. Rows are only ever added, so of all before it nothing needs to be asked again."""

    since: datetime
    changed: datetime
    upto: int
    visits: tuple[Visit, ...]


def visits(
    client: str,
    thing: str,
    *,
    keeper: OfOwnClients | None,
    since: datetime,
    changed: datetime,
    told: Told | None = None,
) -> Query:
    """Who was at the data of the client since then, or since the thing ("CarePlan/1") was changed; and (`upto`) before
    which transaction all of them are told. As far as its `keeper` is told of it, or wherever it is. What was `told`
    before is left out. The statement has its turn."""
    low, first = min(since, changed), 0
    if told is not None:
        newest = max((each.last for each in told.visits), default=low)
        low, first = max(low, newest - LATE), told.upto
    statement = Statement([client, thing, low, changed, list(WRITES), list(FETCHES), first])
    if keeper is None:
        source = own_log.of_client(statement, client, withholds=False)
        inside = condition(statement, ToldOf(client), "AuditEvent", is_anchored=True)
    else:
        source = own_log.of_keeper(statement, keeper)
        inside = f"r.{own_log.WHOLE['patient']} && ARRAY[$1::text]"
    sql = f"""
        WITH visit AS MATERIALIZED (SELECT r.agent AS agents, max(r.last_updated) AS last,
            max(r.last_updated) FILTER (WHERE r.action && $5::text[]) AS wrote,
            min(r.last_updated) FILTER (
                WHERE r.entity @> ARRAY[$2::text] AND r.last_updated >= $4::timestamptz AND r.subtype && $6::text[]
            ) AS fetched
        FROM {source} r
        WHERE r.last_updated >= $3::timestamptz AND r.xact >= $7::bigint AND r.patient @> ARRAY[$1::text]
            AND r.outcome @> '{{0}}'::text[] AND r.agent IS NOT NULL AND {inside}
            AND (r.subtype @> '{{notification}}'::text[]) IS NOT TRUE
        GROUP BY r.agent)
        SELECT {statement.turn} AS turn, upto, agents, last, wrote, fetched
        FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS upto) until LEFT JOIN visit ON true
        """
    return statement.headed(sql), statement.parameters


def together(found: Sequence[Visit], *, upto: int, since: datetime, changed: datetime, told: Told | None) -> Told:
    """What was told before and what was found since, as if all had been asked at once."""
    low = min(since, changed)
    by_agents: dict[tuple[str, ...], Visit] = {}
    for each in (*(told.visits if told is not None else ()), *found):
        agents = tuple(each.agents)
        before = by_agents.get(agents)
        by_agents[agents] = each._replace(agents=agents) if before is None else _joined(before, each)
    kept = (each for each in by_agents.values() if each.last >= low)
    visits = tuple(each if each.wrote is None or each.wrote >= low else each._replace(wrote=None) for each in kept)
    return Told(since, changed, upto, visits)


def _joined(one: Visit, other: Visit) -> Visit:
    wrote = [each for each in (one.wrote, other.wrote) if each is not None]
    fetched = [each for each in (one.fetched, other.fetched) if each is not None]
    return Visit(one.agents, max(one.last, other.last), max(wrote, default=None), min(fetched, default=None))
