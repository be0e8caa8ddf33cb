"""The client's own part, and goals: R0.1, R0.3–R0.6, R3.6, R3.17."""

from dataclasses import replace
from typing import Any

import pytest

from builders import a_concept, a_goal, a_patient, a_provision, a_reference, an_observation
from care.review.case import (
    ANNA,
    EPISODE,
    EVERY_RULE,
    JARI,
    NIKO,
    PLAN,
    SARI,
    H,
    a_meeting,
    a_permit,
    a_plan_task,
    an_assessment,
    broken,
    met,
    the_case,
    the_plan,
    the_team,
    told,
    with_stance,
)
from sharedplan.care import codes
from sharedplan.care.review.findings import findings
from sharedplan.care.review.view import View
from sharedplan.care.situation import Situation
from sharedplan.exchange.accepting import Accepting


def test_nobody_attends_a_meeting_without_the_clients_acceptance() -> None:
    case = the_case().with_(a_meeting("3", "2026-03-20T10:00:00Z", SARI, NIKO, JARI, status="planned"))
    (found,) = told(case, "R0.1")
    assert (found.severity, found.at) == ("warning", "Encounter.participant[2].individual")
    assert "Jari Koski" in found.said() and "consent" in found.said() and "Encounter/3" in found.said()
    assert "Jari Koski" in found.said("fi") and "suostumus" in found.said("fi") and "20.3.2026" in found.said("fi")
    assert "2" in met(the_case(), "R0.1")


def test_acceptance_to_attend_names_a_person_or_a_role_and_not_an_organisation() -> None:
    assert broken(the_case().with_(a_permit("1", H)), "R0.1")
    assert met(the_case().with_(a_permit("1", "PractitionerRole/niko")), "R0.1")


def test_a_meeting_is_judged_by_the_consents_of_its_start() -> None:
    later = a_permit("1", NIKO, dateTime="2026-02-01")
    assert broken(the_case().with_(later), "R0.1")
    given = a_permit("1", NIKO, meta={"versionId": "1", "lastUpdated": "2026-01-02T10:00:00Z"})
    withdrawn = {**given, "status": "inactive", "meta": {"versionId": "2", "lastUpdated": "2026-02-20T10:00:00Z"}}
    planned = a_meeting("3", "2026-03-20T10:00:00Z", NIKO, status="planned")
    case = the_case().with_(withdrawn, planned)
    acceptance = Accepting(case, case, ANNA, {"Consent/1": (given,)})
    found = [each for each in findings(View(case, EVERY_RULE, acceptance)) if each.rule == "R0.1"]
    assert ["20 March 2026" in each.said() for each in found] == [True], "the planned one, and none that is past"


def test_a_ban_of_the_organisation_bars_whom_a_consent_names() -> None:
    ban = a_permit("2", category=[a_concept(codes.CONSENT_CATEGORY, "ban")], dateTime="2026-01-15")
    ban["provision"] = a_provision("deny", to=[H])
    (found,) = told(the_case().with_(ban), "R0.1")
    assert "Niko Salo" in found.said() and "25 January 2026" in found.said()
    assert "Niko Salo" in broken(the_case().with_(ban), "R1.1")[0]


def test_a_coordinator_of_a_team_that_has_ended_needed_no_acceptance_while_it_was() -> None:
    assert met(the_case().with_(the_team(status="inactive")), "R0.1")
    planned = a_meeting("3", "2026-03-20T10:00:00Z", SARI, status="planned")
    assert broken(the_case().with_(the_team(status="inactive", period={"end": "2026-03-01"}), planned), "R0.1")


def test_who_attended_all_the_same_is_told_with_the_reason() -> None:
    reason = {"extension": [{"url": codes.DEVIATION, "valueString": "He drove her there"}]}
    case = the_case().with_(a_meeting("3", "2026-02-20T10:00:00Z", JARI, **reason))
    (said,) = broken(case, "R0.1")
    assert "He drove her there" in said and "Jari Koski" in said


def test_who_is_listed_for_a_meeting_of_unknown_status_is_told() -> None:
    assert broken(the_case().with_(a_meeting("3", "2026-02-20T10:00:00Z", JARI, status="unknown")), "R0.1")


