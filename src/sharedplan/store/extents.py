"""How much of each type an asker sees, as far as that decides how a search is led (`compile.leading`).

What is asked is mostly found by its index, and of what is found the rows that may be seen are shown: which costs 1.5 µs
for each that is hidden, so a stranger among a million waited for a second, and the time told how many there are. Who
sees little is led by what he sees. How much that is, is counted once in a while, and no further than it matters. Who
sees neither little nor much is led by it where what he asks is met by far more: by PostgreSQL's own statistics, which
know of each common value how many rows have it. What is remembered wrongly costs time, and changes no answer.
https://www.postgresql.org/docs/current/row-estimation-examples.html
"""

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import Any, NamedTuple

import orjson

from sharedplan.search.expression import And, Chained, Everything, Expression, Not, Nothing, Or, ReferredBy, Updated
from sharedplan.search.registry import kept_until_renewed
from sharedplan.store.compile import condition
from sharedplan.store.kept import Kept
from sharedplan.store.projection import projection
from sharedplan.store.reach import reached
from sharedplan.store.searches import UNKNOWN, Search, Seeing
from sharedplan.store.selectivity import is_anchor, is_broad
from sharedplan.store.session import Session
from sharedplan.store.statements import Statement

LITTLE = 500
"""Rows, and clients whose rows are looked for, that any search may go through: about a millisecond. In a small table
no more than one in ten: what is hidden there costs as little."""

SOME = 5_000
"""The same for conditions that much may meet; but no more than one in a hundred."""

LOG = 10
"""To pass over a hidden row of the log costs that many times what it costs elsewhere (13 µs and more, measured)."""

MUCH = 100_000
"""What is more is much beside whatever there is; else more than one in ten."""

KNOWN_FOR = 60.0
"""Seconds after which it is counted again; what is much, after ten times that."""

MOST = 5_000
"""Extents that are remembered."""

FAR_MORE = 20
"""To look up a thing that is seen costs some twenty times what it costs to pass over one that is hidden where an index
tells the register too (3 µs against 0.16, measured with 20,000 plans among a million)."""

SHARES = 2_000
"""Questions of which it is remembered what share of all rows meets them."""

LONGEST = 4_000
"""Characters of such a question."""

Key = tuple[str, Expression]
"""A type, and the slice of it."""


