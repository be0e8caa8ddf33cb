"""The answer to one question of access: yes or no, with its grounds. A value, and how one is made."""

from dataclasses import dataclass, replace
from datetime import datetime

from sharedplan.access.asker import Asker
from sharedplan.access.consent import Verdict
from sharedplan.access.facts import Facts, Question
from sharedplan.access.provisions import Rule
from sharedplan.access.rights import Writer, refusal


@dataclass(frozen=True, slots=True)
class Judgement:
    """Yes or no, the step that decided, and a sentence for each rule met.

    `consents`: those that speak in it, with their versions. `valid_until`: the instant at which time alone would turn
    a permit (UTC); None: none is in sight. `would_change`: what would turn a refusal. `residual`: what of the thing, or
    of others like it, stays hidden under this permit.
    """

    is_permitted: bool
    step: str
    reasons: tuple[str, ...]
    consents: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    residual: tuple[str, ...] = ()
    valid_until: datetime | None = None

    @property
    def is_of_a_ban(self) -> bool:
        return self.step == "ban"


def no(step: str, *reasons: str, by: tuple[Rule, ...] = (), change: tuple[str, ...] = ()) -> Judgement:
    return Judgement(False, step, reasons, _told(by), change)


def yes(step: str, *reasons: str, by: tuple[Rule, ...] = (), residual: tuple[str, ...] = ()) -> Judgement:
    return Judgement(True, step, reasons, _told(by), residual=residual)


def _told(by: tuple[Rule, ...]) -> tuple[str, ...]:
    return tuple(rule.versioned for rule in by if rule.is_told)


def denied(spoken: Verdict) -> Judgement:
    """The refusal that a consent speaks."""
    rule = spoken.rule
    if spoken.bans:
        change = f"the {rule.named_as_ban} is withdrawn"
        return no("ban", f"the {rule.named_as_ban} is not withdrawn", by=(rule,), change=(change,))
    change = f"{rule.named} is withdrawn, or the client permits it later"
    return no("consent", f"{rule.named} denies it", by=(rule,), change=(change,))


def allowed(question: Question, asker: Asker, kind: str, *, opens: bool, granted: Judgement) -> Judgement:
    """What was granted, when it is a read, or when the matrix of rights lets him write too."""
    if question.action in ("read", "search"):
        return granted
    writer = Writer(kind, asker.names or frozenset({asker.named}), asker.grantees, opens)
    why_not = refusal(writer, question.action, question.item, question.after)
    if why_not is not None:
        return no("role", why_not, change=("the coordinator writes it, or it is proposed by a Task",))
    return replace(granted, reasons=(*granted.reasons, f"a {kind} may {question.action} this {question.item.type}"))


def masks(facts: Facts) -> tuple[str, ...]:
    """What a safety ban hides."""
    return ("address, telecom and place are masked (turvakielto)",) if facts.client.has_safety_ban else ()
