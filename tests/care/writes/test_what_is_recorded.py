"""Rules at a write of meetings, goals, consents, referrals, assessments and consultations."""

from typing import Any

import pytest

import builders as b
from care.writes.situations import AINO, Accepts, Json, a_member, a_plan, a_team, found, told
from sharedplan.care import codes, model
from sharedplan.care.clocks import with_clocks
from sharedplan.care.finding import LANGUAGES
from sharedplan.fhir import identity_codes

AT = "Encounter.participant[0].individual"
EPISODE = [b.a_reference("EpisodeOfCare/e")]
SPINE = [{"url": codes.EPISODE, "valueReference": b.a_reference("EpisodeOfCare/e")}]


def a_meeting(*people: str, kind: str = "client-meeting", **elements: Any) -> Json:
    meeting = b.an_encounter(
        AINO,
        id="1",
        type=[b.a_concept(codes.ENCOUNTER_TYPE, kind)],
        status="planned",
        period={"start": "2026-03-03T09:00:00+02:00"},
        participant=[{"individual": b.a_reference(each)} for each in people],
    )
    return {**meeting, **elements}


@pytest.mark.parametrize("status", ["planned", "arrived", "in-progress", "finished"])
def test_nobody_attends_a_meeting_whom_the_client_has_not_accepted(status: str) -> None:
    (finding,) = found(a_meeting("Practitioner/jari", status=status))
    assert told([finding]) == [("R0.1", "error", AT)]
    assert all("Jari" in finding.said(each) and "Aino" in finding.said(each) for each in LANGUAGES)
    assert found(a_meeting("Practitioner/jari", status=status), acceptance=Accepts("Practitioner/jari")) == []


def test_of_a_meeting_whose_status_is_unknown_it_is_told_and_it_is_stored() -> None:
    (finding,) = found(a_meeting("Practitioner/jari", status="unknown"))
    assert told([finding]) == [("R0.1", "warning", AT)]
    assert found(a_meeting("Practitioner/jari", status="unknown"), acceptance=Accepts("Practitioner/jari")) == []


def test_times_are_told_as_people_write_them() -> None:
    (finding,) = found(a_meeting("Practitioner/jari"))
    assert "(3.3.2026 klo\u00a09.00)" in finding.said("fi") and "(3.3.2026 kl.\u00a09.00)" in finding.said("sv")
    assert "(3 March 2026 at\u00a009:00)" in finding.said("en")


def test_an_encounter_of_a_customership_without_a_type_is_told() -> None:
    untyped = {name: each for name, each in a_meeting("Practitioner/jari").items() if name != "type"}
    (finding,) = found({**untyped, "episodeOfCare": EPISODE})
    assert told([finding]) == [("R4.6", "warning", "Encounter.type")]
    assert all("client-meeting" in finding.said(each) for each in LANGUAGES)
    assert found(untyped) == [] and found({**untyped, "episodeOfCare": EPISODE, "status": "cancelled"}) == []
    assert found({**untyped, "episodeOfCare": EPISODE, "type": [{"text": "ward round"}]}) == []


def test_no_shows_and_visits_of_other_kinds_are_not_judged() -> None:
    assert found(a_meeting("Practitioner/jari", status="cancelled")) == []
    assert found(a_meeting("Practitioner/jari", type=[{"text": "ward round"}])) == []


def test_the_coordinator_needs_no_acceptance_and_who_only_has_the_episode_does() -> None:
    meeting = a_meeting("Practitioner/sari")
    assert found(meeting, known=(a_team(),)) == []
    assert told(found(meeting)) == [("R0.1", "error", AT)]
    own = b.an_episode_of_care(AINO, id="e", careManager=b.a_reference("Practitioner/sari"))
    assert told(found(meeting, known=(own,))) == [("R0.1", "error", AT)]  # anybody may be named in an episode
    started = a_team(status="proposed")
    assert found(meeting, known=(own, started)) == []  # who starts meets the client before the team is called together
    assert told(found(meeting, known=(started,))) == [("R0.1", "error", AT)]
    assert told(found(meeting, known=({**own, "status": "cancelled"}, started))) == [("R0.1", "error", AT)]
    role = b.a_practitioner_role(id="saris", practitioner=b.a_reference("Practitioner/sari"))
    assert found(a_meeting("PractitionerRole/saris"), known=(a_team(), role)) == []


def test_a_relative_attends_only_when_accepted_in_the_narrow_reading_too() -> None:
    ngo = b.a_practitioner_role(id="helper", organization=b.a_reference("Organization/n"))
    everybody = a_meeting("RelatedPerson/leena", "PractitionerRole/helper", "PractitionerRole/niko")
    assert [each[2] for each in told(found(everybody, known=(ngo,)))] == [
        f"Encounter.participant[{n}].individual" for n in range(3)
    ]
    assert [each[2] for each in told(found(everybody, known=(ngo,), attendance="relatives"))] == [
        f"Encounter.participant[{n}].individual" for n in range(2)
    ]


