"""That the client took part in making the plan: as one who made it, or at a meeting; pure.
One definition for the writing of plans and for the review of them.

The write that puts a plan in force asks for a meeting until then, so that it precedes. The review counts whatever has
been held by now: which of a plan's writes put it in force, a plan does not say, and it is made anew with each of them.

R0.3: asiakkaan osallistuminen oman suunnitelmansa laatimiseen
"""

from collections.abc import Callable
from datetime import datetime

from sharedplan.care import codes
from sharedplan.care.situation import Situation
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import span

MEETINGS = ("client-meeting", "network-meeting")
"""Codes of the meetings at which the client is there."""


IsClient = Callable[[Json | None], bool]
"""Whether a Reference means the client."""


def has_made(plan: Json, is_client: IsClient) -> bool:
    """Whether the client is a contributor or the author."""
    return any(map(is_client, (*plan.get("contributor", ()), plan.get("author"))))


def met(plan: Json, is_client: IsClient, situation: Situation, until: datetime) -> Json | None:
    """A meeting that the client attended by then, of the plan's episode or of none, or an outcome of the plan; None
    without one."""
    episode = situation.episode_of(plan)
    outcomes = {
        situation.name_of(each) for one in plan.get("activity", ()) for each in one.get("outcomeReference", ())
    } - {None}
    for each in situation.of("Encounter"):
        own = {situation.name_of(one) for one in each.get("episodeOfCare", ())}
        start = each.get("period", {}).get("start")
        if (
            each.get("status") == "finished"
            and (episode is None or not own or episode in own or f"Encounter/{each.get('id')}" in outcomes)
            and codes.has(each.get("type"), codes.ENCOUNTER_TYPE, *MEETINGS)
            and is_client(each.get("subject"))
            and (start is None or span(start)[0] <= until)
        ):
            return each
    return None
