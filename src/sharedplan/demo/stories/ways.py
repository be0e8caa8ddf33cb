"""The ways that several stories go: how a client comes and a plan starts, who sees what of it, what it all comes to."""

import re
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import TypeVar

from sharedplan.care import codes
from sharedplan.care.measures.suppression import LEAST
from sharedplan.demo.stories import cast, nouns, records
from sharedplan.demo.stories.outcomes import Answer, Done, Foreseen, Hidden, Holds, Outcome, Sees
from sharedplan.demo.stories.records import Made
from sharedplan.demo.stories.steps import Asker, Step, Steps, add, get, parameters, patch, post, replace
from sharedplan.fhir.exchanges import Json

Made_ = TypeVar("Made_")
Way = Generator[Step, Answer, Made_]


def known(system: Asker, given: str, family: str, born: str) -> Way[Asker]:
    """The client becomes known in a register; hands back the client."""
    person = records.patient(given, family, born, str(system.organization))
    answer = yield Step(system, f"takes {given} {family} in as a client", post(person), Done())
    return cast.client(f"{given} {family}", answer.name)


def referred(system: Asker, request: Json, client: Asker, owner: Asker, at: datetime, *warned: str) -> Way[str]:
    """A referral comes, and its receiver takes hold; hands back the ServiceRequest's name."""
    sender = Asker(request["requester"]["display"], person=request["requester"]["reference"])
    answer = yield Step(system, f"gets the referral that {sender.name} wrote", post(request), Done(warned))
    asked = records.task("referral", client, sender, owner, "requested", at, focus=records.to(answer.name))
    passed = yield Step(system, f"passes it to {owner.name}", post(asked), Done())
    taken = (replace("/status", "accepted"), add("/executionPeriod", {"start": records.instant(at)}))
    yield Step(owner, "takes hold of it", patch(passed.name, *taken), Done())
    return answer.name


def started(model: str, client: Asker, by: Asker, on: datetime) -> Way[Made]:
    """The plan starts from its model; hands back what was made."""
    given = parameters(
        subject=str(client.person),
        practitioner=str(by.person),
        organization=str(by.organization),
        start=records.day(on),
        commit=True,
    )
    wanted = ("CarePlan", "CareTeam", "Consent", "EpisodeOfCare", "Goal", "Task")
    whole = Holds(
        "plan, team, consent, episode, goals and tasks are made",
        lambda each: set(wanted) <= set(each.made),
        Done().tells,
    )
    answer = yield Step(
        by, "starts the shared plan from its model", post(given, f"PlanDefinition/{model}/$apply"), whole
    )
    return answer.made


@dataclass(frozen=True, slots=True)
class View:
    """What of a plan somebody sees: types that are there (so many, 0: any number) and that are not; {}: nothing at
    all. `why`, for people."""

    who: Asker
    some: Mapping[str, int]
    none: tuple[str, ...] = ()
    why: str = ""


Seen = Mapping[str, Counter[str]]
"""How many of each type everybody saw, by their names."""


def views(plan: str, *each: View, before: Seen | None = None) -> Way[Seen]:
    """What of the plan everybody sees, the first of them everything; hands back how much it was. `before`: what they
    saw the last time."""
    seen: dict[str, Counter[str]] = {}
    whole: Counter[str] = Counter()
    for view in each:
        last = before.get(view.who.name) if before else None
        outcome: Outcome = (
            Sees(view.some, view.none, view.why, whole, last) if view.some else Hidden(why=view.why or NO_CONSENT)
        )
        answer = yield Step(view.who, "fetches the plan whole", get(f"{plan}/$everything"), outcome)
        seen[view.who.name] = answer.types
        whole = whole or answer.types
    return seen


NO_CONSENT = "no consent of the client's names it"


def in_force(plan: str, by: Asker) -> Way[Json]:
    """The demo client's plan, as it is in his record system before he goes on; hands back the resource."""
    answer = yield Step(
        by,
        "opens the plan, which has long been in force",
        get(plan),
        Holds(
            "the demo client's plan is in force (set its status to active again, or name another service)",
            lambda answer: answer.body.get("status") == "active",
            lambda answer: [
                f"{answer.body['title']} ({answer.body['status']}, version {answer.body['meta']['versionId']})"
            ],
        ),
    )
    return answer.body


def consents(client: Asker, by: Asker) -> Way[dict[str, Json]]:
    """Whom the client has let in; hands back the consents in force by their names, so that a story can set right what
    a play that was broken off has left."""
    answer = yield Step(
        by,
        f"looks whom {client.name} lets in",
        get(f"Consent?patient={client.person}&status=active&_sort=_id"),
        Holds("there is a consent", lambda answer: bool(answer.resources), _let_in),
    )
    return {f"Consent/{each['id']}": each for each in answer.resources}


def _let_in(answer: Answer) -> Iterable[str]:
    for each in answer.resources:
        people = [actor["reference"].get("display", "") for actor in each["provision"].get("actor", ())]
        what = [nouns.all_of(one["code"]) for one in each["provision"].get("class", ())]
        yield f"{'; '.join(people)} – {', '.join(what) or 'what is theirs to see'}"


BROKEN_OFF = "sets right what a play that was broken off had left"


def closing(plan: Json, by: Asker, *warned: str) -> Steps:
    """What would be said if the plan closed today; nothing is stored."""
    asked = post({**plan, "status": "completed"}, f"CarePlan/{plan['id']}/$validate?mode=update")
    yield Step(by, "asks what would be missing if it closed today, without closing it", asked, Foreseen(warned))


