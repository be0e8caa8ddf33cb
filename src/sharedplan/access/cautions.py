"""What the one who saves a Consent should know: that it may not do what it seems to, beside the client's others; pure.

A consent that breaks a rule is refused (`care/consent.py`); these are warnings.
"""

from collections.abc import Iterable, Iterator

from sharedplan.access.judgement import NARROW_VIEW
from sharedplan.access.periods import Span
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


def cautions(consent: Json, others: Iterable[Json], *, base: str = "") -> list[Issue]:
    """The warnings on saving a consent, beside the client's other ones as they are stored."""
    mine = rules_of(consent, 0, EARLIEST, base=base)
    own = f"Consent/{consent.get('id', 'proposed')}"
    stored = [each for other in others if (each := rules_of(other, 0, EARLIEST, base=base)) and each[0].consent != own]
    found = [*_not_understood(mine), *(issue for each in stored for issue in _beside(mine, each))]
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


def _beside(mine: tuple[Rule, ...], stored: tuple[Rule, ...]) -> Iterator[str]:
    for old in stored:
        for new in mine:
            if new.effect != "permit" or new.is_ban or not _last(new.period, old.period):
                continue
            later, earlier = (new, old) if old.rank <= new.rank else (old, new)
            if _narrows(later, earlier):
                yield (
                    f"{_named(later, new)} does not say which things it is for, and counts before "
                    f"{_named(earlier, new)}, which does. A member with a narrow view (an NGO, employment services, a "
                    "relative) whom both mean sees no more than the plan, the team and own tasks where both speak."
                )
            if not _meet(new.recipients, old.recipients):
                continue
            if old.is_ban and old.effect == "deny":
                yield f"The ban {old.consent} stands until it is withdrawn itself; this permit does not lift it."
            elif old.effect == "permit" and old.depth == 0 and old.rank <= new.rank and _is_wider(old, new):
                yield f"The older permit {old.consent} is wider and still stands; withdraw it if this is to replace it."
            elif old.effect == "deny" and old.rank > new.rank:
                yield f"{old.consent} denies some of this and is of a later time, so it counts."


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
    purposes = [ORDINARY if each.purposes is None else frozenset(each.purposes) for each in (later, earlier)]
    return not purposes[0].isdisjoint(purposes[1])


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


def _last(one: Span, other: Span) -> bool:
    both = one.meeting(other)
    return both.low < both.high


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
