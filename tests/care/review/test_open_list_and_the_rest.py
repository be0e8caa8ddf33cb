"""The open list, feedback, consents, and what the service answers itself: R0.8, R0.10, R1.3, R1.5, R1.8, R3.7, R3.8,
R3.10–R3.13, R3.16, R4.7, R4.8."""

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import a_concept, a_patient, a_provenance, a_provision, a_reference, a_related_person, an_appointment
from care.review.case import (
    ANNA,
    LEENA,
    NIKO,
    NOW,
    SARI,
    H,
    a_meeting,
    a_permit,
    a_plan_task,
    broken,
    met,
    the_case,
    the_plan,
    the_team,
    told,
    until,
)
from sharedplan.care.situation import Situation, Trace


def an_activity(**detail: object) -> dict[str, object]:
    given = {
        "status": "in-progress",
        "description": "Niko calls",
        "performer": [a_reference(NIKO)],
        "scheduledPeriod": {"start": "2026-02-01", "end": "2026-06-01"},
        **detail,
    }
    return {"detail": {name: value for name, value in given.items() if value is not None}}


def with_activities(*activities: dict[str, object]) -> Situation:
    return the_case().with_(the_plan(activity=list(activities)))


def test_every_open_activity_has_a_performer_and_a_date() -> None:
    case = with_activities(
        an_activity(), an_activity(performer=None), an_activity(scheduledPeriod=None, code={"text": "x"})
    )
    warned = [each for each in told(case, "R3.7") if each.severity == "warning"]
    assert [each.at for each in warned] == ["CarePlan.activity[1]", "CarePlan.activity[2]"]
    assert "Niko calls" in warned[0].said() and "activity[1]" in warned[0].said() and "performer" in warned[0].said()
    assert "date" in warned[1].said()
    assert met(with_activities(an_activity(status="completed", performer=None)), "R3.7"), "what is done is not open"


def test_every_open_task_has_an_owner_and_an_end() -> None:
    case = the_case().with_(a_plan_task("a", owner=a_reference(SARI)), a_plan_task("b", **until("2026-05-01")))
    warned = [each for each in told(case, "R3.7") if each.severity == "warning"]
    assert {each.at for each in warned} == {"Task.restriction.period.end", "Task.owner"}
    assert {"Task/a" in each.said() or "Task/b" in each.said() for each in warned} == {True}
    assert met(the_case().with_(a_plan_task("a", status="completed")), "R3.7")
    review = a_plan_task("g", "break-glass-review")
    del review["basedOn"]
    assert met(the_case().with_(review), "R3.7"), "what reviews an emergency is no part of the plan"


def test_the_client_sees_what_happens_next_and_who_does_it() -> None:
    assert 'Next: "We look again" (Task/review), Sari Lehto, by 30 April 2026' in met(the_case(), "R3.7")
    meeting = a_meeting("3", "2026-03-10T10:00:00Z", SARI, status="planned")
    assert "Next: meeting, Anna Aalto, on 10 March 2026" in met(the_case().with_(meeting), "R3.7")
    soon = with_activities(an_activity(scheduledPeriod={"start": "2026-03-05"}))
    assert "(activity[0]), Niko Salo, on 5 March 2026" in met(soon, "R3.7")
    assert "5.3.2026" in told(soon, "R3.7")[0].said("sv")


def test_an_active_plan_has_an_open_dated_review() -> None:
    assert "30 April 2026" in met(the_case(), "R3.8")
    (found,) = told(the_case().with_(without=["Task/review"]), "R3.8")
    assert (found.severity, found.at) == ("warning", "CarePlan") and "review task" in found.said()
    undated = a_plan_task("review", "review", owner=a_reference(SARI))
    assert broken(the_case().with_(undated), "R3.8")
    assert not broken(the_case().with_(the_plan(status="completed"), without=["Task/review"]), "R3.8")


def test_a_review_past_its_day_is_told() -> None:
    late = a_plan_task("review", "review", owner=a_reference(SARI), **until("2026-02-28"))
    (found,) = told(the_case().with_(late), "R3.8")
    assert found.at == "Task.restriction.period.end" and "28 February 2026" in found.said()


def test_services_are_not_left_on() -> None:
    case = with_activities(an_activity(scheduledPeriod={"start": "2026-01-01", "end": "2026-02-28"}))
    (found,) = told(case, "R3.8")
    assert found.at == "CarePlan.activity[0]" and "28 February 2026" in found.said() and "activity[0]" in found.said()
    step = a_plan_task("s", owner=a_reference(ANNA), status="in-progress", **until("2026-02-28"))
    assert ["Task/s" in each for each in broken(the_case().with_(step), "R3.8")] == [True]
    today = with_activities(an_activity(scheduledPeriod={"start": "2026-01-01", "end": "2026-03-02"}))
    assert met(today, "R3.8"), "its last day is not over"


def test_an_active_plan_has_one_named_responsible_person() -> None:
    nobody = the_case().with_(the_team({"member": a_reference(NIKO)}))
    assert ["responsible person" in each for each in broken(nobody, "R3.8")] == [True]


def test_a_step_that_waits_says_why() -> None:
    (found,) = told(with_activities(an_activity(status="on-hold")), "R3.16")
    assert (found.severity, found.at) == ("warning", "CarePlan.activity[0].detail.statusReason")
    reasoned = an_activity(status="on-hold", statusReason={"text": "The queue of the clinic"})
    assert "The queue of the clinic" in met(with_activities(reasoned), "R3.16")
    task = a_plan_task("w", status="on-hold", owner=a_reference(SARI), **until("2026-05-01"))
    assert ["Task/w" in each for each in broken(the_case().with_(task), "R3.16")] == [True]
    assert met(the_case().with_({**task, "businessStatus": {"text": "Waits for a flat"}}), "R3.16")


