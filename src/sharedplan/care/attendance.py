"""Who may attend a meeting without the client's acceptance: the own worker, and in the narrow reading whoever is no
relative and not of the support network; pure. One definition for the writing of meetings and for the review of them.

R0.1: Asiakas päättää, ketkä henkilöt ovat paikalla, kun hänen asiaansa käsitellään
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sharedplan.care import codes, coordination
from sharedplan.care.coordination import Term
from sharedplan.care.situation import Situation
from sharedplan.care.writes.team import persons
from sharedplan.care.writing import Attendance
from sharedplan.fhir.exchanges import Json

LISTED = ("planned", "arrived", "triaged", "in-progress", "onleave", "finished", "unknown")
"""Statuses of a meeting that somebody attends, attended or is to attend; of `unknown` nobody can tell, so it is warned
of and not refused: it may have happened."""

ENDED = ("suspended", "inactive")
"""Statuses of a team that is not in force, and was."""
OPEN_EPISODES = ("planned", "waitlist", "active", "onhold")
"""Statuses of an episode in which somebody manages it."""


@dataclass(frozen=True)
class Attending:
    """`attendance`: whose attendance the client decides on. Each person is looked up once."""

    situation: Situation
    attendance: Attendance = "everybody"

    def needs_none(self, name: str, at: datetime, now: datetime) -> bool:
        """Whether that person ("Practitioner/1") may attend then without being accepted: who coordinates then, or does
        now, or is about to as the own worker who starts; or, in the narrow reading, everybody but relatives and
        NGOs."""
        if any(term.covers(at) or (is_in_force and term.covers(now)) for term, is_in_force in self._terms_of(name)):
            return True
        return self.attendance == "relatives" and not is_of_network(name, self.situation)

    def lets_in(self, individual: Json, at: datetime, now: datetime) -> bool:
        """The same of whom a Reference means; whom nobody can tell by it needs to be accepted."""
        known = coordination.known_by(individual, self.situation)
        if self.situation.name_of(individual) is None and not coordination.is_worker(individual, {}):
            return False
        return known is not None and self.needs_none(known, at, now)

    def _terms_of(self, name: str) -> list[tuple[Term, bool]]:
        if name not in self._found:
            people = persons(name, self.situation)
            self._found[name] = [(term, now) for term, who, now in self._terms if people & who]
        return self._found[name]

    @cached_property
    def _found(self) -> dict[str, list[tuple[Term, bool]]]:
        return {}

    @cached_property
    def _terms(self) -> list[tuple[Term, frozenset[str], bool]]:
        """Of all who coordinate or did: (when, the references of the person, whether the team is in force). What ended
        with its team was there while the team was."""
        teams = self.situation.of("CareTeam")
        ended = [{**each, "status": "active"} for each in teams if each.get("status") in ENDED]
        proposed = [{**each, "status": "active"} for each in teams if each.get("status") == "proposed"]
        found = []
        for listed, is_in_force in ((teams, True), (ended, False)):
            terms = coordination.terms(listed, self.situation)
            found += [(each, persons(each.member, self.situation), is_in_force) for each in terms if each.is_worker]
        for each in coordination.terms(proposed, self.situation):
            if each.is_worker and (people := persons(each.member, self.situation)) & self._managers:
                found.append((each, people, True))
        return found

    @cached_property
    def _managers(self) -> frozenset[str]:
        """The own workers as the client's open episodes name them: one who starts meets the client before the team is
        called together. Being named by one of the two alone is not enough."""
        open_ = (each for each in self.situation.of("EpisodeOfCare") if each.get("status") in OPEN_EPISODES)
        named = (self.situation.name_of(each.get("careManager")) for each in open_)
        return frozenset[str]().union(*(persons(each, self.situation) for each in named if each is not None))


def deviation(meeting: Json) -> str | None:
    """Why somebody attended whom the client had not accepted; None when that is not said in words."""
    said = (
        str(each.get("valueString", "")) for each in meeting.get("extension", ()) if each.get("url") == codes.DEVIATION
    )
    return next((each.strip() for each in said if each.strip()), None)


def is_of_network(name: str, situation: Situation) -> bool:
    """Whether it is a relative, or somebody of an NGO."""
    if name.startswith("RelatedPerson/"):
        return True
    works_at = [(situation.get(name) or {}).get("organization")]
    works_at += [
        each.get("organization")
        for each in situation.of("PractitionerRole")
        if situation.name_of(each.get("practitioner")) == name
    ]
    found = (situation.get(each) or {} for each in works_at if each)
    return any(codes.has(each.get("type"), codes.ORGANIZATION_TYPE, "ngo") for each in found)
