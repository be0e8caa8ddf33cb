"""What the service models' rules do at a write: what the service works out itself is put in, breaches are refused, and
what there is to know is told.

All writes that go in together are judged together, by all that there is of the client: once for each client, and only
for the types that the rules in question look at. What only warns goes by what the writer sees.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sharedplan.care.finding import Finding
from sharedplan.care.writes import rules
from sharedplan.care.writing import Writing
from sharedplan.errors import Conflict, Issue, SharedplanError, Unprocessable
from sharedplan.fhir import resources
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.care_known import after_all, clients_of_named, earlier_of, gathered, unseen
from sharedplan.interactions.care_writes import CareWrite, completed, has_clocks, read
from sharedplan.interactions.gathering import DIRECTORY
from sharedplan.interactions.proposals import Proposal, answer_with

LOCKED = frozenset({"one-plan", "R4.1"})
"""Rules that two writers at once could break together: they wait for each other."""

OF_CLOCKS = ("Patient", "CarePlan", "ServiceRequest")

Outcome = Proposal | Answer | SharedplanError


async def kept(proposals: Sequence[Proposal], asked: Asked, acting: Acting) -> list[Outcome]:
    """For each of the proposals, which go in together and which the asker may write: as it is written, with what there
    is to know; or the answer, when with what the service puts in it says what is there already; or why it is refused.
    """
    tells = asked.prefer.returning == "OperationOutcome"
    writes = [read(number, each, tells) for number, each in enumerate(proposals)]
    outcomes: list[Outcome] = list(proposals)
    everything = {each.name: each.proposal for each in writes}
    for client in dict.fromkeys(each.client for each in writes if each.is_looked_at):
        together = [each for each in writes if each.client in (client, None) or each.name == client]
        for number, outcome in (await _of_client(client, together, everything, acting, asked.base)).items():
            outcomes[number] = outcome
    return outcomes


async def with_clocks(proposals: Sequence[Proposal], acting: Acting) -> list[Proposal]:
    """The same for what an operator brings in, which is stored as it is: only the clocks are worked out."""
    if not any(map(has_clocks, proposals)):
        return list(proposals)
    writes = [read(number, each, False) for number, each in enumerate(proposals)]
    found = list(proposals)
    for client in dict.fromkeys(each.client for each in writes if each.has_clocks):
        together = [each for each in writes if each.client in (client, None) or each.name == client]
        base = together[0].proposal.base
        now = await gathered(client, OF_CLOCKS, together, acting, base, acting.clock.now(), follow=())
        for each in together:
            if each.has_clocks:
                found[each.number] = completed(each, after_all(now, together)).proposal
    return found


async def _of_client(
    client: str | None, together: Sequence[CareWrite], everything: Mapping[str, Proposal], acting: Acting, base: str
) -> dict[int, Outcome]:
    """What comes of the writes that concern the client, by their numbers; `everything` goes in together, by name."""
    mine = [each for each in together if each.client == client]
    looked_at = [one for each in mine for one in each.judged]
    if client is not None and not LOCKED.isdisjoint(one.id for one in looked_at):
        await acting.unit.lock_criteria("CarePlan", f"category=shared-plan&patient={client}")
    types = rules.needs(looked_at)
    if any(each.has_clocks for each in mine):
        types = tuple(dict.fromkeys((*types, *OF_CLOCKS)))
    at = acting.clock.now()
    follow = DIRECTORY if any(one.looks_up for one in looked_at) else ()
    before = await gathered(client, types, together, acting, base, at, follow=follow)
    done = {each.number: completed(each, after_all(before, together)) for each in mine}
    together = [done.get(each.number, each) for each in together]
    after = after_all(before, together)
    earlier = await earlier_of(mine, before, acting, at)
    whose = await clients_of_named(mine, everything, after, acting)
    shared = Writing(
        None,
        None,
        before,
        after,
        client,
        acting.person,
        acting.controller,
        acting.access.accepting(before, after, client or "", earlier),
        whose,
        attendance=acting.policy.attendance,
    )
    found = _findings(done.values(), shared)
    if any(found.values()):  # seldom: only now names are told, those that the writer may know
        whole = await gathered(client, (*types, "Patient"), together, acting, base, at)
        shared = replace(shared, after=after_all(whole, together), unnamed=await unseen(whole, acting))
        found = _findings(done.values(), shared)
    told = await _told(client, list(done.values()), together, shared, acting, base)
    return {number: _outcome(each, [*found[number], *told.get(number, ())]) for number, each in done.items()}


def _findings(writes: Iterable[CareWrite], shared: Writing) -> dict[int, list[Finding]]:
    return {
        each.number: rules.findings(each.judged, replace(shared, current=each.current, proposed=each.proposed))
        for each in writes
    }


def _outcome(write: CareWrite, found: Sequence[Finding]) -> Outcome:
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


async def _told(
    client: str | None,
    writes: Sequence[CareWrite],
    together: Sequence[CareWrite],
    shared: Writing,
    acting: Acting,
    base: str,
) -> dict[int, list[Finding]]:
    """What there is to know, by what the writer sees."""
    wanted = [one for each in writes for one in each.told]
    if not wanted:
        return {}
    types = (*rules.needs(wanted), "Patient")
    before = await gathered(client, types, together, acting, base, shared.at, within=acting.within)
    shown = replace(shared, before=before, after=after_all(before, together), unnamed=frozenset())
    return {
        each.number: rules.findings(each.told, replace(shown, current=each.current, proposed=each.proposed))
        for each in writes
    }
