"""FHIR transaction: all entries in one unit of work, or none. https://hl7.org/fhir/R4/http.html#trules

Everything is decided and checked before the first row is written, and all changes are written in one go; the unit is
committed by whoever opened it.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sharedplan import audit
from sharedplan.access.principal import Principal
from sharedplan.clock import Clock
from sharedplan.errors import Conflict, Incorrect, Issue, SharedplanError, Unprocessable
from sharedplan.exchange import conditions, entries, responses
from sharedplan.exchange.entries import Entry, named
from sharedplan.exchange.part import Part
from sharedplan.exchange.plan import Key, Links, base_of, check_identities, rank
from sharedplan.exchange.recording import unchanged
from sharedplan.exchange.review import with_review
from sharedplan.exchange.step import interaction_of
from sharedplan.exchange.surroundings import acting
from sharedplan.fhir import bundles, references, resources
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.fhir.references import rewritten
from sharedplan.interactions import create, delete, patch, provenances, update
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.care_rules import kept
from sharedplan.interactions.criteria import check_still_selected
from sharedplan.interactions.proposals import Proposal, answer_with, judged
from sharedplan.interactions.remarks import remarks
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Unit
from sharedplan.store.versions import Version

Newest = Mapping[Key, Version]

IN_ONE_GO = 0.02
"""Seconds that entries are checked for before other requests get their turn."""


async def transaction(asked: Asked, by: Principal, unit: Unit, *, clock: Clock, policy: Policy) -> Answer:
    """A transaction-response with an entry for each of the request's, in their order.

    Raises a SharedplanError whose issues name the failing entries; then nothing has been changed.
    """
    provenances.check(asked)
    came = entries.listed(asked.body, most=policy.bundle_entries)
    resources.check_envelope(asked.body)
    parts = [_part(entry, by, unit, clock, policy) for entry in _read(came, asked)]
    parts.sort(key=lambda part: rank(came[part.number]))
    parts, proposals = await decided(parts, unit)
    answers, unrecorded = await _written(asked, by, parts, proposals, unit)
    room = responses.Room()
    told: dict[int, bundles.Entry] = {}
    for part in parts:
        if part.is_change:
            answer = await with_review(answers[part.number], part.asked, by, part.acting)
        else:
            answer = await _looked_up(part, room)
        told[part.number] = responses.answered(part.asked, part.acting.shown(answer), room)
    if unrecorded:
        await unit.record(*unrecorded)
    listed = [told[number] for number in range(len(came))]
    return Answer(200, bundles.response("transaction", listed, labels=room.labels), labels=room.labels)


async def decided(parts: list[Part], unit: Unit) -> tuple[list[Part], dict[int, Proposal | Answer]]:
    """The parts, which come in the order of processing, with their targets and links; and by entry number what each
    change comes to. What is about to change is locked, and nothing is written yet.

    Raises a SharedplanError whose issues name the failing entries.
    """
    parts = await conditions.with_targets(parts)
    check_identities((part.entry, part.changed) for part in parts if part.changed is not None)
    newest = await _locked(parts, unit)
    for part in parts:
        if part.asked.interaction != "create":
            await check_still_selected(part.condition, part.found, part.acting)
    parts = await _linked(parts, newest)
    return parts, await _proposed(parts, newest)


def _read(came: Sequence[object], around: Asked) -> list[Entry]:
    """The entries, understood. Raises Incorrect with all that are not, types that are not offered among them."""
    read: list[Entry] = []
    issues: list[Issue] = []
    for number, entry in enumerate(came):
        try:
            read.append(entries.read(entry, number, around))
        except SharedplanError as failure:
            issues.extend(failure.issues)
    if issues:
        raise Incorrect(issues=issues)
    return read


def _part(entry: Entry, by: Principal, unit: Unit, clock: Clock, policy: Policy) -> Part:
    """The entry with its surroundings: each is judged by itself."""
    try:
        interaction_of(entry.asked)
        return Part(entry, acting(entry.asked, by, unit, clock, policy))
    except SharedplanError as failure:
        raise named(failure, entry.number) from failure


async def _linked(parts: list[Part], newest: Newest) -> list[Part]:
    """The parts with their references leading where they are meant to, now that every resource has its id."""
    links = Links()
    for part in parts:
        if part.key is not None:
            links.add(part.entry, part.key, _next_version(part, newest))
    texts = {part.number: list(_references(part)) for part in parts if part.brings_links}
    selected = await conditions.resolved(parts, texts)
    seen: dict[str, dict[str, str]] = {}
    linked = []
    for part in parts:
        if part.brings_links:
            base = base_of(part.entry)
            if base not in seen:
                seen[base] = {**links.seen_at(base), **selected}
            versioned = links.versioned((text for _, text in texts[part.number]), seen[base])
            mapping = {**seen[base], **versioned} if versioned else seen[base]
            if mapping:
                body = rewritten(part.asked.body, mapping)
                part = replace(part, entry=replace(part.entry, asked=part.asked._replace(body=body)))
        linked.append(part)
    return linked


def _next_version(part: Part, newest: Newest) -> int:
    """The version that the entry's resource has afterwards."""
    if part.existing is not None:
        return part.existing.version
    before = newest.get(part.changed) if part.changed is not None else None
    return before.version + 1 if before is not None else 1