def an_appointment(*who: str, **elements: Any) -> dict[str, Any]:
    invited = [{"actor": a_reference(each), "status": "needs-action"} for each in (ANNA, *who)]
    appointment = {"resourceType": "Appointment", "id": "9", "status": "booked", "participant": invited}
    return {**appointment, "start": "2026-03-20T10:00:00Z", **elements}


@pytest.mark.parametrize(
    "elements",
    [
        {"appointmentType": a_concept(codes.ENCOUNTER_TYPE, "network-meeting")},
        {"serviceType": [a_concept(codes.ENCOUNTER_TYPE, "professional-meeting")]},
        {"supportingInformation": [a_reference(PLAN)]},
        {"supportingInformation": [a_reference("Observation/1"), a_reference(EPISODE)]},
    ],
)
def test_who_is_invited_without_being_accepted_is_told(elements: dict[str, Any]) -> None:
    (found,) = [each for each in told(the_case().with_(an_appointment(SARI, NIKO, JARI, **elements)), "R0.1")]
    assert (found.severity, found.at) == ("warning", "Appointment.participant[3].actor")
    assert "Jari Koski" in found.said() and "20 March 2026 (Appointment/9)" in found.said()
    for quiet in (
        {"status": "cancelled"},
        {"status": "fulfilled"},
        {"start": "2026-03-01T10:00:00Z"},
        {"participant": [{"actor": a_reference(JARI), "status": "declined"}]},
    ):
        met(the_case().with_(an_appointment(JARI, **{**elements, **quiet})), "R0.1")


def test_an_appointment_that_the_plan_has_as_an_activity_is_judged_and_one_of_something_else_is_not() -> None:
    met(the_case().with_(an_appointment(JARI)), "R0.1")
    plan = the_plan(activity=[{"reference": a_reference("Appointment/9")}])
    assert broken(the_case().with_(an_appointment(JARI), plan), "R0.1")
    met(the_case().with_(an_appointment(JARI), a_permit("2", JARI), plan), "R0.1")


def test_a_cancelled_meeting_asks_for_nobodys_acceptance() -> None:
    assert met(the_case().with_(a_meeting("3", "2026-02-20T10:00:00Z", JARI, status="cancelled")), "R0.1")


def test_the_client_takes_part_in_making_the_plan() -> None:
    assert "taken part" in met(the_case(), "R0.3")
    by_meeting = the_case().with_(the_plan(contributor=None))
    assert "was met" in met(by_meeting, "R0.3")
    alone = by_meeting.with_(without=["Encounter/1", "Encounter/2"])
    (found,) = told(alone, "R0.3")
    assert (found.severity, found.at) == ("warning", "CarePlan.contributor")
    assert "Anna Aalto" in found.said()


def test_every_meeting_with_the_client_that_belongs_counts_whenever_the_plan_was_written() -> None:
    def stored(**elements: Any) -> dict[str, Any]:
        return the_plan(contributor=None, meta={"lastUpdated": "2026-02-09T10:00:00Z"}, **elements)

    def held(start: str, **elements: Any) -> Situation:
        return the_case().with_(a_meeting("1", start, SARI, **elements), without=["Encounter/2"])

    assert "was met" in met(held("2026-02-10T10:00:00Z").with_(stored()), "R0.3")
    assert "was met" in met(held("2026-02-08T10:00:00Z").with_(stored(status="draft")), "R0.3")
    elsewhere = held("2026-02-08T10:00:00Z", episodeOfCare=[a_reference("EpisodeOfCare/other")])
    outcome = [{"detail": {"status": "completed"}, "outcomeReference": [a_reference("Encounter/1")]}]
    assert "was met" in met(elsewhere.with_(stored(activity=outcome)), "R0.3")
    for no in (
        elsewhere,
        held("2026-03-20T10:00:00Z"),
        held("2026-02-08T10:00:00Z", status="cancelled"),
        held("2026-02-08T10:00:00Z", kind="professional-meeting"),
    ):
        assert broken(no.with_(stored()), "R0.3")


NUMBER = {"system": "urn:oid:1.2.246.21", "value": "010190-999X"}


