"""Who is on the team and by whose leave: consents, narrower views, exchange across organisations, silent members."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta

from sharedplan.care.review import covering, dates
from sharedplan.care.review.crew import ROLES, Member
from sharedplan.care.review.naming import listed, words_listed
from sharedplan.care.review.rule import Said, broken, met, rule, unjudged
from sharedplan.care.review.view import View
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import LATEST

SILENT_AFTER = 90
"""Days, where no model says otherwise."""

NARROW_KINDS = frozenset({"ngo", "employment-services"})


def _nobody(view: View) -> Iterator[Said]:
    if not view.crew.people:
        yield unjudged(
            "Suunnitelmalla ei ole voimassa olevaa tiimiä.",
            "Planen har inget team i kraft.",
            "The plan has no team in force.",
        )


@rule("R1.1", source="kootaan tarpeen mukaan asiakkaan suostumuksella", needs=("CareTeam", "Consent"))
def a_member_is_covered_by_the_clients_consent(view: View) -> Iterator[Said]:
    """For the person, a role of his or his organisation; the coordinator needs none in the own register."""
    yield from _nobody(view)
    uncovered = [each for each, consent in consented(view) if consent is None]
    others = [*covering.unaddressed(view), *covering.elsewhere_or_to_come(view)]
    yield from others
    for each in uncovered:
        yield broken(
            "{who} on tiimin jäsen, mutta asiakkaan voimassa oleva suostumus häntä varten puuttuu.",
            "{who} är medlem i teamet, men klientens gällande samtycke för hen saknas.",
            "{who} is a member of the team, and the client's consent for that member is missing.",
            at=f"{each.at}.member",
            who=each.called,
        )
    if view.crew.people and not uncovered and not others:
        yield met(
            "Asiakkaan suostumus kattaa kaikki tiimin jäsenet ({who}).",
            "Klientens samtycke omfattar alla teammedlemmar ({who}).",
            "The client's consent covers every member of the team ({who}).",
            who=listed(each.called for each in view.crew.people),
        )


def consented(view: View) -> list[tuple[Member, str | None]]:
    """The members for whom a consent is needed, each with the one that covers him ("Consent/1"); None without. The
    coordinator needs none in a second role either."""
    keeper = view.situation.registers.get(view.situation.plan or "")
    own = {each.name for each in view.crew.people if _is_own(each, keeper)}
    return [(each, _covered(view, each)) for each in view.crew.people if each.name not in own]


def _is_own(member: Member, keeper: str | None) -> bool:
    """Whether it is the coordinator, in the register that keeps the plan, as far as that is known."""
    return member.is_coordinator and (keeper is None or not member.organizations or keeper in member.organizations)


def _covered(view: View, member: Member) -> str | None:
    """The consent that covers him in one of his places on the team."""
    found = (view.acceptance.consent_for(member.name, place, team, view.at) for team, place in member.places)
    return next((each for each in found if each is not None), None)


@rule("R1.2", source="järjestön edustajista ja asiakkaan/potilaan läheisistä", needs=("CareTeam", "RelatedPerson"))
def ngo_workers_and_relatives_are_members_with_a_narrower_view(view: View) -> Iterator[Said]:
    """Each member is there and active, a relative is the client's, and who sees less is named."""
    yield from _nobody(view)
    is_kept = True
    for each in view.crew.people:
        resource = view.situation.get(each.name)
        if resource is None and not each.name.startswith("RelatedPerson/"):
            continue  # the directory need not hold everybody
        why = _why_not(view, resource)
        if why is not None:
            is_kept = False
            yield broken(
                f"{{who}} on tiimin jäsen, mutta {why[0]}.",
                f"{{who}} är medlem i teamet, men {why[1]}.",
                f"{{who}} is a member of the team, but {why[2]}.",
                at=f"{each.at}.member",
                who=each.called,
            )
    narrow = [each for each in view.crew.people if each.is_relative or each.roles & {"ngo", "employment"}]
    narrow += [each for each in view.crew.people if each not in narrow and each.kinds & NARROW_KINDS]
    if narrow:
        yield met(
            "Suppeammalla näkymällä mukana: {who}. Asiakas päättää, mitä he näkevät.",
            "Med en snävare vy deltar: {who}. Klienten bestämmer vad de ser.",
            "With a narrower view: {who}. The client decides what they see.",
            who=listed(each.called for each in narrow),
        )
    elif view.crew.people and is_kept:
        yield met(
            "Tiimissä ei ole läheisiä eikä järjestön työntekijöitä; he voivat liittyä suppeammalla näkymällä.",
            "I teamet finns inga närstående eller organisationsmedarbetare; de kan komma med med en snävare vy.",
            "No relatives or NGO workers are on the team; they can join with a narrower view.",
        )


