"""Members whom the client's consents do not cover beside those who are on the team now: who is to come, who is
elsewhere, and whom no reference names; pure. https://hl7.org/fhir/R4/careteam-definitions.html#CareTeam.participant.member
"""

from collections.abc import Iterator
from datetime import datetime

from sharedplan.care import codes, coordination
from sharedplan.care.review import dates
from sharedplan.care.review.rule import Said, broken
from sharedplan.care.review.view import View
from sharedplan.care.writes.team import SOMEBODY, organizations
from sharedplan.fhir.exchanges import Json


def unaddressed(view: View) -> Iterator[Said]:
    """Of the active teams, those whom nothing names that a consent may name."""
    for team in _in_force(view):
        for index, participant in coordination.unaddressed(team, view.situation, view.at):
            yield broken(
                "{who} on tiimin jäsen ilman viittausta (reference), joten mikään suostumus ei voi kattaa häntä.",
                "{who} är medlem i teamet utan hänvisning (reference), så inget samtycke kan omfatta hen.",
                "{who} is a member of the team whom no reference names, so no consent can cover that member.",
                at=f"CareTeam.participant[{index}].member",
                who=participant["member"].get("display") or SOMEBODY,
            )


def elsewhere_or_to_come(view: View) -> Iterator[Said]:
    """Those whom no consent covers of the members whose time is yet to begin, at its beginning, and of those whom
    another server keeps. The coordinator needs none in the own register."""
    for team in _in_force(view):
        members = list(_members(team, view))
        own = {name for name, each, _ in members if _is_own_worker(name, each, view)}
        for index, (name, participant, start) in enumerate(members):
            is_looked_at = start > view.at or view.situation.name_of(name) is None
            on_behalf_of = view.situation.name_of(participant.get("onBehalfOf"))
            if (
                not name
                or name in own
                or name == view.situation.client
                or not is_looked_at
                or view.acceptance.consent_for(name, on_behalf_of, team, start) is not None
            ):
                continue
            yield broken(
                "{who} on tiimin jäsen {day} alkaen, mutta asiakkaan silloin voimassa oleva suostumus puuttuu.",
                "{who} är medlem i teamet från {day}, men ett samtycke av klienten som då gäller saknas.",
                "{who} is a member of the team from {day} on, and the client's consent for that time is missing.",
                at=f"CareTeam.participant[{index}].member",
                who=view.situation.called(participant["member"]),
                day=dates.said(start),
            )


def _in_force(view: View) -> list[Json]:
    """The plan's teams that are active, now or from some day on."""
    teams = [each for each in view.situation.teams if each.get("status") == "active"]
    return [each for each in teams if coordination.bounds(each.get("period"))[1] > view.at]


def _members(team: Json, view: View) -> Iterator[tuple[str, Json, datetime]]:
    """(name, participant, since when or now), each in his place; the name is empty for whom no address names, and for
    whose time is over."""
    first, last = coordination.bounds(team.get("period"))
    for participant in team.get("participant", ()):
        low, high = coordination.bounds(participant.get("period"))
        name = coordination.addressed(participant.get("member", {}), view.situation)
        is_over = min(high, last) <= view.at
        yield "" if name is None or is_over else name, participant, max(low, first, view.at)


def _is_own_worker(name: str, participant: Json, view: View) -> bool:
    """Whether it is the coordinator, in the register that keeps the plan as far as that is known."""
    if not codes.has(participant.get("role"), codes.TEAM_ROLE, "coordinator"):
        return False
    keeper = view.situation.registers.get(view.situation.plan or "")
    works_for = organizations(name, participant, view.situation)
    return keeper is None or not works_for or keeper in works_for