def test_a_meeting_that_happened_is_recorded_with_its_reason() -> None:
    stated = [{"url": codes.DEVIATION, "valueString": "the police brought him"}]
    happened = a_meeting("Practitioner/jari", status="finished", extension=stated)
    (finding,) = found(happened)
    assert told([finding]) == [("R0.1", "warning", AT)] and "the police brought him" in finding.said("fi")
    assert told(found({**happened, "status": "planned"})) == [("R0.1", "error", AT)]
    assert found((happened, {**happened, "length": {"value": 60}})) == []  # recorded, and not judged again
    moved = {**happened, "period": {"start": "2026-03-01T09:00:00+02:00"}, "extension": []}
    assert told(found((happened, moved))) == [("R0.1", "error", AT)]


@pytest.mark.parametrize(
    "stated",
    [
        {"url": codes.DEVIATION},
        {"url": codes.DEVIATION, "valueString": " \n "},
        {"url": codes.DEVIATION, "valueBoolean": True},
    ],
)
def test_a_reason_is_said_in_words(stated: Json) -> None:
    happened = a_meeting("Practitioner/jari", status="finished", extension=[stated])
    assert told(found(happened)) == [("R0.1", "error", AT)]


def test_the_reason_stays_while_it_is_needed() -> None:
    stated = [{"url": codes.DEVIATION, "valueString": "the police brought him"}]
    happened = a_meeting("Practitioner/jari", status="finished", extension=stated)
    assert told(found((happened, {**happened, "extension": []}))) == [("R0.1", "error", AT)]
    assert found((happened, {**happened, "extension": []}), acceptance=Accepts("Practitioner/jari")) == []
    assert found((happened, {**happened, "extension": [{**stated[0], "valueString": "on his own"}]})) == []
    plain = {**happened, "extension": []}
    assert found((plain, {**plain, "length": {"value": 60}})) == []  # he was accepted when it was recorded


def test_who_was_at_something_else_is_judged_when_it_becomes_a_meeting() -> None:
    visit = a_meeting("Practitioner/jari", status="finished", type=[{"text": "ward round"}])
    assert told(found((visit, a_meeting("Practitioner/jari", status="finished")))) == [("R0.1", "error", AT)]


def test_whom_no_reference_names_nobody_has_accepted() -> None:
    meeting = a_meeting("Practitioner/sari")
    guest = {"individual": {"display": "Reijo Niemi"}}
    for individual, called in (
        ({"display": "Reijo Niemi"}, "Reijo Niemi"),
        ({"reference": "https://else.example/fhir/Practitioner/1"}, "https://else.example/fhir/Practitioner/1"),
        ({"type": "Practitioner", "identifier": {"system": "urn:x", "value": "7"}}, "urn:x|7"),
    ):
        listed = {**meeting, "participant": [*meeting["participant"], {"individual": individual}, {}]}
        (finding,) = found(listed, known=(a_team(),))
        assert told([finding]) == [("R0.1", "error", "Encounter.participant[1].individual")]
        assert called in finding.said()
    held = a_meeting(status="finished", participant=[guest])
    assert told(found(held)) == [("R0.1", "error", AT)]
    assert told(found(held, attendance="relatives")) == [("R0.1", "error", AT)]
    excused = {**held, "extension": [{"url": codes.DEVIATION, "valueString": "came along"}]}
    assert told(found(excused)) == [("R0.1", "warning", AT)]
    assert found((excused, {**excused, "length": {"value": 60}})) == []


def test_the_own_worker_may_be_named_by_an_identifier() -> None:
    sari = {"type": "Practitioner", "identifier": {"system": "urn:x", "value": "1"}}
    team = a_team({**a_member("Practitioner/x", "coordinator"), "member": sari})
    assert found(a_meeting(participant=[{"individual": sari}]), known=(team,)) == []


def an_invitation(*people: Json, **elements: Any) -> Json:
    appointment: Json = {
        "resourceType": "Appointment",
        "id": "1",
        "status": "booked",
        "appointmentType": b.a_concept(codes.ENCOUNTER_TYPE, "network-meeting"),
        "start": "2026-03-03T09:00:00+02:00",
        "participant": [{"actor": each, "status": "needs-action"} for each in (b.a_reference(AINO), *people)],
    }
    return {**appointment, **elements}


