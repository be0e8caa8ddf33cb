"""Subscriptions are told of what their owner may see, in order, and as often as it takes."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from builders import a_care_plan, a_care_team, a_communication, a_patient, a_provenance, a_reference
from exchange.answers import searched
from exchange.asking import RECORDS, Ask, resource_in
from exchange.cast import AINO, Aino, H, N, Niko, S, a_member, consents, k1, person, system, the_world
from loading.texts import text
from sharedplan.errors import Conflict, Gone, Incorrect, NotFound, Refused, Unprocessable
from sharedplan.loading.loader import Loader
from sharedplan.loading.preparing import Choices
from sharedplan.store.engine import Pool
from sharedplan.store.subscriptions import LINGERS, Subscriptions
from sharedplan.store.unit_of_work import Store
from sharedplan.subscriptions.delivery import Deliverer
from sharedplan.subscriptions.keeping import keep_status
from subscriptions.receiving import Json, Later, Received, Receiver, a_deliverer, a_subscription

NORTH = RECORDS


async def a_client(ask: Ask) -> None:
    await ask("update", "Patient/anna", a_patient(id="anna"))


async def a_plan(ask: Ask, id: str, title: str = "A plan", **elements: Any) -> None:
    await ask("update", f"CarePlan/{id}", a_care_plan(id=id, title=title, **elements))


async def with_h_on_the_team(ask: Ask) -> None:
    """Aino's world, with H itself on the team and her permit for S and H."""
    await the_world(ask)
    await consents(ask, k1())
    team = resource_in(await ask("read", "CareTeam/1", by=system(S)))
    await ask(
        "update", "CareTeam/1", {**team, "participant": [*team["participant"], a_member(H, "nurse")]}, by=system(S)
    )


async def subscribed(ask: Ask, deliverer: Deliverer, resource: Json, by: Any = NORTH) -> str:
    """The id of the Subscription, once the handshake has been answered."""
    answer = await ask("create", "Subscription", resource, by=by)
    await deliverer.settle()
    return str(answer.id)


async def status_of(ask: Ask, id: str, by: Any = NORTH) -> tuple[str, str | None]:
    found = resource_in(await ask("read", f"Subscription/{id}", by=by))
    return found["status"], found.get("error")


async def events_since_start(ask: Ask, id: str) -> str:
    found = resource_in(await ask("operation", f"Subscription/{id}", operation="status"))
    said = {each["name"]: each for each in found["entry"][0]["resource"]["parameter"]}
    return str(said["events-since-subscription-start"]["valueString"])