def sheet(plan: str, by: Asker, language: str, words: Iterable[str]) -> Steps:
    """The plan sheet, as a page."""
    address = f"{plan}/$document?_format=html&_language={language}"
    there = list(words)
    holds = Holds(
        f"the sheet has {', '.join(there)}",
        lambda answer: all(each in answer.text for each in there),
        lambda answer: [
            f"the plan sheet, {len(answer.text) // 1024 + 1} KiB of HTML, to be read in a browser or printed"
        ],
    )
    yield Step(by, "opens the plan sheet", get(address), holds)


def measured(measure: str, by: Asker, at: datetime) -> Steps:
    """A measure of the year, for the purpose of operations. Groups of less than five cases tell no number."""
    year = at.year
    address = f"Measure/{measure}/$evaluate-measure?periodStart={year}-01-01&periodEnd={year + 1}-01-01"
    office = cast.for_purpose(by, "HOPERAT")
    holds = Holds("the report tells no number of less than five cases", _is_discreet, _figures)
    yield Step(office, f"asks for the measure {measure}", get(address), holds)


def _is_discreet(answer: Answer) -> bool:
    groups = answer.body.get("group", ())
    counts = [each.get("count") for group in groups for each in group.get("population", ())]
    return bool(groups) and all(count >= LEAST for count in counts if count is not None)


def _figures(answer: Answer) -> Iterable[str]:
    for group in answer.body.get("group", ()):
        parts = []
        for population in group.get("population", ()):
            name = population["code"]["coding"][0]["code"]
            parts.append(f"{name} {population.get('count', 'too few to tell')}")
        score = group.get("measureScore", {})
        if "value" in score:
            parts.append(f"score {score['value']} {score.get('unit', '').strip('1')}".rstrip())
        yield f"{group['code']['coding'][0]['code']}: {', '.join(parts)}"


def emergency(client: Asker, doctor: Asker, same: Asker, plan: str, reason: str, coordinator: Asker) -> Steps:
    """A doctor who is on no team opens what is needed, and the coordinator looks at it afterwards; `same`: the doctor
    for the purpose of care."""
    yield Step(same, "reads the plan in the emergency room", get(plan), Hidden())
    opened = Holds(
        "it opens for a while, with a Task to look at it afterwards",
        lambda answer: bool([*answer.parameter("validUntil")] and [*answer.parameter("task")]),
        lambda answer: [f"open until {next(answer.parameter('validUntil'))}"],
    )
    asked = post(parameters(reason=reason), f"{client.person}/$break-glass")
    yield Step(doctor, "breaks the glass, and says why", asked, opened)
    yield Step(doctor, "reads it now", get(plan), Holds("it is the plan", _is_plan, lambda _: ["sees the plan"]))
    yield Step(doctor, "looks for the goals", get(f"Goal?patient={client.person}"), Sees({}, ("Goal",)))
    found = get(f"Task?patient={client.person}&code=break-glass-review&status=requested")
    yield Step(coordinator, "is asked to look at it", found, Sees({"Task": 1}))


def log(client: Asker, naming: str) -> Steps:
    """Who has looked, in the client's own log: the newest first; somebody is named there."""
    address = f"AuditEvent?patient={client.person}&_sort=-_lastUpdated&_count=5"
    told = Holds(f"the log names {naming}", lambda answer: any(naming in each for each in _entries(answer)), _entries)
    yield Step(client, "looks who has looked", get(address), told)


def _entries(answer: Answer) -> Iterable[str]:
    for each in answer.resources:
        said = re.findall(rf'<p[^>]* lang="{answer.language}"[^>]*>(.*?)</p>', each["text"]["div"], re.DOTALL)
        yield from (unescape(re.sub("<[^>]+>", "", one)) for one in said)


def _is_plan(answer: Answer) -> bool:
    return answer.body.get("resourceType") == "CarePlan"


def executed(start: datetime, end: datetime) -> Json:
    """The change of a Task that tells when it was done."""
    return add("/executionPeriod", {"start": records.instant(start), "end": records.instant(end)})


CLOCKED = Holds(
    "it has a clock",
    lambda answer: codes.extension(answer.body, codes.CLOCK) is not None,
    lambda answer: _clocks(answer),
)
"""A Task with the clocks that law or model set it."""


def _clocks(answer: Answer) -> Iterable[str]:
    for each in answer.body.get("extension", ()):
        if each["url"] == codes.CLOCK:
            parts = {
                one["url"]: next(value for name, value in one.items() if name != "url") for one in each["extension"]
            }
            yield f"{parts['kind']} by {parts['due']} ({parts['binding']}, {parts['basis'].get('code')})"


def whether(organization: str, type: str) -> Json:
    """The question of an $access-decision: may that organisation's system see the client's things of that type?"""
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "actor", "valueReference": {"reference": organization}},
            {"name": "type", "valueCode": type},
        ],
    }


def decided(decision: str) -> Holds:
    """An $access-decision, permit or deny, with what it goes by."""
    return Holds(
        f"it says {decision}",
        lambda answer: [*answer.parameter("decision")] == [decision],
        lambda answer: [
            ": ".join([*answer.parameter("decision")]),
            *answer.parameter("reason"),
            *answer.parameter("wouldChange"),
        ],
    )
