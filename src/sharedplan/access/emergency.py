"""Break-glass: reading the core data in an emergency, where team and consent say no; never over a ban; pure.

That a reason is given, that the client is told and that a Task to review it is made are the operation's.
"""

from dataclasses import replace

from sharedplan.access.answers import Judgement, denied, no, yes
from sharedplan.access.asker import asker_of
from sharedplan.access.consent import Access, Verdict, concerns, verdicts
from sharedplan.access.facts import Facts, Opening, Question
from sharedplan.access.provisions import Rule

CORE = frozenset({"Patient", "CarePlan", "CareTeam", "Condition", "Flag"})
"""What an emergency opens."""

EMERGENCIES = frozenset({"ETREAT", "BTG"})
"""The purposes that may open it."""


def by_emergency(question: Question, asked: Access, facts: Facts, refused: Judgement) -> Judgement:
    """What an opening that holds now allows after a refusal; else the refusal, with what would change it."""
    if refused.is_of_a_ban or question.action not in ("read", "search"):
        return refused
    bans = [each for each in verdicts(facts.rules, asked) if each.bans]
    if bans:
        return denied(bans[0])
    may = may_break_glass(question, facts)
    if not may.is_permitted:
        return may if may.is_of_a_ban else refused
    until = max((each.period.high for each in facts.openings if _is_of(each, question, facts)), default=None)
    if until is None:
        return replace(refused, would_change=(*refused.would_change, "break-glass, with a reason"))
    if question.item.type not in CORE:
        return no("break-glass", f"an emergency opens {', '.join(sorted(CORE))} and no {question.item.type}")
    return yes("break-glass", f"{question.person} opened it for {question.purpose} until {until.isoformat()}")


def _is_of(opening: Opening, question: Question, facts: Facts) -> bool:
    asked = (question.person, question.organization, question.purpose)
    return asked == (opening.person, opening.organization, opening.purpose) and opening.period.covers(facts.at)


def may_break_glass(question: Question, facts: Facts) -> Judgement:
    """Whether the asker may open the core data in an emergency: a practitioner with an active role at the token's
    organisation, for ETREAT or BTG, and no ban on him."""
    asker = asker_of(question.person, question.organization, facts.directory, facts.memberships, facts.at)
    if question.purpose not in EMERGENCIES:
        return no("break-glass", "the purpose of an emergency is ETREAT or BTG", change=("a token for ETREAT or BTG",))
    is_practitioner = (question.person or "").startswith(("Practitioner/", "PractitionerRole/"))
    if not is_practitioner or asker.organization is None:
        return no("break-glass", "only a practitioner with an active role at the organisation may")
    asked = Access(asker, "access", question.purpose, facts.at, question.item)
    bans = [rule for rule in facts.rules if concerns(rule, asked) and _bars_the_core(rule)]
    if bans:
        return denied(Verdict("deny", bans[0]))
    return yes("break-glass", f"{question.person} has an active role at {question.organization}")


def _bars_the_core(rule: Rule) -> bool:
    """Whether it is a ban on the core data as such, and not on some things among it."""
    narrowing = (rule.holders, rule.authors, rule.codes, rule.labels, rule.data, rule.data_period)
    classes = all(not CORE.isdisjoint(group) for group in rule.classes)
    return rule.is_ban and rule.effect == "deny" and classes and not any(narrowing)
