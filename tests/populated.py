"""A database with the benchmarks' population, and short questions to it."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import asyncpg
from benchmarks.filler import templates
from benchmarks.population import Json

from exchange.asking import BASE, POLICY, RECORDS
from sharedplan.access.principal import Principal
from sharedplan.clock import SystemClock
from sharedplan.exchange.perform import perform
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.store.engine import Pool
from sharedplan.store.unit_of_work import Store

PLANS = 600
NUMBER = 123
"""The plan that is looked at."""


async def _asked(url: str, questions: list[Asked], by: Principal) -> list[Answer]:
    pool = Pool(url)
    try:
        store = Store(pool)
        return [await perform(each, by, store.begin, SystemClock(), POLICY) for each in questions]
    finally:
        await pool.close()


def ask(url: str, *questions: Asked, by: Principal = RECORDS) -> list[Any]:
    """What the service answers, parsed."""
    answers = asyncio.run(_asked(url, list(questions), by))
    return [json.loads(answer.content) if answer.content else None for answer in answers]


def put_templates(url: str, written: Iterable[tuple[str, Json]] | None = None, by: Principal = RECORDS) -> None:
    """Write the filler's templates, or what else is to be `written`, as the service does."""
    puts = []
    for path, body in templates() if written is None else written:
        type, id = path.split("/")
        puts.append(Asked("update", type, id, body=body, base=BASE, method="PUT"))
    for put, answer in zip(puts, ask(url, *puts, by=by), strict=True):
        assert answer["id"] == put.id


def values(url: str, *statements: str) -> list[Any]:
    """The first value that each statement gives."""

    async def asked() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(asked())
