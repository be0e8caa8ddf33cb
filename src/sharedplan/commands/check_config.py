"""`sharedplan check-config`: whether the settings hold together, and what follows from them."""

from pathlib import Path

import click

from sharedplan.access.keys import BadKey, trusted_keys
from sharedplan.commands.options import check_where_it_signs, data_dir_option, read_settings
from sharedplan.secret_files import UnusableSecret


@click.command()
@data_dir_option
def command(data_dir: Path | None) -> None:
    """Say whether the settings hold together; exit 1 if not."""
    settings = read_settings(data_dir=data_dir)
    check_where_it_signs(settings)
    if settings.signs_own_tokens:
        tokens = f"signed by the service itself, key in {settings.data_dir}; for development only"
    else:
        try:
            keys = trusted_keys(settings)
        except (BadKey, UnusableSecret) as failure:
            raise click.ClickException(str(failure)) from None
        tokens = "; ".join(f"{key.issuer} key {key.kid} ({key.algorithm})" for key in keys)
    database = "the PostgreSQL of SHAREDPLAN_DATABASE_URL" if settings.database_url else "embedded PostgreSQL"
    for name, value in (
        ("environment", settings.environment),
        ("FHIR base", settings.base),
        ("database", database if settings.database_url else f"{database} in {settings.data_dir}"),
        ("tokens", tokens),
        ("audience", settings.expected_audience),
        ("workers", f"{settings.workers}, with {settings.pool_size} database connections each"),
    ):
        click.echo(f"{name + ':':<13}{value}")
