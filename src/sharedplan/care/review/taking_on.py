"""How long a referral took until somebody accepted it, or has been waiting; pure. One definition for the review and for
the measure.

R3.9, R4.10. https://hl7.org/fhir/R4/task.html

It is requested when the referral was authored (ServiceRequest.authoredOn); where that is not seen, when the first Task
was by which it was handed on. It is accepted when work on such a Task began (executionPeriod.start). A Task that is
accepted and does not say when it began tells it by lastModified, for nothing has come after the acceptance; and without
that by the time of its version here, if that is not its first. All but the last is what the record system states, so it
is also true of what was loaded later; the first version of a Task may be such a load, so its time tells nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sharedplan.care.review import dates
from sharedplan.care.review.view import HELD_TASKS
from sharedplan.fhir.exchanges import Json

WAITING = frozenset({"draft", "requested", "received"})
"""Statuses of a Task that waits for somebody to take it on."""
STOPPED = frozenset({"failed", "cancelled"})
"""Statuses of one that somebody may have taken on, and then did not finish."""
_JUST_ACCEPTED = frozenset({"accepted", "ready"})
_OPEN_REQUESTS = frozenset({"active", "on-hold"})


@dataclass(frozen=True, slots=True)
class Wait:
    """Of one referral. `requested`: the day (Helsinki), None when that is not told. `is_accepted`: whether somebody has
    taken it on, `accepted`: the day on which the first did, None when that is not told. `is_waiting`: whether nobody
    has, and somebody is still to."""

    requested: date | None
    is_accepted: bool
    accepted: date | None
    is_waiting: bool

    @property
    def days(self) -> int | None:
        """From the request to the acceptance; None as long as one of them is not known, or they are the wrong way
        round."""
        if self.requested is None or self.accepted is None or self.accepted < self.requested:
            return None
        return (self.accepted - self.requested).days


def wait_of(request: Json, tasks: Sequence[Json]) -> Wait:
    """`request`: the ServiceRequest, {} where it is not seen; `tasks`: those by which it was handed on, in the order in
    which they were authored."""
    authored = [request.get("authoredOn"), *(each.get("authoredOn") for each in tasks)]
    requested = next((day for each in authored if (day := _day(dates.start_of(each))) is not None), None)
    held = [each for each in tasks if each.get("status") in HELD_TASKS or _began(each) is not None]
    is_open = any(each.get("status") in WAITING for each in tasks) or request.get("status") in _OPEN_REQUESTS
    return Wait(requested, bool(held), _first(held), is_open and not held)


def _first(held: Sequence[Json]) -> date | None:
    """The day on which the first of these was accepted; None when another may have been before it."""
    known = [(at, each) for each in held if (at := accepted_at(each)) is not None]
    if not known:
        return None
    first = min(at for at, _ in known)
    for each in held:
        authored = dates.start_of(each.get("authoredOn"))
        if accepted_at(each) is None and (authored is None or authored <= first):
            return None
    return dates.day(first)


def accepted_at(task: Json) -> datetime | None:
    """When its owner took it on; None when he has not, or that is not told."""
    if (began := _began(task)) is not None:
        return began
    if task.get("status") not in _JUST_ACCEPTED:
        return None
    meta = task.get("meta", {})
    stored = meta.get("lastUpdated") if meta.get("versionId", "1") != "1" else None
    return dates.start_of(task.get("lastModified") or stored)


def _began(task: Json) -> datetime | None:
    if task.get("status") not in HELD_TASKS | STOPPED:
        return None
    return dates.start_of(task.get("executionPeriod", {}).get("start"))


def _day(at: datetime | None) -> date | None:
    return dates.day(at) if at is not None else None
