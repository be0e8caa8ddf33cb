"""One thing that is asked about: what a provision can tell it by, and what the rights to write look at; pure.

https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sharedplan.access.labels import labels_of
from sharedplan.access.periods import Span, extent
from sharedplan.access.provisions import rules_of
from sharedplan.access.relations import TASK, memberships
from sharedplan.catalogue import SHARED_PLAN
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.references import each as references
from sharedplan.search.consulting import consulted
from sharedplan.search.masking import SAFETY_BAN
from sharedplan.search.parameters import CONSULTING
from sharedplan.search.values.date import EARLIEST, span
from sharedplan.search.values.reference import indexed

TIMES = {
    "Appointment": ("start",),
    "AuditEvent": ("recorded",),
    "CarePlan": ("period", "created"),
    "CareTeam": ("period",),
    "Communication": ("sent", "received"),
    "Condition": ("onsetPeriod", "onsetDateTime", "recordedDate"),
    "Consent": ("dateTime",),
    "DocumentReference": ("context.period", "date"),
    "Encounter": ("period",),
    "EpisodeOfCare": ("period",),
    "Flag": ("period",),
    "Goal": ("startDate", "statusDate"),
    "List": ("date",),
    "MeasureReport": ("period", "date"),
    "Observation": ("effectivePeriod", "effectiveDateTime", "effectiveInstant", "issued"),
    "Provenance": ("occurredPeriod", "occurredDateTime", "recorded"),
    "QuestionnaireResponse": ("authored",),
    "RelatedPerson": ("period",),
    "ServiceRequest": ("authoredOn",),
    "Task": ("executionPeriod", "authoredOn"),
}
"""Resource type → its elements of a thing's own time; the first that is there tells."""

AUTHORS = ("author", "recorder", "asserter", "requester", "expressedBy")
"""Elements that say who a thing is by."""

AUTHORED = frozenset(
    {"CarePlan", "Goal", "Condition", "ServiceRequest", "Task", "QuestionnaireResponse", "DocumentReference", "Flag"}
)
"""Types of clients' things that have such an element; the others tell it by Provenance."""

DRAFTS = frozenset({"draft", "proposed", "requested"})
"""Statuses of what somebody proposes."""

GUARDIAN_DISCLOSURE = "urn:oid:1.2.246.537.5.40202.201901"
"""Whether a minor's data may be disclosed to guardians: 1 not able to decide, 2 able and allows, 3 able and forbids,
4 not known. https://koodistopalvelu.kanta.fi"""

CONSULTATION = f"{TASK}|consultation"

_CLIENT = {"EpisodeOfCare": "patient", "Consent": "patient", "RelatedPerson": "patient", "Task": "for"}


@dataclass(frozen=True, slots=True)
class Item:
    """A thing of a client's, or one that is to be made.

    `controller`: the organisation whose register it is in; of a new one, would be. `holders`: the controller and what
    it is part of. `creator`: the person who made it, when it is known. `start` and `end`: its own time, UTC, None where
    open. `refers_to` and `referred_by`: one step, as "Type/id". `opens`: it lets somebody in: a Consent in force that
    permits, a CareTeam with members. `bars`: a Consent in force that denies. `is_plan`: the client's shared plan, in
    force. `consultees`: the owners of a Task that asks for a consultation, whatever its status. `consulted`: those whom
    it is addressed to, of a consultation that names no client.
    Of a type without an element that names an author, `attested` are those whom the service recorded itself in its
    Provenances, and `claimed` those whom Provenances name that others wrote. Of a Provenance itself, `targets` are the
    things of this client that it is of; it `lacks` some when others are not there, or are not what it was bound to.
    """

    type: str
    client: str | None
    id: str | None = None
    controller: str | None = None
    holders: frozenset[str] = frozenset()
    creator: str | None = None
    status: str = ""
    kinds: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    start: datetime | None = None
    end: datetime | None = None
    authors: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    participants: frozenset[str] = frozenset()
    organization: str | None = None
    refers_to: frozenset[str] = frozenset()
    referred_by: frozenset[str] = frozenset()
    guardian_disclosure: str | None = None
    opens: bool = False
    bars: bool = False
    is_plan: bool = False
    consultees: frozenset[str] = frozenset()
    consulted: frozenset[str] = frozenset()
    attested: frozenset[str] = frozenset()
    claimed: frozenset[str] = frozenset()
    targets: tuple["Item", ...] = ()
    lacks: bool = False

    def authors_for(self, effect: str) -> frozenset[str]:
        """Who a rule may mean as the author: what others claim opens nothing, but a deny heeds it."""
        return self.authors | self.attested | (self.claimed if effect == "deny" else frozenset())

    @property
    def reference(self) -> str | None:
        return f"{self.type}/{self.id}" if self.id is not None else None

    def span(self, now: datetime) -> Span:
        """Its own time; what has no end yet runs to now."""
        low = self.start or EARLIEST
        return Span(low, self.end if self.end is not None else max(low, now))


