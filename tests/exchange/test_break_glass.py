"""$break-glass over the database: what it opens, to whom, for how long, and what it leaves behind."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from builders import a_care_team, a_condition, a_consent, a_patient, a_provision, a_reference, a_task
from exchange.answers import ids, searched
from exchange.asking import POLICY, Ask, a_bundle, an_entry, resource_in
from exchange.cast import (
    AINO,
    OLLI,
    SARI,
    Aino,
    H,
    Kai,
    Leena,
    Olli,
    S,
    Sari,
    a_ban,
    a_member,
    a_permit,
    a_role,
    actions,
    classes,
    consents,
    day,
    is_refused,
    k1,
    person,
    purposes,
    sees,
    system,
    the_world,
    together,
)
from sharedplan.access.emergency import CORE
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.errors import Incorrect, NotFound, Refused
from sharedplan.fhir.exchanges import Answer
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.emergencies import POLICY as MARK

Json = dict[str, Any]

PLAN = "CarePlan/1"
THE_CORE = (AINO, PLAN, "CareTeam/1", "Condition/1")
THE_REST = ("Goal/1", "Encounter/1", "Task/nikos", "QuestionnaireResponse/1")
IN_EMERGENCY, BY_GLASS = (replace(Olli, purpose=purpose) for purpose in ("ETREAT", "BTG"))


async def an_emergency(ask: Ask, *given: Json) -> None:
    """The world, with K1 and these consents, and a Condition of Aino's in the register of S."""
    await the_world(ask)
    await together(ask, system(S), a_condition(AINO, id="1"))
    await consents(ask, k1(), *given)


async def broken(
    ask: Ask, by: Principal, *, client: str = AINO, reason: Any = "unconscious", policy: Policy = POLICY
) -> dict[str, Any]:
    """name → value of the answer's parameters."""
    parameter = [] if reason is None else [{"name": "reason", "valueString": reason}]
    body = {"resourceType": "Parameters", "parameter": parameter}
    answer = await ask("operation", client, body, by=by, operation="break-glass", method="POST", policy=policy)
    assert answer.status == 200
    found = resource_in(answer)["parameter"]
    return {each["name"]: each.get("valueInstant") or each["valueReference"]["reference"] for each in found}


@pytest.mark.parametrize("by", [IN_EMERGENCY, BY_GLASS], ids=["16", "32"])
async def test_16_and_32_it_opens_the_core_for_an_hour_to_whom_broke_it(ask: Ask, by: Principal) -> None:
    await an_emergency(ask, a_permit(H, id="k8", provision=purposes("TREAT")))
    assert not await sees(ask, by, *THE_CORE)
    told = await broken(ask, by)
    lasts = datetime.fromisoformat(told["validUntil"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < lasts <= timedelta(minutes=60)
    assert await sees(ask, by, *THE_CORE)
    assert not await sees(ask, by, *THE_REST)
    others = [Olli, BY_GLASS if by is IN_EMERGENCY else IN_EMERGENCY, replace(by, person="Practitioner/ville")]
    for other in (*others, replace(by, organization=S), system(H), Leena):
        assert not await sees(ask, other, PLAN), other


async def test_17_a_ban_keeps_it_shut_and_nothing_opens(ask: Ask) -> None:
    ban = a_permit(H, id="ban", given=day(date(2026, 2, 1), at=9), type="deny", category=a_ban())
    await an_emergency(ask, ban)
    with pytest.raises(Refused, match="ban"):
        await broken(ask, IN_EMERGENCY)
    await consents(ask, {**ban, "status": "inactive"})
    assert not await sees(ask, IN_EMERGENCY, PLAN)
    assert (await searched(ask, "Task?code=break-glass-review", by=Aino))["total"] == 0
    await broken(ask, IN_EMERGENCY)
    assert await sees(ask, IN_EMERGENCY, PLAN)
    await consents(ask, ban)  # and one that comes later holds from the next request on
    assert not await sees(ask, IN_EMERGENCY, *THE_CORE)


async def test_when_it_ends_the_next_request_sees_nothing(ask: Ask) -> None:
    await an_emergency(ask)
    await broken(ask, IN_EMERGENCY, policy=replace(POLICY, emergency_lasts=timedelta(milliseconds=700)))
    assert resource_in(await ask("read", PLAN, by=IN_EMERGENCY))["id"] == "1"
    first = await searched(ask, "CareTeam?_count=1", by=IN_EMERGENCY)
    assert first["total"] == 1
    await asyncio.sleep(0.75)
    assert not await sees(ask, IN_EMERGENCY, *THE_CORE)


async def test_a_ban_on_some_of_it_keeps_that_hidden(ask: Ask) -> None:
    await the_world(ask)
    psy = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}]}
    await together(ask, system(S), a_condition(AINO, id="1"), a_condition(AINO, id="psy", meta=psy))
    label = {"securityLabel": psy["security"]}
    await consents(ask, a_permit(H, id="ban", type="deny", category=a_ban(), provision=label))
    await broken(ask, IN_EMERGENCY)
    assert await sees(ask, IN_EMERGENCY, "Condition/1", PLAN)
    assert not await sees(ask, IN_EMERGENCY, "Condition/psy")