def test_client_social_and_health_care_have_the_same_version() -> None:
    said = met(the_case(), "R0.8")
    assert (
        "Version 3" in said and "the client: 2 March 2026 09:00" in said and "health care: 2 March 2026 10:00" in said
    )
    young = replace(the_case(), traces=())
    assert "health care: not yet" in met(
        young.with_(the_plan(meta={"versionId": "4", "lastUpdated": "2026-03-02T09:00:00Z"})), "R0.8"
    )
    old = the_plan(meta={"versionId": "4", "lastUpdated": "2026-02-20T09:00:00Z"})
    (found,) = told(young.with_(old), "R0.8")
    assert found.severity == "warning" and "the client and health care" in found.said()
    assert "log" in met(replace(the_case(), traces=None), "R0.8")


def test_a_system_that_read_before_the_change_does_not_have_the_version() -> None:
    stale = replace(the_case(), traces=(Trace(None, H, NOW - timedelta(days=3)),))
    old = the_plan(meta={"versionId": "4", "lastUpdated": "2026-02-28T09:00:00Z"})
    assert broken(stale.with_(old), "R0.8")


def test_experience_of_client_and_workers_is_collected() -> None:
    assert "of the client 1" in met(the_case(), "R0.10")
    closed = the_case().with_(the_plan(status="completed"), without=["Task/experience"])
    (found,) = told(closed, "R0.10")
    assert (found.severity, found.at) == ("warning", "CarePlan.status")
    assert met(the_case().with_(without=["Task/experience"]), "R0.10"), "there is still time"


def test_the_client_is_asked_for_feedback_when_the_plan_is_closed() -> None:
    closed = the_case().with_(the_plan(status="completed"), without=["Task/feedback"])
    (found,) = told(closed, "R1.5")
    assert (found.severity, found.at) == ("warning", "CarePlan.status") and "Anna Aalto" in found.said()
    assert "Task/feedback" in met(the_case().with_(the_plan(status="completed")), "R1.5")
    assert met(the_case().with_(without=["Task/feedback"]), "R1.5")


def test_one_contact_is_enough() -> None:
    said = met(the_case(), "R1.3")
    assert "CarePlan/1/$everything" in said and "Sari Lehto, 040 1" in said and "not agreed" in said
    booked = an_appointment(ANNA, id="1", status="booked", start="2026-03-09T10:00:00Z")
    assert "9 March 2026" in met(the_case().with_(booked), "R1.3")


def test_the_model_is_configuration() -> None:
    assert "PlanDefinition/every" in met(the_case(), "R1.8")


@pytest.mark.parametrize("rule", ["R3.10", "R4.7"])
def test_the_service_answers_whether_information_may_flow(rule: str) -> None:
    assert "POST Patient/anna/$access-decision" in met(the_case(), rule)


def test_one_may_consult_without_the_clients_identity() -> None:
    assert "without subject" in met(the_case(), "R4.8")


def test_old_data_need_not_follow_for_ever() -> None:
    assert "No consent" in met(the_case(), "R3.11")
    bounded = a_permit("1", provision=a_provision(to=[NIKO], dataPeriod={"start": "2025-01-01"}))
    assert "Consent/1" in met(the_case().with_(bounded), "R3.11")


@pytest.mark.parametrize(
    ("born", "words"),
    [("2008-10-01", "half a year"), ("2008-09-02", "turns 18 on 2 September 2026"), ("2008-03-02", "of age")],
)
def test_turning_eighteen_is_warned_of_six_months_ahead(born: str, words: str) -> None:
    (found,) = told(the_case().with_(a_patient(id="anna", birthDate=born)), "R3.12")
    assert words in found.said()
    assert (found.severity == "warning") is ("turns 18 on" in words and "half" not in words)


def test_what_guardians_gave_or_hold_is_told_for_renewal() -> None:
    role = a_concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "GUARD")
    mother = a_related_person(ANNA, id="leena", active=True, relationship=[role], name=[{"text": "Leena Aalto"}])
    given = a_permit("2", NIKO, performer=[a_reference(LEENA)])
    case = the_case().with_(mother, given)
    found = told(case, "R3.12")
    assert [(each.severity, each.at) for each in found] == [
        ("warning", "RelatedPerson.period.end"),
        ("warning", "Consent.performer"),
    ]
    assert "Leena Aalto" in found[0].said() and "Consent/2" in found[1].said()
    ended = {**mother, "period": {"end": "2008-05-04"}}
    assert len(broken(case.with_(ended), "R3.12")) == 1
    unknown = the_case().with_(a_patient(id="anna"))
    assert "not seen" in met(unknown, "R3.12")


def test_a_consent_says_how_it_was_given() -> None:
    bare = a_permit("1", NIKO, sourceAttachment=None)
    (found,) = told(the_case().with_(bare), "R3.13")
    assert (found.severity, found.at) == ("warning", "Consent.source[x]") and "Consent/1" in found.said()
    url = "http://hl7.org/fhir/StructureDefinition/consent-Transcriber"
    oral = {**bare, "extension": [{"url": url, "valueReference": a_reference(SARI)}]}
    assert "by a worker: 1" in met(the_case().with_(oral), "R3.13")
    assert met(the_case(), "R3.13")


def test_a_consent_that_the_client_wrote_needs_no_other_source() -> None:
    bare = a_permit("1", NIKO, sourceAttachment=None)
    own = a_provenance("Consent/1", id="1", agent=[{"who": a_reference(ANNA)}])
    assert met(the_case().with_(bare, own), "R3.13")
    by_worker = a_provenance("Consent/1", id="1", agent=[{"who": a_reference(SARI)}])
    assert broken(the_case().with_(bare, by_worker), "R3.13")
