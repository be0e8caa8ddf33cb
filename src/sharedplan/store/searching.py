"""What a search asks of the database: a page of matches in an order, and what belongs to them; pure.

https://hl7.org/fhir/R4/http.html#paging

A page is found by where the last one ended (its keys), never by counting over rows. The pages that follow the first
look at the moment of the first one (`compile.rows`), so together they show each match of that moment once.
"""

from functools import lru_cache
from typing import Any

from sharedplan.search.expression import Expression, OfRegister
from sharedplan.search.masking import may_mask
from sharedplan.search.registry import kept_until_renewed
from sharedplan.store import joined
from sharedplan.store import trail as trails
from sharedplan.store.blanks import Blanks, Form, ForSeveral, Unlike, blanks, form
from sharedplan.store.joint import Question, may_join
from sharedplan.store.matches import Source, along, hits, hits_within, source
from sharedplan.store.page_trails import recorded, recorded_of_all, told
from sharedplan.store.places import beyond_place, ordering, runs_down, straight_to, up_to_the_last
from sharedplan.store.searches import Search, Seeing, SortKey
from sharedplan.store.statements import Statement
from sharedplan.store.trail import Trail
from sharedplan.store.walking import counted, moment_of, most_counted, walked
from sharedplan.store.weighing import HEAVY, is_little, little, weighed

LIGHT = 50
"""Entries of a page that is first asked for in the shorter way, which is right for all but long resources."""

LONGEST_KEPT = 8_000
"""Characters of conditions in a statement whose text is kept."""


def page(search: Search, *, trail: Trail | None = None, row_id: str = "", is_light: bool = False) -> Question:
    """The statement, and its parameters, that gives a page and one row more if there is any, in the search's order;
    with a `trail`, the audit row goes in with it, under the id `row_id`.

    Each row has its turn, `total`, `as_of` (null when there is no other page) and `fetched` (how many there were before
    long ones were left for the next page; null when none were); `rank` (the number of its type), `k0` and so on (its
    keys), and the fields of a version; without a trail, `patients`, whom it speaks of. Where contained resources are
    shown by themselves, `kind` and `own` say their type and id, and `holder` and `number` where they are. Without
    matches there is one row, whose id is null. When it `is_light`, a page that may be too long for an answer is such a
    row, too, with HEAVY in `fetched`, and nothing is recorded. A search of contained resources takes no trail.
    """
    if trail is None:
        return _page(search, is_light, False)
    found, row = _page(search, is_light, True), trails.row(trail, row_id)
    return found._replace(parameters=[*found.parameters, *row], own=[*found.own, *row])


def _page(search: Search, is_light: bool, is_recorded: bool) -> Question:
    """The same, but for the values of the audit row, which come last."""
    if search.place is None and search.contained is None and len(search.wheres) == 1:
        ((type, where),) = search.wheres.items()
        values: list[Any] = []
        try:
            asked = form(where, values)
        except Unlike:
            return Question(*_compiled(search, is_light, is_recorded))
        kept = _kept(
            type,
            asked,
            Same(search.seen),
            search.seeing,
            search.count,
            search.total,
            search.sort,
            search.as_text,
            is_light,
            is_recorded,
        )
        return Question(kept.sql, kept.filled(values), kept.joint if may_join(values) else None, values)
    return Question(*_compiled(search, is_light, is_recorded))


