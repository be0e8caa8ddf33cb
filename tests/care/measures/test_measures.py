"""What measures come to, of hand-made resources."""

from datetime import date
from typing import Any

from care.measures.measured import BASE, SPRING, TODAY, YEAR, over
from sharedplan.care import codes
from sharedplan.care.measures.assessments import Assessments
from sharedplan.care.measures.cases import ContactToFirstMeeting, Kaannekohta
from sharedplan.care.measures.feedback import Feedback
from sharedplan.care.measures.figures import Period
from sharedplan.care.measures.referrals import Referrals

Json = dict[str, Any]

Json = dict[str, Any]


def a_task(kind: str, **elements: Any) -> Json:
    coding = {"system": codes.TASK, "code": kind}
    return {"resourceType": "Task", "id": "1", "code": {"coding": [coding]}, "status": "requested", **elements}


def an_assessment(authored: str, done: str | None = None, basis: str | None = "lsl-26", **elements: Any) -> Json:
    if done is not None:
        elements = {"status": "completed", "executionPeriod": {"end": done}, **elements}
    if basis is not None:
        elements["reasonCode"] = {"coding": [{"system": codes.LEGAL_BASIS, "code": basis}]}
    return a_task("need-assessment", authoredOn=authored, **elements)


# assessment-in-time


def test_of_those_completed_in_the_period_the_share_by_the_deadline() -> None:
    found = over(
        Assessments(SPRING, TODAY),
        [
            an_assessment("2026-01-20", "2026-04-20"),  # on the day
            an_assessment("2026-01-20", "2026-04-21"),  # a day late
            an_assessment("2026-03-20", "2026-04-30"),
            an_assessment("2026-03-20", "2026-05-01"),  # the first day that is not in it
            an_assessment("2026-01-20"),  # open
        ],
    )["completed-in-period"]
    assert (found.population, found.numerator) == (3, 2)


def test_of_those_due_in_the_period_open_ones_are_late() -> None:
    found = over(
        Assessments(SPRING, TODAY),
        [
            an_assessment("2026-01-20", "2026-02-10"),
            an_assessment("2026-01-20"),
            an_assessment("2026-01-20", "2026-06-01"),
            an_assessment("2026-02-20", "2026-03-01"),  # due in May
            an_assessment("2026-01-20", status="completed"),  # nobody said when
        ],
    )["due-in-period"]
    assert (found.population, found.numerator) == (4, 1)


def test_an_open_one_is_not_late_before_its_day_has_passed() -> None:
    assessment = an_assessment("2026-01-20")
    assert over(Assessments(SPRING, date(2026, 4, 20)), [assessment])["due-in-period"].population == 0
    assert over(Assessments(SPRING, date(2026, 4, 21)), [assessment])["due-in-period"].population == 1


def test_it_is_measured_by_the_strict_day_in_helsinki() -> None:
    """Three months from 30 November end on Saturday, 28 February; the evening of New Year's Eve in UTC is January."""
    late = an_assessment("2025-11-30", "2026-03-02")
    found = over(Assessments(YEAR, TODAY), [late])["completed-in-period"]
    assert (found.population, found.numerator) == (1, 0)
    evening = an_assessment("2025-12-01", "2025-12-31T23:30:00Z")
    assert over(Assessments(YEAR, TODAY), [evening])["completed-in-period"].numerator == 1


def test_what_is_under_no_duty_or_asks_for_nothing_is_not_counted() -> None:
    found = over(
        Assessments(YEAR, TODAY),
        [
            an_assessment("2026-01-20", "2026-02-10", basis=None),
            an_assessment("2026-01-20", "2026-02-10", basis="shl-36-care-allowance"),
            an_assessment("2026-01-20", status="cancelled"),
            an_assessment("2026-01-20", status="entered-in-error"),
        ],
    )
    assert [each.population for each in found.values()] == [0, 0]


