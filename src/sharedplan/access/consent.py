"""What the consents of a client say to one question: each by its deepest provision that matches, then among them; pure.

https://hl7.org/fhir/R4/consent.html#6.2.2

Between consents a ban that matches denies, whatever its age, until it is withdrawn itself. Otherwise the latest that
says anything decides. Nobody's saying anything is no permit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sharedplan.access.asker import Asker
from sharedplan.access.items import Item
from sharedplan.access.provisions import Rule
from sharedplan.access.purposes import ONLY_BY_NAME

ACTIONS = {"read": "access", "search": "access", "create": "collect", "update": "correct", "delete": "correct"}
"""What is asked → the action that a consent must allow, of http://terminology.hl7.org/CodeSystem/consentaction"""


@dataclass(frozen=True, slots=True)
class Access:
    """What is asked: may this asker do that action (collect, access, correct, use or disclose), for that purpose, to
    that thing, at that instant (UTC)?"""

    asker: Asker
    action: str
    purpose: str
    at: datetime
    item: Item


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one consent says, and the rule that says it: the deepest that matches."""

    effect: str  # permit | deny
    rule: Rule

    @property
    def bans(self) -> bool:
        return self.effect == "deny" and self.rule.is_ban


def verdict(rules: Iterable[Rule], asked: Access) -> Verdict | None:
    """What the rules of one consent say; None when it says nothing of this.

    Of the rules that match the deepest decide, and among them a deny. A ban permits nothing: what it excepts stays as
    it was.
    """
    found = [rule for rule in rules if matches(rule, asked)]
    if not found:
        return None
    decisive = max(found, key=lambda rule: (rule.depth, rule.effect == "deny"))
    if decisive.is_ban and decisive.effect == "permit":
        return None
    return Verdict(decisive.effect, decisive)


def decision_of(rules: Iterable[Rule], asked: Access) -> Verdict | None:
    """What all consents of the client together say, by the verdict that decides; None when none says anything."""
    return ruling(verdicts(rules, asked))


def verdicts(rules: Iterable[Rule], asked: Access) -> tuple[Verdict, ...]:
    """The verdicts of the consents that say anything."""
    ordered = sorted(rules, key=lambda rule: rule.consent)
    found = (verdict(tuple(each), asked) for _, each in groupby(ordered, key=lambda rule: rule.consent))
    return tuple(each for each in found if each is not None)


def ruling(spoken: Iterable[Verdict]) -> Verdict | None:
    """Which of several consents' verdicts decides: a ban, else the latest, and of two at once the deny."""
    return max(spoken, key=_weight, default=None)


def _weight(spoken: Verdict) -> tuple[bool, datetime, bool, datetime, str]:
    rule = spoken.rule
    return spoken.bans, rule.rank, spoken.effect == "deny", rule.updated, rule.consent


def matches(rule: Rule, asked: Access) -> bool:
    """Whether all criteria of the rule are met."""
    return hindrance(rule, asked) is None


def concerns(rule: Rule, asked: Access) -> bool:
    """Whether it is a rule for this asker, action and purpose now, whatever the thing."""
    return _aside(rule, asked) is None


def hindrance(rule: Rule, asked: Access) -> str | None:
    """The first criterion of the rule that is not met, in words to follow the consent's name; None when all are."""
    return _aside(rule, asked) or _beside(rule, asked.item, asked.at)


def _aside(rule: Rule, asked: Access) -> str | None:
    if asked.at < rule.at:
        return "is not in force yet"
    if not rule.period.covers(asked.at):
        return "has not begun" if asked.at < rule.period.low else "has expired"
    if not names(rule, asked.asker):
        return "does not name the asker" if rule.recipients else "covers only who was a member when it was given"
    if rule.actions is not None and asked.action not in rule.actions:
        return f"is not for the action {asked.action}"
    if not is_for(rule, asked.purpose):
        return f"is not for the purpose {asked.purpose}"
    return None


def names(rule: Rule, asker: Asker) -> bool:
    """Whether the asker is among those that the rule is for.

    A permit that names a team, or nobody, is for those who were members when it was given; a deny for everybody
    whom it may mean.
    """
    if rule.effect == "deny":
        return all(not asker.grantees.isdisjoint(group) for group in rule.recipients)
    since = [each.team for each in asker.standing if each.period.covers(rule.at)]
    if not rule.recipients:
        return any(team in asker.grantees for team in since)
    named = {g for g in asker.grantees if not g.startswith("CareTeam/") or g in since}
    return all(not named.isdisjoint(group) for group in rule.recipients)


def is_for(rule: Rule, purpose: str) -> bool:
    """Whether the rule speaks of that purpose; a permit that names none is not for emergencies."""
    if rule.purposes is None:
        return rule.effect == "deny" or purpose not in ONLY_BY_NAME
    return purpose in rule.purposes


def _beside(rule: Rule, item: Item, at: datetime) -> str | None:
    """The first criterion of things that this one does not meet."""
    for element, criterion, mine in (
        ("holder", rule.holders, item.holders),
        ("author", rule.authors, item.authors_for(rule.effect)),
        ("class", rule.classes, item.kinds),
        ("code", rule.codes, item.codes),
        ("label", rule.labels, item.labels),
    ):
        if not all(not mine.isdisjoint(group) for group in criterion):
            return f"is not for things of this {element}"
    if rule.data_period is not None:
        its, limits = item.span(at), rule.data_period
        if not (limits.encloses(its) if rule.effect == "permit" else limits.overlaps(its)):
            return "is not for things of this time"
    if not all(any(_is_meant(*each, item, rule.effect) for each in group) for group in rule.data):
        return "is not for this thing"
    return None


def _is_meant(meaning: str, reference: str, item: Item, effect: str) -> bool:
    """https://hl7.org/fhir/R4/valueset-consent-data-meaning.html"""
    match meaning:
        case "related":
            return reference == item.reference or reference in item.referred_by
        case "dependents":
            return reference == item.reference or reference in item.refers_to
        case "authoredby":
            return reference in item.authors_for(effect)
    return reference == item.reference
