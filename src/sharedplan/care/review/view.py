"""A plan as the rules look at it: its goals, activities, tasks, meetings and referrals, each found once; pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeVar

from sharedplan.care import codes
from sharedplan.care.attendance import LISTED, Attending
from sharedplan.care.consent import decides
from sharedplan.care.model import ServiceModel
from sharedplan.care.review import dates
from sharedplan.care.review.crew import RESTS_ON as CREW_RESTS_ON
from sharedplan.care.review.crew import Crew
from sharedplan.care.review.traits import (
    Duty,
    Meeting,
    Naming,
    Place,
    duty_of,
    goals_named,
    meeting_of,
    named,
    places_of,
    progress,
    signed,
)
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
        *(
            "duties",
            "_tasks_by_kind",
            "encounters",
            "starts",
            "meetings",
            "listed",
            "counted",
            "no_shows",
            "unaccepted",
        ),
        *(
            "first_meeting",
            "planned",
            "referrals",
            "contact",
            "referral_tasks",
            "assessments",
            "signed",
            "attended",
            "contributions",
            "named",
            "all_named",
        ),
    }
)
"""What a View finds out of the resources alone, whatever the time and whoever was at them."""

MEETINGS_REST_ON = ("CarePlan", "EpisodeOfCare", "Encounter")
"""The types that it depends on which meetings there are."""

CARRIED = (
    (
        ("encounters", "starts", "meetings", "listed", "attended", "counted", "no_shows", "first_meeting"),
        MEETINGS_REST_ON,
    ),
    (("planned",), (*MEETINGS_REST_ON, "Appointment")),
    (("unaccepted",), MEETINGS_REST_ON),  # and on the acceptance
    (("goals",), ("CarePlan", "Goal")),
    (("agreed",), ("CarePlan", "Goal", "Patient")),
)
"""What a View finds out of resources of certain types alone, and these."""

Contributors = Mapping[str, list[datetime]]
"""Who contributed something, each with when, in order."""

Found = TypeVar("Found")


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
        is not found out again."""
        made = replace(self, situation=situation)
        made.__dict__.update((n, each) for n, each in self.__dict__.items() if n in TIMELESS)
        if "crew" in self.__dict__ and self.crew.is_as_at(situation.at):
            made.__dict__["crew"] = self.crew
        return made

    def after(self, before: "View") -> "View":
        """This view, which knows what was found out before of resources that are still the same."""
        now, was = self.situation, before.situation
        if (now.plan, now.client, now.base) != (was.plan, was.client, was.base):
            return self
        changed = {type for type in {*now.types, *was.types} if not now.is_same(was, (type,))}
        same = {type: each for type, each in before.__dict__.get("signed", {}).items() if type not in changed}
        self.__dict__["signed"] = same
        kept = [name for names, types in CARRIED if changed.isdisjoint(types) for name in names]
        if self.acceptance is not before.acceptance and "unaccepted" in kept:
            kept.remove("unaccepted")
        self.__dict__.update((name, before.__dict__[name]) for name in kept if name in before.__dict__)
        self.__dict__["said"] = {
            found: (each, types)
            for found, (each, types) in before.__dict__.get("said", {}).items()
            if types and changed.isdisjoint(types)
        }
        if "crew" in before.__dict__ and before.crew.is_as_at(now.at) and changed.isdisjoint(CREW_RESTS_ON):
            self.__dict__["crew"] = before.crew.among(now)
        return self

    def under(self, model: ServiceModel | None, acceptance: Acceptance, attendance: Attendance) -> "View":
        """The same resources under a model; what follows from them alone is not found out again."""
        made = replace(self, model=model, acceptance=acceptance, attendance=attendance)
        made.__dict__.update(
            (n, self.__dict__[n]) for n in ("goals", "duties", "named", "all_named") if n in self.__dict__
        )
        return made

    @cached_property
    def said(self) -> dict[object, tuple[Any, tuple[str, ...]]]:
        """What `once` has found, by what found it, with the types that it rests on, if they are known."""
        return {}

    def once(self, found: Callable[["View"], Found], rests_on: tuple[str, ...] = ()) -> Found:
        """What that function finds of the view, which is found once, whatever the time: it looks at neither the time
        nor the log, and keeps nothing of the view but resources. `rests_on`: the types of all that it looks at; as long
        as these are the same, it is not found out again after a change either."""
        if found not in self.said:
            self.said[found] = (found(self), rests_on)
        return self.said[found][0]  # type: ignore[no-any-return]  # what that function gave

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

    @cached_property
    def named(self) -> list[Naming]:
        """What the plan names, and what its goals and tasks do: where a write looks, and at the plan's goals."""
        of, found = self.situation.traits.of, list[Naming]()
        if self.plan:
            found += of(self.plan, goals_named)
            for resource in (self.plan, *(goal for _, goal in self.goals), *self.tasks):
                found += of(resource, named)
        return found

    @cached_property
    def all_named(self) -> frozenset[str]:
        """The names of these, each once."""
        return frozenset(name for _, _, name in self.named)

    def meeting(self, encounter: Json) -> Meeting:
        """What is read of it by itself."""
        return self.situation.traits.of(encounter, meeting_of)

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
        things = map(self.situation.name_of, (*self.plan.get("goal", ()), *self.plan.get("supportingInfo", ())))
        names = [name for name in (*things, *(name for _, _, name in self._places)) if name is not None]
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
        found, resources = [], self.situation.resources
        for place, detail, name in self._places:
            type = name.partition("/")[0] if name is not None else None
            found.append(Activity(place, detail, resources.get(name or ""), type))
        return found

    @property
    def _places(self) -> list[Place]:
        return self.situation.traits.of(self.plan, places_of) if self.plan else []

    @cached_property
    def open_activities(self) -> list[Activity]:
        """Those described in the plan itself that are not finished."""
        return [each for each in self.activities if each.detail is not None and each.status in OPEN_ACTIVITIES]

    @property
    def tasks(self) -> list[Json]:
        """The Tasks of the plan: which it names or which name it, and those of the client that name no plan."""
        return [each for each, _ in self.duties]

    @cached_property
    def duties(self) -> list[tuple[Json, Duty]]:
        """The same, each with what is read of it by itself."""
        named = {name for _, _, name in self._places}
        plan = self.situation.plan
        return [(each, duty) for each, duty in self._all_duties if duty.is_of(plan, named)]

    @property
    def _all_duties(self) -> Iterable[tuple[Json, Duty]]:
        of = self.situation.traits.of
        return ((each, of(each, duty_of)) for each in self.situation.of("Task"))

    def tasks_of(self, *kinds: str) -> list[Json]:
        """The plan's Tasks with one of these codes of ours."""
        return [task for kind in kinds for task in self._tasks_by_kind[kind]]

    @cached_property
    def _tasks_by_kind(self) -> Mapping[str, list[Json]]:
        found: dict[str, list[Json]] = defaultdict(list)
        for task, duty in self.duties:
            for kind in duty.kinds:
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
        found = []
        for each in self.situation.of("Encounter"):
            its = self.meeting(each)
            if its.is_one and ((episode is not None and episode in its.episodes) or its.name in outcomes):
                found.append(each)
        return sorted(found, key=lambda each: self.meeting(each).said)

    @cached_property
    def starts(self) -> Mapping[str, datetime | None]:
        """When each encounter began, or is to begin, by its name."""
        return {its.name: its.start for its in map(self.meeting, self.encounters)}

    @cached_property
    def meetings(self) -> list[Json]:
        """Those that are meetings by their type."""
        return [each for each in self.encounters if self.meeting(each).kinds]

    def is_meeting(self, encounter: Json, *kinds: str) -> bool:
        return any(each in kinds for each in self.meeting(encounter).kinds)

    @cached_property
    def listed(self) -> list[Json]:
        """Those whose participants are there, were, or are to be."""
        return [each for each in self.meetings if each.get("status") in LISTED]

    @cached_property
    def unaccepted(self) -> list[tuple[Json, int, str | None, datetime | None]]:
        """(meeting, number of the participant, who, start) of whoever is listed without being accepted, though he may
        need no acceptance; also of those who are listed where no start is told. Whom no address names, nobody has
        accepted."""
        found = []
        for encounter in self.listed:
            its = self.meeting(encounter)
            for number, name in its.listed:
                if name == self.situation.client:
                    continue
                if its.start is None or name is None or not self.acceptance.attends(name, its.start):
                    found.append((encounter, number, name, its.start))
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
        """When the client is to be met next."""
        return next((each for each in self.planned if each >= self.at), None)

    @cached_property
    def planned(self) -> list[datetime]:
        """When the client was or is to be met, by encounters and appointments that are still planned; in order."""
        planned = [e.get("period") for e in self.encounters if e.get("status") in ("planned", "arrived")]
        planned += [
            each.get("start")
            for each in self.situation.of("Appointment")
            if each.get("status") in ("proposed", "pending", "booked")
        ]
        starts = (dates.start_of(each) for each in planned)
        return sorted(each for each in starts if each is not None)

    @cached_property
    def signed(self) -> dict[str, Contributors]:
        """Of each type that has been looked through what was written under somebody's name, or finished."""
        return {}

    @cached_property
    def attended(self) -> Contributors:
        """Of the meetings that came about."""
        held = (self.meeting(each) for each in self.encounters if each.get("status") == "finished")
        return _by_whom(each for its in held for each in its.attended)

    @cached_property
    def contributions(self) -> list[Contributors]:
        """By everybody who contributed when he did, in order: what was written under his name, the meetings that came
        about and he took part in, the tasks of his that he finished."""
        of, situation = self.situation.traits.of, self.situation
        for type in situation.types:
            if type not in self.signed:
                self.signed[type] = _by_whom(one for each in situation.of(type) for one in of(each, signed))
        notes = _by_whom(of(self.plan, progress)) if self.plan else {}
        return [*self.signed.values(), self.attended, notes]

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
        for task, duty in self._all_duties:
            if duty.is_referral and duty.is_one:
                found[duty.about or duty.name].append(task)
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


def _by_whom(found: Iterable[tuple[datetime, str]]) -> Contributors:
    by: dict[str, list[datetime]] = defaultdict(list)
    for when, who in found:
        by[who].append(when)
    for each in by.values():
        each.sort()
    return by
