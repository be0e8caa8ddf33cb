"""What holds when a shared plan is written. https://hl7.org/fhir/R4/careplan.html

Who may be on its team is asked when the team is written (R1.1, R1.2; `team.py`), not when a plan names a team that is
there already: systems send in any order, and nothing opens by it, for access asks the consents anyway. The review
tells of such members (R1.1, R1.2), and so does the answer to the write of the plan, also of one that comes into force.
"""

from collections.abc import Iterable, Iterator

from sharedplan.care import coordination
from sharedplan.care.finding import Finding, Words
from sharedplan.care.situation import Situation
from sharedplan.care.spoken import at_time
from sharedplan.care.taking_part import has_made, met
from sharedplan.care.writes.crossing import newly_named
from sharedplan.care.writes.team import is_of_models
from sharedplan.care.writing import Writing, is_activated, is_active_plan, is_shared_plan, on_write, plans
from sharedplan.fhir.exchanges import Json

ONE_PLAN: Words = (
    "Asiakkaalla {client} on jo toinen voimassa oleva yhteinen suunnitelma; uusi voi tulla voimaan, kun se korvaa "
    "sen tai "
    "on sen osa, tai kun se päätetään samalla.",
    "Klienten {client} har redan en annan gällande gemensam plan; en ny kan träda i kraft när den ersätter den eller "
    "är "
    "en del av den, eller när den avslutas samtidigt.",
    "The client {client} already has another active shared plan; a new one can become active when it replaces that "
    "one or "
    "is part of it, or when that one is ended beside.",
)
CLIENTS_PART: Words = (
    "Suunnitelma ei voi tulla voimaan, ennen kuin {client} on osallistunut sen laatimiseen: lisää hänet kohtaan "
    "contributor "
    "tai kirjaa tapaaminen, jossa hän oli.",
    "Planen kan inte träda i kraft innan {client} har deltagit i att göra den: ange personen som contributor eller "
    "anteckna "
    "ett möte som personen var med på.",
    "The plan cannot become active before {client} has taken part in making it: name the client as contributor, or "
    "record a "
    "meeting that the client attended.",
)
ANOTHERS_GOAL: Words = (
    "Asiakkaalla {client} ei ole tavoitetta {goal}, jonka voit nähdä; suunnitelmassa on vain asiakkaan omia "
    "tavoitteita.",
    "Klienten {client} har inget mål {goal} som du kan se; en plan har bara klientens egna mål.",
    "The client {client} has no {goal} that you can see; a plan holds only the client's own goals.",
)
NONE: Words = (
    "Asiakkaan {client} voimassa olevalla suunnitelmalla ei ole omatyöntekijää (coordinator), joka toimii nyt.",
    "Klienten {client} har en gällande plan utan egen kontaktperson (coordinator) som verkar nu.",
    "The active plan of {client} has no coordinator (own worker) now: its active team needs exactly one.",
)
TWO: Words = (
    "Asiakkaan {client} suunnitelmalla olisi samaan aikaan useampi omatyöntekijä (coordinator): {members}. Päätä "
    "edellisen "
    "jakso siihen hetkeen, josta seuraava alkaa.",
    "Klienten {client} skulle ha flera egna kontaktpersoner (coordinator) samtidigt: {members}. Avsluta den förras "
    "period "
    "vid den tidpunkt då nästa börjar.",
    "The plan of {client} would have more than one coordinator at a time: {members}. End the one's period at the "
    "instant at "
    "which the next one's starts.",
)
NO_WORKER: Words = (
    "Asiakkaan {client} suunnitelman omatyöntekijäksi (coordinator) on merkitty {members}: omatyöntekijä on nimetty "
    "ammattihenkilö, viittaus (reference tai identifier) resurssiin Practitioner tai PractitionerRole.",
    "I planen för {client} är {members} egen kontaktperson (coordinator): en egen kontaktperson är en namngiven "
    "yrkesperson, en hänvisning (reference eller identifier) till Practitioner eller PractitionerRole.",
    "The plan of {client} names {members} as coordinator: the own worker is a professional whom one can name, by a "
    "reference (literal, or by identifier and type) to a Practitioner or PractitionerRole.",
)
GAP: Words = (
    "Asiakkaan {client} suunnitelma jäisi ilman omatyöntekijää (coordinator) {day} alkaen: seuraavan jakson on "
    "alettava siitä, "
    "mihin edellisen päättyy.",
    "Planen för {client} skulle sakna egen kontaktperson (coordinator) från {day}: nästa period måste börja där den "
    "förra "
    "slutar.",
    "The plan of {client} would be without a coordinator from {day} on: the next one's period has to start where the "
    "one "
    "before ends.",
)


def is_unlinked_or_activated(current: Json | None, proposed: Json | None) -> bool:
    """Whether a shared plan comes into force, or one that is says otherwise what it replaces and is part of."""
    links = [{name: (plan or {}).get(name) for name in ("replaces", "partOf")} for plan in (current, proposed)]
    return is_activated(current, proposed) or (is_active_plan(proposed) and links[0] != links[1])


