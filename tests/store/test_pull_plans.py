"""A pull by the time of the last change looks at no more of what others keep than what lies within its page."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from builders import a_care_plan, a_patient
from exchange.cast import system
from sharedplan.access.decision import Facts, decide
from sharedplan.fhir.exchanges import Asked
from sharedplan.search.parse import parse
from sharedplan.store.searches import Place, Search, Seeing, SortKey
from sharedplan.store.searching import page
from sharedplan.store.unit_of_work import Store
from store.changes import NORTH, a_change, written
from store.explaining import explained

OTHERS = "Organization/south"
OWN, HIDDEN = 200, 2_000
PAGE = 10


async def fill(store: Store) -> list[datetime]:
    """Two hundred plans of one register, and of its client one that others keep; between any two, and after them, ten
    that are hidden. Gives when each of the two hundred was changed."""
    client = a_change(a_patient(), id="own", controller=NORTH)
    made = [client, a_change(a_care_plan("Patient/own"), id="shared", controller=OTHERS)]
    for n in range(OWN):
        made.append(a_change(a_care_plan("Patient/own"), id=f"own{n}", controller=NORTH))
        hidden = (a_care_plan("Patient/theirs") for _ in range(HIDDEN // OWN))
        made += [a_change(each, id=f"hidden{n}-{m}", controller=OTHERS) for m, each in enumerate(hidden)]
    versions = await written(store, *made)
    connection = await store.pool.acquire()
    await connection.execute("ANALYZE care_plan")
    store.pool.release(connection)
    return [each.last_updated for each in versions if each.id.startswith("own") and each.type == "CarePlan"]


def passed(plan: dict[str, Any]) -> Iterator[int]:
    """How many plans each part of a statement looks at."""
    if plan.get("Relation Name") == "care_plan":
        yield int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    for each in plan.get("Plans", ()):
        yield from passed(each)


@pytest.mark.parametrize("sort", ["_lastUpdated", "-_lastUpdated"])
@pytest.mark.parametrize("is_later", [False, True], ids=["first page", "later page"])
async def test_a_pull_passes_over_what_is_hidden_within_its_page_alone(store: Store, sort: str, is_later: bool) -> None:
    changed = await fill(store)
    slices = dict(decide(Asked("search-type", "CarePlan"), system(NORTH), Facts(datetime.now(UTC))).slices)
    query = parse("CarePlan", [("_lastUpdated", "gt2000"), ("_sort", sort)])
    place = Place(datetime.now(UTC), (changed[OWN // 2], 0, f"own{OWN // 2}")) if is_later else None
    order, much = tuple(SortKey(*each) for each in query.sort), Seeing(much=frozenset({"CarePlan"}))
    asked = page(Search({"CarePlan": query.where}, slices, PAGE, "none", order, place, seeing=much))
    connection: asyncpg.Connection = await store.pool.acquire()
    told = [*asked.parameters, "asker", None, NORTH, 0]
    found = [row["id"] for row in await connection.fetch(asked.sql, *told)][:PAGE]
    plan = await explained(connection, asked.sql, told, "force_generic_plan", "ANALYZE")
    store.pool.release(connection)
    first = OWN // 2 + 1 if is_later else 0
    falling = range(OWN // 2 - 1, 0, -1) if is_later else range(OWN - 1, 0, -1)
    assert found == [f"own{n}" for n in (falling if sort.startswith("-") else range(first, OWN))][:PAGE]
    assert 0 < sum(passed(plan)) < 3 * PAGE * (HIDDEN // OWN + 1)
