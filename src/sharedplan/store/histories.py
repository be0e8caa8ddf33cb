"""What is asked of the versions of resources, as SQL text and its parameters; pure. Every one takes its slice into the
query. https://hl7.org/fhir/R4/http.html#history

A version is visible when the resource's current row lies within the slice and the version itself spoke of the same
client: what was once another's stays theirs. Where that cannot be told, the current version is all. A deleted resource
has no row any more, so it is visible only to whom everything is, or everything of its register.

The history of a type, or of everything, looks at no version that is not in it, for else it would take the longer the
more is hidden (45 s among 350,000 versions of others, measured). There are two ways to find versions: along an index,
newest first, where all of a type or of a register is visible; and by name, from the living rows that are visible.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.expression import (
    And,
    Everything,
    Expression,
    Not,
    Nothing,
    OfClient,
    OfRegister,
    Or,
    Permitted,
    WrittenBy,
    asker_of,
)
from sharedplan.search.masking import MASKED, may_mask
from sharedplan.store.clients import acted_for
from sharedplan.store.compile import condition, written_by
from sharedplan.store.projection import projection
from sharedplan.store.queries import Query
from sharedplan.store.statements import Statement
from sharedplan.store.weighing import weighed

COUNTED = 10_000
"""Versions of a history that are counted at most: beyond, a total costs more than it tells."""

_SPOKEN_OF = "CASE WHEN v.type = 'Provenance' THEN v.patients END AS spoken_of"
"""The patients of what does not tell them by itself."""

_FIELDS = "v.type, v.id, v.version, v.last_updated, v.interaction, v.content"


class During(NamedTuple):
    """The time that a history is of, as placeholders, which are empty where it is open: versions from `since` on, and
    if `is_at`, those that were current at some time from `low` on, before `high`."""

    since: str
    is_at: bool
    low: str
    high: str

    @classmethod
    def bound(
        cls, statement: Statement, since: datetime | None, at: tuple[datetime | None, datetime | None] | None
    ) -> "During":
        """With these instants as parameters of the statement."""
        low, high = at or (None, None)
        placeholders = ["" if each is None else statement.bind(each, "timestamptz") for each in (since, low, high)]
        return cls(placeholders[0], at is not None, placeholders[1], placeholders[2])

    def of_versions(self) -> list[str]:
        """The conditions on a version `v`."""
        return [*self._not_deleted(), *self._stretch("v"), *self._not_over("v")]

    def of_named(self) -> list[str]:
        """The conditions on what names a version, as `n`. Not to be found by an index: beside what is visible it would
        find what others changed meanwhile."""
        return [f"({each}) IS TRUE" for each in self._stretch("n")] + self._not_over("n")

    def _not_deleted(self) -> list[str]:
        return ["v.interaction <> 'delete'"] if self.is_at else []

    def _stretch(self, alias: str) -> list[str]:
        since = [f"{alias}.last_updated >= {self.since}"] if self.since else []
        return since + ([f"{alias}.last_updated < {self.high}"] if self.high else [])

    def _not_over(self, alias: str) -> list[str]:
        return [f"NOT was_over({alias}.type, {alias}.id, {alias}.version, {self.low})"] if self.low else []


class Way(NamedTuple):
    """One of the ways in which versions of a type are visible: by `part` of a slice, if they were written by all of
    `by`."""

    type: str
    part: Expression
    by: tuple[WrittenBy, ...]

    @property
    def is_along(self) -> bool:
        """Whether all of the type or of the register is visible by it: then its versions are found along an index."""
        return isinstance(self.part, (Everything, OfRegister))


def newest(type: str, id: str, *, within: Expression) -> Query:
    """The newest version of a resource, also a deletion."""
    statement = Statement([type, id])
    seen = _seen(type, within, statement)
    sql = f"""
        SELECT {_FIELDS}, {_masked({type: within}, [type], statement)}
        FROM resource_version v WHERE v.type = $1::text AND v.id = $2::text AND {seen}
        ORDER BY v.version DESC LIMIT 1
        """
    return statement.headed(sql), statement.parameters


def version(type: str, id: str, number: int, *, within: Expression) -> Query:
    """One version of a resource."""
    statement = Statement([type, id, number])
    seen = _seen(type, within, statement)
    sql = f"""
        SELECT {_FIELDS}, v.controller, {_SPOKEN_OF}, {_masked({type: within}, [type], statement)}
        FROM resource_version v
        WHERE v.type = $1::text AND v.id = $2::text AND v.version = $3::integer AND {seen}
        """
    return statement.headed(sql), statement.parameters


def deletions(type: str, ids: Sequence[str], *, within: Expression) -> Query | None:
    """The newest version of each of these ids, where it is a deletion that is visible; None when none can be."""
    statement = Statement([type, list(ids)])
    seen = _seen_gone(within, statement)
    if seen is None:
        return None
    sql = f"""
        SELECT * FROM (
            SELECT DISTINCT ON (v.id) {_FIELDS}, v.controller, v.who FROM resource_version v
            WHERE v.type = $1::text AND v.id = ANY($2::text[]) ORDER BY v.id, v.version DESC
        ) v WHERE interaction = 'delete' AND {seen} AND NOT is_succeeded($1::text, v.id, v.version)
        """
    return statement.headed(sql), statement.parameters


def history(
    *,
    within: Mapping[str, Expression],
    type: str | None,
    id: str | None,
    since: datetime | None,
    at: tuple[datetime | None, datetime | None] | None,
    before: datetime | None,
    count: int,
) -> Query | None:
    """A page of versions, newest first, and one more if there is any, each with the total (one above COUNTED when
    there are more). None when nothing of what is asked can be seen."""
    statement = Statement([count])
    if type is not None and id is not None:
        return _of_one(
            statement, type, id, within=within[type], during=During.bound(statement, since, at), before=before
        )
    types = [type] if type is not None else [each for each in within if "history-type" in CATALOGUE[each].can]
    ways = [way for each in types for way in _of_type(each, within[each])]
    if not ways:
        return None
    return _of_many(statement, ways, {each: within[each] for each in types}, During.bound(statement, since, at), before)


def _of_one(
    statement: Statement, type: str, id: str, *, within: Expression, during: During, before: datetime | None
) -> Query | None:
    """The history of one resource, which has few versions."""
    if isinstance(within, Nothing):
        return None
    its = f"v.type = {statement.bind(type, 'text')} AND v.id = {statement.bind(id, 'text')}"
    parts = [its, _seen(type, within, statement), *during.of_versions()]
    rows = f"resource_version v WHERE {' AND '.join(parts)}"
    masks = _masked({type: within}, [type], statement)
    return _page(statement, f"{rows}{_before(statement, before)}", rows, masks)


def _of_many(
    statement: Statement, ways: list[Way], within: Mapping[str, Expression], during: During, before: datetime | None
) -> Query:
    """The history of a type or of everything. What is found along an index is left out of what is found by name."""
    along = [each for each in ways if each.is_along]
    named = [
        _named(statement, each, [other for other in along if other.type == each.type], during)
        for each in ways
        if not each.is_along
    ]
    rows = [_along(statement, those, during) for those in _alike(along)]
    masks = _masked(within, list(within), statement)
    place = _before(statement, before)
    first = "ORDER BY v.last_updated DESC LIMIT $1::integer + 1"
    shown = [f"{each}{place} {first}) v" for each in rows]
    counted = [f"{each} ORDER BY v.last_updated DESC LIMIT {COUNTED + 1}) v" for each in rows]
    head = ""
    if named:
        head = f"""named AS MATERIALIZED (
            SELECT * FROM ({" UNION ".join(named)}) n(type, id, version, last_updated)
            WHERE {" AND ".join(["true", *during.of_named()])}
        ), """
        # OFFSET keeps each a look into the index: else all versions might be read to join them.
        its = 'v.type = n.type COLLATE "C" AND v.id = n.id AND v.version = n.version'
        shown.append(f"""(SELECT * FROM named v WHERE true{place} {first}) n
            CROSS JOIN LATERAL (SELECT * FROM resource_version v WHERE {its} OFFSET 0) v""")
        counted.append("named")
    versions = " UNION ALL ".join(f"SELECT {_FIELDS}, v.controller, v.patients FROM {each}" for each in shown)
    every = " UNION ALL ".join(f"SELECT 1 FROM {each}" for each in counted)
    return _page(statement, f"({versions}) v", f"({every}) v", masks, head)


def _page(statement: Statement, shown: str, counted: str, masks: str, head: str = "") -> Query:
    """A page of what is `shown`, as `v`, with the number of what is `counted`."""
    sql = f"""
        WITH {head}few AS (
            SELECT {_FIELDS}, v.controller, {_SPOKEN_OF}, {masks} FROM {shown}
            ORDER BY v.last_updated DESC LIMIT $1::integer + 1
        ), page AS MATERIALIZED ({weighed("few", "last_updated DESC")})
        SELECT counted.total, page.*
        FROM (SELECT count(*) AS total FROM (SELECT FROM {counted} LIMIT {COUNTED + 1}) few) counted
        LEFT JOIN page ON true ORDER BY page.last_updated DESC
        """
    # Without the breaks the longest, a system's of everything, is still kept prepared (`engine.LONGEST`).
    return " ".join(statement.headed(sql).split()), statement.parameters


def _before(statement: Statement, before: datetime | None) -> str:
    return f" AND v.last_updated < {statement.bind(before, 'timestamptz')}" if before is not None else ""


def _of_type(type: str, within: Expression) -> list[Way]:
    """The ways that versions of a type are visible in; where all are, it is the only one."""
    ways = list(dict.fromkeys(_ways(type, within)))
    return next(([each] for each in ways if each == Way(type, Everything(), ())), ways)


def _ways(type: str, within: Expression, by: tuple[WrittenBy, ...] = ()) -> Iterator[Way]:
    """The ways in which versions of a type are visible."""
    match within:
        case Nothing():
            return
        case Or(parts):
            for part in parts:
                yield from _ways(type, part, by)
        case And((inner, WrittenBy() as one)):
            yield from _ways(type, inner, (*by, one))
        case _ if _client_of(within) and not projection(type).patients:
            return  # it never speaks of a client
        case _:
            yield Way(type, within, by)


def _alike(along: Sequence[Way]) -> Iterator[tuple[Way, ...]]:
    """The ways along an index that differ in nothing but their type, together."""
    for part, by in dict.fromkeys((each.part, each.by) for each in along):
        yield tuple(each for each in along if (each.part, each.by) == (part, by))


def _along(statement: Statement, ways: tuple[Way, ...], during: During) -> str:
    """FROM of the versions of these types, to be ended by their order and number: the newest of each type are found by
    themselves, for several types together have no order in the index."""
    types = statement.bind([each.type for each in ways], "text[]")
    parts = [*_held(statement, ways[0], "v"), 'v.type = kind COLLATE "C"', *during.of_versions()]
    return f"""unnest({types}) kinds(kind) CROSS JOIN LATERAL (
        SELECT * FROM resource_version v WHERE {" AND ".join(parts)}"""


def _held(statement: Statement, way: Way, alias: str) -> list[str]:
    """What a version, or a row, meets that is found along an index."""
    parts = []
    if isinstance(way.part, OfRegister):
        parts.append(f"{alias}.controller = {statement.bind(way.part.organization, 'text')}")
    for by in way.by:
        parts.append(written_by(statement, by, alias) if alias == "v" else condition(statement, by, way.type))
    return parts


def _named(statement: Statement, way: Way, along: Sequence[Way], during: During) -> str:
    """SELECT of the versions that are found by the living rows: of a client's, all that spoke of no other; else the
    current one, of which the row tells the same."""
    type, table = way.type, projection(way.type).table
    client = _client_of(way.part)
    alias = "r" if client is None else "v"
    parts = [condition(statement, way.part, type, is_whole=True)]
    source = f"{table} r"
    if client is not None:
        its = [f"v.type = '{type}' AND v.id = r.id", "v.patients <> '{}'"]
        its += [f"v.patients <@ ARRAY[{statement.bind(client, 'text')}]", *during.of_versions()]
        its += [written_by(statement, by, "v") for by in way.by]
        source += f" CROSS JOIN LATERAL (SELECT * FROM resource_version v WHERE {' AND '.join(its)} OFFSET 0) v"
    else:
        parts += [condition(statement, by, type) for by in way.by]
    for other in along:
        parts.append(f"({' AND '.join(_held(statement, other, alias))}) IS NOT TRUE")
    fields = f"{alias}.id, {alias}.version, {alias}.last_updated"
    return f"SELECT '{type}', {fields} FROM {source} WHERE {' AND '.join(parts)}"


def _seen(type: str, within: Expression, statement: Statement) -> str:
    """The condition on a version `v` of a resource that it is visible.

    A register's versions are seen by whoever sees the register, also deletions.
    """
    match within:
        case Everything():
            return "true"
        case OfRegister(organization):
            return f"v.controller = {statement.bind(organization, 'text')}"
        case Or(parts):
            return f"({' OR '.join(_seen(type, part, statement) for part in parts)})"
        case And((inner, WrittenBy() as by)):
            return f"({_seen(type, inner, statement)} AND {written_by(statement, by, 'v')})"
    client = _client_of(within)
    if client and not projection(type).patients:
        return "false"  # it never speaks of a client; and nothing may be bound that nothing refers to
    inside = condition(statement, within, type, is_anchored=True, is_whole=True)
    row = f"SELECT FROM {projection(type).table} r WHERE {inside} AND r.id = v.id"
    if client:
        of_him = f"v.patients <@ ARRAY[{statement.bind(client, 'text')}]"
        return f"(EXISTS ({row}) AND {of_him} AND v.patients <> '{{}}')"
    # OFFSET keeps it from becoming a join, in which the slice would be asked again for each version there ever was:
    # who may not see a thing of 250 versions waited for four seconds (measured).
    return f"EXISTS ({row} AND r.version = v.version OFFSET 0)"


def _seen_gone(within: Expression, statement: Statement) -> str | None:
    """The condition on a version `v` that is visible even when nothing living is there; None when that is never so."""
    match within:
        case Everything():
            return "true"
        case OfRegister(organization):
            return f"v.controller = {statement.bind(organization, 'text')}"
        case Or(parts):
            found = [each for part in parts if (each := _seen_gone(part, statement)) is not None]
            return f"({' OR '.join(found)})" if found else None
        case And((inner, WrittenBy() as by)):
            gone = _seen_gone(inner, statement)
            return f"({gone} AND {written_by(statement, by, 'v')})" if gone is not None else None
    return None


def _client_of(within: Expression) -> str | None:
    """The client whose own view it is, without further limits; None for any other."""
    match within:
        case OfClient(client) | And((OfClient(client), Not())):
            return client
    return None


def _masked(within: Mapping[str, Expression], types: Sequence[str], statement: Statement) -> str:
    """The column `masked` of a version `v`: whether the ban that a client has now takes something out of it for whoever
    asks."""
    alike: dict[tuple[Permitted, bool], list[str]] = {}
    for type in types:
        asker = asker_of(within[type])
        if asker is not None and may_mask(type):
            alike.setdefault((asker, type in MASKED), []).append(f"'{type}'")
    found = []
    for (asker, is_whole), those in alike.items():
        own = acted_for(statement, asker)
        banned = "EXISTS (SELECT FROM unnest(v.patients) p WHERE access_has_safety_ban(p))"
        holds = "" if is_whole else " AND v.content -> 'contained' IS NOT NULL"
        found.append(f"v.type IN ({', '.join(those)}){holds} AND (v.controller = {own}) IS NOT TRUE AND {banned}")
    return f"({' OR '.join(found) or 'false'}) AS masked"