async def test_whom_a_ban_excepts_it_does_not_bar(ask: Ask) -> None:
    excepted = a_provision(to=OLLI, purposes="ETREAT")
    await an_emergency(ask, a_permit(H, id="ban", type="deny", category=a_ban(), provision={"provision": [excepted]}))
    await broken(ask, IN_EMERGENCY)
    assert await sees(ask, IN_EMERGENCY, *THE_CORE)


async def test_it_opens_reading_only(ask: Ask) -> None:
    await an_emergency(ask)
    await broken(ask, IN_EMERGENCY)
    plan = resource_in(await ask("read", PLAN, by=IN_EMERGENCY))
    assert await is_refused(ask, "update", PLAN, {**plan, "title": "mine"}, by=IN_EMERGENCY)
    await ask("delete", PLAN, by=IN_EMERGENCY)  # of what is not there to be deleted, as for anybody
    assert await is_refused(ask, "create", "CarePlan", plan, by=IN_EMERGENCY)
    assert await sees(ask, Sari, PLAN)


async def test_a_worker_of_the_register_without_a_relation_may_break_it_too(ask: Ask) -> None:
    await an_emergency(ask)
    kai = replace(Kai, purpose="ETREAT")
    assert not await sees(ask, kai, *THE_CORE)
    await broken(ask, kai)
    assert await sees(ask, kai, *THE_CORE)
    assert not await sees(ask, kai, "Goal/1")


@pytest.mark.parametrize(
    "by",
    [
        Olli,
        replace(IN_EMERGENCY, organization=S),
        replace(IN_EMERGENCY, organization=None),
        person("Practitioner/nobody", H, "BTG"),
        person("RelatedPerson/leena", None, "BTG"),
        replace(Aino, purpose="BTG"),
        replace(system(H), purpose="BTG"),
    ],
    ids=["for treatment", "elsewhere", "nowhere", "without a role", "a relative", "the client", "a system"],
)
async def test_whom_it_is_not_for_is_refused_with_the_reason_whoever_the_client_is(ask: Ask, by: Principal) -> None:
    await an_emergency(ask)
    said = []
    for client in (AINO, "Patient/never-was"):
        with pytest.raises(Refused) as refusal:
            await broken(ask, by, client=client)
        said.append(str(refusal.value))
    assert said[0] == said[1] and ("purpose" in said[0] or "role" in said[0])


async def test_a_scope_that_leaves_the_client_out_opens_nothing(ask: Ask) -> None:
    await an_emergency(ask)
    with pytest.raises(Refused):
        await broken(ask, replace(IN_EMERGENCY, scopes=parse("user/CarePlan.rs")))
    narrow = replace(IN_EMERGENCY, scopes=parse("user/Patient.r user/CarePlan.rs?status=draft"))
    await broken(ask, narrow)
    with pytest.raises(NotFound):
        await ask("read", PLAN, by=narrow)
    assert await is_refused(ask, "read", "CareTeam/1", by=narrow)


