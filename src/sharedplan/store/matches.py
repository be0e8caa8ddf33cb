"""The matches of a search, of each type, with what they are sorted by; pure.

https://hl7.org/fhir/R4/search.html#sort, https://hl7.org/fhir/R4/search.html#contained
"""

from dataclasses import replace
from typing import NamedTuple

from sharedplan.search.expression import And, Everything, Expression, Not, Nothing, OfRegister
from sharedplan.search.masking import is_masked
from sharedplan.store import containing, own_log
from sharedplan.store.compile import condition, leading, rows
from sharedplan.store.masks import Holder, masked, masked_column, masked_within
from sharedplan.store.projection import projection
from sharedplan.store.reach import reach
from sharedplan.store.searches import Contained, Search, SortKey
from sharedplan.store.selectivity import client_of, is_anchor
from sharedplan.store.statements import Statement


class Source(NamedTuple):
    """Where the rows of one rank are read from, once it is known which: what is selected, and what `few` is joined
    with."""

    rank: int
    type: str
    fields: str
    joined: str


def fields(type: str, masks: str, *, id: str = "r.id", content: str = "r.content") -> str:
    """What is selected of a row `r` of a type; the same columns for all types, the last of which is `masks`."""
    shape = projection(type)
    trail = "r.trail, r.outcome, r.entity" if type == "AuditEvent" else "NULL::json, NULL::text[], NULL::text[]"
    trail = ", ".join(
        f"{each.strip()} AS {name}" for each, name in zip(trail.split(","), ("trail", "outcome", "entity"), strict=True)
    )
    patients = f"{shape.patients or 'NULL::text[]'} AS patients"
    whole = f"{id} AS id, r.version, r.last_updated, {content} AS content, r.controller"
    return f"{whole}, {patients}, {trail}, {masks}"


def hits(search: Search, statement: Statement, rank: int, type: str, within: Expression, more: str = "") -> str:
    """The matches of one type within a slice, with their keys, and `more` columns before those."""
    is_hidden = any(is_masked(key.parameter) for key in search.sort)
    keys = _keys(search, type, masked(statement, search.seen[type], type) if is_hidden else "")
    source = rows(statement, type)
    asked = search.wheres[type]
    led = leading(statement, asked, within, type)
    where = condition(statement, asked, type, is_anchored=is_anchor(within), is_led=bool(led))
    is_whole = isinstance(asked, Everything)
    is_found = is_anchor(asked) and not led
    inside = condition(statement, within, type, is_anchored=is_found, client=client_of(asked), is_whole=is_whole)
    if led:
        return (
            f"SELECT {rank:d} AS rank, r.id{more}{keys} FROM {source} r WHERE {led} AND ({where}) IS TRUE AND {inside}"
        )
    is_narrow = is_whole or is_anchor(asked, surely=True) or is_anchor(within)
    # Who sees most of a type looks into no index for that, nor is it then found out who his clients are. (An anchor is
    # the better way, too, whatever the planner takes it for.)
    is_much = is_found or type in statement.seeing.much
    if not is_narrow and (near := reach(statement, within, type, looks_up=is_much)):
        inside = f"({near}) IS TRUE AND ({inside}) IS TRUE" if is_much else f"{near} AND {inside}"
    match within:
        case And((Not(OfRegister(organization)), *_)):
            # Of what lies beside a register that is walked along, first of all what tells that most rows lie in it: it
            # is told by one of their first columns, and nothing else needs to be found out.
            inside = f"(r.controller = {statement.bind(organization, 'text')}) IS NOT TRUE AND {inside}"
    return f"SELECT {rank:d} AS rank, r.id{more}{keys} FROM {source} r WHERE {where} AND {inside}"


def along(search: Search, statement: Statement, type: str, own: str) -> str:
    """The matches in the own register (`own`: SQL of it), which is a column, too, `register`: to be ordered by it and
    what follows it in its index.

    It is asked for as a range: of one register the planner takes the order to be that of all rows by their ids, and
    walks along those of all others until it has found so many.
    """
    where = condition(statement, search.wheres[type], type, is_anchored=True)
    return f"""SELECT 0 AS rank, r.id, r.controller AS register{_keys(search, type, "")} FROM {rows(statement, type)} r
        WHERE {where} AND r.controller BETWEEN {own} AND {own}"""


