"""Which database a command works on: the one that the settings name, or the embedded one, started for as long."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import click

from sharedplan import published
from sharedplan.commands.options import as_environment
from sharedplan.errors import Unavailable
from sharedplan.settings import Settings
from sharedplan.store import embedded as on_board
from sharedplan.store.embedded import Embedded
from sharedplan.store.postmaster import EmbeddedError
from sharedplan.store.readiness import is_prepared
from sharedplan.store.roles import make, may_operate


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The database's address, while it is in use; an embedded server that dies meanwhile is started again.

    Raises click.ClickException when the embedded PostgreSQL cannot be started.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    embedded, left = Embedded(settings.data_dir), Event()
    try:
        embedded.join()
    except (EmbeddedError, OSError) as failure:
        raise click.ClickException(f"the embedded PostgreSQL cannot be started: {failure}") from None
    watch = Thread(target=embedded.watch, args=(left,), daemon=True)
    watch.start()
    try:
        yield embedded.url
    finally:
        left.set()
        watch.join()
        embedded.leave()


def operated(settings: Settings, url: str) -> None:
    """Bring the database to the newest schema if it is not, for a command that works on all that is stored.

    Raises click.ClickException as `migrate_if_needed` does, and when the role may not read the tables.
    """
    migrate_if_needed(settings, url)
    if not asyncio.run(may_operate(url)):
        raise click.ClickException(
            "this command works on all that is stored: let SHAREDPLAN_DATABASE_URL name the role that owns the tables, "
            "not the service's, who sees nothing without a token"
        )


def as_service(settings: Settings, url: str) -> str:
    """The address under which the service works on that database: under a role of its own on the embedded one, unless
    scopes alone decide, which needs the tables themselves."""
    if settings.database_url is None and settings.access == "consent":
        return on_board.of_service(url)
    return url


def role_of_service(settings: Settings, url: str) -> str | None:
    """The role of the service on the embedded database, made if there is none; None on another, where it is named."""
    if settings.database_url is not None:
        return None
    asyncio.run(make(url, on_board.SERVICE))
    return on_board.SERVICE


def migrate_if_needed(settings: Settings, url: str, *, publishes: bool = False) -> bool:
    """Bring the database to the newest schema, and what the service publishes into it if it `publishes`; whether there
    was anything to do.

    In a process of its own, for what Alembic needs would else stay in memory for as long as the service runs.
    Raises click.ClickException when the database cannot be reached or the migration fails.
    """
    try:
        if asyncio.run(is_prepared(url, published.texts() if publishes else {})):
            return False
    except Unavailable as failure:
        raise click.ClickException(f"the database cannot be reached: {failure}") from None
    environment = as_environment(settings) | {"SHAREDPLAN_DATABASE_URL": url}
    command = [sys.executable, "-m", "sharedplan", "migrate"]
    if role := role_of_service(settings, url):
        command += ["--grant-to", role]
    if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode:  # noqa: S603  # our own command
        raise click.ClickException("the database could not be brought to the newest schema")
    return True