def item_of(
    resource: Json,
    *,
    controller: str | None,
    parents: Iterable[str] = (),
    creator: str | None = None,
    first_updated: datetime | None = None,
    referred_by: Iterable[str] = (),
    attested: Iterable[str] = (),
    claimed: Iterable[str] = (),
    base: str = "",
) -> Item:
    """A resource as a thing that is asked about.

    `parents`: what the controller is part of. `first_updated`: of its first version, its time when it has none of its
    own. `referred_by`: what refers to it. `attested`, `claimed`: its authors by Provenance, which count where its type
    has no element for them.
    """
    type = resource["resourceType"]
    codes, texts = _within(resource)
    start, end = _time(type, resource) or (first_updated, first_updated)
    rules = rules_of(resource, 0, EARLIEST, base=base) if type == "Consent" else ()
    return Item(
        type=type,
        client=f"Patient/{resource.get('id')}" if type == "Patient" else _client(type, resource, base),
        id=resource.get("id"),
        controller=controller,
        holders=frozenset(parents) | ({controller} if controller else frozenset()),
        creator=creator,
        status=str(resource.get("lifecycleStatus" if type == "Goal" else "status", "")),
        kinds=frozenset({type, *resource.get("meta", {}).get("profile", ())}),
        codes=frozenset(codes),
        labels=labels_of(resource),
        start=start,
        end=end,
        authors=frozenset(_people(resource, AUTHORS, base)),
        attested=frozenset(attested if type not in AUTHORED else ()),
        claimed=frozenset(claimed if type not in AUTHORED else ()),
        owners=frozenset(_people(resource, ("owner",), base)),
        participants=frozenset(
            found
            for each in resource.get("participant", ())
            for found in _people(each, ("individual", "actor", "member"), base)
        ),
        organization=next(iter(_people(resource, ("organization",), base)), None),
        refers_to=frozenset(r for text in texts if (r := indexed(text, base)) is not None),
        referred_by=frozenset(referred_by),
        guardian_disclosure=guardian_disclosure(resource),
        opens=any(rule.effect == "permit" for rule in rules)
        or (type == "CareTeam" and bool(memberships(resource, base=base))),
        bars=any(rule.effect == "deny" for rule in rules),
        is_plan=is_shared_plan(resource),
        consultees=frozenset(_people(resource, ("owner",), base))
        if type == "Task" and CONSULTATION in _codings(resource.get("code", {}))
        else frozenset(),
        consulted=frozenset(consulted(resource, base=base) or () if type in CONSULTING else ()),
    )


def with_targets(provenance: Item, client: str, targets: Iterable[Item], *, lacks: bool) -> Item:
    """A Provenance as this client's, with the things of his that it is of."""
    return replace(provenance, client=client, targets=tuple(targets), lacks=lacks)


def is_shared_plan(resource: Json) -> bool:
    """Whether it is a shared plan in force."""
    is_active = resource["resourceType"] == "CarePlan" and resource.get("status") == "active"
    return is_active and SHARED_PLAN in _codings(resource.get("category", []))


def guardian_disclosure(resource: Json) -> str | None:
    """The code that says whether guardians of a minor may know of it, from whichever extension has it."""
    for extension in resource.get("extension", ()):
        codings = [extension.get("valueCoding", {}), *extension.get("valueCodeableConcept", {}).get("coding", ())]
        for coding in codings:
            if coding.get("system", "") == GUARDIAN_DISCLOSURE and coding.get("code"):
                return str(coding["code"])
    return None


def has_safety_ban(patient: Json) -> bool:
    """Whether the client's address and place are to be hidden (turvakielto)."""
    return any(each.get("system") == SAFETY_BAN for each in patient.get("meta", {}).get("security", ()))


def _time(type: str, resource: Json) -> tuple[datetime | None, datetime | None] | None:
    for path in TIMES.get(type, ()):
        value: Any = resource
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            return span(value)
        if isinstance(value, dict) and ("start" in value or "end" in value):
            found = extent(value)
            return (found.low if "start" in value else None), (found.high if "end" in value else None)
    return None


def _client(type: str, resource: Json, base: str) -> str | None:
    named = [*_people(resource, (_CLIENT.get(type, "subject"), "patient"), base)]
    if type == "Appointment":
        named = [r for each in resource.get("participant", ()) for r in _people(each, ("actor",), base)]
    return next((r for r in named if r.startswith("Patient/")), None)


def _people(resource: Json, elements: Iterable[str], base: str) -> Iterator[str]:
    """The references in these elements, single or many."""
    for name in elements:
        value = resource.get(name)
        for one in value if isinstance(value, list) else [value]:
            text = one.get("reference") if isinstance(one, dict) else None
            if text is not None and (found := indexed(text, base)) is not None:
                yield found


def _within(resource: Json) -> tuple[list[str], list[str]]:
    """Every coding anywhere but in its meta, as `_codings`, and the text of every reference; in one go, for each write
    is judged."""
    codes: list[str] = []
    texts = [text for _, _, text in references({"meta": resource.get("meta", {})})]
    left: list[Any] = [{name: value for name, value in resource.items() if name != "meta"}]
    while left:
        value = left.pop()
        if type(value) is dict:
            code, text = value.get("code"), value.get("reference")
            if type(code) is str:
                codes.append(f"{value.get('system', '')}|{code}")
            if type(text) is str:
                texts.append(text)
            for one in value.values():
                if type(one) is dict or type(one) is list:
                    left.append(one)
        elif type(value) is list:
            left += value
    return codes, texts


def _codings(value: Any) -> Iterator[str]:
    """Every coding anywhere within, as "system|code"."""
    if isinstance(value, list):
        for one in value:
            yield from _codings(one)
    elif isinstance(value, dict):
        if isinstance(value.get("code"), str):
            yield f"{value.get('system', '')}|{value['code']}"
        for one in value.values():
            if isinstance(one, list | dict):
                yield from _codings(one)