@pytest.mark.parametrize("reason", [None, "", "  \n", 5, ["x"], {}])
async def test_without_a_reason_nothing_opens(ask: Ask, reason: Any) -> None:
    await an_emergency(ask)
    with pytest.raises(Incorrect):
        await broken(ask, IN_EMERGENCY, reason=reason)
    assert not await sees(ask, IN_EMERGENCY, PLAN)


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"resourceType": "Patient"},
        {"resourceType": "Parameters", "parameter": {}},
        {"resourceType": "Parameters", "parameter": [7]},
        {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "a"}] * 2},
        {"resourceType": "Parameters", "parameter": [{"name": "why", "valueString": "a"}]},
    ],
)
async def test_what_is_no_reason_is_told(ask: Ask, body: Any) -> None:
    with pytest.raises(Incorrect):
        await ask("operation", AINO, body, by=IN_EMERGENCY, operation="break-glass", method="POST")


async def test_a_client_who_is_not_stored_is_told_to_a_doctor(ask: Ask) -> None:
    await an_emergency(ask)
    with pytest.raises(NotFound):
        await broken(ask, IN_EMERGENCY, client="Patient/never-was")


async def test_the_coordinator_gets_a_task_that_tells_what_it_was(ask: Ask) -> None:
    await an_emergency(ask)
    told = await broken(ask, IN_EMERGENCY, reason="  unconscious, medication not known ")
    task = resource_in(await ask("read", told["task"], by=Sari))
    assert task["code"]["coding"][0]["system"] == "https://sharedplan.dev/fhir/CodeSystem/task"
    assert task["code"]["coding"][0]["code"] == "break-glass-review"
    assert (task["owner"]["reference"], task["for"]["reference"], task["status"]) == (SARI, AINO, "requested")
    assert task["reasonCode"]["text"] == "unconscious, medication not known"
    given = {each["type"]["text"]: each for each in task["input"]}
    assert given["opened by"]["valueReference"]["reference"] == OLLI
    assert given["until"]["valueInstant"] == told["validUntil"]
    assert ids(await searched(ask, "Task?code=break-glass-review&owner=Practitioner/sari", by=Sari))
    assert ids(await searched(ask, "Task?code=break-glass-review", by=Aino))
    done = await ask("update", told["task"], {**task, "status": "completed"}, by=Sari)
    assert done.status == 200


async def test_whoever_broke_it_does_not_review_it(ask: Ask) -> None:
    await an_emergency(ask, a_permit(H, id="k9", provision=purposes("TREAT", "ETREAT")))
    niko = person("Practitioner/niko", H, "ETREAT")
    told = await broken(ask, niko)
    treating = replace(niko, purpose="TREAT")
    task = resource_in(await ask("read", told["task"], by=treating))
    assert await is_refused(ask, "update", told["task"], {**task, "status": "completed"}, by=treating)
    sari = replace(Sari, purpose="BTG")
    own = resource_in(await ask("read", (await broken(ask, sari))["task"], by=system(S)))
    assert own["owner"]["reference"] == S


async def test_nor_in_another_role_of_his(ask: Ask) -> None:
    await an_emergency(ask)
    elsewhere = "Organization/other"
    role = {**a_role(OLLI, elsewhere), "id": "ollis-other"}
    await ask("update", "PractitionerRole/ollis-other", role, by=system(elsewhere))
    team = a_care_team(AINO, id="1", participant=[a_member("PractitionerRole/ollis-other", "coordinator")])
    await ask("update", "CareTeam/1", team, by=system(S))
    told = await broken(ask, IN_EMERGENCY)
    assert resource_in(await ask("read", told["task"], by=system(S)))["owner"]["reference"] == S


