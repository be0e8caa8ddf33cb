"""What the commands have in common: reading the settings, and failing with a sentence instead of a traceback."""

import asyncio
import os
from typing import Any

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError

from sharedplan.errors import Unavailable
from sharedplan.settings import Settings
from sharedplan.store.roles import may_operate, too_mighty


def read_settings(**given: Any) -> Settings:
    """The settings, with those from the command line (None: not given) above the environment's.

    Raises click.ClickException with a line for each setting that does not hold.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as failure:
        lines = [f"{_named(error['loc'])}: {error['msg'].removeprefix('Value error, ')}" for error in failure.errors()]
        raise click.ClickException("the settings do not hold together\n  " + "\n  ".join(lines)) from None
    except SettingsError as failure:
        raise click.ClickException(f"a setting is not the JSON it should be: {failure}") from None


def check_where_it_signs(settings: Settings) -> None:
    """Raises click.ClickException when others could reach a service that signs its own tokens."""
    if settings.signs_own_tokens and not settings.is_loopback:
        raise click.ClickException(
            "the service signs its own tokens, so whoever can run a command here can be anybody: it then listens on "
            "this machine only. Set SHAREDPLAN_ISSUERS (and SHAREDPLAN_ENVIRONMENT=production), or "
            "SHAREDPLAN_HOST=127.0.0.1"
        )


def check_role(settings: Settings, url: str) -> None:
    """Raises click.ClickException when the database role may not do its work or, in production, may do more, or when
    the database cannot say."""
    try:
        if settings.access == "scopes" and not asyncio.run(may_operate(url)):
            raise click.ClickException(
                "SHAREDPLAN_ACCESS=scopes reads the tables themselves: let SHAREDPLAN_DATABASE_URL name the role that "
                "owns them"
            )
        reason = asyncio.run(too_mighty(url)) if settings.environment == "production" else None
    except Unavailable as failure:
        raise click.ClickException(f"the database cannot be reached: {failure}") from None
    if reason is not None:
        raise click.ClickException(
            f"{reason}. Let one role own the tables and run `sharedplan migrate --grant-to ROLE`, and let the service "
            "work under that ROLE"
        )


def as_environment(settings: Settings) -> dict[str, str]:
    """The environment in which another process of ours reads these same settings again."""
    changed = {
        "SHAREDPLAN_HOST": settings.host,
        "SHAREDPLAN_PORT": str(settings.port),
        "SHAREDPLAN_WORKERS": str(settings.workers),
        "SHAREDPLAN_DATA_DIR": str(settings.data_dir.absolute()),
    }
    return os.environ | changed


def _named(place: tuple[int | str, ...]) -> str:
    if not place:
        return "together"
    head, *rest = place
    return "".join([f"SHAREDPLAN_{str(head).upper()}", *(f"[{part}]" for part in rest)])
