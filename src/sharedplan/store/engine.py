"""The engine: a bounded pool of database connections that fails fast and comes back by itself.

asyncpg's own pool costs 45 µs an acquisition even without a reset (measured), a third of a statement; ours keeps
only what is needed here. https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import asyncio
from collections import deque
from contextlib import suppress
from datetime import timedelta

import asyncpg

from sharedplan.errors import Conflict, Fault, SharedplanError, Unavailable
from sharedplan.store import guard

FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What asyncpg may raise."""

STATEMENTS = 500
"""Statements that a connection keeps prepared: all of reading and writing every type, and the usual searches."""

LONGEST = 24 * 1024
"""Characters of a statement that is kept prepared. The driver's own limit, 15 KiB, is less than what a client's whole
plan is asked by (16.7 KB for a person): made ready each time, that took 16 to 30 ms, and 4 to answer (measured). The
longest of ours is the history of everything for a system, 20.7 KB. No more, for whoever varies a long search fills the
memory of each connection with them."""

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # its protocol is out of step with the server's
    OSError,
)
_COLLIDED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)
_OVERLOADED = (asyncpg.QueryCanceledError, asyncpg.InsufficientResourcesError, TimeoutError)


class RetryableConflict(Unavailable):
    """Two units of work collided and this one was rolled back: doing it again as a whole may well succeed."""


class Pool:
    """At most `size` connections to one database, opened when needed."""

    def __init__(
        self,
        url: str,
        *,
        size: int = 8,
        wait: timedelta = timedelta(seconds=1),
        statement_timeout: timedelta = timedelta(seconds=5),
        lock_timeout: timedelta = timedelta(seconds=2),
        idle_in_transaction_timeout: timedelta = timedelta(seconds=10),
        unguarded: bool = False,
    ) -> None:
        """`wait`: how long a unit of work may wait for a connection before it is told Unavailable. `unguarded`: for
        operators, who own the tables and work on all of them, without the second guard (`store/guard.py`)."""
        self._url = url
        self._wait = wait.total_seconds()
        self._session = {
            "application_name": "sharedplan",
            "search_path": "public" if unguarded else guard.PATH,
            "timezone": "UTC",
            "jit": "off",
            # To plan nearly any statement takes longer than to run it (the facts about a client: 4.9 ms with a plan
            # for each call, 0.7 with one that is kept). `test_query_plans` holds the kept plans to the indexes.
            "plan_cache_mode": "auto" if unguarded else "force_generic_plan",
            "statement_timeout": _milliseconds(statement_timeout),
            "lock_timeout": _milliseconds(lock_timeout),
            "idle_in_transaction_session_timeout": _milliseconds(idle_in_transaction_timeout),
        }
        self.is_unguarded = unguarded
        self.size = size
        self._free = size
        self._idle: list[asyncpg.Connection] = []
        self._lent: set[asyncpg.Connection] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._waiting_first: deque[asyncio.Future[None]] = deque()
        self._is_firsts_turn = True
        self._closing = False
        self._drained = asyncio.Event()

    @property
    def in_use(self) -> int:
        """Connections that are lent out now."""
        return self.size - self._free

    async def acquire(self, *, first: bool = False) -> asyncpg.Connection:
        """A living connection, lent until `release` or `discard`; `first`: for whom every other one is that comes free,
        however many wait.

        Raises Unavailable.
        """
        if self._closing:
            raise Unavailable("the service is stopping")
        if self._free:
            self._free -= 1
        else:
            await self._turn(first)
        connection = self._living()
        if connection is None:
            try:
                connection = await self._connect()
            except BaseException:
                self._give_back()
                raise
        self._lent.add(connection)
        return connection

    def release(self, connection: asyncpg.Connection) -> None:
        """Take back a connection that is outside a transaction."""
        self._lent.discard(connection)
        if self._closing:
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append(connection)
        self._give_back()

    def discard(self, connection: asyncpg.Connection) -> None:
        """Take back a connection whose state is unknown: it is closed, whatever it was doing is rolled back."""
        self._lent.discard(connection)
        connection.terminate()
        self._give_back()

    def lose(self, connection: asyncpg.Connection) -> None:
        """Take back a connection that broke. The idle ones are closed with it: mostly the server went away under all,
        and a dead connection is not noticed before its turn in the loop comes."""
        while self._idle:
            self._idle.pop().terminate()
        self.discard(connection)

    async def close(self, *, patience: timedelta = timedelta(seconds=10)) -> None:
        """Lend out no more, wait for what is lent out at most `patience`, and close all connections."""
        self._closing = True
        for line in (self._waiting_first, self._waiting):
            for waiting in line:
                if not waiting.done():
                    waiting.set_exception(Unavailable("the service is stopping"))
            line.clear()
        if self._free < self.size:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), patience.total_seconds())
        for connection in self._lent:
            connection.terminate()
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.close(timeout=1)
            except FAILURES:
                connection.terminate()

    def _living(self) -> asyncpg.Connection | None:
        """An idle connection that is not known to be dead."""
        while self._idle:
            connection = self._idle.pop()  # the one used last has the warmest caches
            if not connection.is_closed():
                return connection
        return None

    async def _turn(self, first: bool) -> None:
        """Wait until somebody gives a connection back; in each of the two lines first come, first served."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = self._waiting_first if first else self._waiting
        line.append(turn)
        try:
            async with asyncio.timeout(self._wait):
                await turn
        except BaseException as failure:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_back()  # the turn came together with the timeout
            else:
                with suppress(ValueError):
                    line.remove(turn)
            if isinstance(failure, TimeoutError):
                raise Unavailable("all database connections are busy") from None
            raise

    def _give_back(self) -> None:
        while self._waiting_first or self._waiting:
            is_first = not self._waiting or (bool(self._waiting_first) and self._is_firsts_turn)
            turn = (self._waiting_first if is_first else self._waiting).popleft()
            if not turn.done():
                self._is_firsts_turn = not is_first
                turn.set_result(None)
                return
        self._free += 1
        if self._closing and self._free == self.size:
            self._drained.set()

    async def _connect(self) -> asyncpg.Connection:
        try:
            return await asyncpg.connect(
                self._url,
                timeout=5,
                server_settings=self._session,
                statement_cache_size=STATEMENTS,
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=LONGEST,
            )
        except FAILURES as failure:
            raise Unavailable("the database cannot be reached") from failure


def is_lost(failure: BaseException) -> bool:
    """Whether the failure means that the connection, not the statement, is broken."""
    return isinstance(failure, _LOST) or (isinstance(failure, asyncpg.InterfaceError) and "closed" in str(failure))


def meaning(failure: BaseException) -> SharedplanError:
    """What a failure of the database means to whoever asked; its text names no row and no value."""
    if isinstance(failure, _COLLIDED):
        return RetryableConflict("another writer was in the way")
    if isinstance(failure, asyncpg.UniqueViolationError):
        return Conflict("another writer stored this first")
    if is_lost(failure):
        return Unavailable("the database connection was lost")
    if isinstance(failure, _OVERLOADED):
        return Unavailable("the database could not answer in time", retry_after=2)
    return Fault("the database refused the statement")


def _milliseconds(duration: timedelta) -> str:
    return str(round(duration.total_seconds() * 1000))
