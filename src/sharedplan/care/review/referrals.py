"""Referrals: what they state, who holds them, whether the client is passed around or falls in between."""

from collections.abc import Iterator
from datetime import datetime

from sharedplan.care import codes, displays
from sharedplan.care.finding import Words
from sharedplan.care.review import dates
from sharedplan.care.review.naming import thing, words_listed
from sharedplan.care.review.rule import Said, broken, met, rule, unjudged
from sharedplan.care.review.taking_on import WAITING, wait_of
from sharedplan.care.review.view import HELD_TASKS, View
from sharedplan.fhir.exchanges import Json

BACKGROUND: dict[str, Words] = {
    "cooperation-tried": (
        "mitä yhteistyötä on jo tehty",
        "vilket samarbete som redan har prövats",
        "the cooperation already tried",
    ),
    "help-not-received": (
        "ettei asiakas ole saanut tarvitsemaansa apua",
        "att klienten inte har fått den hjälp som behövs",
        "that the client did not get the help needed",
    ),
}
OWNER_WITHIN = 14
"""Days that a referral may wait for somebody to take hold, where no model says otherwise."""

REFERRERS = frozenset({"adult-social-services"})
FAILED = frozenset({"rejected", "failed", "cancelled"})
_NEEDS = ("ServiceRequest", "Task")


def _none_seen() -> Said:
    return unjudged("Lähetettä ei ole nähtävissä.", "Ingen remiss syns.", "No referral is there to be seen.")


@rule(
    "R0.2",
    source="Monialaista yhteistyötä on jo tehty laajasti, mutta asiakas ei koe saaneensa tarvitsemaansa apua",
    needs=("ServiceRequest",),
)
def a_referral_states_its_background(view: View) -> Iterator[Said]:
    """The cooperation tried, and that it did not help."""
    if not view.referrals:
        yield _none_seen()
    for each in view.referrals:
        stated = codes.codes(each.get("reasonCode"), codes.REFERRAL_BACKGROUND)
        lacking = [words for code, words in BACKGROUND.items() if code not in stated]
        if lacking:
            yield broken(
                "Lähetteestä {what} ei käy ilmi, {lacking}.",
                "Av remissen {what} framgår inte {lacking}.",
                "The referral {what} does not state {lacking}.",
                at="ServiceRequest.reasonCode",
                what=thing(each),
                lacking=words_listed(lacking),
            )
        else:
            yield met(
                "Lähetteestä {what} käyvät ilmi jo tehty yhteistyö ja se, ettei apua ole saatu.",
                "Av remissen {what} framgår det prövade samarbetet och att hjälpen uteblivit.",
                "The referral {what} states the cooperation tried and that the help was not received.",
                what=thing(each),
            )


@rule("R1.7", source="asiakasohjauksia tuli vähän; asiakkaan tunnistaminen on erityisen tärkeää", needs=_NEEDS[:1])
def referrals_can_be_counted_by_source_and_month(view: View) -> Iterator[Said]:
    """Each says who referred and when; the counts are those of the measure "referrals"."""
    if not view.referrals:
        yield _none_seen()
    for each in view.referrals:
        when = dates.start_of(each.get("authoredOn"))
        if when is None or "requester" not in each:
            yield broken(
                "Lähetettä {what} ei voi laskea lähteen ja kuukauden mukaan: lähettäjä tai päivä puuttuu.",
                "Remissen {what} kan inte räknas efter källa och månad: avsändare eller dag saknas.",
                "The referral {what} cannot be counted by source and month: its requester or its day is missing.",
                at="ServiceRequest.requester" if "requester" not in each else "ServiceRequest.authoredOn",
                what=thing(each),
            )
        else:
            yield met(
                "Lähete tuli {when}, lähettäjä {who}. Lukumäärät lähteittäin ja kuukausittain: Measure/referrals.",
                "Remissen kom {when} från {who}. Antalen enligt källa och månad: Measure/referrals.",
                "The referral came on {when} from {who}. Counts by source and month: Measure/referrals.",
                when=dates.said(when),
                who=view.situation.called(each["requester"]),
            )