def test_the_client_is_known_by_his_identifier_as_a_maker_of_the_plan_and_as_who_takes_a_step() -> None:
    anna = a_patient(id="anna", name=[{"given": ["Anna"], "family": "Aalto"}], identifier=[NUMBER])
    made = the_plan(contributor=[{"identifier": NUMBER}])
    case = the_case().with_(anna, made, without=["Encounter/1", "Encounter/2"])
    assert "taken part" in met(case, "R0.3")
    goal = with_stance(a_goal(ANNA, id="1"), "agree")
    towards = [{"url": codes.PERTAINS_TO_GOAL, "valueReference": a_reference("Goal/1")}]
    for owner, is_kept in (({"identifier": NUMBER}, True), ({"identifier": {**NUMBER, "value": "x"}}, False)):
        step = a_plan_task("step", "own-step", owner=owner, extension=towards)
        plan = {**made, "activity": []}
        alone = {name: each for name, each in case.resources.items() if not name.startswith("Task/")}
        found = told(replace(case, resources=alone).with_(goal, step, plan), "R0.5")
        assert [each.severity for each in found] == ["information" if is_kept else "warning"]


def test_every_goal_has_the_clients_stance_and_some_goal_is_agreed() -> None:
    case = the_case().with_(
        a_goal(ANNA, id="2", description={"text": "To work"}),
        the_plan(goal=[a_reference("Goal/1"), a_reference("Goal/2")]),
    )
    warned = [each for each in told(case, "R0.4") if each.severity == "warning"]
    assert [each.at for each in warned] == ["CarePlan.goal[1]"]
    assert "To work" in warned[0].said() and "Goal/2" in warned[0].said()
    assert "1 of the goals (1 in all)" in met(the_case(), "R0.4")


def test_a_plan_without_a_goal_that_the_client_agrees_with_is_warned_of() -> None:
    case = the_case().with_(with_stance(a_goal(ANNA, id="1"), "pending"))
    assert ["no goal that Anna Aalto agrees with" in said for said in broken(case, "R0.4")] == [True]


def test_a_goal_accepted_against_the_clients_stance_is_an_error() -> None:
    goal = with_stance(a_goal(ANNA, id="1", lifecycleStatus="accepted"), "disagree")
    errors = [each for each in told(the_case().with_(goal), "R0.4") if each.severity == "error"]
    assert [each.at for each in errors] == ["Goal.lifecycleStatus"]


@pytest.mark.parametrize("status", ["active", "on-hold", "completed"])
def test_a_goal_that_is_worked_on_against_the_clients_stance_is_warned_of(status: str) -> None:
    goal = with_stance(a_goal(ANNA, id="1", lifecycleStatus=status), "disagree")
    found = [each for each in told(the_case().with_(goal), "R0.4") if each.at == "Goal.lifecycleStatus"]
    assert [each.severity for each in found] == ["warning"] and f"status is {status}" in found[0].said()
    proposed = with_stance(a_goal(ANNA, id="1", lifecycleStatus="proposed"), "disagree")
    assert all(each.at != "Goal.lifecycleStatus" for each in told(the_case().with_(proposed), "R0.4"))


def test_a_stance_is_the_clients_own_by_his_identifier_or_by_his_name_alone() -> None:
    number = {"system": "urn:oid:1.2.246.21", "value": "010190-999X"}
    anna = a_patient(id="anna", name=[{"given": ["Anna"], "family": "Aalto"}], identifier=[number])
    goal = with_stance(a_goal(ANNA, id="1"), "agree")

    def by(individual: dict[str, Any]) -> dict[str, Any]:
        (stated,) = goal["extension"]
        whose, stance = stated["extension"]
        return {**goal, "extension": [{**stated, "extension": [{**whose, "valueReference": individual}, stance]}]}

    for individual in ({"identifier": number, "display": "A."}, {"display": "Anna Aalto"}):
        met(the_case().with_(anna, by(individual)), "R0.4")
    for other in (
        {"identifier": {**number, "value": "010190-998W"}, "display": "Anna Aalto"},
        {"display": "Anna Aalto", "type": "RelatedPerson"},
        {"display": "Anna"},
        {"reference": "RelatedPerson/leena", "display": "Anna Aalto"},
    ):
        assert "lacks the client's stance" in broken(the_case().with_(anna, by(other)), "R0.4")[0]


