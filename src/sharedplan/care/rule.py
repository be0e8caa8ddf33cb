"""A rule: one sentence on what a good resource is, checked when it is written. Registers nothing by import."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json

Check = Callable[[Json | None, Json | None], Iterable[Issue]]
"""From what is stored (None: nothing living) and what is proposed (None: a deletion) to the issues found."""

CREATES = frozenset({"create", "update", "patch"})
"""Interactions that may make a resource; an update does when there was none."""

OCCASIONS = {
    "write": CREATES,
    "create": CREATES,
    "update": frozenset({"update", "patch"}),
    "delete": frozenset({"delete"}),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with its resource type, its occasion and where it is written down; its name is a sentence."""

    type: str
    on: str
    source: str
    name: str
    check: Check

    def applies(self, interaction: str, current: Json | None) -> bool:
        """Whether the interaction is an occasion for the rule: "create" asks that nothing living was there, "update"
        that something was, "write" is both."""
        if interaction not in OCCASIONS[self.on]:
            return False
        return current is None if self.on == "create" else current is not None or self.on != "update"


def rule(type: str, *, on: str = "write", source: str) -> Callable[[Check], Rule]:
    """Makes a Rule of a function `(current, proposed)` that yields an Issue for each breach.

    `on`: write, create, update or delete. `source`: the page that says so.
    """
    if on not in OCCASIONS:
        raise ValueError(f"a rule applies on one of {', '.join(OCCASIONS)}, not on {on!r}")

    def made(check: Check) -> Rule:
        return Rule(type, on, source, check.__name__.replace("_", " "), check)

    return made
