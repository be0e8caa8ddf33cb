"""The follower: a worker's eye on the added search parameters, so that they work without a restart.

What is new is taken on between two requests. The generation before is let go only when every unit of work that had
begun by then has been left, for it may write what it had found out before.
"""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from sharedplan.logs import log, place
from sharedplan.search import additions
from sharedplan.store import generations
from sharedplan.store.engine import FAILURES

PACE = 1.0
"""Seconds between two looks: one short statement each."""


class Follower:
    """Follows one database on a connection of its own."""

    def __init__(self, url: str, settled: Callable[[], Awaitable[None]]) -> None:
        """`settled` returns when all units of work that are open now have been left."""
        self._url = url
        self._settled = settled
        self._connection: asyncpg.Connection | None = None
        self._generation = -1

    @property
    def is_following(self) -> bool:
        """Whether this process holds the generation that it works by."""
        return self._connection is not None and not self._connection.is_closed()

    async def look(self) -> None:
        """Takes on what is new, if anything is; a lost connection is made anew. When the database does not answer, all
        stays as it is."""
        try:
            if not self.is_following:
                self._connection = None
                connection = await generations.connected(self._url)
                try:
                    await self._take_on(connection, before=None)
                except BaseException:
                    connection.terminate()
                    raise
                self._connection = connection
            elif (connection := self._connection) is not None and (
                await connection.fetchval(generations.NEWEST, timeout=5) != self._generation
            ):
                await self._take_on(connection, before=self._generation)
        except FAILURES as failure:
            log.warning("parameters_not_followed", failure=type(failure).__name__)
            if self._connection is not None:
                self._connection.terminate()
                self._connection = None
        except Exception as failure:  # whatever it is, the next look may do better, and none would help nobody
            log.error("parameters_not_taken_on", failure=type(failure).__name__, place=place(failure))

    async def follow(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(PACE)
            await self.look()

    def close(self) -> None:
        """Lets go of everything."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _take_on(self, connection: asyncpg.Connection, before: int | None) -> None:
        generation, found = await generations.locked(connection, generations.SERVING)
        if generation != self._generation:
            additions.take_on(found)
            self._generation = generation
            if found:
                log.info("parameters_taken_on", generation=generation, parameters=len(found))
        if before is not None and before != generation:
            await self._settled()
            await generations.unlock(connection, generations.SERVING, before)