@rule("R2.6", source="ohjaudutaan aikuisten sosiaalipalveluista", needs=_NEEDS[:1])
def the_referrer_is_whom_the_model_expects(view: View) -> Iterator[Said]:
    """By the organisation of the requester; another source is told, and nothing is stopped."""
    wanted = (view.model.referrer_types if view.model is not None else frozenset()) or REFERRERS
    expected = displays.all_of(displays.of_code(codes.ORGANIZATION_TYPE, each) for each in sorted(wanted))
    if not view.referrals:
        yield _none_seen()
    for each in view.referrals:
        requester = each.get("requester")
        kinds = view.crew.kinds_of(view.crew.organizations_of(view.situation.name_of(requester)))
        who = view.situation.called(requester) if requester is not None else "–"
        if kinds & wanted:
            yield met(
                "Lähettäjä on odotetulta taholta ({expected}): {who}.",
                "Avsändaren är från det håll som väntas ({expected}): {who}.",
                "The referrer is of whom the model expects ({expected}): {who}.",
                who=who,
                expected=expected,
            )
        elif kinds or requester is None:
            yield broken(
                "Lähete {what} ei tullut odotetulta taholta ({expected}; lähettäjä: {who}).",
                "Remissen {what} kom inte från det håll som väntas ({expected}; avsändare: {who}).",
                "The referral {what} did not come from whom the model expects ({expected}; requester: {who}).",
                at="ServiceRequest.requester",
                expected=expected,
                what=thing(each),
                who=who,
            )
        else:
            yield unjudged(
                "Lähettäjän {who} organisaatiota ei tunneta, joten sen lajia ei voi arvioida.",
                "Avsändarens ({who}) organisation är inte känd, så dess slag kan inte bedömas.",
                "The organisation of the requester {who} is not known, so its kind cannot be judged.",
                who=who,
            )


@rule("R2.7", source="toiselle asiantuntijalle työparina ja konsultointitukena", needs=("Task", "CareTeam"))
def a_pair_may_consult_without_joining_the_team(view: View) -> Iterator[Said]:
    """Consultations asked of the pair or by it; whoever is consulted need not become a member."""
    asked = [
        each
        for each in view.situation.of("Task")
        if codes.has(each.get("code"), codes.TASK, "consultation") and each.get("status") != "entered-in-error"
    ]
    members = {name for each in view.crew.people for name in view.crew.grants_of(each.name)[0]}
    outside = [each for each in asked if view.situation.name_of(each.get("owner")) not in members]
    yield met(
        "Konsultaatioita: {count}, niistä tiimin ulkopuolisille {outside}. Konsultoitu ei liity tiimiin.",
        "Konsultationer: {count}, av dem till utomstående {outside}. Den som konsulteras blir inte medlem i teamet.",
        "Consultations: {count}, of them {outside} of people outside the team. Who is consulted does not join it.",
        count=str(len(asked)),
        outside=str(len(outside)),
    )


