"""The open list: what nobody does, what has no date, what is left on, and what comes next."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sharedplan.care import codes
from sharedplan.care.finding import Words
from sharedplan.care.review import dates
from sharedplan.care.review.naming import activity, listed, thing
from sharedplan.care.review.referrals import falling_between, same_requests
from sharedplan.care.review.rule import Said, broken, met, rule
from sharedplan.care.review.view import Activity, View
from sharedplan.care.task import OPEN_TASKS
from sharedplan.fhir.exchanges import Json

PERFORMER: Words = ("tekijä", "utförare", "performer")
OWNER: Words = ("tekijä", "ansvarig", "owner")
DATE: Words = ("ajankohta", "tidpunkt", "date")
END: Words = ("määräpäivä", "slutdatum", "end date")
BOTH: Words = ("tekijä ja ajankohta", "utförare och tidpunkt", "performer and date")
OWNER_AND_END: Words = ("tekijä ja määräpäivä", "ansvarig och slutdatum", "owner and end date")
MEETING: Words = ("tapaaminen", "möte", "meeting")
RUNNING = frozenset({"in-progress", "scheduled", "on-hold"})


@rule("R3.7", source="miten asiat jatkossa etenevät, ja mikä on kenenkin osuus", needs=("Task",))
def the_client_sees_what_happens_next_and_who_does_it(view: View) -> Iterator[Said]:
    """Every open activity has a performer and a date, every open Task an owner and an end; the next step is named."""
    is_kept = True
    for each in view.open_activities:
        detail = each.detail or {}
        lacks_who, lacks_when = not detail.get("performer"), not any(key.startswith("scheduled") for key in detail)
        if lacks_who or lacks_when:
            is_kept = False
            yield broken(
                "Avoimelta kohdalta {what} puuttuu {lacks}.",
                "Den öppna punkten {what} saknar {lacks}.",
                "The open activity {what} lacks its {lacks}.",
                at=each.at,
                what=activity(each),
                lacks=BOTH if lacks_who and lacks_when else PERFORMER if lacks_who else DATE,
            )
    for task in view.tasks:
        if task.get("status") not in OPEN_TASKS:
            continue
        lacks_owner = "owner" not in task
        lacks_end = "end" not in task.get("restriction", {}).get("period", {})
        if lacks_owner or lacks_end:
            is_kept = False
            yield broken(
                "Avoimelta tehtävältä {what} puuttuu {lacks}.",
                "Den öppna uppgiften {what} saknar {lacks}.",
                "The open task {what} lacks its {lacks}.",
                at="Task.owner" if lacks_owner else "Task.restriction.period.end",
                what=thing(task),
                lacks=OWNER_AND_END if lacks_owner and lacks_end else OWNER if lacks_owner else END,
            )
    step = next_step(view)
    if step is not None:
        yield met(
            "Seuraavaksi: {what}, {who}, {when}.",
            "Härnäst: {what}, {who}, {when}.",
            "Next: {what}, {who}, {when}.",
            what=step.what,
            who=step.who,
            when=step.said,
        )
    if is_kept:
        yield met(
            "Jokaisella avoimella kohdalla on tekijä ja ajankohta.",
            "Varje öppen punkt har utförare och tidpunkt.",
            "Every open item has its performer and its date.",
        )


@dataclass(frozen=True, slots=True)
class Step:
    """What comes at an instant, or by then, and who does it."""

    when: datetime
    is_limit: bool
    what: Words
    who: str

    @property
    def said(self) -> Words:
        fi, sv, en = dates.said(self.when)
        return (f"viimeistään {fi}", f"senast {sv}", f"by {en}") if self.is_limit else (fi, sv, f"on {en}")


def next_step(view: View) -> Step | None:
    """What comes first from now on: a meeting, something that begins, or something that is to be done by a day; of
    several at once, the first in the plan."""
    steps: list[tuple[tuple[datetime, bool], Callable[[], Step]]] = []
    for each in view.open_activities:
        detail = each.detail or {}
        who = ", ".join(map(view.situation.called, detail.get("performer", ())))
        if who and (found := _next_of(detail, view.at)) is not None:
            steps.append((found, partial(_step, found, each, who)))
    for task in view.tasks:
        if task.get("status") in OPEN_TASKS and "owner" in task:
            found = _next_of_period(task.get("restriction", {}).get("period"), view.at)
            if found is not None:
                steps.append((found, partial(_step_of_task, found, task, view)))
    if view.next_meeting is not None:
        client = view.situation.client_called
        steps.append(((view.next_meeting, False), partial(Step, view.next_meeting, False, MEETING, client)))
    first = min(steps, key=lambda each: each[0], default=None)
    return first[1]() if first is not None else None


def _step(found: tuple[datetime, bool], each: Activity, who: str) -> Step:
    text = activity(each)
    return Step(*found, (text, text, text), who)


def _step_of_task(found: tuple[datetime, bool], task: Json, view: View) -> Step:
    text = thing(task)
    return Step(*found, (text, text, text), view.situation.called(task["owner"]))


def _next_of(detail: Json, at: datetime) -> tuple[datetime, bool] | None:
    timing = detail.get("scheduledTiming", {})
    events = [start for each in timing.get("event", ()) if (start := dates.start_of(each)) is not None and start >= at]
    if events:
        return min(events), False
    return _next_of_period(detail.get("scheduledPeriod") or timing.get("repeat", {}).get("boundsPeriod"), at)


def _next_of_period(period: Json | None, at: datetime) -> tuple[datetime, bool] | None:
    """(when the period begins, False), or once it has, (its last day, True)."""
    start = dates.start_of(period)
    if start is not None and start >= at:
        return start, False
    end = dates.extent((period or {}).get("end"))
    return (end[0], True) if end is not None and end[1] > at else None


@rule(
    "R3.8",
    source="palvelut voivat jäädä ”päälle”, eikä kenelläkään ole vastuuta; vastuuhenkilön tai palveluohjaajan "
    "järjestäminen",
    needs=("Task", "CareTeam"),
)
def nothing_is_left_on_without_review_or_responsible_person(view: View) -> Iterator[Said]:
    """An active plan has one named responsible person and an open dated review; nothing runs past its end."""
    is_kept = True
    if view.is_active and not view.crew.coordinators:
        is_kept = False
        yield broken(
            "Suunnitelmalla ei ole nimettyä vastuuhenkilöä.",
            "Planen har ingen namngiven ansvarig person.",
            "The plan has no named responsible person.",
            at="CareTeam.participant",
        )
    review, late = _reviews(view)
    for each in late:
        is_kept = False
        yield broken(
            "Suunnitelman tarkistaminen {what} on myöhässä: sen piti olla tehty {end}.",
            "Granskningen av planen {what} är försenad: den skulle ha gjorts {end}.",
            "The review of the plan {what} is overdue: it was to be done by {end}.",
            at="Task.restriction.period.end",
            what=thing(each),
            end=dates.said(dates.last_day(each["restriction"]["period"])),
        )
    if review is None and not late and view.is_active:
        is_kept = False
        yield broken(
            "Suunnitelmalle ei ole sovittu tarkistuspäivää: avoin, päivätty tarkistustehtävä puuttuu.",
            "Ingen dag för granskning av planen har avtalats: en öppen, daterad granskningsuppgift saknas.",
            "No day is agreed for reviewing the plan: there is no open, dated review task.",
            at="CarePlan",
        )
    for what, end, at in _left_on(view, late):
        is_kept = False
        yield broken(
            "{what} on jäänyt päälle: sen oli määrä päättyä {end}.",
            "{what} fortgår ännu: det skulle ha slutat {end}.",
            "{what} was left on: it was to end on {end}.",
            at=at,
            what=what,
            end=dates.said(dates.last_day({"end": end})),
        )
    if is_kept and review is not None:
        yield met(
            "Suunnitelma tarkistetaan viimeistään {end} ({what}); mitään ei ole jäänyt päälle.",
            "Planen granskas senast {end} ({what}); ingenting fortgår efter sin sluttid.",
            "The plan is reviewed by {end} ({what}); nothing was left on.",
            end=dates.said(dates.last_day(review["restriction"]["period"])),
            what=thing(review),
        )


def _reviews(view: View) -> tuple[Json | None, list[Json]]:
    """(the next open dated review, those past their end)."""
    open_ = [
        (end, each)
        for each in view.tasks_of("review")
        if each.get("status") in OPEN_TASKS
        and (end := dates.end_of(each.get("restriction", {}).get("period"))) is not None
    ]
    coming = [(end, each) for end, each in open_ if end > view.at]
    late = [each for end, each in open_ if end <= view.at]
    return (min(coming, key=lambda pair: pair[0])[1] if coming else None), late


def _left_on(view: View, reviews: list[Json]) -> Iterator[tuple[str, str, str]]:
    """(what, its end as stated, where) of what runs past its end."""
    for each in view.open_activities:
        detail = each.detail or {}
        period = detail.get("scheduledPeriod") or detail.get("scheduledTiming", {}).get("repeat", {}).get(
            "boundsPeriod"
        )
        end = dates.end_of(period)
        if each.status in RUNNING and end is not None and end <= view.at:
            yield activity(each), period["end"], each.at
    for task in view.tasks:
        period = task.get("restriction", {}).get("period")
        end = dates.end_of(period)
        if task.get("status") == "in-progress" and end is not None and end <= view.at and task not in reviews:
            yield thing(task), period["end"], "Task.restriction.period.end"


@rule("R3.16", source="eteneminen on kiinni jonkun toisen palvelun saamisesta", needs=("Task",), timeless=True)
def a_step_that_waits_says_why(view: View) -> Iterator[Said]:
    """Whatever is on hold states its reason."""
    waiting = 0
    is_kept = True
    for each in view.activities:
        if each.detail is not None and each.status == "on-hold":
            waiting += 1
            reason = _reason(each.detail.get("statusReason"))
            is_kept = is_kept and reason is not None
            yield _waits(activity(each), reason, f"{each.at}.detail.statusReason")
    for task in view.tasks:
        if task.get("status") == "on-hold":
            waiting += 1
            reason = _reason(task.get("statusReason")) or _reason(task.get("businessStatus"))
            is_kept = is_kept and reason is not None
            yield _waits(thing(task), reason, "Task.statusReason")
    if not waiting:
        yield met(
            "Mikään vaihe ei odota muuta palvelua.",
            "Inget steg väntar på någon annan tjänst.",
            "No step waits for another service.",
        )


def _waits(what: str, reason: str | None, at: str) -> Said:
    if reason is None:
        return broken(
            "{what} on pysähdyksissä, mutta syytä ei ole kirjattu.",
            "{what} är vilande, men skälet har inte antecknats.",
            "{what} is on hold, and no reason is recorded.",
            at=at,
            what=what,
        )
    return met(
        "{what} odottaa: {reason}", "{what} väntar: {reason}", "{what} is on hold: {reason}", what=what, reason=reason
    )


def _reason(concept: Json | None) -> str | None:
    coded = (concept or {}).get("coding", ())
    text = (concept or {}).get("text") or next((c.get("display") or c.get("code") for c in coded), None)
    return str(text) if text else None


@rule(
    "R1.6",
    source="vähentää päällekkäisien palvelujen käyttöä, palveluiden väliin tippumista",
    needs=("Task", "ServiceRequest"),
)
def duplicates_and_falling_between_services_are_visible(view: View) -> Iterator[Said]:
    """Two active activities of the same service; a referral that was declined or ran out, with no follow-up."""
    is_kept = True
    for same in _same_services(view):
        is_kept = False
        yield broken(
            "Sama palvelu on suunnitelmassa useammin kuin kerran: {what}.",
            "Samma tjänst finns mer än en gång i planen: {what}.",
            "The same service is in the plan more than once: {what}.",
            at=same[-1].at,
            what=listed(map(activity, same)),
        )
    for each in (*same_requests(view), *falling_between(view)):
        is_kept = False
        yield each
    if is_kept:
        yield met(
            "Päällekkäisiä palveluja ei ole, eikä yksikään lähete ole jäänyt palvelujen väliin.",
            "Det finns inga överlappande tjänster, och ingen remiss har fallit mellan tjänster.",
            "There are no duplicate services, and no referral has fallen between services.",
        )


def _same_services(view: View) -> list[list[Activity]]:
    """Groups of open activities with a service code in common; without a code, with the same words."""
    groups: dict[str, list[Activity]] = defaultdict(list)
    for each in view.activities:
        is_open = each.status in ("not-started", "scheduled", "in-progress", "on-hold") or (
            each.resource is not None and each.status in (*OPEN_TASKS, "active")
        )
        if not is_open:
            continue
        for key in _services(each):
            groups[key].append(each)
    found = [group for group in groups.values() if len(group) > 1]
    return [group for number, group in enumerate(found) if group not in found[:number]]


def _services(each: Activity) -> list[str]:
    """What the activity is, as keys to compare; the codes of Tasks of our own tell no service."""
    concept = (each.detail or each.resource or {}).get("code", {})
    coded = [
        f"{coding.get('system', '')}|{coding['code']}"
        for coding in concept.get("coding", ())
        if "code" in coding and coding.get("system") != codes.TASK and coding.get("system") != codes.ASSESSMENT_TIER
    ]
    if coded or each.detail is None:
        return coded
    text = " ".join(str(concept.get("text", "")).split()).casefold()
    return [text] if text else []
