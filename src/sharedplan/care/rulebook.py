"""All rules of the care models, by resource type, and how they are applied."""

from collections.abc import Iterator, Mapping
from types import ModuleType

from sharedplan.care import consent, goal, parameter, plan, task, team
from sharedplan.care.rule import Rule
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json

MODELS = (plan, team, goal, task, consent, parameter)


def rules_of(model: ModuleType) -> Iterator[Rule]:
    """The rules that a module defines, in its order."""
    return (value for value in vars(model).values() if isinstance(value, Rule))


def _by_type() -> Mapping[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for model in MODELS:
        for one in rules_of(model):
            found[one.type] = (*found.get(one.type, ()), one)
    return found


RULES = _by_type()


def issues(type: str, interaction: str, current: Json | None, proposed: Json | None) -> list[Issue]:
    """What the rules say of an interaction (create, update, patch, delete) with a resource.

    `current` is what is stored, None when nothing living is; `proposed` what would be, None for a deletion. Both have
    passed validation, so the rules may rely on types and cardinalities.
    """
    return [
        issue
        for one in RULES.get(type, ())
        if one.applies(interaction, current)
        for issue in one.check(current, proposed)
    ]
