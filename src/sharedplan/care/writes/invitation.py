"""What is told when people are invited to a meeting with the client. https://hl7.org/fhir/R4/appointment.html

Nothing is refused yet: whoever is invited may be accepted before the meeting, which is judged itself (`meeting.py`).
"""

from collections.abc import Iterator

from sharedplan.care import codes, coordination
from sharedplan.care.attendance import Attending
from sharedplan.care.finding import Finding
from sharedplan.care.writes.meeting import NOT_ACCEPTED, day_of, starts
from sharedplan.care.writing import Writing, on_write
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json

OPEN = ("proposed", "pending", "booked")
"""Statuses of an appointment for a meeting that is still to be."""
WITH_CLIENT = ("client-meeting", "network-meeting")
KINDS = ("appointmentType", "serviceType", "serviceCategory")
"""Elements that may say what kind of meeting it is for; an Appointment has no type of its own."""
PEOPLE = ("Practitioner", "PractitionerRole", "RelatedPerson")


def is_invitation(current: Json | None, proposed: Json | None) -> bool:
    """Whether it invites somebody to one of the meetings that the client attends."""
    appointment = proposed or {}
    is_ours = any(codes.has(appointment.get(each), codes.ENCOUNTER_TYPE, *WITH_CLIENT) for each in KINDS)
    return is_ours and appointment.get("status") in OPEN and any(map(_is_person, appointment.get("participant", ())))


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
    when=is_invitation,
    needs=("CareTeam", "Consent", "RelatedPerson"),
    looks_up=True,
)
def who_is_invited_without_being_accepted_is_told(writing: Writing) -> Iterator[Finding]:
    """As a meeting at that time would be judged today; a warning."""
    appointment = writing.proposed or {}
    at = starts(appointment) or writing.at
    attending = Attending(writing.after, writing.attendance)
    for index, participant in enumerate(appointment.get("participant", ())):
        actor = participant.get("actor", {})
        if writing.client is None or not _is_person(participant) or attending.lets_in(actor, at, writing.at):
            continue
        name = coordination.addressed(actor, writing.after)
        if name is None or not writing.acceptance.attends(name, at):
            fields = {"person": writing.called(actor), "client": writing.client_called, "day": day_of(at)}
            yield Finding("R0.1", "warning", NOT_ACCEPTED, fields, at=f"Appointment.participant[{index}].actor")
