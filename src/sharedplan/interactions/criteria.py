"""Criteria of conditional interactions: a search that must select one resource, and never widens.

https://hl7.org/fhir/R4/http.html#ccreate, https://hl7.org/fhir/R4/http.html#cond-update

An unknown parameter, one without a value, or none at all refuses the request, whatever `Prefer: handling` says: a
condition that is not understood must not select more than was meant.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from sharedplan.errors import Incorrect, ManyMatches
from sharedplan.fhir.exchanges import Asked
from sharedplan.fhir.json_text import write
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.settling import settled
from sharedplan.search import controls, filter_language
from sharedplan.search.expression import And, Expression, HasId
from sharedplan.search.includes import is_include
from sharedplan.search.parse import parse
from sharedplan.store.engine import RetryableConflict

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Criteria:
    """A condition on one type; `key` is the same for every order of the same pairs."""

    type: str
    where: Expression
    key: str


def criteria(type: str, pairs: Pairs, *, base: str) -> Criteria:
    """The condition that the pairs say; `base` is this server's address.

    Raises Incorrect when it does not surely select.
    """
    if not pairs:
        raise Incorrect(f"a condition on {type} needs at least one search parameter")
    for name, value in pairs:
        if name in controls.NAMES or is_include(name):
            raise Incorrect(f"a condition holds parameters that select, and {name} does not")
        if not value.strip():
            raise Incorrect(f"the condition's parameter {name} has no value")
    query = parse(type, pairs, base=base)
    if len(query.understood) != len(pairs):
        raise Incorrect("a condition holds parameters that select, and no others")
    return Criteria(type, query.where, write(sorted({(name, _values(name, value)) for name, value in pairs})))


def _values(name: str, text: str) -> str:
    """A parameter's alternatives in one order and once each, so that their spelling makes no other condition."""
    return text if "\\" in text or name == filter_language.NAME else ",".join(sorted(set(text.split(","))))


def from_text(type: str, text: str, *, base: str) -> Criteria:
    """The condition of an If-None-Exist or a conditional reference, still encoded; "Type?" may stand before it. Raises
    as `criteria` does."""
    query = text.removeprefix(f"{base}/").removeprefix(type).removeprefix("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:  # two that are none would else be one
        raise Incorrect("the condition is not UTF-8 in percent-encoding") from None
    return criteria(type, pairs, base=base)


async def ready(condition: Criteria, acting: Acting) -> Criteria:
    """The condition as it is asked of the store; its key stays that of what was sent. Raises Incorrect."""
    return replace(condition, where=await settled(condition.where, acting))


async def condition_of(asked: Asked, acting: Acting) -> Criteria | None:
    """The condition that a write selects its resource by, ready to be asked; None when it names it, or creates it in
    any case.

    Raises Incorrect.
    """
    condition = _sent(asked)
    return await ready(condition, acting) if condition is not None else None


def _sent(asked: Asked) -> Criteria | None:
    type = str(asked.type)
    if asked.interaction == "create":
        return None if asked.if_none_exist is None else from_text(type, asked.if_none_exist, base=asked.base)
    return None if asked.id is not None else criteria(type, asked.parameters, base=asked.base)


async def locked_match(condition: Criteria, acting: Acting) -> str | None:
    """The id of the one visible resource that the condition selects; None when there is none.

    Locks the condition first, so of several requests with the same one, the later see what the first made of it.
    Raises ManyMatches.
    """
    await acting.unit.lock_criteria(condition.type, condition.key)
    return await only_match(condition, acting)


async def check_still_selected(condition: Criteria | None, id: str | None, acting: Acting) -> None:
    """To be asked once what a condition selected is locked: it may have changed between the two.

    Raises RetryableConflict when the condition no longer selects it.
    """
    if condition is None or id is None:
        return
    where = And((condition.where, HasId((id,))))
    if not await acting.unit.matching(condition.type, where, within=acting.within, limit=1):
        raise RetryableConflict(f"the {condition.type} that met the condition has changed meanwhile")


async def only_match(condition: Criteria, acting: Acting, *, without: Set[str] = frozenset()) -> str | None:
    """The same for a condition that is locked already; `without` are ids that are about to be deleted."""
    ids = await matches_of(condition, acting, without=without)
    if len(ids) > 1:
        raise ManyMatches(f"the condition selects more than one {condition.type}")
    return ids[0] if ids else None


async def matches_of(condition: Criteria, acting: Acting, *, without: Set[str] = frozenset()) -> list[str]:
    """The ids of visible resources that the condition selects, at most two of them, leaving some out."""
    type = condition.type
    limit = 2 + len(without)
    found = await acting.unit.matching(type, condition.where, within=acting.within, limit=limit)
    return [id for id, _ in found if id not in without][:2]
