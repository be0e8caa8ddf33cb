"""Guardians of minors, and what they said once the client is of age; pure.

A minor who is able to decide does so himself; who is not is spoken for by guardians. At the eighteenth birthday a
guardian's rights end, and what he permitted for others is told as due for renewal.
"""

from sharedplan.access.answers import Judgement, allowed, denied, masks, no, yes
from sharedplan.access.asker import Asker
from sharedplan.access.consent import Access, decision_of
from sharedplan.access.facts import Facts, Question
from sharedplan.access.periods import birthday
from sharedplan.access.provisions import Rule
from sharedplan.access.relations import GUARDIANS

NOT_ABLE, ALLOWS, FORBIDS = "1", "2", "3"
"""Codes of `items.GUARDIAN_DISCLOSURE`."""


def by_guardian(question: Question, asked: Access, facts: Facts) -> Judgement | None:
    """What the hard rules say of a guardian; None when they leave it to team and consent."""
    if not is_kin(asked.asker, facts, GUARDIANS) or not facts.is_minor:
        return None
    disclosure = question.item.guardian_disclosure or facts.client.guardian_disclosure
    if disclosure == FORBIDS:
        return no("guardian", "the minor is able to decide and forbids disclosure to guardians")
    spoken = decision_of(facts.rules, asked)
    if spoken is not None and spoken.effect == "deny":
        return denied(spoken)
    if disclosure not in (NOT_ABLE, ALLOWS) and not facts.is_younger(facts.choices.capable_from):
        return None
    told = {NOT_ABLE: "is not able to decide", ALLOWS: "is able to decide and allows it"}
    reason = f"a guardian asks, and the minor {told.get(disclosure or '', 'is a child')}"
    granted = yes("guardian", reason, residual=masks(facts))
    return allowed(question, asked.asker, "guardian", opens=True, granted=granted)


def is_kin(asker: Asker, facts: Facts, kinds: frozenset[str]) -> bool:
    """Whether a RelatedPerson of this client asks who is of one of these kinds."""
    relative = facts.directory.relative(asker.person or "")
    return relative is not None and relative.client == facts.client.reference and bool(relative.kinds & kinds)


def counting(asker: Asker, facts: Facts) -> tuple[Rule, ...]:
    """The rules that count for the asker: what a guardian permitted for a child opens nothing to the guardian once the
    child is of age, and by choice to nobody."""
    return tuple(rule for rule in facts.rules if rule.effect == "deny" or not _has_lapsed(rule, asker, facts))


def _has_lapsed(rule: Rule, asker: Asker, facts: Facts) -> bool:
    lapses = facts.choices.guardians_consents_end or asker.person in rule.performers
    return lapses and needs_renewal(rule, facts)


def needs_renewal(rule: Rule, facts: Facts) -> bool:
    """Whether a guardian gave it, and not the client, who has come of age since."""
    of_age = birthday(facts.client.birth_date or "", facts.choices.adult_from)
    if of_age is None or facts.at < of_age or facts.client.reference in rule.performers:
        return False
    return rule.at < of_age and any(each.startswith("RelatedPerson/") for each in rule.performers)