@pytest.mark.parametrize("status", ["proposed", "pending", "booked"])
def test_who_is_invited_without_being_accepted_is_told(status: str) -> None:
    invited = an_invitation(b.a_reference("Practitioner/sari"), b.a_reference("Practitioner/jari"), status=status)
    (finding,) = found(invited, known=(a_team(),))
    assert told([finding]) == [("R0.1", "warning", "Appointment.participant[2].actor")]
    assert all("Jari" in finding.said(each) and "Aino" in finding.said(each) for each in LANGUAGES)
    assert found(invited, known=(a_team(),), acceptance=Accepts("Practitioner/jari")) == []
    nameless = an_invitation({"type": "Practitioner", "display": "Reijo"}, status=status)
    assert told(found(nameless)) == [("R0.1", "warning", "Appointment.participant[1].actor")]


def test_an_appointment_about_the_clients_plan_or_episode_is_judged_as_far_as_the_writer_sees_that() -> None:
    jari, untold = b.a_reference("Practitioner/jari"), [("R0.1", "warning", "Appointment.participant[1].actor")]
    for about, known in (("CarePlan/1", (a_plan(),)), ("EpisodeOfCare/e", ())):
        invited = an_invitation(jari, appointmentType=None, supportingInformation=[b.a_reference(about)])
        seen = {about: frozenset({AINO})}
        assert told(found(invited, known=known, whose=seen)) == untold
        assert found(invited, known=known, whose=seen, acceptance=Accepts("Practitioner/jari")) == []
        assert found(invited, known=known) == []  # hidden, or not there
        assert found(invited, known=known, whose={about: frozenset({"Patient/other"})}) == []
    other = an_invitation(jari, appointmentType=None, supportingInformation=[b.a_reference("CarePlan/1")])
    assert found(other, known=(a_plan(category=[]),), whose={"CarePlan/1": frozenset({AINO})}) == []


def test_an_appointment_of_another_kind_or_that_is_off_tells_nothing() -> None:
    jari = b.a_reference("Practitioner/jari")
    services = [b.a_concept(codes.ENCOUNTER_TYPE, "client-meeting")]
    assert told(found(an_invitation(jari, appointmentType={"text": "x"}, serviceType=services)))[0][0] == "R0.1"
    of_professionals = b.a_concept(codes.ENCOUNTER_TYPE, "professional-meeting")
    assert told(found(an_invitation(jari, appointmentType=of_professionals)))[0][0] == "R0.1"
    for elements in (
        {"status": "cancelled"},
        {"appointmentType": {"text": "check-up"}},
        {"participant": [{"actor": b.a_reference(AINO)}, {"actor": jari, "status": "declined"}]},
        {
            "participant": [
                {"actor": b.a_reference(AINO)},
                {"actor": b.a_reference("Location/1")},
                {"status": "accepted"},
            ]
        },
    ):
        assert found(an_invitation(jari, **elements)) == []


def test_a_sixth_meeting_is_told() -> None:
    plan = a_plan(instantiatesCanonical=[codes.MODELS + "kaannekohta"], extension=SPINE)
    held = [a_meeting(id=str(n), status="finished", episodeOfCare=EPISODE) for n in range(6)]
    apart = (
        {**held[0], "id": "no-show", "status": "cancelled"},
        {**held[0], "id": "part", "partOf": b.a_reference("Encounter/0")},
        a_meeting(id="pros", status="finished", episodeOfCare=EPISODE, kind="professional-meeting"),
    )
    (finding,) = found(held[5], known=(plan, *held[:5], *apart))
    assert told([finding]) == [("R2.1", "warning", "Encounter.episodeOfCare")]
    assert "6/5" in finding.said("fi")
    assert found(held[4], known=(plan, *held[:4], *apart)) == []
    assert found((held[5], held[5]), known=(plan, *held[:5])) == []  # told once
    assert found(held[5], known=({**plan, "instantiatesCanonical": [codes.MODELS + "stop"]}, *held[:5])) == []


def test_a_type_of_meeting_is_a_known_code() -> None:
    known, unknown = a_meeting()["type"][0], b.a_concept(codes.ENCOUNTER_TYPE, "party")
    findings = found(a_meeting(type=[known, unknown]))
    assert told(findings) == [("R4.6", "warning", "Encounter.type[1]")] and "party" in findings[0].said()
    assert found(a_meeting(type=[b.a_concept("urn:other", "party")])) == []


def a_goal(stance: str, status: str = "accepted", whose: str | None = AINO) -> Json:
    individual = [{"url": "individual", "valueReference": b.a_reference(whose)}] if whose else []
    stated = {"url": codes.ACCEPTANCE, "extension": [*individual, {"url": "status", "valueCode": stance}]}
    return b.a_goal(AINO, id="1", lifecycleStatus=status, extension=[stated])