def _references(part: Part) -> Iterator[tuple[str, str]]:
    """(path, text) of each reference in the entry's resource."""
    return ((path, text) for path, _, text in references.each(part.asked.body))


async def _locked(parts: list[Part], unit: Unit) -> Newest:
    """The newest versions of what is about to change, locked in one order for all transactions."""
    there = [part for part in parts if part.changed is not None and part.asked.interaction != "create"]
    slices = {part.type: part.acting.within[part.type] for part in there}
    if all(part.acting.within[part.type] == slices[part.type] for part in there):
        keys = sorted(part.changed for part in there if part.changed is not None)
        return await unit.lock_all(keys, within=slices) if keys else {}
    newest: dict[Key, Version] = {}
    for part in sorted(there, key=lambda part: part.changed or ("", "")):
        version = await unit.lock(part.type, str(part.id), within=part.acting.within[part.type])
        if version is not None:
            newest[part.type, str(part.id)] = version
    return newest


async def _proposed(parts: list[Part], newest: Newest) -> dict[int, Proposal | Answer]:
    """What each change comes to, by entry number; raises with the issues of all that fail.

    Checking a thousand resources takes a good part of a second, so others get their turn in between.
    """
    proposals: dict[int, Proposal | Answer] = {}
    failures: list[SharedplanError] = []
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for part in parts:
        if not part.is_change:
            continue
        if loop.time() - begun > IN_ONE_GO:
            await asyncio.sleep(0)
            begun = loop.time()
        try:
            proposals[part.number] = _proposal(part, newest)
        except SharedplanError as failure:
            failures.append(named(failure, part.number))
    if failures:
        first = failures[0]
        first.issues = tuple(issue for failure in failures for issue in failure.issues)
        raise first
    return proposals


def _proposal(part: Part, newest: Newest) -> Proposal | Answer:
    asked, surroundings = part.asked, part.acting
    version = newest.get(part.changed) if part.changed is not None else None
    match asked.interaction:
        case "create":
            if part.existing is not None:
                return answer_with(part.existing, 200)
            return create.creation(asked, surroundings, id=str(part.id))
        case "update":
            return update.replacement(asked, surroundings, id=str(part.id), newest=version, found=part.found)
        case "patch":
            return patch.patched(asked, surroundings, id=str(part.id), newest=version)
    return delete.deletion(asked, surroundings, newest=version)


