"""What the service models' rules do at a write: what the service works out itself is put in, breaches are refused, and
what there is to know is told.

All writes that go in together are judged together, by all that there is of the client: once for each client, and only
for the types that the rules in question look at. What only warns goes by what the writer sees.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from sharedplan.care import clocks, model
from sharedplan.care.finding import Finding
from sharedplan.care.situation import Situation
from sharedplan.care.writes import meeting, rules
from sharedplan.care.writes.plan import newly_named_goals
from sharedplan.care.writing import WriteRule, Writing
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Conflict, Issue, SharedplanError, Unprocessable
from sharedplan.fhir import json_text, references, resources
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.earlier_consents import earlier
from sharedplan.interactions.existence import visible
from sharedplan.interactions.gathering import DIRECTORY, gathered_whole
from sharedplan.interactions.proposals import Proposal, answer_with
from sharedplan.search.expression import Everything, Expression
from sharedplan.search.indexing import index_values, inner_values
from sharedplan.store.versions import Version

WHOLE = {type: Everything() for type in CATALOGUE}

LOCKED = frozenset({"one-plan", "R4.1"})
"""Rules that two writers at once could break together: they wait for each other."""

OF_CLOCKS = ("Patient", "CarePlan", "ServiceRequest")

_CLIENT = {"Consent": "patient", "EpisodeOfCare": "patient", "RelatedPerson": "patient", "Task": "for"}

Outcome = Proposal | Answer | SharedplanError


@dataclass(frozen=True, slots=True)
class _Write:
    """One of the writes: where it stands among them, and the rules that may have something to say of it."""

    number: int
    proposal: Proposal
    current: Json | None
    proposed: Json | None
    client: str | None
    judged: Sequence[WriteRule]
    told: Sequence[WriteRule]

    @property
    def name(self) -> str:
        return f"{self.proposal.change.type}/{self.proposal.change.id}"

    @property
    def is_looked_at(self) -> bool:
        return bool(self.judged or self.told or self.has_clocks)

    @property
    def has_clocks(self) -> bool:
        return self.proposed is not None and _has_clocks(self.proposal)


async def kept(proposals: Sequence[Proposal], asked: Asked, acting: Acting) -> list[Outcome]:
    """For each of the proposals, which go in together and which the asker may write: as it is written, with what there
    is to know; or the answer, when with what the service puts in it says what is there already; or why it is refused.
    """
    tells = asked.prefer.returning == "OperationOutcome"
    writes = [_read(number, each, tells) for number, each in enumerate(proposals)]
    outcomes: list[Outcome] = list(proposals)
    for client in dict.fromkeys(each.client for each in writes if each.is_looked_at):
        together = [each for each in writes if each.client in (client, None) or each.name == client]
        for number, outcome in (await _of_client(client, together, acting, asked.base)).items():
            outcomes[number] = outcome
    return outcomes


async def with_clocks(proposals: Sequence[Proposal], acting: Acting) -> list[Proposal]:
    """The same for what an operator brings in, which is stored as it is: only the clocks are worked out."""
    if not any(map(_has_clocks, proposals)):
        return list(proposals)
    writes = [_read(number, each, False) for number, each in enumerate(proposals)]
    found = list(proposals)
    for client in dict.fromkeys(each.client for each in writes if each.has_clocks):
        together = [each for each in writes if each.client in (client, None) or each.name == client]
        base = together[0].proposal.base
        now = await _gathered(client, OF_CLOCKS, together, acting, base, acting.clock.now(), follow=())
        for each in together:
            if each.has_clocks:
                found[each.number] = _completed(each, _after(now, together)).proposal
    return found


def _has_clocks(proposal: Proposal) -> bool:
    return proposal.change.type == "Task" and clocks.is_need_assessment(proposal.resource or {})


def _read(number: int, proposal: Proposal, tells: bool) -> _Write:
    change, before = proposal.change, proposal.before
    if change.type not in rules.RULES:
        return _Write(number, proposal, None, _with_id(proposal), _client_of(proposal.resource, proposal.base), (), ())
    current = json_text.read(before.content) if before is not None and before.content is not None else None
    proposed = _with_id(proposal)
    judged = rules.applying(change.type, current, proposed, warns=False)
    told = rules.applying(change.type, current, proposed, warns=True) if tells else []
    client = _client_of(proposed or current, proposal.base)
    return _Write(number, proposal, current, proposed, client, judged, told)


def _with_id(proposal: Proposal) -> Json | None:
    return {**proposal.resource, "id": proposal.change.id} if proposal.resource is not None else None


def _client_of(resource: Json | None, base: str) -> str | None:
    """The Patient that it is of; None for what is of none."""
    element = (resource or {}).get(_CLIENT.get((resource or {}).get("resourceType", ""), "subject"))
    text = element.get("reference") if isinstance(element, dict) else None
    found = references.parse(text).relative_to(base) if isinstance(text, str) else None
    return found.target if found is not None and found.type == "Patient" else None


async def _of_client(client: str | None, together: Sequence[_Write], acting: Acting, base: str) -> dict[int, Outcome]:
    """What comes of the writes that concern the client, by their numbers."""
    mine = [each for each in together if each.client == client]
    looked_at = [one for each in mine for one in each.judged]
    if client is not None and not LOCKED.isdisjoint(one.id for one in looked_at):
        await acting.unit.lock_criteria("CarePlan", f"category=shared-plan&patient={client}")
    types = rules.needs(looked_at)
    if any(each.has_clocks for each in mine):
        types = tuple(dict.fromkeys((*types, *OF_CLOCKS)))
    at = acting.clock.now()
    follow = DIRECTORY if any(one.looks_up for one in looked_at) else ()
    before = await _gathered(client, types, together, acting, base, at, follow=follow)
    done = {each.number: _completed(each, _after(before, together)) for each in mine}
    together = [done.get(each.number, each) for each in together]
    after = _after(before, together)
    earlier = await _earlier(mine, before, acting, at)
    seen = await _seen(mine, together, after, acting)
    shared = Writing(
        None,
        None,
        before,
        after,
        client,
        acting.person,
        acting.controller,
        acting.access.accepting(before, after, client or "", earlier),
        seen,
        attendance=acting.policy.attendance,
    )
    found = _findings(done.values(), shared)
    if any(found.values()):  # seldom: only now names are told, those that the writer may know
        whole = await _gathered(client, (*types, "Patient"), together, acting, base, at)
        shared = replace(shared, after=_after(whole, together), unnamed=await _unnamed(whole, acting))
        found = _findings(done.values(), shared)
    told = await _told(client, list(done.values()), together, shared, acting, base)
    return {number: _outcome(each, [*found[number], *told.get(number, ())]) for number, each in done.items()}


def _findings(writes: Iterable[_Write], shared: Writing) -> dict[int, list[Finding]]:
    return {
        each.number: rules.findings(each.judged, replace(shared, current=each.current, proposed=each.proposed))
        for each in writes
    }


def _outcome(write: _Write, found: Sequence[Finding]) -> Outcome:
    """What comes of one write. The error is a Conflict for a second plan, else Unprocessable."""
    proposal, issues = write.proposal, tuple(_unique(each.issue() for each in found))
    if any(each.severity == "error" for each in found):
        raised = Conflict if any(each.code == "conflict" for each in found) else Unprocessable
        return raised(issues=[each for each in issues if each.severity == "error"])
    proposal = replace(proposal, warnings=proposal.warnings + issues) if issues else proposal
    before, change = proposal.before, proposal.change
    if before is not None and write.has_clocks and proposal.resource is not None:
        same = resources.stamped(proposal.resource, id=change.id, version=before.version)
        if same.at(resources.instant(before.last_updated)) == before.content:
            return answer_with(before, 200, warnings=proposal.warnings)
    return proposal


def _unique(issues: Iterable[Issue]) -> Iterable[Issue]:
    return dict.fromkeys(issues)


# What is known


async def _gathered(
    client: str | None,
    types: Sequence[str],
    together: Sequence[_Write],
    acting: Acting,
    base: str,
    at: datetime,
    *,
    follow: Collection[str] = DIRECTORY,
    within: Mapping[str, Expression] = WHOLE,
) -> Situation:
    """What there is of the client, of these types, as it is stored; and of the directory what it names, and what is
    about to be written names. Without other slices all of it, which is for judging alone."""
    if not types and not follow:
        return Situation(at, {}, client, base=base)
    named: list[Json] = [each.proposed for each in together if each.proposed is not None and each.is_looked_at]
    if acting.person is not None:
        named.append({"parameter": [{"valueReference": {"reference": acting.person}}]})
    beside = [
        Version("Basic", f"named-{n}", 0, at, "create", json_text.write({**each, "resourceType": "Basic"}))
        for n, each in enumerate(named)
    ]
    with acting.unit.judging() if within is WHOLE else nullcontext():
        whole = await gathered_whole(
            client, acting.unit, within=within, at=at, base=base, types=types, beside=beside, follow=follow
        )
    return whole.situation.with_(without=[f"Basic/{each.id}" for each in beside])


def _after(before: Situation, together: Iterable[_Write]) -> Situation:
    """What is known once all of it is written."""
    together = list(together)
    there = [each.proposed for each in together if each.proposed is not None]
    gone = [each.name for each in together if each.proposal.resource is None]
    after = before.with_(*there, without=gone)
    new = {each.name: each.proposal.change.controller for each in together if each.name not in before.registers}
    return replace(after, registers={**new, **before.registers})


async def _earlier(
    writes: Iterable[_Write], before: Situation, acting: Acting, now: datetime
) -> Mapping[str, tuple[Json, ...]]:
    """The versions that the client's consents had before the stored ones, when a meeting is written that was earlier
    than these."""
    meetings = [each.proposed for each in writes if any(one.id == "R0.1" for one in each.judged)]
    times = [at for each in meetings if each is not None and (at := meeting.starts(each)) is not None and at < now]
    if not times:
        return {}
    return await earlier(before.of("Consent"), since=min(times), unit=acting.unit)


async def _seen(
    writes: Iterable[_Write], together: Iterable[_Write], after: Situation, acting: Acting
) -> frozenset[str]:
    """Of the goals that plans newly name, those that the writer sees, or writes beside."""
    named = {
        str(after.name_of(each))
        for write in writes
        if any(one.id == "R3.5" for one in write.judged)
        for _, each in newly_named_goals(write.current, write.proposed, after)
    }
    beside = {each.name for each in together if each.proposed is not None}
    asked = {("Goal", name.partition("/")[2]) for name in named - beside}
    there = await visible(asked, acting) if asked else set()
    return frozenset(named & beside) | {f"{type}/{id}" for type, id in there}


async def _unnamed(situation: Situation, acting: Acting) -> frozenset[str]:
    """Of the client and his relatives, those whom the writer does not see and whose names he so does not learn."""
    names = [
        f"{each['resourceType']}/{each['id']}" for type in ("Patient", "RelatedPerson") for each in situation.of(type)
    ]
    there = await visible({(one, two) for one, _, two in (each.partition("/") for each in names)}, acting)
    return frozenset(name for name in names if tuple(name.split("/")) not in there)


# What is put in


def _completed(write: _Write, after: Situation) -> _Write:
    """The write with the clocks of a need assessment, which are the service's own."""
    proposal, task = write.proposal, write.proposed
    if not write.has_clocks or task is None or proposal.resource is None:
        return write
    made = clocks.with_clocks(task, after.patient, _model_of(task, after))
    if made == task:
        return write
    resource = made if "id" in proposal.resource else {name: each for name, each in made.items() if name != "id"}
    change = replace(
        proposal.change,
        stamped=resources.stamped(resource, id=proposal.change.id, version=proposal.change.version),
        values=index_values("Task", resource, base=proposal.base),
        contained=inner_values(resource, base=proposal.base),
    )
    return replace(write, proposal=replace(proposal, change=change, resource=resource), proposed=made)


