"""Proposals: what a write is about to change, checked and ready, before anything is written.

Every write of every type comes through here: validation, the rules of care, the writer's slice, the text to store and
its index values. A transaction makes all its proposals before it writes the first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sharedplan.care import rulebook
from sharedplan.errors import Incorrect, Issue, Refused, Unprocessable
from sharedplan.fhir import json_text, resources, summaries
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.fhir.primitives import shown
from sharedplan.interactions import subscribing
from sharedplan.interactions.acting import Acting, Write
from sharedplan.interactions.provenances import attested, check_changeable, faults
from sharedplan.interactions.subscription_limit import beyond
from sharedplan.interactions.targets import bound
from sharedplan.search.expression import Everything
from sharedplan.search.indexing import index_values, inner_values
from sharedplan.search.matching import Known, matches
from sharedplan.store.versions import Change, Version


@dataclass(frozen=True, slots=True)
class Proposal:
    """One change, and what is to be said of it once it is written.

    `resource` is what is proposed, None for a deletion; `before` what it replaces, None when nothing living was there.
    """

    change: Change
    resource: Json | None = None
    before: Version | None = None
    warnings: tuple[Issue, ...] = ()
    base: str = ""  # this server's own

    @property
    def is_creation(self) -> bool:
        return self.before is None

    def answered(self, written: Version) -> Answer:
        """The answer to the client, the resource as stored with it."""
        status = 204 if self.resource is None else 201 if self.is_creation else 200
        return answer_with(written, status, created=status == 201, warnings=self.warnings)


def answer_with(version: Version, status: int, *, created: bool = False, warnings: tuple[Issue, ...] = ()) -> Answer:
    """The answer that shows one version."""
    return Answer(
        status,
        version.content,
        version.type,
        version.id,
        version.version,
        version.last_updated,
        created,
        warnings,
        ((version.type, version.id, version.version),),
    )


def body_of(asked: Asked) -> Json:
    """The resource in the request. Raises Incorrect when it is none, or one of another type than the address."""
    body = asked.body
    if not isinstance(body, dict):
        raise Incorrect(f"the request needs a body: a {asked.type}")
    named = body.get("resourceType")
    if named != asked.type:
        found = f"the body has the resourceType {shown(named)}" if "resourceType" in body else "resourceType is missing"
        raise Incorrect(
            f"{found}; the address is that of {asked.type}",
            at=f"{asked.type}.resourceType",
        )
    return body


def with_id(resource: Json, id: str) -> Json:
    """The resource with that id in place of its own; one without an id gets it when it is stored, where it belongs."""
    return {**resource, "id": id} if "id" in resource else resource


def proposed(
    asked: Asked, acting: Acting, resource: Json, *, id: str, newest: Version | None, interaction: str
) -> Proposal | Answer:
    """The proposal to make `resource` the next version of that id; or, if it says exactly what the current version
    says, the answer with that one.

    A repeated update thus makes no version, as on most FHIR servers, and no change for others to pull.
    Raises Incorrect and Unprocessable with every issue found, Refused when the result lies outside the writer's slice.
    """
    type = str(asked.type)
    before = newest if newest is not None and not newest.is_deleted else None
    found = summaries.refusal(type, resource)
    if before is not None and (lost := labels_lost(resource, before)):
        if interaction != "patch":
            meta = resource.get("meta", {})
            resource = {**resource, "meta": {**meta, "security": [*meta.get("security", []), *lost]}}
        elif before.controller is None or before.controller != acting.controller:
            raise Refused("a security label is taken away by the register that keeps the resource, and by nobody else")
    found += resources.issues_of(type, resource)
    if not acting.imports:
        found += faults(type, resource, before)
        if type == subscribing.TYPE and not _are_errors(found):
            found += subscribing.faults(resource, before, acting, asked.base)
    if _are_errors(found):
        raise Unprocessable(issues=found)
    who, sealed = acting.who, None
    if type == subscribing.TYPE:
        resource, secrets = subscribing.as_kept(resource, before, acting)
        who, sealed = subscribing.who(acting), subscribing.sealed(secrets, id, acting)
    values = index_values(type, resource, base=asked.base)
    slice = acting.within[type]
    if not isinstance(slice, Everything) and not matches(slice, type, id, values, world=_LATER):
        raise Refused(f"this {type} would lie outside of what the asker may write")
    issues = [*found, *_of_care(type, interaction, before, resource)]
    if _are_errors(issues):
        raise Unprocessable(issues=issues)
    if before is not None:
        same = resources.stamped(resource, id=id, version=before.version)
        if same.at(resources.instant(before.last_updated)) == before.content:
            return answer_with(before, 200, warnings=tuple(issues))
        check_changeable(before)
    number = newest.version + 1 if newest is not None else 1
    whole = resource if resource.get("id") == id else {**resource, "id": id}
    change = Change(
        type=type,
        id=id,
        version=number,
        interaction=interaction,
        stamped=resources.stamped(resource, id=id, version=number),
        values=values,
        controller=acting.controller,
        who=who,
        derived=acting.access.derived(whole, number, asked.base),
        contained=inner_values(resource, base=asked.base),
        sealed=sealed,
    )
    return Proposal(change, resource, before, tuple(issues), asked.base)


class _Later:
    """What a client allows is judged once all is proposed (`Acting.access`)."""

    def of(self, type: str) -> Iterable[Known]:
        raise AssertionError("no slice of what is to be written goes across resources")

    def allows(self, asked: object, it: Known) -> bool:
        return True

    def masks(self, it: Known) -> bool:
        return False


_LATER = _Later()


def _of_care(type: str, interaction: str, before: Version | None, resource: Json) -> list[Issue]:
    """What the rules of care say; the current version is read only if some rule will look at it."""
    if type not in rulebook.RULES:
        return []
    current = json_text.read(before.content) if before is not None and before.content else None
    return rulebook.issues(type, interaction, current, resource)


def _are_errors(issues: Iterable[Issue]) -> bool:
    return any(issue.severity in ("error", "fatal") for issue in issues)


def labels_lost(resource: Json, before: Version) -> list[Json]:
    """The security labels that it had and has no more. An update adds labels and takes none away, for its writer may
    not know of them; a patch says outright that one is to go.
    https://hl7.org/fhir/R4/resource.html#tag-updates"""
    if before.content is None or '"security":' not in before.content:
        return []
    kept = json_text.read(before.content).get("meta", {}).get("security", [])
    meta = resource.get("meta", {})
    given = meta.get("security", []) if isinstance(meta, dict) else None
    if not isinstance(given, list):
        return []  # refused by validation
    return [label for label in kept if _label(label) not in map(_label, given)]


