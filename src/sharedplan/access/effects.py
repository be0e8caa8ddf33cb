"""Who gains and who loses what by a change of the client's consents: both sides judged, and what differs told; pure.

A client's things are many and the rules look at little of each. So things that no rule can tell apart are judged
together, and an asker whom no changed rule names is not judged at all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sharedplan.access.asker import asker_of
from sharedplan.access.consent import ACTIONS, names
from sharedplan.access.facts import Facts, Question
from sharedplan.access.items import Item
from sharedplan.access.judgement import outcome
from sharedplan.access.provisions import Rule

PURPOSES = ("TREAT", "CAREMGT", "ETREAT")
"""What things are asked for: care, its management, and emergencies, which only a consent that names them opens."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one asker gains, or loses, of one type.

    `action`: access, collect or correct. `purposes`: for which. `things`: references of the stored things that it is
    of; `is_of_new_ones`: whether also of those that are yet to come. `reasons` and `consents`: of how it would be then.
    """

    gains: bool
    type: str
    action: str
    purposes: tuple[str, ...]
    things: tuple[str, ...]
    is_of_new_ones: bool
    reasons: tuple[str, ...]
    consents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """The facts of one asker before and after, and what he may be asked about: `stored` things, and one of each kind
    that is `yet_to_come`."""

    person: str | None
    organization: str | None
    before: Facts
    after: Facts

    @property
    def is_named(self) -> bool:
        """Whether a rule that comes or goes is one for this asker; without that nothing changes for him."""
        asker = asker_of(self.person, self.organization, self.before.directory, self.before.memberships, self.before.at)
        differing = set(self.before.rules) ^ set(self.after.rules)
        return any(names(rule, asker) for rule in differing)

    def effects(self, stored: Sequence[Item], yet_to_come: Sequence[Item]) -> list[Effect]:
        """What changes, in the order of types and actions."""
        rules = (*self.before.rules, *self.after.rules)
        alike: dict[Item, list[str | None]] = {}
        for item in stored:
            alike.setdefault(simplified(item, rules), []).append(item.reference)
        for item in yet_to_come:
            alike.setdefault(simplified(item, rules), []).append(None)
        found: dict[tuple[bool, str, str, str, tuple[str, ...], tuple[str, ...]], list[str | None]] = {}
        for item, references in alike.items():
            meant: dict[str, list[str | None]] = {
                "read": references,
                "create": [each for each in references if each is None],
                "update": [each for each in references if each is not None],
            }
            for action, things in meant.items():
                for purpose, gains, reasons, consents in self._turned(item, action) if things else ():
                    key = (gains, item.type, ACTIONS[action], purpose, reasons, consents)
                    found.setdefault(key, []).extend(things)
        return _merged(found)

    def _turned(self, item: Item, action: str) -> Iterator[tuple[str, bool, tuple[str, ...], tuple[str, ...]]]:
        """(purpose, whether it is gained, reasons, consents) of each answer that turns."""
        if action == "create":  # what he makes is of his own register
            item = replace(item, controller=self.organization or item.controller)
        after = item if action == "update" else None
        for purpose in PURPOSES:
            question = Question(self.person, self.organization, purpose, action, item, after)
            was, will_be = outcome(question, self.before), outcome(question, self.after)
            if was.is_permitted != will_be.is_permitted:
                yield purpose, will_be.is_permitted, will_be.reasons, will_be.consents


def questions(stored: Sequence[Item], yet_to_come: Sequence[Item], rules: Iterable[Rule]) -> int:
    """How many judgements the effects on one asker take at most."""
    rules = tuple(rules)
    kinds = {simplified(each, rules) for each in (*stored, *yet_to_come)}
    return len(kinds) * 2 * len(PURPOSES) * 2  # of each thing two actions at most, before and after


def simplified(item: Item, rules: Iterable[Rule]) -> Item:
    """The thing without what none of these rules, nor the rights to write, can tell it from others by: what is left is
    judged as the thing is."""
    codes: set[str] = set()
    labels: set[str] = set()
    kinds: set[str] = set()
    holders: set[str] = set()
    named: set[str] = set()
    authors: set[str] = set()
    by_time = False
    for rule in rules:
        codes.update(*rule.codes)
        labels.update(*rule.labels)
        kinds.update(*rule.classes)
        holders.update(*rule.holders)
        authors.update(*rule.authors)
        for group in rule.data:
            for meaning, reference in group:
                (authors if meaning == "authoredby" else named).add(reference)
        by_time = by_time or rule.data_period is not None
    return replace(
        item,
        id=item.id if item.reference in named else None,
        holders=item.holders & holders,
        kinds=item.kinds & kinds,
        codes=item.codes & codes,
        labels=item.labels & labels,
        start=item.start if by_time else None,
        end=item.end if by_time else None,
        authors=frozenset(each for each in item.authors if each in authors or _is_somebody(each)),
        attested=item.attested & authors,
        claimed=item.claimed & authors,
        refers_to=item.refers_to & named,
        referred_by=item.referred_by & named,
    )


def _is_somebody(reference: str) -> bool:
    """Whether it may be an author who writes what is his own."""
    return not reference.startswith(("Organization/", "Device/"))


def _merged(
    found: dict[tuple[bool, str, str, str, tuple[str, ...], tuple[str, ...]], list[str | None]],
) -> list[Effect]:
    """The same, with the purposes drawn together for which it is the same things."""
    merged: dict[tuple[bool, str, str, tuple[str, ...], tuple[str, ...], tuple[str | None, ...]], list[str]] = {}
    for (gains, type, action, purpose, reasons, consents), things in found.items():
        every = tuple(sorted(set(things), key=lambda each: each or ""))
        merged.setdefault((gains, type, action, reasons, consents, every), []).append(purpose)
    effects = [
        Effect(
            gains,
            type,
            action,
            tuple(purposes),
            tuple(each for each in things if each is not None),
            None in things,
            reasons,
            consents,
        )
        for (gains, type, action, reasons, consents, things), purposes in merged.items()
    ]
    return sorted(effects, key=lambda each: (each.type, each.action, each.purposes, each.things))
