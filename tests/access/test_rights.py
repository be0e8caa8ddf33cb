"""Who may write what: the matrix of rights, by whole decisions."""

from dataclasses import replace
from typing import Any

import pytest

import builders as b
from access.aino import (
    AINO,
    DIRECTORY,
    JARI,
    KAI,
    LEENA,
    MOTHER,
    NIKO,
    SARI,
    TEAM,
    H,
    N,
    S,
    a_consent,
    a_member,
    facts,
    judged,
    k1,
    may,
)
from sharedplan.access.facts import Client, Facts
from sharedplan.access.items import Item, item_of
from sharedplan.access.relations import relations_of

OPEN = (
    k1(),
    a_consent(
        "j",
        "2026-02-01",
        b.a_provision(
            to=(JARI, LEENA),
            classes="CarePlan Goal Task Encounter Consent CareTeam QuestionnaireResponse EpisodeOfCare Condition",
        ),
    ),
)
"""Consents under which every member may do anything to the usual things, so that only the matrix decides."""


def an_item(resource: dict[str, Any], controller: str = S, **more: Any) -> Item:
    return item_of({"id": "x", **resource}, controller=controller, **more)


def own_of(who: str) -> dict[str, Item]:
    """What each person would make of each type, for a start."""
    me = b.a_reference(who)
    return {
        "CarePlan": an_item(b.a_care_plan(AINO)),
        "draft CarePlan": an_item(b.a_care_plan(AINO, status="draft", author=me)),
        "Goal": an_item(b.a_goal(AINO)),
        "draft Goal": an_item(b.a_goal(AINO, lifecycleStatus="proposed")),
        "Task": an_item(b.a_task(AINO, status="in-progress", requester=me)),
        "CareTeam": an_item(TEAM),
        "Encounter": an_item(b.an_encounter(AINO)),
        "attended Encounter": an_item(b.an_encounter(AINO, participant=[{"individual": me}])),
        "Consent": an_item(a_consent("c", "2026-03-01", b.a_provision(to=N))),
        "draft Consent": an_item(a_consent("c", "2026-03-01", b.a_provision(to=N), status="draft")),
        "QuestionnaireResponse": an_item(b.a_questionnaire_response(AINO, author=me)),
        "EpisodeOfCare": an_item(b.an_episode_of_care(AINO)),
        "Patient": an_item({"resourceType": "Patient", "id": "aino"}),
    }


@pytest.mark.parametrize(
    ("who", "creates"),
    [
        (AINO, "draft CarePlan, Goal, draft Goal, Task, CareTeam, Consent, draft Consent, QuestionnaireResponse"),
        (
            SARI,
            "CarePlan, draft CarePlan, Goal, draft Goal, Task, CareTeam, Encounter, attended Encounter, Consent, "
            "draft Consent, QuestionnaireResponse, EpisodeOfCare, Patient",
        ),
        (
            NIKO,
            "draft CarePlan, Goal, draft Goal, Task, attended Encounter, draft Consent, QuestionnaireResponse",
        ),
        (JARI, "draft Goal, attended Encounter, QuestionnaireResponse"),
        (LEENA, "draft Goal, QuestionnaireResponse"),
        (KAI, ""),
    ],
)
def test_who_creates_what(who: str, creates: str) -> None:
    known = facts(*OPEN)
    assert ", ".join(name for name, item in own_of(who).items() if may(known, who, item, "create")) == creates


def updates(known: Facts, who: str, item: Item, after: Item | None = None) -> bool:
    return judged(known, who, item, "update", after=after or item).is_permitted


def test_a_draft_of_one_s_own_may_be_changed_and_not_made_to_count() -> None:
    known = facts(*OPEN)
    draft = an_item(b.a_care_plan(AINO, status="draft", author=b.a_reference(NIKO)))
    assert updates(known, NIKO, draft)
    assert not updates(known, NIKO, draft, replace(draft, status="active"))
    assert not updates(known, NIKO, replace(draft, authors=frozenset({SARI})))
    assert updates(known, NIKO, replace(draft, authors=frozenset(), creator=NIKO))


def test_a_task_is_updated_by_its_owner_in_person_or_by_organisation() -> None:
    known = facts(*OPEN)
    for who, owners in (
        (NIKO, (NIKO, H, "PractitionerRole/niko")),
        (JARI, (JARI,)),
        (LEENA, (LEENA,)),
        (AINO, (AINO,)),
    ):
        for owner in owners:
            assert updates(known, who, an_item(b.a_task(AINO, status="accepted", owner=b.a_reference(owner))))
    assert not updates(known, JARI, an_item(b.a_task(AINO, status="accepted", owner=b.a_reference(NIKO))))


def test_the_client_s_own_answers_are_nobody_else_s_to_write() -> None:
    answers = an_item(b.a_questionnaire_response(AINO, author=b.a_reference(AINO)))
    for who in (SARI, NIKO, JARI, LEENA):
        assert not updates(facts(*OPEN), who, answers)
        assert not may(facts(*OPEN), who, answers, "create")
    assert updates(facts(), AINO, answers)
    assert not may(facts(), SARI, answers, "delete")