def test_a_goal_is_not_accepted_against_the_clients_stance() -> None:
    (finding,) = found(a_goal("disagree"))
    assert told([finding]) == [("R0.4", "error", "Goal.lifecycleStatus")] and "Aino" in finding.said()
    assert told(found((a_goal("disagree", "proposed"), a_goal("disagree")))) == [
        ("R0.4", "error", "Goal.lifecycleStatus")
    ]
    for other in (a_goal("agree"), a_goal("pending"), a_goal("disagree", "proposed")):
        assert found(other) == []
    assert found(a_goal("disagree", whose="Practitioner/sari")) == []


def test_a_goal_that_is_worked_on_against_the_clients_stance_is_told() -> None:
    for status in ("active", "on-hold", "completed"):
        (finding,) = found(a_goal("disagree", status))
        assert told([finding]) == [("R0.4", "warning", "Goal.lifecycleStatus")]
        assert all("Aino" in finding.said(each) and status in finding.said(each) for each in LANGUAGES)
    assert found(a_goal("agree", "active")) == found(a_goal("disagree", "planned")) == []
    assert found(a_goal("disagree", "active", whose="Practitioner/sari")) == []


def test_the_client_may_come_to_disagree() -> None:
    assert told(found((a_goal("agree"), a_goal("disagree")))) == [("R0.4", "warning", "Goal.lifecycleStatus")]


def test_a_stance_is_the_clients_own_by_his_identifier_or_by_his_name_alone() -> None:
    number = {"system": "urn:oid:1.2.246.21", "value": "010180-999X"}
    aino = b.a_patient(id="aino", name=[{"text": "Aino"}], identifier=[number])

    def by(individual: Json) -> Json:
        goal = a_goal("disagree")
        goal["extension"][0]["extension"][0]["valueReference"] = individual
        return goal

    for individual in ({"identifier": number}, {"type": "Patient", "display": "Aino"}):
        assert told(found(by(individual), known=(aino,))) == [("R0.4", "error", "Goal.lifecycleStatus")]
        hidden = found(by(individual), known=(aino,), unnamed=frozenset({AINO}))
        assert hidden == [], "who does not see the client is not told by it what is the client's"
    for other in ({"identifier": {**number, "system": "urn:y"}}, {"type": "Practitioner", "display": "Aino"}):
        assert found(by(other), known=(aino,)) == []


def a_permit(**elements: Any) -> Json:
    category = [b.a_concept(codes.CONSENT_CATEGORY, "permit")]
    return b.a_consent(AINO, id="1", dateTime="2026-03-01", category=category, **elements)


def test_an_active_consent_says_how_it_was_given() -> None:
    (finding,) = found(a_permit())
    assert told([finding]) == [("R3.13", "error", "Consent.source[x]")] and "Aino" in finding.said()
    assert found(a_permit(sourceAttachment={"title": "signed"})) == []
    assert found(a_permit(sourceReference=b.a_reference("DocumentReference/1"))) == []
    spoken = {"url": "http://hl7.org/fhir/StructureDefinition/consent-Witness", "valueReference": {"display": "Kai"}}
    assert found(a_permit(extension=[spoken])) == []
    assert found(a_permit(), person=AINO) == []
    assert found({**a_permit(), "status": "draft"}) == []
    assert found({**a_permit(), "category": [b.a_concept(codes.CONSENT_CATEGORY, "ban")]}) == []
    assert found({**a_permit(), "category": [b.a_concept("http://loinc.org", "59284-0")]}) == []


WITNESS = "http://hl7.org/fhir/StructureDefinition/consent-Witness"


@pytest.mark.parametrize(
    "empty",
    [
        {"sourceReference": {"display": "the form"}},
        {"sourceReference": {"reference": " "}},
        {"sourceAttachment": {"title": "  "}},
        {"sourceAttachment": {"contentType": "application/pdf"}},
        {"extension": [{"url": WITNESS}]},
        {"extension": [{"url": WITNESS, "valueReference": {"display": " "}}]},
    ],
)
def test_what_says_nothing_of_how_a_consent_was_given_is_no_source(empty: Json) -> None:
    assert told(found(a_permit(**empty), person="Practitioner/sari")) == [("R3.13", "error", "Consent.source[x]")]


def test_what_a_guardian_gives_is_given_by_writing_it() -> None:
    hers = a_permit(performer=[b.a_reference("RelatedPerson/leena")])
    assert found(hers, person="RelatedPerson/leena") == []
    assert told(found(hers, person="Practitioner/sari")) == [("R3.13", "error", "Consent.source[x]")]
    assert told(found(a_permit(), person="RelatedPerson/leena")) == [("R3.13", "error", "Consent.source[x]")]
    form = {"sourceReference": {"identifier": {"system": "urn:x", "value": "form-1"}}}
    assert found(a_permit(**form), person="Practitioner/sari") == []