async def test_without_a_coordinator_the_organisation_that_keeps_the_plan_reviews_it(ask: Ask) -> None:
    await an_emergency(ask)
    await ask("update", "CareTeam/1", a_care_team(AINO, id="1", participant=[a_member(SARI, "nurse")]), by=system(S))
    told = await broken(ask, IN_EMERGENCY)
    assert resource_in(await ask("read", told["task"], by=system(S)))["owner"]["reference"] == S
    with pytest.raises(NotFound):
        await ask("read", told["task"], by=system(H))


async def test_a_coordinator_of_another_organisation_finds_the_task_where_he_works(ask: Ask) -> None:
    await an_emergency(ask)
    elsewhere = "Organization/other"
    await ask("update", "PractitionerRole/leader", {**a_role("Practitioner/leader", elsewhere)}, by=system(elsewhere))
    team = a_care_team(AINO, id="1", participant=[a_member("Practitioner/leader", "coordinator")])
    await ask("update", "CareTeam/1", team, by=system(S))
    told = await broken(ask, IN_EMERGENCY)
    task = resource_in(await ask("read", told["task"], by=person("Practitioner/leader", elsewhere)))
    assert task["owner"]["reference"] == "Practitioner/leader"


async def test_a_client_without_a_plan_is_looked_after_by_the_register_that_he_is_in(ask: Ask) -> None:
    await the_world(ask)
    await ask("update", "Patient/eino", a_patient(id="eino"), by=system("Organization/n"))
    told = await broken(ask, IN_EMERGENCY, client="Patient/eino")
    task = resource_in(await ask("read", told["task"], by=system("Organization/n")))
    assert task["owner"]["reference"] == "Organization/n"
    assert await sees(ask, IN_EMERGENCY, "Patient/eino")
    assert not await sees(ask, IN_EMERGENCY, AINO)


async def test_an_access_decision_tells_the_same(ask: Ask) -> None:
    await an_emergency(ask)

    async def decided(by: Principal, **given: Any) -> dict[str, list[Any]]:
        parameter = [
            {"name": "actor", "valueReference": {"reference": OLLI}},
            {"name": "organization", "valueReference": {"reference": H}},
            {"name": "purpose", "valueCode": "ETREAT"},
            *given.get("more", ()),
        ]
        body = {"resourceType": "Parameters", "parameter": parameter}
        answer = await ask("operation", AINO, body, by=by, operation="access-decision", method="POST")
        found: dict[str, list[Any]] = {}
        for each in resource_in(answer)["parameter"]:
            found.setdefault(each["name"], []).append(next(v for k, v in each.items() if k.startswith("value")))
        return found

    def about(type: str) -> dict[str, Any]:
        return {"more": [{"name": "type", "valueCode": type}]}

    plan = {"more": [{"name": "target", "valueReference": {"reference": PLAN}}]}
    before = await decided(IN_EMERGENCY, **plan)
    assert (before["decision"], before["wouldChange"][-1]) == (["deny"], "break-glass, with a reason")
    told = await broken(ask, IN_EMERGENCY)
    for by in (IN_EMERGENCY, Aino, Sari):
        after = await decided(by, **plan)
        assert (after["decision"], after["step"]) == (["permit"], ["break-glass"])
        assert after["validUntil"] == [told["validUntil"]]
    for type in (*CORE, "Goal", "Observation"):
        expected = "permit" if type in CORE - {"Flag"} else "deny"
        assert (await decided(IN_EMERGENCY, **about(type)))["decision"] == [expected] or type == "Flag", type


async def test_breaking_it_again_while_it_is_open_is_the_same_emergency(ask: Ask) -> None:
    await an_emergency(ask)
    first = await broken(ask, IN_EMERGENCY, reason="unconscious")
    at_once = await asyncio.gather(*(broken(ask, IN_EMERGENCY, reason=f"again {n}") for n in range(3)))
    assert at_once == [first] * 3
    assert ids(await searched(ask, "Task?code=break-glass-review", by=Aino)) == [first["task"].partition("/")[2]]
    query = f"AuditEvent?patient={AINO}&agent={OLLI}&subtype=$break-glass&_sort=_lastUpdated"
    log = [each["resource"] for each in (await searched(ask, query, by=Aino))["entry"]]
    assert len(log) == 4 and "unconscious" in log[0]["outcomeDesc"]
    assert sorted(each["outcomeDesc"][-7:] for each in log[1:]) == ["again 0", "again 1", "again 2"]
    for each in log:
        assert first["task"] in str(each["entity"]) and each["agent"][2]["policy"] == [MARK]
        assert each["purposeOfEvent"][0]["coding"][0]["code"] == "ETREAT" and "Ground: an emergency" in str(each)