async def _written(
    asked: Asked, by: Principal, parts: list[Part], proposals: dict[int, Proposal | Answer], unit: Unit
) -> tuple[dict[int, Answer], list[Trail]]:
    """Writes all proposals, with an audit row for the request and one for each change.

    Gives the answers by entry number, and the audit rows that are still to be recorded because nothing was written.
    """
    ready = await _allowed({n: each for n, each in proposals.items() if isinstance(each, Proposal)}, parts)
    ready = await _checked(ready, asked, parts)
    ready, there = await _kept(ready, asked, parts)
    trails = [audit.begun(asked, by)]
    answers: dict[int, Answer] = {}
    for part in parts:
        each = ready.get(part.number) or there.get(part.number) or proposals.get(part.number)
        if isinstance(each, Proposal):
            unit.put(each.change)
            trails.append(part.acting.trail._replace(resource_id=each.change.id, version=each.change.version))
        elif each is not None:
            answers[part.number] = each
            trails.append(await unchanged(part.acting.trail, each, unit))
    if not ready:
        return answers, trails
    versions = await unit.write(trails)
    for (number, proposal), version in zip(ready.items(), versions, strict=True):
        answers[number] = proposal.answered(version)
    return answers, []


async def _allowed(ready: dict[int, Proposal], parts: list[Part]) -> dict[int, Proposal]:
    """The proposals as the asker may write them; raises with the issues of all that he may not."""
    if not ready:
        return ready
    surroundings = next(part.acting for part in parts if part.is_change)
    found = await judged(list(ready.values()), surroundings)
    failures = [
        named(each, number) for number, each in zip(ready, found, strict=True) if isinstance(each, SharedplanError)
    ]
    if failures:
        first = failures[0]
        first.issues = tuple(issue for failure in failures for issue in failure.issues)
        raise first
    return {number: each for number, each in zip(ready, found, strict=True) if isinstance(each, Proposal)}


async def _checked(ready: dict[int, Proposal], asked: Asked, parts: list[Part]) -> dict[int, Proposal]:
    """The proposals with what is to be said of them; raises for references that lead nowhere when the server enforces
    them."""
    if not ready:
        return ready
    surroundings = next(part.acting for part in parts if part.is_change)
    found = await remarks(list(ready.values()), asked, surroundings)
    checked: dict[int, Proposal] = {}
    failures: list[Issue] = []
    for (number, proposal), issues in zip(ready.items(), found, strict=True):
        checked[number] = replace(proposal, warnings=proposal.warnings + issues) if issues else proposal
        errors = tuple(issue for issue in issues if issue.severity == "error")
        if errors:
            failures.extend(named(Unprocessable(issues=errors), number).issues)
    if failures:
        raise Unprocessable(issues=failures)
    return checked


async def _kept(
    ready: dict[int, Proposal], asked: Asked, parts: list[Part]
) -> tuple[dict[int, Proposal], dict[int, Answer]]:
    """The proposals as the rules of the service models leave them, and what turns out to be there already; raises with
    the issues of all that break a rule."""
    if not ready:
        return ready, {}
    surroundings = next(part.acting for part in parts if part.is_change)
    found = dict(zip(ready, await kept(list(ready.values()), asked, surroundings), strict=True))
    failures = [named(each, number) for number, each in found.items() if isinstance(each, SharedplanError)]
    if failures:
        first = next((each for each in failures if isinstance(each, Conflict)), failures[0])
        first.issues = tuple(issue for failure in failures for issue in failure.issues)
        raise first
    return (
        {number: each for number, each in found.items() if isinstance(each, Proposal)},
        {number: each for number, each in found.items() if isinstance(each, Answer)},
    )


async def _looked_up(part: Part, room: responses.Room) -> Answer:
    """What a read or search within the transaction finds, after all its changes."""
    try:
        room.check(part.asked)
        return await interaction_of(part.asked)(part.asked, part.acting)
    except SharedplanError as failure:
        raise named(failure, part.number) from failure
