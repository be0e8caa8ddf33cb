"""The database that service and floor share: what it holds, and what it costs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
import psutil

from benchmarks.servers import cpu_of

T = TypeVar("T")


class Database:
    """Short questions to a PostgreSQL, each over a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, question: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """What the question finds out, asked over one connection."""

        async def asked() -> T:
            connection = await asyncpg.connect(self.url)
            try:
                return await question(connection)
            finally:
                await connection.close()

        return asyncio.run(asked())

    def value(self, sql: str, *values: Any) -> Any:
        """The first value of the first row."""
        return self.ask(lambda connection: connection.fetchval(sql, *values))

    def run(self, *statements: str) -> None:
        """Carry out the statements, each in a transaction of its own."""

        async def all_of(connection: asyncpg.Connection) -> None:
            for statement in statements:
                await connection.execute(statement)

        self.ask(all_of)

    def processes(self) -> list[psutil.Process]:
        """The postmaster and its children."""

        async def family(connection: asyncpg.Connection) -> list[psutil.Process]:
            postmaster = psutil.Process(connection.get_server_pid()).parent()
            return [postmaster, *postmaster.children()]

        return self.ask(family)

    def cpu(self) -> float:
        """CPU seconds that the PostgreSQL processes which now run have used so far."""
        return cpu_of(self.processes())
