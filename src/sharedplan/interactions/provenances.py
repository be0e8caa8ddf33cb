"""The Provenance of every write of a client's data: who, on whose behalf, by which system, what for, on whose word.

https://hl7.org/fhir/R4/provenance.html, https://hl7.org/fhir/R4/provenance.html#header

The service makes one for each version that it stores of a client's resource, the deletion too, and writes it in the
same statement or transaction. It targets that version, is marked by a tag that nobody else can give, and is never
changed. The first agent is the author that the token names, the second the client system. What the client says itself
in the header X-Provenance comes after: further agents such as the informant, sources, signatures. Of the directory and
the definitions, of the log and of Provenances themselves there is none: the log tells who wrote those. Nor is there one
of a Subscription: it speaks of no client, and is seen by whoever wrote it alone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sharedplan.care.attendance import deviation
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Issue, Refused
from sharedplan.fhir import json_text, resources
from sharedplan.fhir.exchanges import Asked, Json
from sharedplan.fhir.json_text import write
from sharedplan.interactions.acting import Acting, Write
from sharedplan.search.indexing import Inner, index_values, inner_values
from sharedplan.store.versions import Attestation, Change, Version

MARK = {
    "system": "https://sharedplan.dev/fhir/CodeSystem/provenance",
    "code": "by-service",
    "display": "Recorded by the service",
}
"""The tag of what the service recorded itself."""

_OF_SUBSCRIPTION = re.compile(r"(^|/)Subscription(/|\?|$)")

WITHOUT = frozenset({"AuditEvent", "Provenance", "Subscription"})
"""Types of clients' data that leave no Provenance."""

WRITES = frozenset({"create", "update", "patch", "delete"})

_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_ACTIVITIES = {"CREATE": "create", "UPDATE": "revise", "DELETE": "delete"}

_BEFORE = ("implicitRules", "language", "text", "contained", "extension", "modifierExtension")
_AFTER = (
    "occurredPeriod",
    "occurredDateTime",
    "policy",
    "location",
    "reason",
    "activity",
    "agent",
    "entity",
    "signature",
)
_OWN_META = ("id", "versionId", "lastUpdated")


def leaves_one(type: str | None) -> bool:
    """Whether a write of that type leaves a Provenance."""
    return type in CATALOGUE and CATALOGUE[type].client_data and type not in WITHOUT


def is_mark(coding: Any) -> bool:
    """Whether it is the tag of what the service recorded itself."""
    return isinstance(coding, dict) and (coding.get("system"), coding.get("code")) == (MARK["system"], MARK["code"])


def is_marked(resource: Json) -> bool:
    """Whether the resource carries the tag of what the service recorded itself."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return isinstance(tags, list) and any(map(is_mark, tags))


def check(asked: Asked) -> None:
    """Whether what the header X-Provenance states can be kept; returns when it can, or there is none.

    Raises Incorrect: for what is no Provenance without a target, and for a write that leaves none.
    """
    stated = asked.provenance
    if stated is None or asked.interaction not in WRITES | {"batch", "transaction"}:
        return
    if asked.type is not None and not leaves_one(asked.type):
        raise Incorrect(f"X-Provenance: no Provenance is kept of {asked.type}")
    if "target" in stated:
        raise Incorrect("X-Provenance: the target is filled in by the service", at="Provenance.target")
    if is_marked(stated):
        raise Incorrect("X-Provenance: that tag is of what the service recorded itself", at="Provenance.meta.tag")
    whole = {"recorded": "2000-01-01T00:00:00Z", "agent": [_agent("author", {"display": "x"})], **stated}
    found = resources.issues_of("Provenance", {**whole, "target": [{"display": "x"}]})
    if any(each.severity == "error" for each in found):
        raise Incorrect(issues=[replace(each, saying=f"X-Provenance: {each.saying}") for each in found])


def attested(writes: Sequence[Write], acting: Acting, base: str) -> list[Change]:
    """The changes of the writes, each that leaves a Provenance with its own. `base`: this server's own address."""
    made: dict[str, _Template] = {}
    return [_attested(each, acting, base, made) if leaves_one(each.change.type) else each.change for each in writes]


def _attested(each: Write, acting: Acting, base: str, made: dict[str, "_Template"]) -> Change:
    activity = "DELETE" if each.resource is None else "CREATE" if each.before is None else "UPDATE"
    change, by = each.change, (acting.client, acting.controller, acting.person, acting.trail.purpose, activity, base)
    if (why := _why(each)) is not None:
        template = _template(*by, stated=acting.stated, why=why)
    else:
        if activity not in made:
            made[activity] = _plain(*by) if acting.stated is None else _template(*by, stated=acting.stated)
        template = made[activity]
    return replace(change, attested=template.of(acting.clock.new_id(), change.type, change.id, change.version))


def _why(each: Write) -> str | None:
    """The reason that what is written gives itself: of a meeting that happened, why somebody was there whom the client
    had not accepted."""
    if each.change.type != "Encounter" or each.resource is None or each.resource.get("status") != "finished":
        return None
    return deviation(each.resource)