def a_referral(id: str, owner: str | None, status: str, **elements: Any) -> Json:
    owned = {"owner": b.a_reference(owner)} if owner else {}
    code = b.a_concept(codes.TASK, "referral")
    focus = b.a_reference("ServiceRequest/1")
    return b.a_task(
        AINO,
        id=id,
        status=status,
        code=code,
        focus=focus,
        requester=b.a_reference("Organization/s"),
        **owned,
        **elements,
    )


HELD = a_referral("1", "Organization/s", "accepted")


def test_a_referral_keeps_its_owner_until_the_next_one_accepts() -> None:
    by = {"organization": "Organization/s"}
    asked = a_referral("2", "Organization/h", "requested")
    taken = a_referral("2", "Organization/h", "accepted")
    handed = a_referral("1", "Organization/h", "accepted")
    for known in ((), (asked,)):
        (finding,) = found((HELD, handed), known=known, **by)
        assert told([finding]) == [("R3.9", "error", "Task.owner")]
        assert all("Social" in finding.said(each) and "Aino" in finding.said(each) for each in LANGUAGES)
    done = a_referral("1", "Organization/s", "completed")
    assert told(found((HELD, done), known=(asked,), **by)) == [("R3.9", "error", "Task.status")]
    assert found((HELD, done), known=(taken,), **by) == []
    assert found((HELD, done), **by) == []  # done, and handed to nobody
    assert found((HELD, done), (asked, taken), **by) == []
    waiting = a_referral("1", "Organization/s", "requested")
    assert found((waiting, a_referral("1", "Organization/h", "requested")), **by) == []  # nobody has it yet


BY_S = {"organization": "Organization/s"}
STATUS, OWNER = ("R3.9", "error", "Task.status"), ("R3.9", "error", "Task.owner")


@pytest.mark.parametrize("status", ["rejected", "failed", "draft", "requested", "received"])
def test_what_is_held_is_not_given_up_before_another_has_accepted(status: str) -> None:
    given_up = a_referral("1", "Organization/s", status)
    asked, taken = (a_referral("2", "Organization/h", each) for each in ("requested", "accepted"))
    for known in ((), (asked,)):
        for held in ("accepted", "ready", "in-progress", "on-hold"):
            assert told(found(({**HELD, "status": held}, given_up), known=known, **BY_S)) == [STATUS]
    assert found((HELD, given_up), known=(taken,), **BY_S) == []
    assert found((HELD, given_up), known=({**taken, "status": "in-progress"},), **BY_S) == []
    elsewhere = {**taken, "focus": b.a_reference("ServiceRequest/other")}
    assert told(found((HELD, given_up), known=(elsewhere,), **BY_S)) == [STATUS]


@pytest.mark.parametrize("status", ["completed", "cancelled", "entered-in-error"])
def test_what_is_held_may_end_while_nobody_else_is_asked(status: str) -> None:
    ended = a_referral("1", "Organization/s", status)
    assert found((HELD, ended), **BY_S) == []
    for waiting in ("requested", "received"):
        assert told(found((HELD, ended), known=(a_referral("2", "Organization/h", waiting),), **BY_S)) == [STATUS]


def test_who_had_the_client_before_and_is_done_has_not_taken_over() -> None:
    given_up = a_referral("1", "Organization/s", "rejected", authoredOn="2026-02-01")
    held = {**given_up, "status": "accepted"}
    done = a_referral("2", "Organization/h", "completed", authoredOn="2026-01-01")
    assert told(found((held, given_up), known=(done,), **BY_S)) == [STATUS]
    assert found((held, given_up), known=({**done, "authoredOn": "2026-02-10"},), **BY_S) == []
    worked = [{"executionPeriod": {"start": each}} for each in ("2026-02-01", "2026-01-10")]
    assert told(found(({**held, **worked[0]}, given_up), known=({**done, **worked[1]},), **BY_S)) == [STATUS]


def test_what_nobody_has_taken_hold_of_is_declined_freely() -> None:
    for status in ("requested", "received"):
        asked, declined = (a_referral("1", "Organization/s", each) for each in (status, "rejected"))
        assert found((asked, declined), **BY_S) == []


def test_what_is_held_stays_on_its_focus_and_a_referral() -> None:
    on_another = {**HELD, "focus": b.a_reference("ServiceRequest/other")}
    taken = a_referral("2", "Organization/h", "accepted")
    for lost in (
        on_another,
        {name: each for name, each in HELD.items() if name != "focus"},
        {**HELD, "code": b.a_concept(codes.TASK, "review")},
        {**HELD, "for": b.a_reference("Patient/other")},
    ):
        assert told(found((HELD, lost), **BY_S)) == [OWNER]
        assert found((HELD, lost), known=(taken,), **BY_S) == []
    assert told(found((HELD, None), **BY_S)) == [STATUS]


