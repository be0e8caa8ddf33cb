"""What a search asks of the database: a page of matches in an order, and what belongs to them; pure.

https://hl7.org/fhir/R4/search.html#sort, https://hl7.org/fhir/R4/http.html#paging

A page is found by where the last one ended (its keys), never by counting over rows. The pages that follow the first
look at the moment of the first one (`compile.rows`), so together they show each match of that moment once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sharedplan.search.expression import And, Everything, Expression, Not, OfRegister, OfTargets, Or, Permitted, Updated
from sharedplan.search.masking import MASKED, is_masked
from sharedplan.search.parameters import Parameter
from sharedplan.store import trail as trails
from sharedplan.store.compile import client_of, condition, is_anchor, masked, masked_column, rows
from sharedplan.store.projection import projection
from sharedplan.store.statements import Statement
from sharedplan.store.trail import Trail
from sharedplan.store.weighing import weighed

COUNTED = 10_000
"""Matches that are counted when nobody asked for the total and finding them all would be the most of the work."""

LONGEST_KEPT = 8_000
"""Characters of conditions in a statement whose text is kept."""

Keys = tuple[Any, ...]
"""Where a row stands in the order: the value of each sort key, then the number of its type, then its id."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of the order: by the parameter's values, of several by the least (or descending, by the greatest).
    Rows without a value come last either way."""

    parameter: Parameter
    is_descending: bool = False

    @property
    def kind(self) -> str:
        """The SQL type of its values."""
        if self.parameter.code == "_lastUpdated" or self.parameter.type == "date":
            return "timestamptz"
        return "numeric" if self.parameter.type in ("number", "quantity") else "text"


@dataclass(frozen=True, slots=True)
class Place:
    """A page other than the first: at the moment `as_of`, beyond `keys`, or before them when it `is_backwards`.

    `keys` is None for the first page again, as it was then.
    """

    as_of: datetime
    keys: Keys | None = None
    is_backwards: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """A search: of each type what is asked of it, in what order, and which page.

    `total`: "none", "accurate", or "some" to count unless that is costly. `seen`: what may be seen of each type.
    """

    wheres: Mapping[str, Expression]
    seen: Mapping[str, Expression]
    count: int
    total: str = "some"
    sort: tuple[SortKey, ...] = ()
    place: Place | None = None


def page(search: Search, *, trail: Trail | None = None, row_id: str = "") -> tuple[str, list[Any]]:
    """The statement, and its parameters, that gives a page and one row more if there is any, in the search's order;
    with a `trail`, the audit row goes in with it, under the id `row_id`.

    Each row has `total`, `as_of` (null when there is no other page) and `fetched` (how many there were before long ones
    were left for the next page; null when none were); `rank` (the number of its type), `k0` and so on (its keys), and
    the fields of a version; without a trail, `patients`, whom it speaks of. Without matches there is one row, whose id
    is null.
    """
    place = search.place
    statement = Statement([], search.seen, place.as_of if place is not None else None)
    walked = _walked(search)
    if walked is not None:
        (type,) = search.wheres
        hits = tuple(_hits(search, statement, 0, type, within) for within in walked)
    else:
        hits = tuple(_hits(search, statement, n, type, search.seen[type]) for n, type in enumerate(search.wheres))
    sources = tuple((type, rows(statement, type)) for type in search.wheres)
    shown = tuple(fields(type, masked_column(statement, search.seen[type], type)) for type in search.wheres)
    beyond = _beyond(search, statement) if place is not None and place.keys is not None else "true"
    moment = _moment(search, statement)
    first = len(statement.parameters) + 1
    if trail is not None:
        statement.parameters += trails.row(trail, row_id)
    # The usual searches differ in their parameters alone. Long texts are of questions that nobody asks twice.
    made = _statement if sum(map(len, hits)) <= LONGEST_KEPT else _statement.__wrapped__
    text = made(
        hits,
        sources,
        shown,
        tuple(f"k{number}" for number in range(len(search.sort))),
        order=_order(search, place is not None and place.is_backwards),
        beyond=beyond,
        moment=moment,
        count=search.count,
        total=search.total,
        walks=walked is not None,
        recorded_from=first if trail is not None else None,
    )
    return statement.headed(text), statement.parameters


@lru_cache(maxsize=512)
def _statement(
    hits: tuple[str, ...],
    sources: tuple[tuple[str, str], ...],
    fields: tuple[str, ...],
    names: tuple[str, ...],
    *,
    order: str,
    beyond: str,
    moment: str,
    count: int,
    total: str,
    walks: bool,
    recorded_from: int | None,
) -> str:
    """The text of `page`. `hits` are the matches of each of the types, and `sources` (type, where its rows are read
    from), `fields` what of these. When it `walks`, they are of one type, the first to be walked along, and perhaps
    others."""
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
        f"SELECT few.rank, {''.join(f'few.{name}, ' for name in names)}{fields[rank]} "
        f"FROM few JOIN {source} r ON r.id = few.id{f' WHERE few.rank = {rank:d}' if len(sources) > 1 else ''}"
        for rank, (_, source) in enumerate(sources)
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
        SELECT {_total(total, counted, walks=walks)} AS total, {as_of} AS as_of, {_shown(sources, names, recorded_from)}
        FROM (SELECT) nothing LEFT JOIN page ON true ORDER BY {order}
    """


