"""When a need assessment is to start and to be finished: Finnish working days, dates in Helsinki, the ground with each.

Only where law or the service model says so. Sosiaalihuoltolaki 1301/2014 36 §, lastensuojelulaki 417/2007 26 §; how a
limit is counted: laki säädettyjen määräaikain laskemisesta 150/1930.
https://www.finlex.fi/fi/laki/ajantasa/2014/20141301, https://www.finlex.fi/fi/laki/ajantasa/1930/19300150
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, Literal

from holidays import country_holidays

from sharedplan.care import codes, helsinki
from sharedplan.care.model import ServiceModel
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import span

START_WITHIN = 7
"""Working days, the day of receipt not counted."""

FINISH_WITHIN = 3
"""Months from becoming pending."""

OVER = 75
"""Years of age from which the start has its limit, whatever else is stated."""

SOON = timedelta(days=14)

BOTH = ("lsl-26", "shl-36-special-support")
"""Grounds (CodeSystem legal-basis) for which start and finish have limits."""

START_ONLY = ("shl-36-care-allowance", "shl-36-over-75")
"""Grounds for which only the start has one."""

FAR = date(9000, 1, 1)
"""Beyond, a date is none that anybody received something on, and the calendar ends before the clocks do."""

State = Literal["on-time", "due-soon", "late"]


@dataclass(frozen=True, slots=True)
class Due:
    """`strict`: the day on which the time has run out, by which it is measured. `extended`: the same, or the next
    working day when it is none."""

    strict: date
    extended: date


@dataclass(frozen=True, slots=True)
class Clock:
    """`kind`: what is to be done by then. `basis`: code of the ground. `binding`: whether it is law or a target."""

    kind: Literal["start", "finish"]
    due: Due
    basis: str
    binding: Literal["statutory", "target"]

    def extension(self) -> Json:
        """The same as the extension `clock` of a Task."""
        return {
            "url": codes.CLOCK,
            "extension": [
                {"url": "kind", "valueCode": self.kind},
                {"url": "due", "valueDate": self.due.strict.isoformat()},
                {"url": "dueExtended", "valueDate": self.due.extended.isoformat()},
                {"url": "basis", "valueCoding": {"system": codes.LEGAL_BASIS, "code": self.basis}},
                {"url": "binding", "valueCode": self.binding},
            ],
        }


# Days


def is_working_day(day: date) -> bool:
    """Not a Saturday, a Sunday or a holiday, of which Christmas Eve and Midsummer Eve are two here."""
    return day.weekday() < calendar.SATURDAY and day not in _free_days(day.year)


@cache
def _free_days(year: int) -> frozenset[date]:
    midsummer = next(date(year, 6, day) for day in range(19, 26) if date(year, 6, day).weekday() == calendar.FRIDAY)
    return frozenset(country_holidays("FI", years=year)) | {midsummer, date(year, 12, 24)}


def working_day_from(day: date) -> date:
    """The day itself, or the first working day after it."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def start_due(received: date) -> date:
    """The seventh working day after the day of receipt, by which an assessment has to start."""
    day = received
    for _ in range(START_WITHIN):
        day = working_day_from(day + timedelta(days=1))
    return day