def test_nobody_is_made_a_holder_by_somebody_else() -> None:
    second = a_referral("2", "Organization/s", "accepted")
    theirs = a_referral("2", "Organization/h", "accepted")
    assert told(found((second, theirs), known=(HELD,), **BY_S)) == [OWNER]
    assert found((second, theirs), known=(HELD,), organization="Organization/h") == []
    # what is not on the focus yet does not get there as taken
    loose = {**theirs, "focus": b.a_reference("ServiceRequest/other")}
    assert OWNER in told(found((loose, theirs), known=(HELD,), **BY_S))
    asked = a_referral("2", "Organization/s", "requested")
    assert told(found((asked, theirs), known=(HELD,), **BY_S)) == [OWNER]
    # who has accepted may be named on the first Task too
    assert found((HELD, {**HELD, "owner": b.a_reference("Organization/h")}), known=(theirs,), **BY_S) == []
    # whoever takes what was nobody's names himself
    nobodys = a_referral("2", None, "requested")
    assert found((nobodys, theirs), organization="Organization/h") == []
    assert told(found((nobodys, theirs), **BY_S)) == [STATUS]


def test_a_referral_is_accepted_by_its_owner_alone() -> None:
    asked, taken = (a_referral("2", "PractitionerRole/niko", status) for status in ("requested", "accepted"))
    (finding,) = found((asked, taken), organization="Organization/s", person="Practitioner/sari")
    assert told([finding]) == [("R3.9", "error", "Task.status")] and "Niko" in finding.said()
    assert found((asked, taken), organization="Organization/h", person="Practitioner/niko") == []
    assert found((asked, taken), organization="Organization/h") == []  # the system of where he works
    cancelled = a_referral("2", "PractitionerRole/niko", "cancelled")
    assert found((asked, cancelled), organization="Organization/s") == []
    assert told(found((asked, cancelled), organization="Organization/n")) == [("R3.9", "error", "Task.status")]
    # one that is new beside one that is held is no way around; the first of all is recorded as it is
    assert told(found(taken, known=(HELD,), organization="Organization/s")) == [("R3.9", "error", "Task.status")]
    assert found(HELD, organization="Organization/n") == []
    assert found((asked, taken)) == []  # an operator


def test_a_referral_states_what_was_tried() -> None:
    referral = b.a_service_request(AINO, id="1", instantiatesCanonical=[codes.MODELS + "stop"])
    tried = [b.a_concept(codes.REFERRAL_BACKGROUND, "cooperation-tried")]
    (finding,) = found({**referral, "reasonCode": tried})
    assert told([finding]) == [("R0.2", "warning", "ServiceRequest.reasonCode")]
    assert "that help was not received" in finding.said() and "cooperation" not in finding.said()
    both = [*tried, b.a_concept(codes.REFERRAL_BACKGROUND, "help-not-received")]
    assert found({**referral, "reasonCode": both}) == []
    assert found(b.a_service_request(AINO, id="1", instantiatesCanonical=[codes.MODELS + "soite"])) == []


def test_a_referral_comes_from_where_the_model_says() -> None:
    model = [codes.MODELS + "kaannekohta"]
    referral = b.a_service_request(AINO, id="1", instantiatesCanonical=model, requester=b.a_reference("Organization/h"))
    (finding,) = found(referral)
    assert told([finding]) == [("R2.6", "warning", "ServiceRequest.requester")] and "Health" in finding.said()
    assert found({**referral, "requester": b.a_reference("Organization/s")}) == []
    assert told(found({**referral, "requester": b.a_reference("PractitionerRole/niko")}))[0][0] == "R2.6"
    said = [finding.said(each) for each in LANGUAGES]
    assert "Aikuisten sosiaalipalvelut" in said[0] and "Socialservice för vuxna" in said[1]
    assert "Adult social services" in said[2] and "adult-social-services" not in "".join(said)


def test_who_refers_is_what_the_model_says() -> None:
    types = [{"url": model.REFERRER_TYPE, "valueCode": each} for each in ("education", "police")]
    holds = [{"url": model.RULE, "valueCode": "R2.6"}]
    own = {"resourceType": "PlanDefinition", "id": "own", "status": "active", "extension": [*types, *holds]}
    referral = b.a_service_request(
        AINO, id="1", instantiatesCanonical=[codes.MODELS + "own"], requester=b.a_reference("Organization/s")
    )
    (finding,) = found(referral, known=(own,))
    assert told([finding]) == [("R2.6", "warning", "ServiceRequest.requester")]
    assert "Opetustoimi, Poliisi" in finding.said("fi") and "sosiaalipalvelut" not in finding.said("fi").lower()


