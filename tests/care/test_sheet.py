"""The plan sheet's words: what a plan comes to when it is told to the client."""

from datetime import UTC, datetime
from typing import Any

from builders import (
    a_care_plan,
    a_care_team,
    a_concept,
    a_consent,
    a_goal,
    a_patient,
    a_practitioner_role,
    a_questionnaire_response,
    a_reference,
    a_related_person,
    a_task,
    an_appointment,
    an_encounter,
    an_organization,
)
from sharedplan import published
from sharedplan.care import codes
from sharedplan.care.sheet.reader import Own
from sharedplan.care.sheet.sheet import Sheet, sheet
from sharedplan.care.situation import Situation

Json = dict[str, Any]
AT = datetime(2026, 11, 27, 10, tzinfo=UTC)
ANNA = "Patient/anna"
SARI, NIKO = "Practitioner/sari", "Practitioner/niko"
MASKED = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}


def told(*resources: Json, language: str = "en", plan: Json | None = None) -> Sheet:
    people = [
        a_patient(id="anna", name=[{"text": "Anna Laine"}], birthDate="1980-05-14"),
        {"resourceType": "Practitioner", "id": "sari", "name": [{"given": ["Sari"], "family": "Salo"}]},
        {"resourceType": "Practitioner", "id": "niko", "name": [{"text": "Niko Noro"}]},
    ]
    listed = [plan or a_care_plan(id="1", status="active"), *people, *resources]
    named = {f"{each['resourceType']}/{each['id']}": each for each in listed}
    return sheet(Situation(AT, named, ANNA, "CarePlan/1"), language)


def acceptance(whom: str, status: str) -> Json:
    parts = [{"url": "individual", "valueReference": a_reference(whom)}, {"url": "status", "valueCode": status}]
    return {"url": codes.ACCEPTANCE, "extension": parts}


def a_team(*participants: Json) -> tuple[Json, Json]:
    """A plan with a team."""
    plan = a_care_plan(id="1", status="active", careTeam=[a_reference("CareTeam/1")])
    return plan, a_care_team(id="1", participant=list(participants))


def member(whom: str | None, role: str, **more: Any) -> Json:
    found: Json = {"role": [a_concept(codes.TEAM_ROLE, role)], **more}
    return {**found, "member": a_reference(whom)} if whom else found


def test_a_goal_has_the_clients_stance_first_and_both_views_side_by_side() -> None:
    notes = [{"text": "Not yet.", "authorReference": a_reference(ANNA)}, {"text": "Soon.", "authorString": "Niko"}]
    goal = a_goal(
        id="g",
        lifecycleStatus="proposed",
        description={"text": "Work"},
        extension=[acceptance(NIKO, "agree"), acceptance(ANNA, "disagree")],
        expressedBy=a_reference(NIKO),
        note=notes,
    )
    (line,) = told(goal).goals
    assert [(each.name, each.said) for each in line.stances] == [("Anna Laine", "disagrees"), ("Niko Noro", "agrees")]
    assert line.differs and line.proposed_by == "Niko Noro" and line.state == "proposed"
    assert [(each.name, each.text) for each in line.views] == [("Anna Laine", "Not yet."), ("Niko", "Soon.")]


def test_a_goal_without_the_clients_stance_says_so() -> None:
    (line,) = told(a_goal(id="g")).goals
    assert [each.said for each in line.stances] == ["no view recorded"]
    assert told(a_goal(id="g", lifecycleStatus="cancelled")).goals == ()


def test_open_waiting_and_done_steps_are_told_apart_the_clients_own_first() -> None:
    def activity(status: str, **detail: Any) -> Json:
        return {"detail": {"status": status, "code": {"text": status}, **detail}}

    plan = a_care_plan(
        id="1",
        status="active",
        activity=[
            activity("in-progress", performer=[a_reference(SARI)], scheduledPeriod={"start": "2026-11-01"}),
            activity("on-hold", statusReason={"text": "She decides"}),
            activity("completed"),
            activity("cancelled"),
            {"reference": a_reference("Task/mine")},
        ],
    )
    mine = a_task(
        id="mine",
        status="accepted",
        description="I walk",
        owner=a_reference(ANNA),
        restriction={"period": {"end": "2026-12-31"}},
        code=a_concept(codes.TASK, "own-step"),
    )
    review = a_task(id="r", code=a_concept(codes.TASK, "review"), restriction={"period": {"end": "2027-01-21"}})
    found = told(mine, review, plan=plan)
    assert [each.what for each in found.next] == ["I walk", "in-progress"]
    assert (found.next[0].when, found.next[0].state) == ("by 31 December 2026", "promised")
    assert (found.next[1].who, found.next[1].when) == ("Sari Salo", "from 1 November 2026")
    assert [(each.who, each.reason) for each in found.waiting] == [(None, "She decides")]
    assert [each.what for each in found.done] == ["completed"]
    assert found.reviews == ("Thursday 21 January 2027",)


