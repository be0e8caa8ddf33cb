"""What a condition asks by a value set, a code's place or a resource's place in a hierarchy, put into plain codes and
references, with what the asker may see.

https://hl7.org/fhir/R4/search.html#token, https://hl7.org/fhir/R4/search.html#hierarchy

Most conditions hold nothing of the kind and come back as they are, without a question to the store.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sharedplan.errors import Incorrect, Issue
from sharedplan.fhir import json_text
from sharedplan.interactions.acting import Acting
from sharedplan.search import code_systems, terminology
from sharedplan.search import expression as e
from sharedplan.search.code_systems import CodeSystem
from sharedplan.search.filters import hierarchy
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.terminology import Terminology
from sharedplan.search.values.entry import capped

MOST_DEFINITIONS = 200
"""ValueSets and CodeSystems that the conditions of one request may need, all versions counted."""

MOST_RELATED = 5_000
"""Resources that may lie above or below one."""

MOST_LEVELS = 20
"""Levels of a hierarchy that are walked."""

Unsettled = e.Coded | e.Related

_LOOKED_INTO = frozenset({e.And, e.Or, e.Not, e.Chained, e.ReferredBy, e.Coded, e.Related})


def is_settled(expression: e.Expression) -> bool:
    """Whether the condition has nothing of the kind in it."""
    if expression.__class__ not in _LOOKED_INTO:
        return True
    unsettled: dict[Unsettled, None] = {}
    _collect(expression, unsettled)
    return not unsettled


async def settled(expression: e.Expression, acting: Acting) -> e.Expression:
    """The condition without Coded and Related. Raises Incorrect for what is not known, or comes to too much."""
    return (await all_settled((expression,), acting))[0]


async def all_settled(expressions: Sequence[e.Expression], acting: Acting) -> list[e.Expression]:
    """The same of several conditions, with one look at what they share."""
    unsettled: dict[Unsettled, None] = {}
    for each in expressions:
        _collect(each, unsettled)
    if not unsettled:
        return list(expressions)
    coded = [each for each in unsettled if isinstance(each, e.Coded)]
    known = await _loaded(coded, acting) if coded else Terminology({}, {})
    plain: dict[Unsettled, e.Expression] = {}
    walked: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for each in unsettled:
        if isinstance(each, e.Coded):
            codes = known.members(each.code) if each.system is None else known.related(*_of(each))
            plain[each] = terminology.condition(each.parameter, codes)
            continue
        way = (each.relation, each.type, each.id)
        if way not in walked:
            walked[way] = await _family(each, acting)
        plain[each] = e.RefersTo(each.parameter, walked[way])
    return [_replaced(each, plain) for each in expressions]


def _of(asked: e.Coded) -> tuple[str, str, str]:
    return asked.relation, str(asked.system), asked.code


def _collect(expression: e.Expression, found: dict[Unsettled, None]) -> None:
    if expression.__class__ not in _LOOKED_INTO:
        return
    if isinstance(expression, (e.And, e.Or)):
        for part in expression.parts:
            _collect(part, found)
    elif isinstance(expression, e.Not):
        _collect(expression.part, found)
    elif isinstance(expression, (e.Chained, e.ReferredBy)):
        _collect(expression.where, found)
    elif isinstance(expression, (e.Coded, e.Related)):
        found[expression] = None


def _replaced(expression: e.Expression, plain: Mapping[Unsettled, e.Expression]) -> e.Expression:
    match expression:
        case e.And(parts):
            return e.And(tuple(_replaced(part, plain) for part in parts))
        case e.Or(parts):
            return e.Or(tuple(_replaced(part, plain) for part in parts))
        case e.Not(part):
            return e.Not(_replaced(part, plain))
        case e.Chained(parameter, type, where):
            return e.Chained(parameter, type, _replaced(where, plain))
        case e.ReferredBy(parameter, where):
            return e.ReferredBy(parameter, _replaced(where, plain))
        case e.Coded() | e.Related():
            return plain[expression]
    return expression


async def _loaded(asked: Iterable[e.Coded], acting: Acting) -> Terminology:
    """What the conditions name, and what that is made of in turn, as far as it is there and may be seen."""
    value_sets: dict[str, Any] = {}
    systems: dict[str, CodeSystem] = {}
    wanted = {each.code for each in asked if each.system is None}
    wanted_systems = {each.system for each in asked if each.system is not None}
    looked_for: set[str] = set()
    room = MOST_DEFINITIONS
    for _ in range(terminology.MOST_DEPTH):
        if not wanted:
            break
        looked_for |= wanted
        texts, room = await _definitions("ValueSet", wanted, acting, room)
        resources = [_value_set(text) for text in texts]
        found = {name: each for name in wanted if (each := _meant("ValueSet", name, resources)) is not None}
        value_sets |= found
        needs = [terminology.needs(each) for each in found.values()]
        wanted = {name for each in needs for name in each.value_sets} - looked_for
        wanted_systems |= {name for each in needs for name in each.code_systems}
    if wanted_systems:
        texts, room = await _definitions("CodeSystem", wanted_systems, acting, room)
        read = [_code_system(text) for text in texts]
        for name in wanted_systems:
            meant = terminology.newest([head for head, _ in read], name)
            if (system := next((each for head, each in read if head is meant), None)) is not None:
                systems[name] = system
    return Terminology(value_sets, systems)


def _meant(type: str, name: str, resources: Sequence[Any]) -> Any | None:
    """The resource that a reference "ValueSet/id" or a canonical means; None when it is not among them."""
    if name.startswith(f"{type}/"):
        return next((each for each in resources if f"{type}/{each['id']}" == name), None)
    return terminology.newest(resources, name)


@lru_cache(maxsize=16)
def _value_set(text: str) -> Any:
    return json_text.read(text)


@lru_cache(maxsize=8)
def _code_system(text: str) -> tuple[Mapping[str, Any], CodeSystem | None]:
    """The resource without its concepts, and what it tells; kept, for a large one takes longer to read than a search
    takes (9,000 concepts: 0.14 s)."""
    resource = json_text.read(text)
    return {name: value for name, value in resource.items() if name != "concept"}, code_systems.read(resource)


async def _definitions(type: str, names: Iterable[str], acting: Acting, room: int) -> tuple[list[str], int]:
    """The texts of the resources that the names may mean, in all their versions, and how many more there may be.

    Raises Incorrect when they are more than that.
    """
    ids = sorted(name.removeprefix(f"{type}/") for name in names if name.startswith(f"{type}/"))
    urls = sorted({capped(name.partition("|")[0]) for name in names if not name.startswith(f"{type}/")})
    where = e.Or((e.HasId(tuple(ids)), e.HasEntry(PARAMETERS[type]["url"], tuple(urls))))
    found = await acting.unit.living(type, where, within=acting.within, limit=room) if room > 0 else None
    if found is None or found.is_cut:
        raise _too_costly(f"more than {MOST_DEFINITIONS} ValueSets and CodeSystems are asked for, or very large ones")
    return [str(each.content) for each in found.versions], room - len(found.versions)


async def _family(asked: e.Related, acting: Acting) -> tuple[str, ...]:
    """The resource itself and all above or below it, as references; each once, so circles do no harm."""
    type, parameter = asked.type, hierarchy(asked.type)
    assert parameter is not None  # `filters` asks of no other type
    family = {asked.id: None}
    level = [asked.id]
    for _ in range(MOST_LEVELS):
        if asked.relation == "below":
            where: e.Expression = e.RefersTo(parameter, tuple(f"{type}/{id}" for id in level))
        else:
            where = e.ReferredBy(parameter, e.HasId(tuple(level)))
        found = await acting.unit.matching(type, where, within=acting.within, limit=MOST_RELATED + 1)
        level = sorted({id for id, _ in found} - family.keys())
        family |= dict.fromkeys(level)
        if len(family) > MOST_RELATED:
            raise _too_costly(f"more than {MOST_RELATED:,} resources lie {asked.relation} {type}/{asked.id}")
        if not level:
            return tuple(f"{type}/{id}" for id in family)
    raise _too_costly(f"more than {MOST_LEVELS} levels lie {asked.relation} {type}/{asked.id}")


def _too_costly(saying: str) -> Incorrect:
    return Incorrect(saying, issues=(Issue("too-costly", saying),))
