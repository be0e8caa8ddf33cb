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
from sharedplan.store.embedded import Embedded
from sharedplan.store.postmaster import EmbeddedError
from sharedplan.store.readiness import is_prepared


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
    if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode:  # noqa: S603  # our own command
        raise click.ClickException("the database could not be brought to the newest schema")
    return True
