"""Resources out of the store, a page at a time, for one line each. https://hl7.org/fhir/R4/nd-json.html"""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime

from sharedplan.interactions.audit_events import shown
from sharedplan.search.expression import Everything, Expression, Updated
from sharedplan.store.searches import Place, Search
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Unit

OPERATOR = "sharedplan export"
"""The client that the audit names."""

PAGE = 500

BeginUnit = Callable[[], Unit]


async def exported(begin: BeginUnit, type: str, *, since: datetime | None = None) -> AsyncIterator[list[str]]:
    """The living resources of a type as JSON texts, a page at a time in the order of their ids; with `since`, those
    that were changed then or later.

    All pages are as the store was when the first one was read. The audit has one row for each type that is taken out.
    """
    where: Expression = Everything() if since is None else Updated(since=since)
    reasons = ("taken out by the operator",) if since is None else (f"taken out by the operator, since {since}",)
    async with begin() as unit:
        await unit.record(Trail("export", "R", type, client_id=OPERATOR, reasons=reasons))
    search = Search({type: where}, {type: Everything()}, PAGE, total="none")
    while True:
        async with begin() as unit:
            found = await unit.search(search)
        yield [content for each in found.versions if (content := shown(each).content) is not None]
        if found.as_of is None or not found.more:
            return
        search = replace(search, place=Place(found.as_of, found.last))
