"""An Expression tested in memory, against index values; says what `store/compile.py`'s SQL says."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sharedplan.search import expression as e
from sharedplan.search.parameters import COMPARTMENTS, OWN_COLUMNS, PARAMETERS, Parameter
from sharedplan.search.values import date, reference, string, token, uri


def matches(
    expression: e.Expression, type: str, id: str, values: Mapping[str, Any], *, last_updated: datetime | None = None
) -> bool:
    """Whether a resource of that type and id, with these index values (`indexing.index_values`), meets the expression.

    `last_updated` is UTC; None for a resource that is yet to be stored, which will be later than all that are.
    """

    def test(part: e.Expression) -> bool:
        match part:
            case e.Everything():
                return True
            case e.Nothing():
                return False
            case e.And(parts):
                return all(test(each) for each in parts)
            case e.Or(parts):
                return any(test(each) for each in parts)
            case e.Not(negated):
                return not test(negated)
            case e.HasId(ids):
                return id in ids
            case e.Updated(since, until):
                if last_updated is None:
                    return until is None
                return (since is None or since <= last_updated) and (until is None or last_updated < until)
            case e.InCompartment():
                return test(members(part, type))
            case e.Missing(parameter):
                return parameter.code not in OWN_COLUMNS and values[parameter.column] is None
            case e.HasToken(parameter):
                return token.holds(part, _found(parameter, values))
            case e.RefersTo(parameter):
                return reference.holds(part, _found(parameter, values))
            case e.InTime(parameter):
                return date.holds(part, _found(parameter, values))
            case e.HasText(parameter):
                return string.holds(part, _found(parameter, values))
            case e.HasUri(parameter):
                return uri.holds(part, _found(parameter, values))
        raise TypeError(f"no way to test {part!r} in memory")

    return test(expression)


def _found(parameter: Parameter, values: Mapping[str, Any]) -> list[Any]:
    """The parameter's values as a list, whether its column is scalar or an array."""
    value = values[parameter.column]
    if value is None:
        return []
    return [value] if parameter.is_scalar else value


def members(compartment: e.InCompartment, type: str) -> e.Expression:
    """What puts a resource of that type into the compartment, in simpler expressions."""
    codes = COMPARTMENTS.get(compartment.compartment, {}).get(type, ())
    target = (f"{compartment.compartment}/{compartment.id}",)
    ways: list[e.Expression] = [e.RefersTo(PARAMETERS[type][code], target) for code in codes]
    if type == compartment.compartment:
        ways.append(e.HasId((compartment.id,)))
    return e.Or(tuple(ways)) if ways else e.Nothing()