def test_the_clock_that_the_service_wrote_counts_and_says_whether_it_is_law() -> None:
    parts = [
        {"url": "kind", "valueCode": "finish"},
        {"url": "due", "valueDate": "2026-04-20"},
        {"url": "binding", "valueCode": "target"},
    ]
    clock = {"url": codes.CLOCK, "extension": parts}
    found = over(Assessments(SPRING, TODAY), [an_assessment("2026-01-20", "2026-04-02", None, extension=[clock])])
    (stratum,) = found["due-in-period"].strata
    assert (stratum.values[0].code, stratum.counts) == ("target", (1, 1))


# feedback


def test_feedback_is_counted_by_whom_it_was_asked_from() -> None:
    def asked(owner: str, **elements: Any) -> Json:
        return a_task("feedback", owner={"reference": owner}, authoredOn="2026-04-10", **elements)

    found = over(
        Feedback(SPRING, BASE),
        [
            asked("Patient/1", status="completed"),
            asked("Patient/2"),
            asked("RelatedPerson/1"),
            asked("Practitioner/1", status="completed"),
            asked("Patient/3", status="cancelled"),
            {**asked("Patient/4"), "authoredOn": "2026-05-01"},
        ],
    )
    assert found["client"].counts == (3, 1)
    assert found["worker"].counts == (1, 1)


FEEDBACK = "https://sharedplan.dev/fhir/Questionnaire/feedback-client"


def answers(giver: str, authored: str, *heard: int, **elements: Any) -> Json:
    item = {"linkId": "was-heard", "answer": [{"valueInteger": each} for each in heard]}
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "1",
        "status": "completed",
        "questionnaire": FEEDBACK + "|1.0.0",
        "source": {"reference": giver},
        "authored": authored,
        "item": [item, {"linkId": "own-words", "answer": [{"valueString": "Kiitos!"}]}],
        **elements,
    }


def test_answers_come_to_the_mean_of_what_each_person_answered_on_average() -> None:
    found = over(
        Feedback(SPRING, BASE),
        [
            answers("Patient/1", "2026-04-10", 5),
            answers("Patient/2", "2026-04-10", 4),
            answers("Patient/2", "2026-04-30T20:59:59Z", 2),  # the last second of April in Helsinki
            answers("Patient/3", "2026-04-30T21:00:00Z", 1),  # May
            answers("Patient/4", "2026-04-10", 1, status="in-progress"),
            answers("Patient/5", "2026-04-10", 1, questionnaire="https://example.org/other"),
        ],
    )
    assert (found["was-heard"].population, found["was-heard"].score) == (2, 4)  # of 5 and 3
    assert found["got-help"].population == 0
    assert "own-words" not in found


# referrals


def a_referral(id: str, authored: str, requester: str | None = None, **elements: Any) -> Json:
    asked_by = {"requester": {"reference": requester}} if requester else {}
    return {
        "resourceType": "ServiceRequest",
        "id": id,
        "status": "active",
        "authoredOn": authored,
        **asked_by,
        **elements,
    }


def test_referrals_are_counted_by_source_and_month() -> None:
    role = {
        "resourceType": "PractitionerRole",
        "id": "laura",
        "practitioner": {"reference": "Practitioner/laura"},
        "organization": {"reference": "Organization/school"},
    }
    found = over(
        Referrals(YEAR, BASE),
        [
            a_referral("1", "2026-04-01", "Organization/school"),
            a_referral("2", "2026-04-30", "Practitioner/laura"),
            a_referral("3", "2026-05-01", "PractitionerRole/laura"),
            a_referral("4", "2026-05-01", f"{BASE}/Patient/1"),
            a_referral("5", "2026-05-01"),
            a_referral("6", "2027-01-01"),
            a_referral("7", "2026-05-01", status="entered-in-error"),
            role,
            {"resourceType": "Organization", "id": "school", "name": "Rantakoulu"},
        ],
    )["referrals"]
    assert found.population == 5
    told = {(each.values[0].code, each.values[1].code): each.population for each in found.strata}
    assert told == {
        ("Organization/school", "2026-04"): 2,
        ("Organization/school", "2026-05"): 1,
        ("client", "2026-05"): 1,
        ("unknown", "2026-05"): 1,
    }
    assert found.strata[0].values[0].text == "Rantakoulu"