def _why_not(view: View, resource: Json | None) -> tuple[str, str, str] | None:
    """Why it is no member as it should be."""
    if resource is None:
        return ("häntä ei löydy", "hen hittas inte", "is not found")
    if not resource.get("active", True):
        return ("häntä ei ole merkitty aktiiviseksi", "hen är inte aktiv", "is not active")
    if resource["resourceType"] == "RelatedPerson":
        if not view.is_clients(resource.get("patient")):
            return ("hän on toisen asiakkaan läheinen", "hen är en annan klients närstående", "is another's relative")
        if not dates.covers(resource.get("period"), view.at):
            return ("aika läheisenä on päättynyt", "tiden som närstående är över", "the time as a relative is over")
    return None


@rule(
    "R1.4",
    source="tiedon antamista ja vastaanottamista, yhteisen tiedon hyödyntämistä",
    needs=("CareTeam",),
)
def every_member_gives_and_receives(view: View) -> Iterator[Said]:
    """Each has read or written within the period, by the log or by what is written under the name."""
    yield from _nobody(view)
    if not view.crew.people:
        return
    days = view.model.silent_after if view.model is not None else SILENT_AFTER
    if view.situation.traces is None:
        yield unjudged(
            "Et näe asiakkaan käyttölokia, joten siitä, kuka on ollut hiljaa, ei oteta kantaa.",
            "Du ser inte klientens användningslogg, så det tas inte ställning till vem som varit tyst.",
            "You do not see the client's log, so nothing is said of who has been silent.",
        )
        return
    since = view.at - timedelta(days=days)
    heard = _heard(view, since)
    silent = [
        each
        for each in view.crew.people
        if (each.since is None or each.since <= since) and heard.isdisjoint(view.crew.grants_of(each.name)[0])
    ]
    for each in silent:
        system = _system_of(view, each, since)
        yield broken(
            "{who} ei ole {days} päivän aikana lukenut eikä kirjannut mitään{system}.",
            "{who} har inte läst eller skrivit något på {days} dagar{system}.",
            "{who} has neither read nor written anything within {days} days{system}.",
            at=each.at,
            who=each.called,
            days=str(days),
            system=system,
        )
    if not silent:
        yield met(
            "Kukaan tiimin jäsen ei ole ollut hiljaa {days} päivää.",
            "Ingen i teamet har varit tyst i {days} dagar.",
            "No member of the team has been silent for {days} days.",
            days=str(days),
        )


def _heard(view: View, since: datetime) -> frozenset[str]:
    """Those who have read or written since then: persons and, of members that are such, organisations."""
    read = {each.person or each.organization for each in view.situation.traces or () if each.last >= since}
    return contributors(view, (since, LATEST)) | {each for each in read if each is not None}


def contributors(view: View, when: dates.Range) -> frozenset[str]:
    """Those under whose name something was written meanwhile, who took part in a meeting that came about, or who
    finished a task of theirs."""
    return frozenset(who for each in view.contributions for who, at in each.items() if _is_any_in(at, when))


