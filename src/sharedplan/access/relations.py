"""Who stands in which relation to a client: members of teams, own workers, participants, owners, guardians; pure.

https://hl7.org/fhir/R4/careteam.html, https://hl7.org/fhir/R4/practitionerrole.html,
https://hl7.org/fhir/R4/relatedperson.html

References are written as the search index has them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from sharedplan.access.periods import ALWAYS, NEVER, Span, validity
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.reference import indexed

TEAM_ROLE = "https://sharedplan.dev/fhir/CodeSystem/team-role"
TASK = "https://sharedplan.dev/fhir/CodeSystem/task"
ORGANIZATION_TYPE = "https://sharedplan.dev/fhir/CodeSystem/organization-type"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"

NARROW_ROLES = frozenset({"ngo", "employment", "relative"})
"""Roles in a team whose members see less, unless the client says what."""
NARROW_ORGANIZATIONS = frozenset({"ngo", "employment-services"})

GUARDIANS = frozenset({"GUARD", "PRN", "MTH", "FTH", "NMTH", "NFTH", "ADOPTP", "ADOPTM", "ADOPTF", "PRNFOST"})
"""Relationships of those who speak for a minor."""
ATTORNEYS = frozenset({"POWATT", "DPOWATT", "HPOWATT"})
"""Relationships of those whom an adult has empowered to speak for him."""

_EPISODES = frozenset({"planned", "waitlist", "active", "onhold"})
_TASKS = frozenset({"requested", "received", "accepted", "ready", "in-progress", "on-hold"})
_CONSULTATIONS = frozenset({"accepted", "in-progress"})
_NO_ENCOUNTERS = frozenset({"cancelled", "entered-in-error"})


class Membership(NamedTuple):
    """One participant of an active team; a tuple, for each write of the client's reads all of them.

    `roles` are codes of our own system of team roles.

    `workplaces`: of a member who is named as a Practitioner alone, the organisations at which he had a role when the
    team came to name him and has it now; a role that is written for him afterwards makes nobody his employer.
    """

    client: str
    team: str
    member: str
    on_behalf_of: str | None
    roles: frozenset[str]
    period: Span
    workplaces: frozenset[str] = frozenset()

    @property
    def is_coordinator(self) -> bool:
        return "coordinator" in self.roles


@dataclass(frozen=True, slots=True)
class Role:
    """A PractitionerRole; one that is not active holds at no time."""

    reference: str
    practitioner: str | None
    organization: str | None
    period: Span


@dataclass(frozen=True, slots=True)
class Relative:
    """A RelatedPerson; one that is not active holds at no time. `kinds` are codes of v3-RoleCode."""

    reference: str
    client: str | None
    kinds: frozenset[str]
    period: Span


@dataclass(frozen=True, slots=True)
class Relation:
    """What makes somebody concerned with a client beside membership.

    `kind`: care-manager (of an episode), participant (of an encounter), owner (of a task that runs) or consultee (owner
    of a consultation that was accepted). `controller`: the register that says so; None when that is not known.
    """

    client: str
    kind: str
    reference: str
    period: Span
    controller: str | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """What is known of those who may ask: roles, relatives, and of organisations (by reference) which one each is part
    of, and codes of our own system of organisation types."""

    roles: tuple[Role, ...] = ()
    relatives: tuple[Relative, ...] = ()
    parents: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def above(self, organization: str) -> Iterator[str]:
        """The organisation and all it is part of."""
        seen: set[str] = set()
        at: str | None = organization
        while at is not None and at not in seen:
            seen.add(at)
            yield at
            at = self.parents.get(at)

    def role(self, reference: str) -> Role | None:
        return next((role for role in self.roles if role.reference == reference), None)

    def relative(self, reference: str) -> Relative | None:
        return next((each for each in self.relatives if each.reference == reference), None)


def memberships(
    care_team: Json, *, base: str = "", added: Mapping[str, datetime] = MappingProxyType({})
) -> tuple[Membership, ...]:
    """The participants of a team, when it is active and of a client.

    A participant that does not say since when has been one since `added` tells: there the store says of a member's
    reference when a version of the team first named it. Without that, as long as the team.
    """
    client = _reference(care_team.get("subject"), base)
    if care_team.get("status") != "active" or client is None or not client.startswith("Patient/"):
        return ()
    whole = validity(care_team.get("period"))
    found: list[Membership] = []
    for participant in care_team.get("participant", ()):
        member = _reference(participant.get("member"), base)
        if member is None:
            continue
        own = validity(participant.get("period"))
        if "start" not in participant.get("period", {}):
            own = own.meeting(Span(added.get(member, ALWAYS.low), ALWAYS.high))
        found.append(
            Membership(
                client=client,
                team=f"CareTeam/{care_team.get('id', 'proposed')}",
                member=member,
                on_behalf_of=_reference(participant.get("onBehalfOf"), base),
                roles=_codes(participant.get("role", ()), TEAM_ROLE),
                period=whole.meeting(own),
            )
        )
    return tuple(found)


def role_of(practitioner_role: Json, *, base: str = "") -> Role:
    return Role(
        reference=f"PractitionerRole/{practitioner_role['id']}",
        practitioner=_reference(practitioner_role.get("practitioner"), base),
        organization=_reference(practitioner_role.get("organization"), base),
        period=_while_active(practitioner_role),
    )


def relative_of(related_person: Json, *, base: str = "") -> Relative:
    return Relative(
        reference=f"RelatedPerson/{related_person['id']}",
        client=_reference(related_person.get("patient"), base),
        kinds=_codes(related_person.get("relationship", ()), ROLE_CODE),
        period=_while_active(related_person),
    )


def relations_of(resource: Json, *, base: str = "") -> tuple[Relation, ...]:
    """The relations that an EpisodeOfCare, Encounter or Task makes, as long as it stands; of other types none."""
    match resource["resourceType"], resource.get("status"):
        case "EpisodeOfCare", status if status in _EPISODES:
            period = validity(resource.get("period"))
            return _relations(resource, "patient", "care-manager", [resource.get("careManager")], period, base)
        case "Encounter", status if status not in _NO_ENCOUNTERS:
            people = [each.get("individual") for each in resource.get("participant", ())]
            return _relations(resource, "subject", "participant", people, ALWAYS, base)
        case "Task", status if status in _TASKS:
            owner = [resource.get("owner")]
            found = _relations(resource, "for", "owner", owner, ALWAYS, base)
            if status in _CONSULTATIONS and "consultation" in _codes([resource.get("code", {})], TASK):
                found += _relations(resource, "for", "consultee", owner, ALWAYS, base)
            return found
    return ()


def _relations(
    resource: Json, element: str, kind: str, people: list[Json | None], period: Span, base: str
) -> tuple[Relation, ...]:
    client = _reference(resource.get(element), base)
    if client is None:
        return ()
    found = (_reference(person, base) for person in people)
    return tuple(Relation(client, kind, reference, period) for reference in found if reference is not None)


def _while_active(resource: Json) -> Span:
    return NEVER if resource.get("active") is False else validity(resource.get("period"))


def _reference(reference: Json | None, base: str) -> str | None:
    text = (reference or {}).get("reference")
    return indexed(text, base) if text is not None else None


def _codes(concepts: list[Json] | tuple[Json, ...], system: str) -> frozenset[str]:
    codings = (coding for concept in concepts for coding in concept.get("coding", ()))
    return frozenset(c["code"] for c in codings if c.get("system") == system and c.get("code"))
