"""`sharedplan export`: current resources as NDJSON, a file for each type, or all on standard output."""

import asyncio
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TextIO

import click

from sharedplan.catalogue import CATALOGUE
from sharedplan.commands import data_dir_option
from sharedplan.commands.database import database, operated
from sharedplan.commands.options import read_settings
from sharedplan.errors import SharedplanError
from sharedplan.loading.exporting import exported
from sharedplan.store.engine import Pool
from sharedplan.store.unit_of_work import Store

PATIENCE = timedelta(minutes=2)


def instant(ctx: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """An instant with its offset, as FHIR writes one."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise click.BadParameter("an instant with its offset: 2026-01-31T12:00:00Z")
    return found


@click.command()
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for TYPE.ndjson files  [default: standard output]",
)
@click.option("--type", "types", multiple=True, type=click.Choice(list(CATALOGUE)), help="Only these  [default: all]")
@click.option("--since", callback=instant, metavar="INSTANT", help="Only what was changed then or later")
@data_dir_option
def command(to: Path | None, types: tuple[str, ...], since: datetime | None, data_dir: Path | None) -> None:
    """Write the current resources as NDJSON, one a line, in the order of their ids.

    `sharedplan load` reads them again, to the same ids. What is deleted and what was before is not in it.
    """
    settings = read_settings(data_dir=data_dir)
    if to is not None:
        try:
            to.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise click.ClickException(f"cannot write to {to}: {failure.strerror}") from None
    with database(settings) as url:
        operated(settings, url)
        try:
            asyncio.run(_export(url, types or tuple(CATALOGUE), since, to))
        except SharedplanError as failure:
            raise click.ClickException(f"given up: {failure}") from None
        except BrokenPipeError:
            with suppress(OSError):  # whoever was reading has had enough
                sys.stdout.close()


async def _export(url: str, types: tuple[str, ...], since: datetime | None, to: Path | None) -> None:
    pool = Pool(url, size=1, statement_timeout=PATIENCE, unguarded=True)
    store = Store(pool)
    try:
        for type in types:
            if to is None:
                await _write(store, type, since, sys.stdout)
                continue
            partial = to / f"{type}.ndjson.partial"
            with partial.open("w", encoding="utf-8") as file:
                count = await _write(store, type, since, file)
            if count:
                partial.replace(to / f"{type}.ndjson")
                click.echo(f"{type}: {count:,}", err=True)
            else:
                partial.unlink()
    finally:
        await pool.close()


async def _write(store: Store, type: str, since: datetime | None, file: TextIO) -> int:
    """Writes the resources of a type, and says how many there were."""
    count = 0
    async for page in exported(store.begin, type, since=since):
        file.writelines(f"{text}\n" for text in page)
        count += len(page)
    return count