def _label(coding: object) -> tuple[object, object]:
    return (coding.get("system"), coding.get("code")) if isinstance(coding, dict) else (None, None)


async def allowed(proposals: Sequence[Proposal], acting: Acting) -> list[Proposal]:
    """The proposals, which go in together, as the asker may write them. Raises Refused and NotFound."""
    found = await judged(proposals, acting)
    for each in found:
        if isinstance(each, Exception):
            raise each
    return [each for each in found if isinstance(each, Proposal)]


async def judged(proposals: Sequence[Proposal], acting: Acting) -> list[Proposal | Exception]:
    """The same, with what to raise in the place of a proposal that the asker may not write."""
    base = next((each.base for each in proposals if each.base), "")
    writes = await bound([Write(each.change, each.resource, each.before) for each in proposals], acting)
    found = await acting.access.judged(writes, acting.unit, base)
    may = [write._replace(change=each) for write, each in zip(writes, found, strict=True) if isinstance(each, Change)]
    if too_many := await beyond(may, acting):
        found = [too_many.get(each.id, each) if isinstance(each, Change) else each for each in found]
        may = [each for each in may if each.change.id not in too_many]
    changes = iter(attested(may, acting, base))
    return [
        each if isinstance(each, Exception) else replace(proposal, change=next(changes))
        for proposal, each in zip(proposals, found, strict=True)
    ]