def test_the_same_service_is_not_requested_twice() -> None:
    request = b.a_service_request(AINO, id="1", code=b.a_concept("urn:oid:1.2.246.537.6.50", "detox"))
    other = {**request, "id": "2"}
    assert told(found(request, known=(other, a_plan()))) == [("R1.6", "warning", "ServiceRequest.code")]
    assert found(request, known=({**other, "status": "completed"}, a_plan())) == []
    assert found(request, known=(other,)) == []  # no shared plan


QUESTIONNAIRE = {
    "resourceType": "Questionnaire",
    "id": "need-assessment",
    "url": "https://sharedplan.dev/fhir/Questionnaire/need-assessment",
    "title": "Need assessment",
    "item": [
        {"linkId": each} for each in ("life-situation", "weakening-factors", "health", "services-in-use", "needs")
    ],
}


def answers(*links: str, **elements: Any) -> Json:
    items = [{"linkId": each, "answer": [{"valueString": "yes"}]} for each in links]
    return b.a_questionnaire_response(AINO, id="1", questionnaire=f"{QUESTIONNAIRE['url']}|1", item=items, **elements)


def test_an_answer_is_to_an_item_of_its_questionnaire() -> None:
    (finding,) = found(answers("health", "hobbies"), known=(QUESTIONNAIRE,))
    assert told([finding]) == [("R4.6", "error", "QuestionnaireResponse.item[1]")] and "hobbies" in finding.said("sv")
    assert found(answers("health"), known=(QUESTIONNAIRE,)) == []
    assert found({**answers("hobbies"), "questionnaire": "urn:not-known"}) == []


def test_an_assessment_covers_its_parts() -> None:
    plan = a_plan(instantiatesCanonical=[codes.MODELS + "kaannekohta"])
    response = answers("life-situation", "health", "needs", basedOn=[b.a_reference("CarePlan/1")])
    findings = found(response, known=(plan, QUESTIONNAIRE))
    assert told(findings) == [("R2.5", "warning", "QuestionnaireResponse.item")] * 2
    assert "weakening-factors" in findings[0].said() and "services-in-use" in findings[1].said()
    assert "Health" not in findings[0].said() and "Elämäntilannetta heikentävät tekijät" in findings[0].said("fi")
    assert "Faktorer som försvagar livssituationen" in findings[0].said("sv")
    assert "What weakens the life situation" in findings[0].said("en")
    assert found({**response, "status": "in-progress"}, known=(plan, QUESTIONNAIRE)) == []
    assert found(response, known=(a_plan(), QUESTIONNAIRE)) == []


def test_a_fresh_assessment_is_reused() -> None:
    task = b.a_task(AINO, id="2", code=b.a_concept(codes.TASK, "need-assessment"))
    done = {**task, "id": "1", "status": "completed", "executionPeriod": {"end": "2026-01-15"}}
    (finding,) = found(task, known=(done,))
    assert told([finding]) == [("R3.14", "warning", "Task.code")] and "Task/1" in finding.said()
    assert found(task, known=({**done, "executionPeriod": {"end": "2025-01-15"}},)) == []
    assert told(found(task, known=({**done, "status": "in-progress"},))) == [("R3.14", "warning", "Task.code")]
    assert found((task, task), known=(done,)) == []


def an_assessment(**elements: Any) -> Json:
    """For special support, pending since the 5th of January: to start by the 15th, to be done by the 5th of April."""
    basis = b.a_concept(codes.LEGAL_BASIS, "shl-36-special-support")
    code = b.a_concept(codes.TASK, "need-assessment")
    return with_clocks(
        b.a_task(AINO, id="2", code=code, reasonCode=basis, authoredOn="2026-01-05", **elements), None, None
    )


def test_a_late_assessment_is_told() -> None:
    (finding,) = found(an_assessment(status="in-progress", executionPeriod={"start": "2026-02-01"}))
    assert told([finding]) == [("R3.1", "warning", "Task.executionPeriod")]
    assert all("Task/2" in finding.said(each) for each in LANGUAGES)
    assert all("1.2.2026" in finding.said(each) and "15.1.2026" in finding.said(each) for each in ("fi", "sv"))
    assert "1 February 2026" in finding.said() and "15 January 2026 (" in finding.said()
    assert "section 36" in finding.said()
    late = an_assessment(status="completed", executionPeriod={"start": "2026-01-10", "end": "2026-04-06"})
    (finding,) = found(late)
    assert told([finding]) == [("R3.1", "warning", "Task.executionPeriod")] and "finished on" in finding.said()
    (finding,) = found(an_assessment())
    assert finding.at == "Task.executionPeriod.start" and "is late" in finding.said()


