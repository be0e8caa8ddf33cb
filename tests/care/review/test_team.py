"""The team: R0.7, R1.1, R1.2, R1.4, R2.3, R3.4, R4.1, R4.2, R4.9."""

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import a_provision, a_reference, a_related_person, an_episode_of_care
from care.review.case import (
    ANNA,
    JARI,
    LEENA,
    NIKO,
    NOW,
    SARI,
    H,
    N,
    S,
    a_coded_organization,
    a_member,
    a_permit,
    broken,
    met,
    the_case,
    the_plan,
    the_team,
    told,
)
from sharedplan.care.situation import Situation, Trace

COORDINATOR = a_member(SARI, "coordinator", "social-worker", "social-instructor", onBehalfOf=a_reference(S))
NURSE = a_member(NIKO, "nurse", "mental-health", onBehalfOf=a_reference(H))
FRIEND = a_member(JARI, "ngo", onBehalfOf=a_reference(N))
SISTER = a_member(LEENA, "relative")


def with_team(*participants: dict[str, object], **more: object) -> Situation:
    return the_case().with_(the_team(*participants, **more))


def test_the_team_crosses_administrations() -> None:
    (found,) = [each for each in told(with_team(COORDINATOR, FRIEND), "R0.7") if each.severity == "warning"]
    assert found.at == "CareTeam.participant" and "health services" in found.said()
    said = met(the_case(), "R0.7")
    assert "social services (Sari Lehto)" in said and "health services (Niko Salo)" in said


def test_an_administration_is_told_by_the_role_where_the_organisation_is_not_known() -> None:
    assert met(with_team(a_member("Practitioner/a", "social-worker"), a_member("Practitioner/b", "physician")), "R0.7")


def test_a_member_whose_time_is_over_crosses_nothing() -> None:
    gone = a_member(NIKO, "nurse", end="2026-02-01", onBehalfOf=a_reference(H))
    assert broken(with_team(COORDINATOR, gone), "R0.7")


def test_roles_of_the_model_that_nobody_fills_are_named() -> None:
    unfilled = {"role": NURSE["role"]}
    assert "nurse" in " ".join(each.said() for each in told(with_team(COORDINATOR, unfilled), "R0.7"))


def test_a_member_is_covered_by_the_clients_consent() -> None:
    (found,) = told(with_team(COORDINATOR, NURSE, FRIEND), "R1.1")
    assert (found.severity, found.at) == ("warning", "CareTeam.participant[2].member")
    assert "Jari Koski" in found.said() and "consent" in found.said()
    assert met(with_team(COORDINATOR, NURSE, FRIEND).with_(a_permit("2", N)), "R1.1"), "an organisation covers, too"
    assert "Niko Salo" in met(the_case(), "R1.1")


def test_a_member_whom_no_reference_names_is_told() -> None:
    known = {"member": {"display": "Kaisa"}, "role": NURSE["role"]}
    (found,) = [each for each in told(with_team(COORDINATOR, NURSE, known), "R1.1") if each.severity == "warning"]
    assert found.at == "CareTeam.participant[2].member" and "Kaisa" in found.said() and "no reference" in found.said()
    met(with_team(COORDINATOR, NURSE, {"member": {"display": "Anna Aalto"}}), "R1.1")
    met(with_team(COORDINATOR, NURSE, {**known, "period": {"end": "2026-02-01"}}), "R1.1")


def test_a_member_to_come_is_covered_from_the_first_day() -> None:
    to_come = {**FRIEND, "period": {"start": "2026-04-01"}}
    (found,) = told(with_team(COORDINATOR, NURSE, to_come), "R1.1")
    assert (found.severity, found.at) == ("warning", "CareTeam.participant[2].member")
    assert "Jari Koski" in found.said() and "1 April 2026" in found.said()
    met(with_team(COORDINATOR, NURSE, to_come).with_(a_permit("2", JARI)), "R1.1")
    until = a_permit("2", provision=a_provision(to=[JARI], start="2026-01-01", end="2026-03-15"))
    assert broken(with_team(COORDINATOR, NURSE, to_come).with_(until), "R1.1")
    next_one = {**a_member(JARI, "coordinator", start="2026-04-01"), "onBehalfOf": a_reference(S)}
    met(with_team(COORDINATOR, NURSE, next_one), "R1.1")