@rule("R3.9", source="pompottelun palvelupisteestä toiseen; ”ei kuulu meille”", needs=_NEEDS)
def a_client_is_not_bounced(view: View) -> Iterator[Said]:
    """How often a referral was turned away, by whom and why, and how long each took until somebody accepted it, or has
    been waiting; warned of while nobody holds one that was turned away."""
    rejected = [each for tasks in view.referral_tasks.values() for each in rejections(tasks)]
    yield met(
        "Lähetteitä torjuttu: {count}{whom}.{waits}",
        "Avvisade remisser: {count}{whom}.{waits}",
        "Rejections of referrals: {count}{whom}.{waits}",
        count=str(len(rejected)),
        whom=f" ({'; '.join(_turned_away(view, each) for each in rejected)})" if rejected else "",
        waits=_waits_told(view),
    )
    for name, tasks in view.referral_tasks.items():
        refusals = rejections(tasks)
        if len(refusals) > 1 and not any(each.get("status") in HELD_TASKS for each in tasks):
            yield broken(
                "Asiakasta on pompoteltu: {what} on torjuttu {count} kertaa, eikä kukaan ole ottanut sitä vastaan.",
                "Klienten har bollats runt: {what} har avvisats {count} gånger, och ingen har tagit emot den.",
                "The client is being bounced: {what} was turned away {count} times, and nobody has taken it on.",
                at="Task.status",
                what=_about(view, name),
                count=str(len(refusals)),
            )


def rejections(tasks: list[Json]) -> list[Json]:
    """Of the Tasks by which a referral was handed on, those by which it was turned away."""
    return [each for each in tasks if each.get("status") == "rejected"]


def _waits_told(view: View) -> Words:
    """How long each referral that was handed on took, or has been waiting: " Time to acceptance: …"."""
    said = [_wait_told(view, name, tasks) for name, tasks in view.referral_tasks.items()]
    told = [each for each in said if each is not None]
    if not told:
        return ("", "", "")
    rows = ["; ".join(each[number] for each in told) for number in range(3)]
    return (
        f" Aika lähetteestä vastaanottoon: {rows[0]}.",
        f" Tid från remiss till mottagande: {rows[1]}.",
        f" Time from the referral to its acceptance: {rows[2]}.",
    )


def _wait_told(view: View, name: str, tasks: list[Json]) -> Words | None:
    """None where nobody accepted it and nobody is to any more."""
    found, what = wait_of(view.situation.get(name) or {}, tasks), _about(view, name)
    if found.is_accepted and found.days is None:
        said: Words = (
            "vastaanotettu, aika ei ole tiedossa",
            "mottagen, tiden är inte känd",
            "accepted, the time is not known",
        )
    elif found.days is not None:
        said = dates.days(found.days) if found.days else ("samana päivänä", "samma dag", "the same day")
    elif not found.is_waiting:
        return None
    elif found.requested is None or found.requested > view.today:
        said = ("odottaa vastaanottajaa", "väntar på mottagare", "waiting for somebody to accept it")
    else:
        fi, sv, en = dates.days((view.today - found.requested).days)
        said = (f"odottanut {fi}", f"har väntat {sv}", f"has been waiting for {en}")
    return (f"{what}: {said[0]}", f"{what}: {said[1]}", f"{what}: {said[2]}")


def _turned_away(view: View, task: Json) -> str:
    """Who turned it away and why: "Kai: wrong service"."""
    who = view.situation.called(task["owner"]) if "owner" in task else f"Task/{task.get('id')}"
    reason = task.get("statusReason", {})
    why = reason.get("text") or next((str(c["display"]) for c in reason.get("coding", ()) if "display" in c), None)
    return f"{who}: {why}" if why else who


def _about(view: View, name: str) -> str:
    resource = view.situation.get(name)
    return thing(resource) if resource is not None else name


def falling_between(view: View) -> Iterator[Said]:
    """The referrals that were declined or ran out, with no follow-up (a part of R1.6)."""
    for name, tasks in view.referral_tasks.items():
        lost = [each for each in tasks if _is_lost(each, view.at)]
        if lost and all(each in lost for each in tasks):
            last = lost[-1]
            is_declined = last.get("status") in FAILED
            yield broken(
                "{what}: {how}, eikä kukaan ole ottanut asiaa jatkettavaksi ({task}).",
                "{what}: {how}, och ingen har följt upp ärendet ({task}).",
                "{what}: {how}, and nobody follows it up ({task}).",
                at="Task.status",
                what=_about(view, name),
                how=_DECLINED if is_declined else _EXPIRED,
                task=f"Task/{last.get('id')}",
            )


