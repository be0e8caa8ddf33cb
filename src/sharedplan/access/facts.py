"""What a decision about one client is made from, and the question that it answers; values only."""

from dataclasses import dataclass
from datetime import datetime

from sharedplan.access.asker import Asker
from sharedplan.access.choices import Choices
from sharedplan.access.items import Item
from sharedplan.access.periods import MOMENT, Span, birthday
from sharedplan.access.provisions import Rule
from sharedplan.access.relations import Directory, Membership, Relation
from sharedplan.search.values.date import LATEST

_DIRECTORY, _CHOICES = Directory(), Choices()


@dataclass(frozen=True, slots=True)
class Client:
    """The client, as far as a decision needs: `controller` is the register that the Patient is in, None when there is
    no Patient yet; `plan_controller` that of the shared plan."""

    reference: str
    controller: str | None = None
    plan_controller: str | None = None
    birth_date: str | None = None
    guardian_disclosure: str | None = None
    has_safety_ban: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """A break-glass that was opened: for that person at that organisation, with that purpose."""

    person: str
    organization: str
    purpose: str
    period: Span


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known when a decision is made, of one client. `at`: the instant it is made at, UTC.

    Memberships, relations and openings may be those of any time; rules are those of the versions valid at `at`.
    """

    at: datetime
    client: Client
    rules: tuple[Rule, ...] = ()
    memberships: tuple[Membership, ...] = ()
    relations: tuple[Relation, ...] = ()
    directory: Directory = _DIRECTORY
    openings: tuple[Opening, ...] = ()
    choices: Choices = _CHOICES

    @property
    def members(self) -> tuple[Membership, ...]:
        """Those who are on a team of the client's now."""
        return tuple(each for each in self.memberships if each.period.covers(self.at))

    @property
    def related(self) -> tuple[Relation, ...]:
        """The relations that hold now."""
        return tuple(each for each in self.relations if each.period.covers(self.at))

    @property
    def leaders(self) -> frozenset[str]:
        """Who coordinates: by the team, or until a team has a coordinator the own workers of the episodes."""
        coordinators = {each.member for each in self.members if each.is_coordinator}
        return frozenset(coordinators or {each.reference for each in self.related if self._is_own_worker(each)})

    def _is_own_worker(self, relation: Relation) -> bool:
        """Whether it is of an episode in the register of the plan, or of the client: others name no own worker."""
        registers = (None, self.client.plan_controller or self.client.controller)
        return relation.kind == "care-manager" and relation.controller in registers

    @property
    def is_minor(self) -> bool:
        """Whether the client surely is not of age."""
        return self.is_younger(self.choices.adult_from)

    def is_younger(self, years: int) -> bool:
        """Whether the client surely is younger than that."""
        comes = birthday(self.client.birth_date or "", years)
        return comes is not None and self.at < comes

    def has_relation(self, asker: Asker) -> bool:
        """Whether the person is on the team, or cares for, met or has a task of the client's."""
        on_team = any(each.member in asker.names for each in asker.memberships)
        return on_team or any(each.reference in asker.names for each in self.related)

    def turns(self) -> list[datetime]:
        """The instants to come at which anything that a decision looks at begins or ends, in their order."""
        spans = [each.period for each in self.rules] + [each.period for each in self.memberships]
        spans += [each.period for each in self.relations] + [each.period for each in self.openings]
        spans += [each.period for each in self.directory.roles] + [each.period for each in self.directory.relatives]
        found = {rule.at for rule in self.rules}.union(*spans)
        # What has no end yet runs to now, and so across the bounds of the time that a rule speaks of.
        bounds = {bound for rule in self.rules if rule.data_period is not None for bound in rule.data_period}
        found |= {bound + MOMENT for bound in bounds if bound < LATEST}
        ages = (self.choices.capable_from, self.choices.adult_from)
        found |= {at for years in ages if (at := birthday(self.client.birth_date or "", years)) is not None}
        return sorted(at for at in found if self.at < at)


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks, as a token says (`access/principal.py`); what for; and what: read, search, create, update or delete.

    `item`: the thing as it is, or on create as it would be. `after`: what an update would make of it.
    """

    person: str | None
    organization: str | None
    purpose: str
    action: str
    item: Item
    after: Item | None = None
