"""What holds when the team of a shared plan is written. https://hl7.org/fhir/R4/careteam.html"""

from collections.abc import Iterator

from sharedplan.care import codes, coordination
from sharedplan.care.finding import Finding, Words
from sharedplan.care.situation import Situation
from sharedplan.care.writing import Writing, is_shared_plan, on_write
from sharedplan.fhir.exchanges import Json

NOT_COVERED: Words = (
    "{member} ei voi olla tiimin jäsen, koska asiakkaan {client} voimassa oleva suostumus ei kata häntä: suostumus "
    "puuttuu "
    "henkilölle, roolille tai organisaatiolle.",
    "{member} kan inte vara medlem i teamet, eftersom inget gällande samtycke av {client} omfattar personen: "
    "samtycke för "
    "personen, rollen eller organisationen saknas.",
    "{member} cannot be an active member of the team: no consent of {client} in force covers the person, a role or the "
    "organisation.",
)
UNADDRESSED: Words = (
    "{member} on merkitty tiimiin ilman viittausta (reference), joten mikään asiakkaan {client} suostumus ei voi "
    "kattaa häntä: nimeä hänet viittauksella (Practitioner, PractitionerRole, RelatedPerson tai Organization).",
    "{member} har antecknats i teamet utan hänvisning (reference), så inget samtycke av {client} kan omfatta personen: "
    "ange personen med en hänvisning (Practitioner, PractitionerRole, RelatedPerson eller Organization).",
    "{member} is named in the team by no reference, so no consent of {client} can cover the person: name the person by "
    "a reference to a Practitioner, PractitionerRole, RelatedPerson or Organization.",
)
SOMEBODY: Words = ("tunnisteella nimetty henkilö", "en person med identifierare", "somebody with an identifier")
NOT_THERE: Words = (
    "Jäsentä {member} ei ole, tai se on jonkun toisen asiakkaan läheinen.",
    "Medlemmen {member} finns inte, eller är en annan klients närstående.",
    "There is no {member} who can be a member of the team of {client}.",
)
NOT_ACTIVE: Words = (
    "{member} ei ole käytössä (active on false tai jakso on päättynyt), joten hän ei voi olla tiimin jäsen.",
    "{member} är inte i bruk (active är false eller perioden är slut) och kan därför inte vara medlem i teamet.",
    "{member} is not active, or the period has ended, and so cannot be a member of the team of {client}.",
)
DIFFERS: Words = (
    "Asiakkuuden careManager {manager} ei ole tiimin omatyöntekijä (coordinator) {coordinator}.",
    "Klientförhållandets careManager {manager} är inte teamets egna kontaktperson (coordinator) {coordinator}.",
    "The careManager of the episode, {manager}, is not the coordinator of the team, {coordinator}.",
)

OPEN_PLANS = ("draft", "active", "on-hold")


def is_of_models(current: Json | None, proposed: Json | None) -> bool:
    """Whether somebody has, or had, a role of ours in it; what other systems call a team is left as it is."""
    participants = (*(current or {}).get("participant", ()), *(proposed or {}).get("participant", ()))
    return any(codes.has(each.get("role"), codes.TEAM_ROLE) for each in participants)


def is_active_team(current: Json | None, proposed: Json | None) -> bool:
    return proposed is not None and proposed.get("status") == "active" and is_of_models(current, proposed)


def of_shared_plan(writing: Writing) -> list[Json]:
    """The shared plans, not yet closed, whose team is written."""
    return [
        plan
        for plan in writing.after.of("CarePlan")
        if is_shared_plan(plan)
        and plan.get("status") in OPEN_PLANS
        and any(f"CareTeam/{each['id']}" == writing.name for each in coordination.teams_of(plan, writing.after))
    ]


def members(writing: Writing) -> Iterator[tuple[int, Json, str]]:
    """(index, participant, name) of the members who are there now or will be, and are named by a reference: "Type/id"
    here, or the address of somebody elsewhere."""
    for index, participant in enumerate((writing.proposed or {}).get("participant", ())):
        name = coordination.addressed(participant.get("member", {}), writing.after)
        _, end = coordination.bounds(participant.get("period"))
        if name is not None and end > writing.at:
            yield index, participant, name


def were_members(writing: Writing) -> set[str]:
    """Those who were active members before."""
    current = writing.current or {}
    if current.get("status") != "active":
        return set()
    return {
        name
        for each in current.get("participant", ())
        if (name := coordination.addressed(each.get("member", {}), writing.before)) is not None
        and coordination.bounds(each.get("period"))[1] > writing.at
    }


@on_write(
    "CareTeam",
    id="R1.1",
    source="seed 001: kootaan tarpeen mukaan asiakkaan suostumuksella",
    when=is_active_team,
    needs=("CarePlan", "CareTeam", "Consent", "RelatedPerson"),
    looks_up=True,
)
def a_member_of_an_active_team_is_covered_by_a_consent(writing: Writing) -> Iterator[Finding]:
    """The client and the coordinator in the plan's own register aside, in whatever other role; who is on the team
    already stays when a consent ends, and is told in the review."""
    theirs = of_shared_plan(writing)
    if not theirs:
        return
    held = were_members(writing)
    own = {each for _, one, each in members(writing) if is_own_coordinator(one, each, theirs, writing)}
    for index, participant, name in members(writing):
        if name == writing.client or name in held or name in own:
            continue
        start = max(coordination.bounds(participant.get("period"))[0], writing.at)
        on_behalf_of = writing.after.name_of(participant.get("onBehalfOf"))
        if not writing.acceptance.covers(name, on_behalf_of, writing.proposed or {}, start):
            fields = {"member": writing.called(participant["member"]), "client": writing.client_called}
            yield Finding("R1.1", "error", NOT_COVERED, fields, at=f"CareTeam.participant[{index}].member")


