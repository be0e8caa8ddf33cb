"""What the measures come to that look at one client after another, counted by hand."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from builders import (
    a_care_plan,
    a_care_team,
    a_concept,
    a_consent,
    a_goal,
    a_practitioner_role,
    a_provision,
    a_reference,
    a_service_request,
    a_task,
    an_encounter,
    an_organization,
)
from care.measures.measured import SPRING, YEAR, around, over, strata
from sharedplan.care import codes
from sharedplan.care.measures.bounces import Bounces
from sharedplan.care.measures.consents import ConsentCoverage
from sharedplan.care.measures.figures import AT_ONCE, Period
from sharedplan.care.measures.goals import GoalsAgreed
from sharedplan.care.measures.multidisciplinarity import Multidisciplinarity
from sharedplan.care.measures.participation import ClientsPart
from sharedplan.care.review.consents import TRANSCRIBER

Json = dict[str, Any]

SARI, NIKO, JARI, VILLE = ("Practitioner/sari", "Practitioner/niko", "Practitioner/jari", "Practitioner/ville")
S, H, N = "Organization/s", "Organization/h", "Organization/n"
SHARED = [a_concept(codes.PLAN, "shared-plan")]


def a_plan(id: str, model: str | None = "stop", goals: int = 0, **elements: Any) -> Json:
    """The shared plan of Patient/[id], with goals Goal/[id]-0 and so on, from 15 January on."""
    follows = {"instantiatesCanonical": [f"{codes.MODELS}{model}|1.0.0"]} if model else {}
    named = {"goal": [a_reference(f"Goal/{id}-{number}") for number in range(goals)]} if goals else {}
    return a_care_plan(
        f"Patient/{id}",
        id=id,
        **{
            "category": SHARED,
            "period": {"start": "2026-01-15"},
            "careTeam": [a_reference(f"CareTeam/{id}")],
            **follows,
            **named,
            **elements,
        },
    )


def goals_of(id: str, *stances: str | None, **elements: Any) -> Iterator[Json]:
    for number, stance in enumerate(stances):
        parts = [{"url": "status", "valueCode": stance}]
        acceptance = {"extension": [{"url": codes.ACCEPTANCE, "extension": parts}]} if stance else {}
        yield a_goal(f"Patient/{id}", id=f"{id}-{number}", **acceptance, **elements)


# goals-agreed


def test_goals_are_counted_by_the_clients_stance_and_plans_by_having_one_agreed() -> None:
    found = over(
        GoalsAgreed(around(YEAR)),
        [
            a_plan("1", goals=3),
            *goals_of("1", "agree", "agree", "disagree"),
            a_plan("2", "soite", goals=2),
            *goals_of("2", "pending", None),
            a_plan("3", "soite", goals=1),
            *goals_of("3", "agree", lifecycleStatus="cancelled"),
            a_plan("4", None),
        ],
    )
    assert found["goals-agreed"].counts == (5, 2)
    assert strata(found["goals-agreed"]) == {"stop": (3, 2), "soite": (2, 0)}
    assert found["goals-agreed"].people == 2
    assert found["plans-with-agreed-goal"].counts == (4, 1)
    assert strata(found["plans-with-agreed-goal"]) == {"stop": (1, 1), "soite": (2, 0), "unknown": (1, 0)}


def test_of_goals_that_are_not_seen_nothing_is_said() -> None:
    found = over(GoalsAgreed(around(YEAR)), [a_plan("1", goals=2), a_plan("2", goals=2), *goals_of("2", "agree")])
    assert found["goals-agreed"].counts == (1, 1)
    assert found["plans-with-agreed-goal"].counts == (1, 1)


# clients-part


def a_meeting(id: str, *who: str, **elements: Any) -> Json:
    """Of Patient/1, on 1 February."""
    return an_encounter(
        "Patient/1",
        id=id,
        **{
            "type": [a_concept(codes.ENCOUNTER_TYPE, "client-meeting")],
            "episodeOfCare": [a_reference("EpisodeOfCare/1")],
            "participant": [{"individual": a_reference(each)} for each in who],
            "period": {"start": "2026-02-01T10:00:00Z"},
            **elements,
        },
    )


def test_plans_count_as_made_with_the_client_by_his_name_in_them_or_by_a_meeting() -> None:
    spine = [{"url": codes.EPISODE, "valueReference": a_reference("EpisodeOfCare/1")}]
    plans = [
        a_plan("1", extension=spine),
        a_plan("2", contributor=[a_reference("Patient/2")]),
        a_plan("3", "soite"),
    ]
    for meeting, made in ((a_meeting("m"), 2), (a_meeting("m", status="cancelled"), 1)):
        found = over(ClientsPart(around(YEAR)), [*plans, meeting])["plans-made-with-client"]
        assert found.counts == (3, made)
        assert strata(found) == {"stop": (2, made), "soite": (1, 0)}
    assert over(ClientsPart(around(SPRING)), [*plans, a_meeting("m", period={"start": "2026-06-01"})])[
        "plans-made-with-client"
    ].counts == (3, 1)


def test_those_who_attended_are_counted_by_the_clients_acceptance() -> None:
    spine = [{"url": codes.EPISODE, "valueReference": a_reference("EpisodeOfCare/1")}]
    own = {"member": a_reference(SARI), "role": [a_concept(codes.TEAM_ROLE, "coordinator")]}
    resources = [
        a_plan("1", extension=spine),
        a_care_team("Patient/1", id="1", participant=[own]),
        a_meeting("1", SARI, NIKO, JARI),
        a_meeting("2", SARI, status="planned"),
        a_meeting("3", JARI, period={"start": "2027-02-01"}),
        a_meeting("4", JARI, type=[{"text": "ward round"}]),
    ]
    assert over(ClientsPart(around(YEAR)), resources)["attendance-accepted"].counts == (3, 1)
    permit = a_consent("Patient/1", id="c", dateTime="2026-01-16", provision=a_provision("permit", to=[NIKO]))
    assert over(ClientsPart(around(YEAR)), [*resources, permit])["attendance-accepted"].counts == (3, 2)


@pytest.mark.parametrize(
    ("elements", "counts"),
    [
        ({}, True),
        ({"status": "on-hold", "period": {"start": "2026-04-30"}}, True),
        ({"period": {"start": "2026-04-30T21:00:00Z"}}, False),  # the 1st of May in Helsinki
        ({"period": {"start": "2025-01-01", "end": "2026-02-01"}}, True),  # it runs past its planned end
        ({"status": "completed", "period": {"start": "2026-01-01", "end": "2026-04-01"}}, True),
        ({"status": "completed", "period": {"start": "2026-01-01", "end": "2026-03-31"}}, False),
        ({"status": "revoked", "period": {"start": "2026-01-01", "end": "2026-07-01"}}, True),
        ({"status": "completed", "period": {"start": "2026-01-01"}}, False),  # nobody said when
        ({"status": "draft"}, False),
        ({"status": "entered-in-error"}, False),
        ({"category": []}, False),
    ],
)
def test_plans_count_that_were_in_force_in_the_period(elements: Json, counts: bool) -> None:
    found = over(GoalsAgreed(around(SPRING)), [a_plan("1", **elements)])["plans-with-agreed-goal"]
    assert found.population == int(counts)


def test_a_period_that_has_not_begun_has_no_plans() -> None:
    ahead = Period(date(2027, 1, 1), date(2028, 1, 1))
    assert over(GoalsAgreed(around(ahead)), [a_plan("1")])["plans-with-agreed-goal"].population == 0


def test_more_clients_than_are_asked_of_at_once_are_all_counted_once() -> None:
    number = 2 * AT_ONCE + 1
    resources = [each for n in range(number) for each in (a_plan(str(n), goals=1), *goals_of(str(n), "agree"))]
    measure = GoalsAgreed(around(YEAR))
    assert over(measure, resources)["goals-agreed"].counts == (number, number)
    asked = [each.pairs[0][1].count(",") + 1 for each in measure.questions() if each.type == "Goal"]
    assert asked == [AT_ONCE, AT_ONCE, 1]


# multidisciplinarity and consent-coverage


def directory() -> list[Json]:
    kinds = {S: "adult-social-services", H: "health-services", N: "ngo"}
    works_at = {SARI: S, NIKO: H, JARI: N, VILLE: "Organization/ward"}
    return [
        *(
            an_organization(id=each[len("Organization/") :], type=[a_concept(codes.ORGANIZATION_TYPE, kind)])
            for each, kind in kinds.items()
        ),
        an_organization(id="ward", partOf=a_reference(H)),
        *(
            a_practitioner_role(
                id=person[len("Practitioner/") :],
                active=True,
                practitioner=a_reference(person),
                organization=a_reference(place),
            )
            for person, place in works_at.items()
        ),
    ]


def a_team(id: str, *members: str, **elements: Any) -> Json:
    """Sari coordinates; "Practitioner/niko 2026-02-01 2026-03-01" is a member from one day to the other."""
    participants = []
    for each in (SARI, *members):
        name, *days = each.split()
        period = dict(zip(("start", "end"), days or ["2026-01-15"], strict=False))
        role = {"role": [a_concept(codes.TEAM_ROLE, "coordinator")]} if name == SARI else {}
        participants.append({"member": a_reference(name), "period": period, **role})
    return a_care_team(f"Patient/{id}", id=id, participant=participants, **elements)


def met(id: str, start: str, *who: str, **elements: Any) -> Json:
    outcome = {"participant": [{"individual": a_reference(each)} for each in who], "period": {"start": start}}
    of_episode = {"episodeOfCare": [a_reference(f"EpisodeOfCare/{id}")]}
    kind = {"type": [a_concept(codes.ENCOUNTER_TYPE, "client-meeting")]}
    return an_encounter(f"Patient/{id}", id=id, **outcome, **of_episode, **kind, **elements)


def of_episode(plan: Json) -> Json:
    reference = a_reference(f"EpisodeOfCare/{plan['id']}")
    return {**plan, "extension": [{"url": codes.EPISODE, "valueReference": reference}]}


def realised(*resources: Json, period: Period = YEAR) -> tuple[int, ...]:
    return over(Multidisciplinarity(around(period)), [*directory(), *resources])["multidisciplinarity"].counts


def test_two_administrations_that_both_contributed_make_it_realised() -> None:
    plan, team = of_episode(a_plan("1")), a_team("1", NIKO)
    assert realised(plan, team) == (1, 0)
    assert realised(plan, team, met("1", "2026-02-01", SARI)) == (1, 0)
    assert realised(plan, team, met("1", "2026-02-01", SARI, NIKO)) == (1, 1)
    assert realised(plan, team, met("1", "2026-02-01", SARI, NIKO, status="cancelled")) == (1, 0)


def test_what_somebody_writes_or_finishes_is_a_contribution_also_by_his_role() -> None:
    plan, team = a_plan("1"), a_team("1", VILLE)
    asked = a_task("Patient/1", id="1", authoredOn="2026-02-01", requester=a_reference(SARI))
    done = {"status": "completed", "owner": a_reference("PractitionerRole/ville")}
    assert realised(plan, team, asked) == (1, 0)
    assert realised(plan, team, {**asked, **done, "executionPeriod": {"end": "2026-02-03"}}) == (1, 1)


def test_who_is_of_no_team_or_of_the_same_administration_makes_nothing_multidisciplinary() -> None:
    plan, meeting = of_episode(a_plan("1")), met("1", "2026-02-01", SARI, NIKO)
    assert realised(plan, a_team("1"), meeting) == (1, 0)
    assert realised(plan, a_team("1", NIKO, status="proposed"), meeting) == (1, 0)
    assert realised(plan, a_team("1", NIKO, JARI), met("1", "2026-02-01", NIKO, JARI)) == (1, 1)
    assert realised(plan, a_team("1", NIKO, VILLE), met("1", "2026-02-01", NIKO, VILLE)) == (1, 0)


def test_members_and_contributions_are_those_of_the_period() -> None:
    plan = of_episode(a_plan("1"))
    team = a_team("1", f"{NIKO} 2026-01-15 2026-03-31")
    meeting = met("1", "2026-03-30", SARI, NIKO)
    assert realised(plan, team, meeting, period=Period(date(2026, 3, 1), date(2026, 4, 1))) == (1, 1)
    assert realised(plan, team, meeting, period=SPRING) == (1, 0)
    assert realised(plan, a_team("1", NIKO), met("1", "2026-05-01", SARI, NIKO), period=SPRING) == (1, 0)


def a_permit(id: str, client: str, *to: str, **elements: Any) -> Json:
    given = {"dateTime": "2026-01-10", "provision": a_provision(to=list(to))}
    return a_consent(f"Patient/{client}", id=id, **{**given, **elements})


SPOKEN = {"extension": [{"url": TRANSCRIBER, "valueReference": a_reference(SARI)}]}


def test_members_are_covered_by_a_consent_for_them_or_their_organisation() -> None:
    found = over(
        ConsentCoverage(around(YEAR)),
        [
            *directory(),
            a_plan("1"),
            a_team("1", "Patient/1", NIKO, JARI, VILLE),
            a_permit("1", "1", NIKO, **SPOKEN),
            a_permit("2", "1", H, sourceAttachment={"title": "signed"}),
            a_plan("2", "soite"),
            a_team("2", NIKO),
            a_permit("3", "2", NIKO),
            a_permit("4", "1", JARI, status="inactive", meta={"lastUpdated": "2026-02-01T10:00:00Z"}),
        ],
    )
    assert found["members-covered"].counts == (4, 3)
    assert strata(found["members-covered"]) == {"stop": (3, 2), "soite": (1, 1)}
    assert found["members-covered"].people == 2
    assert strata(found["covered-by-way"]) == {"spoken": (1,), "document": (1,), "own": (1,)}


def test_a_coordinator_of_another_register_needs_a_consent() -> None:
    elsewhere = a_team("1", NIKO)
    for each in elsewhere["participant"]:
        each["role"] = [a_concept(codes.TEAM_ROLE, "coordinator" if each["member"] == a_reference(NIKO) else "ngo")]
    found = over(ConsentCoverage(around(YEAR)), [*directory(), a_plan("1"), elsewhere])
    assert found["members-covered"].counts == (2, 0)


def test_coverage_is_as_it_was_at_the_end_of_the_period_or_is_now() -> None:
    world = [
        *directory(),
        a_plan("1"),
        a_team("1", NIKO, f"{JARI} 2026-02-01 2026-04-30"),
        a_permit("1", "1", NIKO, dateTime="2026-05-01"),
        a_permit("2", "1", JARI),
    ]
    march = Period(date(2026, 3, 1), date(2026, 4, 1))
    assert over(ConsentCoverage(around(march)), world)["members-covered"].counts == (2, 1)
    assert over(ConsentCoverage(around(YEAR)), world)["members-covered"].counts == (1, 1)
    in_april = datetime(2026, 4, 10, tzinfo=UTC)
    assert over(ConsentCoverage(around(YEAR, in_april)), world)["members-covered"].counts == (2, 1)


# bounces


def handed_on(id: str, client: str, referral: str | None, status: str, **elements: Any) -> Json:
    about = {"focus": a_reference(f"ServiceRequest/{referral}")} if referral else {}
    code = a_concept(codes.TASK, "referral")
    return a_task(f"Patient/{client}", id=id, status=status, code=code, **about, **elements)


def a_referral(id: str, client: str, model: str = "kaannekohta", **elements: Any) -> Json:
    canonical = {"instantiatesCanonical": [codes.MODELS + model]}
    return a_service_request(f"Patient/{client}", id=id, **{"authoredOn": "2026-04-05", **canonical, **elements})


def test_referrals_are_counted_by_being_turned_away_and_clients_by_how_often() -> None:
    found = over(
        Bounces(around(SPRING)),
        [
            a_referral("1", "1"),
            handed_on("1", "1", "1", "rejected"),
            handed_on("2", "1", "1", "rejected"),
            handed_on("3", "1", "1", "accepted"),
            a_referral("2", "1", "stop"),
            handed_on("4", "1", "2", "rejected"),
            a_referral("3", "2"),
            handed_on("5", "2", "3", "requested"),
            a_referral("4", "3"),  # handed to nobody
            a_referral("5", "3", status="entered-in-error"),
            a_referral("6", "4", authoredOn="2026-05-01"),
            handed_on("6", "4", "6", "rejected"),
        ],
    )
    assert found["referrals-rejected"].counts == (4, 2)
    assert strata(found["referrals-rejected"]) == {"kaannekohta": (3, 1), "stop": (1, 1)}
    assert strata(found["rejections-per-client"]) == {"0": (2,), "3+": (1,)}
    assert found["rejections-per-client"].population == 3


def test_days_until_a_referral_was_accepted_come_to_their_median_and_the_longest() -> None:
    days = {"1": "06", "2": "08", "3": "15"}
    found = over(
        Bounces(around(SPRING)),
        [
            *(a_referral(id, id) for id in ("1", "2", "3", "4")),
            *(handed_on(id, id, id, "accepted", executionPeriod={"start": f"2026-04-{n}"}) for id, n in days.items()),
            handed_on("4", "4", "4", "requested"),
            a_referral("5", "1", authoredOn="2026-03-31"),
            handed_on("5", "1", "5", "accepted", executionPeriod={"start": "2026-04-20"}),
        ],
    )
    median, longest = found["days-to-acceptance"], found["longest-to-acceptance"]
    assert (median.population, median.score, median.unit, median.people) == (3, 3.0, "d", 3)
    assert (longest.population, longest.score, longest.people) == (3, 10.0, 3)


def test_a_referral_that_is_not_seen_counts_by_the_task_that_hands_it_on() -> None:
    found = over(
        Bounces(around(SPRING)),
        [
            handed_on("1", "1", None, "rejected", authoredOn="2026-04-05"),
            handed_on("2", "2", "elsewhere", "rejected", authoredOn="2026-04-05"),
            handed_on("3", "2", "elsewhere", "accepted", authoredOn="2026-04-09"),
        ],
    )
    assert found["referrals-rejected"].counts == (2, 2)
    assert strata(found["rejections-per-client"]) == {"1": (2,)}
