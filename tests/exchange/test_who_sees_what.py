"""The decision table, over the database: who sees what of Aino's, read and searched, and who may write it.

Meetings (23, 24) are judged by the rules of care, `$break-glass` (16) opens nothing before it is there: what is asked
of them here is that a purpose alone opens nothing.
"""

from dataclasses import replace
from datetime import date

import pytest

from builders import a_care_team, a_concept, a_reference
from exchange.answers import ids, searched
from exchange.asking import Ask, resource_in
from exchange.cast import (
    AINO,
    LEENA,
    NIKO,
    VILLE,
    Aino,
    H,
    Jari,
    Kai,
    Leena,
    Mother,
    Niko,
    Olli,
    Sari,
    Ville,
    a_ban,
    a_member,
    a_permit,
    consents,
    day,
    is_refused,
    k1,
    k2,
    purposes,
    sees,
    system,
    the_world,
)
from sharedplan.access.items import CONSULTATION, GUARDIAN_DISCLOSURE
from sharedplan.catalogue import SHARED_PLAN
from sharedplan.errors import Refused, Unprocessable

PLAN = "CarePlan/1"
OF_EARLIER_TODAY = date(2026, 3, 2)


def deny(given: str, *actors: str, **elements: object) -> dict[str, object]:
    return a_permit(*(actors or (H,)), given=given, type="deny", **elements)


async def test_1_the_own_worker_reads_the_plan_of_the_own_register(ask: Ask) -> None:
    await the_world(ask)
    assert await sees(ask, Sari, PLAN, "CareTeam/1", "Goal/1", AINO)


async def test_2_without_any_consent_a_member_of_another_register_reads_nothing(ask: Ask) -> None:
    await the_world(ask)
    assert not await sees(ask, Niko, PLAN, "CareTeam/1", AINO)
    assert not await sees(ask, Sari, "Observation/plain")


