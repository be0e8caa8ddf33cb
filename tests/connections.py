"""Connections that outlive the test they were opened for: what PostgreSQL found out for one test, the next one has.

A new connection plans each statement anew, which takes longer than all else in most tests (65 ms of 75 for a single
update, measured).
"""

from datetime import timedelta
from typing import Any

import asyncpg

from sharedplan.store.engine import FAILURES, Pool

KEPT = 6
"""Connections that are kept of a pool at most."""


class Connections:
    """What pools of earlier tests left open, by the database and how they were opened."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, bool], list[asyncpg.Connection]] = {}

    def pool(self, url: str, **options: Any) -> Pool:
        """A pool that begins with the connections that the last one on that database left."""
        for address, is_unguarded in [*self._left]:
            if address.partition("@")[2] != url.partition("@")[2]:  # its database has been dropped
                for connection in self._left.pop((address, is_unguarded)):
                    connection.terminate()
        key = url, bool(options.get("unguarded"))
        return _Lasting(url, self._left.setdefault(key, []), **options)

    def close(self) -> None:
        for connection in [each for left in self._left.values() for each in left]:
            connection.terminate()


class _Lasting(Pool):
    def __init__(self, url: str, left: list[asyncpg.Connection], **options: Any) -> None:
        super().__init__(url, **options)
        self._left = left

    async def close(self, *, patience: timedelta = timedelta(seconds=10)) -> None:
        while self._idle and len(self._left) < KEPT:
            connection = self._idle.pop(0)
            try:
                await connection.reset(timeout=1)
            except FAILURES:
                connection.terminate()
            else:
                self._left.append(connection)
        await super().close(patience=patience)

    def lose(self, connection: asyncpg.Connection) -> None:
        while self._left:  # as idle as those that the pool closes now, and as likely to be dead
            self._left.pop().terminate()
        super().lose(connection)

    async def _connect(self) -> asyncpg.Connection:
        while self._left:
            connection = self._left.pop()
            if not connection.is_closed():
                return connection
        return await super()._connect()
