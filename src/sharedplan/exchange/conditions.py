"""What the conditions of a transaction select: those of its entries, and the conditional references within them.

A condition is asked of the store as it is after the deletions, a conditional reference as it is after all changes: what
the transaction itself creates can be referred to by its identifier, too. https://hl7.org/fhir/R4/http.html#trules
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Issue, ManyMatches, NotFound, SharedplanError, VersionMismatch
from sharedplan.exchange.entries import named
from sharedplan.exchange.part import Part
from sharedplan.fhir import references, resources
from sharedplan.interactions import create, patch, update
from sharedplan.interactions.criteria import Criteria, condition_of, from_text, matches_of, only_match, ready
from sharedplan.search.indexing import index_values
from sharedplan.search.matching import matches

Values = Mapping[str, Any]


async def with_targets(parts: list[Part]) -> list[Part]:
    """The parts, in the order of processing, with the resources that they change.

    All conditions are locked first, in one order for all transactions, so that two cannot wait for each other.
    Raises a SharedplanError that names the entry.
    """
    parts = [await _with_condition(part) for part in parts]
    conditions = {(each.type, each.key): part for part in parts if (each := part.condition) is not None}
    for type, key in sorted(conditions):
        await conditions[type, key].acting.unit.lock_criteria(type, key)
    ready: list[Part] = []
    made: dict[tuple[str, str], Part] = {}
    for part in parts:
        try:
            ready.append(await _with_target(part, ready, made))
        except SharedplanError as failure:
            raise named(failure, part.number) from failure
    return ready


async def _with_condition(part: Part) -> Part:
    if not part.is_change:
        return part
    try:
        return replace(part, condition=await condition_of(part.asked, part.acting))
    except SharedplanError as failure:
        raise named(failure, part.number) from failure


async def _with_target(part: Part, before: list[Part], made: dict[tuple[str, str], Part]) -> Part:
    """The part with its target; `before` are those that are processed earlier, `made` what conditions create."""
    asked, condition, found = part.asked, part.condition, None
    if not part.is_change:
        return part
    if condition is not None:
        gone = {each.id for each in before if each.asked.interaction == "delete" and each.type == part.type and each.id}
        found = await only_match(condition, part.acting, without=gone)
    match asked.interaction:
        case "create":
            existing = await create.there(asked, found, part.acting)
            if existing is not None:
                return replace(part, found=found, existing=existing)
            _check_alone(part, made)
            return replace(part, id=part.acting.clock.new_id())
        case "update":
            if found is None:
                _check_alone(part, made)
            return replace(part, found=found, id=update.target(asked, part.acting, found))
        case "patch":
            return replace(part, found=found, id=patch.target(asked, found))
    return replace(part, found=found, id=asked.id or found)


def _check_alone(part: Part, made: dict[tuple[str, str], Part]) -> None:
    """That no other entry creates by the same condition, which selects nothing yet. Raises Incorrect, naming it."""
    if part.condition is None:
        return
    twin = made.setdefault((part.type, part.condition.key), part)
    if twin is not part:
        raise Incorrect(f"the condition is that of entry {twin.number}, too")


async def resolved(parts: list[Part], texts: Mapping[int, Sequence[tuple[str, str]]]) -> dict[str, str]:
    """Conditional references → "Type/id", each asked once; `texts` are the (path, text) of an entry's references.

    Raises VersionMismatch or ManyMatches, with an issue for each reference that does not select one resource.
    """
    targets: dict[str, str] = {}
    written: dict[int, Values] = {}
    issues: list[Issue] = []
    many = False
    for part in parts:
        for path, text in texts.get(part.number, ()):
            if "?" not in text or text in targets or references.parse(text).kind != "conditional":
                continue
            try:
                targets[text] = await _selected(text, part, parts, written)
            except SharedplanError as failure:
                many = many or isinstance(failure, ManyMatches)
                at = f"{part.entry.at}.resource.{path.partition('.')[2]}.reference"
                issues += [Issue(each.code, f"entry {part.number}: {each.saying}", at) for each in failure.issues]
    if issues:
        raise (ManyMatches if many else VersionMismatch)(issues=issues)
    return targets


async def _selected(text: str, part: Part, parts: list[Part], written: dict[int, Values]) -> str:
    """What a conditional reference selects, after all changes of the transaction; `written` is kept between calls."""
    type = str(references.parse(text).type)
    if type not in CATALOGUE:
        raise NotFound(f"{text} cannot be looked up: {type} is not offered here")
    condition = await ready(from_text(type, text, base=part.asked.base), part.acting)
    touched = [each for each in parts if each.type == type and each.id is not None]
    rewritten = {each.id for each in touched if each.asked.interaction in ("create", "update", "delete") and each.id}
    here = [str(each.id) for each in touched if _meets(each, condition, written)]
    found = [*here, *await matches_of(condition, part.acting, without=rewritten)]
    if len(found) > 1:
        raise ManyMatches(f"{text} selects more than one {type}")
    if not found:
        raise NotFound(f"{text} selects no {type} that you can see")
    return f"{type}/{found[0]}"


def _meets(part: Part, condition: Criteria, written: dict[int, Values]) -> bool:
    """Whether the resource that the part writes meets the condition; `written` keeps index values by entry number."""
    if part.asked.interaction not in ("create", "update"):
        return False
    if part.number not in written:
        body = {**part.asked.body, "id": part.id}
        resources.check(part.type, body, in_transaction=True)
        written[part.number] = index_values(part.type, body, base=part.asked.base)
    return matches(condition.where, part.type, str(part.id), written[part.number])
