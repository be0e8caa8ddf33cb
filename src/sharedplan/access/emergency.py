"""Break-glass: reading the core data in an emergency, where team and consent say no; never over a ban; pure.

That a reason is given, that the client is told and that a Task to review it is made are the operation's
(`exchange/break_glass.py`). https://hl7.org/fhir/R4/security-labels.html#break-the-glass
"""

from collections.abc import Iterable
from dataclasses import replace

from sharedplan.access.answers import Judgement, denied, no, yes
from sharedplan.access.asker import asker_of
from sharedplan.access.consent import Access, Verdict, verdicts
from sharedplan.access.facts import Facts, Opening, Question
from sharedplan.access.guardianship import counting
from sharedplan.access.items import Item
from sharedplan.access.provisions import Rule

CORE = frozenset({"Patient", "CarePlan", "CareTeam", "Condition", "Flag"})
"""What an emergency opens."""

EMERGENCIES = frozenset({"ETREAT", "BTG"})
"""The purposes that may open it."""


def by_emergency(question: Question, asked: Access, facts: Facts, refused: Judgement) -> Judgement:
    """What an opening that holds now allows after a refusal; else the refusal, with what would change it."""
    if refused.is_of_a_ban or question.action not in ("read", "search"):
        return refused
    if bans := _bans(counting(asked.asker, facts), asked):
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
    organisation, for ETREAT or BTG, and no ban keeps him from any class of it as such."""
    asker = asker_of(question.person, question.organization, facts.directory, facts.memberships, facts.at)
    if question.purpose not in EMERGENCIES:
        return no("break-glass", "the purpose of an emergency is ETREAT or BTG", change=("a token for ETREAT or BTG",))
    is_practitioner = (question.person or "").startswith(("Practitioner/", "PractitionerRole/"))
    if not is_practitioner or asker.organization is None:
        return no("break-glass", "only a practitioner with an active role at the organisation may")
    rules = tuple(rule for rule in counting(asker, facts) if not _narrows(rule))
    for type in sorted(CORE):
        whole = Item(type, question.item.client, kinds=frozenset({type}))
        if bans := _bans(rules, Access(asker, "access", question.purpose, facts.at, whole)):
            return denied(bans[0])
    return yes("break-glass", f"{question.person} has an active role at {question.organization}")


def _bans(rules: Iterable[Rule], asked: Access) -> list[Verdict]:
    return [each for each in verdicts(rules, asked) if each.bans]


def _narrows(rule: Rule) -> bool:
    """Whether it speaks of some things among the core data, and not of a class of it as such."""
    return any((rule.holders, rule.authors, rule.codes, rule.labels, rule.data, rule.data_period))
