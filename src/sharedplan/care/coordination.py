"""Who coordinates a plan, and when: the terms of the coordinators of its teams; pure.

Exactly one at any time from now on: the own worker (omatyöntekijä), sosiaalihuoltolaki 1301/2014 42 §.
https://hl7.org/fhir/R4/careteam-definitions.html#CareTeam.participant.period
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sharedplan.care import codes
from sharedplan.care.situation import Situation
from sharedplan.care.traits import Traits
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import EARLIEST, LATEST, span

PROFESSIONALS = ("Practitioner", "PractitionerRole")
"""Types of whom an own worker is: a professional whom one can name."""


@dataclass(frozen=True, slots=True)
class Term:
    """A time as coordinator, [low, high), UTC. `ends`: where its end is told by the day, that day. `is_worker`: whether
    it is a professional whom one can name; an organisation, a relative or a mere display is told, and coordinates
    nothing."""

    member: str
    low: datetime
    high: datetime
    ends: tuple[datetime, datetime] | None = None
    is_worker: bool = True

    def covers(self, at: datetime) -> bool:
        return self.low <= at < self.high


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind`: none, two, a gap, or one who is no worker; from when; and who is named as coordinator then."""

    kind: Literal["none", "two", "gap", "no-worker"]
    at: datetime
    members: tuple[str, ...] = ()


def bounds(period: Json | None) -> tuple[datetime, datetime]:
    """[low, high) of a Period; an end told by the day is the end of that day in Finland."""
    start, end = (period or {}).get("start"), (period or {}).get("end")
    low = span(start)[0] if start is not None else EARLIEST
    if end is None:
        return low, LATEST
    found = span(end)
    return low, found[0] if "T" in end else found[1]


def teams_of(plan: Json, situation: Situation) -> list[Json]:
    """The teams of that plan."""
    return replace(situation, plan=f"CarePlan/{plan['id']}").teams


def terms(teams: Iterable[Json], situation: Situation) -> list[Term]:
    """Of all coordinators of these teams, of which only active ones count. Where one's last day is the day on which the
    next begins, the next one's beginning is the hand-over."""
    found: list[Term] = []
    for team in teams:
        if team.get("status") != "active":
            continue
        first, last = bounds(team.get("period"))
        for participant in team.get("participant", ()):
            member = participant.get("member", {})
            named = known_by(member, situation) or member.get("display")
            if named is None or not codes.has(participant.get("role"), codes.TEAM_ROLE, "coordinator"):
                continue
            low, high = bounds(participant.get("period"))
            end = participant.get("period", {}).get("end")
            ends = span(end) if end is not None and "T" not in end else None
            found.append(Term(named, max(low, first), min(high, last), ends, is_worker(member, team)))
    return [_handed_over(each, found) for each in found]


def is_worker(member: Json, team: Json) -> bool:
    """Whether the Reference is to a professional, stored here or not: by its address, or by identifier and type."""
    text = member.get("reference")
    if not isinstance(text, str):
        return "value" in member.get("identifier", {}) and member.get("type") in PROFESSIONALS
    found = references.parse(text)
    if found.kind == "fragment":
        return any(
            each.get("id") == found.id and each.get("resourceType") in PROFESSIONALS
            for each in team.get("contained", ())
        )
    return (found.type or member.get("type")) in PROFESSIONALS


def known_by(reference: Json, situation: Situation) -> str | None:
    """By what a Reference tells whom it means: "Type/id" here, another address, or "system|value" of an identifier;
    None for a mere display."""
    identifier = reference.get("identifier", {})
    said = f"{identifier.get('system', '')}|{identifier['value']}" if "value" in identifier else None
    return situation.name_of(reference) or reference.get("reference") or said


def addressed(reference: Json, situation: Situation | Traits) -> str | None:
    """The address of whom a Reference means: "Type/id" here, or another one as it is; None for what has none."""
    text = reference.get("reference")
    is_address = isinstance(text, str) and not text.startswith("#")
    return situation.name_of(reference) or (text if is_address else None)


def unaddressed(team: Json, situation: Situation, at: datetime) -> list[tuple[int, Json]]:
    """(index, participant) of those who are on the team then or later and whom no address names, so that no consent
    can; the client aside, and the own worker in whatever other role."""
    named = [
        (index, each)
        for index, each in enumerate(team.get("participant", ()))
        if each.get("member")
        and addressed(each["member"], situation) is None
        and bounds(each.get("period"))[1] > at
        and not situation.is_client(each["member"])
    ]
    own = {
        known_by(each["member"], situation)
        for _, each in named
        if codes.has(each.get("role"), codes.TEAM_ROLE, "coordinator") and is_worker(each["member"], team)
    }
    return [(index, each) for index, each in named if known_by(each["member"], situation) not in own - {None}]


def _handed_over(term: Term, among: Iterable[Term]) -> Term:
    if term.ends is None:
        return term
    first, last = term.ends
    nexts = [each.low for each in among if each.member != term.member and max(first, term.low) <= each.low < last]
    return replace(term, high=min([term.high, *nexts]))


def coordinators(teams: Iterable[Json], situation: Situation, at: datetime) -> tuple[str, ...]:
    """Those who coordinate at that instant."""
    return _covering((each for each in terms(teams, situation) if each.is_worker), at)


def fault(now: Iterable[Term], before: Iterable[Term], at: datetime, until: datetime) -> Fault | None:
    """What is wrong with the terms from `at` to `until`; also a gap that they leave behind where somebody coordinated
    by the terms as they were `before`."""
    now, before = list(now), list(before)
    turns = sorted({at, *(t for each in now for t in (each.low, each.high) if at < t < until)})
    for turn in turns:
        members = _covering(now, turn)
        if len(members) > 1:
            return Fault("two", turn, members)
        if not members:
            return Fault("none" if turn == at else "gap", turn)
        if not any(each.is_worker for each in now if each.covers(turn)):
            return Fault("no-worker", turn, members)
    for turn in sorted({each.high for each in now if each.high < at}):
        if not _covering(now, turn) and _covering(before, turn):
            return Fault("gap", turn)
    return None


def _covering(found: Iterable[Term], at: datetime) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.member for each in found if each.covers(at)))
