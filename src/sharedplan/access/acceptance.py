"""Whether the client has accepted somebody: as one who attends a meeting, or as a member of the team; pure.

Acceptance is that a consent permits the person anything: how much of the plan he may see beside does not matter. It is
judged at the meeting's time, by the versions of the consents that were valid then.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sharedplan.access.asker import Asker
from sharedplan.access.consent import Access, Verdict, decision_of
from sharedplan.access.items import Item
from sharedplan.access.provisions import Rule

_ANYTHING = Item("", None)
_CARE = frozenset({"TREAT", "CAREMGT"})


def acceptance(rules: Iterable[Rule], asker: Asker, at: datetime, *, in_person: bool) -> Verdict | None:
    """What the consents in force at that instant say of the person; None when nobody has accepted him.

    `in_person`: only a consent that names the person, a role held or a team is one, as for attending (R0.1); a permit
    for an organisation's data is none, though a deny of the organisation stands. The client and the coordinator need
    no acceptance; that is for the caller.
    """
    asked = Access(asker, "access", "TREAT", at, _ANYTHING)
    told = [_of_people(rule) for rule in rules if rule.effect == "permit" or _is_outright(rule)]
    if in_person:
        names = frozenset(g for g in asker.grantees if not g.startswith("Organization/"))
        told = [rule for rule in told if rule.effect == "deny" or _names_one_of(rule, names)]
    return decision_of(told, asked)


def _names_one_of(rule: Rule, names: frozenset[str]) -> bool:
    return not rule.recipients or any(not names.isdisjoint(group) for group in rule.recipients)


def _is_outright(rule: Rule) -> bool:
    """Whether a deny is one of the person, rather than of some data, action or purpose."""
    of_care = rule.purposes is None or not _CARE.isdisjoint(rule.purposes)
    return rule.is_of_all_data and of_care and (rule.actions is None or "access" in rule.actions)


def _of_people(rule: Rule) -> Rule:
    """The rule with nothing left but whom it is for and when."""
    return replace(
        rule,
        actions=None,
        purposes=None,
        holders=(),
        authors=(),
        classes=(),
        codes=(),
        labels=(),
        data_period=None,
        data=(),
    )
