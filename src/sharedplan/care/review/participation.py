"""The client's own part: who attends, that he took part in the plan, and whose words it rests on."""

from collections.abc import Iterator
from datetime import datetime

from sharedplan.care.attendance import deviation
from sharedplan.care.model import GENERAL
from sharedplan.care.review.naming import listed, meeting, thing
from sharedplan.care.review.rule import Said, broken, met, rule, unjudged
from sharedplan.care.review.traits import notes_of
from sharedplan.care.review.view import View
from sharedplan.care.taking_part import has_made
from sharedplan.care.taking_part import met as met_by
from sharedplan.care.writes import invitation
from sharedplan.care.writes.meeting import starts
from sharedplan.fhir.exchanges import Json


@rule(
    "R0.1",
    source="Asiakas päättää, ketkä henkilöt ovat paikalla, kun hänen asiaansa käsitellään",
    needs=("Encounter", "Consent", "CareTeam"),
)
def nobody_attends_a_meeting_without_the_clients_acceptance(view: View) -> Iterator[Said]:
    """By a consent for the person or a role of his, at the start of the meeting; the own worker needs none. Those
    who are invited to one are judged, too."""
    is_kept = True
    for encounter, number in unaccepted(view):
        is_kept = False
        yield _attended(view, encounter, number)
    for said in _invited(view):
        is_kept = False
        yield said
    if is_kept and view.listed:
        yield met(
            "Asiakas on hyväksynyt kaikki, jotka on merkitty hänen tapaamisiinsa ({count}).",
            "Klienten har godkänt alla som antecknats för hens möten ({count}).",
            "The client has accepted everybody who is listed for the meetings ({count}).",
            count=str(len(view.listed)),
        )
    elif is_kept:
        yield unjudged(
            "Yhtään tapaamista ei ole vielä merkitty.",
            "Inga möten har antecknats ännu.",
            "No meeting has been recorded yet.",
        )


def unaccepted(view: View) -> Iterator[tuple[Json, int]]:
    """(meeting, number of the participant) of whoever attends without being accepted, though he needs to be."""
    for encounter, number, name, start in view.unaccepted:
        individual, at = encounter["participant"][number]["individual"], start or view.at
        is_accepted = start is None and name is not None and view.acceptance.attends(name, at)
        if not is_accepted and not view.attending.lets_in(individual, at, view.at):
            yield encounter, number


def _invited(view: View) -> Iterator[Said]:
    """Whoever is invited to a meeting yet to come without being accepted, by the consents of now."""
    for appointment in view.situation.of("Appointment"):
        start = starts(appointment)
        if not invitation.is_open(appointment) or (start is not None and start < view.at):
            continue
        if not invitation.is_meeting(appointment) and not invitation.is_about(appointment, view.plan, view.situation):
            continue
        for index, actor in invitation.unaccepted(
            appointment, view.situation, view.acceptance, view.attending, start or view.at, view.at
        ):
            yield broken(
                "{who} on kutsuttu tapaamiseen {when}, mutta asiakkaan suostumus häntä varten puuttuu.",
                "{who} har kallats till mötet {when}, men klientens samtycke för hen saknas.",
                "{who} is invited to the meeting of {when}, and the client's consent for that person is missing.",
                at=f"Appointment.participant[{index}].actor",
                who=view.situation.called(actor),
                when=meeting(appointment),
            )


def starts_of_unaccepted(view: View) -> list[datetime]:
    """The starts of the meetings of these, where the plan is held to it."""
    held = view.model.rules if view.model is not None else GENERAL
    if "R0.1" not in held:
        return []
    starts = (view.meeting(encounter).start for encounter, _ in unaccepted(view))
    return [each for each in starts if each is not None]


def _attended(view: View, encounter: Json, number: int) -> Said:
    who = view.situation.called(encounter["participant"][number]["individual"])
    at = f"Encounter.participant[{number}].individual"
    reason = deviation(encounter)
    if reason is not None and encounter.get("status") == "finished":
        return broken(
            "{who} oli tapaamisessa {when} ilman asiakkaan hyväksyntää. Kirjattu syy: {reason}",
            "{who} deltog i mötet {when} utan klientens godkännande. Antecknat skäl: {reason}",
            "{who} attended the meeting of {when} without the client's acceptance. The reason recorded: {reason}",
            at=at,
            who=who,
            when=meeting(encounter),
            reason=reason,
        )
    return broken(
        "{who} on merkitty tapaamiseen {when}, mutta asiakkaan suostumus häntä varten puuttuu.",
        "{who} har antecknats för mötet {when}, men klientens samtycke för hen saknas.",
        "{who} is listed for the meeting of {when}, and the client's consent for that person is missing.",
        at=at,
        who=who,
        when=meeting(encounter),
    )


