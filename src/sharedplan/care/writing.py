"""One write as the rules of the service models see it: what was, what would be, and all that is known beside; pure.

A rule here looks at the whole of a client, unlike those of `care/rule.py`, which look at one resource.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol

from sharedplan.care import codes
from sharedplan.care.finding import Finding, Words
from sharedplan.care.situation import Situation
from sharedplan.fhir.exchanges import Json

Attendance = Literal["everybody", "relatives"]
"""Whose attendance at a meeting the client decides on (R0.1): everybody's, or that of relatives and the support network
alone."""


class Acceptance(Protocol):
    """Whom the client has accepted, by consents (`exchange/accepting.py`)."""

    def attends(self, person: str, at: datetime) -> bool:
        """Whether the person ("Practitioner/1") may attend a meeting at that instant: accepted as a person or by a
        role, by the consents as they were valid then."""

    def covers(self, member: str, on_behalf_of: str | None, team: Json, at: datetime) -> bool:
        """Whether a consent covers the member of that team then: a person, a role or an organisation."""

    def consent_for(self, member: str, on_behalf_of: str | None, team: Json, at: datetime) -> str | None:
        """The consent ("Consent/1") that covers him; None without one."""


class Nobody:
    """The acceptance of a client who has accepted nobody."""

    def attends(self, person: str, at: datetime) -> bool:
        return False

    def covers(self, member: str, on_behalf_of: str | None, team: Json, at: datetime) -> bool:
        return False

    def consent_for(self, member: str, on_behalf_of: str | None, team: Json, at: datetime) -> str | None:
        return None


NOBODY = Nobody()
SOME_CLIENT: Words = ("asiakas", "klienten", "the client")
_NOTHING = Situation(datetime.min.replace(tzinfo=UTC), {})


@dataclass(frozen=True)
class Writing:
    """`current`: what is stored, None for nothing living; `proposed`: what would be, None for a deletion. `before` and
    `after`: all that is known of the client, without and with everything that goes in together; to reject, all that
    there is, to warn, what the writer sees. `client`: "Patient/1". `person`, `organization`: who writes; both None for
    an operator. `whose`: of what is newly named and the writer sees, the clients that it is of. `unnamed`: whose names
    he must not learn.
    """

    current: Json | None
    proposed: Json | None
    before: Situation = _NOTHING
    after: Situation = _NOTHING
    client: str | None = None
    person: str | None = None
    organization: str | None = None
    acceptance: Acceptance = NOBODY
    whose: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unnamed: frozenset[str] = frozenset()
    attendance: Attendance = "everybody"

    @property
    def at(self) -> datetime:
        return self.after.at

    @property
    def there(self) -> Json:
        """What is proposed, or for a deletion what is deleted."""
        return self.proposed or self.current or {}

    @property
    def name(self) -> str:
        return f"{self.there.get('resourceType')}/{self.there.get('id')}"

    def called(self, reference: Json | str | None) -> str:
        """What people call it, as far as the writer may know."""
        name = self.after.name_of(reference)
        if name is not None and name in self.unnamed:
            given = reference.get("display") if isinstance(reference, dict) else None
            return str(given or name)
        return self.after.called(reference)

    @property
    def client_called(self) -> str | Words:
        """What people call the client; whom nothing but a display names, is called by that."""
        if self.client is not None:
            return self.called(self.client)
        subject: Json = next((self.there[name] for name in ("subject", "patient", "for") if name in self.there), {})
        return str(said) if (said := subject.get("display") or subject.get("reference")) else SOME_CLIENT

    def is_client(self, reference: Json | None) -> bool:
        """Whether a Reference means the client; whoever does not see him is not told by that which identifier or name
        is his."""
        if self.client in self.unnamed:
            return self.after.refers(reference, self.client)
        return self.after.is_client(reference)


Check = Callable[[Writing], Iterable[Finding]]
When = Callable[[Json | None, Json | None], bool]
"""From what is stored and what is proposed to whether the rule may have something to say."""


def always(current: Json | None, proposed: Json | None) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class WriteRule:
    """A check with its id, the types that it is of, its source, its occasion, and what it has to know of the client;
    its name is a sentence. `looks_up`: it asks the directory who works where. `warns`: it only warns, by what the
    writer sees."""

    id: str
    types: tuple[str, ...]
    source: str
    name: str
    check: Check
    when: When
    needs: tuple[str, ...]
    looks_up: bool
    warns: bool


def on_write(
    *types: str,
    id: str,
    source: str,
    when: When = always,
    needs: tuple[str, ...] = (),
    looks_up: bool = False,
    warns: bool = False,
) -> Callable[[Check], WriteRule]:
    """Makes a WriteRule of a function that yields a Finding for each breach.

    `needs`: the types of the client's resources that it looks at. `looks_up`: and what these name of the directory.
    """

    def made(check: Check) -> WriteRule:
        return WriteRule(id, types, source, check.__name__.replace("_", " "), check, when, needs, looks_up, warns)

    return made


def is_shared_plan(plan: Json | None) -> bool:
    """Whether it is the one shared plan, in whatever status. The plan rules hold for it."""
    return plan is not None and codes.has(plan.get("category"), codes.PLAN, "shared-plan")


def is_active_plan(plan: Json | None) -> bool:
    return plan is not None and plan.get("status") == "active" and is_shared_plan(plan)


def is_activated(current: Json | None, proposed: Json | None) -> bool:
    """Whether a shared plan comes into force by this write."""
    return is_active_plan(proposed) and not is_active_plan(current)


def plans(situation: Situation) -> list[Json]:
    """The shared plans of the client that are in force."""
    return [each for each in situation.of("CarePlan") if is_active_plan(each)]
