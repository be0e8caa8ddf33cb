"""What a question tells by its form of how many rows meet it; pure.

By it a search is led, and what is to be asked of each row that is found: `compile.leading`, `extents.py`.
"""

from sharedplan.search import expression as e

ANCHORS = frozenset({"identifier", "url"})
"""Parameters that few resources have the same value of."""

FEW = frozenset({("Provenance", "target"), ("Provenance", "patient")})
"""References that many resources hold several of, and few the same."""

OF_ONE = frozenset({"patient", "subject"})
"""References that few resources hold the same of, whatever they are; of many others an organisation may be named."""


def is_anchor(expression: e.Expression, *, within: bool = False, surely: bool = False) -> bool:
    """Whether it leaves few rows: those of one client, with one identifier, or named by their ids; these are shared by
    many of those that are contained `within` others. `surely`: whatever others keep; else that all refer to one thing
    is enough."""
    match expression:
        case e.HasId():
            return not within
        case e.InCompartment() | e.OfClient() | e.ToldOf():
            return True
        case e.RefersTo(parameter):
            is_of_one = parameter.is_scalar and (not surely or parameter.column in OF_ONE)
            return is_of_one or (parameter.resource, parameter.code) in FEW
        case e.HasToken(parameter, _, code):
            return parameter.code in ANCHORS and code is not None
        case e.And(parts):
            return any(is_anchor(part, within=within, surely=surely) for part in parts)
        case e.Or(parts):
            return bool(parts) and all(is_anchor(part, within=within, surely=surely) for part in parts)
    return False


def is_broad(expression: e.Expression) -> bool:
    """Whether many of all rows may well meet it: all with some code, or before or after some time."""
    match expression:
        case e.Everything() | e.Missing():
            return True
        case e.HasToken(parameter) | e.HasEntry(parameter):
            return parameter.type == "token" and parameter.code not in ANCHORS
        case e.InTime(_, prefix):
            return prefix not in ("eq", "ap")
        case e.And(parts):
            return all(map(is_broad, parts))
        case e.Or(parts):
            return any(map(is_broad, parts))
        case e.Not():
            return True
    return False


def client_of(expression: e.Expression) -> str | None:
    """The one client that all rows which meet the expression are of; None where it does not say so outright."""
    match expression:
        case e.RefersTo(parameter, (reference,)) if parameter.is_scalar and parameter.column == "patient":
            return reference
        case e.And(parts):
            return next((found for part in parts if (found := client_of(part)) is not None), None)
    return None