def hits_within(
    search: Search, contained: Contained, statement: Statement
) -> tuple[tuple[str, ...], tuple[Source, ...]]:
    """The matches of a search of contained resources, and where they are read from.

    Shown by themselves they have the id of their container, and after a sign that no id has their number: so they stand
    in the order after their container. As containers they are drawn together, each sorted by the least of its matches
    (or descending, by the greatest).
    """
    ranks = {type: rank for rank, type in enumerate(search.types)}
    standing = tuple(search.wheres) if contained.is_both else ()
    pairs = [
        (type, holder)
        for type, holder in contained.pairs
        if not isinstance(contained.limits[type], Nothing) and not isinstance(contained.within[holder], Nothing)
    ]
    if not standing and not pairs:
        search = replace(search, wheres=dict.fromkeys(search.wheres, Nothing()))
        standing = tuple(search.wheres)[:1]
    more = ", r.id AS holder, NULL::integer AS number" if contained.is_alone else ""
    found = [hits(search, statement, ranks[type], type, search.seen[type], more) for type in standing]
    found += [_contained_hits(search, contained, statement, ranks[holder], type, holder) for type, holder in pairs]
    if contained.is_alone:
        sources = [_alone(statement, ranks[type], type, search.seen[type]) for type in standing]
        sources += [_alone_within(contained, statement, ranks[holder], type, holder) for type, holder in pairs]
        return tuple(found), tuple(sources)
    containers = dict.fromkeys([*standing, *(holder for _, holder in pairs)])
    sources = [source(statement, ranks[type], type, contained.within[type]) for type in containers]
    keys = "".join(
        f", {'max' if key.is_descending else 'min'}(k{number}) AS k{number}" for number, key in enumerate(search.sort)
    )
    each = f"SELECT rank, id{keys} FROM ({' UNION ALL '.join(found)}) each_of_them GROUP BY rank, id"
    return (each,), tuple(sources)


def _contained_hits(
    search: Search, contained: Contained, statement: Statement, rank: int, type: str, holder: str
) -> str:
    """The matches of one type in containers of one type, each with its container's own row as `r`."""
    asked, within = search.wheres[type], contained.within[holder]
    held = Holder(holder, within)
    is_hidden = type == "Location" or any(is_masked(key.parameter) for key in search.sort)
    hidden = masked_within(statement, held, type) if is_hidden else ""
    conditions = (
        f"k.container_type = '{holder}'",
        condition(statement, asked, type, "k", is_anchored=is_anchor(within), holder=held),
        condition(statement, contained.limits[type], type, "k", is_anchored=True, holder=held),
        condition(statement, within, holder, is_anchored=is_anchor(asked, within=True)),
        # A place is left out whole, as it is of the container.
        *([f"({hidden}) IS NOT TRUE"] if hidden and type == "Location" else []),
    )
    id = "r.id || '#' || k.number" if contained.is_alone else "r.id"
    more = ", r.id AS holder, k.number" if contained.is_alone else ""
    keys = _keys(search, type, hidden, "k", id)
    return f"""SELECT {rank:d} AS rank, ({id}) COLLATE "C" AS id{more}{keys} FROM {containing.table(type)} k
        JOIN {rows(statement, holder, within)} r ON r.id = k.container AND r.version = k.version
        WHERE {" AND ".join(conditions)}"""


