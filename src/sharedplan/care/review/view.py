"""A plan as the rules look at it: its goals, activities, tasks, meetings and referrals, each found once; pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sharedplan.care import codes, coordination
from sharedplan.care.attendance import LISTED, Attending
from sharedplan.care.consent import decides
from sharedplan.care.model import ServiceModel
from sharedplan.care.review import dates
from sharedplan.care.review.crew import Crew
from sharedplan.care.situation import Situation
from sharedplan.care.taking_part import MEETINGS
from sharedplan.care.writing import NOBODY, Acceptance, Attendance
from sharedplan.fhir.exchanges import Json

HELD_TASKS = frozenset({"accepted", "ready", "in-progress", "on-hold", "completed"})
"""Statuses of a Task that its owner has taken on."""
OPEN_ACTIVITIES = frozenset({"not-started", "scheduled", "in-progress", "on-hold", "unknown"})

TIMELESS = frozenset(
    {
        *("said", "attending", "consents", "started", "goals", "missing", "agreed", "activities", "open_activities"),
        *("tasks", "_tasks_by_kind", "encounters", "starts", "meetings", "_kinds", "counted", "no_shows", "unaccepted"),
        *("first_meeting", "referrals", "contact", "referral_tasks", "assessments", "contributions"),
    }
)
"""What a View finds out of the resources alone, whatever the time and whoever was at them."""

_NOT_OF_PLANS = ("break-glass-review", "referral", "consultation")


@dataclass(frozen=True, slots=True)
class Activity:
    """One CarePlan.activity: its place, and its detail, or what it refers to (None when that is not to be seen)."""

    name: str  # "activity[0]"
    detail: Json | None
    resource: Json | None
    of_type: str | None

    @property
    def at(self) -> str:
        return f"CarePlan.{self.name}"

    @property
    def status(self) -> str:
        held = self.detail or self.resource or {}
        return str(held.get("status", "unknown"))


@dataclass(frozen=True)
class View:
    """The situation under a model (None: the plan names none that is known). `acceptance`: whom the client has
    accepted; `attendance`: whose attendance at a meeting he decides on."""

    situation: Situation
    model: ServiceModel | None
    acceptance: Acceptance = NOBODY
    attendance: Attendance = "everybody"

    def later(self, situation: Situation) -> "View":
        """The view of what the situation has become by time alone (`Situation.later`): what does not depend on the time
        is not found out again; at the same moment, nothing is."""
        made = replace(self, situation=situation)
        is_now = situation.at == self.situation.at
        made.__dict__.update(
            (n, each) for n, each in self.__dict__.items() if n in TIMELESS or (is_now and n == "crew")
        )
        return made

    @cached_property
    def said(self) -> dict[str, list[Any]]:
        """What the timeless rules have said, by their ids."""
        return {}

    # What is looked at

    @property
    def plan(self) -> Json:
        return self.situation.care_plan or {}

    @property
    def at(self) -> datetime:
        return self.situation.at

    @cached_property
    def today(self) -> date:
        return dates.day(self.at)

    @property
    def client(self) -> str:
        return self.situation.client or "?"

    @property
    def is_active(self) -> bool:
        """Whether the plan is in force."""
        return self.plan.get("status") in ("active", "on-hold")

    @property
    def is_closed(self) -> bool:
        return self.plan.get("status") in ("completed", "revoked")

    @cached_property
    def crew(self) -> Crew:
        """The team."""
        return Crew(self.situation)

    @cached_property
    def attending(self) -> Attending:
        """Who needs no acceptance to attend."""
        return Attending(self.situation, self.attendance)

    @cached_property
    def consents(self) -> list[Json]:
        """The consents about privacy that are in force by their status."""
        return [each for each in self.situation.of("Consent") if decides(each)]

    @cached_property
    def started(self) -> datetime | None:
        """When the customership, else the plan, began."""
        episode = self.situation.get(self.situation.episode) or {}
        return dates.start_of(episode.get("period")) or dates.start_of(self.plan.get("period"))

    def name(self, resource: Json) -> str:
        return f"{resource['resourceType']}/{resource.get('id')}"

    def is_clients(self, references: Json | Iterable[Json] | None) -> bool:
        """Whether a Reference, or one of several, means the client."""
        listed = [references] if isinstance(references, dict) else references or ()
        return any(map(self.situation.is_client, listed))

    # Goals

    @cached_property
    def goals(self) -> list[tuple[str, Json]]:
        """("CarePlan.goal[0]", Goal) of those that are seen and are not called off."""
        named = enumerate(self.plan.get("goal", ()))
        found = ((f"CarePlan.goal[{number}]", self.situation.get(each)) for number, each in named)
        return [
            (at, each)
            for at, each in found
            if each is not None and each.get("lifecycleStatus") not in ("cancelled", "entered-in-error", "rejected")
        ]

    @cached_property
    def missing(self) -> frozenset[str]:
        """Types of things that the plan names and that are not there to be seen: hidden, or never stored."""
        named = [
            *self.plan.get("goal", ()),
            *self.plan.get("supportingInfo", ()),
            *(each["reference"] for each in self.plan.get("activity", ()) if "reference" in each),
        ]
        names = [name for each in named if (name := self.situation.name_of(each)) is not None]
        return frozenset(name.partition("/")[0] for name in names if name not in self.situation.resources)

    def stance(self, goal: Json) -> str | None:
        """The client's: agree, disagree, pending; None when none is recorded."""
        for each in goal.get("extension", ()):
            if each.get("url") == codes.ACCEPTANCE:
                who = codes.extension(each, "individual")
                if who is None or self.is_clients(who.get("valueReference")):
                    status = codes.extension(each, "status")
                    return str(status["valueCode"]) if status is not None and "valueCode" in status else None
        return None

    @cached_property
    def agreed(self) -> list[tuple[str, Json]]:
        """The goals that the client agreed to."""
        return [(at, each) for at, each in self.goals if self.stance(each) == "agree"]

    # Activities and tasks

    @cached_property
    def activities(self) -> list[Activity]:
        found = []
        for number, each in enumerate(self.plan.get("activity", ())):
            reference = each.get("reference")
            name = self.situation.name_of(reference) if reference is not None else None
            type = name.partition("/")[0] if name is not None else None
            found.append(Activity(f"activity[{number}]", each.get("detail"), self.situation.get(reference), type))
        return found

    @cached_property
    def open_activities(self) -> list[Activity]:
        """Those described in the plan itself that are not finished."""
        return [each for each in self.activities if each.detail is not None and each.status in OPEN_ACTIVITIES]

    @cached_property
    def tasks(self) -> list[Json]:
        """The Tasks of the plan: which it names or which name it, and those of the client that name no plan."""
        named = {self.situation.name_of(each.get("reference")) for each in self.plan.get("activity", ())}
        return [each for each in self.situation.of("Task") if self._is_of_plan(each, named)]

    def _is_of_plan(self, task: Json, named: set[str | None]) -> bool:
        if task.get("status") == "entered-in-error":
            return False
        based, focus = task.get("basedOn", ()), task.get("focus")
        plan = self.situation.plan
        if self.name(task) in named or self.situation.refers(based, plan) or self.situation.refers(focus, plan):
            return True
        return not based and focus is None and not codes.has(task.get("code"), codes.TASK, *_NOT_OF_PLANS)

    def tasks_of(self, *kinds: str) -> list[Json]:
        """The plan's Tasks with one of these codes of ours."""
        return [task for kind in kinds for task in self._tasks_by_kind[kind]]

    @cached_property
    def _tasks_by_kind(self) -> Mapping[str, list[Json]]:
        found: dict[str, list[Json]] = defaultdict(list)
        for task in self.tasks:
            for kind in dict.fromkeys(codes.codes(task.get("code"), codes.TASK)):
                found[kind].append(task)
        return found

    # Meetings

    @cached_property
    def encounters(self) -> list[Json]:
        """The encounters of the customership, and those that the plan names as outcomes, by their start."""
        episode = self.situation.episode
        outcomes: set[str | None] = set()
        for activity in self.plan.get("activity", ()):
            outcomes.update(map(self.situation.name_of, activity.get("outcomeReference", ())))
        found = [
            each
            for each in self.situation.of("Encounter")
            if each.get("status") != "entered-in-error"
            and (self.situation.refers(each.get("episodeOfCare"), episode) or self.name(each) in outcomes)
        ]
        return sorted(found, key=lambda each: str(each.get("period", {}).get("start", "")))

    @cached_property
    def starts(self) -> Mapping[str, datetime | None]:
        """When each encounter began, or is to begin, by its name."""
        return {self.name(each): dates.start_of(each.get("period")) for each in self.encounters}

    @cached_property
    def meetings(self) -> list[Json]:
        """Those that are meetings by their type."""
        return [each for each in self.encounters if self._kinds[self.name(each)]]

    @cached_property
    def _kinds(self) -> Mapping[str, list[str]]:
        """The codes of our own that each encounter has as its type, by its name."""
        return {self.name(each): codes.codes(each.get("type"), codes.ENCOUNTER_TYPE) for each in self.encounters}

    def is_meeting(self, encounter: Json, *kinds: str) -> bool:
        return any(each in kinds for each in self._kinds[self.name(encounter)])

    @cached_property
    def unaccepted(self) -> list[tuple[Json, int, str | None, datetime | None]]:
        """(meeting, number of the participant, who, start) of whoever is listed without being accepted, though he may
        need no acceptance; also of those who are listed where no start is told. Whom no address names, nobody has
        accepted."""
        found = []
        for encounter in self.meetings:
            if encounter.get("status") not in LISTED:
                continue
            start = self.starts[self.name(encounter)]
            for number, each in enumerate(encounter.get("participant", ())):
                individual = each.get("individual")
                name = coordination.addressed(individual, self.situation) if individual is not None else None
                if individual is None or name == self.situation.client:
                    continue
                if start is None or name is None or not self.acceptance.attends(name, start):
                    found.append((encounter, number, name, start))
        return found

    @cached_property
    def counted(self) -> list[Json]:
        """The client's encounters as the service models count them: finished, of clients, no part of another."""
        return [
            each
            for each in self.meetings
            if each.get("status") == "finished" and "partOf" not in each and self.is_meeting(each, "client-meeting")
        ]

    @cached_property
    def no_shows(self) -> list[Json]:
        return [
            each
            for each in self.meetings
            if each.get("status") == "cancelled" and self.is_meeting(each, "client-meeting")
        ]

    @cached_property
    def first_meeting(self) -> datetime | None:
        """When the client was first met."""
        starts = (
            self.starts[self.name(each)]
            for each in self.meetings
            if each.get("status") == "finished" and self.is_meeting(each, *MEETINGS)
        )
        return min((each for each in starts if each is not None), default=None)

    @cached_property
    def next_meeting(self) -> datetime | None:
        """When the client is to be met next, by an encounter or an appointment."""
        planned = [e.get("period") for e in self.encounters if e.get("status") in ("planned", "arrived")]
        planned += [
            each.get("start")
            for each in self.situation.of("Appointment")
            if each.get("status") in ("proposed", "pending", "booked")
        ]
        starts = (dates.start_of(each) for each in planned)
        return min((each for each in starts if each is not None and each >= self.at), default=None)

    @cached_property
    def contributions(self) -> list[tuple[datetime, str]]:
        """(when, who) of all that was written under somebody's name, of each finished meeting that he took part in, and
        of each task of his that was finished."""
        found: list[tuple[datetime | None, Json | None]] = []
        for resource in self.situation.resources.values():
            found += [(_written(resource), each) for each in _authors(resource)]
            found += [(dates.start_of(n.get("time")), n.get("authorReference")) for n in notes_of(resource, "note")]
        for activity in self.plan.get("activity", ()):
            found += [(dates.start_of(n.get("time")), n.get("authorReference")) for n in notes_of(activity, "progress")]
        for encounter in self.encounters:
            if encounter.get("status") == "finished":
                start = self.starts[self.name(encounter)]
                found += [(start, each.get("individual")) for each in encounter.get("participant", ())]
        for task in self.situation.of("Task"):
            if task.get("status") == "completed":
                found.append((dates.end_of(task.get("executionPeriod")), task.get("owner")))
        named = ((when, self.situation.name_of(who)) for when, who in found if when is not None)
        return list(dict.fromkeys((when, who) for when, who in named if who is not None))

    # Referrals

    @cached_property
    def referrals(self) -> list[Json]:
        """The referrals that the customership came from; without any, those of the same model."""
        requests = [each for each in self.situation.of("ServiceRequest") if each.get("status") != "entered-in-error"]
        episode = self.situation.get(self.situation.episode) or {}
        named = [each for each in map(self.situation.get, episode.get("referralRequest", ())) if each is not None]
        if named:
            return named
        models = set(codes.models(self.plan))
        own = [
            each
            for each in requests
            if models.intersection(codes.models(each))
            or self.situation.refers(each.get("basedOn"), self.situation.plan)
        ]
        return own

    @cached_property
    def contact(self) -> datetime | None:
        """When the client, or somebody for him, first made contact: the first of the referrals."""
        authored = (dates.start_of(each.get("authoredOn")) for each in self.referrals)
        return min((each for each in authored if each is not None), default=None)

    @cached_property
    def referral_tasks(self) -> Mapping[str, list[Json]]:
        """The Tasks by which referrals are handed on, by what they are about: a referral, else the Task itself."""
        found: dict[str, list[Json]] = defaultdict(list)
        for task in self.situation.of("Task"):
            focus = self.situation.name_of(task.get("focus"))
            is_about_referral = focus is not None and focus.startswith("ServiceRequest/")
            is_referral = codes.has(task.get("code"), codes.TASK, "referral")
            if task.get("status") != "entered-in-error" and (is_about_referral or is_referral):
                based = [name for each in task.get("basedOn", ()) if (name := self.situation.name_of(each)) is not None]
                about = focus or next((each for each in based if each.startswith("ServiceRequest/")), None)
                found[about or self.name(task)].append(task)
        return {name: sorted(each, key=lambda task: str(task.get("authoredOn", ""))) for name, each in found.items()}

    # Assessments

    @cached_property
    def assessments(self) -> list[Json]:
        """The answers to the assessment of need that belong to the plan, the newest last."""
        supporting = {self.situation.name_of(each) for each in self.plan.get("supportingInfo", ())}
        plan, episode = self.situation.plan, self.situation.episode
        found = []
        for each in self.situation.of("QuestionnaireResponse"):
            is_named = self.name(each) in supporting or self.situation.refers(each.get("basedOn"), plan)
            is_of_episode = episode is not None and self.situation.episode_of(each) == episode
            questionnaire = str(each.get("questionnaire", "")).partition("|")[0]
            is_assessment = questionnaire.endswith("/need-assessment") or (is_named and not questionnaire)
            if (
                is_assessment
                and (is_named or is_of_episode)
                and each.get("status") not in ("entered-in-error", "stopped")
            ):
                found.append(each)
        return sorted(found, key=lambda each: str(each.get("authored", "")))


_WRITTEN = ("authoredOn", "authored", "recordedDate", "issued", "sent", "statusDate")
_AUTHORS = ("author", "requester", "recorder", "sender")


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
