"""What the one who saves a Consent should know: that it may not do what it seems to, beside the client's others; pure.

A consent that breaks a rule is refused (`care/consent.py`); these are warnings.
"""

from collections.abc import Iterable, Iterator

from sharedplan.access.judgement import NARROW_VIEW
from sharedplan.access.periods import Span
from sharedplan.access.provisions import Criterion, Rule, rules_of
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import EARLIEST


def cautions(consent: Json, others: Iterable[Json], *, base: str = "") -> list[Issue]:
    """The warnings on saving a consent, beside the client's other ones as they are stored."""
    mine = rules_of(consent, 0, EARLIEST, base=base)
    own = f"Consent/{consent.get('id', 'proposed')}"
    stored = [each for other in others if (each := rules_of(other, 0, EARLIEST, base=base)) and each[0].consent != own]
    found = [*_not_understood(mine), *(issue for each in stored for issue in _beside(mine, each))]
    return [Issue("business-rule", saying, "Consent.provision", "warning") for saying in dict.fromkeys(found)]


def _not_understood(rules: Iterable[Rule]) -> Iterator[str]:
    """A permit that nothing can meet: an actor who is not named by a reference, or a criterion without a code."""
    for rule in rules:
        groups = (rule.recipients, rule.holders, rule.authors, rule.classes, rule.codes, rule.labels, rule.data)
        empty = any(group == () for criterion in groups for group in criterion)
        if rule.effect == "permit" and (empty or rule.actions == () or rule.purposes == ()):
            yield (
                f"{rule.path} permits nothing: something that it stands under is not said by a literal reference or a "
                "known code"
            )


def _beside(mine: tuple[Rule, ...], stored: tuple[Rule, ...]) -> Iterator[str]:
    for old in stored:
        for new in mine:
            if new.effect != "permit" or new.is_ban or not _last(new.period, old.period):
                continue
            if _narrows(new, old):
                yield (
                    f"This permit names no classes and is of a later time than {old.consent}, which does: an NGO, "
                    "employment services or a relative whom both mean sees the plan, the team and own tasks by this "
                    f"one, and no more by {old.consent}. Consent/$preview tells whom that concerns."
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


def _narrows(new: Rule, old: Rule) -> bool:
    """Whether the new permit takes from a member with a narrow view what the old one lets him see, for the latest that
    speaks counts, and one without classes lets him see little. A team may be of anybody; whether the member is such a
    one, names do not tell."""
    if old.effect != "permit" or old.is_ban or old.rank > new.rank:
        return False
    named = [name for rule in (new, old) for group in rule.recipients for name in group]
    if not (_meet(new.recipients, old.recipients) or any(name.startswith("CareTeam/") for name in named)):
        return False
    if not (_share(new.actions, old.actions) and _share(new.purposes, old.purposes)) or new.names_things:
        return False
    return bool(old.data) or any(name not in NARROW_VIEW for group in old.classes for name in group)


def _share(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> bool:
    return one is None or other is None or not set(one).isdisjoint(other)


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
