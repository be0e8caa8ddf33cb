"""Every rule that holds for a plan, judged: what `$review` tells; pure.

The rules are those of the plan's service model (`care/model.py`), in the order of their ids.
"""

from collections.abc import Iterator, Mapping
from types import ModuleType

from sharedplan.care import codes
from sharedplan.care.finding import Finding
from sharedplan.care.model import GENERAL
from sharedplan.care.review import (
    assessments,
    clocks,
    consents,
    family,
    feedback,
    goals,
    meetings,
    membership,
    open_list,
    participation,
    recording,
    referrals,
    sharing,
    team,
)
from sharedplan.care.review.rule import Rule
from sharedplan.care.review.view import View
from sharedplan.care.situation import Situation

THEMES: tuple[ModuleType, ...] = (
    *(family, participation, goals, team, membership, meetings, referrals),
    *(assessments, clocks, open_list, feedback, consents, sharing, recording),
)


def order(id: str) -> tuple[int, int]:
    """Where the rule of that id stands: by model, then by number; `one-plan` before all."""
    model, _, number = id.removeprefix("R").partition(".")
    return (int(model), int(number)) if number else (-1, 0)


def _rules() -> Mapping[str, Rule]:
    found = {each.id: each for theme in THEMES for each in vars(theme).values() if isinstance(each, Rule)}
    return {id: found[id] for id in sorted(found, key=order)}


RULES = _rules()
"""Every rule by its id, in their order."""

ALWAYS = frozenset({"R2.1", "R3.9", "R3.15", "R3.17", "R4.4"})
"""The rules that are told of every shared plan, whatever its model lists."""


def findings(view: View) -> list[Finding]:
    """What each rule of the model has to say of the plan, in the order of the rules' ids; without a model, each of
    those that hold for every plan; and of every plan those that are always told. A plan that is not the shared one is
    told to be none, and nothing else."""
    situation, model = view.situation, view.model
    plan = situation.care_plan
    if plan is None or not codes.has(plan.get("category"), codes.PLAN, "shared-plan"):
        return [NOT_SHARED]
    held = (model.rules if model is not None else GENERAL) | ALWAYS
    return [*_cut(situation), *(each for id, rule in RULES.items() if id in held for each in rule.findings(view))]


def _cut(situation: Situation) -> Iterator[Finding]:
    """A warning first when not all of the client's data was looked at."""
    if situation.is_cut:
        yield Finding("one-plan", "warning", TOO_MUCH, code="too-costly")


TOO_MUCH = (
    "Asiakkaalla on enemmän tietoja kuin tarkistuksessa voitiin katsoa, joten se voi olla puutteellinen.",
    "Klienten har fler uppgifter än granskningen kunde omfatta, så den kan vara bristfällig.",
    "The client has more data than the review could look at, so it may be incomplete.",
)
NOT_SHARED = Finding(
    "one-plan",
    "information",
    (
        "Tämä ei ole asiakkaan yhteinen suunnitelma (luokka shared-plan puuttuu), joten palvelumallien säännöt eivät "
        "koske sitä.",
        "Detta är inte klientens gemensamma plan (kategorin shared-plan saknas), så servicemodellernas regler gäller "
        "inte den.",
        "This is not the client's shared plan (it lacks the category shared-plan), so the rules of the service models "
        "do not hold for it.",
    ),
    at="CarePlan.category",
    code="informational",
)
