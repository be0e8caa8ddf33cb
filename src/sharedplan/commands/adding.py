"""Search parameters on their way in, while the service runs: what comes before the rows are filled, and what after.

Before: new columns, and every writer fills them. After: indexes, and every worker offers the parameters. Whatever is
interrupted is taken up by the next `sharedplan reindex`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import click

from sharedplan.errors import Unavailable
from sharedplan.search import additions
from sharedplan.store import adding as store
from sharedplan.store import generations
from sharedplan.store.engine import FAILURES, meaning
from sharedplan.store.generations import SERVING, WORKING, Connection

LONGEST_WAIT = 600.0
"""Seconds that those who write by older parameters are waited for."""

PACE = 0.2
NAMES = {SERVING: "workers of the service", WORKING: "processes of loads and other commands"}


@asynccontextmanager
async def adding(url: str, types: Sequence[str]) -> AsyncIterator[tuple[str, ...]]:
    """Inside, the rows of these types are to be filled. Gives what cannot be used, with the reasons.

    Raises Unavailable when another process adds parameters, or somebody is in the way for too long.
    """
    try:
        connection = await generations.connected(url)
    except FAILURES as failure:
        raise meaning(failure) from None
    try:
        if not await store.alone(connection):
            raise Unavailable("another `sharedplan reindex` is at work")
        plan = await store.planned(connection, types)
        for parameter in plan.parameters:
            await store.add_columns(connection, parameter)
        if plan.filling or plan.retiring:
            generation = await generations.change(connection, [*plan.filling, *plan.retiring])
            await _wait(connection, generation, (SERVING, WORKING))
        for row in plan.retiring:
            click.echo(f"{row.type}: {row.code} is no longer offered; its columns stay, and are not filled any more")
        yield plan.problems
        for parameter in plan.parameters:
            await store.add_indexes(connection, parameter)
        if plan.filling:
            generation = await generations.change(
                connection, [replace(row, state=additions.READY) for row in plan.filling]
            )
            await _wait(connection, generation, (SERVING,))
        for row in plan.filling:
            click.echo(f"{row.type}: {row.code} can be searched by")
    except FAILURES as failure:
        raise meaning(failure) from failure
    finally:
        await connection.close(timeout=5)


async def _wait(connection: Connection, generation: int, families: Sequence[int]) -> None:
    """Returns when nobody of these works by an older generation. Raises Unavailable when that takes too long."""
    begun, told = time.monotonic(), False
    while older := await generations.older(connection, generation, families):
        waited = time.monotonic() - begun
        who = ", ".join(f"{NAMES[family]} ({n})" for family, n in sorted(older.items()))
        if waited > LONGEST_WAIT:
            raise Unavailable(f"still at work with the search parameters of before: {who}; try again when they ended")
        if waited > 5 and not told:
            click.echo(f"waiting for {who} that began before", err=True)
            told = True
        await asyncio.sleep(PACE)
