"""`consent-coverage`: the share of team members whom a consent of the client covers, and how those consents were given
(R1.1, R3.13); pure."""

from sharedplan.care.measures.clients import OfPlans
from sharedplan.care.measures.figures import Around, Group, Value
from sharedplan.care.measures.tally import Tally
from sharedplan.care.review.consents import way
from sharedplan.care.review.membership import consented
from sharedplan.care.review.view import View

WAYS = {
    "spoken": Value("way", "spoken", "suullinen, työntekijän kirjaama"),
    "document": Value("way", "document", "asiakirja"),
    None: Value("way", "own", "asiakkaan oma kirjaus"),
}


class ConsentCoverage(OfPlans):
    """Counts the members of teams at the end of the period, or now while it lasts; without the client, and without the
    coordinator in the register that is counted."""

    TYPES = ("CarePlan", "CareTeam", "EpisodeOfCare", "Consent")
    HAS_TEAMS = True

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self._members, self._ways = Tally("members-covered"), Tally("covered-by-way")

    def look_at(self, view: View, model: Value) -> None:
        members = consented(view)
        covering = [consent for _, consent in members if consent is not None]
        self._members.add(model, view.situation.client, len(members), len(covering))
        for each in covering:
            self._ways.add(WAYS[way(view.situation.resources[each])], view.situation.client)

    def groups(self) -> list[Group]:
        return [self._members.shares(), self._ways.counts()]
