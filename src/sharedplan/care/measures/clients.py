"""Measures that look at one client after another with the eyes of the review: each thing has one definition; pure.

First it is found out which clients there are to look at; then, some at a time, what the register has of them and whom
their teams name of the directory. Of a client that was looked at nothing is kept but what he counts for.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar

from sharedplan.care import codes
from sharedplan.care.measures.figures import Around, Group, Question, Value, chunks
from sharedplan.care.model import shipped
from sharedplan.care.review import dates
from sharedplan.care.review.view import View
from sharedplan.care.situation import Situation
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json

HOPS = 6
"""Steps through the directory: from a member to his role, its organisation, and what that is part of."""

_CLIENT = {"Task": "for", "Consent": "patient", "EpisodeOfCare": "patient"}
"""The element that names the client, where it is not `subject`."""


class OfClients(ABC):
    """`TYPES`: what is needed of a client. `HAS_TEAMS`: whether also those whom his teams name."""

    TYPES: ClassVar[tuple[str, ...]]
    HAS_TEAMS: ClassVar[bool] = False

    def __init__(self, around: Around) -> None:
        self.around = around
        self._clients: dict[str, None] = {}
        self._found: dict[str, dict[str, Json]] | None = None  # of the clients that are looked at
        self._directory: dict[str, Json] = {}

    @abstractmethod
    def opening(self) -> Iterator[Question]:
        """What tells which clients there are to look at."""

    @abstractmethod
    def concerns(self, resource: Json) -> bool:
        """Whether what the opening found makes its client one of them."""

    @abstractmethod
    def look(self, situation: Situation) -> None:
        """Counts what is to be counted of one client."""

    @abstractmethod
    def groups(self) -> list[Group]: ...

    def questions(self) -> Iterator[Question]:
        yield from self.opening()
        for some in chunks(sorted(self._clients)):
            self._found, self._directory = {client: {} for client in some}, {}
            for type in self.TYPES:
                yield Question(type, (("patient", ",".join(some)),))
            if self.HAS_TEAMS:
                yield from self._directory_of([each for known in self._found.values() for each in known.values()])
            for client, known in self._found.items():
                self.look(Situation(self.around.last, known | self._directory, client, base=self.around.base))

    def take(self, resource: Json) -> None:
        type = resource["resourceType"]
        name = f"{type}/{resource['id']}"
        if type in ("PractitionerRole", "Organization"):
            self._directory[name] = resource
            return
        client = self.target(resource.get(_CLIENT.get(type, "subject")))
        if client is None or not client.startswith("Patient/"):
            return
        if self._found is None:
            if self.concerns(resource):
                self._clients[client] = None
        elif client in self._found:
            self._found[client][name] = resource

    def target(self, reference: Json | str | None) -> str | None:
        text = reference.get("reference") if isinstance(reference, dict) else reference
        return references.parse(text).relative_to(self.around.base).target if isinstance(text, str) else None

    def _directory_of(self, resources: Iterable[Json]) -> Iterator[Question]:
        """The roles that members of teams hold, and the organisations that they are there for."""
        new = [each for each in resources if each["resourceType"] == "CareTeam"]
        asked: set[tuple[str, str]] = set()
        for _ in range(HOPS):
            named = sorted({self.target(text) or "" for each in new for _, _, text in references.each(each)})
            before = set(self._directory)
            for type, parameter, of in (
                ("PractitionerRole", "practitioner", "Practitioner"),
                ("PractitionerRole", "_id", "PractitionerRole"),
                ("Organization", "_id", "Organization"),
            ):
                wanted = [each for each in named if each.startswith(of + "/") and (parameter, each) not in asked]
                asked.update((parameter, each) for each in wanted)
                values = wanted if parameter != "_id" else [each.partition("/")[2] for each in wanted]
                for some in chunks(values):
                    yield Question(type, ((parameter, ",".join(some)),))
            new = [each for name, each in self._directory.items() if name not in before]
            if not new:
                return


class OfPlans(OfClients):
    """Looks at each shared plan that was in force in the period: active or on hold, and begun; or closed, when its
    period says that it ended in the period or later."""

    def opening(self) -> Iterator[Question]:
        yield Question("CarePlan", (("category", f"{codes.PLAN}|shared-plan"),))

    def concerns(self, resource: Json) -> bool:
        return codes.has(resource.get("category"), codes.PLAN, "shared-plan") and self.was_in_force(resource)

    def was_in_force(self, plan: Json) -> bool:
        start, end = dates.start_of(plan.get("period")), dates.end_of(plan.get("period"))
        if self.around.until <= max(self.around.since, start or self.around.since):
            return False
        if plan.get("status") in ("active", "on-hold"):
            return True
        return plan.get("status") in ("completed", "revoked") and end is not None and end > self.around.since

    def look(self, situation: Situation) -> None:
        for plan in situation.of("CarePlan"):
            if self.concerns(plan):
                name = f"CarePlan/{plan['id']}"
                of_plan = replace(situation, plan=name, registers={name: self.around.organization})
                self.look_at(View(of_plan, None, self.around.accept(situation)), model(plan))

    @abstractmethod
    def look_at(self, view: View, model: Value) -> None:
        """Counts what is to be counted of one plan."""


UNKNOWN = Value("model", "unknown", "ei tiedossa")


def model(resource: Json) -> Value:
    """The service model that a plan or a referral names first, as the value of a stratum."""
    url = next(iter(codes.models(resource)), "")
    known = shipped().get(url)
    code = url.removeprefix(codes.MODELS)
    return Value("model", code, known.title if known is not None else code) if code else UNKNOWN
