"""What holds when a meeting is written. https://hl7.org/fhir/R4/encounter.html"""

from collections.abc import Iterator
from datetime import datetime

from sharedplan.care import codes, coding, coordination, model
from sharedplan.care.attendance import LISTED, Attending, deviation
from sharedplan.care.finding import Finding, Words
from sharedplan.care.situation import Situation
from sharedplan.care.spoken import at_time
from sharedplan.care.writing import Writing, on_write
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import span

NOT_ACCEPTED: Words = (
    "{person} ei ole asiakkaan {client} hyväksymä tähän tapaamiseen ({day}): henkilön tai roolin nimeävä suostumus "
    "puuttuu.",
    "{person} har inte godkänts av {client} till detta möte ({day}): ett samtycke som nämner personen eller rollen "
    "saknas.",
    "{person} has not been accepted by {client} for this meeting ({day}): a consent that names the person or a role is "
    "missing.",
)
ATTENDED_ALL_THE_SAME: Words = (
    "{person} oli mukana tapaamisessa ({day}) ilman asiakkaan {client} hyväksyntää; kirjattu syy: {reason}",
    "{person} deltog i mötet ({day}) utan godkännande av {client}; antecknad orsak: {reason}",
    "{person} attended the meeting ({day}) without being accepted by {client}; the reason stated: {reason}",
)
TOO_MANY: Words = (
    "Tämä on asiakastapaaminen {count}/{limit}; mallissa niitä on {limit}. Kirjaa jatkamisen syy.",
    "Detta är klientmöte {count}/{limit}; modellen har {limit}. Ange varför arbetet fortsätter.",
    "This is client meeting {count}/{limit} where the model has {limit}. Please state the reason for going on.",
)
UNKNOWN_TYPE: Words = (
    "Tapaamisen tyyppiä {code} ei ole koodistossa encounter-type: {known}.",
    "Mötestypen {code} finns inte i kodsystemet encounter-type: {known}.",
    "There is no type of meeting {code} in the code system encounter-type: {known}.",
)
NO_TYPE: Words = (
    "Asiakkuuteen kuuluvalta käynniltä puuttuu laji (type: {known}), joten sitä ei lasketa tapaamiseksi eikä "
    "osallistujien hyväksyntää arvioida.",
    "Besöket hör till klientrelationen och saknar slag (type: {known}), så det räknas inte som möte och deltagarnas "
    "godkännande bedöms inte.",
    "This encounter of the customership has no type ({known}), so it is not counted as a meeting, and whether those "
    "who attend were accepted is not judged.",
)

TYPES = ("client-meeting", "network-meeting", "professional-meeting")


def is_meeting(current: Json | None, proposed: Json | None) -> bool:
    """Whether it is one of ours that names people."""
    meeting = proposed or {}
    has_people = any("individual" in each for each in meeting.get("participant", ()))
    return (
        has_people and meeting.get("status") in LISTED and codes.has(meeting.get("type"), codes.ENCOUNTER_TYPE, *TYPES)
    )


def lacks_type(encounter: Json) -> bool:
    """Whether it belongs to a customership, took or takes place, and says nothing of its type."""
    return bool(encounter.get("episodeOfCare")) and encounter.get("status") in LISTED and not encounter.get("type")


def starts(meeting: Json) -> datetime | None:
    """When it starts, an Encounter or an Appointment: the first instant that this may mean."""
    start = meeting.get("period", {}).get("start") or meeting.get("start")
    return span(start)[0] if start is not None else None


@on_write(
    "Encounter",
    id="R0.1",
    source="seed 000: Asiakas päättää, ketkä henkilöt ovat paikalla, kun hänen asiaansa käsitellään",
    when=is_meeting,
    needs=("CareTeam", "Consent", "EpisodeOfCare", "RelatedPerson"),
    looks_up=True,
)
def nobody_attends_a_meeting_whom_the_client_has_not_accepted(writing: Writing) -> Iterator[Finding]:
    """Judged at the start, by the consents of that time; the coordinator and own worker aside. Whom no reference names,
    nobody has accepted. What has happened is recorded with the reason for it; and what was recorded so is not judged
    again while it keeps its reason."""
    meeting = writing.proposed or {}
    at = starts(meeting) or writing.at
    known = _recorded(writing)
    reason = deviation(meeting)
    attending = Attending(writing.after, writing.attendance)
    is_excused = meeting["status"] == "finished" and reason is not None
    for index, participant in enumerate(meeting.get("participant", ())):
        individual = participant.get("individual")
        if (
            individual is None
            or _key(individual, writing.after) in known
            or attending.lets_in(individual, at, writing.at)
        ):
            continue
        name = coordination.addressed(individual, writing.after)
        if name is not None and writing.acceptance.attends(name, at):
            continue
        fields: dict[str, str | Words] = {
            "person": _called(individual, writing),
            "client": writing.client_called,
            "day": at_time(at),
            "reason": reason or "",
        }
        words = ATTENDED_ALL_THE_SAME if is_excused else NOT_ACCEPTED
        severity = "warning" if is_excused or meeting["status"] == "unknown" else "error"
        yield Finding("R0.1", severity, words, fields, at=f"Encounter.participant[{index}].individual")