class Extent(NamedTuple):
    """How much somebody sees of a type."""

    rows: int  # with the clients whose rows they may be; counted until it is much
    of: int  # about how many there are
    weight: int = 1  # what it costs to pass over one that is hidden, as `LOG`

    @property
    def is_little(self) -> bool:
        return self.rows <= min(LITTLE, self.of // 10)

    @property
    def is_some(self) -> bool:
        return not self.is_little and self.rows <= min(SOME, self.of // 100)

    @property
    def is_much(self) -> bool:
        return self.rows > min(MUCH, self.of // 10)

    @property
    def is_between(self) -> bool:
        return not (self.is_little or self.is_some or self.is_much)

    def seeing(self, type: str) -> Seeing:
        """The same of the type alone."""
        one, none = frozenset((type,)), frozenset[str]()
        return Seeing(*(one if fits else none for fits in (self.is_little, self.is_some, self.is_much)))


class _Known(NamedTuple):
    type: str
    within: Expression
    extent: Extent
    seeing: Seeing
    until: float  # by the monotonic clock
    is_between: bool


class Extents:
    """What one process knows of them."""

    def __init__(self) -> None:
        self._known: dict[Key, _Known] = {}
        self._at_hand: dict[tuple[str, int], _Known] = {}  # by the slice's own id, for to hash it takes its time
        self._shares = Kept(SHARES)

    async def found(self, search: Search, session: Session) -> Search:
        """The search, with how much the asker sees of what it looks at. Raises as `Session.ask` does."""
        if search.contained is not None or search.seeing is not UNKNOWN:
            return search
        asked = list(_asked(search))
        if not asked:
            return search
        found, unknown, now = list[_Known](), list[Key](), monotonic()
        types = [type for type, _ in asked]
        for type in dict.fromkeys(types) if len(types) > 1 else types:
            within = search.seen[type]
            known = self._at_hand.get((type, id(within)))
            if known is None or known.within is not within or known.until <= now:
                known = self._looked_up(type, within, now)
            if known is None:
                unknown.append((type, within))
            else:
                found.append(known)
        if unknown:
            for (type, within), extent in zip(unknown, await _counted(tuple(unknown), session), strict=True):
                found.append(self._keep(type, within, extent, now))
        seeing = found[0].seeing
        if len(found) > 1:
            seeing = Seeing(*(frozenset().union(*each) for each in zip(*(one.seeing for one in found), strict=True)))
        for known in found:
            if known.is_between and await self._is_met_by_far_more(known, asked, session, now):
                seeing = seeing._replace(some=seeing.some | {known.type})
        return replace(search, seeing=seeing) if seeing != UNKNOWN else search

    async def _is_met_by_far_more(self, known: "_Known", asked: list[Key], session: Session, now: float) -> bool:
        """Whether one of the questions is met by far more than the asker sees of the type."""
        enough = FAR_MORE * known.extent.rows / known.extent.weight
        for type, where in asked:
            if type != known.type or not is_broad(where) or isinstance(where, (Everything, Updated)):
                continue
            if await self._share(type, where, session, now) * known.extent.of > enough:
                return True
        return False

    async def _share(self, type: str, where: Expression, session: Session, now: float) -> float:
        """The share of a type's rows that meets the question, by PostgreSQL's statistics; 0.0 for what goes across
        references, and for what is too long to be remembered. Whose rows they are makes no difference."""
        if any(_across(where)):
            return 0.0
        share, until = self._shares.get((type, where)) or (0.0, 0.0)
        if until > now:
            return share
        if len(repr(where)) > LONGEST:
            return 0.0
        until = now + 10 * KNOWN_FOR
        self._shares.put((type, where), (share, until))  # whoever comes meanwhile does not ask again
        rows, known_until = self._shares.get((type, Everything())) or (0.0, 0.0)
        if known_until <= now:
            rows = await _estimated(type, Everything(), session)
            self._shares.put((type, Everything()), (rows, until))
        share = await _estimated(type, where, session) / max(rows, 1)
        session.rest()
        self._shares.put((type, where), (share, until))
        return share

    def _looked_up(self, type: str, within: Expression, now: float) -> _Known | None:
        """What is known of the slice, at hand from here on; None when it is to be counted, which whoever comes
        meanwhile does not do again where something was known."""
        if isinstance(within, (Everything, Nothing)):
            return self._keep(type, within, _UNCOUNTED, now)
        known = self._known.get((type, within))
        if known is None:
            return None
        if known.until <= now:
            self._keep(type, within, known.extent, now)
            return None
        self._at_hand[type, id(within)] = known = known._replace(within=within)
        return known

    def _keep(self, type: str, within: Expression, extent: Extent, now: float) -> _Known:
        for kept in (self._known, self._at_hand):
            if len(kept) >= MOST:
                kept.clear()
        until = now + (10 * KNOWN_FOR if extent.is_much else KNOWN_FOR)
        is_between = extent is not _UNCOUNTED and extent.is_between
        known = _Known(type, within, extent, extent.seeing(type), until, is_between)
        self._known[type, within] = self._at_hand[type, id(within)] = known
        return known


_UNCOUNTED = Extent(SOME + 1, 1_000_000)
"""Of what is not found by indexes: nothing is known."""


def _asked(search: Search) -> Iterator[Key]:
    """What is asked of each type where much may be found that is hidden, across references too."""
    for type, where in search.wheres.items():
        if not is_anchor(where, surely=True):
            yield type, where
            yield from _across(where)


def _across(where: Expression) -> Iterator[Key]:
    """What it asks of others across references."""
    kind = where.__class__
    if kind is And or kind is Or:
        for part in where.parts:  # type: ignore[attr-defined]
            yield from _across(part)
    elif isinstance(where, Not):
        yield from _across(where.part)
    elif isinstance(where, Chained):
        yield where.type, where.where
        yield from _across(where.where)
    elif isinstance(where, ReferredBy):
        yield where.parameter.resource, where.where
        yield from _across(where.where)


async def _estimated(type: str, where: Expression, session: Session) -> float:
    """About how many rows meet that, as the planner takes it from its statistics. Nothing is looked at."""
    statement = Statement()
    asked = condition(statement, where, type, is_anchored=True)
    sql = f"EXPLAIN (FORMAT JSON) SELECT FROM {projection(type).table} r WHERE {asked}"
    [(told,)] = await session.fetch(sql, statement.parameters)
    return float(orjson.loads(told)[0]["Plan"]["Plan Rows"])


async def _counted(keys: tuple[Key, ...], session: Session) -> list[Extent]:
    """The extents of these, in their order."""
    sql, parameters = _counting(keys)
    rows = await session.ask(sql, parameters) if sql else []
    session.rest()  # so that nobody holds a connection while he waits for another
    weights = [LOG if type == "AuditEvent" else 1 for type, _ in keys]
    found = {row["number"]: Extent(row["rows"], row["of"], weights[row["number"]]) for row in rows}
    return [found.get(number, _UNCOUNTED) for number in range(len(keys))]


_ABOUT = """
    SELECT (CASE WHEN relpages > 0 THEN reltuples / relpages ELSE 4 END * pg_relation_size(oid) / 8192)::bigint AS n
    FROM pg_class WHERE oid = 'public.{table}'::regclass
"""
"""About how many rows a table has: as many a page as when it was last counted."""


@kept_until_renewed(256)
def _counting(keys: tuple[Key, ...]) -> tuple[str, list[Any]]:
    """The statement that counts those of which all rows are found by an index, by their number; empty for none."""
    statement = Statement()
    parts = []
    for number, (type, within) in enumerate(keys):
        if ways := reached(statement, within, type):
            about = _ABOUT.format(table=projection(type).table)
            rows = _rows(ways, is_log=type == "AuditEvent")
            parts.append(f"SELECT {number} AS number, {rows} AS rows, about.n AS of FROM ({about}) about")
    sql = f"SELECT * FROM ({' UNION ALL '.join(parts)}) each_of_them" if parts else ""
    return statement.headed(sql) if sql else "", statement.parameters


def _rows(ways: list[str], *, is_log: bool) -> str:
    """SQL of how many there are, no further than it matters. Of whom the own register is much it is not found out
    who his clients are; who has many is taken to see neither little nor much, but of the log much: to go by so many
    clients is no way there, whatever the question."""
    enough = f"greatest(least({MUCH}, about.n / 10), {SOME})"

    def count(ways: list[str]) -> str:
        return f"(SELECT count(*) FROM ({' UNION ALL '.join(ways)} LIMIT {enough} + 1) few)"

    clients = "coalesce(cardinality((SELECT c FROM askers_clients)), 0)"
    own = [each for each in ways if "askers_clients" not in each]
    if len(own) == len(ways):
        return count(ways)
    many = f"{enough} + 1" if is_log else f"least({MUCH}, about.n / 10)"
    of_all = f"CASE WHEN {clients} > {SOME} THEN {many} ELSE {clients} + {count(ways)} END"
    return f"CASE WHEN {count(own)} > {enough} THEN {enough} + 1 ELSE {of_all} END" if own else of_all
