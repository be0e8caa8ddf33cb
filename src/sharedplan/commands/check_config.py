"""`sharedplan check-config`: whether the settings hold together, and what follows from them.

There is no setting that lets other origins' pages read answers (CORS): a wildcard cannot be set.
"""

import os
from pathlib import Path

import click

from sharedplan.access.clients import registered
from sharedplan.access.fetched_keys import Fetcher
from sharedplan.access.keys import BadKey, trusted_keys
from sharedplan.access.own_key import signer
from sharedplan.clock import SystemClock
from sharedplan.commands import data_dir_option
from sharedplan.commands.options import check_role, check_where_it_signs, read_settings
from sharedplan.secret_files import UnusableSecret
from sharedplan.settings import Settings, unknown_names


@click.command()
@data_dir_option
def command(data_dir: Path | None) -> None:
    """Say whether the settings hold together; exit 1 if not.

    In production it asks the database whether its role is a safe one.
    """
    settings = read_settings(data_dir=data_dir)
    _check_names()
    check_where_it_signs(settings)
    try:
        tokens, clients = _tokens(settings), registered(settings, Fetcher(), SystemClock())
    except (BadKey, UnusableSecret, OSError) as failure:
        raise click.ClickException(str(failure)) from None
    if settings.database_url is not None:
        check_role(settings, settings.database_url.get_secret_value())
    database = "the PostgreSQL of SHAREDPLAN_DATABASE_URL" if settings.database_url else "embedded PostgreSQL"
    for name, value in (
        ("environment", settings.environment),
        ("FHIR base", settings.base),
        ("database", database if settings.database_url else f"{database} in {settings.data_dir}"),
        ("tokens", tokens),
        (
            "access",
            "registers, teams and consents" if settings.access == "consent" else "scopes alone, for development",
        ),
        ("break-glass", f"opens {settings.break_glass_lasts.total_seconds() / 60:g} minutes"),
        ("clients", ", ".join(clients) or "none"),
        ("audience", settings.expected_audience),
        ("workers", f"{settings.workers}, with {settings.pool_size} database connections each"),
    ):
        click.echo(f"{name + ':':<13}{value}")


def _check_names() -> None:
    """Raises click.ClickException for what looks like a setting and is none, for it would be without effect."""
    unknown = unknown_names(os.environ)
    if unknown:
        told = (f"{name}{f': do you mean {nearest}?' if nearest else ''}" for name, nearest in unknown.items())
        raise click.ClickException("there are no such settings\n  " + "\n  ".join(told))


def _tokens(settings: Settings) -> str:
    """Whose tokens are taken, in words. Raises BadKey, UnusableSecret, OSError for keys that cannot be used."""
    if settings.signs_own_tokens:
        return f"signed by the service itself, key in {settings.data_dir}; for development only"
    keys = [f"{key.issuer} key {key.kid} ({key.algorithm})" for key in trusted_keys(settings)]
    fetched = [f"{each.iss} keys at {each.jwks_url}" for each in settings.issuers if each.jwks_url is not None]
    signed = [f"signed here, first key {ours.keys[0].kid}"] if (ours := signer(settings)) is not None else []
    return "; ".join([*keys, *fetched, *signed]) or "none are taken"
