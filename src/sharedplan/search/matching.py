"""An Expression tested in memory, against index values; says what `store/compile.py`'s SQL says."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sharedplan.errors import Incorrect
from sharedplan.search import expression as e
from sharedplan.search import masking
from sharedplan.search.parameters import COMPARTMENTS, PARAMETERS, Parameter
from sharedplan.search.values import date, lookup, number, position, reference, string, token, uri


class Known(NamedTuple):
    """One resource as it is tested: with its index values, and when it was last updated (UTC; None for one that is yet
    to be stored, which will be later than all that are), and the register that it is in. One that is contained in
    another has that as its `container`: it is as old, in the same compartments, and nothing outside refers to it."""

    type: str
    id: str
    values: Mapping[str, Any]
    last_updated: datetime | None = None
    controller: str | None = None
    container: "Known | None" = None


Judged = (
    e.Permitted
    | e.Addressed
    | e.Opened
    | e.OfOwnClients
    | e.OfTargets
    | e.TargetsWithin
    | e.WrittenBy
    | e.OfNoOthersSubscription
)
"""What is not said by the resource itself."""


class World(Protocol):
    """The other resources, for questions that go across them."""

    def of(self, type: str) -> Iterable[Known]:
        """The resources of that type which the asker may see."""

    def allows(self, asked: Judged, it: Known) -> bool:
        """What the register, the teams and the consents of the clients that it names say."""

    def masks(self, it: Known) -> bool:
        """Whether a safety ban takes something out of it for whoever asks."""


class _Alone:
    """No other resources are at hand."""

    def of(self, type: str) -> Iterable[Known]:
        raise Incorrect("a condition that goes across resources is not taken here")

    def allows(self, asked: Judged, it: Known) -> bool:
        raise Incorrect("what a client allows is not known here")

    def masks(self, it: Known) -> bool:
        return False


_ALONE = _Alone()


def matches(
    expression: e.Expression,
    type: str,
    id: str,
    values: Mapping[str, Any],
    *,
    last_updated: datetime | None = None,
    controller: str | None = None,
    container: Known | None = None,
    world: World = _ALONE,
) -> bool:
    """Whether a resource of that type and id, with these index values (`indexing.index_values`), meets the expression.

    Raises Incorrect for what only the database can tell: words, and without a `world` what goes across resources.
    """
    return _meets(expression, Known(type, id, values, last_updated, controller, container), world)


def _meets(expression: e.Expression, it: Known, world: World) -> bool:
    if masking.of_masked(expression) and world.masks(it.container or it):
        if isinstance(expression, e.RefersTo):
            return _has(masking.without_places(expression), it.values)
        return isinstance(expression, e.Missing)
    match expression:
        case e.Everything():
            return True
        case e.Nothing():
            return False
        case e.And(parts):
            return all(_meets(each, it, world) for each in parts)
        case e.Or(parts):
            return any(_meets(each, it, world) for each in parts)
        case e.Not(negated):
            return not _meets(negated, it, world)
        case e.HasId(ids):
            return it.id in ids
        case e.Updated() | e.InCompartment() if it.container is not None:
            return _meets(expression, it.container, world)
        case e.Updated(since, until):
            if it.last_updated is None:
                return until is None
            return (since is None or since <= it.last_updated) and (until is None or it.last_updated < until)
        case e.InCompartment():
            return _meets(members(expression, it.type), it, world)
        case e.OfRegister(organization):
            return it.controller == organization
        case e.OfClient(client):
            return set(clients(it)) == {client}
        case e.ToldOf(client):
            return client in clients(it)
        case e.Permitted() | e.Opened() | e.OfOwnClients() | e.OfTargets() | e.TargetsWithin():
            return world.allows(expression, it)
        case e.Addressed() | e.WrittenBy() | e.OfNoOthersSubscription():
            return world.allows(expression, it)
        case e.Missing(parameter):
            return parameter.column not in ("id", "last_updated") and is_missing(parameter, it.values)
        case e.Chained(parameter, type, where):
            named = set(_found(parameter, it.values))
            return any(
                named.intersection(names(each, parameter)) and _meets(where, each, world) for each in world.of(type)
            )
        case e.ReferredBy() if it.container is not None:
            return False
        case e.ReferredBy(parameter, where):
            mine = set(names(it, parameter))
            return any(
                mine.intersection(_found(parameter, each.values)) and _meets(where, each, world)
                for each in world.of(parameter.resource)
                if not (it.type == "Location" and masking.is_masked(parameter) and world.masks(each))
            )
    return _has(expression, it.values)


def _has(expression: e.Expression, values: Mapping[str, Any]) -> bool:
    """Whether a resource with these index values meets a condition on one of its parameters."""
    match expression:
        case e.HasToken(parameter):
            return token.holds(expression, _found(parameter, values))
        case e.HasEntry(parameter, entries):
            return not set(entries).isdisjoint(_found(parameter, values))
        case e.RefersTo(parameter):
            return reference.holds(expression, _found(parameter, values))
        case e.InTime(parameter):
            return date.holds(expression, _found(parameter, values), _keys(parameter, values))
        case e.InRange(parameter):
            return number.holds(expression, _found(parameter, values), _keys(parameter, values))
        case e.HasText(parameter):
            return string.holds(expression, _found(parameter, values))
        case e.Begins(_, starts):
            return lookup.begins(values["lookup"], starts)
        case e.Identified(parameter, entries):
            wanted = {lookup.identified(parameter.column, each) for each in entries}
            return not wanted.isdisjoint(values["lookup"] or ())
        case e.HasUri(parameter):
            return uri.holds(expression, _found(parameter, values))
        case e.Near(parameter, circle):
            return any(position.holds(circle, each) for each in _found(parameter, values))
        case e.HasWords(parameter):
            raise Incorrect(f"a condition by {parameter.code} is not taken here")
    raise TypeError(f"no way to test {expression!r} in memory")


def clients(it: Known) -> list[str]:
    """The clients that a resource is of, as references; the Patient is of himself."""
    if it.type == "Patient":
        return [f"Patient/{it.id}"]
    found = it.values.get("patient")
    return [found] if isinstance(found, str) else list(found or ())


def is_missing(parameter: Parameter, values: Mapping[str, Any]) -> bool:
    """Whether the parameter finds nothing; a reference that names its target by an identifier alone is something."""
    if parameter.type == "reference" and lookup.begins(values["lookup"], [lookup.identified(parameter.column, "")]):
        return False
    return _found(parameter, values) == []


def names(it: Known, parameter: Parameter) -> list[str]:
    """How that parameter's element names the resource: by its address, or a canonical by its url."""
    if parameter.is_canonical:
        return list(it.values.get("url") or ())
    return [f"{it.type}/{it.id}"]


def _found(parameter: Parameter, values: Mapping[str, Any]) -> list[Any]:
    """The parameter's values as a list, whether its column is scalar or an array."""
    if parameter.column in ("id", "last_updated"):
        return []
    value = values.get(parameter.column)
    if value is None:
        return []
    return value if value.__class__ is list else [value]


def _keys(parameter: Parameter, values: Mapping[str, Any]) -> list[str]:
    return (values[parameter.key_column] or []) if parameter.key_column is not None else []


def members(compartment: e.InCompartment, type: str) -> e.Expression:
    """What puts a resource of that type into the compartment, in simpler expressions."""
    codes = COMPARTMENTS.get(compartment.compartment, {}).get(type, ())
    target = (f"{compartment.compartment}/{compartment.id}",)
    ways: list[e.Expression] = [e.RefersTo(PARAMETERS[type][code], target) for code in codes]
    if type == compartment.compartment:
        ways.append(e.HasId((compartment.id,)))
    return e.Or(tuple(ways)) if ways else e.Nothing()
