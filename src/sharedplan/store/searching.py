"""What a search asks of the database: a page of matches in an order, and what belongs to them; pure.

https://hl7.org/fhir/R4/http.html#paging

A page is found by where the last one ended (its keys), never by counting over rows. The pages that follow the first
look at the moment of the first one (`compile.rows`), so together they show each match of that moment once.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sharedplan.search.expression import And, Everything, Expression, Not, OfRegister, OfTargets, Or, Permitted, Updated
from sharedplan.search.masking import may_mask
from sharedplan.store import trail as trails
from sharedplan.store.matches import Source, hits, hits_within, source
from sharedplan.store.searches import Search
from sharedplan.store.statements import Statement
from sharedplan.store.trail import Trail
from sharedplan.store.weighing import weighed

COUNTED = 10_000
"""Matches that are counted when nobody asked for the total and finding them all would be the most of the work."""

LONGEST_KEPT = 8_000
"""Characters of conditions in a statement whose text is kept."""


def page(search: Search, *, trail: Trail | None = None, row_id: str = "") -> tuple[str, list[Any]]:
    """The statement, and its parameters, that gives a page and one row more if there is any, in the search's order;
    with a `trail`, the audit row goes in with it, under the id `row_id`.

    Each row has `total`, `as_of` (null when there is no other page) and `fetched` (how many there were before long ones
    were left for the next page; null when none were); `rank` (the number of its type), `k0` and so on (its keys), and
    the fields of a version; without a trail, `patients`, whom it speaks of. Where contained resources are shown by
    themselves, `kind` and `own` say their type and id, and `holder` and `number` where they are. Without matches there
    is one row, whose id is null. A search of contained resources takes no trail.
    """
    place = search.place
    statement = Statement([], search.seen, place.as_of if place is not None else None)
    walked = _walked(search)
    if search.contained is not None:
        found, sources = hits_within(search, search.contained, statement)
    else:
        if walked is not None:
            (type,) = search.wheres
            found = tuple(hits(search, statement, 0, type, within) for within in walked)
        else:
            found = tuple(hits(search, statement, n, each, search.seen[each]) for n, each in enumerate(search.wheres))
        sources = tuple(source(statement, n, each, search.seen[each]) for n, each in enumerate(search.wheres))
    beyond = _beyond(search, statement) if place is not None and place.keys is not None else "true"
    moment = _moment(search, statement)
    first = len(statement.parameters) + 1
    if trail is not None:
        statement.parameters += trails.row(trail, row_id)
    # The usual searches differ in their parameters alone. Long texts are of questions that nobody asks twice.
    made = _statement if sum(map(len, found)) <= LONGEST_KEPT else _statement.__wrapped__
    text = made(
        found,
        sources,
        tuple(f"k{number}" for number in range(len(search.sort))),
        order=_order(search, place is not None and place.is_backwards),
        beyond=beyond,
        moment=moment,
        count=search.count,
        total=search.total,
        walks=walked is not None,
        is_ranked=search.is_ranked,
        is_alone=search.contained is not None and search.contained.is_alone,
        recorded_from=first if trail is not None else None,
    )
    return statement.headed(text), statement.parameters


@lru_cache(maxsize=512)
def _statement(
    hits: tuple[str, ...],
    sources: tuple[Source, ...],
    names: tuple[str, ...],
    *,
    order: str,
    beyond: str,
    moment: str,
    count: int,
    total: str,
    walks: bool,
    is_ranked: bool,
    is_alone: bool,
    recorded_from: int | None,
) -> str:
    """The text of `page`. `hits` are the matches of each of the types. When it `walks`, they are of one type, the first
    to be walked along, and perhaps others."""
    limit = f"LIMIT {count + 1 if count else 0:d}"
    if walks:
        steps = f"few AS (SELECT hits.* FROM ({hits[0]}) hits WHERE {beyond} ORDER BY {order} {limit})"
        counted = f"SELECT FROM ({hits[0]}) hits"
        for others in hits[1:]:
            steps = f"""others AS MATERIALIZED ({others}), {steps.replace("few", "along", 1)},
                few AS (SELECT * FROM (TABLE along UNION ALL SELECT * FROM others WHERE {beyond}) both_of_them
                    ORDER BY {order} {limit})"""
            counted += " UNION ALL SELECT FROM others"
    else:
        # Find all that match first. If the planner saw the limit and the order, it would now and then walk along the
        # order instead and test each row: 55 ms rather than 0.3 for one in 60,000, and worse with more (measured).
        steps = f"""hits AS MATERIALIZED ({" UNION ALL ".join(hits)}),
            few AS (SELECT * FROM hits WHERE {beyond} ORDER BY {order} {limit})"""
        counted = "SELECT FROM hits"
    found = " UNION ALL ".join(
        f"SELECT few.rank, {''.join(f'few.{name}, ' for name in names)}{source.fields} "
        f"FROM few {source.joined}{f' WHERE few.rank = {source.rank:d}' if is_ranked else ''}"
        for source in sources
    )
    steps += f", found AS MATERIALIZED ({found}), page AS MATERIALIZED ({weighed('found', order)})"
    if recorded_from is not None:
        audit = trails.insert(
            recorded_from,
            patients="told.patients",
            shown="told.resources",
            registers="told.registers",
            source="told",
            asked_last=True,
        )
        steps += f""",
            shown AS (SELECT * FROM page ORDER BY {order} LIMIT {count:d}),
            told AS MATERIALIZED (
                SELECT (SELECT array_agg(DISTINCT p) FROM shown, unnest(shown.patients) p) AS patients,
                    (SELECT array_agg({_name(sources)} || id) FROM shown) AS resources,
                    (SELECT array_agg(DISTINCT controller) FROM shown WHERE controller IS NOT NULL) AS registers
            ),
            recorded AS ({audit})"""
    is_more = f"(SELECT count(*) FROM found) > {count:d} OR EXISTS (SELECT FROM page WHERE fetched IS NOT NULL)"
    as_of = f"CASE WHEN {is_more} THEN {moment} END"
    return f"""
        WITH {steps}
        SELECT {_total(total, counted, walks=walks)} AS total, {as_of} AS as_of,
            {_shown(sources, names, is_ranked, is_alone, recorded_from)}
        FROM (SELECT) nothing LEFT JOIN page ON true ORDER BY {order}
    """


def _shown(
    sources: tuple[Source, ...], names: tuple[str, ...], is_ranked: bool, is_alone: bool, recorded_from: int | None
) -> str:
    """The columns of a page that anybody looks at: the driver takes its time for each, and most for arrays."""
    wanted = ["fetched", *names, "id", "version", "last_updated", "content"]
    if is_alone or any(may_mask(source.type) for source in sources):
        wanted.append("masked")
    if is_ranked:
        wanted.append("rank")
    if is_alone:
        wanted += ["kind", "own", "holder", "number"]
    if recorded_from is None:
        wanted += ["patients", "controller"]
    if any(source.type == "AuditEvent" for source in sources):
        wanted += [*({"patients"} - set(wanted)), "trail", "outcome", "entity"]
    return ", ".join(f"page.{name}" for name in wanted)


def _name(sources: tuple[Source, ...]) -> str:
    """SQL of how a reference to a row begins, by its `rank`."""
    if len(sources) == 1:
        return f"'{sources[0].type}/'"
    return f"(ARRAY[{', '.join(repr(f'{source.type}/') for source in sources)}])[rank + 1]"


def _walked(search: Search) -> tuple[Expression, ...] | None:
    """The slices to look through, of which the first lies together in the index of the order, so that it can be walked
    along up to the limit; None when nothing does.

    A whole register lies so, and what else is seen beside it is little. The log has no other way than to be walked.
    """
    if search.is_ranked or len(search.sort) > 1:
        return None
    by_time = bool(search.sort) and search.sort[0].parameter.code == "_lastUpdated"
    if search.sort and not by_time and search.sort[0].parameter.code != "_id":
        return None
    along = (Everything, Updated) if by_time else Everything
    (type,) = search.wheres
    if not isinstance(search.wheres[type], along):
        return None
    match search.seen[type]:
        case Everything():
            return (search.seen[type],)
        case Or() as within if type == "AuditEvent":
            return (within,)
        case Or((OfRegister() as own, (Permitted() | OfTargets()) as others)):
            return own, And((Not(own), others))
    return None


def _total(total: str, counted: str, *, walks: bool) -> str:
    if total == "none":
        return "NULL::bigint"
    if walks and total == "some":
        some = f"(SELECT count(*) AS n FROM ({counted} LIMIT {COUNTED + 1}) some_of_them)"
        return f"(SELECT nullif(n, {COUNTED + 1}) FROM {some} counted)"
    return f"(SELECT count(*) FROM ({counted}) all_of_them)"


def _moment(search: Search, statement: Statement) -> str:
    """The instant that all pages of this search look at: the newest that is committed, for instants are drawn in the
    order of commits."""
    if statement.as_of is not None:
        return statement.moment
    if "AuditEvent" in search.wheres:
        return "clock_timestamp()"
    return "(SELECT coalesce(at, '-infinity') FROM last_commit)"


def _order(search: Search, is_backwards: bool) -> str:
    """ORDER BY, of rows that have the keys as columns; backwards the same the other way round."""
    parts = []
    for number, key in enumerate(search.sort):
        is_descending = key.is_descending != is_backwards
        # What every row has is ordered as its index is, which has no other place for those without a value.
        is_certain = key.parameter.code in ("_id", "_lastUpdated")
        nulls = "" if is_certain else f" NULLS {'FIRST' if is_backwards else 'LAST'}"
        parts.append(f"k{number} {'DESC' if is_descending else 'ASC'}{nulls}")
    way = "DESC" if is_backwards != _runs_down(search) else "ASC"
    if search.is_ranked:
        parts.append(f"rank {'DESC' if is_backwards else 'ASC'}")
    return ", ".join([*parts, f"id {way}"])


def _runs_down(search: Search) -> bool:
    """Whether rows with the same keys come in the falling order of their ids: as the only key falls, so that one index
    serves both."""
    return len(search.sort) == 1 and search.sort[0].is_descending


def _beyond(search: Search, statement: Statement) -> str:
    """The condition on a row of `hits` or `few` that it lies beyond the place's keys."""
    assert search.place is not None and search.place.keys is not None
    *values, rank, id = search.place.keys
    is_backwards = search.place.is_backwards
    if not search.is_ranked and len(values) == 1 and search.sort[0].parameter.code == "_lastUpdated":
        # Compared together, they lead straight to the place in the index.
        place = f"{statement.bind(values[0], 'timestamptz')}, {statement.bind(id, 'text')}"
        return f"(k0, id) {'<' if is_backwards != _runs_down(search) else '>'} ({place})"
    after = f"id {'<' if is_backwards != _runs_down(search) else '>'} {statement.bind(id, 'text')}"
    if search.is_ranked:
        number = statement.bind(rank, "integer")
        after = f"(rank {'<' if is_backwards else '>'} {number} OR rank = {number} AND {after})"
    for number, (key, value) in reversed(list(enumerate(zip(search.sort, values, strict=True)))):
        column = f"k{number}"
        if value is None:
            after = f"({column} IS NOT NULL OR {after})" if is_backwards else f"({column} IS NULL AND {after})"
            continue
        bound = statement.bind(value, key.kind)
        sign = "<" if key.is_descending != is_backwards else ">"
        nulls = "" if is_backwards else f" OR {column} IS NULL"
        after = f"({column} {sign} {bound} OR {column} = {bound} AND {after}{nulls})"
    return after


def ordered(search: Search, found: Sequence[Any]) -> list[Any]:
    """The rows of a page in the order of the search, whichever way they were fetched."""
    shown = [row for row in found if row["id"] is not None][: search.count]
    return shown[::-1] if search.place is not None and search.place.is_backwards else shown
