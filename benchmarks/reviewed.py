"""A large plan and its review: 100 activities, 200 encounters, a team of eight; `$review` beside a read of the same
plan, by one connection, so that a latency is no queue.

Most reviews follow one of the same plan as it is; some come after a change, when all is fetched and judged anew. Both
are told. Everything is of the bench's welfare area, whose system asks.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks import filler
from benchmarks.client import Request, drive
from benchmarks.population import CONTROLLER, Json, wire
from benchmarks.servers import Server
from benchmarks.workloads import Target

ACTIVITIES, ENCOUNTERS, GOALS = 100, 200, 8
ROLES = ("coordinator", "social-worker", "housing", "nurse", "physician", "mental-health", "substance-services", "ngo")
CHANGED_EACH = 10
"""Pairs of a read and a review between two changes."""

CLIENT, PLAN, TEAM, EPISODE = (f"{type}/bench-review" for type in ("Patient", "CarePlan", "CareTeam", "EpisodeOfCare"))
START = "2026-01-05"
_CODES = "https://sharedplan.dev/fhir/CodeSystem/"
_HL7 = "http://terminology.hl7.org/CodeSystem/"
_OF_EPISODE = {
    "url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare",
    "valueReference": {"reference": EPISODE},
}


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians in seconds: of a read, of a review when nothing has changed, and of one after a change."""

    read: float
    review: float
    anew: float
    reviews: int
    errors: int

    @property
    def ratio(self) -> float:
        return self.review / max(1e-9, self.read)


def measure(service: Server, token: str, seconds: float) -> Measured:
    """Writes the plan and what is around it, and asks for that many seconds after a warm-up."""
    filler.write_templates(service.base, token, world())
    requests = asked(Target(service.base, token, 0))
    drive(service.base, requests, connections=1, seconds=min(2.0, seconds))
    outcome = drive(service.base, requests, connections=1, seconds=seconds)
    read, review, anew = (outcome.percentile(0.5, kind) for kind in ("read", "review", "anew"))
    return Measured(read, review, anew, len(outcome.latencies.get("review", [])), outcome.errors)


def asked(target: Target) -> Iterator[Request]:
    """Reads and reviews in turn; now and then a change of a task, and the review after it."""
    read, review = target.get(PLAN), target.get(f"{PLAN}/$review")
    for number in itertools.count():
        for _ in range(CHANGED_EACH):
            yield Request("read", read, 200)
            yield Request("review", review, 200)
        yield Request("change", target.send("PUT", "Task/bench-review-1", wire(_task(1, f"Soita {number}"))), 200)
        yield Request("anew", review, 200)


def world() -> Iterator[tuple[str, Json]]:
    """The plan and what is around it, each with its address: what is referred to comes first."""
    for name, body in _parts():
        type, id = name.split("/")
        yield name, {**body, "resourceType": type, "id": id}


def _parts() -> Iterator[tuple[str, Json]]:
    yield CONTROLLER, {"active": True, "name": "Hyvinvointialue", "type": [_code("organization-type", _SOCIAL)]}
    yield CLIENT, {"active": True, "name": [{"family": "Virtanen", "given": ["Aino"]}], "birthDate": "1984-05-05"}
    for number, role in enumerate(ROLES):
        yield _person(number), {"active": True, "name": [{"family": f"Nieminen-{number}", "given": ["Sari"]}]}
        held = {"practitioner": _ref(_person(number)), "organization": _ref(CONTROLLER)}
        yield _role(number), {"active": True, **held, "code": [_code("team-role", role)]}
        yield f"Consent/bench-review-{number}", _consent(number)
    yield EPISODE, {"status": "active", "patient": _ref(CLIENT), "careManager": _ref(_role(0)), "period": _SINCE}
    yield TEAM, _team()
    for number in range(GOALS):
        yield f"Goal/bench-review-{number}", _goal(number)
    yield PLAN, _plan()
    for number in range(ACTIVITIES):
        yield f"Task/bench-review-{number}", _task(number, f"Soita ja varaa aika {number}")
    for number in range(ENCOUNTERS):
        yield f"Encounter/bench-review-{number}", _encounter(number)


