"""Batches, through the conductor."""

import asyncio
from typing import Any

import pytest

from exchange.asking import ANNA, BASE, POLICY, Ask, a_bundle, a_patient, an_entry, identified, resource_in
from sharedplan.deadlines import Deadlines
from sharedplan.errors import Incorrect, TooLarge
from sharedplan.exchange import batch as batches
from sharedplan.exchange import responses
from sharedplan.exchange.step import in_one_unit
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.acting import Policy


async def answered(ask: Ask, *entries: Json, **more: object) -> list[Json]:
    answer = await ask("batch", "", a_bundle("batch", *entries), **more)
    bundle = resource_in(answer)
    assert (answer.status, bundle["type"]) == (200, "batch-response")
    found: list[Json] = bundle.get("entry", [])
    return found


async def test_each_entry_is_answered_for_itself_in_the_order_sent(ask: Ask) -> None:
    await ask("update", "Patient/gone", a_patient(id="gone"))
    await ask("delete", "Patient/gone")
    entries = await answered(
        ask,
        an_entry("GET", "Patient/1"),
        an_entry("PUT", "Patient/1", a_patient(id="1", gender="male")),
        an_entry("POST", "Patient", a_patient(gender="neither")),
        an_entry("GET", "Claim/1"),
        an_entry("GET", "Patient/gone"),
        an_entry("PUT", "Patient/1", a_patient(id="1"), ifMatch='W/"7"'),
        an_entry("DELETE", "Patient/none"),
        an_entry("GET", "Patient?gender=male&_summary=count"),
        {"resource": a_patient()},
    )
    statuses = [int(each["response"]["status"].split()[0]) for each in entries]
    assert statuses[:2] == [200, 201]
    assert statuses[2] in (400, 422)
    assert statuses[3:] == [404, 410, 412, 204, 200, 400]
    assert entries[0]["resource"]["gender"] == "male"
    assert entries[0]["fullUrl"] == f"{BASE}/Patient/1"
    assert entries[1]["response"]["location"] == f"{BASE}/Patient/1/_history/1"
    assert entries[1]["response"]["etag"] == 'W/"1"'
    assert "resource" not in entries[1]
    assert entries[2]["response"]["outcome"]["issue"][0]["severity"] == "error"
    assert entries[7]["resource"]["total"] == 1
    assert entries[8]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[8].request"]


async def test_what_is_written_comes_back_if_the_client_prefers(ask: Ask) -> None:
    create = an_entry("POST", "Patient", a_patient())
    (shown,) = await answered(ask, create, prefer="representation")
    assert shown["resource"]["resourceType"] == "Patient"
    (told,) = await answered(ask, create, prefer="OperationOutcome")
    assert told["response"]["outcome"]["resourceType"] == "OperationOutcome"
    (neither,) = await answered(ask, create)
    assert neither.keys() == {"response"}


async def test_one_failure_undoes_nothing_of_the_others(ask: Ask) -> None:
    await answered(
        ask, an_entry("PUT", "Patient/1", a_patient(id="1")), an_entry("PUT", "Patient/2", a_patient(id="3"))
    )
    assert (await ask("read", "Patient/1")).status == 200


async def test_each_entry_is_judged_by_itself(ask: Ask) -> None:
    await ask("update", "Patient/otto", a_patient(id="otto"))
    entries = await answered(ask, an_entry("GET", "Patient/otto"), an_entry("GET", "Organization?name=x"), by=ANNA)
    assert [each["response"]["status"] for each in entries] == ["404 Not Found", "200 OK"]


async def test_conditional_creates_of_one_batch_find_each_other(ask: Ask) -> None:
    create = an_entry("POST", "Patient", identified("1"), ifNoneExist="identifier=urn:ids|1")
    first, second = await answered(ask, create, create)
    assert [each["response"]["status"] for each in (first, second)] == ["201 Created", "200 OK"]
    assert first["response"]["location"] == second["response"]["location"]


async def test_a_batch_may_be_empty_but_not_too_large(ask: Ask) -> None:
    assert await answered(ask) == []
    small = Policy(POLICY.cursors, bundle_entries=1)
    with pytest.raises(Incorrect):
        await ask("batch", "", a_bundle("batch", *[an_entry("GET", "Patient")] * 2), policy=small)


async def test_what_an_answer_cannot_hold_is_to_be_read_by_another_request(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "HELD", 1000)
    await ask("update", "Patient/long", a_patient(id="long", name=[{"text": "x" * 1000}]))
    reads = [an_entry("GET", "Patient/long")] * 3
    entries = await answered(ask, *reads, an_entry("PUT", "Patient/1", a_patient(id="1")))
    assert [each["response"]["status"][:3] for each in entries] == ["200", "413", "413", "201"]
    with pytest.raises(TooLarge):
        await ask("transaction", "", a_bundle("transaction", *reads))


async def test_what_was_done_in_time_is_told(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or whoever sends the Bundle again would do it twice."""
    came = 0

    async def late_at_the_third(*arguments: object, **more: object) -> object:
        nonlocal came
        came += 1
        if came == 3:
            await asyncio.sleep(60)
        return await in_one_unit(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(batches, "in_one_unit", late_at_the_third)
    entries = [an_entry("POST", "Patient", a_patient()), an_entry("GET", "Patient/1")]
    entries += [an_entry("DELETE", "Patient/none"), an_entry("PUT", "Patient/2", a_patient(id="2"))]
    with Deadlines(1.0):
        found = await answered(ask, *entries)
    assert [each["response"]["status"][:3] for each in found] == ["201", "503", "204", "503"]
    told = [each["response"]["outcome"]["issue"][0]["diagnostics"] for each in (found[3], found[1])]
    assert told == [
        "the Bundle took too long: look whether this was done",
        "the Bundle took too long: this was not begun",
    ]


async def test_what_was_done_is_told_though_the_time_is_up_while_it_is_recorded(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = batches._record

    async def slowly(*arguments: Any) -> None:
        await asyncio.sleep(0.6)
        await record(*arguments)

    monkeypatch.setattr(batches, "_record", slowly)
    with Deadlines(0.5):
        found = await answered(ask, an_entry("PUT", "Patient/2", a_patient(id="2")))
    assert [each["response"]["status"][:3] for each in found] == ["201"]
