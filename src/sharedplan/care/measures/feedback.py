"""`feedback`: the share of requests for feedback that were answered, by clients and by workers, and what they answered
on average (R0.10, R1.5); pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from sharedplan import published
from sharedplan.care import codes
from sharedplan.care.clocks import day_of
from sharedplan.care.measures.assessments import NOT_COUNTED
from sharedplan.care.measures.figures import Group, Period, Question, of_means
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json

CLIENTS = ("Patient", "RelatedPerson")

GIVEN = frozenset({"completed", "amended"})
"""Statuses of answers that were given."""


class Feedback:
    """Counts Tasks `feedback` that were authored in the period, by whom their owner is; and takes the numbers of the
    answers that were given in it, each person as much as another, however often he answered."""

    def __init__(self, period: Period, base: str) -> None:
        self._period = period
        self._base = base
        self._asked: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._scales = scales()
        self._numbers: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def questions(self) -> Iterator[Question]:
        yield Question("Task", (("code", f"{codes.TASK}|feedback"),))
        for questionnaire in self._scales:
            yield Question("QuestionnaireResponse", (("questionnaire", questionnaire),))

    def take(self, resource: Json) -> None:
        if resource["resourceType"] == "QuestionnaireResponse":
            self._take_answers(resource)
            return
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
        shares = [Group(who, self._asked[who], self._answered[who]) for who in ("client", "worker")]
        means = [
            of_means(link, list(self._numbers[questionnaire, link].values()))
            for questionnaire, links in self._scales.items()
            for link in links
        ]
        return [*shares, *means]

    def _take_answers(self, response: Json) -> None:
        questionnaire = str(response.get("questionnaire", "")).partition("|")[0]
        if response.get("status") not in GIVEN or not self._period.has(day_of(response.get("authored"))):
            return
        giver = self._giver(response)
        for item in response.get("item", ()):
            if giver is not None and item.get("linkId") in self._scales.get(questionnaire, ()):
                values = [each["valueInteger"] for each in item.get("answer", ()) if "valueInteger" in each]
                if values:
                    self._numbers[questionnaire, item["linkId"]][giver] += values

    def _giver(self, response: Json) -> str | None:
        """Whose words they are. Of who is not told, nothing can be said of how many there are."""
        said_by = response.get("source") or response.get("author") or response.get("subject") or {}
        return references.parse(said_by.get("reference", "")).relative_to(self._base).target


def scales() -> Mapping[str, tuple[str, ...]]:
    """The linkIds of the questions that are answered by a whole number, by the url of their questionnaire."""
    return {
        each["url"]: tuple(item["linkId"] for item in each["item"] if item["type"] == "integer")
        for each in sorted(published.of_type("Questionnaire"), key=lambda each: str(each["id"]))
        if each["id"].startswith("feedback-")
    }