def _shown(sources: tuple[tuple[str, str], ...], names: tuple[str, ...], recorded_from: int | None) -> str:
    """The columns of a page that anybody looks at: the driver takes its time for each, and most for arrays."""
    wanted = ["fetched", *names, "id", "version", "last_updated", "content"]
    if any(type in MASKED for type, _ in sources):
        wanted.append("masked")
    if len(sources) > 1:
        wanted.append("rank")
    if recorded_from is None:
        wanted += ["patients", "controller"]
    if any(type == "AuditEvent" for type, _ in sources):
        wanted += [*({"patients"} - set(wanted)), "trail", "outcome", "entity"]
    return ", ".join(f"page.{name}" for name in wanted)


def _name(sources: tuple[tuple[str, str], ...]) -> str:
    """SQL of how a reference to a row begins, by its `rank`."""
    if len(sources) == 1:
        return f"'{sources[0][0]}/'"
    return f"(ARRAY[{', '.join(repr(f'{type}/') for type, _ in sources)}])[rank + 1]"


def fields(type: str, masks: str) -> str:
    """What is selected of a row `r` of a type; the same columns for all types, the last of which is `masks`."""
    shape = projection(type)
    trail = "r.trail, r.outcome, r.entity" if type == "AuditEvent" else "NULL::json, NULL::text[], NULL::text[]"
    trail = ", ".join(
        f"{each.strip()} AS {name}" for each, name in zip(trail.split(","), ("trail", "outcome", "entity"), strict=True)
    )
    patients = f"{shape.patients or 'NULL::text[]'} AS patients"
    return f"r.id, r.version, r.last_updated, r.content, r.controller, {patients}, {trail}, {masks}"


def _hits(search: Search, statement: Statement, rank: int, type: str, within: Expression) -> str:
    """The matches of one type within a slice, with their keys."""
    hidden = masked(statement, search.seen[type], type) if any(is_masked(key.parameter) for key in search.sort) else ""

    def value(key: SortKey) -> str:
        found = _value(key, type)
        return f"CASE WHEN ({hidden}) IS NOT TRUE THEN {found} END" if hidden and is_masked(key.parameter) else found

    keys = "".join(f", {value(key)} AS k{number}" for number, key in enumerate(search.sort))
    source = rows(statement, type)
    asked = search.wheres[type]
    where = condition(statement, asked, type, is_anchored=is_anchor(within))
    is_whole = isinstance(asked, Everything)
    inside = condition(
        statement, within, type, is_anchored=is_anchor(asked), client=client_of(asked), is_whole=is_whole
    )
    return f"SELECT {rank:d} AS rank, r.id{keys} FROM {source} r WHERE {where} AND {inside}"


def _value(key: SortKey, type: str) -> str:
    """SQL of what a row `r` is sorted by."""
    parameter = key.parameter
    if parameter.code in ("_id", "_lastUpdated"):
        return 'r.id COLLATE "C"' if parameter.code == "_id" else "r.last_updated"
    column, which = f'r."{parameter.column}"', "max" if key.is_descending else "min"
    match parameter.type:
        case "date":
            column = column if parameter.is_scalar else f'r."{parameter.column}_span"'
            # The driver takes the ends of Python's calendar for infinity, both ways, so a cursor keeps them.
            end, open_end = ("upper", "infinity") if key.is_descending else ("lower", "-infinity")
            return f"CASE WHEN {column} IS NOT NULL THEN coalesce({end}({column}), '{open_end}') END"
        case "quantity":
            # In base units where there are any, for only so can two of them be compared.
            end = f"{'upper' if key.is_descending else 'lower'}(v)"
            least = f'SELECT {which}({end}) FROM unnest({column}, r."{parameter.key_column}") q(v, k) WHERE'
            return f"coalesce(({least} k LIKE '=%'), ({least} k = ''))"
        case "number":
            return f'{"upper" if key.is_descending else "lower"}(r."{parameter.column}_span")'
        case "reference" if parameter.is_scalar:
            return f'{column} COLLATE "C"'
        case "string":
            # The text as it was sent, small, with the letters that follow z in Finnish and Swedish after it.
            letters = "translate(lower(substr(v, 2)), 'åäö', '{|}') COLLATE \"C\""
            return f"(SELECT {which}({letters}) FROM unnest({column}) v WHERE v LIKE '=%')"
        case "token":
            return f"(SELECT {which}(v COLLATE \"C\") FROM unnest({column}) v WHERE strpos(v, '|') = 0)"
    return f'(SELECT {which}(v COLLATE "C") FROM unnest({column}) v)'


def _walked(search: Search) -> tuple[Expression, ...] | None:
    """The slices to look through, of which the first lies together in the index of the order, so that it can be walked
    along up to the limit; None when nothing does.

    A whole register lies so, and what else is seen beside it is little. The log has no other way than to be walked.
    """
    if len(search.wheres) > 1 or len(search.sort) > 1:
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
    return "(SELECT coalesce(max(last_updated), '-infinity') FROM resource_version)"


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
    if len(search.wheres) > 1:
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
    if len(search.wheres) == 1 and len(values) == 1 and search.sort[0].parameter.code == "_lastUpdated":
        # Compared together, they lead straight to the place in the index.
        place = f"{statement.bind(values[0], 'timestamptz')}, {statement.bind(id, 'text')}"
        return f"(k0, id) {'<' if is_backwards != _runs_down(search) else '>'} ({place})"
    after = f"id {'<' if is_backwards != _runs_down(search) else '>'} {statement.bind(id, 'text')}"
    if len(search.wheres) > 1:
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