_DECLINED: Words = ("lähete on torjuttu", "remissen har avvisats", "the referral was declined")
_EXPIRED: Words = ("määräaika on kulunut umpeen", "tiden har gått ut", "its time ran out")


def _waits(tasks: list[Json]) -> bool:
    """Whether somebody is asked, and nobody has taken it on."""
    return any(each.get("status") in WAITING for each in tasks) and not any(
        each.get("status") in HELD_TASKS for each in tasks
    )


def same_requests(view: View) -> Iterator[Said]:
    """Active requests of one service (a part of R1.6)."""
    first: dict[tuple[str, str], Json] = {}
    for each in view.situation.of("ServiceRequest"):
        if each.get("status") != "active":
            continue
        coded = [(c.get("system", ""), c["code"]) for c in each.get("code", {}).get("coding", ()) if "code" in c]
        other = next((first[code] for code in coded if code in first), None)
        if other is not None:
            yield broken(
                "Samaa palvelua on pyydetty kahdesti: {one}, {other}.",
                "Samma tjänst har begärts två gånger: {one}, {other}.",
                "The same service is requested twice: {one}, {other}.",
                at="ServiceRequest.code",
                one=thing(other),
                other=thing(each),
            )
        first |= {code: each for code in coded if code not in first}


def _is_lost(task: Json, at: datetime) -> bool:
    end = dates.end_of(task.get("restriction", {}).get("period"))
    return task.get("status") in FAILED or (task.get("status") in WAITING and end is not None and end <= at)


@rule("R4.10", source="asioista otetaan kokonaisvaltaisesti koppi", needs=_NEEDS)
def no_referral_stays_without_an_owner(view: View) -> Iterator[Said]:
    """Longer than the set time; a referral is owned once somebody has accepted it."""
    within = view.model.owner_within if view.model is not None else OWNER_WITHIN
    episode = view.situation.get(view.situation.episode) or {}
    taken_up = {view.situation.name_of(each) for each in episode.get("referralRequest", ())}
    open_, late = 0, 0
    requests = view.situation.of("ServiceRequest")
    loose = [tasks[0] for name, tasks in view.referral_tasks.items() if name.startswith("Task/") and _waits(tasks)]
    for each in (*requests, *loose):
        tasks = view.referral_tasks.get(view.name(each), [])
        is_held = any(task.get("status") in HELD_TASKS and "owner" in task for task in tasks)
        if each.get("status") not in ("active", "on-hold", *WAITING) or is_held:
            continue
        if not tasks and view.name(each) in taken_up and episode.get("careManager") is not None:
            continue
        open_ += 1
        since = dates.start_of(each.get("authoredOn"))
        if since is None:
            yield unjudged(
                "Lähetteellä {what} ei ole ottajaa eikä päivää.",
                "Remissen {what} har ingen ansvarig och ingen dag.",
                "The referral {what} has no owner and no day.",
                what=thing(each),
            )
        elif (waited := (view.today - dates.day(since)).days) > within:
            late += 1
            yield broken(
                "Lähete {what} on ollut ilman ottajaa {days} (raja {within}).",
                "Remissen {what} har varit utan ansvarig i {days} (gränsen är {within}).",
                "The referral {what} has been without an owner for {days} (the limit is {within}).",
                at=f"{each['resourceType']}.{'owner' if each['resourceType'] == 'Task' else 'performer'}",
                what=thing(each),
                days=dates.days(waited),
                within=dates.days(within),
            )
    if not late:
        yield met(
            "Yksikään lähete ei ole ollut ilman ottajaa yli {within} (ottajaa odottaa nyt {open}).",
            "Ingen remiss har varit utan ansvarig i mer än {within} (nu väntar {open}).",
            "No referral has been without an owner for more than {within} (waiting now: {open}).",
            within=dates.days(within),
            open=str(open_),
        )
