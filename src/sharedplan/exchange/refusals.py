"""Requests that never became an interaction, on record all the same: nobody known asked, or nobody got an answer.

IHE BALP and DICOM PS3.15 A.5 want an event for each failed authentication (110114). Anybody can send those, at no cost
and as fast as the line allows, and the log is kept for good: a row for each would let a stranger fill the disk. So of
one kind each process writes the first few of a minute as they are and the number of the rest, by one row when the
minute is over. The same goes for what is turned away because the service is busy, for a row costs what it has too
little of. Whoever has proved who he is gets a row for each request, as for those that are answered.
https://profiles.ihe.net/ITI/BALP/, https://dicom.nema.org/medical/dicom/current/output/html/part15.html#sect_A.5.3.11
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sharedplan import audit
from sharedplan.access.principal import Principal
from sharedplan.clock import Clock
from sharedplan.errors import SharedplanError, Unavailable
from sharedplan.fhir.bundles import instant
from sharedplan.fhir.exchanges import Asked
from sharedplan.logs import log
from sharedplan.store.trail import LOGIN, MINOR_FAILURE, Trail
from sharedplan.store.unit_of_work import Unit

WINDOW = timedelta(minutes=1)

MOST = 20
"""Rows of one kind that a process writes in a window, beside the one that tells the number of the rest."""

UNANSWERED = "unanswered"


@dataclass(slots=True)
class _Window:
    """How many of one kind there were since its beginning: `written` as they are, and `counted` only."""

    since: datetime
    written: int = 0
    counted: int = 0


class Refusals:
    """Writes them down. Nothing here fails: what cannot be written is in the service's log."""

    def __init__(self, begin: Callable[[], Unit], clock: Clock) -> None:
        self._begin = begin
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    async def unproved(self, why: str, *, network: str | None, request_id: str) -> None:
        """Somebody brought a proof of who he is which is none; `network` is the address that he came from."""
        row = Trail(LOGIN, "E", outcome=MINOR_FAILURE, request_id=request_id, reasons=(why,), network=network)
        await self._within_limits(LOGIN, row)

    async def refused(self, asked: Asked, by: Principal, failure: Exception) -> None:
        """What somebody known asked for was refused before it was begun, or given up."""
        row = audit.failed(asked, by, failure)
        if isinstance(failure, Unavailable):
            await self._within_limits(UNANSWERED, row)
        else:
            await self._record(row)

    async def sum_up(self) -> None:
        """Tells the number of what was only counted."""
        windows, self._windows = self._windows, {}
        for kind, window in windows.items():
            if window.counted:
                await self._record(self._sum(kind, window))

    async def keep_summing_up(self) -> None:
        """Once in a window, until it is cancelled."""
        while True:
            await asyncio.sleep(WINDOW.total_seconds())
            await self.sum_up()

    async def _within_limits(self, kind: str, row: Trail) -> None:
        now = self._clock.now()
        window = self._windows.get(kind)
        if window is None or now - window.since >= WINDOW:
            self._windows[kind] = _Window(now, written=1)
            if window is not None and window.counted:
                await self._record(self._sum(kind, window))
        elif window.written < MOST:
            window.written += 1
        else:
            window.counted += 1
            return
        await self._record(row)

    def _sum(self, kind: str, window: _Window) -> Trail:
        since, until = instant(window.since), instant(self._clock.now())
        why = f"{window.counted:,} more like those before, from {since} to {until}, of which the number alone is kept"
        return Trail(kind, "E", outcome=MINOR_FAILURE, reasons=(why,))

    async def _record(self, row: Trail) -> None:
        try:
            async with self._begin() as unit:
                await unit.record(row)
        except SharedplanError as failure:
            log.warning("refusal_not_recorded", interaction=row.interaction, failure=str(failure))
