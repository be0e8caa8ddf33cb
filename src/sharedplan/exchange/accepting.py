"""Whom a client has accepted, for the rules at a write and the review: by the consents as they were valid at the time
asked about.

The rules of acceptance are those of `access/acceptance.py`, so that who may be on a team or at a meeting is judged as
access is. A consent that was recorded late counts from its dateTime on, and a change of it from when it was saved, or
from the dateTime that it came with.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType

from sharedplan.access.acceptance import acceptance
from sharedplan.access.asker import Asker, asker_of
from sharedplan.access.provisions import Rule, rules_of
from sharedplan.access.relations import Directory, Membership, memberships, relative_of, role_of
from sharedplan.care.situation import Situation
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import span

ANEW = timedelta(days=1)
"""How much later its dateTime has to be for a version of a consent to be a statement of its own, which counts from
then; one that is put right by less was said when it was said, and is known since it was saved."""


GROUNDS = ("Consent", "CareTeam", "PractitionerRole", "RelatedPerson", "Organization")
"""The types that acceptance rests on."""

_Versions = list[tuple[datetime, tuple[Rule, ...]]]
"""Of the versions of one consent: (since when it counts, what it says)."""


@dataclass(frozen=True)
class Accepting:
    """`before`, `after`: the situation without and with what goes in together; the same for a review, which writes
    nothing. `earlier`: by name, the versions that consents had before the stored ones, oldest first.

    What is found out is kept: between two of the `turns` nothing changes, so each person is judged once for each time
    between them, however many meetings he was at.
    """

    before: Situation
    after: Situation
    client: str
    earlier: Mapping[str, tuple[Json, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def attends(self, person: str, at: datetime) -> bool:
        key = (person, bisect_right(self._turns, at))
        found = self._attending.get(key)
        if found is None:
            askers = self._askers(person, None, self._teams, at)
            found = self._attending[key] = self._accepted(askers, at, in_person=True) is not None
        return found

    def covers(self, member: str, on_behalf_of: str | None, team: Json, at: datetime) -> bool:
        return self.consent_for(member, on_behalf_of, team, at) is not None

    def consent_for(self, member: str, on_behalf_of: str | None, team: Json, at: datetime) -> str | None:
        name = f"CareTeam/{team['id']}"
        if self.after.resources.get(name) is not team:
            others = [each for each in self.after.of("CareTeam") if each["id"] != team["id"]]
            teams = self._memberships([*others, team])
            return self._covering(tuple(self._askers(member, on_behalf_of, teams, at)), at)
        key = (member, on_behalf_of, name, bisect_right(self._turns, at))
        if key not in self._covered:
            askers = tuple(self._askers(member, on_behalf_of, self._teams, at))
            self._covered[key] = self._covering(askers, at)
        return self._covered[key]

    def _covering(self, askers: Iterable[Asker], at: datetime) -> str | None:
        """The consent that covers one of these; of several, the one that names him in person."""
        found = self._accepted(askers, at, in_person=False)
        return found and (self._accepted(askers, at, in_person=True) or found)

    def _accepted(self, askers: Iterable[Asker], at: datetime, *, in_person: bool) -> str | None:
        """The consent by which one of these is accepted."""
        rules = self._rules_at(at)
        found = (acceptance(rules, each, at, in_person=in_person) for each in askers)
        return next((each.rule.consent for each in found if each is not None and each.effect == "permit"), None)

    def _askers(
        self, member: str, on_behalf_of: str | None, teams: tuple[Membership, ...], at: datetime
    ) -> Iterator[Asker]:
        """The member as consents may mean him: for each organisation that he may stand for."""
        type = member.partition("/")[0]
        if type == "Organization":
            yield asker_of(None, member, self.directory, teams, at)
            return
        if type == "CareTeam":
            yield Asker(None, None, frozenset(), frozenset({member}))
            return
        held = [each for each in self.directory.roles if member in (each.reference, each.practitioner)]
        works_at = dict.fromkeys(
            each.organization for each in held if each.organization is not None and each.period.covers(at)
        )
        if not works_at:  # whoever works somewhere stands for one of these, and what is denied it is denied him there
            yield asker_of(member, None, self.directory, teams, at)
        for organization in works_at:
            yield asker_of(member, organization, self.directory, teams, at)
        if on_behalf_of is not None and on_behalf_of not in works_at:
            yield asker_of(None, on_behalf_of, self.directory, teams, at)

    @cached_property
    def _teams(self) -> tuple[Membership, ...]:
        return self._memberships(self.after.of("CareTeam"))

    @cached_property
    def _attending(self) -> dict[tuple[str, int], bool]:
        return {}

    @cached_property
    def _covered(self) -> dict[tuple[str, str | None, str, int], str | None]:
        return {}

    @cached_property
    def _by_turn(self) -> dict[int, tuple[Rule, ...]]:
        return {}

    @cached_property
    def _turns(self) -> list[datetime]:
        """Every instant at which something that acceptance goes by begins or ends: a version of a consent, what it
        says, a membership, a role."""
        spans = [each.period for each in self._teams]
        spans += [each.period for each in self.directory.roles]
        spans += [each.period for each in self.directory.relatives]
        found: set[datetime] = set()
        for versions in self._consents:
            for since, rules in versions:
                found |= {since, *(each.at for each in rules)}
                spans += [each.period for each in rules]
        return sorted(found.union(*spans))

    def _memberships(self, teams: Iterable[Json]) -> tuple[Membership, ...]:
        """Of all these teams. Whom a team that was there did not name before, and names without saying since when, is a
        member from now on."""
        found: list[Membership] = []
        for team in teams:
            old = self.before.resources.get(f"CareTeam/{team['id']}")
            added: dict[str, datetime] = {}
            if old is not None:
                held = {each.member for each in memberships(old, base=self.after.base)}
                now = memberships(team, base=self.after.base)
                added = {each.member: self.after.at for each in now if each.member not in held}
            found += memberships(team, base=self.after.base, added=added)
        return tuple(found)

    @cached_property
    def directory(self) -> Directory:
        """Who works where, and the client's relatives, as far as they are known."""
        base = self.after.base
        parents = {
            f"Organization/{each['id']}": above
            for each in self.after.of("Organization")
            if (above := self.after.name_of(each.get("partOf"))) is not None
        }
        return Directory(
            tuple(role_of(each, base=base) for each in self.after.of("PractitionerRole")),
            tuple(relative_of(each, base=base) for each in self.after.of("RelatedPerson")),
            MappingProxyType(parents),
        )

    def _rules_at(self, at: datetime) -> tuple[Rule, ...]:
        """What the versions of the consents say that were valid then."""
        turn = bisect_right(self._turns, at)
        if turn not in self._by_turn:
            valid = [_last(versions, at) for versions in self._consents]
            self._by_turn[turn] = tuple(rule for rules in valid for rule in rules)
        return self._by_turn[turn]

    @cached_property
    def _consents(self) -> list[_Versions]:
        """Of each consent the versions that it has and had."""
        names = {f"Consent/{each['id']}" for each in (*self.before.of("Consent"), *self.after.of("Consent"))}
        return [self._versions(name) for name in sorted(names)]

    def _versions(self, name: str) -> _Versions:
        stored, new = self.before.resources.get(name), self.after.resources.get(name)
        versions = [*self.earlier.get(name, ())]
        if stored is not None:
            versions.append(stored)
        if new is not None and new is not stored:
            versions.append(new)
        if not versions or versions[-1].get("status") == "entered-in-error" or new is None:
            return []
        found: _Versions = []
        last = None
        for each in versions:
            is_saved = each is stored or each is not new
            saved = _instant(each.get("meta", {}).get("lastUpdated")) if is_saved else None
            since = saved or self.after.at
            given = span(each["dateTime"])[0] if "dateTime" in each else None
            if given is not None and (last is None or given - last >= ANEW):
                since = min(since, given)
            found.append((since, self._rules(each)))
            last = given or last
        return found

    def _rules(self, version: Json) -> tuple[Rule, ...]:
        updated = _instant(version.get("meta", {}).get("lastUpdated")) or self.after.at
        number = int(version.get("meta", {}).get("versionId", "0"))
        rules = rules_of(version, number, updated, base=self.after.base)
        return tuple(each for each in rules if each.client == self.client)


def accepted(situation: Situation, before: object = None) -> Accepting:
    """Whom the client has accepted by the consents as they are: what was found out `before`, if it rests on the same.
    Nothing is about to be written, so it does not matter at which moment."""
    if isinstance(before, Accepting) and before.after is before.before and not before.earlier:
        was = before.after
        if (was.client, was.base) == (situation.client, situation.base) and situation.is_same(was, GROUNDS):
            return before
    # What it rests on and nothing else, for it may outlast the situation.
    found = [each for type in GROUNDS for each in situation.of(type)]
    resources = {f"{each['resourceType']}/{each['id']}": each for each in found}
    grounds = Situation(situation.at, resources, situation.client, base=situation.base).knowing(situation.traits)
    return Accepting(grounds, grounds, situation.client or "")


def _last(versions: _Versions, at: datetime) -> tuple[Rule, ...]:
    """What the last of the versions says that counted then."""
    said: tuple[Rule, ...] = ()
    for since, rules in versions:
        if since <= at:
            said = rules
    return said


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text is not None else None