async def test_a_handshake_makes_it_active_and_changes_that_match_are_told(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    await a_client(ask)
    await a_plan(ask, "before")
    id = await subscribed(ask, deliverer, a_subscription(receiver))
    [handshake] = receiver.taken()
    assert (handshake.kind, handshake.status["events-since-subscription-start"]) == ("handshake", "0")
    assert handshake.headers["content-type"] == "application/fhir+json"
    assert handshake.headers["user-agent"].startswith("sharedplan/")
    assert await status_of(ask, id) == ("active", None)

    await a_plan(ask, "1")
    await a_plan(ask, "2", status="draft")
    await ask("update", "CareTeam/1", a_care_team(id="1"))
    await deliverer.settle()
    [told] = receiver.taken()
    assert (told.kind, told.events) == ("event-notification", [(1, "CarePlan/1")])
    assert told.bundle["type"] == "history"
    assert [each["fullUrl"].rpartition("/")[2] for each in told.bundle["entry"][1:]] == ["1"]
    assert "resource" not in told.bundle["entry"][1]

    await a_plan(ask, "1", "Another title")
    await a_plan(ask, "1", "A third title")
    await a_plan(ask, "3")
    await deliverer.settle()
    [told] = receiver.taken()
    assert told.events == [(2, "CarePlan/1"), (3, "CarePlan/3")]
    assert told.status["events-since-subscription-start"] == "3"
    await deliverer.settle()
    assert receiver.taken() == []


async def test_what_is_told_is_on_record(ask: Ask, deliverer: Deliverer, receiver: Receiver) -> None:
    await a_client(ask)
    id = await subscribed(ask, deliverer, a_subscription(receiver))
    await a_plan(ask, "1")
    await deliverer.settle()
    found = await searched(ask, "AuditEvent?subtype=notification")
    [event] = [each["resource"] for each in found["entry"]]
    named = [each["what"]["reference"] for each in event["entity"] if "reference" in each.get("what", {})]
    assert named == ["CarePlan/1", "Patient/anna"]
    assert "told by a Subscription" in event["outcomeDesc"] and id not in str(event)
    assert event["agent"][0]["who"]["identifier"]["value"] == "records"


async def test_who_sees_nothing_more_is_told_nothing_more_but_that(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    """Case 13: K1 is withdrawn; H's running Subscription gets a last message without content."""
    await with_h_on_the_team(ask)
    await subscribed(ask, deliverer, a_subscription(receiver), by=system(H))
    plan = resource_in(await ask("read", "CarePlan/1", by=system(S)))
    await ask("update", "CarePlan/1", {**plan, "title": "Seen"}, by=system(S))
    await deliverer.settle()
    assert [each.kind for each in receiver.taken()] == ["handshake", "event-notification"]

    await consents(ask, k1(status="inactive"))
    await ask("update", "CarePlan/1", {**plan, "title": "Not to be seen"}, by=system(S))
    await deliverer.settle()
    [last] = receiver.taken()
    assert (last.kind, last.events, len(last.bundle["entry"])) == ("heartbeat", [], 1)
    assert "aino" not in last.body
    await ask("update", "CarePlan/1", {**plan, "title": "Nor this"}, by=system(S))
    await deliverer.settle()
    assert receiver.taken() == []

    await consents(ask, k1())
    await ask("update", "CarePlan/1", {**plan, "title": "Seen again"}, by=system(S))
    await deliverer.settle()
    [again] = receiver.taken()
    assert again.events == [(2, "CarePlan/1")]  # what was hidden has left no gap


async def test_a_consultation_that_names_no_client_is_told_to_whom_it_asks(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    await the_world(ask)
    asked = a_subscription(receiver, "Communication?status=completed")
    await subscribed(ask, deliverer, asked, by=system(H))
    for id, to, client in (("1", H, None), ("2", N, None), ("3", H, AINO), ("4", "PractitionerRole/niko", None)):
        message = {**a_communication(client, id=id, recipient=[a_reference(to)])}
        message = message if client else {name: each for name, each in message.items() if name != "subject"}
        await ask("update", f"Communication/{id}", message, by=system(S))
    await deliverer.settle()
    _, told = receiver.taken()
    assert told.events == [(1, "Communication/1"), (2, "Communication/4")]


async def test_who_leaves_the_team_is_told_nothing_more(ask: Ask, deliverer: Deliverer, receiver: Receiver) -> None:
    await the_world(ask)
    await consents(ask, k1())
    await subscribed(ask, deliverer, a_subscription(receiver), by=Niko)
    plan = resource_in(await ask("read", "CarePlan/1", by=system(S)))
    await ask("update", "CarePlan/1", {**plan, "title": "Seen"}, by=system(S))
    await deliverer.settle()
    assert receiver.taken()[-1].events == [(1, "CarePlan/1")]
    team = resource_in(await ask("read", "CareTeam/1", by=system(S)))
    left = [each for each in team["participant"] if each["member"]["reference"] != "Practitioner/niko"]
    gone = a_member("Practitioner/niko", "nurse", end="2026-01-01")
    gone["period"]["start"] = "2025-12-01"
    await ask("update", "CareTeam/1", {**team, "participant": [*left, gone]}, by=system(S))
    await ask("update", "CarePlan/1", {**plan, "title": "Not to be seen"}, by=system(S))
    await deliverer.settle()
    assert [each.kind for each in receiver.taken()] == ["heartbeat"]


async def test_a_receiver_that_fails_is_told_the_same_again(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, clock: Later
) -> None:
    await a_client(ask)
    id = await subscribed(ask, deliverer, a_subscription(receiver))
    receiver.taken()
    receiver.statuses = [500, 503, 302]
    await a_plan(ask, "1")
    await deliverer.settle()
    await a_plan(ask, "2")
    for _ in range(3):
        clock.by += timedelta(seconds=10)
        await deliverer.settle()
    tries = receiver.taken()
    assert [each.events for each in tries[:4]] == [[(1, "CarePlan/1")]] * 4
    assert len({each.bundle["id"] for each in tries[:4]}) == 1
    assert tries[4].events == [(2, "CarePlan/2")]
    assert await status_of(ask, id) == ("active", None)
    versions = await ask("history-instance", f"Subscription/{id}")
    said = [each["resource"].get("error") for each in resource_in(versions)["entry"]]
    assert said == [None, "the receiver answered 302", None, None]


async def test_a_worker_that_looks_just_when_the_status_was_written_does_not_begin_again(
    ask: Ask,
    deliverer: Deliverer,
    receiver: Receiver,
    clock: Later,
    guarded: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = a_deliverer(guarded, clock)

    async def looked_after(*arguments: Any, **named: Any) -> bool:
        done = await keep_status(*arguments, **named)
        await other.settle()
        return done

    monkeypatch.setattr("sharedplan.subscriptions.progress.keep_status", looked_after)
    await a_client(ask)
    await subscribed(ask, deliverer, a_subscription(receiver))
    assert len(receiver.taken()) == 1
    receiver.statuses = [500, 503, 302]
    await a_plan(ask, "1")
    for number in range(2, 6):
        await deliverer.settle()
        await a_plan(ask, str(number))
        clock.by += timedelta(seconds=10)
    await deliverer.settle()
    tries = receiver.taken()
    assert [each.events for each in tries[:4]] == [[(1, "CarePlan/1")]] * 4
    told = [event for each in tries[3:] for event in each.events]
    assert told == [(number, f"CarePlan/{number}") for number in range(1, 6)]


async def test_who_is_silent_too_long_is_given_up_and_begins_anew_when_asked(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, clock: Later
) -> None:
    await a_client(ask)
    id = await subscribed(ask, deliverer, a_subscription(receiver))
    receiver.statuses = [500] * 3
    await a_plan(ask, "1")
    await deliverer.settle()
    clock.by += timedelta(hours=73)
    await deliverer.settle()
    assert await status_of(ask, id) == ("off", "the receiver answered 500")
    receiver.taken()
    receiver.statuses = []
    await a_plan(ask, "1", "Missed")
    await deliverer.settle()
    assert receiver.taken() == []
    found = resource_in(await ask("read", f"Subscription/{id}"))
    await ask("update", f"Subscription/{id}", {**found, "status": "requested"})
    await a_plan(ask, "1", "Told")
    await deliverer.settle()
    assert [(each.kind, each.events) for each in receiver.taken()] == [
        ("handshake", []),
        ("event-notification", [(1, "CarePlan/1")]),
    ]


async def test_a_receiver_that_is_gone_is_left_alone(ask: Ask, deliverer: Deliverer, receiver: Receiver) -> None:
    receiver.statuses = [410]
    id = await subscribed(ask, deliverer, a_subscription(receiver))
    assert await status_of(ask, id) == ("off", "the receiver answered 410: it is gone")


async def test_after_a_restart_it_goes_on_where_it_was(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, guarded: Store, clock: Later
) -> None:
    await a_client(ask)
    await subscribed(ask, deliverer, a_subscription(receiver))
    await a_plan(ask, "1")
    await deliverer.settle()
    receiver.taken()
    await a_plan(ask, "2")
    one, other = a_deliverer(guarded, clock), a_deliverer(guarded, clock)
    await one.settle()
    await other.settle()
    assert [each.events for each in receiver.taken()] == [[(2, "CarePlan/2")]]


async def test_many_changes_go_by_several_notifications_in_order(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    await a_client(ask)
    most = {"url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-max-count"}
    channel = {"extension": [{**most, "valuePositiveInt": 2}]}
    await subscribed(ask, deliverer, a_subscription(receiver, channel=channel))
    for number in range(5):
        await a_plan(ask, str(number))
    await deliverer.settle()
    told = [each.events for each in receiver.taken()[1:]]
    assert told == [
        [(1, "CarePlan/0"), (2, "CarePlan/1")],
        [(3, "CarePlan/2"), (4, "CarePlan/3")],
        [(5, "CarePlan/4")],
    ]


async def test_a_deletion_is_told_where_the_history_shows_it(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    await with_h_on_the_team(ask)
    await subscribed(ask, deliverer, a_subscription(receiver), by=system(S))
    await subscribed(ask, deliverer, a_subscription(f"{receiver.address}/h"), by=system(H))
    for id, status in (("gone", "active"), ("draft", "draft")):
        await ask("update", f"CarePlan/{id}", a_care_plan(AINO, id=id, status=status), by=system(S))
    await deliverer.settle()
    receiver.taken()
    for id in ("gone", "draft"):
        await ask("delete", f"CarePlan/{id}", by=system(S))
    await deliverer.settle()
    [told] = receiver.taken()
    assert told.events == [(2, "CarePlan/gone")]
    assert told.bundle["entry"][1]["request"] == {"method": "DELETE", "url": "CarePlan/gone"}


async def test_a_heartbeat_comes_when_nothing_else_did(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, clock: Later
) -> None:
    await a_client(ask)
    period = {"url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-heartbeat-period"}
    channel = {"extension": [{**period, "valueUnsignedInt": 60}]}
    await subscribed(ask, deliverer, a_subscription(receiver, channel=channel))
    clock.by += timedelta(seconds=50)
    await deliverer.settle()
    assert [each.kind for each in receiver.taken()] == ["handshake"]
    clock.by += timedelta(seconds=11)
    await deliverer.settle()
    await deliverer.settle()
    assert [each.kind for each in receiver.taken()] == ["heartbeat"]


async def test_its_end_is_obeyed(ask: Ask, deliverer: Deliverer, receiver: Receiver, clock: Later) -> None:
    await a_client(ask)
    end = (clock.now() + timedelta(hours=1)).isoformat(timespec="seconds")
    id = await subscribed(ask, deliverer, a_subscription(receiver, end=end))
    clock.by += timedelta(hours=1)
    await deliverer.settle()
    assert await status_of(ask, id) == ("off", "its end has come")
    receiver.taken()
    await a_plan(ask, "1")
    await deliverer.settle()
    assert receiver.taken() == []


async def test_without_a_payload_nothing_is_said_but_that_something_happened(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    await a_client(ask)
    await subscribed(ask, deliverer, a_subscription(receiver, channel={"payload": None}))
    await a_plan(ask, "1")
    await deliverer.settle()
    assert [(each.body, "content-type" in each.headers) for each in receiver.taken()] == [("", False)] * 2


async def test_the_secrets_in_its_headers_are_sent_and_never_shown(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, store: Store
) -> None:
    await a_client(ask)
    channel = {"header": ["Authorization: Bearer tres-secret"]}
    written = a_subscription(receiver, channel=channel)
    id = (await ask("create", "Subscription", written)).id
    note = {**resource_in(await ask("read", f"Subscription/{id}")), "reason": "Written twice before it is taken on"}
    await ask("update", f"Subscription/{id}", note)
    await deliverer.settle()
    assert receiver.taken()[0].headers["authorization"] == "Bearer tres-secret"

    async def left() -> list[Any]:
        """What is sealed in the versions, which are for good, or still waits to be taken on."""
        rows = await store.pool.acquire()
        found = await rows.fetch(
            "SELECT id FROM resource_version WHERE who ->> 'headers' IS NOT NULL "
            "UNION ALL SELECT id FROM subscription_secret"
        )
        store.pool.release(rows)
        return list(found)

    rows = await store.pool.acquire()
    kept = await rows.fetch(
        "SELECT content::text || coalesce(who::text, '') FROM resource_version UNION ALL "
        "SELECT who::text || coalesce(headers, '') FROM subscription_state"
    )
    store.pool.release(rows)
    assert not any("tres-secret" in row[0] for row in kept)
    assert not await left()

    found = resource_in(await ask("read", f"Subscription/{id}"))
    await ask("update", f"Subscription/{id}", {**found, "reason": "Another", "status": "requested"})
    await deliverer.settle()
    assert receiver.taken()[0].headers["authorization"] == "Bearer tres-secret"
    await ask(
        "update",
        f"Subscription/{id}",
        {**written, "id": id, "channel": {**written["channel"], "header": ["Authorization: Bearer new"]}},
    )
    await deliverer.settle()
    assert receiver.taken()[0].headers["authorization"] == "Bearer new"
    await ask("create", "Subscription", {**written, "status": "off"})
    gone = await ask("create", "Subscription", written)
    await ask("delete", f"Subscription/{gone.id}")
    assert len(await left()) == 2
    await deliverer.settle()
    assert [row["id"] for row in await left()] == [gone.id]
    await Subscriptions(store.pool).forget()
    assert not await left()


async def test_what_was_read_and_is_written_back_changes_nothing(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    id = await subscribed(ask, deliverer, a_subscription(receiver, channel={"header": ["X-Key: one"]}))
    found = resource_in(await ask("read", f"Subscription/{id}"))
    assert str((await ask("update", f"Subscription/{id}", found)).version) == found["meta"]["versionId"]


OTHERS = (
    pytest.param(replace(NORTH, client_id="other"), id="another system of the organisation"),
    pytest.param(person("Practitioner/sari", "Organization/north"), id="a person there"),
    pytest.param(system(H), id="another organisation"),
    pytest.param(Aino, id="a client"),
)


@pytest.mark.parametrize("other", OTHERS)
async def test_a_subscription_is_nobody_elses_to_see_or_change(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, other: Any
) -> None:
    id = await subscribed(ask, deliverer, a_subscription(receiver))
    address = f"Subscription/{id}"
    for question in (("read", address), ("history-instance", address), ("vread", f"{address}/1")):
        with pytest.raises(NotFound):
            await ask(*question, by=other)
    assert (await searched(ask, "Subscription", by=other))["total"] == 0
    assert (await searched(ask, "Subscription"))["total"] == 1
    assert (await searched(ask, f"Provenance?target={address}", by=other))["total"] == 0
    if other is not Aino:
        with pytest.raises((Conflict, Refused)):
            await ask("update", address, {**a_subscription(receiver), "id": id}, by=other)
    assert (await ask("delete", address, by=other)).status == 204
    assert (await status_of(ask, id))[0] == "active"
    await ask("delete", address)
    with pytest.raises(Gone):
        await ask("read", address)
    with pytest.raises(NotFound):  # nor is it when it is no more
        await ask("read", address, by=other)
    with pytest.raises(NotFound):
        await ask("history-instance", address, by=other)
    if other is not Aino:
        with pytest.raises((Conflict, Refused)):
            await ask("update", address, {**a_subscription(receiver), "id": id}, by=other)


async def test_what_is_deleted_and_written_again_begins_anew(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    await a_client(ask)
    id = await subscribed(ask, deliverer, a_subscription(receiver))
    await a_plan(ask, "1")
    await deliverer.settle()
    receiver.taken()
    await ask("delete", f"Subscription/{id}")
    await a_plan(ask, "meanwhile")
    await ask("update", f"Subscription/{id}", {**a_subscription(receiver), "id": id})
    for is_taken_on in (False, True):
        if is_taken_on:
            await deliverer.settle()
        assert await events_since_start(ask, id) == "0"
        found = resource_in(await ask("operation", f"Subscription/{id}", operation="events"))
        assert len(found["entry"]) == 1
    assert [each.kind for each in receiver.taken()] == ["handshake"]
    await a_plan(ask, "2")
    await deliverer.settle()
    assert [each.events for each in receiver.taken()] == [[(1, "CarePlan/2")]]


async def test_a_version_that_was_not_taken_on_yet_has_the_events_from_before(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    await a_client(ask)
    id = await subscribed(ask, deliverer, a_subscription(receiver))
    await a_plan(ask, "1")
    await deliverer.settle()
    await ask("update", f"Subscription/{id}", {**a_subscription(receiver), "id": id, "reason": "Another"})
    assert await events_since_start(ask, id) == "1"
    await deliverer.settle()
    assert await events_since_start(ask, id) == "1"


async def test_its_owner_asks_how_it_is_doing_and_for_events_again(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    await with_h_on_the_team(ask)
    id = await subscribed(ask, deliverer, a_subscription(receiver), by=system(H))
    await ask("update", "CarePlan/2", a_care_plan(AINO, id="2"), by=system(S))
    await deliverer.settle()
    plan = resource_in(await ask("read", "CarePlan/1", by=system(S)))
    await ask("update", "CarePlan/1", {**plan, "title": "Seen"}, by=system(S))
    await deliverer.settle()
    [told, more] = receiver.taken()[1:]
    assert (told.events, more.events) == ([(1, "CarePlan/2")], [(2, "CarePlan/1")])

    def events_in(answer: Any) -> list[tuple[int, str]]:
        return Received({}, str(answer.content)).events

    question = ("operation", f"Subscription/{id}")
    found = resource_in(await ask(*question, by=system(H), operation="status"))
    said = {each["name"]: each for each in found["entry"][0]["resource"]["parameter"]}
    assert said["status"]["valueCode"] == "active"
    assert said["events-since-subscription-start"]["valueString"] == "2"
    assert events_in(await ask(*question, by=system(H), operation="events")) == [(1, "CarePlan/2"), (2, "CarePlan/1")]
    later = f"Subscription/{id}?eventsSinceNumber=2"
    assert events_in(await ask("operation", later, by=system(H), operation="events")) == [(2, "CarePlan/1")]
    empty = f"Subscription/{id}?content=empty"
    said = await ask("operation", empty, by=system(H), operation="events")
    assert events_in(said) == [(1, ""), (2, "")]
    assert "CarePlan/" not in str(said.content)
    with pytest.raises(Incorrect):
        await ask("operation", f"Subscription/{id}?eventsSinceNumber=x", by=system(H), operation="events")
    for operation in ("status", "events"):
        with pytest.raises(NotFound):
            await ask(*question, by=system(S), operation=operation)
    await consents(ask, k1(status="inactive"))
    assert events_in(await ask(*question, by=system(H), operation="events")) == []


async def test_the_clients_log_says_who_was_told(ask: Ask, deliverer: Deliverer, receiver: Receiver) -> None:
    await with_h_on_the_team(ask)
    await subscribed(ask, deliverer, a_subscription(receiver), by=system(H))
    await ask("update", "CarePlan/2", a_care_plan(AINO, id="2"), by=system(S))
    await deliverer.settle()
    found = await searched(ask, f"AuditEvent?patient={AINO}&subtype=notification", by=Aino)
    [event] = [each["resource"] for each in found["entry"]]
    assert "was told of a change of: plan" in event["text"]["div"]
    assert [each["who"].get("reference") for each in event["agent"]][-1] == H


async def test_which_subscription_it_was_the_log_tells_its_owner_alone(
    ask: Ask, deliverer: Deliverer, receiver: Receiver
) -> None:
    await with_h_on_the_team(ask)
    owner, other = system(H), replace(system(H), client_id="other")
    worker = person("Practitioner/niko", H)
    id = await subscribed(ask, deliverer, a_subscription(receiver), by=owner)
    await ask("update", "CarePlan/2", a_care_plan(AINO, id="2"), by=system(S))
    await deliverer.settle()
    address = f"Subscription/{id}"
    for interaction, question in (
        ("read", address),
        ("history-instance", address),
        ("history-type", "Subscription"),
        ("search-type", "Subscription"),
        ("search-type", f"Subscription?_id={id}&_include=*"),
        ("search-system", f"?_type=Subscription,CarePlan&_id={id},2"),
        ("history-system", ""),
    ):
        assert id in str((await ask(interaction, question, by=owner)).content)
    for operation in ("status", "events"):
        await ask("operation", address, by=owner, operation=operation)
    with pytest.raises(NotFound):
        await ask("read", address, by=other)
    mine = await searched(ask, f"AuditEvent?entity={address}&_count=100", by=owner)
    assert {each["resource"]["subtype"][0]["code"] for each in mine["entry"]} >= {"create", "read", "$status"}
    theirs = await searched(ask, f"AuditEvent?entity={address}&_count=100", by=other)
    assert [each["resource"]["subtype"][0]["code"] for each in theirs["entry"]] == [
        "read"
    ]  # what they asked themselves
    for by in (worker, system(S), Aino):
        assert (await searched(ask, f"AuditEvent?entity={address}", by=by))["total"] == 0
    for by in (other, worker, system(S), Aino):
        log = (await searched(ask, "AuditEvent?_count=500", by=by)).get("entry", [])
        told = [each["resource"] for each in log if each["resource"]["subtype"][0]["code"] != "read"]
        assert told and id not in str(told), by
    again = await searched(ask, f"AuditEvent?patient={AINO}&subtype=$events,notification", by=Aino)
    assert again["total"] == 2 and id not in str(again)


async def test_nobody_posts_a_provenance_of_a_subscription(ask: Ask, deliverer: Deliverer, receiver: Receiver) -> None:
    await the_world(ask)
    id = await subscribed(ask, deliverer, a_subscription(receiver), by=system(H))
    for target in (f"Subscription/{id}", f"Subscription/{id}/_history/1", "Subscription/never-was"):
        for by in (system(H), system(S), replace(system(H), client_id="other")):
            with pytest.raises(Unprocessable, match="no Provenance is kept of a Subscription"):
                await ask("create", "Provenance", a_provenance("Goal/1", target), by=by)
    assert (await ask("create", "Provenance", a_provenance("Goal/1"), by=system(S))).status == 201


async def test_who_was_told_has_not_been_at_the_data_for_that(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, store: Store
) -> None:
    await with_h_on_the_team(ask)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)

    async def last_visit() -> datetime:
        async with store.begin() as unit:
            found = await unit.visits(AINO, "CarePlan/2", keeper=None, since=long_ago, changed=long_ago)
        return max(each.last for each in found if H in each.agents)

    await subscribed(ask, deliverer, a_subscription(receiver), by=system(H))
    before = await last_visit()
    await ask("update", "CarePlan/2", a_care_plan(AINO, id="2"), by=system(S))
    await deliverer.settle()
    assert receiver.taken()[-1].events == [(1, "CarePlan/2")]
    assert await last_visit() == before
    await ask("read", "CarePlan/2", by=system(H))
    assert await last_visit() > before


async def test_what_was_loaded_for_nobody_says_so(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, store: Store, clock: Later
) -> None:
    """An operator brings in what another server had: there is nobody here by whose eyes it could be told."""
    loader = Loader(store, clock, Choices("Organization/north"))
    await loader.load([text(a_subscription(receiver, id="old", status="active"))])
    await deliverer.settle()
    assert receiver.taken() == []
    status, error = await status_of(ask, "old")
    assert (status, "nobody is known" in str(error)) == ("off", True)


async def test_events_wait_while_the_service_stops_after_the_present_one(
    ask: Ask, guarded: Store, clock: Later, receiver: Receiver
) -> None:
    await a_client(ask)
    running = a_deliverer(guarded, clock)
    task = asyncio.create_task(running.run())
    await ask("create", "Subscription", a_subscription(receiver))
    async with asyncio.timeout(20):
        await receiver.something.wait()
    await running.stop(timedelta(seconds=5))
    await task
    receiver.taken()
    await a_plan(ask, "1")
    assert receiver.taken() == []
    await a_deliverer(guarded, clock).settle()
    assert [each.events for each in receiver.taken()] == [[(1, "CarePlan/1")]]


async def test_a_slow_receiver_gets_no_more_time_because_requests_took_theirs(
    ask: Ask, guarded: Store, clock: Later
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        await reader.read()
        writer.close()

    called, draining = asyncio.Event(), asyncio.Event()
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await ask("create", "Subscription", a_subscription(f"http://127.0.0.1:{port}/"))
        running = a_deliverer(guarded, clock)
        task = asyncio.create_task(running.run(draining.is_set))
        async with asyncio.timeout(20):
            await called.wait()
            draining.set()
            await task
        await asyncio.sleep(0.3)  # the requests
        loop = asyncio.get_running_loop()
        began = loop.time()
        await running.stop(timedelta(seconds=0.3))
        assert loop.time() - began < 0.2


async def test_who_may_ask_for_nothing_any_more_is_told_nothing(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, guarded: Store, clock: Later
) -> None:
    await a_client(ask)
    id = await subscribed(ask, deliverer, a_subscription(receiver))
    receiver.taken()
    await a_plan(ask, "1")
    await a_deliverer(guarded, clock, present=lambda by: None).settle()
    assert receiver.taken() == []
    assert (await status_of(ask, id))[0] == "off"


async def test_two_workers_tell_it_once(ask: Ask, deliverer: Deliverer, receiver: Receiver, guarded: Store) -> None:
    await a_client(ask)
    await subscribed(ask, deliverer, a_subscription(receiver))
    for number in range(3):
        await a_plan(ask, str(number))
    others = [a_deliverer(guarded, Later()) for _ in range(3)]
    await asyncio.gather(*(each.settle() for each in others))
    assert [each.kind for each in receiver.taken()] == ["handshake", "event-notification"]


async def test_what_a_killed_worker_claimed_is_soon_another_s(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, service_url: str, guarded: Store, clock: Later
) -> None:
    await a_client(ask)
    await subscribed(ask, deliverer, a_subscription(receiver))
    receiver.taken()
    await a_plan(ask, "1")
    pool = Pool(service_url, size=2)
    [state] = await Subscriptions(pool).claim(8, at=clock.now())
    clock.by += LINGERS + timedelta(seconds=1)
    assert await deliverer.look() == 0  # whoever claimed it lives, however long it takes
    assert await Subscriptions(pool).begin(state, state.cursor, at=clock.now())
    for connection in pool._idle:
        connection.terminate()  # as when its process is killed
    await asyncio.sleep(0.2)
    assert await deliverer.look() == 0  # what it began may still be on its way
    clock.by += LINGERS + timedelta(seconds=1)
    await deliverer.settle()
    assert [each.events for each in receiver.taken()] == [[(1, "CarePlan/1")]]
    assert not await Subscriptions(guarded.pool).begin(state, state.cursor, at=clock.now())
    await pool.close()


async def test_a_membership_that_ends_by_its_date_ends_with_a_last_message(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, clock: Later
) -> None:
    await with_h_on_the_team(ask)
    team = resource_in(await ask("read", "CareTeam/1", by=system(S)))
    await subscribed(ask, deliverer, a_subscription(receiver), by=system(H))
    await ask("update", "CarePlan/2", a_care_plan(AINO, id="2"), by=system(S))
    await deliverer.settle()
    end = (clock.now() + timedelta(seconds=2)).isoformat(timespec="milliseconds")
    *others, own = team["participant"]
    own["period"]["end"] = end
    await ask("update", "CareTeam/1", {**team, "participant": [*others, own]}, by=system(S))
    await deliverer.settle()
    assert [each.kind for each in receiver.taken()] == ["handshake", "event-notification"]
    await asyncio.sleep(2)  # the database's clock cannot be put forward
    clock.by += timedelta(minutes=11)
    await deliverer.settle()
    clock.by += timedelta(minutes=11)
    await deliverer.settle()
    assert [each.kind for each in receiver.taken()] == ["heartbeat"]


@pytest.mark.parametrize(
    "criteria", ["CarePlan?status=active", "CarePlan?subject:Patient.name=otto", "Patient?name=otto"]
)
async def test_what_is_hidden_makes_no_difference(
    ask: Ask, deliverer: Deliverer, receiver: Receiver, criteria: str
) -> None:
    """Neither a message nor a number nor a row of the log, whatever the criteria ask for."""
    await with_h_on_the_team(ask)
    await subscribed(ask, deliverer, a_subscription(receiver, criteria), by=system(H))
    receiver.taken()
    await ask("update", "Patient/otto", a_patient(id="otto", name=[{"family": "Otto"}]), by=system(S))
    for title in ("One", "Two"):
        await ask("update", "CarePlan/ottos", a_care_plan("Patient/otto", id="ottos", title=title), by=system(S))
    await deliverer.settle()
    await ask("delete", "CarePlan/ottos", by=system(S))
    await deliverer.settle()
    assert receiver.taken() == []
    assert (await searched(ask, "AuditEvent?subtype=notification", by=system(H)))["total"] == 0
    plan = resource_in(await ask("read", "CarePlan/1", by=system(S)))
    await ask("update", "CarePlan/1", {**plan, "title": "Seen"}, by=system(S))
    await deliverer.settle()
    assert [each.events for each in receiver.taken()] == (
        [[(1, "CarePlan/1")]] if criteria == "CarePlan?status=active" else []
    )