def _key(individual: Json, situation: Situation) -> tuple[str | None, object]:
    """Who it is, so that two versions of a meeting can be compared; a display only where there is nothing else."""
    known = coordination.known_by(individual, situation)
    return known, individual.get("display") if known is None else None


def _called(individual: Json, writing: Writing) -> str:
    """What people call the person, who may be named by no reference."""
    if "reference" in individual:
        return writing.called(individual)
    return str(individual.get("display") or coordination.known_by(individual, writing.after) or "?")


def _recorded(writing: Writing) -> set[tuple[str | None, object]]:
    """Who was recorded before as having attended this very meeting; nobody, when the reason for it is taken away."""
    current, proposed = writing.current or {}, writing.proposed or {}
    if not is_meeting(None, current) or current["status"] != "finished" or proposed["status"] != "finished":
        return set()
    if starts(current) != starts(proposed) or (deviation(current) is not None and deviation(proposed) is None):
        return set()
    return {_key(each["individual"], writing.before) for each in current["participant"] if "individual" in each}


def is_finished_client_meeting(current: Json | None, proposed: Json | None) -> bool:
    """Whether it becomes one of those that are counted."""
    was_counted = current is not None and is_counted(current)
    return proposed is not None and is_counted(proposed) and not was_counted


def is_counted(encounter: Json) -> bool:
    """A finished client meeting that is no part of another."""
    return (
        encounter.get("status") == "finished"
        and "partOf" not in encounter
        and codes.has(encounter.get("type"), codes.ENCOUNTER_TYPE, "client-meeting")
    )


@on_write(
    "Encounter",
    id="R2.1",
    source="seed 002: Palvelu pitää sisällään 1–5 asiakaskohtaamista",
    when=is_finished_client_meeting,
    needs=("Encounter", "EpisodeOfCare", "CarePlan", "ServiceRequest"),
    warns=True,
)
def a_sixth_meeting_is_told(writing: Writing) -> Iterator[Finding]:
    """By the number that the model has, within the episode."""
    episodes = {writing.after.name_of(each) for each in (writing.proposed or {}).get("episodeOfCare", ())}
    for episode in sorted(each for each in episodes if each is not None):
        found = model_of(episode, writing.after)
        limit = found.encounter_limit if found is not None and found.has("R2.1") else None
        count = sum(
            is_counted(each) and episode in {writing.after.name_of(one) for one in each.get("episodeOfCare", ())}
            for each in writing.after.of("Encounter")
        )
        if limit is not None and count > limit:
            fields = {"count": str(count), "limit": str(limit)}
            yield Finding("R2.1", "warning", TOO_MANY, fields, at="Encounter.episodeOfCare")


def model_of(episode: str | None, situation: Situation) -> model.ServiceModel | None:
    """The model of an episode: of its plan, an open one first, else of the referral."""
    theirs = [
        each for each in situation.of("CarePlan") if episode is not None and situation.episode_of(each) == episode
    ]
    theirs.sort(key=lambda each: each.get("status") != "active")
    referrals = (situation.get(episode or "") or {}).get("referralRequest", ())
    referral = next((each for each in map(situation.get, referrals) if each is not None), None)
    return model.of(next(iter(theirs), None), referral, situation.of("PlanDefinition"))


@on_write(
    "Encounter",
    id="R4.6",
    source="seed 004: asiakastietojen kirjaamisen yhteneväisyyttä",
    when=lambda current, proposed: (
        lacks_type(proposed or {}) or codes.has((proposed or {}).get("type"), codes.ENCOUNTER_TYPE)
    ),
)
def a_type_of_meeting_is_a_known_code(writing: Writing) -> Iterator[Finding]:
    """An unknown one warns, and so does none at all where it belongs to a customership: nothing else tells whether it
    is a meeting."""
    encounter = writing.proposed or {}
    if lacks_type(encounter):
        yield Finding("R4.6", "warning", NO_TYPE, {"known": ", ".join(TYPES)}, at="Encounter.type")
    for index, concept in enumerate(encounter.get("type", ())):
        for code in coding.unknown(concept, codes.ENCOUNTER_TYPE):
            fields = {"code": code, "known": ", ".join(TYPES)}
            yield Finding("R4.6", "warning", UNKNOWN_TYPE, fields, at=f"Encounter.type[{index}]", code="code-invalid")