async def test_broken_at_once_it_is_one_emergency(ask: Ask) -> None:
    await an_emergency(ask)
    told = await asyncio.gather(*(broken(ask, IN_EMERGENCY) for _ in range(4)))
    assert len({str(each) for each in told}) == 1
    assert (await searched(ask, "Task?code=break-glass-review", by=Aino))["total"] == 1


async def test_another_purpose_place_person_or_client_is_another_emergency(ask: Ask) -> None:
    await an_emergency(ask)
    await ask("update", "Patient/eino", a_patient(id="eino"), by=system(S))
    await together(ask, system("Organization/n"), {**a_role(OLLI, "Organization/n"), "id": "ollis-other"})
    told = [
        await broken(ask, IN_EMERGENCY),
        await broken(ask, BY_GLASS),
        await broken(ask, replace(Kai, purpose="BTG")),
    ]
    told += [await broken(ask, replace(IN_EMERGENCY, organization="Organization/n"))]
    told += [await broken(ask, IN_EMERGENCY, client="Patient/eino")]
    assert len({each["task"] for each in told}) == 5


async def test_a_ban_that_came_meanwhile_refuses_it_again(ask: Ask) -> None:
    await an_emergency(ask)
    await broken(ask, IN_EMERGENCY)
    await consents(ask, a_permit(H, id="ban", given=day(date(2026, 2, 1), at=9), type="deny", category=a_ban()))
    with pytest.raises(Refused, match="ban"):
        await broken(ask, IN_EMERGENCY)


async def test_when_it_has_ended_it_is_broken_anew(ask: Ask) -> None:
    await an_emergency(ask)
    first = await broken(ask, IN_EMERGENCY, policy=replace(POLICY, emergency_lasts=timedelta(milliseconds=300)))
    await asyncio.sleep(0.35)
    assert not await sees(ask, IN_EMERGENCY, PLAN)
    second = await broken(ask, IN_EMERGENCY)
    assert second["task"] != first["task"] and second["validUntil"] > first["validUntil"]
    assert await sees(ask, IN_EMERGENCY, PLAN)


async def test_a_task_of_one_s_own_making_with_that_code_opens_nothing(ask: Ask) -> None:
    await an_emergency(ask)
    code = {"coding": [{"system": "https://sharedplan.dev/fhir/CodeSystem/task", "code": "break-glass-review"}]}
    await ask("update", "Task/own", a_task(AINO, id="own", code=code, owner=a_reference(SARI)), by=system(S))
    assert not await sees(ask, IN_EMERGENCY, PLAN)


async def test_a_ban_for_a_class_outside_of_the_core_bars_nothing(ask: Ask) -> None:
    goals = {**classes("Goal"), **actions("access")}
    await an_emergency(ask, a_permit(H, id="ban", type="deny", category=a_ban(), provision=goals))
    await broken(ask, IN_EMERGENCY)
    assert await sees(ask, IN_EMERGENCY, *THE_CORE)


async def test_consents_for_nobody_change_nothing(ask: Ask) -> None:
    await an_emergency(ask, a_consent(AINO, id="draft", status="draft"))
    await broken(ask, IN_EMERGENCY)
    assert await sees(ask, IN_EMERGENCY, *THE_CORE)


def labels(answer: Answer) -> list[str]:
    """The security labels of a Bundle."""
    return [each["code"] for each in resource_in(answer)["meta"].get("security", [])]


