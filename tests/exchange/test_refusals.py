"""What never became an interaction is on record: few as they are, many by their number."""

from datetime import UTC, datetime, timedelta

from exchange.asking import BY_SCOPES, RECORDS, Ask, resource_in
from sharedplan.clock import FixedClock
from sharedplan.errors import Incorrect, Unavailable
from sharedplan.exchange.refusals import MOST, WINDOW, Refusals
from sharedplan.fhir import resources
from sharedplan.fhir.exchanges import Asked, Json
from sharedplan.store.unit_of_work import Store

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def events(ask: Ask, query: str) -> list[Json]:
    address = f"AuditEvent?{query}&_count=200&_sort=_lastUpdated"
    found = resource_in(await ask("search-type", address, policy=BY_SCOPES))
    return [each["resource"] for each in found.get("entry", [])]


async def test_a_failed_authentication_is_told_as_dicom_tells_it(ask: Ask, store: Store) -> None:
    refusals = Refusals(store.begin, FixedClock(NOW))
    await refusals.unproved("the token has expired", network="192.0.2.7", request_id="request-7")
    [event] = await events(ask, "type=http://dicom.nema.org/resources/ontology/DCM|110114")
    assert resources.issues_of("AuditEvent", event) == []
    assert (event["type"]["code"], event["subtype"][0]["code"], event["outcome"]) == ("110114", "110122", "4")
    assert event["outcomeDesc"] == "the token has expired"
    assert event["agent"][0]["network"] == {"address": "192.0.2.7", "type": "2"}
    assert event["entity"][0]["what"]["identifier"]["value"] == "request-7"
    assert "an attempt to prove who asks failed" in event["text"]["div"]
    assert await events(ask, "subtype=110122") == [event]
    assert await events(ask, "type=rest&subtype=110122") == []


async def test_a_flood_of_them_leaves_a_few_rows_and_their_number(ask: Ask, store: Store) -> None:
    clock = FixedClock(NOW)
    refusals = Refusals(store.begin, clock)
    for _ in range(MOST + 1000):
        await refusals.unproved("forged", network="192.0.2.7", request_id="r")
    assert len(await events(ask, "type=110114")) == MOST
    clock.at += WINDOW
    await refusals.unproved("forged", network="192.0.2.8", request_id="r")
    told = await events(ask, "type=110114")
    assert len(told) == MOST + 2
    assert told[MOST]["outcomeDesc"].startswith("1,000 more like those before, from 2026-03-02T12:00:00")
    clock.at += timedelta(seconds=1)
    for _ in range(MOST + 4):
        await refusals.unproved("forged", network=None, request_id="r")
    await refusals.sum_up()
    await refusals.sum_up()
    assert (await events(ask, "type=110114"))[-1]["outcomeDesc"].startswith("5 more")
    assert len(await events(ask, "type=110114")) == MOST + 2 + MOST - 1 + 1


async def test_what_somebody_known_asks_for_in_vain_has_a_row_each(ask: Ask, store: Store) -> None:
    refusals = Refusals(store.begin, FixedClock(NOW))
    for _ in range(MOST + 2):
        await refusals.refused(Asked("update", "Patient", "anna"), RECORDS, Incorrect("no JSON"))
    told = await events(ask, "patient=Patient/anna&outcome=4")
    assert len(told) == MOST + 2
    assert told[0]["agent"][-1]["who"]["reference"] == RECORDS.organization
    for _ in range(MOST + 2):
        await refusals.refused(Asked("read", "Patient", "eino"), RECORDS, Unavailable("the service is busy"))
    assert len(await events(ask, "patient=Patient/eino&outcome=8")) == MOST


async def test_what_cannot_be_written_stops_nothing(store: Store) -> None:
    await store.close(patience=timedelta(seconds=1))
    refusals = Refusals(store.begin, FixedClock(NOW))
    await refusals.unproved("forged", network=None, request_id="r")
    await refusals.refused(Asked("read", "Patient", "anna"), RECORDS, Incorrect("no JSON"))
