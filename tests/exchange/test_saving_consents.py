"""Consents that nobody could decide by are refused, in whatever way they come."""

import pytest

import builders as b
from exchange.asking import Ask, a_bundle, a_patient, an_entry
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