class Same:
    """A value that is equal to itself alone, for a cache: the slices of a Grant are made once for each asker."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


@kept_until_renewed(2048)
def _kept(
    type: str,
    asked: Form,
    seen: Same,
    seeing: Seeing,
    count: int,
    total: str,
    sort: tuple[SortKey, ...],
    as_text: bool,
    is_light: bool,
    is_recorded: bool,
) -> Blanks:
    """The first page of all searches that differ in values alone."""

    def search(where: Expression) -> Search:
        return Search({type: where}, seen.value, count, total, sort, as_text=as_text, seeing=seeing)

    return blanks(
        asked,
        lambda where: _compiled(search(where), is_light, is_recorded),
        (lambda where: _of_several(search(where))) if is_light and is_recorded else None,
    )


def _of_several(search: Search) -> ForSeveral:
    """The light and recorded page of one among several who ask."""
    statement = Statement([], search.seen, seeing=search.seeing)
    ((type, _),) = search.wheres.items()
    if joins(search):
        text = _made(search, statement, is_light=True, of_several=True, is_joined=True)
        return ForSeveral(statement, text, joined.ROWS, joined.recorded(), joined.shown(), is_for_one=True)
    text = _made(search, statement, is_light=True, of_several=True)
    columns = ("turn", "total", "as_of", "fetched", *_columns(search, (type,), is_recorded=True))
    shown = f"SELECT {', '.join(columns)} FROM paged ORDER BY turn, {ordering(search)}"
    return ForSeveral(statement, text, "paged", recorded_of_all(told(f"'{type}/' || id", type)), shown)


def joins(search: Search) -> bool:
    """Whether the page may come as one text (`joined.py`)."""
    return search.as_text and not search.sort and "AuditEvent" not in search.wheres


def _compiled(search: Search, is_light: bool, is_recorded: bool) -> tuple[str, list[Any]]:
    place = search.place
    statement = Statement([], search.seen, place.as_of if place is not None else None, seeing=search.seeing)
    text = _made(search, statement, is_light=is_light, is_recorded=is_recorded)
    bound = len(statement.parameters) - (len(trails.FIELDS) if is_recorded else 0)
    return statement.headed(text), statement.parameters[:bound]


def _made(
    search: Search,
    statement: Statement,
    *,
    is_light: bool,
    is_recorded: bool = False,
    of_several: bool = False,
    is_joined: bool = False,
) -> str:
    """The text, with what it binds in the statement: last, if it is recorded, room for the audit row."""
    place, slices = search.place, walked(search)
    is_backwards = place is not None and place.is_backwards
    order, own = ordering(search, is_backwards), ""
    if search.contained is not None:
        found, sources = hits_within(search, search.contained, statement)
    else:
        if slices is not None:
            (type,), (first, *others) = search.wheres, slices
            if isinstance(first, OfRegister):
                own = statement.bind(first.organization, "text")
                found = (along(search, statement, type, own),)
            else:
                found = (hits(search, statement, 0, type, first),)
            found += tuple(hits(search, statement, 0, type, each, ", NULL::text AS register") for each in others)
        else:
            found = tuple(hits(search, statement, n, each, search.seen[each]) for n, each in enumerate(search.wheres))
        sources = tuple(
            source(statement, n, type, search.seen[type], where)
            for n, (type, where) in enumerate(search.wheres.items())
        )
    beyond = beyond_place(search, statement) if place is not None and place.keys is not None else "true"
    along_order, along_beyond, others_within = order, beyond, ""
    if own:
        by_time = bool(search.sort) and search.sort[0].parameter.code == "_lastUpdated"
        # For an exact total all are looked for anyway.
        if by_time and search.total != "accurate" and not statement.seeing.much.isdisjoint(search.wheres):
            others_within = f"{beyond} AND {up_to_the_last(search, order)}"
        along_order = f"register {'DESC' if is_backwards != runs_down(search) else 'ASC'}, {order}"
        if place is not None and place.keys is not None:
            along_beyond = f"{straight_to(search, statement, own)} AND {beyond}"
    moment = moment_of(search, statement)
    bound = len(statement.parameters)
    if is_recorded:
        statement.parameters += [None] * len(trails.FIELDS)
    # The usual searches differ in their parameters alone. Long texts are of questions that nobody asks twice.
    made = _statement if sum(map(len, found)) <= LONGEST_KEPT else _statement.__wrapped__
    return made(
        found,
        sources,
        tuple(f"k{number}" for number in range(len(search.sort))),
        _columns(search, tuple(source.type for source in sources), is_recorded=is_recorded),
        order=order,
        beyond=beyond,
        along_order=along_order,
        along_beyond=along_beyond,
        others_within=others_within,
        moment=moment,
        count=search.count,
        total=search.total,
        counted_to=most_counted(search),
        walks=slices is not None,
        is_ranked=search.is_ranked,
        recorded_from=bound + 1 if is_recorded else None,
        turn="" if of_several else f"{statement.turn} AS turn, ",
        is_light=is_light,
        is_joined=is_joined,
    )


@lru_cache(maxsize=512)
def _statement(
    hits: tuple[str, ...],
    sources: tuple[Source, ...],
    names: tuple[str, ...],
    columns: tuple[str, ...],
    *,
    order: str,
    beyond: str,
    along_order: str,
    along_beyond: str,
    others_within: str,
    moment: str,
    count: int,
    total: str,
    counted_to: int,
    walks: bool,
    is_ranked: bool,
    recorded_from: int | None,
    turn: str,
    is_light: bool,
    is_joined: bool,
) -> str:
    """The text of `page`. `hits` are the matches of each of the types. When it `walks`, they are of one type, the first
    to be walked along, and perhaps others, of which no more are looked for than those `others_within`. Without a `turn`
    it is of one among several, whose rows are all recorded: there is none too many; and when it `is_joined`, they are
    one."""
    limit = f"LIMIT {count + 1 if count else 0:d}"
    if walks:
        steps = f"few AS (SELECT hits.* FROM ({hits[0]}) hits WHERE {along_beyond} ORDER BY {along_order} {limit})"
        every = f"SELECT FROM ({hits[0]}) hits"
        for others in hits[1:]:
            looked_for = f"SELECT * FROM ({others}) others WHERE {others_within}" if others_within else others
            steps = f"""{steps.replace("few", "along", 1)}, others AS MATERIALIZED ({looked_for}),
                few AS (SELECT * FROM (TABLE along UNION ALL SELECT * FROM others WHERE {beyond}) both_of_them
                    ORDER BY {order} {limit})"""
            every += f" UNION ALL SELECT FROM {f'({others})' if others_within else ''} others"
    else:
        # Find all that match first. If the planner saw the limit and the order, it would now and then walk along the
        # order instead and test each row: 55 ms rather than 0.3 for one in 60,000, and worse with more (measured).
        steps = f"""hits AS MATERIALIZED ({" UNION ALL ".join(hits)}),
            few AS (SELECT * FROM hits WHERE {beyond} ORDER BY {order} {limit})"""
        every = "SELECT FROM hits"
    found = " UNION ALL ".join(
        f"SELECT few.rank, {''.join(f'few.{name}, ' for name in names)}{source.fields} "
        f"FROM few {source.joined}{f' WHERE few.rank = {source.rank:d}' if is_ranked else ''}"
        for source in sources
    )
    steps += f", found AS MATERIALIZED ({found})"
    is_more = f"(SELECT count(*) FROM found) > {count:d}"
    all_found = counted(total, every, up_to=counted_to if walks else None)
    if is_joined:
        ((_, type, _, _),) = sources
        steps += f""", size AS MATERIALIZED (SELECT count(*) AS n, NOT {little()} AS is_heavy FROM found),
            shown AS MATERIALIZED (
                SELECT * FROM found WHERE NOT (SELECT is_heavy FROM size) ORDER BY {order} LIMIT {count:d}
            )"""
        return joined.page(
            steps,
            type=f"'{type}'",
            name=told(f"'{type}/' || id", type),
            total=all_found,
            moment=moment,
            count=count,
            has_included=False,
        )
    cut, at_most = ("", "") if turn else (f" WHEN {is_more} THEN (SELECT count(*) FROM found)", f"LIMIT {count or 1:d}")
    if is_light:
        whole, page, fetched = (
            is_little("found"),
            "found",
            f"CASE WHEN EXISTS (TABLE found) AND page.id IS NULL THEN {HEAVY}{cut} END",
        )
    else:
        whole, page, fetched = "true", "page", "page.fetched"
        steps += f", page AS MATERIALIZED ({weighed('found', order)})"
        is_more += " OR EXISTS (SELECT FROM page WHERE fetched IS NOT NULL)"
    if recorded_from is not None:
        named = told(f"{_name(sources)} || id", *(source.type for source in sources))
        steps += f""",
            shown AS (SELECT * FROM {page} WHERE {whole} ORDER BY {order} LIMIT {count:d}),
            {recorded(recorded_from, name=named, unless=f"NOT {whole}" if is_light else "")}"""
    as_of = f"CASE WHEN {is_more} THEN {moment} END"
    return f"""
        WITH {steps}
        SELECT {turn}{all_found} AS total, {as_of} AS as_of, {fetched} AS fetched,
            {", ".join(f"page.{name}" for name in columns)}
        FROM (SELECT) nothing LEFT JOIN {page} page ON {whole} ORDER BY {order} {at_most}
    """


def _columns(search: Search, types: tuple[str, ...], *, is_recorded: bool) -> tuple[str, ...]:
    """The columns of a page that anybody looks at: the driver takes its time for each, and most for arrays. Rows that
    are not yet recorded tell whom they speak of, and in which register they are."""
    is_alone = search.contained is not None and search.contained.is_alone
    wanted = [*(f"k{number}" for number in range(len(search.sort))), "id", "version", "last_updated", "content"]
    if is_alone or any(may_mask(type) for type in types):
        wanted.append("masked")
    if search.is_ranked:
        wanted.append("rank")
    if is_alone:
        wanted += ["kind", "own", "holder", "number"]
    if not is_recorded:
        wanted += ["patients", "controller"]
    if "AuditEvent" in types:
        wanted += [*({"patients"} - set(wanted)), "trail", "outcome", "entity"]
    return tuple(wanted)


def _name(sources: tuple[Source, ...]) -> str:
    """SQL of how a reference to a row begins, by its `rank`."""
    if len(sources) == 1:
        return f"'{sources[0].type}/'"
    return f"(ARRAY[{', '.join(repr(f'{source.type}/') for source in sources)}])[rank + 1]"
