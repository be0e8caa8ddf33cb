"""One borrowed connection, and the transaction on it if there is one."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg

from sharedplan.errors import Unavailable
from sharedplan.store.engine import FAILURES, Pool, is_lost, meaning
from sharedplan.store.guard import NOBODY, Who


async def fetch_alone(
    pool: Pool, sql: str, parameters: Sequence[Any] = (), *, once: bool = False
) -> list[asyncpg.Record]:
    """The rows of one statement that stands by itself, whose connection is given back whatever comes of it. Raises as
    `Session.fetch` does."""
    session = Session(pool)
    try:
        found = await session.fetch(sql, parameters, once=once)
    except Exception:
        session.rest()
        raise
    except BaseException:
        session.abandon()  # cancelled amidst the statement
        raise
    session.rest()
    return found


class Session:
    """Borrows a connection when the first statement comes, and gives it back at its end.

    Its methods raise Unavailable, RetryableConflict, Conflict or Fault, never what the driver raises.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._connection: asyncpg.Connection | None = None
        self._is_over = False  # the connection was lost, and the transaction with it
        self._under_way = 0  # statements
        self.is_begun = False
        self.who: Who = NOBODY

    async def ask(self, sql: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
        """The rows of a statement that has a slice: it opens the second guard for whoever asks (`store/guard.py`)."""
        return await self.fetch(sql, [*parameters, *self.who])

    async def fetch(self, sql: str, parameters: Sequence[Any], *, once: bool = False) -> list[asyncpg.Record]:
        """The rows of one statement. What has not begun a transaction is tried again on another connection when the
        first turns out to be dead, unless it may happen but `once`."""
        self._under_way += 1
        try:
            return await self._fetch(sql, parameters, once=once)
        finally:
            self._under_way -= 1

    async def _fetch(self, sql: str, parameters: Sequence[Any], *, once: bool) -> list[asyncpg.Record]:
        connection = await self._borrowed()
        try:
            return list(await connection.fetch(sql, *parameters))
        except FAILURES as failure:
            self._after(failure)
            if self.is_begun or once or not is_lost(failure):
                raise meaning(failure) from failure
        connection = await self._borrowed()
        try:
            return list(await connection.fetch(sql, *parameters))
        except FAILURES as failure:
            self._after(failure)
            raise meaning(failure) from failure

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for each of the rows of parameters, sent together.

        Who is cancelled meanwhile has no connection any more: the driver, cancelled while the database does not take
        what it sends, would wait for ever for an answer to what was not sent to its end, and keep every lock.
        """
        connection = await self._borrowed()
        sending = asyncio.ensure_future(connection.executemany(sql, rows))
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            connection.terminate()
            sending.cancel()
            await asyncio.wait([sending], timeout=1)
            if sending.done() and not sending.cancelled():
                sending.exception()  # taken, or the loop would log it
            raise
        except FAILURES as failure:
            self._after(failure)
            raise meaning(failure) from failure

    async def begin(self) -> None:
        """From here on everything is one transaction."""
        if not self.is_begun:
            await self.fetch("BEGIN", ())
            self.is_begun = True

    async def look(self) -> None:
        """From here on everything is read as it is at this moment, and nothing is written."""
        if not self.is_begun:
            await self.fetch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", ())
            self.is_begun = True

    async def commit(self) -> None:
        """Commit what was begun, and give the connection back."""
        if self.is_begun:
            connection = await self._borrowed()
            try:
                done = await connection.execute("COMMIT")
            except FAILURES as failure:
                self.abandon()
                raise meaning(failure) from failure
            if done != "COMMIT":  # a statement had failed, and somebody thought nothing of it
                self._give_back()
                raise Unavailable("the transaction had been given up")
            self.is_begun = False
        self._give_back()

    async def roll_back(self) -> None:
        """Undo what was begun, and give the connection back."""
        if self.is_begun and self._connection is not None:
            try:
                await self._connection.execute("ROLLBACK")
            except FAILURES:
                self.abandon()
            self.is_begun = False
        self._give_back()

    def rest(self) -> None:
        """Give the connection back until the next statement, unless a transaction is on it, or the statement of
        somebody else who uses the same session."""
        if not self.is_begun and not self._under_way:
            self._give_back()

    def abandon(self) -> None:
        """Close the connection, whatever it was doing: the database undoes what was not committed."""
        if self._connection is not None:
            self._pool.discard(self._connection)
            self._connection = None

    async def _borrowed(self) -> asyncpg.Connection:
        if self._is_over:
            raise Unavailable("the database connection was lost")
        if self._connection is None:
            self._connection = await self._pool.acquire()
        return self._connection

    def _give_back(self) -> None:
        if self._connection is not None:
            self._pool.release(self._connection)
            self._connection = None

    def _after(self, failure: BaseException) -> None:
        """Part from a connection that failed as such, and from the transaction that was on it."""
        if is_lost(failure) and self._connection is not None:
            self._is_over = self.is_begun
            self._pool.lose(self._connection)
            self._connection = None
