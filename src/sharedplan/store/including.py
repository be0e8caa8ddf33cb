"""What is read along with the matches of a search: one statement for all references of one step; pure.

https://hl7.org/fhir/R4/search.html#revinclude

Candidates are those that the asker may see, before anything is cut off, so what is hidden takes no room.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from sharedplan.search.expression import Expression, Nothing
from sharedplan.search.includes import Include
from sharedplan.search.masking import is_masked
from sharedplan.store import containing
from sharedplan.store.compile import condition, rows, source_of
from sharedplan.store.masks import masked_column, unmasked
from sharedplan.store.matches import fields
from sharedplan.store.projection import projection
from sharedplan.store.queries import Query
from sharedplan.store.statements import Statement
from sharedplan.store.versions import Version
from sharedplan.store.weighing import weighed

Ids = Mapping[str, Sequence[str]]
"""Resource type → ids."""


def step(
    includes: Sequence[Include],
    found: Ids,
    *,
    seen: Mapping[str, Expression],
    known: Mapping[str, AbstractSet[str]],
    limit: int,
    as_of: datetime | None = None,
    inner: Sequence[Version] = (),
) -> Query | None:
    """What the includes add to what was found, without what is known already, one more than `limit` if there is more,
    and as much as an answer can hold (`fetched` says how many there were, when some are left out).

    `as_of`: the moment at which what was found said what it refers to; None for now. `inner`: what was found of
    contained resources, which refer to others, while none refers to them.

    Rows of `type` and the fields of a version, in the order of types and ids. None when there is nothing to follow.
    """
    statement = Statement([], seen)
    then = Statement(statement.parameters, seen, as_of)
    most = statement.bind(limit + 1, "integer")
    ways: dict[str, list[str]] = {}
    referred = _referred(includes, found, then, ways) + _referred_within(includes, inner, then, ways)
    statement.takes_on(then)
    for include in includes:
        # Of a type that is closed nothing is bound: PostgreSQL takes no value that the statement does not use.
        is_closed = isinstance(seen.get(include.parameter.resource, Nothing()), Nothing)
        if include.is_reverse and not is_closed and (way := _reverse(include, found, statement)):
            ways.setdefault(include.parameter.resource, []).append(way)
    parts = []
    for type, conditions in sorted(ways.items()):
        within = seen.get(type, Nothing())
        if isinstance(within, Nothing):
            continue
        held = known.get(type)
        new = f" AND r.id <> ALL({statement.bind(sorted(held), 'text[]')})" if held else ""
        shown = fields(type, masked_column(statement, within, type))
        parts.append(
            f"(SELECT '{type}' AS type, {shown} FROM {source_of(statement, type, within)} r "
            f"WHERE ({' OR '.join(conditions)}) AND {condition(statement, within, type, is_anchored=True)}{new} "
            f"ORDER BY r.id LIMIT {most})"
        )
    if not parts:
        return None
    steps = [f"referred AS MATERIALIZED ({' UNION '.join(referred)})"] if referred else []
    listed = f"SELECT * FROM ({' UNION ALL '.join(parts)}) listed ORDER BY type, id LIMIT {most}"
    steps.append(f"added AS MATERIALIZED ({listed})")
    sql = f"WITH {', '.join(steps)} SELECT * FROM ({weighed('added', 'type, id')}) fitting ORDER BY type, id"
    return statement.headed(sql), statement.parameters


def _referred(includes: Sequence[Include], found: Ids, statement: Statement, ways: dict[str, list[str]]) -> list[str]:
    """Statements of the references (v) that forward includes follow; adds to `ways` how rows of each type are found
    by them."""
    selects: list[str] = []
    for type, ids in found.items():
        if mine := _forward(includes, type):
            named = f"r.id = ANY({statement.bind(list(ids), 'text[]')})"
            for include in mine:
                hidden = unmasked(statement, include.parameter, "r")
                selects.append(_followed(include, f"{rows(statement, type)} r", named, ways, hidden))
    return selects


def _referred_within(
    includes: Sequence[Include], inner: Sequence[Version], statement: Statement, ways: dict[str, list[str]]
) -> list[str]:
    """The same of what is contained. What a safety ban has taken something out of leads to no place."""
    selects: list[str] = []
    for type in dict.fromkeys(each.type for each in inner):
        for include in _forward(includes, type):
            is_hiding = is_masked(include.parameter)
            told = [each for each in inner if each.type == type and not (is_hiding and each.is_masked)]
            keys = [(*each.container, each.version) for each in told if each.container is not None]
            if keys:
                types, ids, numbers, versions = (list(each) for each in zip(*keys, strict=True))
                given = f"{statement.bind(types, 'text[]')}, {statement.bind(ids, 'text[]')}"
                given += f", {statement.bind(versions, 'integer[]')}, {statement.bind(numbers, 'integer[]')}"
                named = f"(r.container_type, r.container, r.version, r.number) IN (SELECT * FROM unnest({given}))"
                selects.append(_followed(include, f"{containing.table(type)} r", named, ways))
    return selects


def _forward(includes: Sequence[Include], type: str) -> list[Include]:
    """Those that lead on from resources of the type."""
    return [each for each in includes if not each.is_reverse and each.parameter.resource == type]


def _followed(include: Include, source: str, named: str, ways: dict[str, list[str]], hidden: str = "") -> str:
    """The references of the rows `r` of a source that are named, but for what is `hidden`; adds to `ways`."""
    column = f'r."{include.parameter.column}"'
    value = "v"
    if include.parameter.is_scalar:
        value = column
    else:
        source += f", unnest({column}) v"
    which = " OR ".join(f"{value} LIKE '{target}/%'" for target in include.targets)
    if include.parameter.is_canonical:
        which = "true"
    for target in include.targets:
        way = _by_url() if include.parameter.is_canonical else by_id(target)
        if way not in ways.setdefault(target, []):
            ways[target].append(way)
    if hidden and include.parameter.resource == "Appointment":  # places are hidden alone
        hidden = f" and ({value} not like '%Location/%' or {hidden.removeprefix(' and ')})"
    return f"SELECT {value} AS v FROM {source} WHERE {named} AND ({which or 'false'}){hidden}"


def by_id(type: str) -> str:
    """The condition on rows that one of the references (v) in `referred` leads to."""
    return f"r.id = ANY(ARRAY(SELECT substr(v, {len(type) + 2}) FROM referred WHERE v LIKE '{type}/%'))"


def _by_url() -> str:
    """A canonical stands with its version and without; where one is said, that one is meant."""
    versioned = "ARRAY(SELECT v FROM referred WHERE strpos(v, '|') > 0)"
    others = "SELECT FROM referred other WHERE starts_with(other.v, one.v || '|')"
    plain = f"ARRAY(SELECT v FROM referred one WHERE strpos(v, '|') = 0 AND NOT EXISTS ({others}))"
    bare = "ARRAY(SELECT v FROM referred WHERE strpos(v, '|') = 0)"
    fits = f"(r.version_ IS NULL OR r.url[1] || '|' || r.version_[1] = ANY({versioned}))"
    return f"(r.url && {plain} OR r.url && {bare} AND {fits})"


def _reverse(include: Include, found: Ids, statement: Statement) -> str:
    """The condition on rows that refer to what was found; empty when nothing was that they could refer to."""
    types = [type for type in found if type in include.targets]
    if not types:
        return ""
    column = f'r."{include.parameter.column}"'
    if include.parameter.is_canonical:
        urls = [
            f"SELECT unnest(f.url) FROM {projection(type).table} f "
            f"WHERE f.id = ANY({statement.bind(list(found[type]), 'text[]')})"
            for type in types
        ]
        return f"{column} && ARRAY({' UNION ALL '.join(urls)})"
    places, others = [type for type in types if type == "Location"], [type for type in types if type != "Location"]
    ways = []
    for each in (others, places):
        if each:
            hidden = unmasked(statement, include.parameter, "r") if each is places else ""
            names = statement.bind([f"{type}/{id}" for type in each for id in found[type]], "text[]")
            refers = f"{column} = ANY({names})" if include.parameter.is_scalar else f"{column} && {names}"
            ways.append(f"({refers}{hidden})")
    return f"({' OR '.join(ways)})"
