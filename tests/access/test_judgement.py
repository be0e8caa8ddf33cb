"""The decision beyond the table: settled questions and traps, one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

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
    H,
    N,
    S,
    a_consent,
    a_member,
    a_relative,
    a_role,
    an_observation,
    asked,
    facts,
    judged,
    k1,
    k2,
    may,
)
from sharedplan.access.emergency import may_break_glass
from sharedplan.access.facts import Client, Opening
from sharedplan.access.items import item_of
from sharedplan.access.judgement import judge
from sharedplan.access.periods import ALWAYS, Span
from sharedplan.access.relations import Directory, Relation, relations_of

EVERYBODY = a_consent("all", "2026-01-20", b.a_provision())
THE_TEAM = a_consent("team", "2026-01-20", b.a_provision(to="CareTeam/1", classes="CarePlan"))


@pytest.mark.parametrize("consent", [EVERYBODY, THE_TEAM])
def test_a_consent_that_names_nobody_in_person_covers_who_was_a_member_when_it_was_given(consent: dict) -> None:
    assert may(facts(consent), NIKO)
    assert not may(facts(consent), JARI)  # joined on the 1st of February
    assert may(facts({**consent, "dateTime": "2026-02-02"}), JARI)
    assert not may(facts(consent), OLLI)


def test_a_deny_that_names_nobody_in_person_is_for_everybody() -> None:
    for to in ((), "CareTeam/1"):
        deny = a_consent("deny", "2026-02-10", b.a_provision("deny", to=to))
        assert not may(facts(k2(), deny), JARI)


def test_a_permit_that_names_no_purpose_is_not_for_emergencies() -> None:
    named_none = a_consent("k", "2026-02-01", b.a_provision(to=H))
    allowed = [p for p in ("TREAT", "CAREMGT", "HRESCH", "ETREAT", "BTG") if may(facts(named_none), NIKO, purpose=p)]
    assert allowed == ["TREAT", "CAREMGT", "HRESCH"]


def test_a_ban_for_treatment_leaves_an_emergency_open_and_one_without_a_purpose_does_not() -> None:
    opened = (Opening(OLLI, H, "ETREAT", ALWAYS),)
    for purposes, expected in (("TREAT", True), ("", False), ("ETREAT", False)):
        ban = a_consent("ban", "2026-02-01", b.a_provision("deny", to=H, purposes=purposes), ban=True)
        known = facts(ban, openings=opened)
        assert may(known, OLLI, purpose="ETREAT") is expected
        assert may_break_glass(asked(OLLI, purpose="ETREAT"), known).is_permitted is expected


def test_a_ban_grants_nothing_to_whom_it_excepts() -> None:
    ban = a_consent("ban", "2026-02-01", b.a_provision("deny", to=H, provision=[b.a_provision(to=NIKO)]), ban=True)
    assert not may(facts(ban), NIKO)
    assert may(facts(k1(), ban), NIKO)


def test_a_ban_is_told_to_those_who_keep_the_register_and_does_not_stop_them() -> None:
    ban = a_consent("ban", "2026-02-01", b.a_provision("deny", to=S), ban=True)
    found = judged(facts(ban), SARI)
    assert found.is_permitted
    assert "the client's ban Consent/ban is to be heeded" in found.reasons


def test_a_ban_is_deeper_than_a_permit_only_by_its_class_and_not_by_its_age() -> None:
    deny = a_consent("deny", "2026-01-05", b.a_provision("deny", to=H))
    assert may(facts(deny, k1()), NIKO)
    assert not may(facts({**deny, "category": a_consent("x", None, None, ban=True)["category"]}, k1()), NIKO)


def test_of_a_day_s_yes_and_no_the_no_counts() -> None:
    deny = a_consent("deny", "2026-03-01", b.a_provision("deny", to=H))
    permit = a_consent("permit", "2026-03-01T15:00:00+02:00", b.a_provision(to=H))
    assert not may(facts(deny, permit), NIKO)
    assert may(facts({**deny, "dateTime": "2026-03-01T14:00:00+02:00"}, permit), NIKO)


def test_a_permit_of_a_time_needs_the_whole_thing_within_and_a_deny_any_of_it() -> None:
    def sees(type: str, **times: str) -> bool:
        permit = b.a_provision(to=S, dataPeriod={"start": "2020-01-01", "end": "2021-12-31"})
        if type == "deny":
            permit = b.a_provision(to=S, provision=[{**permit, "type": "deny"}])
        return may(facts(a_consent("k", "2026-02-01", permit)), SARI, an_observation(effectivePeriod=times))

    inside, across = {"start": "2020-05-01", "end": "2021-12-31"}, {"start": "2019-05-01", "end": "2020-05-01"}
    before, running = {"start": "2018-05-01", "end": "2019-12-31"}, {"start": "2021-05-01"}
    assert [sees("permit", **each) for each in (inside, across, before, running)] == [True, False, False, False]
    assert [sees("deny", **each) for each in (inside, across, before, running)] == [False, False, True, False]


def test_what_goes_on_is_seen_by_a_permit_up_to_some_time_until_then() -> None:
    permit = a_consent("k", "2026-02-01", b.a_provision(to=S, dataPeriod={"end": "2027-12-31"}))
    running = an_observation(effectivePeriod={"start": "2026-01-01"})
    known = facts(permit)
    until = judged(known, SARI, running).valid_until
    assert until is not None
    assert not may(replace(known, at=until), SARI, running)
    assert may(replace(known, at=until - timedelta(microseconds=1)), SARI, running)


def test_what_has_no_time_of_its_own_is_of_when_it_was_first_stored() -> None:
    permit = a_consent("k", "2026-02-01", b.a_provision(to=S, dataPeriod={"start": "2026-03-01"}))
    assert may(facts(permit), SARI, an_observation())
    early = item_of(b.an_observation(AINO, id="o"), controller=H, first_updated=datetime(2026, 1, 1, tzinfo=UTC))
    assert not may(facts(permit), SARI, early)


def test_a_thing_without_a_label_of_confidentiality_is_normal() -> None:
    low, normal = (a_consent("k", "2026-02-01", b.a_provision(to=S, labels=level)) for level in "LN")
    assert not may(facts(low), SARI, an_observation())
    assert may(facts(normal), SARI, an_observation())
    assert not may(facts(normal), SARI, an_observation(labels="R"))
    deny = a_consent("d", "2026-02-02", b.a_provision("deny", to=S, labels="R"))
    assert [may(facts(k1(), deny), SARI, an_observation(labels=each)) for each in ("", "R", "V", "N")] == [
        True,
        False,
        False,
        True,
    ]


def test_a_permit_may_be_for_what_one_holds_or_has_written() -> None:
    mine = an_observation(H)
    theirs = an_observation("Organization/other")
    held = a_consent("k", "2026-02-01", b.a_provision(to=S, held_by=H))
    assert [may(facts(held), SARI, each) for each in (mine, theirs)] == [True, False]
    by = a_consent("k", "2026-02-01", b.a_provision(to=S, by=NIKO))
    conditions = [
        item_of(b.a_condition(AINO, id="1", recorder=b.a_reference(who)), controller=H) for who in (NIKO, OLLI)
    ]
    assert [may(facts(by), SARI, each) for each in conditions] == [True, False]
    authored = a_consent("k", "2026-02-01", b.a_provision(to=S, about=[("authoredby", NIKO)]))
    assert [may(facts(authored), SARI, each) for each in conditions] == [True, False]


def test_a_code_is_looked_for_in_all_of_a_thing() -> None:
    deny = b.a_provision("deny", code=[b.a_concept("urn:icd", "F11")])
    known = facts(k1(provision=[deny]))
    coded = an_observation(component=[{"code": b.a_concept("urn:icd", "F11")}])
    assert [may(known, SARI, each) for each in (coded, an_observation())] == [False, True]


def test_a_consent_for_an_organisation_is_for_those_that_are_part_of_it() -> None:
    county = a_consent("k", "2026-02-01", b.a_provision(to="Organization/county"))
    directory = replace(DIRECTORY, parents={H: "Organization/county"})
    assert not may(facts(county), NIKO)
    assert may(facts(county, directory=directory), NIKO)
    assert may(
        facts(county, directory=replace(directory, parents={H: "Organization/county", "Organization/county": H})), NIKO
    )


def test_without_an_active_role_at_the_organisation_a_person_stands_alone() -> None:
    gone = replace(DIRECTORY, roles=(a_role(NIKO, H, active=False),))
    assert not may(facts(k1(), directory=gone), NIKO)
    personal = a_consent("k", "2026-02-01", b.a_provision(to=NIKO))
    assert may(facts(personal, directory=gone), NIKO)
    ended = replace(DIRECTORY, roles=(a_role(NIKO, H, period={"end": "2026-03-01"}),))
    assert not may(facts(k1(), directory=ended), NIKO)


def test_own_register_counts_only_for_who_works_there() -> None:
    elsewhere = replace(DIRECTORY, roles=(a_role(SARI, H),))
    assert not may(facts(directory=elsewhere), SARI)


def test_a_person_is_the_same_by_role_and_by_name() -> None:
    by_role = {**TEAM, "participant": [a_member("PractitionerRole/niko", "nurse")]}
    assert may(facts(k1(), team=by_role), NIKO)
    named = a_consent("k", "2026-02-01", b.a_provision(to="PractitionerRole/niko"))
    assert may(facts(named), NIKO)
    question = replace(asked(NIKO), person="PractitionerRole/niko")
    assert judge(question, facts(a_consent("k", "2026-02-01", b.a_provision(to=NIKO)))).is_permitted


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("care-manager", b.an_episode_of_care(AINO, careManager=b.a_reference(KAI))),
        ("participant", b.an_encounter(AINO, participant=[{"individual": b.a_reference(KAI)}])),
        ("owner", b.a_task(AINO, owner=b.a_reference(KAI))),
    ],
)
def test_a_relation_opens_the_own_register_to_a_person(kind: str, resource: dict) -> None:
    found = relations_of(resource)
    assert [(each.kind, each.reference, each.client) for each in found] == [(kind, KAI, AINO)]
    assert judged(facts(relations=found), KAI).step == "register"


@pytest.mark.parametrize(
    "resource",
    [
        b.an_episode_of_care(AINO, status="finished", careManager=b.a_reference(KAI)),
        b.an_encounter(AINO, status="cancelled", participant=[{"individual": b.a_reference(KAI)}]),
        b.a_task(AINO, status="completed", owner=b.a_reference(KAI)),
        b.a_task(AINO, owner=b.a_reference(S)),
    ],
)
def test_a_relation_that_is_over_or_of_the_organisation_opens_nothing(resource: dict) -> None:
    assert not may(facts(relations=relations_of(resource)), KAI)


def test_a_system_reads_and_writes_its_own_register() -> None:
    known = facts()
    for action in ("read", "update", "delete"):
        assert may(known, S, action=action)
    assert not may(known, H)


def test_a_system_reads_the_denies_in_its_register_though_the_plan_is_in_another() -> None:
    deny = item_of(a_consent("deny", "2026-02-01", b.a_provision("deny")), controller=H)
    assert {action: may(facts(), H, deny, action) for action in ("read", "search", "update", "delete")} == {
        "read": True,
        "search": True,
        "update": False,
        "delete": False,
    }


def test_a_system_has_what_a_consent_gives_its_organisation_or_a_role_there() -> None:
    through_role = {**TEAM, "participant": [a_member("PractitionerRole/niko", "nurse")]}
    on_behalf = {**TEAM, "participant": [a_member(NIKO, "nurse", onBehalfOf=b.a_reference(H))]}
    itself = {**TEAM, "participant": [a_member(H, "nurse")]}
    assert [may(facts(k1(), team=team), H) for team in (through_role, on_behalf, itself, TEAM)] == [True] * 3 + [False]
    of_role = a_consent("k", "2026-02-01", b.a_provision(to="PractitionerRole/niko"))
    assert [may(facts(of_role, team=team), H) for team in (through_role, on_behalf)] == [True, False]
    of_person = a_consent("k", "2026-02-01", b.a_provision(to=NIKO))
    assert not may(facts(of_person, team=on_behalf), H)
    assert [may(facts(EVERYBODY, team=team), H) for team in (itself, on_behalf)] == [True, False]


def test_an_ngo_or_relative_sees_plan_team_and_own_tasks_when_the_permit_names_no_classes() -> None:
    tasks = [item_of(b.a_task(AINO, id="t", owner=b.a_reference(who)), controller=S) for who in (JARI, NIKO)]
    for who in (JARI, LEENA):
        known = facts(a_consent("k", "2026-02-01", b.a_provision(to=who)))
        assert [may(known, who, each) for each in (PLAN, GOAL, FEEDBACK, ENCOUNTER)] == [True, False, False, False]
        assert judged(known, who, GOAL).step == "view"
        assert [may(known, who, each) for each in tasks] == [who == JARI, False]
        goals = facts(a_consent("k", "2026-02-01", b.a_provision(to=who, classes="Goal")))
        assert [may(goals, who, each) for each in (PLAN, GOAL)] == [False, True]


def test_a_consultee_passes_the_gate_of_the_team_and_still_needs_a_consent() -> None:
    code = b.a_concept("https://sharedplan.dev/fhir/CodeSystem/task", "consultation")
    task = b.a_task(AINO, status="accepted", code=code, owner=b.a_reference(OLLI))
    relations = relations_of(task)
    assert may(facts(k1(), relations=relations), OLLI)
    assert not may(facts(relations=relations), OLLI)
    assert not may(facts(k1(), relations=relations_of({**task, "status": "requested"})), OLLI)
    assert not may(facts(k1(), relations=relations), OLLI, item_of(task | {"id": "t"}, controller=S), "delete")


def test_membership_ends_at_the_instant_of_its_end_and_a_hand_over_leaves_no_gap() -> None:
    handed = {
        **TEAM,
        "participant": [
            a_member(NIKO, "nurse", end="2026-03-02T12:00:00Z"),
            a_member(OLLI, "nurse", "2026-03-02T12:00:00Z"),
        ],
    }
    known = facts(k1(), team=handed)
    assert [may(known, who) for who in (NIKO, OLLI)] == [False, True]
    before = replace(known, at=NOW - timedelta(microseconds=1))
    assert [may(before, who) for who in (NIKO, OLLI)] == [True, False]


@pytest.mark.parametrize("changed", [{"status": "inactive"}, {"period": {"end": "2026-03-01"}}])
def test_a_team_that_is_over_has_no_members(changed: dict) -> None:
    assert not may(facts(k1(), team={**TEAM, **changed}), NIKO)


def test_who_comes_back_is_a_member_again() -> None:
    back = {**TEAM, "participant": [a_member(NIKO, "nurse", end="2026-01-31"), a_member(NIKO, "nurse", "2026-03-01")]}
    assert may(facts(k1(), team=back), NIKO)
    assert not may(replace(facts(k1(), team=back), at=datetime(2026, 2, 15, tzinfo=UTC)), NIKO)


def test_the_client_reads_all_but_what_is_not_to_be_told_yet() -> None:
    known = facts()
    assert judged(known, AINO).step == "client"
    assert may(known, AINO, an_observation(labels="PSY V"))
    assert not may(known, AINO, an_observation(labels="TBOO"))


MINOR = Client(AINO, S, S, "2011-01-01")


@pytest.mark.parametrize(
    ("born", "code", "expected"),
    [
        ("2011-01-01", "1", True),
        ("2011-01-01", "2", True),
        ("2011-01-01", "3", False),
        ("2011-01-01", "4", False),
        ("2011-01-01", None, False),
        ("2016-01-01", "4", True),
        ("2016-01-01", None, True),
        ("2016-01-01", "3", False),
        ("2008-03-02", "1", False),
        ("2008-03-03", "1", True),
        (None, "1", False),
        ("1983", "1", False),
    ],
)
def test_a_guardian_sees_by_the_minor_s_age_and_choice(born: str | None, code: str | None, expected: bool) -> None:
    assert may(facts(client=Client(AINO, S, S, born, code)), MOTHER) is expected


def test_what_the_minor_forbids_guardians_no_consent_opens() -> None:
    with_mother = {**TEAM, "participant": [a_member(MOTHER, "relative")]}
    given = a_consent("k", "2026-02-01", b.a_provision(to=MOTHER))
    assert may(facts(given, team=with_mother, client=MINOR), MOTHER)
    forbidding = replace(MINOR, guardian_disclosure="3")
    assert not may(facts(given, team=with_mother, client=forbidding), MOTHER)


def test_a_thing_says_itself_whether_guardians_may_know_of_it() -> None:
    code = {"system": "urn:oid:1.2.246.537.5.40202.201901", "code": "3"}
    secret = an_observation(extension=[{"url": "urn:x", "valueCoding": code}])
    known = facts(client=replace(MINOR, guardian_disclosure="2"))
    assert [may(known, MOTHER, each) for each in (PLAN, secret)] == [True, False]


def test_a_minor_s_ban_keeps_a_guardian_out() -> None:
    ban = a_consent("ban", "2026-02-01", b.a_provision("deny", to=MOTHER), ban=True)
    assert judged(facts(ban, client=replace(MINOR, guardian_disclosure="2")), MOTHER).step == "ban"


def test_a_relative_of_another_client_or_no_longer_active_is_no_guardian() -> None:
    child = replace(MINOR, guardian_disclosure="1")
    others = replace(a_relative(MOTHER, "MTH"), client="Patient/other")
    gone = a_relative(MOTHER, "MTH", active=False)
    sister = a_relative(MOTHER, "SIS")
    for relative in (others, gone, sister):
        assert not may(facts(client=child, directory=Directory(relatives=(relative,))), MOTHER)


def test_an_emergency_is_for_the_person_organisation_and_purpose_that_opened_it() -> None:
    hour = Span(NOW, NOW + timedelta(hours=1))
    for opening in (
        Opening("Practitioner/other", H, "BTG", hour),
        Opening(OLLI, S, "BTG", hour),
        Opening(OLLI, H, "ETREAT", hour),
    ):
        assert not may(facts(openings=(opening,)), OLLI, purpose="BTG")
    assert may(facts(openings=(Opening(OLLI, H, "BTG", hour),)), OLLI, purpose="BTG")


def test_only_a_practitioner_with_a_role_there_may_open_an_emergency() -> None:
    def allowed(who: str, purpose: str = "ETREAT") -> bool:
        return may_break_glass(asked(who, purpose=purpose), facts()).is_permitted

    assert [allowed(who) for who in (OLLI, LEENA, H, "Practitioner/unknown")] == [True, False, False, False]
    assert not allowed(OLLI, "TREAT")


def test_a_safety_ban_masks_the_address_for_others_than_the_register_s() -> None:
    known = facts(k1(), client=Client(AINO, S, S, "1983-05-14", has_safety_ban=True))
    assert judged(known, NIKO).residual == ("address, telecom and place are masked (turvakielto)",)
    assert judged(known, SARI).residual == ()


def test_the_directory_is_open_to_read_and_a_role_is_written_by_its_own_organisation() -> None:
    role = item_of(b.a_practitioner_role(id="1", organization=b.a_reference(H)), controller=H)
    assert may(facts(), JARI, role)
    assert [may(facts(), who, role, "create") for who in (H, S, OLLI, AINO)] == [True, False, True, False]


def test_a_token_that_names_nobody_is_refused() -> None:
    assert judge(replace(asked(S), organization=None), facts()).step == "auth"
    assert judged(facts(), SARI, purpose="CURIOSITY").step == "auth"


def test_facts_of_another_client_are_an_error() -> None:
    with pytest.raises(ValueError, match="the facts are of Patient/aino"):
        judged(facts(), SARI, item_of(b.a_care_plan("Patient/other", id="1"), controller=S))


def test_a_relation_of_another_time_opens_nothing() -> None:
    past = Relation(AINO, "care-manager", KAI, Span(ALWAYS.low, NOW))
    assert not may(facts(relations=(past,)), KAI)


def test_the_employment_services_are_told_by_their_organisation_too() -> None:
    team = {**TEAM, "participant": [{"member": b.a_reference(JARI), "period": {"start": "2026-01-01"}}]}
    known = facts(a_consent("k", "2026-02-01", b.a_provision(to=JARI)), team=team)
    assert may(known, JARI, GOAL)
    assert not may(replace(known, directory=replace(DIRECTORY, kinds={N: frozenset({"ngo"})})), JARI, GOAL)


def test_a_ban_on_some_things_hides_them_in_an_emergency_too() -> None:
    ban = a_consent("ban", "2026-02-01", b.a_provision("deny", to=H, labels="PSY"), ban=True)
    known = facts(ban, openings=(Opening(OLLI, H, "ETREAT", ALWAYS),))
    plain, labelled = (
        item_of(b.a_condition(AINO, id="1", **meta), controller=S)
        for meta in ({}, {"meta": {"security": [b.a_label("PSY")]}})
    )
    assert [may(known, OLLI, each, purpose="ETREAT") for each in (plain, labelled)] == [True, False]


def test_a_role_that_has_ended_or_is_elsewhere_is_not_claimed_by_a_token() -> None:
    known = facts(a_consent("k", "2026-02-01", b.a_provision(to="PractitionerRole/niko")))
    claimed = replace(asked(NIKO), person="PractitionerRole/niko")
    assert judge(claimed, known).is_permitted
    assert not judge(replace(claimed, organization=S), known).is_permitted
    ended = replace(DIRECTORY, roles=(a_role(NIKO, H, period={"end": "2026-03-01"}),))
    assert not judge(claimed, replace(known, directory=ended)).is_permitted