def test_a_client_whom_only_a_display_names_is_called_by_it() -> None:
    plan = {**the_plan(contributor=None), "subject": {"display": "Anna A."}}
    case = replace(the_case().with_(plan), client=None)
    assert "that Anna A. took part" in broken(case, "R0.3")[0]


def test_goals_that_are_named_and_not_seen_are_not_warned_of() -> None:
    case = the_case().with_(without=["Goal/1"])
    assert "do not see" in met(case, "R0.4")


def test_every_agreed_goal_has_a_step_of_the_clients_own() -> None:
    case = the_case()
    own = {**case.resources["Task/own"], "owner": a_reference(SARI)}
    (found,) = [each for each in told(case.with_(own), "R0.5") if each.severity == "warning"]
    assert found.at == "CarePlan.goal[0]" and "Goal/1" in found.said()
    by_activity = {"detail": {"status": "scheduled", "goal": [a_reference("Goal/1")], "performer": [a_reference(ANNA)]}}
    assert met(case.with_(own, the_plan(activity=[by_activity])), "R0.5")


def test_strengths_and_resources_are_recorded() -> None:
    without = the_case().with_(an_assessment(links=("needs",)))
    (found,) = told(without, "R0.6")
    assert (found.severity, found.at) == ("warning", "CarePlan.supportingInfo")
    category = [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "social-history"}]}
    ]
    observed = an_observation(ANNA, id="1", category=category, code={"text": "Strengths"})
    plan = the_plan(supportingInfo=[a_reference("QuestionnaireResponse/1"), a_reference("Observation/1")])
    assert "Observation/1" in met(without.with_(observed, plan), "R0.6")


def test_an_empty_answer_is_no_answer() -> None:
    blank = an_assessment()
    blank["item"][5]["answer"] = [{"valueString": " "}]
    assert broken(the_case().with_(blank), "R0.6")


def test_what_is_told_of_the_client_names_its_source() -> None:
    (found,) = told(the_case().with_(an_assessment(source=None)), "R3.6")
    assert (found.severity, found.at) == ("warning", "QuestionnaireResponse.source")
    assert "QuestionnaireResponse/1" in found.said()
    assert "Anna Aalto" in met(the_case(), "R3.6")


def test_a_plan_of_which_nothing_comes_from_the_client_is_warned_of() -> None:
    second_hand = the_case().with_(
        an_assessment(source=a_reference(SARI)),
        with_stance(a_goal(ANNA, id="1", expressedBy=a_reference(SARI)), "agree"),
    )
    assert ["Nothing in the plan" in said for said in broken(second_hand, "R3.6")] == [True]
    by_client = {"authorReference": a_reference(ANNA), "text": "I want this"}
    noted = with_stance(a_goal(ANNA, id="1", expressedBy=a_reference(SARI), note=[by_client]), "agree")
    assert met(second_hand.with_(noted), "R3.6"), "a note of the client's own"
    assert met(second_hand.with_(the_plan(note=[by_client])), "R3.6")
    by_other = {**by_client, "authorReference": a_reference(SARI)}
    assert broken(second_hand.with_(the_plan(note=[by_other])), "R3.6")


def test_where_views_differ_both_are_recorded() -> None:
    goal = with_stance(a_goal(ANNA, id="1", expressedBy=a_reference(SARI)), "disagree")
    (found,) = [each for each in told(the_case().with_(goal), "R3.17") if each.severity == "warning"]
    assert found.at == "CarePlan.goal[0]" and "the client's view" in found.said()
    noted = {**goal, "note": [{"authorReference": a_reference(ANNA), "text": "Not now"}]}
    assert "Both views" in met(the_case().with_(noted), "R3.17")
    assert "No disagreement" in met(the_case(), "R3.17")
    thinking = with_stance(a_goal(ANNA, id="1"), "pending")
    assert "No disagreement" in met(the_case().with_(thinking), "R3.17"), "who still thinks has no view to differ"


def test_differing_views_are_always_told_of() -> None:
    assert met(the_case().with_(the_plan(goal=[])), "R3.17")
