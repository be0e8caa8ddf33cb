"""Commands on a test's database, and a look at what they left there."""

import asyncio
from typing import Any

import asyncpg
from click.testing import CliRunner, Result

from sharedplan.commands import main


class Commands:
    """Runs `sharedplan …` on one database."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, *arguments: object) -> Result:
        runner = CliRunner(env={"SHAREDPLAN_DATABASE_URL": self.url})
        result = runner.invoke(main, [str(each) for each in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async def fetched() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.url)
            try:
                return [tuple(row) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(fetched())