def test_a_member_elsewhere_is_covered_by_a_consent_for_that_address() -> None:
    address = "https://else.example/fhir/Practitioner/1"
    case = with_team(COORDINATOR, NURSE, a_member(address, "psychologist"))
    assert [address in each for each in broken(case, "R1.1")] == [True]
    met(case.with_(a_permit("2", address)), "R1.1")


def test_the_coordinator_needs_no_consent_in_a_second_role() -> None:
    instructor = a_member(SARI, "social-instructor", onBehalfOf=a_reference(S))
    assert "covers every member" in met(with_team(COORDINATOR, instructor, NURSE), "R1.1")
    assert broken(with_team(NURSE, instructor), "R1.1"), "one who coordinates nothing does"


def test_a_consent_that_ended_or_was_withdrawn_covers_nobody() -> None:
    ended = a_permit("1", provision=a_provision(to=[NIKO], start="2026-01-01", end="2026-02-01"))
    assert broken(the_case().with_(ended), "R1.1")
    withdrawn = a_permit("1", NIKO, status="inactive", meta={"lastUpdated": "2026-02-20T10:00:00Z"})
    assert broken(the_case().with_(withdrawn), "R1.1")


def test_a_later_deny_or_a_ban_outweighs_a_permit() -> None:
    deny = a_permit("2", dateTime="2026-02-01", provision=a_provision("deny", to=[NIKO]))
    assert broken(the_case().with_(deny), "R1.1")
    early = a_permit("2", dateTime="2025-12-01", provision=a_provision("deny", to=[NIKO]))
    assert met(the_case().with_(early), "R1.1")
    category = [{"coding": [{"system": "https://sharedplan.dev/fhir/CodeSystem/consent-category", "code": "ban"}]}]
    assert broken(the_case().with_({**early, "category": category}), "R1.1")
    of_some = a_permit("2", dateTime="2026-02-01", provision=a_provision("deny", to=[NIKO], classes="Observation"))
    assert met(the_case().with_(of_some), "R1.1"), "a deny of some things leaves the membership"


def test_a_consent_for_the_whole_team_covers_those_who_were_on_it() -> None:
    whole = a_permit("1", dateTime="2026-01-15", provision=a_provision(to=["CareTeam/1"]))
    assert met(the_case().with_(whole), "R1.1")
    later = a_member(NIKO, "nurse", start="2026-02-01", onBehalfOf=a_reference(H))
    assert broken(with_team(COORDINATOR, later).with_(whole), "R1.1")


def test_ngo_workers_and_relatives_are_members_with_a_narrower_view() -> None:
    case = with_team(COORDINATOR, NURSE, FRIEND, SISTER)
    said = met(case, "R1.2")
    assert "Jari Koski" in said and "Leena Aalto" in said and "Niko" not in said
    of_another = a_related_person("Patient/eino", id="leena", active=True)
    (found,) = [each for each in told(case.with_(of_another), "R1.2") if each.severity == "warning"]
    assert found.at == "CareTeam.participant[3].member"
    inactive = a_related_person(ANNA, id="leena", active=False)
    assert broken(case.with_(inactive), "R1.2")
    assert broken(case.with_(without=[LEENA]), "R1.2")


def test_every_member_gives_and_receives() -> None:
    quiet = replace(the_case(), traces=(Trace(SARI, S, NOW), Trace(NIKO, H, NOW - timedelta(days=120))))
    quiet = quiet.with_(
        the_team(COORDINATOR, {**NURSE, "period": {"start": "2025-10-01"}}),
        without=["Encounter/2"],
    )
    (found,) = told(quiet, "R1.4")
    assert (found.severity, found.at) == ("warning", "CareTeam.participant[1]")
    assert "Niko Salo" in found.said() and "90 days" in found.said()
    assert met(the_case(), "R1.4")


def test_what_is_written_under_a_name_is_a_sign_of_life() -> None:
    team = the_team(COORDINATOR, {**NURSE, "period": {"start": "2025-10-01"}})
    case = replace(the_case().with_(team, without=["Encounter/2"]), traces=(Trace(SARI, S, NOW),))
    assert broken(case, "R1.4")
    note = [{"authorReference": a_reference(NIKO), "time": "2026-02-01", "text": "She sleeps better"}]
    plan = the_plan(activity=[{"progress": note, "detail": {"status": "completed"}}])
    assert met(case.with_(plan), "R1.4")


