"""`sharedplan migrate`: the database at the newest schema, and what the service publishes in it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import click

from sharedplan.clock import SystemClock
from sharedplan.commands import data_dir_option
from sharedplan.commands.database import database, role_of_service
from sharedplan.commands.options import read_settings
from sharedplan.errors import SharedplanError
from sharedplan.publishing import publish
from sharedplan.store.engine import Pool
from sharedplan.store.generations import holding
from sharedplan.store.migrations import UnknownRevision, migrate
from sharedplan.store.roles import grant
from sharedplan.store.schema import HEAD
from sharedplan.store.unit_of_work import Store

PATIENCE = timedelta(minutes=1)
"""For another process that publishes just now."""


@click.command()
@click.option("--grant-to", metavar="ROLE", help="The database role that the service works under: gets what it needs")
@data_dir_option
def command(grant_to: str | None, data_dir: Path | None) -> None:
    """Bring the database to the newest schema; waits for another process that is at it.

    What the service itself publishes is stored, too: its SearchParameters, and whatever else others build on. In
    production the role that migrates owns the tables, and the service works under another one.
    """
    settings = read_settings(data_dir=data_dir)
    with database(settings) as url:
        try:
            migrate(url)
            grant_to = grant_to or role_of_service(settings, url)
            if grant_to is not None:
                asyncio.run(grant(url, grant_to))
        except UnknownRevision as failure:
            raise click.ClickException(str(failure)) from None
        except Exception as failure:
            raise click.ClickException(f"the migration failed: {type(failure).__name__}: {failure}") from None
        click.echo(f"the schema is {HEAD}")
        try:
            for name in asyncio.run(_publish(url, settings.base)):
                click.echo(f"published {name}")
        except SharedplanError as failure:
            raise click.ClickException(f"the schema is the newest, but nothing was published: {failure}") from None


async def _publish(url: str, base: str) -> list[str]:
    pool = Pool(url, size=1, lock_timeout=PATIENCE, statement_timeout=PATIENCE, unguarded=True)
    try:
        async with holding(url):
            return await publish(Store(pool), SystemClock(), base=base)
    finally:
        await pool.close()