def _model_of(task: Json, after: Situation) -> model.ServiceModel | None:
    """The model of the plan that the Task belongs to; without a plan, that of the referral."""
    named = [each for each in map(after.get, (*task.get("basedOn", ()), task.get("focus", {}))) if each is not None]
    plans = [each for each in named if each["resourceType"] == "CarePlan"]
    plans += [each for each in after.of("CarePlan") if _plans(each, f"Task/{task['id']}", after)]
    referrals = [each for each in named if each["resourceType"] == "ServiceRequest"]
    return model.of(next(iter(plans), None), next(iter(referrals), None), after.of("PlanDefinition"))


def _plans(plan: Json, task: str, after: Situation) -> bool:
    return any(after.name_of(each.get("reference")) == task for each in plan.get("activity", ()))


# What is told


async def _told(
    client: str | None,
    writes: Sequence[_Write],
    together: Sequence[_Write],
    shared: Writing,
    acting: Acting,
    base: str,
) -> dict[int, list[Finding]]:
    """What there is to know, by what the writer sees."""
    wanted = [one for each in writes for one in each.told]
    if not wanted:
        return {}
    types = (*rules.needs(wanted), "Patient")
    before = await _gathered(client, types, together, acting, base, shared.at, within=acting.within)
    shown = replace(shared, before=before, after=_after(before, together), unnamed=frozenset())
    return {
        each.number: rules.findings(each.told, replace(shown, current=each.current, proposed=each.proposed))
        for each in writes
    }
