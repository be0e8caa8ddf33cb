"""A page and what belongs to it by one statement; pure. For the usual pull of a plan with all around it: one type is
searched, nothing iterates, and all is little. What it cannot tell is asked step by step (`searching.py`,
`including.py`), and both give the same.

https://hl7.org/fhir/R4/search.html#revinclude
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sharedplan.search.expression import Expression, HasId, Nothing
from sharedplan.search.includes import Include
from sharedplan.search.masking import is_masked
from sharedplan.search.registry import kept_until_renewed
from sharedplan.store import joined
from sharedplan.store import trail as trails
from sharedplan.store.blanks import Blanks, Form, ForSeveral, Unlike, blanks, form
from sharedplan.store.compile import condition, source_of
from sharedplan.store.joint import Question, may_join
from sharedplan.store.masks import masked_column
from sharedplan.store.matches import fields, hits, source
from sharedplan.store.page_trails import recorded, recorded_of_all, told
from sharedplan.store.places import ordering
from sharedplan.store.searches import Search, Seeing, SortKey
from sharedplan.store.searching import LIGHT, Same, joins
from sharedplan.store.statements import Statement
from sharedplan.store.trail import Trail
from sharedplan.store.walking import counted, is_walked, moment_of
from sharedplan.store.weighing import HEAVY, is_little

_SHOWN = ("id", "version", "last_updated", "content", "masked")


def whole(search: Search, includes: Sequence[Include], *, limit: int, trail: Trail, row_id: str) -> Question | None:
    """The statement that gives the rows of `searching.page` and those of `including.step`, and its parameters; the
    audit row goes in with it. None when it takes more than one.

    The first rows are of the page, with `is_included` false; without matches there is one, whose id is null. When the
    page, or what belongs to it, may be too long for an answer, or that is more than `limit`, there is only that row,
    with HEAVY in `fetched`, and nothing is recorded.
    """
    if search.place is not None or search.contained is not None or len(search.wheres) > 1 or search.count > LIGHT:
        return None
    ((type, where),) = search.wheres.items()
    included = tuple(includes)
    if is_walked(search):
        return None
    values: list[Any] = []
    row = trails.row(trail, row_id)
    try:
        asked = form(where, values)
    except Unlike:
        if not _is_simple(type, search.sort, included):
            return None
        sql, parameters = _compiled(search, includes, limit)
        return Question(sql, [*parameters, *row])
    kept = _kept(
        type,
        asked,
        Same(search.seen),
        search.seeing,
        search.count,
        search.total,
        search.sort,
        search.as_text,
        included,
        limit,
    )
    if kept is None:
        return None
    several = kept.joint if may_join(values) else None
    return Question(kept.sql, [*kept.filled(values), *row], several, [*values, *row])


def _is_simple(type: str, sort: tuple[SortKey, ...], includes: tuple[Include, ...]) -> bool:
    """Whether one statement can tell what belongs to the matches."""
    if "AuditEvent" in {type, *(added for each in includes for added in _added(each))}:
        return False
    if any(is_masked(key.parameter) for key in sort):
        return False
    return not any(each.iterates or each.parameter.is_canonical or is_masked(each.parameter) for each in includes)


@kept_until_renewed(1024)
def _kept(
    type: str,
    asked: Form,
    seen: Same,
    seeing: Seeing,
    count: int,
    total: str,
    sort: tuple[SortKey, ...],
    as_text: bool,
    includes: tuple[Include, ...],
    limit: int,
) -> Blanks | None:
    if not _is_simple(type, sort, includes):
        return None

    def search(where: Expression) -> Search:
        return Search({type: where}, seen.value, count, total, sort, as_text=as_text, seeing=seeing)

    return blanks(
        asked,
        lambda where: _compiled(search(where), includes, limit),
        lambda where: _of_several(search(where), includes, limit),
    )


def _added(include: Include) -> tuple[str, ...]:
    """The types whose resources the include may add."""
    return (include.parameter.resource,) if include.is_reverse else include.targets


def _compiled(search: Search, includes: Sequence[Include], limit: int) -> tuple[str, list[Any]]:
    """The text and the parameters, but for those of the audit row."""
    statement = Statement([], search.seen, seeing=search.seeing)
    text = _made(search, includes, limit, statement)
    return statement.headed(text), statement.parameters[: -len(trails.FIELDS)]


def _of_several(search: Search, includes: Sequence[Include], limit: int) -> ForSeveral:
    """The page, and what belongs to it, of one among several who ask."""
    statement = Statement([], search.seen, seeing=search.seeing)
    if joins(search):
        text = _made(search, includes, limit, statement, of_several=True, is_joined=True)
        return ForSeveral(statement, text, joined.ROWS, joined.recorded(), joined.shown(), is_for_one=True)
    text = _made(search, includes, limit, statement, of_several=True)
    keys = [f"k{number}" for number in range(len(search.sort))]
    columns = ("turn", "is_included", "total", "as_of", "fetched", *keys, "type", *_SHOWN)
    types = (*search.wheres, *(type for each in includes for type in _added(each)))
    own = "CASE WHEN is_included THEN type END, CASE WHEN is_included THEN id END"
    shown = f"SELECT {', '.join(columns)} FROM paged ORDER BY turn, is_included, {own}, {ordering(search)}"
    return ForSeveral(statement, text, "paged", recorded_of_all(told("type || '/' || id", *types)), shown)


def _made(
    search: Search,
    includes: Sequence[Include],
    limit: int,
    statement: Statement,
    *,
    of_several: bool = False,
    is_joined: bool = False,
) -> str:
    """The text, with what it binds in the statement: last, but not for one among several, room for the audit row."""
    (type,) = search.wheres
    order = ordering(search)
    names = [f"k{number}" for number in range(len(search.sort))]
    followed = [each for each in includes if not each.is_reverse and each.parameter.resource == type]
    referring_by = {each.parameter.column: f"f{number}" for number, each in enumerate(followed)}
    referring = "".join(f', r."{column}" AS {name}' for column, name in referring_by.items())
    added = " UNION ALL ".join(_parts(search, includes, referring_by, statement, limit)) or _none()
    keys = "".join(f"{name}, " for name in names)
    no_keys = "".join(f"NULL::{key.kind}, " for key in search.sort)
    if _is_one(search):  # found as it is looked for: there is nothing to count, to order or to cut off
        columns = fields(type, masked_column(statement, search.seen[type], type)).removeprefix("r.id AS id, ")
        found = hits(search, statement, 0, type, search.seen[type], f", {columns}{referring}")
        matches = f"found AS MATERIALIZED ({found}), page AS NOT MATERIALIZED (SELECT * FROM found)"
    else:
        found = hits(search, statement, 0, type, search.seen[type])
        shown = source(statement, 0, type, search.seen[type], search.wheres[type])
        matches = f"""hits AS MATERIALIZED ({found}),
        few AS (SELECT * FROM hits ORDER BY {order} LIMIT {search.count + 1 if search.count else 0:d}),
        found AS MATERIALIZED (
            SELECT {"".join(f"few.{name}, " for name in names)}{shown.fields}{referring} FROM few {shown.joined}
        ), page AS MATERIALIZED (SELECT * FROM found ORDER BY {order} LIMIT {search.count:d})"""
    every = "SELECT FROM found" if _is_one(search) else "SELECT FROM hits"
    total, moment = counted(search.total, every), moment_of(search, statement)
    steps = f"""
        {matches},
        added AS MATERIALIZED ({added}),
        size AS MATERIALIZED (
            SELECT (SELECT count(*) FROM found) AS n, NOT {is_little("found")} OR NOT {is_little("added")}
                OR (SELECT count(*) FROM added) > {limit:d} AS is_heavy
        )"""
    is_more = f"(SELECT n FROM size) > {search.count:d}"
    if is_joined:
        columns = "id, content, patients, controller, masked"
        unless, types = "NOT (SELECT is_heavy FROM size)", (type, *(each for one in includes for each in _added(one)))
        steps += f""", shown AS MATERIALIZED (
            SELECT false AS is_included, '{type}' AS type, {columns} FROM page WHERE {unless}
            UNION ALL SELECT true, type, {columns} FROM added WHERE {unless}
        )"""
        return joined.page(
            steps,
            type="type",
            name=told("type || '/' || id", *types),
            total=total,
            moment=moment,
            count=search.count,
            has_included=True,
        )
    fetched, turn, rows, more = f"CASE WHEN is_heavy THEN {HEAVY} END", "", "found", ""
    if of_several:  # whose rows are all recorded: there is none too many
        fetched = f"CASE WHEN is_heavy THEN {HEAVY} WHEN {is_more} THEN n END"
        rows, more = "page", ", patients, controller"
    else:
        first = len(statement.parameters) + 1
        statement.parameters += [None] * len(trails.FIELDS)
        turn = f"{statement.turn} AS turn, "
        named = told("name", type, *(each for include in includes for each in _added(include)))
        steps += f""", shown AS MATERIALIZED (
            SELECT '{type}/' || id AS name, patients, controller FROM page
            UNION ALL SELECT type || '/' || id, patients, controller FROM added
        ), {recorded(first, name=named, unless="(SELECT is_heavy FROM size)")}"""
    return f"""
        WITH {steps}
        (
            SELECT {turn}false AS is_included, {total} AS total,
                CASE WHEN {is_more} THEN {moment} END AS as_of,
                {fetched} AS fetched, {keys} '{type}' AS type, {", ".join(_SHOWN)}{more}
            FROM size LEFT JOIN {rows} ON NOT is_heavy ORDER BY {order}
        ) UNION ALL (
            SELECT {turn}true, NULL, NULL, NULL, {no_keys} type, {", ".join(_SHOWN)}{more}
            FROM added WHERE NOT (SELECT is_heavy FROM size) ORDER BY type, id
        )
    """


def _is_one(search: Search) -> bool:
    """Whether one resource is asked for by its id, and shown."""
    (where,) = search.wheres.values()
    return isinstance(where, HasId) and len(where.ids) == 1 and search.count > 0


def _referred(include: Include, name: str, target: str) -> str:
    """The SELECT of the ids of that type which a forward include leads to from the page, where the references are in
    the column of that name."""
    value, source = (name, "page") if include.parameter.is_scalar else ("v", f"page, unnest({name}) v")
    return f"SELECT substr({value}, {len(target) + 2}) FROM {source} WHERE {value} LIKE '{target}/%'"


def _parts(
    search: Search, includes: Sequence[Include], names: Mapping[str, str], statement: Statement, limit: int
) -> list[str]:
    """Of each type what is added of it; `names` are those of the page's columns of references, by their parameters'."""
    (type,) = search.wheres
    ways: dict[str, dict[str, None]] = {}
    referred: dict[str, dict[str, None]] = {}
    for include in includes:
        if include.is_reverse and type in include.targets:
            column = f'r."{include.parameter.column}"'
            matches = f"ARRAY(SELECT ('{type}/' || id) COLLATE \"default\" FROM page)"
            way = f"{column} = ANY({matches})" if include.parameter.is_scalar else f"{column} && {matches}"
            ways.setdefault(include.parameter.resource, {})[way] = None
        elif not include.is_reverse and include.parameter.resource == type:
            for target in include.targets:
                referred.setdefault(target, {})[_referred(include, names[include.parameter.column], target)] = None
    for target, selects in referred.items():
        ways.setdefault(target, {})[f"r.id = ANY(ARRAY({' UNION ALL '.join(selects)}))"] = None
    parts = []
    for added, conditions in sorted(ways.items()):
        within = search.seen.get(added, Nothing())
        if isinstance(within, Nothing):
            continue
        new = " AND r.id <> ALL(ARRAY(SELECT id FROM page))" if added == type else ""
        parts.append(
            f"(SELECT '{added}' AS type, {fields(added, masked_column(statement, within, added))} "
            f"FROM {source_of(statement, added, within)} r "
            f"WHERE ({' OR '.join(conditions)}) AND {condition(statement, within, added, is_anchored=True)}{new} "
            f"LIMIT {limit + 1:d})"
        )
    return parts


def _none() -> str:
    """No rows, of the columns that the parts have."""
    columns = {"id": 'text COLLATE "C"', "version": "integer", "last_updated": "timestamptz", "content": "json"}
    columns |= {"controller": "text", "patients": "text[]", "masked": "boolean"}
    typed = ", ".join(f"NULL::{kind} AS {name}" for name, kind in columns.items())
    return f"SELECT '' AS type, {typed} WHERE false"
