"""The goals on the sheet: in the client's words, with his stance and the others', and differing views side by side."""

from collections.abc import Iterator
from dataclasses import dataclass

from sharedplan.care import codes
from sharedplan.care.sheet.reader import Reader
from sharedplan.care.sheet.words import ACHIEVEMENTS, LIFECYCLES, STANCES
from sharedplan.care.spoken import date_
from sharedplan.fhir.exchanges import Json

ACHIEVEMENT = "http://terminology.hl7.org/CodeSystem/goal-achievement"
_GONE = frozenset({"cancelled", "rejected", "entered-in-error"})
_DIFFERING = frozenset({"disagree", "pending"})


@dataclass(frozen=True, slots=True)
class Stance:
    """What somebody thinks of a goal. `code`: agree, disagree, pending, or none."""

    name: str
    code: str
    said: str


@dataclass(frozen=True, slots=True)
class View:
    """What somebody said of a goal, and when."""

    name: str | None
    date: str | None
    text: str


@dataclass(frozen=True, slots=True)
class GoalLine:
    """`proposed_by` is told where it was not the client. `differs`: the client or another is of another mind."""

    text: str
    state: str
    stances: tuple[Stance, ...]
    proposed_by: str | None
    targets: tuple[tuple[str, str | None], ...]  # (what, by when)
    views: tuple[View, ...]
    differs: bool


def goals(reader: Reader) -> tuple[GoalLine, ...]:
    """The goals of the plan in its order, and then others that belong to it."""
    situation = reader.situation
    plan = situation.care_plan or {}
    named = [name for each in plan.get("goal", ()) if (name := situation.name_of(each)) is not None]
    others = [f"Goal/{each['id']}" for each in situation.of("Goal")]
    found = [situation.get(name) for name in dict.fromkeys([*named, *others])]
    return tuple(_line(reader, each) for each in found if each is not None and each["lifecycleStatus"] not in _GONE)


def _line(reader: Reader, goal: Json) -> GoalLine:
    stances = tuple(_stances(reader, goal))
    proposer = goal.get("expressedBy")
    is_own = proposer is None or reader.situation.name_of(proposer) == reader.situation.client
    return GoalLine(
        reader.concept(goal.get("description")) or "",
        _state(reader, goal),
        stances,
        reader.who(proposer) if not is_own and reader.is_named(proposer) else None,
        tuple(_targets(reader, goal)),
        tuple(_views(reader, goal)),
        any(each.code in _DIFFERING for each in stances),
    )


def _state(reader: Reader, goal: Json) -> str:
    achieved = codes.codes(goal.get("achievementStatus"), ACHIEVEMENT)
    if achieved:
        return reader.word(ACHIEVEMENTS, achieved[0])
    return reader.concept(goal.get("achievementStatus")) or reader.word(LIFECYCLES, goal["lifecycleStatus"])


def _stances(reader: Reader, goal: Json) -> Iterator[Stance]:
    """The client's stance first, said to be missing where it is; then the others'."""
    found: list[tuple[bool, Stance]] = []
    for each in goal.get("extension", ()):
        if each.get("url") != codes.ACCEPTANCE:
            continue
        parts = {part.get("url"): part for part in each.get("extension", ())}
        whom, code = parts.get("individual", {}).get("valueReference"), parts.get("status", {}).get("valueCode")
        if code is None or not reader.is_named(whom):
            continue
        name = reader.situation.name_of(whom)
        is_client = name is not None and name == reader.situation.client
        found.append((is_client, Stance(reader.who(whom), code, reader.word(STANCES, code))))
    if reader.situation.patient is not None and not any(is_client for is_client, _ in found):
        client = reader.situation.called(reader.situation.client)
        yield Stance(client, "none", reader.word(STANCES, "none"))
    yield from (stance for _, stance in sorted(found, key=lambda pair: not pair[0]))


def _targets(reader: Reader, goal: Json) -> Iterator[tuple[str, str | None]]:
    for each in goal.get("target", ()):
        said: str | None = reader.own(each, "detailString") or reader.concept(each.get("detailCodeableConcept"))
        if said is None and (quantity := each.get("detailQuantity")) is not None:
            said = f"{quantity.get('value', '')} {quantity.get('unit', '')}".strip()
        said = said or reader.concept(each.get("measure"))
        due = date_(each["dueDate"], reader.language) if "dueDate" in each else None
        if said or due:
            yield said or "", due


def _views(reader: Reader, goal: Json) -> Iterator[View]:
    for each in goal.get("note", ()):
        author = each.get("authorReference")
        name = each.get("authorString") or (reader.who(author) if author is not None else None)
        yield View(
            name, date_(each["time"], reader.language) if "time" in each else None, reader.own(each, "text") or ""
        )