def test_an_assessment_in_time_or_without_a_limit_tells_nothing() -> None:
    assert found(an_assessment(status="in-progress", executionPeriod={"start": "2026-01-10"})) == []
    assert found(an_assessment(status="cancelled")) == found(an_assessment(status="entered-in-error")) == []
    assert found(b.a_task(AINO, id="2", code=b.a_concept(codes.TASK, "need-assessment"), authoredOn="2020-01-05")) == []


CODE = "131052-308T"


def test_an_anonymous_consultation_has_no_identity_code() -> None:
    asked = {
        "resourceType": "Task",
        "id": "1",
        "code": b.a_concept(codes.TASK, "consultation"),
        "description": f"What would you do with {CODE}?",
    }
    (finding,) = found(asked)
    assert told([finding]) == [("R4.8", "error", "Task.description")]
    assert not any(CODE in finding.said(each) or "131052" in finding.said(each) for each in LANGUAGES)
    assert found({**asked, "description": "What would you do?"}) == []
    assert found({**asked, "for": b.a_reference(AINO)}) == []
    assert told(found({**asked, "for": {"display": "a client of ours"}})) == [("R4.8", "error", "Task.description")]
    message = b.a_communication(AINO, id="1", payload=[{"contentString": "hello"}, {"contentString": CODE.lower()}])
    assert found(message) == []
    message.pop("subject")
    assert told(found(message)) == [("R4.8", "error", "Communication.payload[1]")]


@pytest.mark.parametrize(
    ("element", "at"),
    [
        ({"note": [{"text": "nothing"}, {"text": CODE}]}, "Task.note[1].text"),
        ({"reasonCode": {"text": CODE}}, "Task.reasonCode.text"),
        ({"input": [{"type": {"text": "who"}, "valueString": CODE}]}, "Task.input[0].value"),
        ({"output": [{"type": {"text": CODE}, "valueBoolean": True}]}, "Task.output[0].type.text"),
        ({"identifier": [{"system": identity_codes.SYSTEM, "value": CODE}]}, "Task.identifier[0].value"),
        ({"owner": {"display": f"Kai, about {CODE}"}}, "Task.owner.display"),
        ({"extension": [{"url": "urn:x", "valueString": CODE}]}, "Task.extension[0].value"),
        (
            {"_description": {"extension": [{"url": "urn:x", "valueString": CODE}]}},
            "Task.description.extension[0].value",
        ),
        ({"contained": [b.a_patient(id="p", name=[{"given": [CODE]}])]}, "Task.contained[0].name[0].given[0]"),
        ({"text": {"status": "generated", "div": "<div>131052<b>&#45;308T</b></div>"}}, "Task.text.div"),
    ],
)
def test_an_anonymous_consultation_is_searched_as_a_whole(element: Json, at: str) -> None:
    asked = {"resourceType": "Task", "id": "1", "code": b.a_concept(codes.TASK, "consultation"), **element}
    findings = found(asked)
    assert told(findings) == [("R4.8", "error", at)]
    assert not any("131052" in finding.said(each) for finding in findings for each in LANGUAGES)


@pytest.mark.parametrize("dash", ["\u2010", "\u2011", "\u2013", "\u2014", "\u2212", "\uff0d", "\u200b-", "\u00ad"])
def test_a_code_with_another_dash_is_a_code(dash: str) -> None:
    assert identity_codes.is_in(f"is {CODE.replace('-', dash)} known")


def test_a_code_in_wide_characters_is_a_code() -> None:
    assert identity_codes.is_in("".join(chr(ord(each) + 0xFEE0) for each in CODE))
    assert not identity_codes.is_in("40 €, −5 °C, 1–5 meetings")


def test_identity_codes_are_found_in_text_and_other_numbers_are_not() -> None:
    for text in (CODE, f"({CODE})", "010190A901X", "code 131052-308X mistyped"):
        assert identity_codes.is_in(text)
    for text in ("0401234567", "991352-308T", "131052-308", "2026-03-02", "FI13 1052 308T", f"x{CODE}"):
        assert not identity_codes.is_in(text)


def test_a_member_by_role_attends_by_that_role() -> None:
    meeting = a_meeting("PractitionerRole/niko")
    assert found(meeting, acceptance=Accepts("PractitionerRole/niko")) == []
    assert told(found(meeting, known=(a_team(a_member("PractitionerRole/niko", "nurse")),))) == [("R0.1", "error", AT)]
