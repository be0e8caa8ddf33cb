"""SMART scopes, version 2: which interactions on which types a token allows; pure.

`user/CarePlan.rs` is context, type and letters in the order c r u d s. Version 1 (`.read`, `.write`, `.*`) and letters
out of order are not guessed at. A limit (`?category=…`) that is not understood is refused whole, for half of a limit is
none.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sharedplan.access import limits
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

LETTERS = "cruds"

NOT_ABOUT_RESOURCES = frozenset({"openid", "fhirUser", "profile", "launch", "offline_access", "online_access"})

_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]{0,63})\.(?=[cruds])(c?r?u?d?s?)(?:\?(.+))?")


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope: on whose behalf, of which type ("*" for all), with which letters, and within which limit."""

    context: str
    type: str
    letters: frozenset[str]
    limit: limits.Pairs = ()

    def covers(self, type: str, letter: str) -> bool:
        return letter in self.letters and self.type in ("*", type)

    def includes(self, other: "Scope") -> bool:
        """Whether this one allows all that the other does."""
        return (
            self.context == other.context
            and self.type in ("*", other.type)
            and self.letters >= other.letters
            and set(self.limit) <= set(other.limit)
        )

    def __str__(self) -> str:
        letters = "".join(letter for letter in LETTERS if letter in self.letters)
        return f"{self.context}/{self.type}.{letters}{limits.text(self.limit)}"


def parse(text: str) -> tuple[Scope, ...]:
    """The scopes of a token's `scope` claim; those that say nothing of resources are left out.

    Raises Unauthenticated for a form that is unknown and for a limit that is not taken, naming it.
    """
    scopes: list[Scope] = []
    for word in text.split():
        if word in NOT_ABOUT_RESOURCES or word.startswith("launch/"):
            continue
        found = _SCOPE.fullmatch(word)
        if found is None:
            raise Unauthenticated(f"a scope is not of the SMART v2 form context/Type.cruds: {word[:100]!r}")
        limit = limits.parse(found[2], found[4]) if found[4] is not None else ()
        scope = Scope(found[1], found[2], frozenset(found[3]), limit)
        if scope not in scopes:
            scopes.append(scope)
    return tuple(scopes)


def common(asked: Iterable[Scope], allowed: Iterable[Scope]) -> tuple[Scope, ...]:
    """What is both asked and allowed, under the limits of both; nothing twice."""
    found: list[Scope] = []
    allowed = tuple(allowed)
    for one in asked:
        for other in allowed:
            letters = one.letters & other.letters
            if one.context == other.context and letters and ("*" in (one.type, other.type) or one.type == other.type):
                type = other.type if one.type == "*" else one.type
                found.append(Scope(one.context, type, letters, tuple(dict.fromkeys(one.limit + other.limit))))
    kept: list[Scope] = []
    for scope in found:
        if not any(each.includes(scope) for each in kept):
            kept = [each for each in kept if not scope.includes(each)] + [scope]
    return tuple(kept)


def contexts(scopes: Iterable[Scope], type: str, letters: str) -> frozenset[str]:
    """On whose behalf (patient, user, system) any of the letters is allowed for the type; empty: it is not."""
    return frozenset(scope.context for scope in scopes for letter in letters if scope.covers(type, letter))


def allows(scopes: Iterable[Scope], type: str, interaction: str) -> bool:
    """Whether some scope allows the interaction on the type."""
    letter = LETTER_OF.get(interaction)
    return letter is not None and any(scope.covers(type, letter) for scope in scopes)