_SOCIAL = "adult-social-services"
_SINCE = {"start": START}


def _ref(name: str) -> Json:
    return {"reference": name}


def _code(system: str, code: str) -> Json:
    return {"coding": [{"system": _CODES + system, "code": code}]}


def _person(number: int) -> str:
    return f"Practitioner/bench-review-{number}"


def _role(number: int) -> str:
    return f"PractitionerRole/bench-review-{number}"


def _consent(number: int) -> Json:
    recipient = {"coding": [{"system": f"{_HL7}v3-ParticipationType", "code": "IRCP"}]}
    return {
        "status": "active",
        "scope": {"coding": [{"system": f"{_HL7}consentscope", "code": "patient-privacy"}]},
        "category": [_code("consent-category", "team")],
        "patient": _ref(CLIENT),
        "dateTime": START,
        "performer": [_ref(CLIENT)],
        "policyRule": {"coding": [{"system": f"{_HL7}v3-ActCode", "code": "OPTIN"}]},
        "sourceAttachment": {"title": "Suostumus paperilla"},
        "provision": {"type": "permit", "actor": [{"role": recipient, "reference": _ref(_role(number))}]},
    }


def _team() -> Json:
    members = [
        {"role": [_code("team-role", role)], "member": _ref(_role(number)), "period": _SINCE}
        for number, role in enumerate(ROLES)
    ]
    return {
        "status": "active",
        "subject": _ref(CLIENT),
        "extension": [_OF_EPISODE],
        "period": _SINCE,
        "participant": members,
    }


def _goal(number: int) -> Json:
    stance = [{"url": "individual", "valueReference": _ref(CLIENT)}, {"url": "status", "valueCode": "agree"}]
    return {
        "lifecycleStatus": "active",
        "description": {"text": f"Tavoite {number}: arki sujuu"},
        "subject": _ref(CLIENT),
        "expressedBy": _ref(CLIENT),
        "startDate": START,
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/goal-acceptance", "extension": stance}],
    }


def _plan() -> Json:
    return {
        "status": "active",
        "intent": "plan",
        "category": [_code("plan", "shared-plan")],
        "instantiatesCanonical": ["https://sharedplan.dev/fhir/PlanDefinition/stop"],
        "subject": _ref(CLIENT),
        "period": _SINCE,
        "contributor": [_ref(CLIENT)],
        "careTeam": [_ref(TEAM)],
        "extension": [_OF_EPISODE],
        "goal": [_ref(f"Goal/bench-review-{number}") for number in range(GOALS)],
        "activity": [{"reference": _ref(f"Task/bench-review-{number}")} for number in range(ACTIVITIES)],
    }


def _task(number: int, text: str) -> Json:
    of_client = number % 5 == 0
    return {
        "resourceType": "Task",
        "id": f"bench-review-{number}",
        "status": "accepted",
        "intent": "plan",
        "code": _code("task", "own-step" if of_client else "review"),
        "description": text,
        "basedOn": [_ref(PLAN)],
        "for": _ref(CLIENT),
        "authoredOn": f"{START}T09:00:00+02:00",
        "owner": _ref(CLIENT if of_client else _role(number % len(ROLES))),
        "restriction": {"period": {"end": f"{date(2099, 1, 10) + timedelta(days=number)}"}},
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal",
                "valueReference": _ref(f"Goal/bench-review-{number % GOALS}"),
            }
        ],
    }


def _encounter(number: int) -> Json:
    day = date(2026, 1, 6) + timedelta(days=number)
    kinds = ("client-meeting", "network-meeting", "professional-meeting")
    return {
        "status": "finished" if number % 10 else "cancelled",
        "class": {"system": f"{_HL7}v3-ActCode", "code": ("AMB", "HH", "VR")[number % 3]},
        "type": [_code("encounter-type", kinds[number % 3])],
        "subject": _ref(CLIENT),
        "episodeOfCare": [_ref(EPISODE)],
        "participant": [{"individual": _ref(_role((number + each) % len(ROLES)))} for each in range(3)],
        "period": {"start": f"{day}T10:00:00+02:00", "end": f"{day}T11:00:00+02:00"},
    }
