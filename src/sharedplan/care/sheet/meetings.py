"""The next meeting on the sheet, and the dates on which the plan is reviewed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sharedplan.care import codes
from sharedplan.care.sheet.reader import Reader
from sharedplan.care.sheet.words import WAYS
from sharedplan.care.spoken import date_, day, moment, time_of
from sharedplan.fhir.exchanges import Json

_TENTATIVE = frozenset({"proposed", "pending", "waitlist"})
_COMING = frozenset({"proposed", "pending", "waitlist", "booked"})


@dataclass(frozen=True, slots=True)
class Meeting:
    """`place` is None where none is said; one that may not be shown says so."""

    when: str
    what: str | None
    way: str | None
    place: str | None
    who: tuple[str, ...]
    is_tentative: bool


def next_meeting(reader: Reader) -> Meeting | None:
    """The first meeting yet to come, of appointments and planned encounters; two of the same time are one."""
    coming: list[tuple[datetime, str, Json]] = []
    for appointment in reader.situation.of("Appointment"):
        if appointment["status"] in _COMING:
            coming += _at(reader, appointment, appointment.get("start"))
    for encounter in reader.situation.of("Encounter"):
        is_of_professionals = codes.has(encounter.get("type"), codes.ENCOUNTER_TYPE, "professional-meeting")
        if encounter["status"] == "planned" and not is_of_professionals:
            coming += _at(reader, encounter, encounter.get("period", {}).get("start"))
    if not coming:
        return None
    first = min(at for at, _, _ in coming)
    together = [resource for at, _, resource in coming if at == first]
    return _meeting(reader, _first(together, "Appointment"), _first(together, "Encounter"))


def _at(reader: Reader, resource: Json, start: str | None) -> Iterator[tuple[datetime, str, Json]]:
    if start is None or reader.is_past(start):
        return
    at, on = moment(start), day(start)
    if at is None and on is not None:
        at = datetime(on.year, on.month, on.day, tzinfo=UTC)
    if at is not None:
        yield at, start, resource


def _first(resources: list[Json], type: str) -> Json:
    """The first of a type; an empty one when there is none."""
    return next((each for each in resources if each["resourceType"] == type), {})


def _meeting(reader: Reader, appointment: Json, encounter: Json) -> Meeting:
    period = encounter.get("period", {})
    start, end = appointment.get("start") or period["start"], appointment.get("end") or period.get("end")
    people, places = _invited(reader, appointment)
    people = people or [reader.who(each.get("individual")) for each in encounter.get("participant", ())]
    places = places or [_place(reader, each.get("location")) for each in encounter.get("location", ())]
    way = encounter.get("class", {}).get("code")
    what = reader.own(appointment, "description") or reader.concept(encounter.get("reasonCode"))
    return Meeting(
        time_of(start, end, reader.language),
        what or reader.concept(encounter.get("type")),
        reader.word(WAYS, way) if way in WAYS else reader.concept(appointment.get("serviceType")),
        ", ".join(dict.fromkeys(places)) or None,
        tuple(dict.fromkeys(people)),
        appointment.get("status") in _TENTATIVE,
    )


def _invited(reader: Reader, appointment: Json) -> tuple[list[str], list[str]]:
    """(people, places) of an appointment; who declined does not come. What is masked is a
    place unless it is said whether it has to come, as it is of people."""
    people, places = [], []
    for each in appointment.get("participant", ()):
        actor = each.get("actor")
        name = reader.situation.name_of(actor) or ""
        if actor is None or each.get("status") == "declined":
            continue
        if name.startswith("Location/"):
            places.append(_place(reader, actor))
        elif reader.is_named(actor) or "required" in each:
            people.append(reader.who(actor))
        else:
            places.append(reader.says("masked-place"))
    return people, places


def _place(reader: Reader, location: Json | None) -> str:
    if not reader.is_named(location):
        return reader.says("masked-place")
    found = reader.situation.get(location)
    name = reader.who(location)
    address = (found or {}).get("address", {})
    told = address.get("text") or ", ".join(
        [*address.get("line", ()), *([address["city"]] if "city" in address else [])]
    )
    return f"{name}, {told}" if told else name


def reviews(reader: Reader) -> tuple[str, ...]:
    """The dates of open reviews of the plan, the earliest first."""
    tasks = [each for each in reader.situation.of("Task") if codes.has(each.get("code"), codes.TASK, "review")]
    ends = [
        each.get("restriction", {}).get("period", {}).get("end")
        for each in tasks
        if each["status"] not in ("completed", "cancelled", "failed", "rejected", "entered-in-error")
    ]
    return tuple(dict.fromkeys(_until(reader, end) for end in sorted(filter(None, ends))))


def _until(reader: Reader, end: str) -> str:
    said = date_(end, reader.language, with_weekday=True)
    return reader.says("passed", date=said) if reader.is_past(end) else said
