"""Groups → the store: decided, checked and written as a transaction is, by an operator who may write everything."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sharedplan.catalogue import CATALOGUE
from sharedplan.clock import Clock
from sharedplan.errors import Conflict, Issue, SharedplanError, VersionMismatch
from sharedplan.exchange.enforcing import Operating
from sharedplan.exchange.entries import named
from sharedplan.exchange.part import Part
from sharedplan.exchange.transaction import decided
from sharedplan.fhir.exchanges import Answer
from sharedplan.interactions.acting import Acting, Policy, Write
from sharedplan.interactions.care_rules import with_clocks
from sharedplan.interactions.proposals import Proposal
from sharedplan.interactions.provenances import attested
from sharedplan.interactions.targets import bound
from sharedplan.loading.preparing import Group, Ready
from sharedplan.loading.report import Outcome, Refusal, Stumbled, known
from sharedplan.search.expression import Everything
from sharedplan.store.projection import projection
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import RetryableConflict, Store, Unit
from sharedplan.store.versions import Change

OPERATOR = "sharedplan load"
"""The client that the audit names."""

EVERYTHING = {type: Everything() for type in CATALOGUE}

TRIES = 10
PAUSE = 0.02  # seconds; twice as long after each try

_RANKS = {"delete": 0, "create": 1, "update": 2, "patch": 2}
_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\](?:\.resource\b)?")
_NAMED = re.compile(r"entry \d+: ")


class Writer:
    """Writes groups for one organisation ("Organization/1"), or for nobody's register."""

    def __init__(self, store: Store, clock: Clock, policy: Policy, organization: str | None) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._organization = organization

    async def write(self, group: Group, outcome: Outcome, *, last: bool = False) -> frozenset[int]:
        """Writes what can be written, and tells what came of it to `outcome`.

        Gives the numbers of the entries whose conditional references found nothing: of them nothing is told yet, for
        what they look for may come later; but if this is the `last` try, they are refused.
        Raises SharedplanErrors of status 500 and above when the store fails.
        """
        waiting = group.ready
        missed: set[int] = set()
        while waiting:
            try:
                await self._write(waiting, outcome, last)
                break
            except Exception as failure:
                failure = known(failure)
                if failure.status >= 500 and not isinstance(failure, Stumbled):
                    raise
                reasons = _by_entry(failure, waiting)
                has_missed = not last and isinstance(failure, VersionMismatch) and _is_of_references(failure)
                if group.is_atomic:
                    if has_missed:
                        return frozenset(each.entry.number for each in waiting)
                    _refuse_all(waiting, reasons, failure, outcome)
                    break
                if not reasons and len(waiting) > 1:
                    for each in waiting:
                        missed |= await self.write(Group((each,)), outcome, last=last)
                    break
                reasons = reasons or {waiting[0].entry.number: _all(failure)}
                if has_missed:
                    missed |= reasons.keys()
                else:
                    bad = [each for each in waiting if each.entry.number in reasons]
                    outcome.refused += [each.refused(reasons[each.entry.number]) for each in bad]
                waiting = tuple(each for each in waiting if each.entry.number not in reasons)
        return frozenset(missed)

    async def _write(self, ready: Sequence[Ready], outcome: Outcome, last: bool) -> None:
        """All of it in one unit of work, again when another writer was in the way."""
        for attempt in range(TRIES):
            try:
                async with self._store.begin() as unit:
                    done = await self._written(ready, unit, last)
                break
            except RetryableConflict:
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(PAUSE * 2**attempt)
        outcome.add(done)

    async def _written(self, ready: Sequence[Ready], unit: Unit, last: bool) -> Outcome:
        parts = [Part(each.entry, self._acting(each, unit)) for each in ready]
        parts.sort(key=lambda part: _RANKS.get(part.asked.interaction, 3))
        parts, proposals = await decided(parts, unit)
        outcome = Outcome()
        for part in parts:
            proposal = proposals.get(part.number)
            if isinstance(proposal, Proposal):
                _check_log(part, proposal)
            _count(part, proposal, outcome)
        ready_for = {number: each for number, each in proposals.items() if isinstance(each, Proposal)}
        ready_for = dict(zip(ready_for, await with_clocks(list(ready_for.values()), parts[0].acting), strict=True))
        changes = await _changes(ready_for, parts[0].acting, last)
        for change in changes:
            unit.put(change)
        patients = dict.fromkeys(name for each in changes for name in projection(each.type).patients_of(each))
        trail = Trail(
            interaction="transaction",
            action="E",
            client_id=OPERATOR,
            organization=self._organization,
            patients=tuple(patients),
            entities=tuple(f"{each.type}/{each.id}" for each in changes),
            registers=(self._organization,) if self._organization is not None else (),
            reasons=(f"loaded from {ready[0].place}",),
        )
        await unit.write([trail])
        return outcome

    def _acting(self, ready: Ready, unit: Unit) -> Acting:
        """The operator's surroundings: all may be seen and written, and it goes into the organisation's register."""
        trail = Trail(ready.entry.asked.interaction, "E", client_id=OPERATOR)
        return Acting(
            unit,
            EVERYTHING,
            self._clock,
            self._policy,
            trail,
            OPERATOR,
            Operating(),
            self._organization,
            imports=True,
        )


