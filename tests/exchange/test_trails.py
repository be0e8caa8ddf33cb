"""Every interaction leaves its audit row, whatever the end, in the transaction that it describes."""

import base64
from dataclasses import replace

import asyncpg
import pytest

from exchange.asking import ANNA, BY_SCOPES, RECORDS, Ask, a_bundle, a_patient, an_entry, identified, resource_in
from sharedplan.access.scopes import parse
from sharedplan.errors import Fault, Gone, NotFound, Refused, SharedplanError
from sharedplan.fhir.exchanges import Json

PLAN = {
    "resourceType": "CarePlan",
    "status": "active",
    "intent": "plan",
    "subject": {"reference": "Patient/anna"},
}


async def log(ask: Ask, query: str = "") -> list[Json]:
    """The audit log so far, oldest first, without the reading of it."""
    whole = f"AuditEvent?_count=500&_sort=_lastUpdated{query}"
    bundle = resource_in(await ask("search-type", whole, policy=BY_SCOPES))
    found = [each["resource"] for each in bundle.get("entry", [])]
    return [each for each in found if not is_about(each, "AuditEvent")]


def is_about(event: Json, type: str) -> bool:
    queries = [base64.b64decode(entity["query"]) for entity in event.get("entity", ()) if "query" in entity]
    return any(query.startswith(f"{type}?".encode()) for query in queries)


def told(events: list[Json]) -> list[tuple[str, str, str]]:
    return [(each["subtype"][0]["code"], each["action"], each["outcome"]) for each in events]


def entities(event: Json) -> list[str]:
    return [each["what"]["reference"] for each in event.get("entity", ()) if "reference" in each.get("what", {})]


async def test_each_interaction_leaves_one_row(ask: Ask) -> None:
    await ask("update", "Patient/anna", a_patient(id="anna"))
    plan = await ask("create", "CarePlan", PLAN)
    await ask("read", f"CarePlan/{plan.id}")
    await ask("vread", f"CarePlan/{plan.id}/1")
    await ask("history-instance", f"CarePlan/{plan.id}")
    await ask("search-type", "CarePlan?subject=Patient/anna")
    await ask("search-type", "CarePlan?subject=Patient/nobody")
    await ask(
        "patch", f"CarePlan/{plan.id}", [{"op": "add", "path": "/title", "value": "t"}], patch_format="json-patch"
    )
    await ask("operation", "CarePlan", PLAN, operation="validate")
    await ask("delete", f"CarePlan/{plan.id}")
    await ask("delete", f"CarePlan/{plan.id}")
    events = await log(ask)
    assert told(events) == [
        ("update", "U", "0"),
        ("create", "C", "0"),
        ("read", "R", "0"),
        ("vread", "R", "0"),
        ("history-instance", "R", "0"),
        ("search-type", "E", "0"),
        ("search-type", "E", "0"),
        ("patch", "U", "0"),
        ("$validate", "E", "0"),
        ("delete", "D", "0"),
        ("delete", "D", "0"),
    ]
    assert entities(events[1]) == [f"CarePlan/{plan.id}/_history/1", "Patient/anna"]
    for number in (1, 2, 3, 4, 5, 7, 9):
        assert "Patient/anna" in entities(events[number]), events[number]
    assert entities(events[6]) == ["Patient/nobody"]  # nothing was found of him, and he was asked about


async def test_each_page_of_a_search_is_logged_with_its_question(ask: Ask) -> None:
    for _ in range(2):
        await ask("create", "CarePlan", PLAN)
    first = resource_in(await ask("search-type", "CarePlan?status=active&_count=1"))
    following = next(each["url"] for each in first["link"] if each["relation"] == "next")
    await ask("search-type", "CarePlan?" + following.partition("?")[2])
    queries = [entity["query"] for event in await log(ask) for entity in event["entity"] if "query" in entity]
    assert [base64.b64decode(query) for query in queries] == [b"CarePlan?status=active&_count=1"] * 2


