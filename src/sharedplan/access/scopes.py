"""SMART scopes, version 2: which interactions on which types a token allows; pure.

`user/CarePlan.rs` is context, type and letters in the order c r u d s. Version 1 (`.read`, `.write`, `.*`) and letters
out of order are not guessed at. A limit (`?category=…`) is refused whole, for half of a limit is none.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sharedplan.errors import Unauthenticated

LETTER_OF = {
    "create": "c",
    "read": "r",
    "vread": "r",
    "history-instance": "r",
    "update": "u",
    "patch": "u",
    "delete": "d",
    "search-type": "s",
    "search-system": "s",
    "history-type": "s",
    "history-system": "s",
}

NOT_ABOUT_RESOURCES = frozenset({"openid", "fhirUser", "profile", "launch", "offline_access", "online_access"})

_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]{0,63})\.(?=[cruds])(c?r?u?d?s?)")


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope: on whose behalf, of which type ("*" for all), with which letters."""

    context: str
    type: str
    letters: frozenset[str]

    def covers(self, type: str, letter: str) -> bool:
        return letter in self.letters and self.type in ("*", type)


def parse(text: str) -> tuple[Scope, ...]:
    """The scopes of a token's `scope` claim; those that say nothing of resources are left out.

    Raises Unauthenticated for a form that is unknown or that carries a limit, naming it.
    """
    scopes: list[Scope] = []
    for word in text.split():
        if word in NOT_ABOUT_RESOURCES or word.startswith("launch/"):
            continue
        if "?" in word:
            raise Unauthenticated("a scope with a search-parameter limit is not taken by this service")
        found = _SCOPE.fullmatch(word)
        if found is None:
            raise Unauthenticated(f"a scope is not of the SMART v2 form context/Type.cruds: {word[:100]!r}")
        scope = Scope(found[1], found[2], frozenset(found[3]))
        if scope not in scopes:
            scopes.append(scope)
    return tuple(scopes)


def contexts(scopes: Iterable[Scope], type: str, letters: str) -> frozenset[str]:
    """On whose behalf (patient, user, system) any of the letters is allowed for the type; empty: it is not."""
    return frozenset(scope.context for scope in scopes for letter in letters if scope.covers(type, letter))


def allows(scopes: Iterable[Scope], type: str, interaction: str) -> bool:
    """Whether some scope allows the interaction on the type."""
    letter = LETTER_OF.get(interaction)
    return letter is not None and any(scope.covers(type, letter) for scope in scopes)
