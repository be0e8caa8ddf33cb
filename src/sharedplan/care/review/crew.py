"""The team of a plan: who is in it now, in which roles, from which administrations, and who coordinates; pure.

https://hl7.org/fhir/R4/careteam.html
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from sharedplan.care import codes, coordination
from sharedplan.care.finding import Words
from sharedplan.care.review import dates
from sharedplan.care.situation import Situation
from sharedplan.fhir.exchanges import Json

SOCIAL = frozenset({"adult-social-services", "family-social-services"})
HEALTH = frozenset({"health-services", "mental-health-substance-services"})

ADMINISTRATIONS: Mapping[str, str] = {
    **dict.fromkeys(SOCIAL, "social"),
    **dict.fromkeys(HEALTH, "health"),
    "employment-services": "employment",
    "education": "education",
    "police": "police",
    "ngo": "ngo",
}
"""Code of organization-type → the administration that it is of."""

BY_ROLE: Mapping[str, str] = {
    **dict.fromkeys(("social-worker", "social-instructor", "housing"), "social"),
    **dict.fromkeys(("nurse", "physician", "psychologist", "mental-health", "substance-services"), "health"),
    **{"employment": "employment", "school": "education", "police": "police", "ngo": "ngo"},
}
"""The same of a role in the team, for a member whose organisation is not known."""

NAMES: Mapping[str, Words] = {
    "social": ("sosiaalihuolto", "socialvården", "social services"),
    "health": ("terveydenhuolto", "hälso- och sjukvården", "health services"),
    "employment": ("työllisyyspalvelut", "sysselsättningstjänsterna", "employment services"),
    "education": ("opetustoimi", "undervisningsväsendet", "education"),
    "police": ("poliisi", "polisen", "the police"),
    "ngo": ("järjestö", "organisation", "an NGO"),
}

ROLES: Mapping[str, Words] = {
    "coordinator": ("omatyöntekijä", "egen kontaktperson", "own worker"),
    "social-worker": ("sosiaalityöntekijä", "socialarbetare", "social worker"),
    "social-instructor": ("sosiaaliohjaaja", "socialhandledare", "social instructor"),
    "housing": ("asumisen ohjaus", "boendehandledning", "housing guidance"),
    "nurse": ("sairaanhoitaja", "sjukskötare", "nurse"),
    "physician": ("lääkäri", "läkare", "physician"),
    "psychologist": ("psykologi", "psykolog", "psychologist"),
    "mental-health": ("mielenterveyspalvelut", "mentalvårdstjänster", "mental health services"),
    "substance-services": ("päihdepalvelut", "missbrukartjänster", "substance services"),
    "employment": ("työllisyyspalvelut", "sysselsättningstjänster", "employment services"),
    "ngo": ("järjestön työntekijä", "organisationsmedarbetare", "NGO worker"),
    "relative": ("läheinen", "närstående", "relative"),
    "school": ("koulu", "skola", "school"),
    "police": ("poliisi", "polis", "police"),
}


RESTS_ON = (
    *("CareTeam", "CarePlan", "EpisodeOfCare", "PractitionerRole"),
    *("Practitioner", "RelatedPerson", "Patient", "Organization"),
)
"""The types of all that the team is found by, and of those who may be on it."""


@dataclass(frozen=True, slots=True)
class Member:
    """One participant of a team, named: `name` "Practitioner/1", `called` as people say it."""

    name: str
    called: str
    roles: frozenset[str]
    period: Json | None
    since: datetime | None
    organizations: tuple[str, ...]  # whom he is there for, the nearest first, with what those are part of
    kinds: frozenset[str]  # codes of organization-type
    at: str  # "CareTeam.participant[0]"
    places: tuple[tuple[Json, str | None], ...] = ()  # (team, whom he is there for as it is said), each of his

    @property
    def is_coordinator(self) -> bool:
        return "coordinator" in self.roles

    @property
    def is_relative(self) -> bool:
        return self.name.startswith("RelatedPerson/") or "relative" in self.roles

    @property
    def administrations(self) -> frozenset[str]:
        """Of his organisation; when that is not known, as his role tells."""
        told = {ADMINISTRATIONS[each] for each in self.kinds if each in ADMINISTRATIONS}
        return frozenset(told or {BY_ROLE[each] for each in self.roles if each in BY_ROLE})


@dataclass(frozen=True)
class Crew:
    """Who is on the plan's teams."""

    situation: Situation

    def is_as_at(self, at: datetime) -> bool:
        """Whether it is the same at that moment: nothing of it begins or ends in between."""
        return bisect_right(self._turns, at) == bisect_right(self._turns, self.situation.at)

    def among(self, situation: Situation) -> "Crew":
        """The same in a situation in which all that it rests on is the same."""
        made = replace(self, situation=situation)
        made.__dict__.update((name, each) for name, each in self.__dict__.items() if name != "situation")
        return made

    @cached_property
    def _turns(self) -> list[datetime]:
        """When a team, somebody's time on one, or a role begins or ends."""
        teams, roles = self.situation.teams, self.situation.of("PractitionerRole")
        listed = (each for team in teams for each in team.get("participant", ()))
        periods = (dates.extent(each.get("period")) for each in (*teams, *listed, *roles))
        return sorted(turn for each in periods if each is not None for turn in each)

    @cached_property
    def everybody(self) -> list[Member]:
        """All whom the teams name, also those whose time is over or to come."""
        return [each for team in self.situation.teams for each in self._members(team)]

    @cached_property
    def members(self) -> list[Member]:
        """Those who are on an active team now, without the client, each as often as he is listed."""
        teams = [team for team in self.situation.teams if team.get("status") == "active"]
        teams = [team for team in teams if dates.covers(team.get("period"), self.situation.at)]
        return [
            each
            for team in teams
            for each in self._members(team)
            if each.name != self.situation.client and dates.covers(each.period, self.situation.at)
        ]

    def during(self, when: dates.Range) -> list[Member]:
        """Those who were on a team at some time of it, without the client; of teams that are, or were, in force."""
        teams = [each for each in self.situation.teams if each.get("status") in ("active", "suspended", "inactive")]
        return [
            each
            for team in teams
            if dates.overlap(team.get("period"), when)
            for each in self._members(team)
            if each.name != self.situation.client and dates.overlap(each.period, when)
        ]

    @cached_property
    def people(self) -> list[Member]:
        """The same, each member once, with all his roles."""
        found: dict[str, Member] = {}
        for each in self.members:
            first = found.get(each.name)
            found[each.name] = each if first is None else _together(first, each)
        return list(found.values())

    @cached_property
    def coordinators(self) -> list[Member]:
        """Who coordinates now."""
        return [each for each in self.people if each.is_coordinator]

    @cached_property
    def roles(self) -> frozenset[str]:
        """The roles that are filled now."""
        return frozenset(role for each in self.members for role in each.roles)

    @cached_property
    def by_administration(self) -> Mapping[str, list[Member]]:
        found: dict[str, list[Member]] = defaultdict(list)
        for each in self.people:
            for one in each.administrations:
                found[one].append(each)
        return found

    def grants_of(self, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What a consent may name to mean this person: (himself and his roles, his organisations)."""
        if name not in self._grants:
            self._grants[name] = self._grants_of(name)
        return self._grants[name]

    @cached_property
    def _grants(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        return {}

    def _grants_of(self, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        own: dict[str, None] = {name: None}
        organizations: dict[str, None] = {}
        resource = self.situation.get(name) or {}
        held = [resource] if resource.get("resourceType") == "PractitionerRole" else self._roles_of.get(name, [])
        for role in held:
            own[f"PractitionerRole/{role.get('id')}"] = None
            if (person := self.situation.name_of(role.get("practitioner"))) is not None:
                own[person] = None
            organizations |= dict.fromkeys(self._above(self.situation.name_of(role.get("organization"))))
        for each in self.everybody:
            if each.name in own:
                organizations |= dict.fromkeys(each.organizations)
        return tuple(own), tuple(organizations)

    @cached_property
    def _roles_of(self) -> Mapping[str, list[Json]]:
        found: dict[str, list[Json]] = defaultdict(list)
        for role in self.situation.of("PractitionerRole"):
            is_held = role.get("active", True) and dates.covers(role.get("period"), self.situation.at)
            if is_held and (person := self.situation.name_of(role.get("practitioner"))) is not None:
                found[person].append(role)
        return found

    def organizations_of(self, name: str | None) -> tuple[str, ...]:
        """The organisations that a person or a role is at, or that it is itself, with what those are part of."""
        if name is None:
            return ()
        if name.startswith("Organization/"):
            return tuple(self._above(name))
        return self.grants_of(name)[1]

    def kinds_of(self, organizations: Iterator[str] | tuple[str, ...]) -> frozenset[str]:
        """The codes of organization-type that these have."""
        return frozenset(
            code
            for each in organizations
            for code in codes.codes((self.situation.get(each) or {}).get("type"), codes.ORGANIZATION_TYPE)
        )

    def _above(self, organization: str | None) -> Iterator[str]:
        seen: set[str] = set()
        while organization is not None and organization not in seen:
            seen.add(organization)
            yield organization
            organization = self.situation.name_of((self.situation.get(organization) or {}).get("partOf"))

    def _members(self, team: Json) -> Iterator[Member]:
        whole = team.get("period")
        for number, each in enumerate(team.get("participant", ())):
            name = self.situation.name_of(each.get("member"))
            if name is None:
                continue
            named = self.situation.name_of(each.get("onBehalfOf"))
            resource = self.situation.get(name) or {}
            if named is None and resource.get("resourceType") == "PractitionerRole":
                named = self.situation.name_of(resource.get("organization"))
            if named is None and name.startswith("Organization/"):
                named = name
            if named is not None:
                places = tuple(self._above(named))
            else:
                places = tuple(
                    above
                    for role in self._roles_of.get(name, ())
                    for above in self._above(self.situation.name_of(role.get("organization")))
                )
            yield Member(
                name,
                self.situation.called(each["member"]),
                _roles(each, team),
                each.get("period"),
                dates.start_of(each.get("period")) or dates.start_of(whole),
                places,
                self.kinds_of(places),
                f"CareTeam.participant[{number}]",
                ((team, self.situation.name_of(each.get("onBehalfOf"))),),
            )


def _roles(participant: Json, team: Json) -> frozenset[str]:
    """The codes of team-role that he has; who is no professional coordinates nothing, whatever is said."""
    found = frozenset(codes.codes(participant.get("role"), codes.TEAM_ROLE))
    return found if coordination.is_worker(participant["member"], team) else found - {"coordinator"}


def _together(one: Member, other: Member) -> Member:
    since = [each for each in (one.since, other.since) if each is not None]
    return Member(
        one.name,
        one.called,
        one.roles | other.roles,
        one.period,
        min(since, default=None),
        tuple(dict.fromkeys((*one.organizations, *other.organizations))),
        one.kinds | other.kinds,
        one.at,
        (*one.places, *other.places),
    )
