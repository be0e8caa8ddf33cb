"""`feedback`: the share of requests for feedback that were answered, by clients and by workers (R0.10, R1.5); pure."""

from collections import Counter
from collections.abc import Iterator

from sharedplan.care import codes
from sharedplan.care.clocks import day_of
from sharedplan.care.measures.assessments import NOT_COUNTED
from sharedplan.care.measures.figures import Group, Period, Question
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json

CLIENTS = ("Patient", "RelatedPerson")


class Feedback:
    """Counts Tasks `feedback` that were authored in the period, by whom their owner is."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._asked: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()

    def questions(self) -> Iterator[Question]:
        yield Question("Task", (("code", f"{codes.TASK}|feedback"),))

    def take(self, resource: Json) -> None:
        owner = resource.get("owner", {})
        type = references.parse(owner.get("reference", "")).type or owner.get("type")
        if (
            type is None
            or resource.get("status") in NOT_COUNTED
            or not self._period.has(day_of(resource.get("authoredOn")))
        ):
            return
        who = "client" if type in CLIENTS else "worker"
        self._asked[who] += 1
        self._answered[who] += resource.get("status") == "completed"

    def groups(self) -> list[Group]:
        return [Group(who, self._asked[who], self._answered[who]) for who in ("client", "worker")]
