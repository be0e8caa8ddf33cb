"""Update, update as create and conditional update, through the conductor."""

import pytest

from builders import a_goal
from exchange.asking import ANNA, BASE, POLICY, RECORDS, Ask, a_patient, identified, resource_in
from sharedplan.clock import SystemClock
from sharedplan.errors import Conflict, Incorrect, ManyMatches, NotFound, PreconditionNeeded, Refused, VersionMismatch
from sharedplan.exchange.surroundings import acting
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Asked
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.criteria import check_still_selected, condition_of
from sharedplan.store.engine import RetryableConflict
from sharedplan.store.unit_of_work import Store


async def test_an_update_makes_the_next_version(ask: Ask) -> None:
    first = await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    second = await ask("update", "Patient/1", a_patient(id="1", gender="female"))
    assert (first.status, first.created, first.version) == (201, True, 1)
    assert (second.status, second.created, second.version) == (200, False, 2)
    assert resource_in(second)["meta"]["versionId"] == "2"
    assert first.last_updated is not None and second.last_updated is not None
    assert second.last_updated > first.last_updated


async def test_an_update_that_says_the_same_makes_no_version(ask: Ask) -> None:
    first = await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    assert first.content is not None
    again = await ask("update", "Patient/1", json_text.read(first.content))
    same = await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    assert [(each.status, each.version, each.content) for each in (again, same)] == [(200, 1, first.content)] * 2


async def test_another_number_of_digits_is_another_version(ask: Ask) -> None:
    body = '{"resourceType":"Observation","id":"1","status":"final","code":{"text":"x"},"valueQuantity":{"value":%s}}'
    await ask("update", "Observation/1", json_text.read(body % "1.1"))
    second = await ask("update", "Observation/1", json_text.read(body % "1.10"))
    assert second.version == 2
    assert second.content is not None and '"value":1.10' in second.content


async def test_what_was_deleted_can_be_brought_back(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    await ask("delete", "Patient/1")
    back = await ask("update", "Patient/1", a_patient(id="1"))
    assert (back.status, back.created, back.version) == (201, True, 3)
    assert (await ask("read", "Patient/1")).version == 3


async def test_the_id_of_the_body_is_that_of_the_address(ask: Ask) -> None:
    for body in (a_patient(), a_patient(id="2"), a_patient(id="a/b"), a_patient(id=7)):
        with pytest.raises(Incorrect) as failure:
            await ask("update", "Patient/1", body)
        assert failure.value.issues[0].at == "Patient.id"


async def test_if_match_stops_an_update_of_another_version(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    with pytest.raises(VersionMismatch):
        await ask("update", "Patient/1", a_patient(id="1", gender="male"), if_match='W/"2"')
    with pytest.raises(Incorrect):
        await ask("update", "Patient/1", a_patient(id="1", gender="male"), if_match="1")
    answer = await ask("update", "Patient/1", a_patient(id="1", gender="male"), if_match='W/"1"')
    assert answer.version == 2


async def test_a_setting_wants_if_match_for_every_change(ask: Ask) -> None:
    careful = Policy(POLICY.cursors, requires_if_match=True)
    await ask("update", "Patient/1", a_patient(id="1"), policy=careful)
    for interaction, body in (("update", a_patient(id="1", gender="male")), ("delete", None)):
        with pytest.raises(PreconditionNeeded):
            await ask(interaction, "Patient/1", body, policy=careful)


async def test_security_labels_can_be_added_but_not_taken_away(ask: Ask) -> None:
    label = {"system": "urn:labels", "code": "R"}
    await ask("update", "Patient/1", a_patient(id="1", meta={"security": [label], "tag": [{"code": "t"}]}))
    without = resource_in(await ask("update", "Patient/1", a_patient(id="1", gender="male")))
    assert without["meta"]["security"] == [label]
    assert "tag" not in without["meta"]
    other = {"system": "urn:labels", "code": "V"}
    more = resource_in(await ask("update", "Patient/1", a_patient(id="1", meta={"security": [other]})))
    assert more["meta"]["security"] == [other, label]


async def test_a_condition_selects_what_is_updated(ask: Ask) -> None:
    address = "Patient?identifier=urn:ids|1"
    made = await ask("update", address, identified("1"))
    assert (made.status, made.version) == (201, 1)
    changed = await ask("update", address, identified("1", gender="male"))
    assert (changed.status, changed.id, changed.version) == (200, made.id, 2)
    named = await ask("update", address, identified("1", gender="female", id=made.id))
    assert (named.id, named.version) == (made.id, 3)
    with pytest.raises(Incorrect):
        await ask("update", address, identified("1", id="other"))
    await ask("create", "Patient", identified("1"))
    with pytest.raises(ManyMatches):
        await ask("update", address, identified("1"))


async def test_a_condition_that_selects_nothing_creates_under_a_free_id(ask: Ask) -> None:
    made = await ask("update", "Patient?identifier=urn:ids|1", identified("1", id="mine"))
    assert (made.status, made.id) == (201, "mine")
    with pytest.raises(Conflict):
        await ask("update", "Patient?identifier=urn:ids|2", identified("2", id="mine"))


async def test_a_condition_never_widens(ask: Ask) -> None:
    await ask("create", "Patient", identified("a"))
    for interaction in ("update", "patch", "delete"):
        for query in ("", "?identifier=", "?nonsense=1", "?_count=1", "?identifier=a&_total=none"):
            with pytest.raises(Incorrect):
                await ask(interaction, f"Patient{query}", identified("a"))


async def test_nobody_updates_what_he_cannot_see_or_out_of_his_slice(ask: Ask) -> None:
    for name in ("anna", "otto"):
        await ask("update", f"Goal/{name}s", a_goal(f"Patient/{name}", id=f"{name}s"))
    changed = a_goal("Patient/anna", id="annas", lifecycleStatus="accepted")
    assert (await ask("update", "Goal/annas", changed, by=ANNA)).version == 2
    with pytest.raises((Refused, Conflict, NotFound)):
        await ask("update", "Goal/ottos", a_goal("Patient/otto", id="ottos", lifecycleStatus="accepted"), by=ANNA)
    assert (await ask("read", "Goal/ottos")).version == 1


async def test_what_a_condition_selected_must_still_meet_it_once_it_is_locked(ask: Ask, store: Store) -> None:
    await ask("update", "Patient/1", a_patient(id="1", active=False))
    asked = Asked("patch", "Patient", parameters=(("active", "true"),), base=BASE)
    async with store.begin() as unit:
        surroundings = acting(asked, RECORDS, unit, SystemClock(), POLICY)
        with pytest.raises(RetryableConflict):
            await check_still_selected(await condition_of(asked, surroundings), "1", surroundings)
        inactive = asked._replace(parameters=(("active", "false"),))
        await check_still_selected(await condition_of(inactive, surroundings), "1", surroundings)
