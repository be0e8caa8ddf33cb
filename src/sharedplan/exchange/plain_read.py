"""The usual read by a short way: most of what a record system asks, and nothing but a decision and a statement.

It is decided, read and recorded by what decides, reads and records in `step.py`; only what follows from the asker and
the type is found out once, and not for each read, and what is but one statement takes no unit of work. Whatever is not
usual goes the long way: an emergency, the log, what no scope allows. A test holds both ways to the same answers and
trails.
https://hl7.org/fhir/R4/http.html#read
"""

from dataclasses import dataclass

from sharedplan import audit
from sharedplan.access.decision import Facts, decide
from sharedplan.access.principal import Principal
from sharedplan.clock import Clock
from sharedplan.errors import SharedplanError
from sharedplan.fhir import languages
from sharedplan.fhir.exchanges import Asked
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.read import absent_within
from sharedplan.search.expression import Expression
from sharedplan.search.indexing import LOG
from sharedplan.store.guard import Who, asker
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import RetryableConflict, Store
from sharedplan.store.versions import Version

MOST = 4096
"""Readings that are remembered."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reads of one type by one asker have in common; `trail` but for the resource."""

    within: Expression
    trail: Trail
    who: Who


class PlainRead:
    """Reads what anybody asks for in the usual way."""

    def __init__(self, store: Store, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._remembered: dict[tuple[Principal, str], Reading | None] = {}

    async def __call__(
        self, type: str, id: str, by: Principal, request_id: str, accept_language: str = ""
    ) -> Version | None:
        """The version, which is on record; None, and nothing is, when it is to be asked for the long way. Raises as
        `perform` does."""
        key = (by, type)
        reading = self._remembered[key] if key in self._remembered else self._found_out(type, by)
        if reading is None or by.expires <= self._clock.now():
            return None
        within = reading.within
        patients = (f"Patient/{id}",) if type == "Patient" else ()
        trail = reading.trail._replace(resource_id=id, request_id=request_id or None, patients=patients)
        try:
            version = await self._store.read(type, id, within=within, trail=trail, who=reading.who)
        except RetryableConflict:
            return None
        except Exception as failure:
            asked = Asked("read", type, id, request_id=request_id, accept_language=accept_language)
            async with self._store.begin() as aside:
                await aside.record(audit.failed(asked, by, failure))
            if isinstance(failure, SharedplanError):
                languages.say(failure, accept_language)
            raise
        if version is not None:
            return version
        try:
            async with self._store.begin() as unit:
                unit.asked_by(by.person, by.organization)
                raise await absent_within(within, type, id, unit)
        except SharedplanError as failure:
            languages.say(failure, accept_language)
            raise

    def _found_out(self, type: str, by: Principal) -> Reading | None:
        if len(self._remembered) >= MOST:
            del self._remembered[next(iter(self._remembered))]
        reading = self._remembered[by, type] = self._reading(type, by)
        return reading

    def _reading(self, type: str, by: Principal) -> Reading | None:
        asked = Asked("read", type)
        try:
            grant = decide(asked, by, Facts(self._clock.now()), by_consent=self._policy.by_consent)
        except SharedplanError:
            return None
        if type == LOG or grant.ordinary:
            return None
        return Reading(grant.slices[type], audit.granted(asked, by, grant), asker(by.person, by.organization))
