"""Who does what next on the sheet: open activities and tasks, those that wait and why, and what has been done."""

from collections.abc import Iterator
from dataclasses import dataclass

from sharedplan.care import codes
from sharedplan.care.sheet.reader import Reader
from sharedplan.care.sheet.words import STATES
from sharedplan.care.spoken import date_, period, time_of, timing
from sharedplan.fhir.exchanges import Json

OPEN, WAITING, DONE = "open", "waiting", "done"

_KIND = {
    **dict.fromkeys(("not-started", "scheduled", "in-progress", "unknown"), OPEN),
    **dict.fromkeys(("draft", "requested", "received", "accepted", "ready", "active"), OPEN),
    **dict.fromkeys(("on-hold", "rejected"), WAITING),
    "completed": DONE,
}
"""Status of an activity, a Task or a ServiceRequest → what it is on the sheet; what is not here is not shown."""

_NOT_STEPS = ("review", "break-glass-review")
"""Tasks that are told elsewhere, or that are none of the plan's."""


@dataclass(frozen=True, slots=True)
class Step:
    """`detail` says more of what it is. `who` and `when` are None where nobody and no time is agreed. `is_own`: the
    client's. `reason`: why it waits. `is_refused`: who was asked has not taken it on."""

    kind: str
    what: str
    detail: str | None
    who: str | None
    when: str | None
    state: str
    reason: str | None
    is_own: bool
    is_refused: bool = False


def steps(reader: Reader) -> tuple[Step, ...]:
    """All of them, the client's own first and else in the order of the plan; then tasks that it does not list."""
    found = sorted(_steps(reader), key=lambda each: not each.is_own)
    return tuple(dict.fromkeys(found))


def _steps(reader: Reader) -> Iterator[Step]:
    situation = reader.situation
    told: set[str] = set()
    for each in (situation.care_plan or {}).get("activity", ()):
        if (detail := each.get("detail")) is not None:
            yield from _of_activity(reader, detail)
        elif (name := situation.name_of(each.get("reference"))) is not None:
            told.add(name)
            yield from _of_resource(reader, situation.get(name))
    for task in situation.of("Task"):
        if f"Task/{task['id']}" not in told and _KIND.get(task["status"]) != DONE:
            yield from _of_resource(reader, task)


def _of_activity(reader: Reader, detail: Json) -> Iterator[Step]:
    kind = _KIND.get(detail["status"])
    if kind is None:
        return
    title, description = reader.concept(detail.get("code")), reader.own(detail, "description")
    yield Step(
        kind,
        title or description or reader.concept(detail.get("reasonCode")) or "",
        description if title else None,
        _whoever(reader, detail.get("performer", ())),
        _when(reader, detail, "scheduled"),
        reader.word(STATES, detail["status"]),
        reader.concept(detail.get("statusReason")),
        any(map(reader.situation.is_client, detail.get("performer", ()))),
    )


def _of_resource(reader: Reader, resource: Json | None) -> Iterator[Step]:
    if resource is None or resource["resourceType"] not in ("Task", "ServiceRequest"):
        return
    is_task = resource["resourceType"] == "Task"
    kind = _KIND.get(resource["status"])
    if kind is None or codes.has(resource.get("code"), codes.TASK, *_NOT_STEPS):
        return
    title, description = reader.concept(resource.get("code")), reader.own(resource, "description")
    if description is None and (focus := reader.situation.get(resource.get("focus"))) is not None:
        description = reader.concept(focus.get("code"))  # what is asked for by a referral
    performers = [resource["owner"]] if "owner" in resource else resource.get("performer", ())
    is_own_step = codes.has(resource.get("code"), codes.TASK, "own-step")
    is_of_client = is_own_step and not any(map(reader.is_named, performers))  # who may not be seen, and is known
    yield Step(
        kind,
        description or title or "",
        title if description and title and not is_own_step else None,
        reader.says("client") if is_of_client else _whoever(reader, performers),
        _of_task(reader, resource) if is_task else _when(reader, resource, "occurrence"),
        reader.word(STATES, resource["status"]),
        reader.concept(resource.get("statusReason")),
        is_of_client or any(map(reader.situation.is_client, performers)),
        resource["status"] == "rejected",
    )


def _whoever(reader: Reader, performers: list[Json]) -> str | None:
    return ", ".join(dict.fromkeys(reader.who(each) for each in performers)) or None


def _of_task(reader: Reader, task: Json) -> str | None:
    limit = task.get("restriction", {}).get("period", {})
    if "end" in limit:
        return reader.says("by", date=date_(limit["end"], reader.language))
    return period(task.get("executionPeriod") or limit, reader.language)


def _when(reader: Reader, holder: Json, element: str) -> str | None:
    """What `scheduled[x]` or `occurrence[x]` says."""
    if (value := holder.get(f"{element}Timing")) is not None:
        return timing(value, reader.language)
    if (value := holder.get(f"{element}Period")) is not None:
        return period(value, reader.language)
    if (value := holder.get(f"{element}DateTime")) is not None:
        return time_of(value, None, reader.language)
    text = holder.get(f"{element}String")
    return str(text) if text is not None else None
