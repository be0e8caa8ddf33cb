"""`clients-part`: the share of plans that were made with the client, and of those who attended meetings the share whom
the client had accepted (R0.1, R0.3); pure."""

from sharedplan.care.measures.clients import OfPlans
from sharedplan.care.measures.figures import Around, Group, Value
from sharedplan.care.measures.tally import Tally
from sharedplan.care.review.participation import unaccepted
from sharedplan.care.review.view import View
from sharedplan.care.taking_part import has_made, met


class ClientsPart(OfPlans):
    """Counts plans, and each person at each of their meetings that was held in the period; the client aside. Who
    coordinates needs no acceptance, and counts as accepted."""

    TYPES = ("CarePlan", "CareTeam", "EpisodeOfCare", "Consent", "Encounter")
    HAS_TEAMS = True

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self._plans, self._attended = Tally("plans-made-with-client"), Tally("attendance-accepted")

    def look_at(self, view: View, model: Value) -> None:
        client, is_client = view.situation.client, view.situation.is_client
        is_made = has_made(view.plan, is_client) or met(view.plan, is_client, view.situation, self.around.last)
        self._plans.add(model, client, fulfilling=int(bool(is_made)))
        held = [each for each in view.meetings if each.get("status") == "finished" and self._is_within(view, each)]
        listed = [
            (view.name(each), number) for each in held for number, name in view.meeting(each).listed if name != client
        ]
        without = {(view.name(meeting), number) for meeting, number in unaccepted(view)}
        self._attended.add(model, client, len(listed), sum(each not in without for each in listed))

    def _is_within(self, view: View, meeting: dict[str, object]) -> bool:
        start = view.meeting(meeting).start
        return start is not None and self.around.since <= start < self.around.until

    def groups(self) -> list[Group]:
        return [self._plans.shares(), self._attended.shares()]
