"""Which searches walk along the order of their rows, how far their matches are counted, and of which moment they are;
pure.

Else all that matches is found first, and then put into the order.
"""

from sharedplan.search.expression import (
    Addressed,
    And,
    Everything,
    Expression,
    Not,
    OfRegister,
    OfTargets,
    Or,
    Permitted,
    Updated,
)
from sharedplan.store.searches import Search
from sharedplan.store.statements import Statement

COUNTED = 10_000
"""Matches that are counted when nobody asked for the total and finding them all would be the most of the work."""

COUNTED_OF_THE_LOG = 1_000
"""The same of the log, of which each row is judged by itself."""


def is_walked(search: Search) -> bool:
    """Whether the page is found by walking along the order."""
    return walked(search) is not None


def walked(search: Search) -> tuple[Expression, ...] | None:
    """The slices to look through, of which the first lies together in the index of the order, so that it can be walked
    along up to the limit; None when nothing does.

    A whole register lies so, and what else is seen beside it is little. The log has no other way than to be walked.
    """
    if search.is_ranked or len(search.sort) > 1:
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
        case Or((OfRegister() as own, Permitted() as others, Addressed() as addressed)):
            return own, And((Not(own), Or((others, addressed))))
    return None


def most_counted(search: Search) -> int:
    """How many matches are counted when nobody asked."""
    return COUNTED_OF_THE_LOG if "AuditEvent" in search.wheres else COUNTED


def counted(total: str, hits: str, *, up_to: int | None = None) -> str:
    """SQL of the total, where `hits` is a statement of all that matches. Unless somebody asked for it, it is counted
    `up_to` so many, where that is a number, and is null when there are more."""
    if total == "none":
        return "NULL::bigint"
    if up_to is not None and total == "some":
        some = f"(SELECT count(*) AS n FROM ({hits} LIMIT {up_to + 1}) some_of_them)"
        return f"(SELECT nullif(n, {up_to + 1}) FROM {some} counted)"
    return f"(SELECT count(*) FROM ({hits}) all_of_them)"


def moment_of(search: Search, statement: Statement) -> str:
    """The instant that all pages of this search look at: the newest that is committed, for instants are drawn in the
    order of commits."""
    if statement.as_of is not None:
        return statement.moment
    if "AuditEvent" in search.wheres:
        return "clock_timestamp()"
    return "(SELECT coalesce(at, '-infinity') FROM last_commit)"
