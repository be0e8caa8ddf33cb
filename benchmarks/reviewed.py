"""A large plan and its review: 100 activities, 200 encounters, a team of eight; `$review` beside a read of the same
plan, by one connection, so that a latency is no queue.

Most reviews follow one of the same plan as it is; some come right after a change; some are the first of an asker who
never asked, when others have, and some the first of a plan that nobody has asked for since the service began, when all
is fetched and judged. Each is told. Everything is of the bench's welfare area, whose systems ask.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
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

ASKERS = 40
"""Systems that ask for the first time."""
PLANS = 7
"""Other plans of that size, each asked for once."""

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
    """Medians in seconds: of a read, of a review when nothing has changed, of one after a change, of the first of an
    asker who never asked (`cold`), and of the first of a plan (`first`)."""

    read: float
    review: float
    anew: float
    cold: float
    first: float
    reviews: int
    errors: int

    def reads(self, latency: float) -> float:
        """How many reads it is."""
        return latency / max(1e-9, self.read)


def measure(service: Server, token: str, others: Sequence[str], seconds: float) -> Measured:
    """Writes the plan and what is around it, and asks for that many seconds after a warm-up; then with the tokens of
    others, none of whom has asked, and for other plans."""
    filler.write_templates(service.base, token, world())
    for number in range(PLANS):
        filler.write_templates(service.base, token, another(number))
    requests = asked(Target(service.base, token, 0))
    drive(service.base, requests, connections=1, seconds=min(2.0, seconds))
    outcome = drive(service.base, requests, connections=1, seconds=seconds)
    targets = [Target(service.base, each, 0) for each in others]
    asked_first = drive(service.base, asked_for_the_first_time(targets), connections=1, seconds=max(20.0, seconds))
    read, review, anew = (outcome.percentile(0.5, kind) for kind in ("read", "review", "anew"))
    cold, first = (asked_first.percentile(0.5, kind) for kind in ("cold", "first"))
    errors = outcome.errors + asked_first.errors
    return Measured(read, review, anew, cold, first, len(outcome.latencies.get("review", [])), errors)


def asked(target: Target) -> Iterator[Request]:
    """Reads and reviews in turn; now and then a change of a task, and the review after it."""
    read, review = target.get(PLAN), target.get(f"{PLAN}/$review")
    for number in itertools.count():
        for _ in range(CHANGED_EACH):
            yield Request("read", read, 200)
            yield Request("review", review, 200)
        yield Request("change", target.send("PUT", "Task/bench-review-1", wire(_task(1, f"Soita {number}"))), 200)
        yield Request("anew", review, 200)


def asked_for_the_first_time(askers: Sequence[Target]) -> Iterator[Request]:
    """The first review of each of the askers, of the plan that others have reviewed; then the first of other plans.
    Between two there are reads, as ever."""
    for each in askers:
        read = each.get(PLAN)
        yield Request("read", read, 200)
        yield Request("cold", each.get(f"{PLAN}/$review"), 200)
        yield Request("read", read, 200)
    for number in range(PLANS):
        yield Request("first", askers[0].get(f"{_renamed(PLAN, number)}/$review"), 200)
        yield Request("read", askers[0].get(PLAN), 200)


def another(number: int) -> Iterator[tuple[str, Json]]:
    """The same plan of another client with another team, with all that is around it."""
    for name, body in world():
        if name != CONTROLLER:
            yield _renamed(name, number), json.loads(_renamed(json.dumps(body), number))


def _renamed(text: str, number: int) -> str:
    return text.replace("bench-review", f"bench-other-{number}")


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