def month_due(start: date, months: int) -> Due:
    """The same-numbered day so many months later, or that month's last."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return _due(date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1])))


def _due(strict: date) -> Due:
    return Due(strict, working_day_from(strict))


def day_of(moment: object) -> date | None:
    """The day in Helsinki of a FHIR date, dateTime or instant; None when it does not tell the day."""
    if not isinstance(moment, str) or len(moment) < len("2026-01-20"):
        return None
    try:
        return helsinki.day_of(span(moment)[0])
    except ValueError:
        return None


def state(due: date, done: date | None, today: date) -> State:
    """How it stands with what is due on that day; `done`: the day on which it was, None while it is not."""
    if (done or today) > due:
        return "late"
    return "due-soon" if done is None and due - today <= SOON else "on-time"


def done_on(task: Json, clock: Clock) -> date | None:
    """The day on which what the clock asks of the Task was done; None while it is not."""
    period = task.get("executionPeriod", {})
    if clock.kind == "start":
        return day_of(period.get("start"))
    return day_of(period.get("end")) if task.get("status") == "completed" else None


# The clocks of a Task


def is_need_assessment(task: Json) -> bool:
    return codes.has(task.get("code"), codes.TASK, "need-assessment")


def clocks_of(task: Json, patient: Json | None, model: ServiceModel | None) -> tuple[Clock, ...]:
    """The clocks of a need assessment that became pending when its Task was authored, the start before the finish.

    None without a legal basis (Task.reasonCode, or the client's age) and without a target of the model. Where the law
    limits the finish, a target of the model counts only if it comes sooner.
    """
    received = day_of(task.get("authoredOn"))
    if received is None or received > FAR or not is_need_assessment(task):
        return ()
    return (*_start(task, patient, received), *_finish(task, model, received))


def _start(task: Json, patient: Json | None, received: date) -> Iterator[Clock]:
    grounds = [each for each in codes.codes(task.get("reasonCode"), codes.LEGAL_BASIS) if each in BOTH + START_ONLY]
    if not grounds and is_over_75(patient, received):
        grounds = ["shl-36-over-75"]
    if grounds:
        yield Clock("start", _due(start_due(received)), grounds[0], "statutory")


def _finish(task: Json, model: ServiceModel | None, received: date) -> Iterator[Clock]:
    ground = next((each for each in codes.codes(task.get("reasonCode"), codes.LEGAL_BASIS) if each in BOTH), None)
    by_law = month_due(received, FINISH_WITHIN) if ground is not None else None
    if ground is not None and by_law is not None:
        yield Clock("finish", by_law, ground, "statutory")
    within = model.need_assessment_target if model is not None else None
    target = _due(within.after(received)) if within is not None else None
    if target is not None and (by_law is None or target.strict < by_law.strict):
        yield Clock("finish", target, "model-target", "target")


def is_over_75(patient: Json | None, on: date) -> bool:
    """Whether the client has had that birthday by then, as far as the date of birth tells."""
    born = str((patient or {}).get("birthDate", ""))
    if not born:
        return False
    reached = f"{int(born[:4]) + OVER:04}{born[4:]}"
    return reached <= on.isoformat()[: len(born)]


def with_clocks(task: Json, patient: Json | None, model: ServiceModel | None) -> Json:
    """The Task with the clocks that are the service's own, in place of whatever was stated: `restriction.period.end`
    is the strict finish, by law before that by a target, and there is none without a finish clock."""
    if not is_need_assessment(task):
        return task
    found = clocks_of(task, patient, model)
    others = [each for each in task.get("extension", ()) if each.get("url") != codes.CLOCK]
    finish = next((each.due.strict.isoformat() for each in found if each.kind == "finish"), None)
    stated = task.get("restriction", {}).get("period", {})
    if finish is not None and (day_of(stated.get("start")) or date.min).isoformat() > finish:
        stated = {name: value for name, value in stated.items() if name != "start"}  # it would begin after its end
    period = _with(stated, "end", finish)
    period.pop("_end", None)
    restriction = _with(task.get("restriction", {}), "period", period or None)
    return _with(
        _with(task, "extension", [*others, *(each.extension() for each in found)] or None),
        "restriction",
        restriction or None,
    )


def stated(task: Json) -> Iterator[Clock]:
    """The clocks that a Task has, as the service has put them in."""
    for each in task.get("extension", ()):
        if each.get("url") == codes.CLOCK:
            told = {part["url"]: part for part in each["extension"]}
            strict, extended = (date.fromisoformat(told[name]["valueDate"]) for name in ("due", "dueExtended"))
            yield Clock(
                told["kind"]["valueCode"],
                Due(strict, extended),
                told["basis"]["valueCoding"]["code"],
                told["binding"]["valueCode"],
            )


def _with(element: Json, name: str, value: Any) -> Json:
    """The element with that in it; without it for None."""
    kept = {key: each for key, each in element.items() if value is not None or key != name}
    return kept if value is None else {**kept, name: value}
