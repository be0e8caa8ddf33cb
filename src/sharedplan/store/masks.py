"""Whether a safety ban takes something out of a row, as SQL; pure.

What is taken out, and of which types, is in `search/masking.py`. Rows that are shown have a column that says so; what
would be found by it is taken as absent where conditions are compiled.
"""

from typing import NamedTuple

from sharedplan.search import expression as e
from sharedplan.search.masking import MASKED, is_masked, may_mask
from sharedplan.search.parameters import Parameter
from sharedplan.store.clients import Clients
from sharedplan.store.statements import Statement


class Holder(NamedTuple):
    """What rows are contained in: the type, the slice of it, and the alias of the container's own row beside them."""

    type: str
    within: e.Expression
    alias: str = "r"


def masked(
    statement: Statement, within: e.Expression, type: str, alias: str = "r", *, client: str | None = None
) -> str:
    """SQL of whether a safety ban takes something out of the row of the type, under that alias, for whom the slice is
    of; empty when it never does. `client`: as for `condition`."""
    asker = e.asker_of(within)
    if asker is None or not may_mask(type):
        return ""
    contained = "" if type in MASKED else f"{alias}.content -> 'contained' is not null"
    return Clients(statement, type, alias, client).masked(asker, has_something=contained)


def masked_within(statement: Statement, holder: Holder, type: str) -> str:
    """The same of a row of that type which is contained: the ban is that of the container's client. A contained
    Location is a place."""
    asker = e.asker_of(holder.within)
    if asker is None or (type not in MASKED and type != "Location"):
        return ""
    return Clients(statement, holder.type, holder.alias).masked(asker)


def masked_column(
    statement: Statement, within: e.Expression, type: str, alias: str = "r", *, client: str | None = None
) -> str:
    """The same as a column to be selected: `masked`."""
    return f"{masked(statement, within, type, alias, client=client) or 'false'} AS masked"


def unmasked(statement: Statement, parameter: Parameter, alias: str) -> str:
    """The condition, to stand behind others, that what the parameter finds in a row may be told to whoever asks."""
    if not is_masked(parameter):
        return ""
    hidden = masked(statement, statement.seen.get(parameter.resource, e.Nothing()), parameter.resource, alias)
    return f" and ({hidden}) is not true" if hidden else ""
