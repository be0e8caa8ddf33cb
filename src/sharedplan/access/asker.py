"""The asker expanded: all that a consent or a team can name to mean the one who asks; pure.

A person acts for the organisation of the token when an active PractitionerRole of his is there, and otherwise stands
alone. An organisation's system has what the organisation has: as a member itself, or through members who take part as a
role held there, as far as a consent names the organisation or that role.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sharedplan.access.relations import (
    NARROW_ORGANIZATIONS,
    NARROW_ROLES,
    Directory,
    Membership,
    Role,
)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, at one instant, about one client.

    `organization`: the one acted for. `names`: references to the person, none for a system. `grantees`: all references
    that a consent may name to mean the asker: names, organisation and those it is part of, teams.
    `memberships`: those that hold now. `standing`: all that are or were the asker's own, at whatever time; a consent
    that names nobody in person covers who was a member when it was given.
    """

    person: str | None
    organization: str | None
    names: frozenset[str]
    grantees: frozenset[str]
    memberships: tuple[Membership, ...] = ()
    standing: tuple[Membership, ...] = ()
    kinds: frozenset[str] = frozenset()

    @property
    def is_system(self) -> bool:
        return self.person is None

    @property
    def is_coordinator(self) -> bool:
        return any(each.is_coordinator and each.member in self.names for each in self.memberships)

    @property
    def is_relative(self) -> bool:
        return self.person is not None and self.person.startswith("RelatedPerson/")

    @property
    def has_narrow_view(self) -> bool:
        """Whether all the memberships are of an NGO, of employment services or of a relative."""
        return bool(self.memberships) and all(self._is_narrow(each) for each in self.memberships)

    @property
    def named(self) -> str:
        """How a consent would best name the asker."""
        return self.organization or self.person or "nobody"

    def _is_narrow(self, membership: Membership) -> bool:
        if membership.is_coordinator:
            return False
        if membership.roles & NARROW_ROLES or membership.member.startswith("RelatedPerson/"):
            return True
        return not membership.roles and bool(self.kinds & NARROW_ORGANIZATIONS)


def asker_of(
    person: str | None,
    organization: str | None,
    directory: Directory,
    memberships: Iterable[Membership],
    at: datetime,
) -> Asker:
    """The asker that a token names by person and organisation (`access/principal.py`), with the memberships of one
    client's teams."""
    every = tuple(memberships)
    if person is None:
        return _system(organization, directory, every, at)
    names, acts_for = _person(person, organization, directory, at)
    members = names if acts_for is None else names | {acts_for}
    standing = _resolved(every, members)
    above = frozenset(directory.above(acts_for)) if acts_for is not None else frozenset()
    now = tuple(each for each in standing if each.period.covers(at))
    kinds = directory.kinds.get(acts_for or "", frozenset())
    teams = frozenset(each.team for each in now)
    return Asker(person, acts_for, names, names | above | teams, now, standing, kinds)


def reached_by(person: str | None, organization: str | None, directory: Directory, at: datetime) -> frozenset[str]:
    """All that a consultation may name to mean the asker that a token names: himself, his roles at the organisation and
    that; for an organisation's system the organisation, and the roles that are held there."""
    asker = asker_of(person, organization, directory, (), at)
    acts_for = frozenset(filter(None, (asker.organization,)))
    if not asker.is_system:
        return asker.names | acts_for
    return acts_for | {role.reference for role in _held_at(asker.organization, directory, at)}


def house_of(organization: str | None, directory: Directory, at: datetime) -> frozenset[str]:
    """The organisation, the roles that are known to be held there, and those who hold them."""
    if organization is None:
        return frozenset()
    held = _held_at(organization, directory, at)
    people = {role.practitioner for role in held if role.practitioner is not None}
    return frozenset({organization, *people, *(role.reference for role in held)})


def _held_at(organization: str | None, directory: Directory, at: datetime) -> list[Role]:
    held = [role for role in directory.roles if role.organization == organization and role.period.covers(at)]
    return held if organization is not None else []


def _person(
    person: str, organization: str | None, directory: Directory, at: datetime
) -> tuple[frozenset[str], str | None]:
    """References that name the person, and the organisation acted for."""
    if (relative := directory.relative(person)) is not None:
        return (frozenset({person}) if relative.period.covers(at) else frozenset()), None
    if not person.startswith(("Practitioner/", "PractitionerRole/")):
        return frozenset({person}), None
    names, practitioner = {person}, person
    if (claimed := directory.role(person)) is not None:
        practitioner = claimed.practitioner or ""
        names = {practitioner} if practitioner else set()
        if claimed.period.covers(at) and organization in (None, claimed.organization):
            names.add(person)
    held = [role for role in directory.roles if _is_held(role, person, practitioner) and role.period.covers(at)]
    there = {role.reference for role in held if organization is not None and role.organization == organization}
    return frozenset(names | there), organization if there else None


def _is_held(role: Role, person: str, practitioner: str) -> bool:
    return role.reference == person or (role.practitioner == practitioner and practitioner != "")


def _system(organization: str | None, directory: Directory, every: tuple[Membership, ...], at: datetime) -> Asker:
    if organization is None:
        return Asker(None, None, frozenset(), frozenset())
    roles = {role.reference for role in directory.roles if role.organization == organization and role.period.covers(at)}
    own = _resolved(every, frozenset({organization}))
    through = tuple(each for each in every if each.member in roles or each.on_behalf_of == organization)
    now = tuple(each for each in dict.fromkeys(own + through) if each.period.covers(at))
    named = roles.intersection(each.member for each in now)
    teams = {each.team for each in own if each.period.covers(at)}
    grantees = frozenset(directory.above(organization)) | named | teams
    kinds = directory.kinds.get(organization, frozenset())
    return Asker(None, organization, frozenset(), grantees, now, own, kinds)


def _resolved(every: tuple[Membership, ...], members: frozenset[str]) -> tuple[Membership, ...]:
    """The memberships of these, and of the teams that these are members of, as long as both last."""
    found = {each: None for each in every if each.member in members}
    while True:
        more = [
            outer._replace(period=outer.period.meeting(inner.period))
            for inner in found
            for outer in every
            if outer.member == inner.team
        ]
        if all(each in found for each in more):
            return tuple(found)
        found.update(dict.fromkeys(more))