# cases


def a_case(id: str, referred: str, *meetings: str, closed: str | None = None, model: str = "kaannekohta") -> list[Json]:
    canonical = {"instantiatesCanonical": [codes.MODELS + model]}
    episode: Json = {
        "resourceType": "EpisodeOfCare",
        "id": id,
        "status": "finished" if closed else "active",
        "referralRequest": [{"reference": f"ServiceRequest/{id}"}],
        "period": {"start": referred, **({"end": closed} if closed else {})},
    }
    encounters = [
        {
            "resourceType": "Encounter",
            "id": f"{id}-{number}",
            "status": "finished",
            "type": [{"coding": [{"system": codes.ENCOUNTER_TYPE, "code": "client-meeting"}]}],
            "episodeOfCare": [{"reference": f"EpisodeOfCare/{id}"}],
            "period": {"start": meeting},
        }
        for number, meeting in enumerate(meetings)
    ]
    return [episode, a_referral(id, referred, **canonical), *encounters]


def test_kaannekohta_tells_medians_of_days_and_meetings() -> None:
    found = over(
        Kaannekohta(YEAR, BASE),
        [
            *a_case("1", "2026-03-01", "2026-03-04", "2026-03-10", closed="2026-03-15"),
            *a_case("2", "2026-03-01", "2026-03-09"),
            *a_case("3", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-20", closed="2026-07-01"),
            *a_case("4", "2026-03-01", "2026-03-30", model="stop"),
        ],
    )
    assert (found["referral-to-first-encounter"].population, found["referral-to-first-encounter"].score) == (3, 3)
    assert (found["referral-to-closing"].population, found["referral-to-closing"].score) == (2, 68)
    assert (found["encounters-per-case"].population, found["encounters-per-case"].score) == (3, 2)


def test_no_shows_and_parts_of_meetings_and_meetings_of_professionals_are_none() -> None:
    case = a_case("1", "2026-03-01", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-07")
    case[2]["status"] = "cancelled"
    case[3]["partOf"] = {"reference": "Encounter/9"}
    case[4]["type"][0]["coding"][0]["code"] = "professional-meeting"
    found = over(Kaannekohta(YEAR, BASE), case)
    assert (found["encounters-per-case"].population, found["encounters-per-case"].score) == (1, 1)
    assert found["referral-to-first-encounter"].score == 6


def test_with_a_plan_its_model_counts_and_not_that_of_the_referral() -> None:
    plan = {
        "resourceType": "CarePlan",
        "id": "1",
        "extension": [{"url": codes.EPISODE, "valueReference": {"reference": "EpisodeOfCare/1"}}],
        "instantiatesCanonical": [codes.MODELS + "stop"],
    }
    found = over(Kaannekohta(YEAR, BASE), [*a_case("1", "2026-03-01", "2026-03-04"), plan])
    assert found["encounters-per-case"].population == 0


def test_days_from_contact_to_the_first_meeting_are_of_all_models_and_by_helsinki_days() -> None:
    found = over(
        ContactToFirstMeeting(Period(date(2026, 3, 1), date(2026, 4, 1)), BASE),
        [
            *a_case("1", "2026-02-28T22:30:00Z", "2026-03-04T22:30:00Z", model="stop"),  # 1 and 5 March
            *a_case("2", "2026-03-01", "2026-03-31", model="soite"),
            *a_case("3", "2026-03-01", "2026-04-01", model="soite"),  # the first meeting is in April
        ],
    )["contact-to-first-meeting"]
    assert (found.population, found.score) == (2, 17)