def source(statement: Statement, rank: int, type: str, within: Expression, asked: Expression | None = None) -> Source:
    """What is shown for itself, or as a container; `asked` is what all of it meets."""
    client = client_of(asked) if asked is not None else None
    shown = fields(type, masked_column(statement, within, type, client=client))
    there = rows(statement, type, within)
    if type == "AuditEvent" and own_log.reader_of(within) is not None:
        # Each looked up by itself: a join would first tell the client's whole log, which is 0.4 s of 27,000 rows.
        return Source(rank, type, shown, f"CROSS JOIN LATERAL (SELECT * FROM {there} r WHERE r.id = few.id OFFSET 0) r")
    return Source(rank, type, shown, f"JOIN {there} r ON r.id = few.id")


def _alone(statement: Statement, rank: int, type: str, within: Expression) -> Source:
    """What stands for itself, beside what is contained."""
    shown = fields(type, masked_column(statement, within, type))
    own = f", '{type}' AS kind, r.id AS own, few.holder, few.number"
    return Source(rank, type, shown + own, f"JOIN {rows(statement, type)} r ON r.id = few.id AND few.number IS NULL")


def _alone_within(contained: Contained, statement: Statement, rank: int, type: str, holder: str) -> Source:
    """What is contained, as the text of the container has it."""
    within = contained.within[holder]
    own = f", '{type}' AS kind, k.id AS own, few.holder, few.number"
    there = f"""JOIN {rows(statement, holder, within)} r ON r.id = few.holder
        JOIN {containing.table(type)} k ON k.container_type = '{holder}' AND k.container = r.id
            AND k.version = r.version AND k.number = few.number"""
    hidden = masked_within(statement, Holder(holder, within), type) or "false"
    content = "(r.content -> 'contained' -> k.number)"
    return Source(rank, holder, fields(holder, f"{hidden} AS masked", id="few.id", content=content) + own, there)


def _keys(search: Search, type: str, hidden: str, row: str = "r", id: str = "r.id") -> str:
    """The columns that a row is sorted by; what is `hidden` of it is as absent."""

    def value(key: SortKey) -> str:
        found = _value(key, type, row, id)
        return f"CASE WHEN ({hidden}) IS NOT TRUE THEN {found} END" if hidden and is_masked(key.parameter) else found

    return "".join(f", {value(key)} AS k{number}" for number, key in enumerate(search.sort))


def _value(key: SortKey, type: str, row: str = "r", id: str = "r.id") -> str:
    """SQL of what a row is sorted by; its id may be another, and `r` is the row that has its instant."""
    parameter = key.parameter
    if parameter.code in ("_id", "_lastUpdated"):
        return f'({id}) COLLATE "C"' if parameter.code == "_id" else "r.last_updated"
    column, which = f'{row}."{parameter.column}"', "max" if key.is_descending else "min"
    match parameter.type:
        case "date":
            column = column if parameter.is_scalar else f'{row}."{parameter.column}_span"'
            # The driver takes the ends of Python's calendar for infinity, both ways, so a cursor keeps them.
            end, open_end = ("upper", "infinity") if key.is_descending else ("lower", "-infinity")
            return f"CASE WHEN {column} IS NOT NULL THEN coalesce({end}({column}), '{open_end}') END"
        case "quantity":
            # In base units where there are any, for only so can two of them be compared.
            end = f"{'upper' if key.is_descending else 'lower'}(v)"
            least = f'SELECT {which}({end}) FROM unnest({column}, {row}."{parameter.key_column}") q(v, k) WHERE'
            return f"coalesce(({least} k LIKE '=%'), ({least} k = ''))"
        case "number":
            return f'{"upper" if key.is_descending else "lower"}({row}."{parameter.column}_span")'
        case "reference" if parameter.is_scalar:
            return f'{column} COLLATE "C"'
        case "string":
            # The text as it was sent, small, with the letters that follow z in Finnish and Swedish after it.
            letters = "translate(lower(substr(v, 2)), 'åäö', '{|}') COLLATE \"C\""
            return f"(SELECT {which}({letters}) FROM unnest({column}) v WHERE v LIKE '=%')"
        case "token":
            return f"(SELECT {which}(v COLLATE \"C\") FROM unnest({column}) v WHERE strpos(v, '|') = 0)"
    return f'(SELECT {which}(v COLLATE "C") FROM unnest({column}) v)'
