"""What the one who saves a Consent should know: that it may not do what it seems to, beside the client's others; pure.

A consent that breaks a rule is refused (`care/consent.py`); these are warnings.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import product

from sharedplan.access.judgement import NARROW_VIEW
from sharedplan.access.principal import PURPOSES
from sharedplan.access.provisions import Criterion, Rule, rules_of
from sharedplan.access.purposes import ONLY_BY_NAME
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import EARLIEST

ORDINARY = PURPOSES - ONLY_BY_NAME
"""What a permit that names no purpose is for."""

_AT_WORK = frozenset({"Practitioner", "PractitionerRole", "Organization"})
"""Kinds of names of one and the same person at work."""


def cautions(consent: Json, others: Iterable[Json], *, at: datetime, base: str = "") -> list[Issue]:
    """The warnings on saving a consent, beside the client's other ones as they are stored, of what is to come from that
    instant (UTC) on."""
    mine = rules_of(consent, 0, EARLIEST, base=base)
    own = f"Consent/{consent.get('id', 'proposed')}"
    stored = [rule for other in others for rule in rules_of(other, 0, EARLIEST, base=base) if rule.consent != own]
    found = [*_not_understood(mine)]
    for old, new in product(stored, mine):
        both = new.period.meeting(old.period)
        if both.low < both.high and at < both.high and not (new.is_ban and new.effect == "permit"):
            found += _beside(new, old)
    return [Issue("business-rule", saying, "Consent.provision", "warning") for saying in dict.fromkeys(found)]


def _not_understood(rules: Iterable[Rule]) -> Iterator[str]:
    for rule in rules:
        if rule.effect == "permit" and _permits_nothing(rule):
            yield (
                f"{rule.path} permits nothing: something that it stands under is not said by a literal reference or a "
                "known code"
            )


def _permits_nothing(rule: Rule) -> bool:
    """Whether nothing can meet it: an actor who is not named by a reference, or a criterion without a code."""
    groups = (rule.recipients, rule.holders, rule.authors, rule.classes, rule.codes, rule.labels, rule.data)
    empty = any(group == () for criterion in groups for group in criterion)
    return empty or rule.actions == () or rule.purposes == ()


def _beside(new: Rule, old: Rule) -> Iterator[str]:
    """What is said of one rule that is saved, beside one that is stored."""
    later, earlier = (new, old) if old.rank <= new.rank else (old, new)
    if new.effect == "deny":
        if later is old and old.effect == "permit" and not (old.is_ban or new.is_ban) and _speak_of_one(new, old):
            yield (
                f"{old.consent} is of a later time and permits, so it counts wherever both speak; this denies there "
                "only when it is of a later time itself, or a ban."
            )
        return
    if _narrows(later, earlier):
        yield (
            f"{_named(later, new)} does not say which things it is for, and counts before {_named(earlier, new)}, "
            "which does. A member with a narrow view (an NGO, employment services, a relative) whom both mean sees no "
            "more than the plan, the team and own tasks where both speak."
        )
    if old.effect == "permit":
        is_beside = old.depth == 0 and later is new and _meet(new.recipients, old.recipients)
        if is_beside and _is_wider(old, new):
            yield f"The older permit {old.consent} is wider and still stands; withdraw it if this is to replace it."
    elif _speak_of_one(new, old):
        if old.is_ban:
            yield f"The ban {old.consent} stands until it is withdrawn itself; this permit does not lift it."
        elif later is old:
            yield f"{old.consent} is of a later time and denies, so it counts wherever both speak."


def _meet(one: Criterion, other: Criterion) -> bool:
    """Whether both may be of the same asker; names alone tell, so a person and his organisation are kept apart."""
    named, also = {name for group in one for name in group}, {name for group in other for name in group}
    return not named or not also or not named.isdisjoint(also)


def _named(rule: Rule, new: Rule) -> str:
    return f"{rule.path} of this consent" if rule is new else f"{rule.path} of {rule.consent}"


def _narrows(later: Rule, earlier: Rule) -> bool:
    """Whether the later permit may hide from a member with a narrow view what the earlier one alone would show him: of
    several the latest that speaks counts, and one that names neither classes nor things shows him little."""
    if any(each.effect != "permit" or each.is_ban or _permits_nothing(each) for each in (later, earlier)):
        return False
    if later.names_things or not _shows_more(earlier) or not _may_mean_one(later.recipients, earlier.recipients):
        return False
    if not all(each.actions is None or "access" in each.actions for each in (later, earlier)):
        return False
    return not _purposes(later).isdisjoint(_purposes(earlier))


def _purposes(rule: Rule) -> frozenset[str]:
    unsaid = PURPOSES if rule.effect == "deny" else ORDINARY
    return unsaid if rule.purposes is None else frozenset(rule.purposes)


def _speak_of_one(one: Rule, other: Rule) -> bool:
    """Whether both may be of what the same member does for the same purpose."""
    actions = [each.actions for each in (one, other) if each.actions is not None]
    do_both = len(actions) < 2 or not set(actions[0]).isdisjoint(actions[1])
    return (
        do_both and not _purposes(one).isdisjoint(_purposes(other)) and _may_mean_one(one.recipients, other.recipients)
    )


def _shows_more(rule: Rule) -> bool:
    """Whether it names things beside those that a narrow view shows anyway."""
    beside = all(any(name not in NARROW_VIEW for name in group) for group in rule.classes)
    others = all(
        any(meaning != "instance" or reference.partition("/")[0] not in NARROW_VIEW for meaning, reference in group)
        for group in rule.data
    )
    return rule.names_things and beside and others


def _may_mean_one(one: Criterion, other: Criterion) -> bool:
    """Whether both may be of the same member, as far as names tell: not who works where, and who is on a team."""
    return all(any(_is_or_has(a, b) for a in mine for b in its) for mine in one for its in other)


def _is_or_has(one: str, other: str) -> bool:
    kinds = {name.partition("/")[0] for name in (one, other)}
    return one == other or "CareTeam" in kinds or (len(kinds) == 2 and kinds <= _AT_WORK)


def _is_wider(old: Rule, new: Rule) -> bool:
    """Whether the old permit lets more through, as far as its criteria tell: it says less, or has more to say."""
    pairs: list[tuple[tuple[str, ...] | None, tuple[str, ...] | None]] = [
        (old.actions, new.actions),
        (old.purposes, new.purposes),
        (_flat(old.classes), _flat(new.classes)),
        (_flat(old.codes), _flat(new.codes)),
        (_flat(old.labels), _flat(new.labels)),
    ]
    limits = [(old.data_period, new.data_period), (old.data, new.data), (old.holders, new.holders)]
    limits.append((old.authors, new.authors))
    wider = any(mine is not None and (before is None or set(before) > set(mine)) for before, mine in pairs)
    return wider or any(bool(mine) and not before for before, mine in limits)


def _flat(criterion: Criterion) -> tuple[str, ...] | None:
    return tuple(name for group in criterion for name in group) if criterion else None