@rule(
    "R0.3",
    source="asiakkaan osallistuminen oman suunnitelmansa laatimiseen; asiakaslaki 812/2000 7 §",
    needs=("Encounter",),
)
def the_client_takes_part_in_making_the_plan(view: View) -> Iterator[Said]:
    """As one who made it, or at a meeting."""
    client = view.situation.client_called
    if has_made(view.plan, view.situation.is_client):
        yield met(
            "{client} on ollut mukana laatimassa suunnitelmaa.",
            "{client} har deltagit i att göra upp planen.",
            "{client} has taken part in making the plan.",
            client=client,
        )
        return
    held = met_by(view.plan, view.situation.is_client, view.situation, view.at)
    if held is not None:
        yield met(
            "{client} on tavattu: {when}.",
            "{client} har träffats: {when}.",
            "{client} was met: {when}.",
            client=client,
            when=meeting(held),
        )
        return
    yield broken(
        "Mikään ei osoita, että {client} on ollut mukana laatimassa suunnitelmaa: häntä ei ole merkitty tekijäksi, "
        "eikä yhtään tapaamista hänen kanssaan ole kirjattu.",
        "Ingenting visar att {client} har deltagit i att göra upp planen: hen är inte antecknad som medverkande, och "
        "inget möte med hen har antecknats.",
        "Nothing shows that {client} took part in making the plan: not listed as a contributor, and no meeting with "
        "the client is recorded.",
        at="CarePlan.contributor",
        client=client,
    )


@rule("R3.6", source="turvaudutaan ns. ”toisen käden” tietoon", needs=("QuestionnaireResponse", "Goal"))
def what_is_told_of_the_client_names_its_source(view: View) -> Iterator[Said]:
    """Each assessment says who gave the answers, and something in the plan comes from the client."""
    is_kept = True
    for each in view.assessments:
        if "source" not in each:
            is_kept = False
            yield broken(
                "Arviosta {what} ei näy, keneltä tiedot ovat: lähde (source) puuttuu.",
                "Av bedömningen {what} framgår inte vem uppgifterna kommer från: källan (source) saknas.",
                "The assessment {what} does not say whom the information comes from: its source is missing.",
                at="QuestionnaireResponse.source",
                what=thing(each),
            )
    from_client = _tells(view)
    if (view.assessments or view.goals) and not from_client:
        is_kept = False
        yield broken(
            "Mikään suunnitelman sisältö ei ole asiakkaan itsensä kertomaa.",
            "Inget av planens innehåll har klienten själv berättat.",
            "Nothing in the plan was told by the client himself or herself.",
        )
    if is_kept and from_client:
        sources = listed(view.situation.called(each["source"]) for each in view.assessments if "source" in each)
        yield met(
            "Tiedoilla on lähde, ja osa niistä on asiakkaan itsensä kertomia (arvioiden lähteet: {sources}).",
            "Uppgifterna har en källa, och en del har klienten själv berättat (bedömningarnas källor: {sources}).",
            "The information names its source, and some of it the client told (sources of the assessments: {sources}).",
            sources=sources,
        )


def _tells(view: View) -> bool:
    """Whether something is from the client: an assessment, a goal, an observation, a condition; or a note in the plan
    or in something of it."""
    told: list[tuple[Json, tuple[str, ...]]] = [(each, ("source", "author")) for each in view.assessments]
    told += [(goal, ("expressedBy",)) for _, goal in view.goals]
    told += [(each, ("performer",)) for each in view.situation.of("Observation")]
    told += [(each, ("asserter",)) for each in view.situation.of("Condition")]
    if any(view.is_clients(each.get(name)) for each, names in told for name in names):
        return True
    annotated = (view.plan, *(goal for _, goal in view.goals), *view.tasks, *(each for each, _ in told))
    notes = [note for each in annotated for note in notes_of(each, "note")]
    notes += [note for each in view.plan.get("activity", ()) for note in notes_of(each, "progress")]
    return any(view.is_clients(each.get("authorReference")) for each in notes)
