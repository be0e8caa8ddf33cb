"""`bounces`: the share of referrals that were turned away, how often clients were, and how long it took until referrals
were accepted (R3.9); pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from sharedplan.care import codes
from sharedplan.care.clocks import day_of
from sharedplan.care.measures.clients import OfClients, model
from sharedplan.care.measures.figures import Around, Group, Question, Value, of_values
from sharedplan.care.measures.referrals import NOT_COUNTED
from sharedplan.care.measures.tally import Tally
from sharedplan.care.review.referrals import rejections
from sharedplan.care.review.taking_on import wait_of
from sharedplan.care.review.view import View
from sharedplan.care.situation import Situation
from sharedplan.fhir.exchanges import Json

MANY = 3
"""Rejections from which on they are one stratum."""


class Bounces(OfClients):
    """Counts referrals that were authored in the period: ServiceRequests, and Tasks that hand on one that is not seen.
    All rejections and acceptances of these count, whenever they were. Of a referral whose acceptance is not told with
    its day, no time is counted."""

    TYPES = ("ServiceRequest", "Task")

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self._referrals, self._rejected = Tally("referrals-rejected"), Tally("rejections-per-client")
        self._days: list[int] = []
        self._accepted_of: set[str | None] = set()

    def opening(self) -> Iterator[Question]:
        # Dates are compared as instants of UTC: a day more on either side, and each is looked at again.
        period = self.around.period
        since, until = period.start - timedelta(days=1), period.end + timedelta(days=1)
        yield Question("ServiceRequest", (("authored", f"ge{since}"), ("authored", f"le{until}")))
        within = (("authored-on", f"ge{since}"), ("authored-on", f"le{until}"))
        yield Question("Task", (("code", f"{codes.TASK}|referral"), *within))

    def concerns(self, resource: Json) -> bool:
        return self.around.period.has(day_of(resource.get("authoredOn")))

    def look(self, situation: Situation) -> None:
        tasks = View(situation, None).referral_tasks
        requests = {f"ServiceRequest/{each['id']}": each for each in situation.of("ServiceRequest")}
        turned_away = []
        for name in {**requests, **tasks}:
            request, handed_on = requests.get(name, {}), tasks.get(name, [])
            if request.get("status") in NOT_COUNTED or not self.concerns(request or handed_on[0]):
                continue
            turned_away.append(len(rejections(handed_on)))
            self._referrals.add(model(request), situation.client, fulfilling=turned_away[-1] > 0)
            if (days := wait_of(request, handed_on).days) is not None:
                self._days.append(days)
                self._accepted_of.add(situation.client)
        if turned_away:
            self._rejected.add(_times(sum(turned_away)), situation.client)

    def groups(self) -> list[Group]:
        median = replace(of_values("days-to-acceptance", self._days, "d"), people=len(self._accepted_of))
        longest = replace(median, code="longest-to-acceptance", score=float(max(self._days, default=0)))
        return [self._referrals.shares(), self._rejected.counts(), median, longest]


def _times(number: int) -> Value:
    text = str(number) if number < MANY else f"{MANY}+"
    return Value("rejections", text, text)
