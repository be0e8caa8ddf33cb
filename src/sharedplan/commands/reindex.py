"""`sharedplan reindex`: the tables of current resources made anew from their versions, added search parameters too."""

import asyncio
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from sharedplan.access.rows import rows_of
from sharedplan.catalogue import CATALOGUE
from sharedplan.commands.adding import adding
from sharedplan.commands.database import database, migrate_if_needed
from sharedplan.commands.options import data_dir_option, read_settings
from sharedplan.errors import SharedplanError
from sharedplan.fhir import json_text
from sharedplan.search.indexing import index_values
from sharedplan.store.engine import Pool, RetryableConflict
from sharedplan.store.reindexing import BATCH, Batch, Derived, Values, reindex

PATIENCE = timedelta(minutes=10)
"""For the one statement that looks at a whole table."""

TRIES = 10
PAUSE = 0.05  # seconds; twice as long after each try


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

    def derived(type: str, content: str, version: int) -> str | None:
        return rows_of(json_text.read(content), version, base=settings.base)

    with database(settings) as url:
        migrate_if_needed(settings, url)
        try:
            problems = asyncio.run(_reindex(url, types or tuple(CATALOGUE), values, derived))
        except SharedplanError as failure:
            raise click.ClickException(f"given up: {failure}") from None
    for problem in problems:
        click.echo(f"cannot be used: {problem}", err=True)
    if problems:
        sys.exit(1)


async def _reindex(url: str, types: tuple[str, ...], values: Values, derived: Derived) -> tuple[str, ...]:
    """What of the SearchParameters cannot be used, with the reasons."""
    pool = Pool(url, size=1, statement_timeout=PATIENCE, idle_in_transaction_timeout=PATIENCE)
    try:
        async with adding(url, types) as problems:
            for type in types:
                begun, looked_at, mended = time.monotonic(), 0, 0
                last: str | None = ""
                while last is not None:
                    batch = await _one(pool, type, values, derived, last)
                    last, looked_at, mended = batch.last, looked_at + batch.looked_at, mended + batch.mended
                if looked_at or mended:
                    seconds = time.monotonic() - begun
                    click.echo(f"{type}: {looked_at:,} resources, {mended:,} rows mended, {seconds:.1f} s")
        return problems
    finally:
        await pool.close()


async def _one(pool: Pool, type: str, values: Values, derived: Derived, after: str) -> Batch:
    """One batch, again when another writer was in the way."""
    for attempt in range(TRIES - 1):
        try:
            return await reindex(pool, type, values, derived, after=after, size=BATCH)
        except RetryableConflict:
            await asyncio.sleep(PAUSE * 2**attempt)
    return await reindex(pool, type, values, derived, after=after, size=BATCH)