def _is_any_in(at: list[datetime], when: dates.Range) -> bool:
    place = bisect_left(at, when[0])
    return place < len(at) and at[place] < when[1]


def _system_of(view: View, member: Member, since: datetime) -> tuple[str, str, str]:
    """That his organisation's system was there meanwhile, when it was."""
    found = [
        trace
        for trace in view.situation.traces or ()
        if trace.person is None and trace.organization in member.organizations and trace.last >= since
    ]
    if not found:
        return ("", "", "")
    last = max(found, key=lambda trace: trace.last)
    name, (fi, sv, en) = view.situation.called(last.organization), dates.said(last.last)
    return (
        f"; organisaation järjestelmä on ({name}, {fi})",
        f"; organisationens system har ({name}, {sv})",
        f"; the system of the organisation has ({name}, {en})",
    )


@rule(
    "R4.2",
    source="edellyttää asiakkaan suostumusta ammattilaisten väliseen tietojen vaihtoon; laki 703/2023",
    needs=("CareTeam", "Consent"),
)
def exchange_between_organisations_rests_on_consent(view: View) -> Iterator[Said]:
    """Each organisation of the team, other than the one that keeps the plan, is covered; else its reads are refused."""
    yield from _nobody(view)
    keeper = view.situation.registers.get(view.situation.plan or "")
    closed: dict[str, list[str]] = {}
    open_: dict[str, str] = {}
    for each in view.crew.people:
        place = next(iter(each.organizations), None)
        if place is None or place == keeper or _is_own(each, keeper):
            continue
        consent = _covered(view, each)
        if consent is None:
            closed.setdefault(place, []).append(each.called)
        elif consent is not None:
            open_[place] = consent
    for place, who in closed.items():
        yield broken(
            "{place} ei saa suunnitelman tietoja, koska suostumus puuttuu ({who}).",
            "{place} får inte planens uppgifter, eftersom samtycke saknas ({who}).",
            "{place} is not given the plan's data, for there is no consent ({who}).",
            at="CareTeam.participant",
            place=view.situation.called(place),
            who=listed(who),
        )
    if open_ and not closed:
        yield met(
            "Tiedot kulkevat asiakkaan suostumuksella: {places}.",
            "Uppgifterna utbyts med klientens samtycke: {places}.",
            "Data is exchanged with the client's consent: {places}.",
            places=listed(f"{view.situation.called(place)} ({consent})" for place, consent in open_.items()),
        )
    elif view.crew.people and not closed:
        yield met(
            "Tietoja ei vaihdeta organisaatioiden välillä; ilman suostumusta palvelu ei niitä luovuta.",
            "Uppgifter utbyts inte mellan organisationer; utan samtycke lämnar tjänsten inte ut dem.",
            "Nothing is exchanged between organisations; without consent the service does not disclose it.",
        )


@rule("R4.9", source="työllisyyspalveluiden ammattilaisista", needs=("CareTeam",))
def the_team_may_hold_employment_services(view: View) -> Iterator[Said]:
    """A third administration, in no register of health or social care; nothing is broken without it."""
    there = view.crew.by_administration.get("employment", [])
    if there:
        yield met(
            "Tiimissä on työllisyyspalvelujen työntekijä: {who}.",
            "I teamet finns en anställd vid sysselsättningstjänsterna: {who}.",
            "Employment services are on the team: {who}.",
            who=listed(each.called for each in there),
        )
        return
    yield met(
        "Tiimissä ei ole työllisyyspalveluja; ne voivat liittyä asiakkaan suostumuksella.",
        "Sysselsättningstjänsterna är inte med i teamet; de kan komma med med klientens samtycke.",
        "Employment services are not on the team; they can join with the client's consent.",
    )


def roles_in_words(roles: list[str]) -> tuple[str, str, str]:
    """Codes of team-role as people say them."""
    return words_listed(ROLES.get(each, (each, each, each)) for each in roles)
