"""`sharedplan migrate`: the database at the newest schema."""

import asyncio
from pathlib import Path

import click

from sharedplan.commands.database import database
from sharedplan.commands.options import data_dir_option, read_settings
from sharedplan.store.migrations import migrate
from sharedplan.store.roles import grant
from sharedplan.store.schema import HEAD


@click.command()
@click.option("--grant-to", metavar="ROLE", help="The database role that the service works under: gets what it needs")
@data_dir_option
def command(grant_to: str | None, data_dir: Path | None) -> None:
    """Bring the database to the newest schema; waits for another process that is at it.

    In production the role that migrates owns the tables, and the service works under another one.
    """
    settings = read_settings(data_dir=data_dir)
    with database(settings) as url:
        try:
            migrate(url)
            if grant_to is not None:
                asyncio.run(grant(url, grant_to))
        except Exception as failure:
            raise click.ClickException(f"the migration failed: {type(failure).__name__}: {failure}") from None
    click.echo(f"the schema is {HEAD}")
