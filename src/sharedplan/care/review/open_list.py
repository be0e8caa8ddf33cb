"""The open list: what nobody does, what has no date, what is left on, and what comes next."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from sharedplan.care.finding import Words
from sharedplan.care.review import dates
from sharedplan.care.review.naming import activity, listed, thing
from sharedplan.care.review.referrals import falling_between, same_requests
from sharedplan.care.review.rule import Said, broken, met, rule
from sharedplan.care.review.traits import services_of
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
    lacking = view.once(_lacking)
    yield from lacking
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
    if not lacking:
        yield met(
            "Jokaisella avoimella kohdalla on tekijä ja ajankohta.",
            "Varje öppen punkt har utförare och tidpunkt.",
            "Every open item has its performer and its date.",
        )


def _lacking(view: View) -> list[Said]:
    """Of each open activity and Task what it lacks."""
    return [*_lacks(view)]


def _lacks(view: View) -> Iterator[Said]:
    for each in view.open_activities:
        detail = each.detail or {}
        lacks_who, lacks_when = not detail.get("performer"), not any(key.startswith("scheduled") for key in detail)
        if lacks_who or lacks_when:
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
            yield broken(
                "Avoimelta tehtävältä {what} puuttuu {lacks}.",
                "Den öppna uppgiften {what} saknar {lacks}.",
                "The open task {what} lacks its {lacks}.",
                at="Task.owner" if lacks_owner else "Task.restriction.period.end",
                what=thing(task),
                lacks=OWNER_AND_END if lacks_owner and lacks_end else OWNER if lacks_owner else END,
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


class Ahead(NamedTuple):
    """An open activity or Task with its times: when it happens, when it begins, and the day by which it is to be done,
    each as far as that is said. `who`: the performers of an activity, as people call them."""

    events: tuple[datetime, ...]
    start: datetime | None
    end: dates.Range | None
    activity: Activity | None
    who: str
    task: Json

    def next(self, at: datetime) -> tuple[datetime, bool] | None:
        """(when it happens or begins, False), or once it has begun, (the day, True)."""
        if events := [each for each in self.events if each >= at]:
            return min(events), False
        if self.start is not None and self.start >= at:
            return self.start, False
        return (self.end[0], True) if self.end is not None and self.end[1] > at else None

    def step(self, found: tuple[datetime, bool], view: View) -> Step:
        text = activity(self.activity) if self.activity is not None else thing(self.task)
        return Step(*found, (text, text, text), self.who or view.situation.called(self.task.get("owner")))


def next_step(view: View) -> Step | None:
    """What comes first from now on: a meeting, something that begins, or something that is to be done by a day; of
    several at once, the first in the plan."""
    steps = [(found, each) for each in view.once(_ahead) if (found := each.next(view.at)) is not None]
    first = min(steps, key=itemgetter(0), default=None)
    if view.next_meeting is not None and (first is None or (view.next_meeting, False) < first[0]):
        return Step(view.next_meeting, False, MEETING, view.situation.client_called)
    return first[1].step(first[0], view) if first is not None else None


def _ahead(view: View) -> list[Ahead]:
    """All that somebody has in hand, in the order of the plan."""
    found = []
    for each in view.open_activities:
        detail = each.detail or {}
        timing = detail.get("scheduledTiming", {})
        events = [start for one in timing.get("event", ()) if (start := dates.start_of(one)) is not None]
        period = detail.get("scheduledPeriod") or timing.get("repeat", {}).get("boundsPeriod")
        if who := ", ".join(map(view.situation.called, detail.get("performer", ()))):
            last = dates.extent((period or {}).get("end"))
            found.append(Ahead(tuple(events), dates.start_of(period), last, each, who, {}))
    for task, duty in view.duties:
        if task.get("status") in OPEN_TASKS and "owner" in task:
            found.append(Ahead((), duty.start, duty.last, None, "", task))
    return found


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
    open_ = view.once(_dated_reviews)
    coming = [(end, each) for end, each in open_ if end > view.at]
    late = [each for end, each in open_ if end <= view.at]
    return (min(coming, key=lambda pair: pair[0])[1] if coming else None), late


def _dated_reviews(view: View) -> list[tuple[datetime, Json]]:
    """The open reviews, each with the end of the time that it is to be done in."""
    return [
        (duty.end, each)
        for each, duty in view.duties
        if "review" in duty.kinds and each.get("status") in OPEN_TASKS and duty.end is not None
    ]


def _left_on(view: View, reviews: list[Json]) -> Iterator[tuple[str, str, str]]:
    """(what, its end as stated, where) of what runs past its end."""
    for end, each, period in view.once(_running):
        if end <= view.at:
            if isinstance(each, Activity):
                yield activity(each), period["end"], each.at
            elif each not in reviews:
                yield thing(each), period["end"], "Task.restriction.period.end"


def _running(view: View) -> list[tuple[datetime, Activity | Json, Json]]:
    """(end, what, its period) of what is under way and has an end."""
    found: list[tuple[datetime, Activity | Json, Json]] = []
    for each in view.open_activities:
        detail = each.detail or {}
        timing = detail.get("scheduledTiming", {})
        period = detail.get("scheduledPeriod") or timing.get("repeat", {}).get("boundsPeriod")
        if each.status in RUNNING and (end := dates.end_of(period)) is not None:
            found.append((end, each, period))
    for task, duty in view.duties:
        if task.get("status") == "in-progress" and duty.end is not None:
            found.append((duty.end, task, task["restriction"]["period"]))
    return found


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
    for same in view.once(_same_services):
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
        for key in _services(view, each):
            groups[key].append(each)
    found = [group for group in groups.values() if len(group) > 1]
    return [group for number, group in enumerate(found) if group not in found[:number]]


def _services(view: View, each: Activity) -> list[str]:
    """What the activity is, as keys to compare."""
    if each.detail is None:
        return view.situation.traits.of(each.resource, services_of) if each.resource is not None else []
    if coded := services_of(view.situation.traits, each.detail):
        return coded
    text = " ".join(str(each.detail.get("code", {}).get("text", "")).split()).casefold()
    return [text] if text else []
