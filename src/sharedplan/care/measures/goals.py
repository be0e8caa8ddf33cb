"""`goals-agreed`: the share of goals that the client agreed to, and of plans that have one (R0.4); pure."""

from sharedplan.care.measures.clients import OfPlans
from sharedplan.care.measures.figures import Around, Group, Value
from sharedplan.care.measures.tally import Tally
from sharedplan.care.review.view import View


class GoalsAgreed(OfPlans):
    """Counts the goals of plans by the client's stance as it is now. A plan of which some goals are not seen, and none
    that he agreed to, is not counted: nothing can be said of it."""

    TYPES = ("CarePlan", "Goal")

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self._goals, self._plans = Tally("goals-agreed"), Tally("plans-with-agreed-goal")

    def look_at(self, view: View, model: Value) -> None:
        self._goals.add(model, view.situation.client, len(view.goals), len(view.agreed))
        if view.agreed or "Goal" not in view.missing:
            self._plans.add(model, view.situation.client, fulfilling=bool(view.agreed))

    def groups(self) -> list[Group]:
        return [self._goals.shares(), self._plans.shares()]
