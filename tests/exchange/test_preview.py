"""$preview of a Consent: who gains and who loses what, told before it is saved, to whom it concerns."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from exchange.answers import searched
from exchange.asking import Ask, resource_in
from exchange.cast import (
    ACT,
    AINO,
    JARI,
    LEENA,
    NIKO,
    OLLI,
    Aino,
    H,
    Jari,
    Kai,
    Leena,
    Mother,
    N,
    Niko,
    Principal,
    S,
    Sari,
    a_ban,
    a_permit,
    actions,
    classes,
    consents,
    day,
    k1,
    k2,
    person,
    purposes,
    sees,
    system,
    the_world,
)
from sharedplan.access.scopes import parse
from sharedplan.errors import Incorrect, Refused

Told = dict[str, Any]


async def previewed(ask: Ask, consent: Any, by: Principal = Sari) -> dict[str, list[Told]]:
    """gains, loses, warning and fault → their parts, each by name."""
    answer = await ask("operation", "Consent", consent, by=by, operation="preview", method="POST")
    found: dict[str, list[Told]] = {"gains": [], "loses": [], "warning": [], "fault": []}
    for each in resource_in(answer).get("parameter", []):
        parts: Told = {}
        for part in each["part"]:
            value = next(value for key, value in part.items() if key.startswith("value"))
            parts.setdefault(part["name"], []).append(value["reference"] if isinstance(value, dict) else value)
        found[each["name"]].append(parts)
    return found


def who(parts: list[Told], type: str, action: str = "access") -> set[tuple[str, str]]:
    """(actor, purpose) of those that are told of for a type."""
    mine = [each for each in parts if each["type"] == [type] and each["action"] == [action]]
    return {(actor, purpose) for each in mine for actor in each["actor"] for purpose in each["purpose"]}


async def test_it_tells_who_gains_what_and_that_is_what_they_then_see(ask: Ask) -> None:
    await the_world(ask)
    found = await previewed(ask, k1())
    assert found["loses"] == found["fault"] == []
    assert who(found["gains"], "CarePlan") == {(NIKO, "TREAT"), (NIKO, "CAREMGT")}
    (plan,) = [e for e in found["gains"] if e["type"] == ["CarePlan"] and e["action"] == ["access"]]
    assert (plan["organization"], plan["count"], plan["future"]) == ([H], [1], [True])
    assert plan["consent"] == ["Consent/k1/_history/1"]
    assert not await sees(ask, Niko, "CarePlan/1")
    assert (await searched(ask, "Consent", by=Sari))["total"] == 0
    await consents(ask, k1())
    assert await sees(ask, Niko, "CarePlan/1")
    assert (await previewed(ask, k1()))["gains"] == []


async def test_actions_and_classes_are_told_apart(ask: Ask) -> None:
    await the_world(ask)
    found = await previewed(ask, k2())
    assert {(each["actor"][0], each["type"][0], each["action"][0]) for each in found["gains"]} == {
        (JARI, "CarePlan", "access"),
        (JARI, "CareTeam", "access"),
        (JARI, "Task", "access"),
    }
    widely = await previewed(ask, a_permit(H, id="w"))
    assert (NIKO, "TREAT") in who(widely["gains"], "Task", "correct")


async def test_a_withdrawal_and_a_ban_are_told_as_losses(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    withdrawn = await previewed(ask, k1(status="inactive"))
    assert (withdrawn["gains"], who(withdrawn["loses"], "CarePlan")) == ([], {(NIKO, "TREAT"), (NIKO, "CAREMGT")})
    ban = a_permit(H, id="ban", type="deny", category=a_ban(), given=day(date(2026, 1, 1), at=9))
    banned = await previewed(ask, ban)
    assert who(banned["loses"], "CarePlan") == {(NIKO, "TREAT"), (NIKO, "CAREMGT")}
    assert "the ban Consent/ban is not withdrawn" in banned["loses"][0]["reason"]


async def test_single_things_are_named(ask: Ask) -> None:
    await the_world(ask)
    data = {"data": [{"meaning": "related", "reference": {"reference": "CarePlan/1"}}]}
    found = await previewed(ask, a_permit(LEENA, id="k6", provision=data))
    things = {each["target"][0] for each in found["gains"] if each["action"] == ["access"]}
    assert things == {"CarePlan/1", "Goal/1", "CareTeam/1", AINO}
    assert {each["future"][0] for each in found["gains"]} == {False}


async def test_an_emergency_is_gained_only_when_it_is_named(ask: Ask) -> None:
    await the_world(ask)
    found = await previewed(ask, a_permit(NIKO, id="e", provision={**purposes("ETREAT"), **classes("CarePlan")}))
    assert who(found["gains"], "CarePlan") == {(NIKO, "ETREAT")}


async def test_cautions_and_faults_are_told_and_nothing_is_refused(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    narrow = a_permit(H, id="n", given=day(date(2026, 2, 1), at=9), provision=classes("CarePlan"))
    assert [each["text"] for each in (await previewed(ask, narrow))["warning"]] == [
        ["The older permit Consent/k1 is wider and still stands; withdraw it if this is to replace it."]
    ]
    outsider = await previewed(ask, a_permit("Organization/elsewhere", id="o"))
    assert outsider["warning"][0]["text"][0].startswith("Organization/elsewhere is named, and takes no part")
    undated = {key: value for key, value in narrow.items() if key != "dateTime"}
    faulty = await previewed(ask, undated)
    assert (faulty["gains"], faulty["fault"][0]["expression"]) == ([], ["Consent.dateTime"])
    wrong = await previewed(ask, {**narrow, "status": "perhaps"})
    assert wrong["fault"][0]["expression"] == ["Consent.status"]


async def test_the_client_a_guardian_and_the_controllers_system_may_ask(ask: Ask) -> None:
    await the_world(ask, birthDate=day(date(2018, 3, 1)))
    for by in (Aino, Mother, system(S)):
        assert (NIKO, "TREAT") in who((await previewed(ask, k1(), by))["gains"], "CarePlan")


@pytest.mark.parametrize("by", [Niko, Jari, Kai, Leena, system(H), system(N)])
async def test_others_are_answered_as_about_a_client_who_never_was(ask: Ask, by: Principal) -> None:
    await the_world(ask)
    await consents(ask, k2())
    never = {"patient": {"reference": "Patient/never"}}
    for consent in (k1(), k2(), a_permit(H, id="ban", type="deny", category=a_ban())):
        about = await ask("operation", "Consent", consent, by=by, operation="preview", method="POST")
        of_nobody = await ask("operation", "Consent", {**consent, **never}, by=by, operation="preview", method="POST")
        assert about.content == of_nobody.content
        assert chr(34) + "gains" not in str(about.content)


async def test_what_the_asker_does_not_see_is_neither_counted_nor_named(ask: Ask) -> None:
    await the_world(ask)
    hidden = {"meta": {"security": [{"system": ACT, "code": "TBOO"}]}}
    await ask("update", "Consent/k2", k2(**hidden), by=system(S))
    later = a_permit(JARI, id="x", type="deny", given=day(date(2026, 3, 1), at=9))
    found = await previewed(ask, later, Aino)
    assert who(found["loses"], "CarePlan") == {(JARI, "TREAT"), (JARI, "CAREMGT")}
    assert "k2" not in str(found)
    observations = [each for each in (await previewed(ask, k1()))["gains"] if each["type"] == ["Observation"]]
    assert {each["count"][0] for each in observations} == {0}
    assert "k2" not in str(await previewed(ask, k2(status="inactive"), Aino))


async def test_it_is_on_record_for_the_client(ask: Ask) -> None:
    await the_world(ask)
    await previewed(ask, k1())
    log = await searched(ask, f"AuditEvent?patient={AINO}&subtype=$preview", by=Aino)
    (event,) = [each["resource"] for each in log["entry"]]
    assert "Practitioner/sari" in str(event["agent"])


async def test_what_is_no_consent_and_what_is_too_much_are_refused(ask: Ask) -> None:
    await the_world(ask)
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "consent", "resource": k1()}]}
    assert (await previewed(ask, wrapped))["gains"]
    for body in (None, {"resourceType": "Patient"}, {"resourceType": "Parameters"}, {**wrapped, "parameter": [3]}):
        with pytest.raises(Incorrect):
            await previewed(ask, body)
    many = a_permit(*(f"Organization/{n}" for n in range(50)), id="many")
    with pytest.raises(Incorrect, match="too much for one preview"):
        await previewed(ask, many)
    with pytest.raises(Refused):
        await previewed(ask, k1(), replace(Sari, scopes=parse("user/*.rs")))


async def test_reading_alone_is_told_of_as_that(ask: Ask) -> None:
    await the_world(ask)
    found = await previewed(ask, a_permit(NIKO, id="r", provision=actions("access")))
    assert {each["action"][0] for each in found["gains"]} == {"access"}


async def test_a_stranger_does_not_learn_of_an_emergency(ask: Ask) -> None:
    await the_world(ask)
    doctor = person(OLLI, H, "ETREAT")
    reason = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "unconscious"}]}
    await ask("operation", AINO, reason, by=doctor, operation="break-glass", method="POST")
    ban = a_permit(OLLI, id="ban", type="deny", category=a_ban())
    about = await ask("operation", "Consent", ban, by=Jari, operation="preview", method="POST")
    never = {**ban, "patient": {"reference": "Patient/never"}}
    of_nobody = await ask("operation", "Consent", never, by=Jari, operation="preview", method="POST")
    assert about.content == of_nobody.content
