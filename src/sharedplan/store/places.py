"""The order of a search's rows, and where in it a page begins and ends, as SQL; pure.

https://hl7.org/fhir/R4/search.html#sort
"""

from collections.abc import Sequence
from typing import Any

from sharedplan.store.searches import Search
from sharedplan.store.statements import Statement


def ordering(search: Search, is_backwards: bool = False) -> str:
    """ORDER BY, of rows that have the keys as columns; backwards the same the other way round."""
    parts = []
    for number, key in enumerate(search.sort):
        is_descending = key.is_descending != is_backwards
        # What every row has is ordered as its index is, which has no other place for those without a value.
        is_certain = key.parameter.code in ("_id", "_lastUpdated")
        nulls = "" if is_certain else f" NULLS {'FIRST' if is_backwards else 'LAST'}"
        parts.append(f"k{number} {'DESC' if is_descending else 'ASC'}{nulls}")
    way = "DESC" if is_backwards != runs_down(search) else "ASC"
    if search.is_ranked:
        parts.append(f"rank {'DESC' if is_backwards else 'ASC'}")
    return ", ".join([*parts, f"id {way}"])


def runs_down(search: Search) -> bool:
    """Whether rows with the same keys come in the falling order of their ids: as the only key falls, so that one index
    serves both."""
    return len(search.sort) == 1 and search.sort[0].is_descending


def beyond_place(search: Search, statement: Statement) -> str:
    """The condition on a row of `hits` or `few` that it lies beyond the place's keys."""
    assert search.place is not None and search.place.keys is not None
    *values, rank, id = search.place.keys
    is_backwards = search.place.is_backwards
    if not search.is_ranked and len(values) == 1 and search.sort[0].parameter.code == "_lastUpdated":
        # Compared together, they lead straight to the place in the index.
        place = f"{statement.bind(values[0], 'timestamptz')}, {statement.bind(id, 'text')}"
        return f"(k0, id) {'<' if is_backwards != runs_down(search) else '>'} ({place})"
    after = f"id {'<' if is_backwards != runs_down(search) else '>'} {statement.bind(id, 'text')}"
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


def straight_to(search: Search, statement: Statement, own: str) -> str:
    """The condition on a row of the own register that leads to the place's keys in the index of the register."""
    assert search.place is not None and search.place.keys is not None
    *values, _, id = search.place.keys
    sign = "<=" if search.place.is_backwards != runs_down(search) else ">="
    if search.sort and search.sort[0].parameter.code == "_lastUpdated":
        return f"(register, k0) {sign} ({own}, {statement.bind(values[0], 'timestamptz')})"
    return f"(register, id) {sign} ({own}, {statement.bind(id, 'text')})"


def up_to_the_last(search: Search, order: str) -> str:
    """The condition on other rows that they may come before the last of a whole page that was found `along` a register,
    in that order by the time of the last change: so nothing else is passed over than what lies between."""
    is_backwards = search.place is not None and search.place.is_backwards
    sign, end = (">=", "-infinity") if is_backwards != runs_down(search) else ("<=", "infinity")
    return f"k0 {sign} coalesce((SELECT k0 FROM along ORDER BY {order} OFFSET {search.count:d} LIMIT 1), '{end}')"


def ordered(search: Search, found: Sequence[Any]) -> list[Any]:
    """The rows of a page in the order of the search, whichever way they were fetched."""
    shown = [row for row in found if row["id"] is not None][: search.count]
    return shown[::-1] if search.place is not None and search.place.is_backwards else shown