async def test_failures_and_refusals_leave_one_row_each(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    await ask("delete", "Patient/1")
    before = len(await log(ask))
    blind = replace(RECORDS, scopes=parse("system/Group.r"))
    asked = [
        (Gone, ask("read", "Patient/1")),
        (NotFound, ask("read", "Patient/none")),
        (NotFound, ask("vread", "Patient/1/9")),
        (SharedplanError, ask("create", "Patient", a_patient(gender="neither"))),
        (Refused, ask("read", "Patient/1", by=blind)),
        (NotFound, ask("read", "Patient/hidden", by=ANNA)),
        (SharedplanError, ask("transaction", "", a_bundle("transaction", an_entry("GET", "Patient/none")))),
    ]
    for kind, question in asked:
        with pytest.raises(kind):
            await question
    events = (await log(ask))[before:]
    assert [each["outcome"] for each in events] == ["4"] * 8
    assert events[4]["outcomeDesc"].startswith("no scope")
    assert [each["subtype"][0]["code"] for each in events[6:]] == ["read", "transaction"]


async def test_a_transaction_leaves_a_row_and_one_for_each_entry(ask: Ask) -> None:
    await ask(
        "transaction",
        "",
        a_bundle(
            "transaction",
            an_entry("PUT", "Patient/anna", a_patient(id="anna")),
            an_entry("POST", "CarePlan", PLAN),
            an_entry("POST", "Patient", identified("1"), ifNoneExist="identifier=urn:ids|1"),
            an_entry("DELETE", "Patient/none"),
            an_entry("GET", "Patient/anna"),
            an_entry("GET", "Patient/anna/_history/1"),
        ),
    )
    events = await log(ask)
    codes = [each["subtype"][0]["code"] for each in events]
    assert sorted(codes) == ["create", "create", "delete", "read", "transaction", "update", "vread"]
    plan = next(each for each in events if each["subtype"][0]["code"] == "create" and "CarePlan" in entities(each)[0])
    assert entities(plan)[1] == "Patient/anna"


async def test_a_failed_transaction_leaves_its_own_row_only(ask: Ask) -> None:
    with pytest.raises(SharedplanError):
        entries = [an_entry("PUT", "Patient/1", a_patient(id="1")), an_entry("GET", "Patient/none")]
        await ask("transaction", "", a_bundle("transaction", *entries))
    assert told(await log(ask)) == [("transaction", "E", "4")]


async def test_a_batch_leaves_a_row_for_each_entry_and_its_own(ask: Ask) -> None:
    entries = [an_entry("PUT", "Patient/1", a_patient(id="1")), an_entry("GET", "Patient/none")]
    await ask("batch", "", a_bundle("batch", *entries))
    assert told(await log(ask)) == [("update", "U", "0"), ("read", "R", "4"), ("batch", "E", "0")]


async def test_the_log_is_found_by_patient_and_reading_it_is_logged(ask: Ask) -> None:
    await ask("update", "Patient/anna", a_patient(id="anna"))
    await ask("create", "CarePlan", PLAN)
    found = resource_in(await ask("search-type", "AuditEvent?patient=Patient/anna"))
    assert found["total"] == 2
    event = found["entry"][0]["resource"]
    read = await ask("read", f"AuditEvent/{event['id']}")
    assert resource_in(read) == event
    assert read.version == 1
    everything = resource_in(await ask("search-type", "AuditEvent"))
    assert everything["total"] == 4


async def test_nothing_is_answered_when_the_trail_cannot_be_written(ask: Ask, database_url: str) -> None:
    await ask("update", "Patient/anna", a_patient(id="anna"))
    connection = await asyncpg.connect(database_url)
    await connection.execute("ALTER TABLE audit_event ADD CONSTRAINT closed CHECK (false) NOT VALID")
    for interaction, address in (
        ("read", "Patient/anna"),
        ("vread", "Patient/anna/1"),
        ("history-instance", "Patient/anna"),
        ("search-type", "Patient"),
        ("read", "Patient/none"),
    ):
        with pytest.raises(Fault):
            await ask(interaction, address)
    await connection.execute("ALTER TABLE audit_event DROP CONSTRAINT closed")
    await connection.close()
    assert (await ask("read", "Patient/anna")).status == 200
    assert told(await log(ask)) == [("update", "U", "0"), ("read", "R", "0")]
