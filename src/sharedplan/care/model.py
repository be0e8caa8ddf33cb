"""A service model (palvelumalli), as its PlanDefinition says it: what rules hold, who is wanted, by when. Pure.

The models that come with the service are the PlanDefinitions in `published/`; another is one more PlanDefinition.
https://hl7.org/fhir/R4/plandefinition.html
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from sharedplan import published
from sharedplan.care import codes
from sharedplan.fhir.exchanges import Json

GENERAL = frozenset(
    {"one-plan", "R0.1", "R0.3", "R0.4", "R0.5", "R0.6", "R0.8", "R0.9", "R0.10"}
    | {"R1.1", "R1.2", "R1.4", "R1.5", "R1.6"}
    | {"R3.1", "R3.5", "R3.6", "R3.7", "R3.8", "R3.9", *(f"R3.{n}" for n in range(12, 18))}
    | {"R4.1", "R4.2", "R4.4", "R4.5", "R4.6", "R4.10"}
)
"""The rules that hold for every shared plan, and alone for one whose model is not known or lists none."""

COORDINATOR = "coordinator"
"""The own worker (omatyöntekijä), whom every team has; so not among a model's `roles`."""

RULE = codes.STRUCTURES + "rule"
ENCOUNTER_LIMIT = codes.STRUCTURES + "encounter-limit"
REFERRER_TYPE = codes.STRUCTURES + "referrer-type"
SILENT_AFTER = codes.STRUCTURES + "silent-after"
OWNER_WITHIN = codes.STRUCTURES + "owner-within"

_DAYS = {"d": 1, "wk": 7}
_MONTHS = {"mo": 1, "a": 12}


LONGEST = 100
"""Years that a span may take; the calendar ends somewhere."""


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time by the calendar: `unit` is d, wk, mo or a (UCUM). https://hl7.org/fhir/R4/datatypes.html#Duration"""

    value: int
    unit: str

    @property
    def months(self) -> int | None:
        """In months; None for one of days."""
        return self.value * _MONTHS[self.unit] if self.unit in _MONTHS else None

    @property
    def days(self) -> int | None:
        """In days; None for one of months."""
        return self.value * _DAYS[self.unit] if self.unit in _DAYS else None

    def after(self, start: date) -> date:
        """The day that long after `start`: months end on the same number, or on the last day of the month. Beyond the
        end of the calendar it is that end."""
        if self.days is not None:
            return start + min(timedelta(days=self.days), date.max - start)
        year, month = divmod(start.year * 12 + start.month - 1 + (self.months or 0), 12)
        if year > date.max.year:
            return date.max
        return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """`url`: its canonical address, which plans and referrals name. `title`: Finnish. `roles`: codes of `team-role`
    that the team wants beside the coordinator, in order. `rules`: ids of those that hold ("R0.4").
    `need_assessment_target`: by when the need is assessed, from its authoredOn (R3.2). `encounter_limit`: client
    meetings that it has as a rule (R2.1). `silent_after`: days without a sign of a member (R1.4). `owner_within`: days
    that a referral may wait for an owner (R4.10). `referrer_types`: codes of `organization-type` that may refer (R2.6);
    empty: any.
    """

    url: str
    title: str
    roles: tuple[str, ...] = ()
    rules: frozenset[str] = GENERAL
    need_assessment_target: Span | None = None
    encounter_limit: int | None = None
    silent_after: int = 90
    owner_within: int = 14
    referrer_types: frozenset[str] = frozenset()

    def has(self, rule: str) -> bool:
        """Whether that rule holds for plans of the model."""
        return rule in self.rules


def read(plan_definition: Json) -> ServiceModel:
    """The model that a PlanDefinition describes; what it does not say is as by default."""
    id = plan_definition.get("id")
    extensions = plan_definition.get("extension", ())
    doing = list(actions(plan_definition.get("action", ())))
    rules = frozenset(each["valueCode"] for each in extensions if each.get("url") == RULE and "valueCode" in each)
    wanted = (
        code
        for action in doing
        for participant in action.get("participant", ())
        for code in codes.codes(participant.get("role"), codes.TEAM_ROLE)
    )
    assessments = (each for each in doing if codes.has(each.get("code"), codes.TASK, "need-assessment"))
    targets = (span(each["timingDuration"]) for each in assessments if "timingDuration" in each)
    limit = codes.extension(plan_definition, ENCOUNTER_LIMIT)
    return ServiceModel(
        codes.MODELS + id if id is not None else plan_definition.get("url", ""),
        plan_definition.get("title") or plan_definition.get("name") or id or "",
        tuple(code for code in dict.fromkeys(wanted) if code != COORDINATOR),
        rules or GENERAL,
        next((each for each in targets if each is not None), None),
        _number(limit),
        _days(codes.extension(plan_definition, SILENT_AFTER), 90),
        _days(codes.extension(plan_definition, OWNER_WITHIN), 14),
        frozenset(each["valueCode"] for each in extensions if each.get("url") == REFERRER_TYPE and "valueCode" in each),
    )


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, ServiceModel]:
    """The models that come with the service, by their canonical url."""
    return {model.url: model for model in map(read, published.of_type("PlanDefinition"))}


def of(
    plan: Json | None,
    referral: Json | None,
    definitions: Iterable[Json] = (),
    reading: Callable[[Json], ServiceModel] = read,
) -> ServiceModel | None:
    """The model of a plan, or of the referral while there is none or it does not tell; None for none that is known.

    `definitions`: the PlanDefinitions that are stored; the models that come with the service are known without.
    `reading`: who reads one, as `read` does.
    """
    listed = list(definitions)
    known = {each["url"]: each for each in listed if "url" in each}
    known |= {codes.MODELS + each["id"]: each for each in listed if "id" in each}  # the name that $apply gives
    for resource in (plan, referral):
        for url in codes.models(resource):
            if url in known:
                return reading(known[url])
            if url in shipped():
                return shipped()[url]
    return None


def span(duration: Json) -> Span | None:
    """A Duration of whole days, weeks, months or years, a hundred years at most; None for another."""
    unit, value = duration.get("code") or duration.get("unit"), duration.get("value")
    try:
        number = int(value) if value is not None and int(value) == value else None
    except (TypeError, ValueError, OverflowError):
        return None
    if number is None or number <= 0 or unit not in {*_DAYS, *_MONTHS}:
        return None
    found = Span(number, unit)
    return found if (found.days or 0) <= LONGEST * 366 and (found.months or 0) <= LONGEST * 12 else None


def actions(listed: Iterable[Json]) -> Iterator[Json]:
    """Each action, and those within it."""
    for each in listed:
        yield each
        yield from actions(each.get("action", ()))


def _number(extension: Json | None) -> int | None:
    """The whole number that an extension holds."""
    found = next((value for name, value in (extension or {}).items() if name.startswith("value")), None)
    return int(found) if isinstance(found, int) else None


def _days(extension: Json | None, otherwise: int) -> int:
    """The days of an extension's Duration."""
    found = span((extension or {}).get("valueDuration", {}))
    return found.days if found is not None and found.days is not None else otherwise
