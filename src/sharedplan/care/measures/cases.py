"""`kaannekohta` and `contact-to-first-meeting`: how soon clients are met, and in how many meetings (R2.8, R4.4); pure.

A case is an EpisodeOfCare. Its referral is what `referralRequest` names, the first of several, and the day of contact
is its authoredOn. Meetings are finished Encounters of type client-meeting that are part of no other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from sharedplan.care import codes
from sharedplan.care.clocks import day_of
from sharedplan.care.measures.figures import Group, Period, Question, of_values
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json


@dataclass(slots=True)
class Case:
    """One episode, as far as it is counted. `models`: canonicals that its plans follow; `meetings`: their days."""

    referrals: tuple[str, ...] = ()
    closed: date | None = None
    models: set[str] = field(default_factory=set)
    meetings: list[date] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Referral:
    contact: date | None
    models: frozenset[str]


class Cases:
    """The episodes of a register, with their referrals, plans and meetings; a measure looks at them afterwards."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.cases: dict[str, Case] = {}
        self._referrals: dict[str, Referral] = {}

    def questions(self) -> Iterator[Question]:
        yield Question("EpisodeOfCare")
        yield Question("ServiceRequest")
        yield Question("CarePlan")
        yield Question("Encounter", (("type", f"{codes.ENCOUNTER_TYPE}|client-meeting"), ("status", "finished")))

    def take(self, resource: Json) -> None:
        match resource["resourceType"]:
            case "EpisodeOfCare" if resource.get("status") != "entered-in-error":
                named = (self._target(each) for each in resource.get("referralRequest", ()))
                closed = day_of(resource.get("period", {}).get("end")) if resource.get("status") == "finished" else None
                self.cases[resource["id"]] = Case(tuple(each for each in named if each is not None), closed)
            case "ServiceRequest" if resource.get("status") != "entered-in-error":
                found = Referral(day_of(resource.get("authoredOn")), _models(resource))
                self._referrals[f"ServiceRequest/{resource['id']}"] = found
            case "CarePlan" if resource.get("status") != "entered-in-error":
                belongs = codes.extension(resource, codes.EPISODE) or {}
                if (case := self._case(belongs.get("valueReference"))) is not None:
                    case.models |= _models(resource)
            case "Encounter":
                day = day_of(resource.get("period", {}).get("start"))
                if day is not None and "partOf" not in resource and is_client_meeting(resource):
                    for each in resource.get("episodeOfCare", ()):
                        if (case := self._case(each)) is not None:
                            case.meetings.append(day)

    def contact(self, case: Case) -> date | None:
        """The day of the first referral."""
        days = (self._referrals[each].contact for each in case.referrals if each in self._referrals)
        return min((day for day in days if day is not None), default=None)

    def follows(self, case: Case, model: str) -> bool:
        """Whether the plan follows that model, or while there is none the referral does."""
        named = case.models or {
            each for name in case.referrals if name in self._referrals for each in self._referrals[name].models
        }
        return codes.MODELS + model in named

    def to_first_meeting(self, cases: list[Case], period: Period) -> list[int]:
        """Days from contact to the first meeting, of those whose first meeting was in the period."""
        found = []
        for case in cases:
            contact, first = self.contact(case), min(case.meetings, default=None)
            if contact is not None and first is not None and first >= contact and period.has(first):
                found.append((first - contact).days)
        return found

    def _case(self, reference: Json | None) -> Case | None:
        type, _, id = (self._target(reference) or "").partition("/")
        return self.cases.get(id) if type == "EpisodeOfCare" else None

    def _target(self, reference: Json | None) -> str | None:
        return references.parse((reference or {}).get("reference", "")).relative_to(self._base).target


class Kaannekohta(Cases):
    """The cases of the model kaannekohta."""

    def __init__(self, period: Period, base: str) -> None:
        super().__init__(base)
        self._period = period

    def groups(self) -> list[Group]:
        cases = [each for each in self.cases.values() if self.follows(each, "kaannekohta")]
        closed = [
            (case.closed - contact).days
            for case in cases
            if case.closed is not None
            and self._period.has(case.closed)
            and (contact := self.contact(case)) is not None
            and contact <= case.closed
        ]
        meetings = [
            len([day for day in case.meetings if day < self._period.end])
            for case in cases
            if any(map(self._period.has, case.meetings))
        ]
        return [
            of_values("referral-to-first-encounter", self.to_first_meeting(cases, self._period), "d"),
            of_values("referral-to-closing", closed, "d"),
            of_values("encounters-per-case", meetings, "1"),
        ]


class ContactToFirstMeeting(Cases):
    """The cases of all models."""

    def __init__(self, period: Period, base: str) -> None:
        super().__init__(base)
        self._period = period

    def groups(self) -> list[Group]:
        days = self.to_first_meeting(list(self.cases.values()), self._period)
        return [of_values("contact-to-first-meeting", days, "d")]


def is_client_meeting(encounter: Json) -> bool:
    return encounter.get("status") == "finished" and codes.has(
        encounter.get("type"), codes.ENCOUNTER_TYPE, "client-meeting"
    )


def _models(resource: Json) -> frozenset[str]:
    return frozenset(codes.models(resource))
