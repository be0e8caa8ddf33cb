"""How much of each type an asker sees, as far as that decides how a search is led (`compile.leading`).

What is asked is mostly found by its index, and of what is found the rows that may be seen are shown: which costs 1.5 µs
for each that is hidden, so a stranger among a million waited for a second, and the time told how many there are. Who
sees little is led by what he sees. How much that is, is counted once in a while, and no further than it matters. What
is remembered wrongly costs time, and changes no answer.
"""

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import Any, NamedTuple

from sharedplan.search.expression import And, Chained, Everything, Expression, Not, Nothing, Or, ReferredBy
from sharedplan.search.registry import kept_until_renewed
from sharedplan.store.compile import is_anchor
from sharedplan.store.projection import projection
from sharedplan.store.reach import reached
from sharedplan.store.searches import UNKNOWN, Search, Seeing
from sharedplan.store.session import Session
from sharedplan.store.statements import Statement

LITTLE = 500
"""Rows, and clients whose rows are looked for, that any search may go through: about a millisecond. In a small table
no more than one in ten: what is hidden there costs as little."""

SOME = 5_000
"""The same for conditions that much may meet; but no more than one in a hundred."""

KNOWN_FOR = 60.0
"""Seconds after which it is counted again."""

MOST = 20_000
"""Extents that are remembered."""

Key = tuple[str, Expression]
"""A type, and the slice of it."""


class Extent(NamedTuple):
    """How much somebody sees of a type."""

    rows: int  # with the clients whose rows they may be; above SOME when there are more
    of: int  # about how many there are

    @property
    def is_little(self) -> bool:
        return self.rows <= min(LITTLE, self.of // 10)

    @property
    def is_some(self) -> bool:
        return not self.is_little and self.rows <= min(SOME, self.of // 100)


_MUCH = Extent(SOME + 1, 0)


class Extents:
    """What one process knows of them."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[Extent, float]] = {}

    async def found(self, search: Search, session: Session) -> Search:
        """The search, with how much the asker sees of what it looks at. Raises as `Session.ask` does."""
        if search.contained is not None or search.seeing != UNKNOWN:
            return search
        found, unknown, now = dict[str, Extent](), list[Key](), monotonic()
        for type in _types(search):
            key = type, search.seen[type]
            extent, until = self._known.get(key, (_MUCH, 0.0))
            found[type] = extent
            if until <= now:
                unknown.append(key)
                if until:  # whoever comes meanwhile goes by what was known
                    self._known[key] = extent, now + KNOWN_FOR
        if unknown:
            new = await _counted(tuple(unknown), session)
            if len(self._known) >= MOST:
                self._known.clear()
            self._known |= {key: (extent, now + KNOWN_FOR) for key, extent in zip(unknown, new, strict=True)}
            found |= {type: extent for (type, _), extent in zip(unknown, new, strict=True)}
        little = frozenset(type for type, extent in found.items() if extent.is_little)
        some = frozenset(type for type, extent in found.items() if extent.is_some)
        return replace(search, seeing=Seeing(little, some)) if little or some else search


def _types(search: Search) -> set[str]:
    """The types of which it matters: those that are searched, or asked across a reference, by more than whose it is."""
    types = {type for type, where in search.wheres.items() if not is_anchor(where, surely=True)}
    for type in tuple(types):
        types.update(_linked(search.wheres[type]))
    return {type for type in types if type != "AuditEvent" and not isinstance(search.seen[type], _WHOLE)}


_WHOLE = (Everything, Nothing)


def _linked(where: Expression) -> Iterator[str]:
    """The types that it asks something of across references."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _linked(part)
        case Not(part):
            yield from _linked(part)
        case Chained(_, type, inner):
            yield type
            yield from _linked(inner)
        case ReferredBy(parameter, inner):
            yield parameter.resource
            yield from _linked(inner)


async def _counted(keys: tuple[Key, ...], session: Session) -> list[Extent]:
    """The extents of these, in their order."""
    sql, parameters = _counting(keys)
    try:
        rows = await session.ask(sql, parameters) if sql else []
    finally:
        session.rest()
    found = {row["number"]: Extent(row["rows"], row["of"]) for row in rows}
    return [found.get(number, _MUCH) for number in range(len(keys))]


_ABOUT = """
    SELECT (CASE WHEN relpages > 0 THEN reltuples / relpages ELSE 4 END * pg_relation_size(oid) / 8192)::bigint
    FROM pg_class WHERE oid = 'public.{table}'::regclass
"""
"""About how many rows a table has: as many a page as when it was last counted."""


@kept_until_renewed(256)
def _counting(keys: tuple[Key, ...]) -> tuple[str, list[Any]]:
    """The statement that counts those of which all rows are found by an index, by their number; empty for none."""
    statement = Statement()
    parts = []
    for number, (type, within) in enumerate(keys):
        if ids := reached(statement, within, type):
            clients = "coalesce(cardinality((SELECT c FROM askers_clients)), 0)" if statement.asker else "0"
            count = f"(SELECT count(*) FROM ({ids} LIMIT {SOME + 1}) few)"
            parts.append(f"""
                SELECT {number} AS number, {clients} + CASE WHEN {clients} <= {SOME} THEN {count} ELSE 0 END AS rows,
                    ({_ABOUT.format(table=projection(type).table)}) AS of""")
    sql = f"SELECT * FROM ({' UNION ALL '.join(parts)}) each_of_them" if parts else ""
    return statement.headed(sql) if sql else "", statement.parameters