@on_write(
    "CareTeam",
    id="R1.1",
    source="seed 001: kootaan tarpeen mukaan asiakkaan suostumuksella",
    when=is_active_team,
    needs=("CarePlan", "CareTeam"),
    warns=True,
)
def a_member_whom_no_reference_names_is_told(writing: Writing) -> Iterator[Finding]:
    """No consent can name him, so none covers him; and nothing opens to him by the team."""
    team = writing.proposed or {}
    if not of_shared_plan(writing):
        return
    for index, participant in coordination.unaddressed(team, writing.after, writing.at):
        fields = {"member": participant["member"].get("display") or SOMEBODY, "client": writing.client_called}
        yield Finding("R1.1", "warning", UNADDRESSED, fields, at=f"CareTeam.participant[{index}].member")


def is_own_coordinator(participant: Json, name: str, theirs: list[Json], writing: Writing) -> bool:
    """Whether it is the coordinator, in the register that the plan or the team lies in as far as that is known."""
    if not codes.has(participant.get("role"), codes.TEAM_ROLE, "coordinator"):
        return False
    works_for = organizations(name, participant, writing.after)
    known = {*(f"CarePlan/{each['id']}" for each in theirs), writing.name}
    registers = {writing.after.registers.get(each) or writing.organization for each in known} - {None}
    return not works_for or not registers or bool(works_for & registers)


def organizations(name: str, participant: Json, situation: Situation) -> set[str | None]:
    """The organisations, and what they are part of, that a member works for, as far as it is known."""
    resource = situation.get(name) or {}
    found = [participant.get("onBehalfOf"), resource.get("organization")]
    found += [
        role.get("organization")
        for role in situation.of("PractitionerRole")
        if situation.name_of(role.get("practitioner")) == name
    ]
    names = {situation.name_of(each) for each in found if each} | (
        {name} if name.startswith("Organization/") else set()
    )
    names.discard(None)
    todo = list(names)
    while todo:
        above = situation.name_of((situation.get(todo.pop()) or {}).get("partOf"))
        if above is not None and above not in names:
            names.add(above)
            todo.append(above)
    return names


@on_write(
    "CareTeam",
    id="R1.2",
    source="seed 001: järjestön edustajista ja asiakkaan/potilaan läheisistä",
    when=is_active_team,
    needs=("CarePlan", "CareTeam", "RelatedPerson", "Patient"),
    looks_up=True,
)
def a_member_of_an_active_team_is_there_and_active(writing: Writing) -> Iterator[Finding]:
    """Who is on the team already is not asked again."""
    if not of_shared_plan(writing):
        return
    held = were_members(writing)
    for index, participant, name in members(writing):
        if name in held or name == writing.client or writing.after.name_of(name) is None:
            continue
        resource, type = writing.after.get(name), name.partition("/")[0]
        is_theirs = type != "Patient" and (
            type != "RelatedPerson" or writing.after.refers((resource or {}).get("patient"), writing.client)
        )
        words = None
        if resource is None or not is_theirs:
            words = NOT_THERE
        elif resource.get("active") is False or coordination.bounds(resource.get("period"))[1] <= writing.at:
            words = NOT_ACTIVE if type != "CareTeam" else None
        if words is not None:
            called = name if words is NOT_THERE else writing.called(participant["member"])
            fields = {"member": called, "client": writing.client_called}
            yield Finding("R1.2", "error", words, fields, at=f"CareTeam.participant[{index}].member")


@on_write(
    "EpisodeOfCare",
    id="R4.1",
    source="domain 2.2: mismatch of careManager and coordinator warns",
    when=lambda current, proposed: bool((proposed or {}).get("careManager")),
    needs=("CarePlan", "CareTeam"),
    warns=True,
)
def the_care_manager_is_the_coordinator(writing: Writing) -> Iterator[Finding]:
    """Of the active shared plan of that episode."""
    episode = writing.proposed or {}
    manager = writing.after.name_of(episode.get("careManager"))
    for plan in writing.after.of("CarePlan"):
        if not is_shared_plan(plan) or plan.get("status") != "active":
            continue
        if writing.after.episode_of(plan) != writing.name:
            continue
        found = coordination.coordinators(coordination.teams_of(plan, writing.after), writing.after, writing.at)
        if found and not persons(found[0], writing.after) & persons(manager or "", writing.after):
            fields = {"manager": writing.called(episode["careManager"]), "coordinator": writing.called(found[0])}
            yield Finding("R4.1", "warning", DIFFERS, fields, at="EpisodeOfCare.careManager")


def persons(name: str, situation: Situation) -> frozenset[str]:
    """A reference and, for a PractitionerRole, the person who holds it."""
    role = situation.get(name) if name.startswith("PractitionerRole/") else None
    person = situation.name_of(role.get("practitioner")) if role is not None else None
    return frozenset({name, person} if person is not None else {name})