@on_write(
    "CarePlan",
    id="one-plan",
    source="domain 2.2, One plan: at most one active shared plan per client",
    when=is_unlinked_or_activated,
    needs=("CarePlan",),
)
def a_client_has_at_most_one_active_shared_plan(writing: Writing) -> Iterator[Finding]:
    """What is part of it, or it of that, however deep, is one with it; and what one of these replaces, or what replaces
    it. What that one replaced before is over."""
    others = [each for each in plans(writing.after) if f"CarePlan/{each['id']}" != writing.name]
    everything = [writing.proposed or {}, *others]
    whole = _whole({writing.name}, everything, writing.after)
    linked = _whole(whole | set(_linked(everything, whole, "replaces", writing.after)), everything, writing.after)
    if any(f"CarePlan/{each['id']}" not in linked for each in others):
        yield Finding(
            "one-plan", "error", ONE_PLAN, {"client": writing.client_called}, at="CarePlan.status", code="conflict"
        )


def _whole(names: set[str], found: Iterable[Json], situation: Situation) -> set[str]:
    """These plans, with all that they are part of and all that is part of them."""
    while more := set(_linked(found, names, "partOf", situation)) - names:
        names = names | more
    return names


def _linked(found: Iterable[Json], names: set[str], by: str, situation: Situation) -> Iterator[str]:
    """Plans that these name by that element, and that name these."""
    for plan in found:
        own = f"CarePlan/{plan['id']}"
        named = {situation.name_of(each) for each in plan.get(by, ())}
        if own in names:
            yield from (each for each in named if each is not None)
        elif named & names:
            yield own


@on_write(
    "CarePlan",
    id="R0.3",
    source="seed 000: asiakkaan osallistuminen oman suunnitelmansa laatimiseen",
    when=is_activated,
    needs=("Encounter", "Patient"),
)
def a_plan_becomes_active_only_with_the_clients_part(writing: Writing) -> Iterator[Finding]:
    """The client is a contributor or the author, or has attended a meeting."""
    plan = writing.proposed or {}
    if has_made(plan, writing.is_client) or met(plan, writing.is_client, writing.after, writing.at):
        return
    yield Finding("R0.3", "error", CLIENTS_PART, {"client": writing.client_called}, at="CarePlan.contributor")


@on_write(
    "CarePlan",
    id="R3.5",
    source="seed 003: lapselle ja perheelle elämäntilanteen edellyttämässä laajuudessa; no leakage between persons",
    when=lambda current, proposed: is_shared_plan(proposed) and bool((proposed or {}).get("goal")),
)
def a_plan_holds_only_goals_of_its_client(writing: Writing) -> Iterator[Finding]:
    """What is hidden from the writer reads as what is not there; what the plan named before may stay. The plan of a
    whole family is of no one client."""
    if writing.client is None:
        return
    for path, name in newly_named(writing.current, writing.proposed, writing.after, "goal"):
        if name.startswith("Goal/") and writing.client not in writing.whose.get(name, ()):
            yield Finding("R3.5", "error", ANOTHERS_GOAL, {"client": writing.client_called, "goal": name}, at=path)


@on_write(
    "CarePlan",
    id="R4.1",
    source="seed 004: Asiakkaan omatyöntekijä koordinoi tiimin toimintaa; R3.8: one named responsible person",
    when=lambda current, proposed: is_active_plan(proposed),
    needs=("CareTeam",),
)
def an_active_plan_has_exactly_one_coordinator(writing: Writing) -> Iterator[Finding]:
    yield from of_coordination(writing.proposed or {}, writing, "CarePlan.careTeam")


@on_write(
    "CareTeam",
    id="R4.1",
    source="seed 004: Asiakkaan omatyöntekijä koordinoi tiimin toimintaa; a hand-over leaves no gap",
    when=is_of_models,
    needs=("CarePlan", "CareTeam"),
)
def a_team_leaves_its_active_plan_exactly_one_coordinator(writing: Writing) -> Iterator[Finding]:
    for plan in plans(writing.after):
        teams = (*coordination.teams_of(plan, writing.before), *coordination.teams_of(plan, writing.after))
        if any(f"CareTeam/{each['id']}" == writing.name for each in teams):
            yield from of_coordination(plan, writing, "CareTeam.participant")


def of_coordination(plan: Json, writing: Writing, at: str) -> Iterator[Finding]:
    """What is wrong with the coordinators of the plan after the write."""
    after = coordination.terms(coordination.teams_of(plan, writing.after), writing.after)
    old = writing.before.get(f"CarePlan/{plan['id']}")
    before = coordination.terms(coordination.teams_of(old, writing.before), writing.before) if old is not None else []
    _, until = coordination.bounds(plan.get("period"))
    found = coordination.fault(after, before, writing.at, until)
    if found is None:
        return
    fields = {
        "client": writing.client_called,
        "members": ", ".join(map(writing.called, found.members)),
        "day": at_time(found.at),
    }
    words = {"none": NONE, "two": TWO, "gap": GAP, "no-worker": NO_WORKER}
    yield Finding("R4.1", "error", words[found.kind], fields, at=at)