async def test_3_and_4_a_permit_holds_for_its_purposes(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    assert await sees(ask, replace(Niko, purpose="CAREMGT"), PLAN)
    assert not await sees(ask, replace(Niko, purpose="HRESCH"), PLAN)


async def test_5_and_6_whom_no_consent_names_it_does_not_cover_and_whom_it_names_within_its_limits(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    assert not await sees(ask, Jari, PLAN)
    await consents(ask, k2())
    assert await sees(ask, Jari, PLAN, "CareTeam/1", "Task/nikos")
    assert not await sees(ask, Jari, "QuestionnaireResponse/1", "Goal/1", AINO)
    plan = resource_in(await ask("read", PLAN, by=Jari))
    assert await is_refused(ask, "update", PLAN, {**plan, "title": "Jari's"}, by=Jari)


async def test_7_a_label_is_excepted(ask: Ask) -> None:
    await the_world(ask)
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}
    await consents(ask, k1(provision={"provision": [{"type": "deny", "securityLabel": [label]}]}))
    assert not await sees(ask, Sari, "Observation/psy")
    assert await sees(ask, Sari, "Observation/plain", "Observation/new")


async def test_8_and_9_the_latest_consent_that_speaks_decides(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1(), deny(day(date(2026, 3, 1), at=9), id="k3"))
    assert not await sees(ask, Niko, PLAN)
    await consents(ask, a_permit(H, id="k4", given=day(OF_EARLIER_TODAY, at=9)))
    assert await sees(ask, Niko, PLAN)


async def test_10_a_ban_stands_until_it_is_withdrawn_itself(ask: Ask) -> None:
    await the_world(ask)
    ban = deny(day(date(2026, 3, 1), at=9), id="k3", category=a_ban())
    await consents(ask, k1(), ban, a_permit(H, id="k4", given=day(OF_EARLIER_TODAY, at=9)))
    assert not await sees(ask, Niko, PLAN)
    await consents(ask, {**ban, "status": "inactive"})
    assert await sees(ask, Niko, PLAN)


async def test_11_of_two_at_one_instant_the_deny_decides(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1(), deny(day(date(2026, 1, 10), at=9), id="k5"))
    assert not await sees(ask, Niko, PLAN)


async def test_12_and_13_what_has_expired_or_is_withdrawn_permits_nothing(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1(provision={"period": {"end": day(date(2026, 2, 28))}}))
    assert not await sees(ask, Niko, PLAN)
    await consents(ask, k1())
    assert await sees(ask, Niko, PLAN)
    await consents(ask, k1(status="inactive"))
    assert not await sees(ask, Niko, PLAN)


async def test_14_and_15_neither_a_former_member_nor_a_colleague_without_a_relation(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    assert not await sees(ask, Ville, PLAN, AINO)
    assert not await sees(ask, Kai, PLAN, AINO)


@pytest.mark.parametrize("purpose", ["ETREAT", "BTG"])
async def test_16_17_and_32_a_purpose_of_emergency_opens_nothing_by_itself(ask: Ask, purpose: str) -> None:
    await the_world(ask)
    await consents(ask, k1(), a_permit(H, id="k8", provision=purposes("TREAT")))
    assert not await sees(ask, replace(Olli, purpose=purpose), PLAN, AINO)
    assert not await sees(ask, replace(Niko, purpose=purpose), PLAN)


@pytest.mark.parametrize(
    ("meaning", "goal", "response"),
    [("instance", False, False), ("related", True, False), ("dependents", False, True)],
)
async def test_18_and_19_data_means_itself_what_it_refers_to_or_what_refers_to_it(
    ask: Ask, meaning: str, goal: bool, response: bool
) -> None:
    await the_world(ask)
    data = {"data": [{"meaning": meaning, "reference": a_reference(PLAN)}]}
    await consents(ask, a_permit(LEENA, id="k6", provision=data))
    assert await sees(ask, Leena, PLAN)
    assert await sees(ask, Leena, "Goal/1") is goal
    assert await sees(ask, Leena, "QuestionnaireResponse/1") is response
    assert not await sees(ask, Leena, "Encounter/1")


async def test_20_old_data_does_not_follow_for_ever(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1(provision={"provision": [{"type": "deny", "dataPeriod": {"end": "2020-12-31"}}]}))
    assert not await sees(ask, Sari, "Observation/old")
    assert await sees(ask, Sari, "Observation/new")
    assert await sees(ask, Niko, "Observation/old")


@pytest.mark.parametrize(
    ("years", "code", "sees_it"), [(15, "3", False), (15, "2", True), (8, None, True), (15, None, False)]
)
async def test_21_a_guardian_sees_what_a_minor_who_is_able_allows(
    ask: Ask, years: int, code: str | None, sees_it: bool
) -> None:
    said = {"url": "urn:disclosure", "valueCoding": {"system": GUARDIAN_DISCLOSURE, "code": code}}
    await the_world(ask, birthDate=day(date(2026 - years, 2, 1)), **({"extension": [said]} if code else {}))
    await consents(ask, k1())
    assert await sees(ask, Mother, PLAN, AINO) is sees_it


async def test_22_at_eighteen_the_guardians_rights_end_and_her_permits_for_others_go_on(ask: Ask) -> None:
    await the_world(ask, birthDate=day(date(2008, 3, 1)))
    by_mother = a_permit(
        H,
        "RelatedPerson/mother",
        id="k9",
        given=day(date(2024, 3, 1), at=9),
        performer=[a_reference("RelatedPerson/mother")],
    )
    await consents(ask, by_mother)
    assert not await sees(ask, Mother, PLAN, AINO)
    assert await sees(ask, Niko, PLAN)


async def test_25_and_26_a_consent_that_nobody_could_decide_by_is_not_saved(ask: Ask) -> None:
    await the_world(ask)
    undated = {key: value for key, value in a_permit(id="u").items() if key != "dateTime"}
    untyped = a_permit(VILLE, id="v")
    del untyped["provision"]["type"]
    for consent in (undated, untyped):
        with pytest.raises(Unprocessable):
            await consents(ask, consent)


async def test_27_what_is_given_for_the_future_is_not_yet_in_force(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1(), deny(day(date(2026, 4, 1), at=9), id="k7"))
    assert await sees(ask, Niko, PLAN)


async def test_28_a_professional_member_writes_his_own_tasks_and_only_proposes_to_the_team(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    task = resource_in(await ask("read", "Task/nikos", by=Niko))
    assert (await ask("update", "Task/nikos", {**task, "status": "accepted"}, by=Niko)).status == 200
    team = resource_in(await ask("read", "CareTeam/1", by=Niko))
    more = {**team, "participant": [*team["participant"], a_member("Practitioner/olli")]}
    with pytest.raises(Refused):
        await ask("update", "CareTeam/1", more, by=Niko)
    assert (await ask("update", "CareTeam/1", more, by=Sari)).status == 200


async def test_29_a_search_of_what_is_hidden_is_empty(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    found = await searched(ask, f"CarePlan?patient={AINO}", by=Jari)
    assert (found["total"], ids(found)) == (0, [])


async def test_30_a_consent_to_research_decides_nothing_here(ask: Ask) -> None:
    await the_world(ask)
    scope = a_concept("http://terminology.hl7.org/CodeSystem/consentscope", "research")
    await consents(ask, a_permit(id="r", scope=scope))
    assert not await sees(ask, Niko, PLAN)


async def test_31_a_purpose_covers_what_is_below_it(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, a_permit(H, id="k8", provision=purposes("TREAT")))
    assert await sees(ask, replace(Niko, purpose="COC"), PLAN)
    assert not await sees(ask, replace(Niko, purpose="CAREMGT"), PLAN)


async def test_a_system_sees_what_its_organisation_does(ask: Ask) -> None:
    await the_world(ask)
    assert await sees(ask, system("Organization/s"), PLAN, AINO)
    assert not await sees(ask, system(H), PLAN)
    await consents(ask, a_permit(NIKO, id="by-name"))
    assert not await sees(ask, system(H), PLAN)
    await consents(ask, k1())
    assert not await sees(ask, system(H), PLAN)  # none of the team takes part as a role held there
    team = resource_in(await ask("read", "CareTeam/1", by=Sari))
    for participant in team["participant"]:
        if participant["member"]["reference"] == NIKO:
            participant["onBehalfOf"] = a_reference(H)
    await ask("update", "CareTeam/1", team, by=Sari)
    assert await sees(ask, system(H), PLAN, AINO)


async def test_the_client_sees_all_of_her_own_and_nobody_elses(ask: Ask) -> None:
    await the_world(ask)
    assert await sees(ask, Aino, PLAN, AINO, "Observation/psy", "Task/nikos")
    label = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "TBOO"}]}
    plain = resource_in(await ask("read", "Observation/plain", by=system(H)))
    await ask("update", "Observation/plain", {**plain, "meta": label}, by=system(H))
    assert not await sees(ask, Aino, "Observation/plain")


async def test_withdrawal_holds_from_the_next_request_and_the_next_page(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    first = await searched(ask, "Task?_count=1&_total=accurate", by=Niko)
    everything = await searched(ask, f"Observation?patient={AINO}&_count=2&_sort=-_lastUpdated", by=Sari)
    following = next(each["url"] for each in everything["link"] if each["relation"] == "next")
    assert first["total"] == 1
    await consents(ask, k1(status="inactive"))
    assert (await searched(ask, "Task", by=Niko))["total"] == 0
    later = await searched(ask, "Observation?" + following.partition("?")[2], by=Sari)
    assert (ids(later), later["total"]) == ([], 0)


async def test_nobody_lets_himself_in(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    niko_leads = a_care_team(AINO, id="2", participant=[a_member(NIKO, "coordinator")])
    own_role = {
        "resourceType": "PractitionerRole",
        "id": "second",
        "practitioner": a_reference(VILLE),
        "organization": a_reference("Organization/s"),
    }
    everything = a_permit(H, id="mine")
    own_plan = {
        "resourceType": "CarePlan",
        "id": "-0",
        "status": "active",
        "intent": "plan",
        "subject": a_reference(AINO),
        "category": [a_concept(*SHARED_PLAN.split("|"))],
    }
    consulted = {
        "resourceType": "Task",
        "id": "own",
        "status": "accepted",
        "intent": "order",
        "code": a_concept(*CONSULTATION.split("|")),
        "for": a_reference(AINO),
        "owner": a_reference("Organization/n"),
    }
    writes = [
        ("update", "CarePlan/-0", own_plan, system(H)),
        ("update", "Task/own", consulted, system("Organization/n")),
        ("update", "CareTeam/2", niko_leads, Niko),
        ("update", "CareTeam/2", niko_leads, system(H)),
        ("update", "CareTeam/3", {**niko_leads, "id": "3", "participant": [a_member("Practitioner/kai")]}, Kai),
        ("update", "Consent/mine", everything, Niko),
        ("update", "Consent/mine", everything, system(H)),
        ("update", "Consent/k1", k1(status="inactive"), Jari),
        ("update", "PractitionerRole/second", own_role, Ville),
        ("update", "PractitionerRole/second", own_role, system(H)),
        (
            "update",
            "Organization/n",
            {"resourceType": "Organization", "id": "n", "name": "N", "partOf": a_reference(H)},
            system("Organization/n"),
        ),
    ]
    for interaction, address, body, by in writes:
        assert await is_refused(ask, interaction, address, body, by=by), (address, by.person or by.organization)
    assert await is_refused(ask, "delete", "Consent/k1", by=Niko)
    assert not await sees(ask, Ville, PLAN)
    assert (await ask("update", "Consent/own", {**everything, "id": "own"}, by=Aino)).status == 201


async def test_nobody_lays_access_ready_for_a_client_who_is_not_stored(ask: Ask) -> None:
    await the_world(ask)
    later = "Patient/later"
    opening = {**a_permit(H, id="ready"), "patient": a_reference(later)}
    team = a_care_team(later, id="ready", participant=[a_member(NIKO, "nurse")])
    for by in (system(H), Niko):
        assert await is_refused(ask, "update", "Consent/ready", opening, by=by)
        assert await is_refused(ask, "update", "CareTeam/ready", team, by=by)


async def test_the_id_of_a_deleted_role_is_not_used_again(ask: Ask) -> None:
    role = {"resourceType": "PractitionerRole", "id": "gone", "practitioner": a_reference(NIKO)}
    await ask("update", "PractitionerRole/gone", {**role, "organization": a_reference(H)}, by=system(H))
    await ask("delete", "PractitionerRole/gone", by=system(H))
    taken = {**role, "organization": a_reference("Organization/n")}
    assert await is_refused(ask, "update", "PractitionerRole/gone", taken, by=system("Organization/n"))


async def test_times_of_any_precision_are_understood(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    start = f"2020-01-01T00:00:00.{'1' * 400}Z"
    role = {
        "resourceType": "PractitionerRole",
        "id": "precise",
        "practitioner": a_reference(NIKO),
        "organization": a_reference(H),
        "period": {"start": start},
    }
    assert (await ask("update", "PractitionerRole/precise", role, by=system(H))).status == 201
    assert await sees(ask, Niko, PLAN)
