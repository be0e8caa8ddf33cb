"""The history of one resource, of a type or of everything, as SQL text and its parameters; pure.

https://hl7.org/fhir/R4/http.html#history

The history of a type, or of everything, looks at no version that is not in it, for else it would take the longer the
more is hidden (45 s among 350,000 versions of others, measured). There are two ways to find versions: along an index,
newest first, where all of a type or of a register is visible; and by name, from the living rows that are visible.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.expression import And, Everything, Expression, Nothing, OfRegister, Or, WrittenBy
from sharedplan.store.compile import condition, written_by
from sharedplan.store.projection import projection
from sharedplan.store.queries import Query
from sharedplan.store.statements import Statement
from sharedplan.store.visible_versions import FIELDS, SPOKEN_OF, masked_version, own_view, seen
from sharedplan.store.weighing import weighed

COUNTED = 10_000
"""Versions of a history that are counted at most: beyond, a total costs more than it tells."""


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
    parts = [its, seen(type, within, statement), *during.of_versions()]
    rows = f"resource_version v WHERE {' AND '.join(parts)}"
    masks = masked_version({type: within}, [type], statement)
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
    masks = masked_version(within, list(within), statement)
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
    versions = " UNION ALL ".join(f"SELECT {FIELDS}, v.controller, v.patients FROM {each}" for each in shown)
    every = " UNION ALL ".join(f"SELECT 1 FROM {each}" for each in counted)
    return _page(statement, f"({versions}) v", f"({every}) v", masks, head)


def _page(statement: Statement, shown: str, counted: str, masks: str, head: str = "") -> Query:
    """A page of what is `shown`, as `v`, with the number of what is `counted`."""
    sql = f"""
        WITH {head}few AS (
            SELECT {FIELDS}, v.controller, {SPOKEN_OF}, {masks} FROM {shown}
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
        case _ if own_view(within) and not projection(type).patients:
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
    client = own_view(way.part)
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
