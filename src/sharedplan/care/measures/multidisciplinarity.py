"""`multidisciplinarity`: the share of plans that at least two administrations worked on (R0.7, R3.4); pure."""

from sharedplan.care.measures.clients import OfPlans
from sharedplan.care.measures.figures import Around, Group, Value
from sharedplan.care.measures.tally import Tally
from sharedplan.care.review.membership import contributors
from sharedplan.care.review.view import View

LEAST = 2
"""Administrations that make work multidisciplinary."""


class Multidisciplinarity(OfPlans):
    """Realised is what at least two administrations contributed to, each by a member that the team had then."""

    TYPES = (
        *("CarePlan", "CareTeam", "Goal", "Task", "Encounter", "QuestionnaireResponse", "ServiceRequest"),
        *("Condition", "Observation", "Communication", "DocumentReference"),
    )
    HAS_TEAMS = True

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self._plans = Tally("multidisciplinarity")

    def look_at(self, view: View, model: Value) -> None:
        when = (self.around.since, self.around.until)
        heard = contributors(view, when)
        realised = {
            administration
            for member in view.crew.during(when)
            if not heard.isdisjoint(view.crew.grants_of(member.name)[0])
            for administration in member.administrations
        }
        self._plans.add(model, view.situation.client, fulfilling=len(realised) >= LEAST)

    def groups(self) -> list[Group]:
        return [self._plans.shares()]