def test_a_member_is_not_silent_before_the_time_is_over_and_his_system_is_told_of() -> None:
    case = replace(the_case().with_(without=["Encounter/2"]), traces=(Trace(None, H, NOW),))
    assert met(case, "R1.4"), "on the team for two months"
    old = the_team(COORDINATOR, {**NURSE, "period": {"start": "2025-10-01"}})
    assert ["Health, 2 March 2026" in said for said in broken(case.with_(old), "R1.4")] == [True]


def test_who_does_not_see_the_log_is_not_told_who_is_silent() -> None:
    assert "log" in met(replace(the_case(), traces=None), "R1.4")


def test_the_pair_is_a_social_instructor_and_a_nurse() -> None:
    alone = with_team(COORDINATOR)
    (found,) = told(alone, "R2.3")
    assert (found.severity, found.at) == ("warning", "CareTeam.participant") and "nurse" in found.said()
    assert "Sari Lehto and Niko Salo" in met(the_case(), "R2.3")


def test_the_team_holds_social_care_and_mental_health_or_substance_services() -> None:
    plain = a_member(NIKO, "nurse", onBehalfOf=a_reference(H))
    (said,) = broken(with_team(COORDINATOR, plain), "R3.4")
    assert "mental health or substance services" in said
    of_mind = a_coded_organization(H, "Mind", "mental-health-substance-services")
    assert met(with_team(COORDINATOR, plain).with_(of_mind), "R3.4")
    assert "Niko Salo" in met(the_case(), "R3.4")


def test_exactly_one_own_worker_coordinates() -> None:
    nobody = with_team(NURSE)
    (found,) = [each for each in told(nobody, "R4.1") if each.severity == "error"]
    assert found.at == "CareTeam.participant"
    both = with_team(COORDINATOR, a_member(NIKO, "coordinator"))
    (found,) = [each for each in told(both, "R4.1") if each.severity == "error"]
    assert "Sari Lehto and Niko Salo" in found.said()
    assert "Sari Lehto" in met(the_case(), "R4.1")


def test_a_draft_may_still_lack_its_coordinator() -> None:
    assert met(with_team(NURSE).with_(the_plan(status="draft")), "R4.1")


def test_a_hand_over_leaves_no_gap_and_a_history() -> None:
    before = a_member(NIKO, "coordinator", start="2025-10-01", end="2025-12-31")
    handed = with_team(before, COORDINATOR)
    said = met(handed, "R4.1")
    assert "Niko Salo 1 October 2025 – 31 December 2025" in said and "Sari Lehto 1 January 2026" in said
    late = a_member(SARI, "coordinator", start="2026-01-10", onBehalfOf=a_reference(S))
    (gap,) = broken(with_team(before, late), "R4.1")
    assert "no own worker from 1 January 2026 to 10 January 2026" in gap


def test_another_care_manager_than_the_coordinator_is_told() -> None:
    episode = an_episode_of_care(ANNA, id="1", careManager=a_reference(NIKO))
    (found,) = [each for each in told(the_case().with_(episode), "R4.1") if each.severity == "warning"]
    assert found.at == "EpisodeOfCare.careManager" and "Niko Salo" in found.said()
    by_role = an_episode_of_care(ANNA, id="1", careManager=a_reference("PractitionerRole/sari"))
    assert met(the_case().with_(by_role), "R4.1")


def test_exchange_between_organisations_rests_on_consent() -> None:
    (found,) = told(the_case().with_(without=["Consent/1"]), "R4.2")
    assert found.severity == "warning" and "Health" in found.said() and "Niko Salo" in found.said()
    assert "Health (Consent/1)" in met(the_case(), "R4.2")


@pytest.mark.parametrize("there", [True, False])
def test_the_team_may_hold_employment_services(there: bool) -> None:
    worker = a_member("Practitioner/jonna", "employment")
    said = met(with_team(COORDINATOR, NURSE, *([worker] if there else [])), "R4.9")
    assert ("are on the team" in said) is there