def test_only_the_coordinator_and_the_register_s_system_delete() -> None:
    goal = an_item(b.a_goal(AINO), creator=NIKO)
    assert [may(facts(*OPEN), who, goal, "delete") for who in (SARI, S, NIKO, AINO, H)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_consent_that_lets_somebody_in_is_written_only_by_those_who_may() -> None:
    permit = an_item(a_consent("c", "2026-03-01", b.a_provision(to=N)))
    ban = an_item(a_consent("c", "2026-03-01", b.a_provision("deny", to=N), ban=True))
    known = facts(*OPEN)
    assert [may(known, who, permit, "create") for who in (AINO, SARI, S, NIKO, JARI)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert may(known, NIKO, ban, "create")  # who records a no lets nobody in
    withdrawn = replace(ban, bars=False, status="inactive")
    assert not updates(known, NIKO, ban, withdrawn)
    assert updates(known, AINO, ban, withdrawn)
    assert updates(known, NIKO, permit, replace(permit, opens=False, status="inactive"))


def test_the_system_of_another_register_lets_nobody_in() -> None:
    known = facts(*OPEN, team={**TEAM, "participant": [*TEAM["participant"], a_member(H, "nurse")]})
    consent = a_consent("c", "2026-03-01", b.a_provision(to=N))
    for resource in (consent, {**TEAM, "id": "2"}):
        assert not may(known, H, an_item(resource, H), "create")
        assert may(known, S, an_item(resource, S), "create")
    assert may(known, H, an_item(b.an_observation(AINO), H), "create")


def test_an_organisation_begins_records_of_a_client_that_it_keeps_or_is_on_the_team_of() -> None:
    other = Client(AINO, "Organization/other", None, "1983-05-14")
    observation = an_item(b.an_observation(AINO), H)
    known = facts(client=other)
    assert not may(known, H, observation, "create")  # a role of Niko's alone does not tell since when he has it
    for workplaces, begins in (({H}, True), ({H, N}, False), ({N}, False)):
        at_work = (each._replace(workplaces=frozenset(workplaces)) for each in known.memberships)
        assert may(replace(known, memberships=tuple(at_work)), H, observation, "create") is begins
    as_role = {**TEAM, "participant": [a_member("PractitionerRole/niko", "nurse")]}
    assert may(facts(client=other, team=as_role), H, observation, "create")
    nobody = facts(client=other, team={**TEAM, "participant": []})
    assert not may(nobody, H, observation, "create")
    assert may(replace(nobody, client=Client(AINO, H)), H, observation, "create")
    assert may(replace(nobody, client=Client(AINO)), H, observation, "create")


def test_while_nobody_is_concerned_a_worker_of_the_client_s_register_begins() -> None:
    nobody = facts(team={**TEAM, "participant": []}, client=Client(AINO, S))
    begun = b.an_episode_of_care(AINO, careManager=b.a_reference(KAI))
    assert may(nobody, KAI, an_item(begun), "create")
    assert not may(nobody, NIKO, an_item(begun, H), "create")
    assert not may(nobody, KAI, an_item(b.a_care_plan(AINO)), "read")
    leads = replace(nobody, relations=relations_of(begun))
    assert may(leads, KAI, an_item(TEAM), "create")
    assert not may(leads, SARI, an_item(TEAM), "create")
    elsewhere = replace(nobody, relations=tuple(replace(each, controller=H) for each in relations_of(begun)))
    assert KAI not in elsewhere.leaders
    own = replace(nobody, relations=tuple(replace(each, controller=S) for each in relations_of(begun)))
    assert KAI in own.leaders


def test_a_guardian_gives_and_withdraws_consent_for_a_minor() -> None:
    known = facts(client=Client(AINO, S, S, "2016-01-01"))
    permit = an_item(a_consent("c", "2026-03-01", b.a_provision(to=N)))
    assert may(known, MOTHER, permit, "create")
    assert not may(known, MOTHER, an_item(b.a_care_plan(AINO)), "update")
    assert not may(facts(), MOTHER, permit, "create")


def test_what_is_one_client_s_is_not_made_another_s() -> None:
    goal = an_item(b.a_goal(AINO))
    for who in (SARI, S):
        assert not updates(facts(), who, goal, replace(goal, client="Patient/other"))


def test_who_is_only_consulted_writes_nothing_but_the_task() -> None:
    code = b.a_concept("https://sharedplan.dev/fhir/CodeSystem/task", "consultation")
    task = b.a_task(AINO, status="accepted", code=code, owner=b.a_reference("Practitioner/olli"))
    known = facts(k1(), relations=relations_of(task))
    assert updates(known, "Practitioner/olli", an_item(task))
    assert not may(known, "Practitioner/olli", an_item(b.a_goal(AINO)), "create")


def test_a_former_member_writes_nothing() -> None:
    past = facts(*OPEN, team={**TEAM, "participant": [a_member(SARI, "coordinator", end="2026-02-28")]})
    assert not any(may(past, SARI, item, action) for item in own_of(SARI).values() for action in ("update", "delete"))


def test_the_directory_in_use_is_not_needed_by_the_client() -> None:
    assert may(
        replace(facts(), directory=replace(DIRECTORY, roles=(), relatives=())), AINO, an_item(b.a_goal(AINO)), "create"
    )
