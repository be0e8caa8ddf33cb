"""The recorder: audit rows of what was done outside a transaction, many by one statement and one commit.

Each answer waits for the commit that its row is in, so nothing leaves without a trail; rows that come meanwhile go by
the next. A flush of the log to disk, and most of what a statement costs, is thus shared by all who wait.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import timedelta

from sharedplan.clock import Clock
from sharedplan.errors import Fault, SharedplanError, Unavailable
from sharedplan.logs import log, place
from sharedplan.store.engine import FAILURES, Pool, is_lost, meaning
from sharedplan.store.trail import INSERT_ALL, INSERT_MISSING, Trail, row_text

MOST_ROWS = 200
"""Rows of one statement, unless one asker brings more."""

FLUSHES = 1
"""Statements under way at once."""

PATIENCE = timedelta(seconds=10)
"""How long one statement may take, the waiting for a connection included. The database's own limit is shorter; this
one is for a database that does not answer at all."""


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """The rows of one asker, who waits for `committed`. They go in together or not at all."""

    rows: tuple[bytes, ...]
    committed: asyncio.Future[None]

    def succeed(self) -> None:
        if not self.committed.done():
            self.committed.set_result(None)

    def fail(self, failure: SharedplanError) -> None:
        if not self.committed.done():
            self.committed.set_exception(failure)


class Recorder:
    """Writes the audit rows of one process. An asker who is cancelled leaves his rows behind: they may go in."""

    def __init__(self, pool: Pool, clock: Clock, *, patience: timedelta = PATIENCE) -> None:
        """`clock` gives the ids of the rows; their instants are the database's."""
        self._pool = pool
        self._clock = clock
        self._patience = patience.total_seconds()
        self._waiting: deque[_Told] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._flushing = 0

    async def record(self, trails: Sequence[Trail]) -> None:
        """Returns when the audit rows of these are committed.

        Raises Unavailable when the database cannot answer, Fault when it refuses them; then they are not on record,
        unless the answer to the commit was lost.
        """
        if not trails:
            return
        rows = tuple(row_text(each, self._clock.new_id()) for each in trails)
        told = _Told(rows, asyncio.get_running_loop().create_future())
        self._waiting.append(told)
        if self._flushing < FLUSHES:
            self._flushing += 1
            # A task of its own, for whoever waits may be cancelled, and the others' rows go with his.
            flush = asyncio.create_task(self._flush())
            self._running.add(flush)
            flush.add_done_callback(self._running.discard)
        await told.committed

    async def drain(self) -> None:
        """Returns when nothing waits any more."""
        while self._running:
            await asyncio.wait(self._running)

    async def _flush(self) -> None:
        """Write until nobody waits."""
        batch: Sequence[_Told] = ()
        try:
            while self._waiting:
                batch = self._batch()
                await self._write(batch)
        except BaseException:  # cancelled: the loop ends
            for told in (*batch, *self._waiting):
                told.fail(Unavailable("the service is stopping"))
            self._waiting.clear()
            raise
        finally:
            self._flushing -= 1

    def _batch(self) -> list[_Told]:
        """Those who have waited longest, with as many rows as go together."""
        batch = [self._waiting.popleft()]
        room = MOST_ROWS - len(batch[0].rows)
        while self._waiting and len(self._waiting[0].rows) <= room:
            batch.append(self._waiting.popleft())
            room -= len(batch[-1].rows)
        return batch

    async def _write(self, batch: Sequence[_Told]) -> None:
        """One statement for all; when the database refuses it, one for each, so that only the faulty one fails."""
        failure = await self._failure_of(b"[" + b",".join(row for told in batch for row in told.rows) + b"]")
        if failure is None:
            for told in batch:
                told.succeed()
        elif len(batch) == 1 or isinstance(failure, Unavailable):
            for told in batch:
                told.fail(copy(failure))  # each raises one of his own, for it keeps the way that it went
        else:
            for told in batch:
                await self._write((told,))

    async def _failure_of(self, rows: bytes) -> SharedplanError | None:
        """None when the rows are committed, else why they are not."""
        try:
            async with asyncio.timeout(self._patience):
                await self._insert(rows.decode())
        except SharedplanError as failure:
            return failure
        except TimeoutError:
            return Unavailable("the database could not answer in time", retry_after=2)
        except Exception as failure:
            log.error("trail_not_written", failure=type(failure).__name__, place=place(failure))
            return Fault("the trail could not be written")
        return None

    async def _insert(self, rows: str) -> None:
        """One statement that commits itself; on another connection again when the first turns out to be dead. The rows
        have their ids, so those that went in all the same are not written twice."""
        try:
            await self._execute(INSERT_ALL, rows)
        except Unavailable as failure:
            if failure.__cause__ is None or not is_lost(failure.__cause__):
                raise
            await self._execute(INSERT_MISSING, rows)

    async def _execute(self, sql: str, rows: str) -> None:
        connection = await self._pool.acquire(first=True)  # many wait for it
        try:
            await connection.fetch(sql, rows)
        except FAILURES as failure:
            if is_lost(failure):
                self._pool.lose(connection)
            else:
                self._pool.release(connection)
            raise meaning(failure) from failure
        except BaseException:
            self._pool.discard(connection)  # cancelled amidst the statement
            raise
        self._pool.release(connection)
