"""What is told when people are invited to a meeting about the client. https://hl7.org/fhir/R4/appointment.html

Nothing is refused yet: whoever is invited may be accepted before the meeting, which is judged itself (`meeting.py`).
"""

from collections.abc import Iterator
from datetime import datetime

from sharedplan.care import codes, coordination
from sharedplan.care.attendance import Attending
from sharedplan.care.finding import Finding, Words
from sharedplan.care.situation import Situation
from sharedplan.care.spoken import at_time
from sharedplan.care.writes.meeting import NOT_ACCEPTED, TYPES, starts
from sharedplan.care.writing import Acceptance, Writing, is_shared_plan, on_write
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json

OPEN = ("proposed", "pending", "booked")
"""Statuses of an appointment for a meeting that is still to be."""
KINDS = ("appointmentType", "serviceType", "serviceCategory")
"""Elements that may say what kind of meeting it is for; an Appointment has no type of its own."""
SUBJECTS = ("CarePlan", "EpisodeOfCare")
"""Types of what makes it a meeting of ours when it says that it is about one."""
PEOPLE = ("Practitioner", "PractitionerRole", "RelatedPerson")


def is_open(appointment: Json) -> bool:
    """Whether it is for a meeting that is still to be, and invites somebody to it."""
    return appointment.get("status") in OPEN and any(map(_is_person, appointment.get("participant", ())))


def is_meeting(appointment: Json) -> bool:
    """Whether it is for one of our meetings, by its kind."""
    return any(codes.has(appointment.get(each), codes.ENCOUNTER_TYPE, *TYPES) for each in KINDS)


def subjects(appointment: Json) -> list[str]:
    """The plans and episodes that it says it is about, as their references are written."""
    given = (each.get("reference") for each in appointment.get("supportingInformation", ()))
    return [each for each in given if isinstance(each, str) and references.parse(each).type in SUBJECTS]


def _is_about_the_clients(appointment: Json, writing: Writing) -> bool:
    """Whether the writer sees a shared plan or an episode of this client among what it is about."""
    names = (writing.after.name_of(each) for each in subjects(appointment))
    return any(
        writing.client in writing.whose.get(each, ())
        and (not each.startswith("CarePlan/") or is_shared_plan(writing.after.get(each)))
        for each in names
        if each is not None
    )


def is_about(appointment: Json, plan: Json, situation: Situation) -> bool:
    """Whether it says that it is about that plan or its episode, or the plan has it as an activity."""
    about = {situation.name_of(each) for each in appointment.get("supportingInformation", ())} - {None}
    own = f"Appointment/{appointment.get('id')}"
    is_activity = any(situation.name_of(each.get("reference")) == own for each in plan.get("activity", ()))
    return is_activity or not about.isdisjoint((f"CarePlan/{plan.get('id')}", situation.episode_of(plan)))


def unaccepted(
    appointment: Json, situation: Situation, acceptance: Acceptance, attending: Attending, at: datetime, now: datetime
) -> Iterator[tuple[int, Json]]:
    """(number of the participant, actor) of whoever is invited without being accepted for that time, though he needs
    to be."""
    for index, participant in enumerate(appointment.get("participant", ())):
        actor = participant.get("actor", {})
        if not _is_person(participant) or attending.lets_in(actor, at, now):
            continue
        name = coordination.addressed(actor, situation)
        if name is None or not acceptance.attends(name, at):
            yield index, actor


def _is_person(participant: Json) -> bool:
    """Whether it is somebody who has not declined; rooms and devices are no business of the client's acceptance."""
    actor = participant.get("actor", {})
    text = actor.get("reference")
    type = references.parse(text).type if isinstance(text, str) else None
    return participant.get("status") != "declined" and (type or actor.get("type")) in PEOPLE


@on_write(
    "Appointment",
    id="R0.1",
    source="seed 000: Asiakas päättää, ketkä henkilöt ovat paikalla; domain 2.2: Appointment.participant",
    when=lambda current, proposed: (
        is_open(proposed or {}) and (is_meeting(proposed or {}) or bool(subjects(proposed or {})))
    ),
    needs=("CarePlan", "CareTeam", "Consent", "RelatedPerson", "EpisodeOfCare"),
    looks_up=True,
)
def who_is_invited_without_being_accepted_is_told(writing: Writing) -> Iterator[Finding]:
    """As a meeting at that time would be judged today; a warning. It is one by its kind, or by the shared plan or the
    episode of the client's that it says it is about, as far as the writer sees those; what an activity of the plan
    tells of it, the review judges."""
    appointment = writing.proposed or {}
    if writing.client is None or not (is_meeting(appointment) or _is_about_the_clients(appointment, writing)):
        return
    at, attending = starts(appointment) or writing.at, Attending(writing.after, writing.attendance)
    for index, actor in unaccepted(appointment, writing.after, writing.acceptance, attending, at, writing.at):
        fields: dict[str, str | Words] = {
            "person": writing.called(actor),
            "client": writing.client_called,
            "day": at_time(at),
        }
        yield Finding("R0.1", "warning", NOT_ACCEPTED, fields, at=f"Appointment.participant[{index}].actor")
