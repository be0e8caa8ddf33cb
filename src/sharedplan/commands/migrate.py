"""`sharedplan migrate`: the database at the newest schema."""

from pathlib import Path

import click

from sharedplan.commands.database import database
from sharedplan.commands.options import data_dir_option, read_settings
from sharedplan.store.migrations import migrate
from sharedplan.store.schema import HEAD


@click.command()
@data_dir_option
def command(data_dir: Path | None) -> None:
    """Bring the database to the newest schema; waits for another process that is at it."""
    settings = read_settings(data_dir=data_dir)
    with database(settings) as url:
        try:
            migrate(url)
        except Exception as failure:
            raise click.ClickException(f"the migration failed: {type(failure).__name__}: {failure}") from None
    click.echo(f"the schema is {HEAD}")