def test_an_own_step_is_the_clients_also_for_whom_his_name_is_hidden_from() -> None:
    hidden = a_task(id="t", description="I walk", owner=MASKED, code=a_concept(codes.TASK, "own-step"))
    other = a_task(id="u", description="Call", owner=MASKED)
    assert [(each.what, each.who) for each in told(other, hidden).next] == [
        ("I walk", "Client"),
        ("Call", "Name not shown"),
    ]


def test_the_own_worker_is_the_coordinator_of_now_and_who_has_left_is_not_on_the_team() -> None:
    phone = [{"system": "phone", "value": "+358 29 123", "use": "work"}]
    home = [{"system": "phone", "value": "+358 50 999", "use": "home"}]
    role = a_practitioner_role(
        id="sari-s", practitioner=a_reference(SARI), organization=a_reference("Organization/s"), telecom=[*phone, *home]
    )
    plan, team = a_team(
        member(NIKO, "nurse", period={"start": "2027-01-01"}),
        member(NIKO, "physician", period={"end": "2026-11-26"}),
        member(None, "housing"),
        member(SARI, "coordinator", period={"start": "2026-01-01"}),
        {"role": [a_concept(codes.TEAM_ROLE, "relative")], "member": MASKED},
    )
    found = told(team, role, an_organization(id="s", name="Social services"), plan=plan)
    worker = found.worker
    assert worker is not None and (worker.name, worker.organization) == ("Sari Salo", "Social services")
    assert [each.value for each in worker.contacts] == ["+358 29 123"]
    assert [(each.name, each.role) for each in found.team] == [
        ("Sari Salo", "own worker"),
        ("Niko Noro", "nurse"),
        ("Name not shown", "relative"),
        ("Not named yet", "housing adviser"),
    ]
    assert found.team[1].note == "on the team from 1 January 2027"


def test_the_next_meeting_is_the_first_to_come_with_its_place_unless_that_is_masked() -> None:
    place = {"resourceType": "Location", "id": "x", "name": "Office", "address": {"line": ["Street 2"], "city": "Oulu"}}
    actors = [a_reference(ANNA), a_reference("Location/x")]
    participants = [{"actor": each, "status": "accepted"} for each in actors]
    coming = an_appointment(
        id="a", status="booked", start="2027-01-21T11:00:00Z", end="2027-01-21T12:00:00Z", participant=participants
    )
    past = an_encounter(id="p", status="planned", period={"start": "2026-11-26"})
    later = an_encounter(id="l", status="planned", period={"start": "2027-03-01"})
    meeting = told(coming, past, later, place).meeting
    assert meeting is not None and meeting.when == "Thursday 21 January 2027 at\u00a013:00–14:00"
    assert (meeting.place, meeting.who, meeting.is_tentative) == ("Office, Street 2, Oulu", ("Anna Laine",), False)
    masked = {**coming, "participant": [participants[0], {"actor": MASKED, "status": "accepted"}]}
    hidden = told(masked, place).meeting
    assert hidden is not None and hidden.place == "The place is not shown"
    assert told(past).meeting is None


def test_consent_says_who_may_see_what_and_until_when() -> None:
    actor = {"role": {"text": "recipient"}, "reference": a_reference(NIKO)}
    sister = {"role": {"text": "recipient"}, "reference": a_reference("RelatedPerson/leena")}
    access = {"coding": [{"code": "access"}]}
    classes = [{"code": "CarePlan"}, {"code": "Task"}]
    found = told(
        a_related_person(id="leena", name=[{"text": "Leena"}]),
        a_consent(
            id="1",
            status="active",
            dateTime="2026-01-10",
            provision={
                "type": "permit",
                "actor": [actor, sister],
                "action": [access, {"coding": [{"code": "correct"}]}],
                "period": {"end": "2026-12-31"},
                "provision": [{"type": "deny", "class": [{"code": "Observation"}]}],
            },
        ),
        a_consent(
            id="2",
            status="active",
            dateTime="2026-02-01",
            provision={"type": "deny", "actor": [actor], "class": classes},
        ),
        a_consent(id="3", status="active", dateTime="2026-02-02", provision={"period": {"end": "2026-03-01"}}),
        a_consent(id="4", status="inactive"),
    ).consents
    assert [each.who for each in found] == [("Niko Noro",), ("Leena",), ("Niko Noro",)]
    assert found[0].may == "may see and change: everything of the plan" and found[0].until == "31 December 2026"
    assert found[0].exceptions == ("may not see and change: observations",)
    assert found[1].may == "may see and change: the plan, the team and their own steps"
    assert (
        found[2].is_ban
        and found[2].may == "may not handle: the plan and the steps"
        and found[2].until == "until changed"
    )


