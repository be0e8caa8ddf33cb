"""What is told when people are invited to a meeting about the client. https://hl7.org/fhir/R4/appointment.html

Nothing is refused yet: whoever is invited may be accepted before the meeting, which is judged itself (`meeting.py`).
"""

from collections.abc import Iterator
from datetime import datetime

from sharedplan.care import codes, coordination
from sharedplan.care.attendance import Attending
from sharedplan.care.finding import Finding
from sharedplan.care.situation import Situation
from sharedplan.care.writes.meeting import NOT_ACCEPTED, TYPES, day_of, starts
from sharedplan.care.writing import Acceptance, Writing, on_write
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json

OPEN = ("proposed", "pending", "booked")
"""Statuses of an appointment for a meeting that is still to be."""
KINDS = ("appointmentType", "serviceType", "serviceCategory")
"""Elements that may say what kind of meeting it is for; an Appointment has no type of its own."""
PEOPLE = ("Practitioner", "PractitionerRole", "RelatedPerson")


def is_open(appointment: Json) -> bool:
    """Whether it is for a meeting that is still to be, and invites somebody to it."""
    return appointment.get("status") in OPEN and any(map(_is_person, appointment.get("participant", ())))


def is_meeting(appointment: Json) -> bool:
    """Whether it is for one of our meetings, by its kind."""
    return any(codes.has(appointment.get(each), codes.ENCOUNTER_TYPE, *TYPES) for each in KINDS)


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
    when=lambda current, proposed: is_open(proposed or {}) and is_meeting(proposed or {}),
    needs=("CareTeam", "Consent", "RelatedPerson"),
    looks_up=True,
)
def who_is_invited_without_being_accepted_is_told(writing: Writing) -> Iterator[Finding]:
    """As a meeting at that time would be judged today; a warning. What is of the plan by reference alone, the review
    tells, which sees no more than the asker."""
    appointment = writing.proposed or {}
    if writing.client is None:
        return
    at, attending = starts(appointment) or writing.at, Attending(writing.after, writing.attendance)
    for index, actor in unaccepted(appointment, writing.after, writing.acceptance, attending, at, writing.at):
        fields = {"person": writing.called(actor), "client": writing.client_called, "day": day_of(at)}
        yield Finding("R0.1", "warning", NOT_ACCEPTED, fields, at=f"Appointment.participant[{index}].actor")
