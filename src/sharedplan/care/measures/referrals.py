"""`referrals`: how many came in the period, by source and month (R1.7); pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from sharedplan.care.clocks import day_of
from sharedplan.care.measures.figures import Group, Period, Question, Stratum, Value, chunks
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json

NOT_COUNTED = ("draft", "entered-in-error")
CLIENT, UNKNOWN = "client", "unknown"
_TEXTS = {CLIENT: "asiakas tai läheinen", UNKNOWN: "ei tiedossa"}


class Referrals:
    """Counts ServiceRequests by the organisation that requested them, or whose professional did."""

    def __init__(self, period: Period, base: str) -> None:
        self._period = period
        self._base = base
        self._counted: Counter[tuple[str, str]] = Counter()  # requester, month
        self._works_at: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def questions(self) -> Iterator[Question]:
        # Dates are compared as instants of UTC: a day more on either side, and each is looked at again.
        since, until = self._period.start - timedelta(days=1), self._period.end + timedelta(days=1)
        yield Question("ServiceRequest", (("authored", f"ge{since}"), ("authored", f"le{until}")))
        requesters = sorted({requester for requester, _ in self._counted})
        for some in chunks([each for each in requesters if each.startswith("Practitioner/")]):
            yield Question("PractitionerRole", (("practitioner", ",".join(some)),))
        for some in chunks([each for each in requesters if each.startswith("PractitionerRole/")]):
            yield Question("PractitionerRole", (("_id", _ids(some)),))
        sources = sorted({self._source(each) for each in requesters})
        for some in chunks([each for each in sources if each.startswith("Organization/")]):
            yield Question("Organization", (("_id", _ids(some)),))

    def take(self, resource: Json) -> None:
        name = f"{resource['resourceType']}/{resource['id']}"
        match resource["resourceType"]:
            case "ServiceRequest":
                day = day_of(resource.get("authoredOn"))
                if day is not None and self._period.has(day) and resource.get("status") not in NOT_COUNTED:
                    self._counted[self._target(resource.get("requester")) or UNKNOWN, f"{day:%Y-%m}"] += 1
            case "PractitionerRole":
                organization = self._target(resource.get("organization"))
                for each in (name, self._target(resource.get("practitioner"))):
                    if each is not None and organization is not None and resource.get("active") is not False:
                        # The first of several, so that it is the same whenever it is asked.
                        self._works_at[each] = min(self._works_at.get(each, organization), organization)
            case "Organization" if "name" in resource:
                self._names[name] = resource["name"]

    def groups(self) -> list[Group]:
        by_source: Counter[tuple[str, str]] = Counter()
        for (requester, month), number in self._counted.items():
            by_source[self._source(requester), month] += number
        strata = tuple(
            Stratum((Value("source", source, self._called(source)), Value("month", month, month)), number)
            for (source, month), number in sorted(by_source.items())
        )
        return [Group("referrals", sum(by_source.values()), strata=strata)]

    def _target(self, reference: Json | None) -> str | None:
        return references.parse((reference or {}).get("reference", "")).relative_to(self._base).target

    def _source(self, requester: str) -> str:
        if requester.startswith(("Patient/", "RelatedPerson/")):
            return CLIENT
        if requester.startswith("Organization/"):
            return requester
        return self._works_at.get(requester, UNKNOWN)

    def _called(self, source: str) -> str:
        return self._names.get(source) or _TEXTS.get(source, source)


def _ids(names: Sequence[str]) -> str:
    return ",".join(each.partition("/")[2] for each in names)