def test_a_consent_that_is_limited_further_than_words_go_says_that() -> None:
    provision = {"type": "permit", "securityLabel": [{"code": "R"}], "dataPeriod": {"start": "2025-01-01"}}
    (line,) = told(a_consent(id="1", status="active", provision=provision), language="fi").consents
    assert line.may.endswith("; tiedot ajalta 1.1.2025 alkaen; suostumus on rajattu vielä tarkemmin")


def test_strengths_come_from_the_assessment() -> None:
    items = [{"linkId": "strengths", "answer": [{"valueString": "Cooks well"}]}, {"linkId": "health"}]
    assert told(a_questionnaire_response(id="q", item=items)).strengths == ("Cooks well",)


def test_what_the_plan_says_in_another_language_is_known() -> None:
    plan = a_care_plan(id="1", status="draft", language="fi", title="Suunnitelma")
    for language, spoken in (("sv", "fi"), ("fi", None)):
        title = told(plan=plan, language=language).title
        assert isinstance(title, Own) and (title, title.spoken) == ("Suunnitelma", spoken)
    assert told(plan=plan, language="sv").state == "Ett utkast som inte är överenskommet"


def test_what_is_taken_up_from_a_model_is_told_in_the_language_of_the_sheet_and_what_is_changed_is_as_it_is() -> None:
    taken = next(each for each in published.of_type("PlanDefinition") if each["id"] == "stop")["goal"][0]["description"]
    changed = {**taken, "text": "Minulla on oma vuokra-asunto."}
    plan = a_care_plan(id="1", status="active", language="fi")
    for description, said in ((taken, "Jag har ett hem som jag kan behålla."), (changed, changed["text"])):
        (goal,) = told(a_goal(id="g", description=description), plan=plan, language="sv").goals
        assert goal.text == said and isinstance(goal.text, Own)
        assert goal.text.spoken == (None if description is taken else "fi")


def test_a_plan_that_is_called_after_its_model_is_so_in_the_language_of_the_sheet() -> None:
    plan = a_care_plan(id="1", status="active", language="fi", title="Yhteinen suunnitelma: STOP-työryhmä")
    assert told(plan=plan, language="sv").title == "Gemensam plan: STOP-arbetsgruppen"
    assert told(plan={**plan, "title": "Yhteinen suunnitelma: oma"}, language="sv").title.startswith("Yhteinen")


def test_a_role_that_somebody_fills_waits_for_nobody() -> None:
    plan, team = a_team(member(None, "nurse"), member(None, "housing"), member(NIKO, "nurse"))
    assert [(each.name, each.role) for each in told(team, plan=plan).team] == [
        ("Niko Noro", "nurse"),
        ("Not named yet", "housing adviser"),
    ]


def test_a_referral_is_told_by_what_is_asked_for_and_that_it_was_not_taken_on() -> None:
    asked = {"resourceType": "ServiceRequest", "id": "s", "status": "active", "intent": "order"}
    asked |= {"subject": a_reference(ANNA), "code": {"text": "A flat"}}
    task = a_task(id="t", status="rejected", code=a_concept(codes.TASK, "referral"), statusReason={"text": "Not ours"})
    (step,) = told(asked, {**task, "focus": a_reference("ServiceRequest/s")}).waiting
    assert (step.what, step.detail, step.reason, step.is_refused) == ("A flat", "Referral", "Not ours", True)
    assert step.state == "not taken on"


def test_a_review_whose_day_has_passed_is_told_so() -> None:
    late = a_task(id="r", code=a_concept(codes.TASK, "review"), restriction={"period": {"end": "2026-11-01"}})
    assert told(late).reviews == ("Sunday 1 November 2026: the day has passed already",)


def test_a_code_of_ours_is_called_in_the_language_of_the_sheet_and_another_as_it_was_written() -> None:
    ours = {"coding": [{"system": codes.TASK, "code": "feedback", "display": "Palautepyyntö"}]}
    other = {"coding": [{"system": "urn:x", "code": "y", "display": "Kotikäynti"}]}
    (one, two) = told(a_task(id="t", code=ours), a_task(id="u", code=other), language="sv").next
    assert one.what != "Palautepyyntö" and two.what == "Kotikäynti"


def test_an_own_step_may_name_the_client_by_an_identifier() -> None:
    number = {"system": "urn:oid:1.2.246.21", "value": "010190-999X"}
    anna = a_patient(id="anna", name=[{"text": "Anna Laine"}], identifier=[number])
    (step,) = told(anna, a_task(id="t", description="I walk", owner={"identifier": number, "display": "Anna"})).next
    assert step.is_own and step.who == "Anna"
