"""`sharedplan reindex`: the tables of current resources made anew from their versions, added search parameters too."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from sharedplan.access.rows import rows_of
from sharedplan.catalogue import CATALOGUE
from sharedplan.commands import data_dir_option
from sharedplan.commands.adding import adding
from sharedplan.commands.database import database, operated
from sharedplan.commands.options import read_settings
from sharedplan.errors import SharedplanError
from sharedplan.fhir import json_text
from sharedplan.search.indexing import Inner, index_values, inner_values
from sharedplan.store import containing
from sharedplan.store.engine import Pool, RetryableConflict
from sharedplan.store.reindexing import BATCH, Batch, Derived, Inners, Values, reindex, reindex_contained

PATIENCE = timedelta(minutes=10)
"""For the one statement that looks at a whole table."""

TRIES = 10
PAUSE = 0.05  # seconds; twice as long after each try


T = TypeVar("T")


@click.command()
@click.option("--type", "types", multiple=True, type=click.Choice(list(CATALOGUE)), help="Only these  [default: all]")
@data_dir_option
def command(types: tuple[str, ...], data_dir: Path | None) -> None:
    """Rebuild the tables of current resources, and with them what searches find, from the stored versions.

    Active SearchParameters of these types that are not offered yet get their columns and indexes on the way, and can
    be searched by when it has ended; those that are active no more are retired. Exit 1 if one cannot be used.

    The service may run meanwhile. Only rows that are not as they should be are written.
    """
    settings = read_settings(data_dir=data_dir)

    def values(type: str, content: str) -> Mapping[str, Any]:
        return index_values(type, json_text.read(content), base=settings.base)

    def inners(type: str, content: str) -> Sequence[Inner]:
        return inner_values(json_text.read(content), base=settings.base) if '"contained"' in content else ()

    def derived(type: str, content: str, version: int) -> str | None:
        return rows_of(json_text.read(content), version, base=settings.base)

    with database(settings) as url:
        operated(settings, url)
        try:
            problems = asyncio.run(_reindex(url, types or tuple(CATALOGUE), values, derived, inners))
        except SharedplanError as failure:
            raise click.ClickException(f"given up: {failure}") from None
    for problem in problems:
        click.echo(f"cannot be used: {problem}", err=True)
    if problems:
        sys.exit(1)


async def _reindex(
    url: str, types: tuple[str, ...], values: Values, derived: Derived, inners: Inners
) -> tuple[str, ...]:
    """What of the SearchParameters cannot be used, with the reasons."""
    pool = Pool(url, size=1, statement_timeout=PATIENCE, idle_in_transaction_timeout=PATIENCE, unguarded=True)
    try:
        async with adding(url, types) as problems:
            for type in types:
                begun, looked_at, mended = time.monotonic(), 0, 0
                last: str | None = ""
                while last is not None:
                    asked = partial(reindex, pool, type, values, derived, inners, after=last, size=BATCH)
                    batch: Batch = await _again(asked)
                    last, looked_at, mended = batch.last, looked_at + batch.looked_at, mended + batch.mended
                mended += await _reindex_contained(pool, type, inners)
                if looked_at or mended:
                    seconds = time.monotonic() - begun
                    click.echo(f"{type}: {looked_at:,} resources, {mended:,} rows mended, {seconds:.1f} s")
        return problems
    finally:
        await pool.close()


async def _reindex_contained(pool: Pool, type: str, inners: Inners) -> int:
    """What is contained of a type in resources of others, too; how many rows were mended."""
    last: tuple[str, str, int, int] | None = ("", "", 0, 0)
    mended = 0
    while last is not None and type in containing.TYPES:
        last, found = await _again(partial(reindex_contained, pool, type, inners, after=last, size=BATCH))
        mended += found
    return mended


async def _again(batch: Callable[[], Awaitable[T]]) -> T:
    """One batch, again when another writer was in the way."""
    for attempt in range(TRIES - 1):
        try:
            return await batch()
        except RetryableConflict:
            await asyncio.sleep(PAUSE * 2**attempt)
    return await batch()