async def test_what_it_shows_is_marked_in_the_answer(ask: Ask) -> None:
    await an_emergency(ask)
    await broken(ask, IN_EMERGENCY)
    for interaction, address in (("read", PLAN), ("vread", f"{PLAN}/1")):
        answer = await ask(interaction, address, by=IN_EMERGENCY)
        assert answer.labels == ("ETREAT",)
        assert "security" not in resource_in(answer)["meta"]  # what is stored goes out as it is
    for interaction, address in (
        ("search-type", f"CarePlan?patient={AINO}"),
        ("search-type", "CarePlan?_id=1&_include=CarePlan:subject"),
        ("history-instance", PLAN),
    ):
        answer = await ask(interaction, address, by=IN_EMERGENCY)
        assert (answer.labels, labels(answer)) == (("ETREAT",), ["ETREAT"]), address
    batch = await ask("batch", "", a_bundle("batch", an_entry("GET", PLAN), an_entry("GET", "Goal/1")), by=IN_EMERGENCY)
    assert labels(batch) == ["ETREAT"]
    nothing = await ask("search-type", f"Goal?patient={AINO}", by=IN_EMERGENCY)
    assert (nothing.labels, labels(nothing)) == ((), [])
    of_sari = await ask("read", PLAN, by=replace(Sari, purpose="ETREAT"))  # in her own register, as ever
    assert of_sari.labels == ()


async def test_the_client_sees_at_once_who_opened_it_why_and_what_was_read(ask: Ask) -> None:
    await an_emergency(ask)
    told = await broken(ask, IN_EMERGENCY, reason="unconscious")
    await ask("read", PLAN, by=IN_EMERGENCY)
    await searched(ask, f"CareTeam?patient={AINO}", by=IN_EMERGENCY)
    await searched(ask, f"Goal?patient={AINO}", by=IN_EMERGENCY)
    log = await searched(ask, f"AuditEvent?patient={AINO}&agent={OLLI}&_sort=_lastUpdated", by=Aino)
    opening, read, found, nothing = (each["resource"] for each in log["entry"])
    assert opening["subtype"][0]["code"] == "$break-glass"
    assert "unconscious" in opening["outcomeDesc"] and told["task"] in str(opening["entity"])
    assert "opened in an emergency the core data" in opening["text"]["div"]
    for event in (opening, read, found):
        assert event["agent"][2]["policy"] == [MARK]
        assert event["purposeOfEvent"][0]["coding"][0]["code"] == "ETREAT"
        assert "Ground: an emergency" in event["text"]["div"]
    assert "policy" not in nothing["agent"][2]
    marked = await searched(ask, f"AuditEvent?patient={AINO}&policy={MARK}", by=Sari)
    assert len(ids(marked)) == 3
    with pytest.raises(Refused):
        await broken(ask, Olli)
    newest = await searched(ask, f"AuditEvent?patient={AINO}&agent={OLLI}&outcome=4", by=Aino)
    assert "the purpose of an emergency" in newest["entry"][0]["resource"]["outcomeDesc"]


async def test_a_read_that_finds_nothing_in_an_emergency_is_on_record_too(ask: Ask) -> None:
    await an_emergency(ask)
    with pytest.raises(NotFound):
        await ask("read", PLAN, by=IN_EMERGENCY)
    log = await searched(ask, f"AuditEvent?patient={AINO}&agent={OLLI}", by=Aino)
    assert [each["resource"]["outcome"] for each in log["entry"]] == ["4"]


async def test_what_the_asker_states_has_no_place_in_the_review(ask: Ask) -> None:
    await an_emergency(ask)
    body = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "unconscious"}]}
    stated = {"resourceType": "Provenance", "meta": [], "activity": "x", "text": "all is well"}
    asked = {"operation": "break-glass", "method": "POST", "provenance": stated}
    answer = await ask("operation", AINO, body, by=IN_EMERGENCY, **asked)
    assert answer.status == 200
    task = resource_in(answer)["parameter"][1]["valueReference"]["reference"]
    (told,) = (await searched(ask, f"Provenance?target={task}", by=system(S)))["entry"]
    assert "all is well" not in str(told)
