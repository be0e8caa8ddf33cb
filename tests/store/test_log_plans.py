"""How the log is found among many rows of others: by indexes, whoever asks, and by each seal."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from builders import a_patient
from exchange.cast import person, system
from sharedplan.access.decision import Facts, decide
from sharedplan.clock import SystemClock
from sharedplan.fhir.exchanges import Asked
from sharedplan.search.parse import parse
from sharedplan.store import sealing
from sharedplan.store import trail as trails
from sharedplan.store.extents import Extents
from sharedplan.store.guard import Who
from sharedplan.store.searches import Search, Seeing, SortKey
from sharedplan.store.searching import page
from sharedplan.store.session import Session
from sharedplan.store.unit_of_work import Store
from store.changes import NORTH, a_change, a_trail, written
from store.explaining import explained

OTHERS = "Organization/south"
ROWS = 6_000


async def many(store: Store) -> None:
    """Six thousand reads of others, of as many plans of a hundred clients."""
    await written(store, *(a_change(a_patient(), id=f"p{n}", controller=OTHERS) for n in range(100)))
    clock = SystemClock()
    told = (
        a_trail(resource_id=f"c{n}")._replace(organization=OTHERS, patients=(f"Patient/p{n % 100}",))
        for n in range(ROWS)
    )
    connection = await store.pool.acquire()
    rows = ",".join(trails.row_text(each, clock.new_id()).decode() for each in told)
    await connection.fetch(trails.INSERT_ALL, f"[{rows}]")
    await connection.execute("ANALYZE audit_event")
    await connection.execute("ANALYZE patient")
    store.pool.release(connection)


def scans(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """How each table is read."""
    if "Relation Name" in plan:
        yield plan["Relation Name"], plan["Node Type"]
    for each in plan.get("Plans", ()):
        yield from scans(each)


async def of_the_log(store: Store, sql: str, parameters: Sequence[Any]) -> set[str]:
    connection: asyncpg.Connection = await store.pool.acquire()
    try:
        plan = await explained(connection, sql, parameters, "force_generic_plan")
    finally:
        store.pool.release(connection)
    return {how for table, how in scans(plan) if table == "audit_event" and how != "ModifyTable"}


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [(sealing._SEAL, []), (sealing._CHECK, [0]), (sealing._UNSEALED, [])],
    ids=["made", "checked", "what is none yet"],
)
async def test_a_seal_finds_its_rows_by_their_transactions(store: Store, sql: str, parameters: Sequence[Any]) -> None:
    await many(store)
    found = await of_the_log(store, sql, parameters)
    assert found and found <= {"Index Scan", "Index Only Scan"}


@pytest.mark.parametrize("by", [system(NORTH), person("Practitioner/sari", NORTH)], ids=["system", "person"])
@pytest.mark.parametrize(
    ("question", "seeing"),
    [
        ("_count=10", Seeing(little=frozenset({"AuditEvent"}))),
        ("action=R", Seeing(little=frozenset({"AuditEvent"}))),
        ("_sort=-_lastUpdated", Seeing(little=frozenset({"AuditEvent"}))),
        ("entity=CarePlan/c7", Seeing()),
        ("entity=CarePlan/c7", Seeing(much=frozenset({"AuditEvent"}))),
        ("patient=Patient/p7", Seeing()),
        ("agent=Organization/north", Seeing()),
    ],
)
async def test_a_search_of_it_reads_it_from_end_to_end_for_nobody(
    store: Store, by: Any, question: str, seeing: Seeing
) -> None:
    await many(store)
    slices = dict(decide(Asked("search-type", "AuditEvent"), by, Facts(datetime.now(UTC))).slices)
    query = parse("AuditEvent", [tuple(each.split("=", 1)) for each in question.split("&")])  # type: ignore[misc]
    sort = tuple(SortKey(*each) for each in query.sort)
    asked = page(Search({"AuditEvent": query.where}, slices, 10, "accurate", sort, seeing=seeing))
    found = await of_the_log(store, asked.sql, [*asked.parameters, "asker", by.person, by.organization, 0])
    assert found and "Seq Scan" not in found


async def test_who_sees_a_tenth_of_the_log_is_led_by_it_where_far_more_meets_the_question(store: Store) -> None:
    """To pass over a hidden row of the log costs ten times what it costs elsewhere."""
    await many(store)
    clock = SystemClock()
    own = (a_trail(resource_id=f"n{n}")._replace(organization=NORTH) for n in range(550))
    rows = ",".join(trails.row_text(each, clock.new_id()).decode() for each in own)
    connection = await store.pool.acquire()
    await connection.fetch(trails.INSERT_ALL, f"[{rows}]")
    await connection.execute("ANALYZE audit_event")
    store.pool.release(connection)
    slices = dict(decide(Asked("search-type", "AuditEvent"), system(NORTH), Facts(datetime.now(UTC))).slices)
    extents, session = Extents(), Session(store.pool)
    session.who = Who("asker", None, NORTH)
    for question, is_led in (("action=R", True), ("action=D", False), ("_count=10", False)):
        query = parse("AuditEvent", [tuple(question.split("=", 1))])  # type: ignore[list-item]
        found = await extents.found(Search({"AuditEvent": query.where}, slices, 10), session)
        assert ("AuditEvent" in found.seeing.some) == is_led, question
