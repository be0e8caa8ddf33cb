"""That the client took part in making the plan: as one who made it, or at a meeting before it came into force; pure.
One definition for the writing of plans and for the review of them.

A plan comes into force by the write that makes it active, which asks for a meeting until then. Its period tells when it
starts to count, which for one that began as a draft may be long before, so the period does not matter here.

R0.3: asiakkaan osallistuminen oman suunnitelmansa laatimiseen
"""

from datetime import datetime

from sharedplan.care import codes
from sharedplan.care.situation import Situation
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import span

MEETINGS = ("client-meeting", "network-meeting")
"""Codes of the meetings at which the client is there."""


NOT_YET = ("draft", "entered-in-error", "unknown")
"""Statuses of a plan that has not come into force, as far as they tell."""


def has_made(plan: Json, client: str | None, situation: Situation) -> bool:
    """Whether the client is a contributor or the author."""
    return situation.refers([*plan.get("contributor", ()), plan.get("author", {})], client)


def in_force_by(plan: Json, at: datetime) -> datetime:
    """The latest instant at which a stored plan may have come into force: when it was stored as it is; `at`, which is
    now, for one that has not come into force yet."""
    stored = plan.get("meta", {}).get("lastUpdated")
    return at if stored is None or plan.get("status") in NOT_YET else min(datetime.fromisoformat(stored), at)


def met(plan: Json, client: str | None, situation: Situation, until: datetime) -> Json | None:
    """A meeting that the client attended by then, of the plan's episode or of none; None without one."""
    episode = situation.episode_of(plan)
    for each in situation.of("Encounter"):
        own = {situation.name_of(one) for one in each.get("episodeOfCare", ())}
        start = each.get("period", {}).get("start")
        if (
            each.get("status") == "finished"
            and (episode is None or not own or episode in own)
            and codes.has(each.get("type"), codes.ENCOUNTER_TYPE, *MEETINGS)
            and situation.refers(each.get("subject"), client)
            and (start is None or span(start)[0] <= until)
        ):
            return each
    return None
