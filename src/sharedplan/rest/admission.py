"""How many interactions are at work at once: more than the database can take wait a moment, then are turned away.

A request that would wait longer than its client does only makes the queue longer for the others.
"""

import asyncio
from collections import deque
from contextlib import suppress
from datetime import timedelta
from types import TracebackType

from sharedplan.errors import Unavailable
from sharedplan.rest import metrics


class Admission:
    """A door with so many places; `async with` takes one, waiting at most `wait` in the order of arrival."""

    def __init__(self, places: int, wait: timedelta) -> None:
        self._free = places
        self._wait = wait.total_seconds()
        self._queue: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        """Raises Unavailable when no place came free in time."""
        if self._free > 0:
            self._free -= 1
        else:
            await self._queued()
        metrics.tally.running += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        metrics.tally.running -= 1
        self._release()

    async def _queued(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        metrics.tally.waiting += 1
        try:
            async with asyncio.timeout(self._wait):
                await turn
        except BaseException as failure:
            if turn.done() and not turn.cancelled():  # the place came in the very moment that we gave up
                self._release()
            else:
                with suppress(ValueError):  # somebody who left meanwhile has found it given up
                    self._queue.remove(turn)
            if isinstance(failure, TimeoutError):
                metrics.collectors().turned_away.inc()
                raise Unavailable("the service is busy; try again", retry_after=1) from None
            raise
        finally:
            metrics.tally.waiting -= 1

    def _release(self) -> None:
        """Give the place to the one who has waited longest."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
