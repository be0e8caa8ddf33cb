"""What an interaction works with beside the question: the unit of work, the slices, and the choices of this server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple, Protocol

from sharedplan.care.situation import Situation
from sharedplan.care.writing import Acceptance, Attendance
from sharedplan.clock import Clock
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.fhir.json_text import write
from sharedplan.interactions.cursors import Cursors
from sharedplan.interactions.endpoints import Endpoints
from sharedplan.search.expression import Expression
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Unit
from sharedplan.store.versions import Change, Version


@dataclass(frozen=True, slots=True)
class Policy:
    """What FHIR leaves to the server, from the settings.

    `by_consent`: whether registers, teams and consents decide beside the scopes.
    `enforces_references`: whether a literal reference to what is not visibly there refuses a write, or only warns.
    `requires_if_match`: whether a change of what is there must name the version it is based on.
    `url_limit`: characters that an address may have, and so the links that are given. `page_lifetime`: how long the
    links of a search lead to the moment of its first page. `emergency_lasts`: how long breaking the glass opens.
    `attendance`: whose attendance at a meeting the client decides on. `endpoints`: where notifications may go.
    `subscriptions`: how many a client system may have for one organisation, beside those that are off.
    """

    cursors: Cursors
    by_consent: bool = True
    enforces_references: bool = False
    requires_if_match: bool = False
    page_size: int = 50
    page_size_limit: int = 1000
    bundle_entries: int = 1000
    url_limit: int = 8 * 1024
    page_lifetime: timedelta = timedelta(hours=1)
    emergency_lasts: timedelta = timedelta(minutes=60)
    attendance: Attendance = "everybody"
    endpoints: Endpoints = field(default_factory=Endpoints)
    subscriptions: int = 100


class Write(NamedTuple):
    """One write that is about to be done: what it makes of what was there (None: nothing, or a deletion).

    `is_loose`: it is a Provenance of something that is not visibly there (`interactions/targets.py`).
    """

    change: Change
    resource: Json | None
    before: Version | None
    is_loose: bool = False


class Access(Protocol):
    """What writing needs of the rules of access, which it does not know itself (`exchange/enforcing.py`)."""

    def derived(self, resource: Json, version: int, base: str) -> str | None:
        """The rows of access that the resource makes; None for a type that makes none."""

    async def judged(self, writes: Sequence[Write], unit: Unit, base: str) -> list[Change | Exception]:
        """For each of the writes, which go in together, the change as it may be done, or why it may not."""

    async def cautioned(self, writes: Sequence[Write], asked: Asked, acting: "Acting") -> list[tuple[Issue, ...]]:
        """For each of the writes, which go in together, what the writer should know of it beside what he sees."""

    def accepting(
        self, before: Situation, after: Situation, client: str, earlier: Mapping[str, tuple[Json, ...]]
    ) -> Acceptance:
        """Whom the client has accepted; `earlier`: the versions of consents before the stored ones, by name."""


_NOTHING: Mapping[str, Expression] = MappingProxyType({})


class Acting(NamedTuple):
    """One interaction's surroundings; a tuple, for each makes one.

    `within` is what may be seen or written, by resource type. `trail` is the audit row of the interaction as far as it
    is known before; whoever makes the statement hands it on, so that both go in together. `client` is the client that
    asks, `controller` the Organization whose register a new resource belongs to, `person` the one who acts. `access`
    judges what is about to be written. `shows`: whether the answer may hold the resource. `ordinary`: in an emergency,
    of the types that it may open, what would be seen without it; else nothing. `stated`: what the client says of where
    the data comes from (`X-Provenance`). `imports`: an operator brings in what another system recorded. `containers`
    and `contained` are for a search within resources: what of each type may be looked into, and what a contained
    resource of each must meet beside. `standing` gives what is kept of the asker with a Subscription, for later;
    `may_search` says whether anything of a type may be searched, whatever is asked now.
    """

    unit: Unit
    within: Mapping[str, Expression]
    clock: Clock
    policy: Policy
    trail: Trail
    client: str
    access: Access
    controller: str | None = None
    person: str | None = None
    shows: bool = True
    ordinary: Mapping[str, Expression] = _NOTHING
    stated: Json | None = None
    imports: bool = False
    containers: Mapping[str, Expression] = _NOTHING
    contained: Mapping[str, Expression] = _NOTHING
    standing: Callable[[], Json] | None = None
    may_search: Callable[[str], bool] | None = None

    def shown(self, answer: Answer) -> Answer:
        """The answer, without the resource if the asker may not read it."""
        return answer if self.shows else answer._replace(content=None)

    @property
    def asker(self) -> str:
        """Whom links are given to: they work for nobody else."""
        return write([self.client, self.controller, self.person])

    @property
    def who(self) -> str:
        """On whose behalf, as the JSON text that is kept with each version."""
        known = {"client": self.client, "organization": self.controller, "person": self.person}
        return write({name: value for name, value in known.items() if value is not None})
