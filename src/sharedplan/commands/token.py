"""`sharedplan token`: one signed bearer token, where the service signs its own."""

from datetime import timedelta
from pathlib import Path

import click

from sharedplan.access.own_tokens import own_token
from sharedplan.clock import SystemClock
from sharedplan.commands import data_dir_option
from sharedplan.commands.options import read_settings
from sharedplan.errors import Incorrect
from sharedplan.secret_files import UnusableSecret


@click.command()
@click.option("--client", required=True, help="The record system: its client_id")
@click.option("--organization", metavar="Organization/ID", help="On whose behalf it acts")
@click.option("--user", metavar="Type/ID", help="The person: Practitioner, PractitionerRole, RelatedPerson or Patient")
@click.option("--purpose", default="TREAT", show_default=True, help="A code of v3 PurposeOfUse")
@click.option("--scope", help="SMART v2 scopes  [default: system/*.cruds; user/ or patient/ with --user]")
@click.option("--expires", type=click.IntRange(min=1), help="Seconds it is valid for  [default: 3600]")
@data_dir_option
def command(
    client: str,
    organization: str | None,
    user: str | None,
    purpose: str,
    scope: str | None,
    expires: int | None,
    data_dir: Path | None,
) -> None:
    """Print one signed bearer token, and nothing else.

    Works before, while and after `serve` runs on the same data directory.
    """
    settings = read_settings(data_dir=data_dir)
    try:
        token = own_token(
            settings,
            SystemClock(),
            client=client,
            organization=organization,
            person=user,
            purpose=purpose,
            scope=scope,
            lifetime=None if expires is None else timedelta(seconds=expires),
        )
    except (Incorrect, UnusableSecret) as failure:
        raise click.ClickException(str(failure)) from None
    except OSError as failure:
        raise click.ClickException(f"the signing key cannot be made or read: {failure}") from None
    click.echo(token)
