"""What a client may write as a Subscription."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from exchange.asking import RECORDS, Ask, a_bundle, an_entry, resource_in
from sharedplan.access.scopes import parse
from sharedplan.errors import SharedplanError, Unprocessable
from subscriptions.receiving import POLICY, Json, a_subscription

THERE = "https://records.example/told"


async def fault_of(
    ask: Ask, resource: Json, interaction: str = "create", address: str = "Subscription", **more: Any
) -> tuple[str | None, str]:
    """The element that is refused, and why."""
    with pytest.raises(Unprocessable) as refused:
        await ask(interaction, address, resource, **more)
    [issue] = refused.value.issues
    return issue.at, issue.saying


@pytest.mark.parametrize(
    ("criteria", "why"),
    [
        ("CarePlan", "a type of this service"),
        ("http://topics.example/admission", "a type of this service"),
        ("Nonsense?status=active", "a type of this service"),
        ("CarePlan?statsu=active", "statsu"),
        ("CarePlan?status=", "status has no value"),
        ("CarePlan?", "at least one"),
        ("CarePlan?status=active&_count=3", "_count"),
        ("CarePlan?status=active&_include=CarePlan:subject", "_include"),
        ("CarePlan?date=yesterday", "date"),
        ("AuditEvent?action=R", "nobody is told of each AuditEvent"),
        ("Subscription?status=active", "nobody is told of each Subscription"),
    ],
)
async def test_criteria_are_a_search_of_one_type_that_is_understood(ask: Ask, criteria: str, why: str) -> None:
    at, saying = await fault_of(ask, a_subscription(THERE, criteria))
    assert at == "Subscription.criteria"
    assert why in saying


@pytest.mark.parametrize(
    ("channel", "at"),
    [
        ({"type": "websocket"}, "Subscription.channel.type"),
        ({"type": "email"}, "Subscription.channel.type"),
        ({"endpoint": None}, "Subscription.channel.endpoint"),
        ({"endpoint": "http://records.example/told"}, "Subscription.channel.endpoint"),
        ({"endpoint": "https://169.254.169.254/latest"}, "Subscription.channel.endpoint"),
        ({"payload": "application/fhir+xml"}, "Subscription.channel.payload"),
        ({"header": ["no colon"]}, "Subscription.channel.header[0]"),
        ({"header": ["X-Ok: 1", "X-Bad: a\tb\u00e4"]}, "Subscription.channel.header[1]"),
        ({"header": ["Host: elsewhere.example"]}, "Subscription.channel.header[0]"),
        ({"header": ["Authorization: hidden (0123abcd)"]}, "Subscription.channel.header[0]"),
        ({"header": [f"X-N{n}: 1" for n in range(21)]}, "Subscription.channel.header[20]"),
    ],
)
async def test_the_channel_is_a_rest_hook_to_where_it_may_go(ask: Ask, channel: Json, at: str) -> None:
    assert (await fault_of(ask, a_subscription(THERE, channel=channel)))[0] == at


async def test_a_line_cannot_be_broken_into_two_headers(ask: Ask) -> None:
    with pytest.raises(SharedplanError) as refused:
        await ask("create", "Subscription", a_subscription(THERE, channel={"header": ["X: a\r\nHost: b"]}))
    assert refused.value.status == 422


async def test_full_resources_are_never_sent(ask: Ask) -> None:
    content = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content"
    extension = {"extension": [{"url": content, "valueCode": "full-resource"}]}
    at, saying = await fault_of(ask, a_subscription(THERE, channel={"_payload": extension}))
    assert (at, "id-only" in saying) == ("Subscription.channel.payload", True)


async def test_only_the_service_makes_it_active(ask: Ask) -> None:
    for status in ("active", "error"):
        assert (await fault_of(ask, a_subscription(THERE, status=status)))[0] == "Subscription.status"
    assert (await ask("create", "Subscription", a_subscription(THERE, status="off"))).status == 201


async def test_nobody_follows_what_his_token_does_not_let_him_read(ask: Ask) -> None:
    by = replace(RECORDS, scopes=parse("system/Subscription.cruds system/Goal.rs"))
    at, saying = await fault_of(ask, a_subscription(THERE), by=by)
    assert (at, saying) == ("Subscription.criteria", "the token lets nothing of CarePlan be read")
    assert (await ask("create", "Subscription", a_subscription(THERE, "Goal?lifecycle-status=active"), by=by)).created


async def test_nobody_follows_what_his_token_does_not_let_him_search(ask: Ask) -> None:
    by = replace(RECORDS, scopes=parse("system/Subscription.cruds system/CarePlan.r system/Goal.s"))
    at, saying = await fault_of(ask, a_subscription(THERE), by=by)
    assert (at, saying) == ("Subscription.criteria", "the token lets nothing of CarePlan be searched")
    assert (await ask("create", "Subscription", a_subscription(THERE, "Goal?lifecycle-status=active"), by=by)).created


async def test_an_emergency_is_not_followed(ask: Ask) -> None:
    by = replace(RECORDS, purpose="BTG")
    assert (await fault_of(ask, a_subscription(THERE), by=by))[0] == "Subscription"


async def test_a_secret_is_not_led_elsewhere_by_whoever_does_not_know_it(ask: Ask) -> None:
    written = a_subscription(THERE, channel={"header": ["Authorization: Bearer secret"]})
    made = resource_in(await ask("create", "Subscription", written))
    [shown] = made["channel"]["header"]
    assert shown.startswith("Authorization: hidden (")
    address = f"Subscription/{made['id']}"
    elsewhere = {**made, "channel": {**made["channel"], "endpoint": "https://evil.example/told"}}
    with pytest.raises(Unprocessable, match="say it"):
        await ask("update", address, elsewhere)
    patch = [{"op": "replace", "path": "/channel/endpoint", "value": "https://evil.example/told"}]
    with pytest.raises(Unprocessable, match="say it"):
        await ask("patch", address, patch, patch_format="json-patch")
    same = {**made, "channel": {**made["channel"], "endpoint": "https://records.example/other"}}
    assert (await ask("update", address, same)).status == 200


async def test_a_system_has_only_so_many_that_are_not_off(ask: Ask) -> None:
    ask = partial(ask, policy=replace(POLICY, subscriptions=2))
    first, _ = [await ask("create", "Subscription", a_subscription(THERE)) for _ in range(2)]
    for interaction, address in (("create", "Subscription"), ("update", "Subscription/own")):
        resource = a_subscription(THERE, **({"id": "own"} if address != "Subscription" else {}))
        assert "at most 2" in (await fault_of(ask, resource, interaction=interaction, address=address))[1]
    for other in (replace(RECORDS, client_id="other"), replace(RECORDS, organization="Organization/south")):
        assert (await ask("create", "Subscription", a_subscription(THERE), by=other)).status == 201
    stopped = await ask("create", "Subscription", a_subscription(THERE, status="off"))
    assert stopped.status == 201
    again = {**resource_in(stopped), "status": "requested"}
    assert "at most 2" in (await fault_of(ask, again, interaction="update", address=f"Subscription/{stopped.id}"))[1]
    await ask("update", f"Subscription/{first.id}", {**resource_in(first), "reason": "Another"})
    both = [an_entry("POST", "Subscription", a_subscription(THERE))] * 2
    with pytest.raises(SharedplanError, match="at most 2"):
        await ask("transaction", "", a_bundle("transaction", *both))
    instead = [an_entry("DELETE", f"Subscription/{first.id}"), both[0]]
    assert (await ask("transaction", "", a_bundle("transaction", *instead))).status == 200


async def test_several_at_the_same_time_are_no_more_either(ask: Ask) -> None:
    ask = partial(ask, policy=replace(POLICY, subscriptions=2))
    made = await asyncio.gather(
        *(ask("create", "Subscription", a_subscription(THERE)) for _ in range(4)), return_exceptions=True
    )
    assert sorted(isinstance(each, Unprocessable) for each in made) == [False, False, True, True]


async def test_validation_says_the_same(ask: Ask) -> None:
    wrong = a_subscription(THERE, "CarePlan?nothing=1")
    outcome = resource_in(await ask("operation", "Subscription?mode=create", wrong, operation="validate"))
    assert [each["expression"] for each in outcome["issue"]] == [["Subscription.criteria"]]


async def test_what_says_less_than_it_must_is_refused_and_no_failure_of_ours(ask: Ask) -> None:
    absent = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]
    }
    for name in ("status", "criteria", "channel"):
        resource = a_subscription(THERE)
        del resource[name]
        with pytest.raises(Unprocessable):
            await ask("create", "Subscription", resource)
        if name != "status":
            said = resource if name == "criteria" else {**resource, "channel": {"_type": absent, "_endpoint": absent}}
            with pytest.raises(Unprocessable):
                await ask("create", "Subscription", {**said, **({"_criteria": absent} if name == "criteria" else {})})
    nulls = {"header": ["X-A: 1", None], "_header": [None, absent]}
    with pytest.raises(Unprocessable):
        await ask("create", "Subscription", a_subscription(THERE, channel=nulls))
    answer = await ask("create", "Subscription", {**a_subscription(THERE), "_end": absent})
    assert answer.status == 201
