"""What the rules read of each meeting, task and text by itself, however many they look at; pure.

Each is a function for `Traits.of`: it looks at nothing but the resource and the base of the server.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from sharedplan.care import codes, coordination
from sharedplan.care.review import dates
from sharedplan.care.traits import Traits
from sharedplan.care.writes.crossing import LINKS, placed
from sharedplan.fhir.exchanges import Json

Contributions = list[tuple[datetime, str]]
"""(when, who)."""

_NOT_OF_PLANS = frozenset({"break-glass-review", "referral", "consultation"})


class Meeting(NamedTuple):
    """Of an Encounter: its name, whether it was recorded by no mistake, the customerships that it names, the codes of
    our own that it has as its type, its start and that as it is said; of each participant who is a person the number
    and the address (None for what has none), and who contributed to it, if it came about."""

    name: str
    is_one: bool
    episodes: tuple[str | None, ...]
    kinds: tuple[str, ...]
    start: datetime | None
    said: str
    listed: tuple[tuple[int, str | None], ...]
    attended: Contributions


def meeting_of(traits: Traits, encounter: Json) -> Meeting:
    period = encounter.get("period", {})
    start = dates.start_of(period)
    listed = [
        (number, individual)
        for number, each in enumerate(encounter.get("participant", ()))
        if (individual := each.get("individual")) is not None
    ]
    names = [traits.name_of(each) for _, each in listed]
    return Meeting(
        f"Encounter/{encounter.get('id')}",
        encounter.get("status") != "entered-in-error",
        _names(traits, encounter.get("episodeOfCare")),
        tuple(codes.codes(encounter.get("type"), codes.ENCOUNTER_TYPE)),
        start,
        str(period.get("start", "")),
        tuple(
            (number, name or coordination.addressed(each, traits))
            for (number, each), name in zip(listed, names, strict=True)
        ),
        [(start, name) for name in names if name is not None] if start is not None else [],
    )


class Duty(NamedTuple):
    """Of a Task: its name, whether it was recorded by no mistake, whether it names no plan and nothing that it is about
    and is of a kind that plans have, and the codes of our own that it has, each once. What it is based on; whether it
    hands a referral on, and which one, or what else it is about. Towards which goals it is. When the time to
    do it begins, the last day of that, and when it has passed. Who is to do it, where an address tells."""

    name: str
    is_one: bool
    is_free: bool
    kinds: tuple[str, ...]
    based_on: tuple[str | None, ...]
    is_referral: bool
    about: str | None
    focus: str | None
    goals: tuple[str | None, ...]
    start: datetime | None
    last: dates.Range | None
    end: datetime | None
    owner: str | None

    def is_of(self, plan: str | None, named: Collection[str | None]) -> bool:
        """Whether it is of that plan, which names these."""
        if not self.is_one:
            return False
        if self.name in named or (plan is not None and (plan in self.based_on or plan == self.focus)):
            return True
        return self.is_free


def duty_of(traits: Traits, task: Json) -> Duty:
    based, focus = _names(traits, task.get("basedOn")), traits.name_of(task.get("focus"))
    kinds = tuple(dict.fromkeys(codes.codes(task.get("code"), codes.TASK)))
    period = task.get("restriction", {}).get("period")
    goals = (e.get("valueReference") for e in task.get("extension", ()) if e.get("url") == codes.PERTAINS_TO_GOAL)
    return Duty(
        f"Task/{task.get('id')}",
        task.get("status") != "entered-in-error",
        not based and task.get("focus") is None and _NOT_OF_PLANS.isdisjoint(kinds),
        kinds,
        based,
        "referral" in kinds or (focus is not None and focus.startswith("ServiceRequest/")),
        focus or next((each for each in based if each is not None and each.startswith("ServiceRequest/")), None),
        focus,
        tuple(map(traits.name_of, goals)),
        dates.start_of(period),
        dates.extent((period or {}).get("end")),
        dates.end_of(period),
        traits.name_of(task.get("owner")),
    )


Place = tuple[str, Json | None, str | None]
"""Of an activity of a plan: where it is ("activity[0]"), what is described there, and what is referred to."""


def places_of(traits: Traits, plan: Json) -> list[Place]:
    """The activities of a plan."""
    return [
        (f"activity[{number}]", each.get("detail"), traits.name_of(each.get("reference")))
        for number, each in enumerate(plan.get("activity", ()))
    ]


def services_of(traits: Traits, thing: Json) -> list[str]:
    """What service an activity's detail, or what it refers to, is of, by its codes; those of Tasks of our own tell
    none."""
    return [
        f"{coding.get('system', '')}|{coding['code']}"
        for coding in thing.get("code", {}).get("coding", ())
        if "code" in coding and coding.get("system") != codes.TASK and coding.get("system") != codes.ASSESSMENT_TIER
    ]


def whose(traits: Traits, resource: Json) -> str | None:
    """Whom a resource is of."""
    return traits.name_of(next((resource[each] for each in ("subject", "for", "patient") if each in resource), None))


Naming = tuple[str, str, str]
"""Of a thing of a client that is named: by whom, where, and its name."""


def goals_named(traits: Traits, plan: Json) -> list[Naming]:
    """The goals of a plan."""
    return [*_named_at(traits, plan, "goal")]


def named(traits: Traits, resource: Json) -> list[Naming]:
    """The things that are named where a write looks."""
    return [*_named_at(traits, resource)]


def _named_at(traits: Traits, resource: Json, *paths: str) -> Iterator[Naming]:
    owner = f"{resource['resourceType']}/{resource.get('id')}"
    for at, each in placed(resource, *paths):
        name = traits.name_of(each)
        if name is not None and name.partition("/")[0] not in LINKS:
            yield owner, at, name


# Contributions


_WRITTEN = ("authoredOn", "authored", "recordedDate", "issued", "sent", "statusDate")
_AUTHORS = ("author", "requester", "recorder", "sender")


def signed(traits: Traits, resource: Json) -> Contributions:
    """Of what was written under somebody's name: the resource itself, and the notes in it; of a Task also whoever
    finished it."""
    found: list[tuple[datetime | None, Json | None]] = [(_written(resource), each) for each in _authors(resource)]
    found += _noted(resource, "note")
    if resource.get("resourceType") == "Task" and resource.get("status") == "completed":
        found.append((dates.end_of(resource.get("executionPeriod")), resource.get("owner")))
    return _by(traits, found)


def progress(traits: Traits, plan: Json) -> Contributions:
    """Of the notes on the progress of the plan's activities."""
    return _by(traits, (each for activity in plan.get("activity", ()) for each in _noted(activity, "progress")))


def _noted(element: Json, name: str) -> Iterator[tuple[datetime | None, Json | None]]:
    for each in notes_of(element, name):
        yield dates.start_of(each.get("time")), each.get("authorReference")


def _by(traits: Traits, found: Iterable[tuple[datetime | None, Json | None]]) -> Contributions:
    named = ((when, traits.name_of(who)) for when, who in found if when is not None)
    return [(when, who) for when, who in named if who is not None]


def _names(traits: Traits, references: Json | Iterable[Json] | None) -> tuple[str | None, ...]:
    """What a Reference, or several, lead to."""
    return tuple(map(traits.name_of, [references] if isinstance(references, dict) else references or ()))


def _written(resource: Json) -> datetime | None:
    return next((dates.start_of(resource[name]) for name in _WRITTEN if isinstance(resource.get(name), str)), None)


def _authors(resource: Json) -> Iterator[Json]:
    for name in _AUTHORS:
        value = resource.get(name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield each


def notes_of(element: Json, name: str) -> list[Json]:
    """Annotations; some types have a text of that name."""
    return [each for each in element.get(name, ()) if isinstance(each, dict)]