@dataclass(frozen=True, slots=True)
class _Template:
    """A Provenance around its id, its target and its instants: the members of its meta, what comes before the target,
    and what comes after `recorded`, as JSON text; its index values, and what its contained resources are found by."""

    meta: str
    before: str
    after: str
    values: Mapping[str, Any]
    contained: tuple[Inner, ...]

    def of(self, id: str, type: str, target: str, version: int) -> Attestation:
        named = f"{type}/{target}"
        head = f'{{"resourceType":"Provenance","id":"{id}","meta":{{"versionId":"1","lastUpdated":"'
        middle = f'",{self.meta}}},{self.before}"target":[{{"reference":"{named}/_history/{version}"}}],"recorded":"'
        values = {**self.values, "target": [named]}
        return Attestation(id, (head, middle, f'",{self.after}}}'), values, self.contained)


def _template(
    client: str,
    organization: str | None,
    person: str | None,
    purpose: str | None,
    activity: str,
    base: str,
    stated: Json | None = None,
    why: str | None = None,
) -> _Template:
    said = stated or {}
    given = said.get("meta", {})
    meta = {name: value for name, value in given.items() if name not in _OWN_META}
    meta["tag"] = [MARK, *given.get("tag", ())]
    done = said.get("activity", {})
    coding = {"system": _OPERATION, "code": activity, "display": _ACTIVITIES[activity]}
    what: Json = {
        **{name: value for name, value in said.items() if _element(name) in _AFTER},
        "activity": {**done, "coding": [coding, *done.get("coding", ())]},
        "agent": [*_agents(client, organization, person), *said.get("agent", ())],
    }
    reasons: list[Json] = [] if purpose is None else [{"coding": [{"system": _REASON, "code": purpose}]}]
    reasons += [] if why is None else [{"text": why}]
    if reasons:
        what["reason"] = [*reasons, *said.get("reason", ())]
    before = {name: value for name, value in said.items() if _element(name) in _BEFORE}
    after = {name: what[name] for name in sorted(what, key=lambda name: _AFTER.index(_element(name)))}
    whole = {"resourceType": "Provenance", "meta": meta, **before, **after}
    values, contained = index_values("Provenance", whole, base=base), inner_values(whole, base=base)
    return _Template(_members(meta), f"{_members(before)}," if before else "", _members(after), values, contained)


_plain = lru_cache(maxsize=1024)(_template)
"""The same for whoever states nothing himself: who asks comes again and again."""


def _agents(client: str, organization: str | None, person: str | None) -> Iterable[Json]:
    """The author: the person, or the organisation by its system; and the system itself."""
    system = {"type": "Device", "identifier": {"value": client}}
    who = {"reference": person or organization} if person or organization else system
    behalf = {"onBehalfOf": {"reference": organization}} if organization is not None else {}
    return {**_agent("author", who), **behalf}, {**_agent("assembler", system), **behalf}


def _agent(type: str, who: Json) -> Json:
    return {"type": {"coding": [{"system": _PARTICIPANT, "code": type, "display": type.capitalize()}]}, "who": who}


def _element(name: str) -> str:
    """The element that a JSON member is of: `_recorded` says more of `recorded`."""
    return name.removeprefix("_")


def _members(value: Json) -> str:
    """The members of a JSON object as text, without its braces."""
    return write(value)[1:-1]


def faults(type: str, resource: Json, before: Version | None) -> list[Issue]:
    """What no client may write: the service's own tag, other targets than before, and anything of a Subscription: it
    is its owner's alone, and a Provenance lies open to all systems of his register."""
    if type != "Provenance" or _is_by_service(before):
        return []
    found = []
    if is_marked(resource):
        saying = "this tag is only of what the service recorded itself"
        found.append(Issue("business-rule", saying, "Provenance.meta.tag"))
    if any(_OF_SUBSCRIPTION.search(str(each)) for each in _named(resource)):
        saying = "no Provenance is kept of a Subscription, which is its owner's alone: the log tells who wrote it"
        found.append(Issue("business-rule", saying, "Provenance.target"))
    if before is not None and before.content is not None and _named(resource) != _named(json_text.read(before.content)):
        saying = "what a Provenance is of stays as it is: delete it, and store another"
        found.append(Issue("business-rule", saying, "Provenance.target"))
    return found


def check_changeable(before: Version) -> None:
    """Whether what is there may be changed or deleted; returns when it may. Raises Refused."""
    if _is_by_service(before):
        raise Refused("what the service recorded itself is never changed")


def _is_by_service(before: Version | None) -> bool:
    if before is None or before.type != "Provenance" or before.content is None or MARK["code"] not in before.content:
        return False
    return is_marked(json_text.read(before.content))


def _named(provenance: Json) -> list[Any]:
    given = provenance.get("target")
    return [each.get("reference") for each in given if isinstance(each, dict)] if isinstance(given, list) else []