async def _changes(proposals: Mapping[int, Proposal], acting: Acting, last: bool) -> list[Change]:
    """What is to be written, by entry number: Provenances bound to what they are of, all else with its own.

    Raises VersionMismatch for a Provenance of something that is not there, or not yet, unless this is the `last` try.
    """
    base = next((each.base for each in proposals.values() if each.base), "")
    writes = await bound([Write(each.change, each.resource, each.before) for each in proposals.values()], acting)
    issues: list[Issue] = []
    for number, each in zip(proposals, writes, strict=True):
        if each.is_loose and not last:
            issue = Issue("not-found", "what it is of is not there", "Provenance.target[0].reference")
            issues += named(VersionMismatch(issues=(issue,)), number).issues
    if issues:
        raise VersionMismatch(issues=issues)
    return attested(writes, acting, base)


def _check_log(part: Part, proposal: Proposal) -> None:
    """Raises Conflict when an entry of the log would be changed."""
    if part.type == "AuditEvent" and proposal.before is not None:
        raise named(Conflict("an AuditEvent is never changed, and there is another with this id"), part.number)


def _count(part: Part, proposal: Proposal | Answer | None, outcome: Outcome) -> None:
    if isinstance(proposal, Proposal):
        kind = outcome.deleted if proposal.resource is None else outcome.updated
        if proposal.resource is not None and proposal.is_creation:
            kind = outcome.created
        kind[part.type] += 1
    elif proposal is not None:
        outcome.unchanged[part.type] += 1


def _by_entry(failure: SharedplanError, ready: Sequence[Ready]) -> dict[int, tuple[str, ...]]:
    """The reasons of the entries that a failure names, with paths within their resources."""
    types = {each.entry.number: str(each.entry.asked.type) for each in ready}
    found: defaultdict[int, list[str]] = defaultdict(list)
    for issue in failure.issues:
        entry = _ENTRY.match(issue.at or "")
        if entry is None or int(entry[1]) not in types:
            continue
        number = int(entry[1])
        below = str(issue.at)[entry.end() :]
        saying = _NAMED.sub("", issue.saying, count=1)
        found[number].append(f"{types[number]}{below}: {saying}" if below else saying)
    return {number: tuple(reasons) for number, reasons in found.items()}


def _all(failure: SharedplanError) -> tuple[str, ...]:
    return tuple(issue.saying for issue in failure.issues)


def _is_of_references(failure: SharedplanError) -> bool:
    return all((issue.at or "").endswith(".reference") for issue in failure.issues)


def _refuse_all(
    ready: Sequence[Ready], reasons: dict[int, tuple[str, ...]], failure: SharedplanError, outcome: Outcome
) -> None:
    """A transaction that came to nothing: each entry at fault, and that the others went with them."""
    outcome.refused += [each.refused(reasons[each.entry.number]) for each in ready if each.entry.number in reasons]
    why = f"a transaction is stored whole or not at all: {len(ready)} entries were not stored"
    outcome.refused.append(Refusal(ready[0].place, None, None, (why,) if reasons else (*_all(failure), why)))
