"""The 32 cases of the decision table: who may what with Aino's plan, by which consents. Now is 2 March 2026, noon."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import builders as b
from access.aino import (
    AINO,
    DIRECTORY,
    ENCOUNTER,
    FEEDBACK,
    GOAL,
    JARI,
    KAI,
    LEENA,
    MOTHER,
    NIKO,
    NOW,
    OLLI,
    PLAN,
    SARI,
    TEAM,
    VILLE,
    H,
    N,
    S,
    a_consent,
    a_member,
    an_observation,
    asked,
    facts,
    judged,
    k1,
    k2,
    may,
    rules,
)
from sharedplan.access.acceptance import acceptance
from sharedplan.access.asker import asker_of
from sharedplan.access.choices import Choices
from sharedplan.access.emergency import may_break_glass
from sharedplan.access.facts import Client, Opening
from sharedplan.access.items import item_of
from sharedplan.access.periods import Span
from sharedplan.access.relations import memberships
from sharedplan.care import rulebook

K3 = a_consent("k3", "2026-03-01", b.a_provision("deny", to=H))
K4 = a_consent("k4", "2026-03-02T09:00:00Z", b.a_provision(to=H))
BAN = a_consent("k3", "2026-03-01", b.a_provision("deny", to=H), ban=True)
K8 = a_consent("k8", "2026-01-10", b.a_provision(to=H, purposes="TREAT"))


def saved(consent: dict) -> list[tuple[str, str | None]]:
    """What refuses the consent when it is created."""
    return [(issue.saying, issue.at) for issue in rulebook.issues("Consent", "create", None, consent)]


def test_case_1_own_worker_reads_the_plan_of_her_own_register_without_any_consent() -> None:
    found = judged(facts(), SARI)
    assert (found.is_permitted, found.step) == (True, "register")


def test_case_2_a_member_of_another_register_reads_nothing_without_consent() -> None:
    found = judged(facts(), NIKO)
    assert (found.is_permitted, found.step) == (False, "default")
    assert found.would_change == ("an active permit naming Organization/h for action access and purpose TREAT",)


def test_case_3_a_member_whose_organisation_is_permitted_reads() -> None:
    found = judged(facts(k1()), NIKO, purpose="CAREMGT")
    assert (found.is_permitted, found.step, found.consents) == (True, "consent", ("Consent/k1/_history/1",))
    assert found.valid_until == datetime(2026, 12, 31, 22, tzinfo=UTC)  # midnight in Helsinki


def test_case_4_a_purpose_outside_the_consent_is_refused() -> None:
    found = judged(facts(k1()), NIKO, purpose="HRESCH")
    assert not found.is_permitted
    assert "Consent/k1 is not for the purpose HRESCH" in found.reasons


def test_case_5_a_member_whom_no_consent_names_is_refused() -> None:
    found = judged(facts(k1()), JARI)
    assert (found.is_permitted, found.step) == (False, "default")
    assert "Consent/k1 does not name the asker" in found.reasons


def test_case_6_a_permit_of_some_classes_and_actions_opens_those_alone() -> None:
    known = facts(k1(), k2())
    assert may(known, JARI)
    assert not may(known, JARI, FEEDBACK)
    assert not may(known, JARI, action="update")


def test_case_7_a_nested_deny_withholds_what_bears_its_label() -> None:
    known = facts(k1(provision=[b.a_provision("deny", labels="PSY")]))
    assert not may(known, SARI, an_observation(labels="PSY"))
    assert may(known, SARI, an_observation())
    assert judged(known, SARI, an_observation()).residual == (
        "Consent/k1 withholds label http://terminology.hl7.org/CodeSystem/v3-ActCode|PSY",
    )


def test_case_8_a_later_deny_wins() -> None:
    found = judged(facts(k1(), K3), NIKO)
    assert (found.is_permitted, found.consents) == (False, ("Consent/k3/_history/1",))


def test_case_9_a_later_permit_restores_access() -> None:
    assert may(facts(k1(), K3, K4), NIKO)


def test_case_10_a_ban_stands_against_a_later_permit() -> None:
    found = judged(facts(k1(), BAN, K4), NIKO)
    assert (found.is_permitted, found.step) == (False, "ban")
    assert found.would_change == ("the ban Consent/k3 is withdrawn",)


def test_case_11_of_two_consents_of_one_time_the_deny_wins() -> None:
    k5 = a_consent("k5", k1()["dateTime"], b.a_provision("deny", to=H))
    assert not may(facts(k1(), k5), NIKO)
    assert not may(facts(k5, k1()), NIKO)


def test_case_12_an_expired_consent_permits_nothing() -> None:
    found = judged(facts(k1(period={"start": "2026-01-10", "end": "2026-03-01"})), NIKO)
    assert not found.is_permitted
    assert "Consent/k1 has expired" in found.reasons


def test_case_13_a_withdrawn_consent_permits_nothing() -> None:
    assert not may(facts({**k1(), "status": "inactive"}), NIKO)
    assert not may(facts({**k1(), "status": "inactive"}), H)  # the system that a subscription of H's belongs to


def test_case_14_a_member_who_has_left_reads_nothing_though_the_organisation_is_permitted() -> None:
    found = judged(facts(k1()), VILLE)
    assert (found.is_permitted, found.step) == (False, "team")
    assert "the membership ended" in found.reasons[0]


def test_case_15_a_worker_of_the_own_register_without_relation_is_refused() -> None:
    assert (judged(facts(k1()), KAI).is_permitted, judged(facts(k1()), KAI).step) == (False, "team")


def test_case_16_an_emergency_opens_the_core_for_an_hour() -> None:
    until = NOW + timedelta(minutes=60)
    opened = (Opening(OLLI, H, "ETREAT", Span(NOW, until)),)
    assert may_break_glass(asked(OLLI, purpose="ETREAT"), facts(k1())).is_permitted
    assert not may(facts(k1()), OLLI, purpose="ETREAT")
    known = facts(k1(), openings=opened)
    found = judged(known, OLLI, purpose="ETREAT")
    assert (found.is_permitted, found.step, found.valid_until) == (True, "break-glass", until)
    assert not may(known, OLLI, FEEDBACK, purpose="ETREAT")
    assert not may(known, OLLI, action="update", purpose="ETREAT")
    assert not may(known, OLLI, purpose="TREAT")
    assert not may(replace(known, at=until), OLLI, purpose="ETREAT")


def test_case_17_a_ban_keeps_even_an_emergency_out() -> None:
    opened = (Opening(OLLI, H, "ETREAT", Span(NOW, NOW + timedelta(minutes=60))),)
    known = facts(k1(), BAN, openings=opened)
    assert may_break_glass(asked(OLLI, purpose="ETREAT"), known).step == "ban"
    assert judged(known, OLLI, purpose="ETREAT").step == "ban"


def leena_sees(meaning: str) -> list[bool]:
    k6 = a_consent("k6", "2026-02-01", b.a_provision(to=LEENA, about=[(meaning, "CarePlan/1")]))
    return [may(facts(k6), LEENA, item) for item in (PLAN, GOAL, ENCOUNTER, FEEDBACK)]


def test_case_18_a_permit_of_an_instance_opens_that_one_alone() -> None:
    assert leena_sees("instance") == [True, False, False, False]


def test_case_19_a_permit_of_what_is_related_follows_references_forward_only() -> None:
    assert leena_sees("related") == [True, True, False, False]
    assert leena_sees("dependents") == [True, False, False, True]


def test_case_20_a_deny_of_old_data_withholds_it_from_other_registers() -> None:
    known = facts(k1(provision=[b.a_provision("deny", dataPeriod={"end": "2020-12-31"})]))
    old, new = an_observation(effectiveDateTime="2019-05-01"), an_observation(effectiveDateTime="2025-05-01")
    assert not may(known, SARI, old)
    assert may(known, SARI, new)
    assert may(known, NIKO, old)


def grown(birth_date: str, disclosure: str | None = None) -> Client:
    return Client(AINO, S, S, birth_date, disclosure)


def test_case_21_a_capable_minor_forbids_disclosure_to_guardians() -> None:
    assert not may(facts(k1(), client=grown("2011-01-01", "3")), MOTHER)
    assert may(facts(k1(), client=grown("2011-01-01", "2")), MOTHER)


def test_case_22_at_eighteen_the_guardian_is_out_and_what_she_permitted_is_due_for_renewal() -> None:
    given = {**k1(), "dateTime": "2024-05-01", "performer": [b.a_reference(MOTHER)]}
    given["provision"] = b.a_provision(to=(S, H, MOTHER))
    with_mother = {**TEAM, "participant": [*TEAM["participant"], a_member(MOTHER, "relative", "2020-01-01")]}
    known = facts(given, client=grown("2008-03-01"), team=with_mother)
    assert may(replace(known, at=NOW - timedelta(days=2)), MOTHER)
    assert not may(known, MOTHER)
    found = judged(known, NIKO)
    assert found.is_permitted
    assert any("due for renewal" in reason for reason in found.reasons)
    assert not may(replace(known, choices=Choices(guardians_consents_end=True)), NIKO)


def accepted(person: str, at: datetime, *consents: dict) -> bool:
    organization = {JARI: N, NIKO: H}[person]
    asker = asker_of(person, organization, DIRECTORY, memberships(TEAM), at)
    found = acceptance(rules(*consents), asker, at, in_person=True)
    return found is not None and found.effect == "permit"


def test_case_23_who_attends_needs_an_acceptance_of_his_own() -> None:
    meeting = datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert not accepted(JARI, meeting, k1())
    assert accepted(JARI, meeting, k1(), k2())


def test_case_24_a_past_meeting_is_judged_by_the_consents_of_its_time() -> None:
    assert accepted(JARI, datetime(2026, 2, 20, 9, tzinfo=UTC), k1(), k2())
    assert not accepted(JARI, datetime(2026, 1, 20, 9, tzinfo=UTC), k1(), k2())


def test_case_25_an_active_consent_without_a_time_is_not_saved() -> None:
    undated = a_consent("k", None, b.a_provision())
    assert [at for _, at in saved(undated)] == ["Consent.dateTime"]
    assert rules(undated) == ()


def test_case_26_a_root_with_an_actor_and_no_type_is_not_saved() -> None:
    untyped = a_consent("k", "2026-01-10", b.a_provision(None, to=VILLE))
    assert [(saying[:18], at) for saying, at in saved(untyped)] == [("Say permit or deny", "Consent.provision.type")]


def test_case_27_a_deny_of_the_future_is_not_in_force_yet() -> None:
    k7 = a_consent("k7", "2026-04-01", b.a_provision("deny", to=H))
    found = judged(facts(k1(), k7), NIKO)
    assert found.is_permitted
    assert found.valid_until == datetime(2026, 3, 31, 21, tzinfo=UTC)


def test_case_28_a_professional_updates_his_task_and_may_only_propose_members() -> None:
    known = facts(k1())
    task = item_of(b.a_task(AINO, id="1", owner=b.a_reference(NIKO)), controller=S)
    team = item_of(TEAM, controller=S)
    assert judged(known, NIKO, task, "update", after=task).is_permitted
    found = judged(known, NIKO, team, "update", after=team)
    assert (found.is_permitted, found.step) == (False, "role")


def test_case_29_a_search_of_who_is_not_permitted_finds_nothing() -> None:
    assert not may(facts(k1()), JARI, action="search")


def test_case_30_a_consent_of_another_scope_says_nothing_of_access() -> None:
    scope = b.a_concept("http://terminology.hl7.org/CodeSystem/consentscope", "research")
    found = judged(facts({**a_consent("k", "2026-02-01", b.a_provision()), "scope": scope}), NIKO)
    assert (found.is_permitted, found.step) == (False, "default")


def test_case_31_treatment_covers_coordination_of_care_and_not_care_management() -> None:
    assert may(facts(K8), NIKO, purpose="COC")
    assert not may(facts(K8), NIKO, purpose="CAREMGT")


def test_case_32_an_emergency_is_never_an_ordinary_permit() -> None:
    for who in (OLLI, NIKO):
        assert not may(facts(K8), who, purpose="BTG")
        assert not may(facts(K8), who, purpose="ETREAT")
    named = a_consent("k9", "2026-02-01", b.a_provision(to=H, purposes="BTG"))
    assert may(facts(named), NIKO, purpose="BTG")
    assert [may(facts(named), NIKO, purpose=each) for each in ("ETREAT", "TREAT")] == [False, False]
