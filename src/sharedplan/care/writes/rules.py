"""All rules at a write, by resource type, and how they are applied."""

from collections.abc import Iterable, Mapping
from itertools import chain

from sharedplan.care.finding import Finding
from sharedplan.care.writes import (
    assessment,
    consent,
    consultation,
    crossing,
    goal,
    handover,
    invitation,
    meeting,
    plan,
    referral,
    team,
)
from sharedplan.care.writing import WriteRule, Writing
from sharedplan.fhir.exchanges import Json

MODELS = (plan, crossing, team, goal, meeting, invitation, assessment, handover, referral, consent, consultation)


def _by_type() -> Mapping[str, tuple[WriteRule, ...]]:
    found: dict[str, tuple[WriteRule, ...]] = {}
    for one in chain.from_iterable(vars(each).values() for each in MODELS):
        if isinstance(one, WriteRule):
            for type in one.types:
                found[type] = (*found.get(type, ()), one)
    return found


RULES = _by_type()


def applying(type: str, current: Json | None, proposed: Json | None, *, warns: bool) -> list[WriteRule]:
    """The rules that may have something to say of that write: those that only warn, or the others."""
    return [one for one in RULES.get(type, ()) if one.warns is warns and one.when(current, proposed)]


def needs(rules: Iterable[WriteRule]) -> tuple[str, ...]:
    """The types of the client's resources that these rules look at."""
    return tuple(dict.fromkeys(type for one in rules for type in one.needs))


def findings(rules: Iterable[WriteRule], writing: Writing) -> list[Finding]:
    """What the rules say of the write."""
    return [each for one in rules for each in one.check(writing)]
