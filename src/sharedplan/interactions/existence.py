"""Whether what a resource refers to is there, as far as the writer can see.

A reference to what is hidden and one to what never was are told alike. Record systems push in any order, so a missing
target only warns, unless the server is set to enforce. https://hl7.org/fhir/R4/references.html#literal
"""

from collections import defaultdict
from collections.abc import Sequence, Set

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Issue
from sharedplan.fhir import json_text, references
from sharedplan.fhir.exchanges import Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.proposals import Proposal
from sharedplan.search.expression import HasId

Key = tuple[str, str]


async def missing_references(proposals: Sequence[Proposal], asked: Asked, acting: Acting) -> list[tuple[Issue, ...]]:
    """For each proposal an issue for each reference to what is not visibly there; errors when the server enforces.

    One query for each type referred to; none at all unless the client wants to be told (`Prefer:
    return=OperationOutcome`) or the server enforces. What the proposals create counts as there, what they delete as
    gone. When it enforces, a writer may still keep the references that the resource had.
    """
    enforces = acting.policy.enforces_references
    if not enforces and asked.prefer.returning != "OperationOutcome":
        return [()] * len(proposals)
    wanted = [_brought(each, asked.base, enforces) for each in proposals]
    there = await visible({key for found in wanted for _, key in found}, acting)
    for each in proposals:
        key = (each.change.type, each.change.id)
        if each.resource is not None:
            there.add(key)
        else:
            there.discard(key)
    severity = "error" if enforces else "warning"
    return [tuple(absent(path, key, severity) for path, key in found if key not in there) for found in wanted]


def absent(path: str, key: Key, severity: str) -> Issue:
    """What is said of a reference that leads nowhere, or to what is hidden."""
    return Issue("not-found", f"there is no {key[0]}/{key[1]} that you can see", path, severity)


def referred(resource: Json, base: str) -> list[tuple[str, Key]]:
    """(path, (type, id)) of each literal reference to a resource of a type that is offered here."""
    found = []
    for path, _, text in references.each(resource):
        reference = references.parse(text).relative_to(base)
        if reference.kind == "relative" and reference.type in CATALOGUE and reference.id is not None:
            found.append((path, (reference.type, reference.id)))
    return found


def _brought(proposal: Proposal, base: str, enforces: bool) -> list[tuple[str, Key]]:
    """What the proposal refers to, without what the current version refers to when only the new is to be checked."""
    found = referred(proposal.resource or {}, base)
    before = proposal.before
    if not enforces or before is None or before.content is None or not found:
        return found
    held = {key for _, key in referred(json_text.read(before.content), base)}
    return [(path, key) for path, key in found if key not in held]


async def visible(keys: Set[Key], acting: Acting) -> set[Key]:
    """Those of the resources that are there and may be seen, asked type by type."""
    by_type: defaultdict[str, list[str]] = defaultdict(list)
    for type, id in sorted(keys):
        by_type[type].append(id)
    there: set[Key] = set()
    for type, ids in by_type.items():
        found = await acting.unit.matching(type, HasId(tuple(ids)), within=acting.within, limit=len(ids))
        there.update((type, id) for id, _ in found)
    return there
