"""Limits of SMART scopes: `?category=…|assess-plan&status=active`, search parameters that narrow what a scope opens.

A limit is part of the slice, so it holds on every path by which a resource may leave or be written. Only what can be
told from the resource alone is taken: modifiers, chains and `_filter` are experimental in the standard, and words and
lists cannot be told of what is yet to be written.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, unquote

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Unauthenticated
from sharedplan.search import controls
from sharedplan.search.expression import And, Everything, Expression, Nothing, Or
from sharedplan.search.filters import Asking, filter
from sharedplan.search.parameters import OF_THE_TEXT

Pairs = tuple[tuple[str, str], ...]
"""Search parameters with their values, decoded; all of them must hold."""

MOST_PAIRS = 10

_CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,63}")
_NOT_TAKEN = frozenset({*controls.NAMES, *OF_THE_TEXT, "_filter", "_list", "_has", "_query", "_include", "_revinclude"})
_PLAIN = ":/|,$-._~!*'()@"
"""What may stand in a scope as it is; a quotation mark, a backslash and a space may not."""


def parse(type: str, text: str) -> Pairs:
    """The limit after a scope's question mark; `type` is the scope's, "*" for all.

    Raises Unauthenticated for what is not taken, naming the parameter.
    """
    pairs = []
    for part in text.split("&"):
        name, _, value = (unquote(each, errors="replace") for each in part.partition("="))
        if not _CODE.fullmatch(name):
            raise Unauthenticated(f"a scope's limit is parameter=value, without modifiers and chains: {name[:60]!r}")
        if name in _NOT_TAKEN:
            raise Unauthenticated(f"{name} cannot limit a scope")
        if not value or "\x00" in value or "\ufffd" in value:
            raise Unauthenticated(f"a scope's limit has no value for {name}")
        pairs.append((name, value))
    if len(pairs) > MOST_PAIRS:
        raise Unauthenticated(f"a scope takes at most {MOST_PAIRS} parameters as its limit")
    for each in CATALOGUE if type == "*" else [type] if type in CATALOGUE else []:
        try:
            demanded(each, pairs)
        except Incorrect as failure:
            raise Unauthenticated(f"a scope's limit cannot be read: {failure}") from failure
    return tuple(pairs)


def text(pairs: Pairs) -> str:
    """The limit as it stands in a scope, with its question mark; empty when there is none."""
    return "?" + "&".join(f"{name}={quote(value, safe=_PLAIN)}" for name, value in pairs) if pairs else ""


def demanded(type: str, pairs: Sequence[tuple[str, str]]) -> Expression:
    """What a limit demands of the resources of a type. Raises Incorrect."""
    parts = tuple(filter(type, name, value, Asking()) for name, value in pairs)
    return parts[0] if len(parts) == 1 else And(parts) if parts else Everything()


def of_contained(type: str, limits: Iterable[Pairs]) -> Expression:
    """What the limits demand of a contained resource of the type, by itself. Where one names an id, it means a resource
    that stands for itself."""
    found = tuple(dict.fromkeys(pairs for pairs in limits if not any(name == "_id" for name, _ in pairs)))
    return within(Everything(), type, found) if found else Nothing()


def within(slice: Expression, type: str, limits: Iterable[Pairs]) -> Expression:
    """The slice of a type under the limits of the scopes that open it: any of them is enough, and one without a limit
    opens all of it."""
    found = tuple(dict.fromkeys(limits))
    if isinstance(slice, Nothing) or not all(found):
        return slice
    opened = [demanded(type, pairs) for pairs in found]
    limit = opened[0] if len(opened) == 1 else Or(tuple(opened))
    return limit if isinstance(slice, Everything) else And((slice, limit))
