"""Consents that nobody could decide by are refused, in whatever way they come."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

import builders as b
from exchange.asking import Ask, a_bundle, a_patient, an_entry, resource_in
from exchange.cast import ACT, Aino, H, S, Sari, a_permit, classes, consents, day, k1, purposes, put, system, the_world
from sharedplan.access.scopes import parse
from sharedplan.errors import Unprocessable

GOOD = b.a_consent(id="1", dateTime="2026-01-10", provision=b.a_provision(to="Practitioner/1"))
UNTYPED = {**GOOD, "provision": b.a_provision(None, to="Practitioner/1")}


async def test_a_consent_that_says_neither_permit_nor_deny_is_refused_by_every_write(ask: Ask) -> None:
    await ask("update", "Patient/anna", a_patient(id="anna"))
    await ask("update", "Consent/1", GOOD)
    patch = [{"op": "remove", "path": "/provision/type"}]
    for way in (
        ask("create", "Consent", {name: value for name, value in UNTYPED.items() if name != "id"}),
        ask("update", "Consent/1", UNTYPED),
        ask("update", "Consent/2", {**UNTYPED, "id": "2"}),
        ask("patch", "Consent/1", patch, patch_format="json-patch"),
        ask("transaction", "", a_bundle("transaction", an_entry("PUT", "Consent/1", UNTYPED))),
    ):
        with pytest.raises(Unprocessable) as failure:
            await way
        assert "Say permit or deny" in failure.value.issues[0].saying
    assert (await ask("read", "Consent/1")).version == 1


async def test_a_draft_may_be_saved_and_is_asked_when_it_comes_into_force(ask: Ask) -> None:
    await ask("update", "Consent/1", {**UNTYPED, "status": "draft"})
    with pytest.raises(Unprocessable):
        activated = [{"op": "replace", "path": "/status", "value": "active"}]
        await ask("patch", "Consent/1", activated, patch_format="json-patch")


WIDER = "The older permit Consent/k1 is wider and still stands; withdraw it if this is to replace it."


def said(outcome: Any) -> list[str]:
    return [each["diagnostics"] for each in outcome["issue"] if each["severity"] == "warning"]


def narrower(**elements: Any) -> Any:
    provision = {**purposes("TREAT"), **classes("CarePlan")}
    return a_permit(H, id="k9", given=day(date(2026, 2, 1), at=9), provision=provision, **elements)


async def test_the_writer_is_told_what_a_consent_does_not_do_when_he_asks_to_be(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    of_outcome = {"by": Sari, "prefer": "OperationOutcome"}
    created = await ask("create", "Consent", {k: v for k, v in narrower().items() if k != "id"}, **of_outcome)
    assert (created.status, said(resource_in(created))) == (201, [WIDER])
    updated = await ask("update", "Consent/k9", narrower(status="draft"), **of_outcome)
    assert said(resource_in(updated)) == []
    activated = [{"op": "replace", "path": "/status", "value": "active"}]
    patched = await ask("patch", "Consent/k9", activated, patch_format="json-patch", **of_outcome)
    assert (patched.status, said(resource_in(patched))) == (200, [WIDER])
    assert resource_in(await ask("update", "Consent/k9", narrower(), by=Sari))["resourceType"] == "Consent"


async def test_in_a_transaction_a_consent_is_looked_at_beside_what_goes_in_with_it(ask: Ask) -> None:
    await the_world(ask)
    both = a_bundle("transaction", put(k1()), put(narrower()))
    answer = resource_in(await ask("transaction", "", both, by=Sari, prefer="OperationOutcome"))
    assert [said(each["response"]["outcome"]) for each in answer["entry"]] == [[], [WIDER]]
    withdrawn = a_bundle("transaction", put(k1(status="inactive")), put(narrower(language="fi")))
    answer = resource_in(await ask("transaction", "", withdrawn, by=Sari, prefer="OperationOutcome"))
    assert [said(each["response"]["outcome"]) for each in answer["entry"]] == [[], []]


async def test_no_consent_is_named_to_a_writer_who_may_not_see_it(ask: Ask) -> None:
    await the_world(ask)
    await ask("update", "Consent/k1", k1(meta={"security": [{"system": ACT, "code": "TBOO"}]}), by=system(S))
    by_aino = await ask("update", "Consent/k9", narrower(), by=Aino, prefer="OperationOutcome")
    assert said(resource_in(by_aino)) == []
    only_writes = replace(system(S), scopes=parse("system/*.cud"))
    for by, told in ((only_writes, []), (system(S), [WIDER])):
        body = narrower(language="fi" if told else "sv")
        answer = await ask("update", "Consent/k9", body, by=by, prefer="OperationOutcome")
        assert [each for each in said(resource_in(answer)) if "there is no" not in each] == told
