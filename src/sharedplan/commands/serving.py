"""What `sharedplan serve` does: the database, the workers, and a calm end of both."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread

import click

from sharedplan import logs
from sharedplan.clock import SystemClock
from sharedplan.commands.database import as_service, database, migrate_if_needed
from sharedplan.commands.options import as_environment, check_role, check_where_it_signs, read_settings
from sharedplan.commands.supervisor import Supervisor, WorkerFailed, listening_socket
from sharedplan.errors import Incorrect, Unavailable
from sharedplan.settings import Settings, unknown_names
from sharedplan.store.readiness import clients

GRACE = timedelta(seconds=5)
"""What the workers get beyond notice and draining, to close the pool and end."""


def serve(*, host: str | None, port: int | None, workers: int | None, demo: bool, data_dir: Path | None) -> None:
    """Migrate if needed, then serve until a signal says stop. What is None is as the settings have it.

    Raises click.ClickException with a sentence.
    """
    settings = read_settings(host=host, port=port, workers=workers, data_dir=data_dir)
    check_where_it_signs(settings)
    logs.set_up(settings.log_level, settings.log_format)
    for name, nearest in unknown_names(os.environ).items():
        logs.log.warning("setting_unknown", name=name, nearest=nearest)
    try:
        bound = listening_socket(settings.host, settings.port)
    except OSError as failure:
        raise click.ClickException(f"cannot listen on {settings.host} port {settings.port}: {failure}") from None
    settings = settings.model_copy(update={"port": bound.getsockname()[1]})
    with _numbers(settings) as (environment, worker_ended):
        patience = settings.drain_notice + settings.drain_timeout + GRACE
        supervisor = Supervisor(bound, environment, settings.workers, patience, worker_ended)
        if demo:
            where = "named by SHAREDPLAN_DATABASE_URL" if settings.database_url else f"embedded in {settings.data_dir}"
            click.echo(f"Starting on {settings.origin} with the PostgreSQL {where} ...")
        try:
            with database(settings) as url:
                try:
                    if migrate_if_needed(settings, url, publishes=True):
                        logs.log.info("database_prepared")
                    serving = as_service(settings, url)
                    check_role(settings, serving)
                    if demo:
                        _fill(settings, serving, supervisor)
                    supervisor.start(serving)
                    logs.log.info("service_started", address=settings.origin, workers=settings.workers)
                    if settings.signs_own_tokens:
                        logs.log.warning("tokens_signed_by_the_service_itself", meant_for="development")
                    if demo:
                        Thread(target=_greet, args=(settings, supervisor), daemon=True).start()
                    supervisor.run()
                finally:
                    supervisor.stop()
        except WorkerFailed as failure:
            raise click.ClickException(str(failure)) from None
        finally:
            supervisor.stop()
    logs.log.info("service_stopped")


def _fill(settings: Settings, url: str, supervisor: Supervisor) -> None:
    """The demo world goes in before anybody is let in, so that whoever finds the service ready finds all of it; the
    rest of it, if a start before came to an end amidst. Somebody's own data is left alone.

    Raises click.ClickException when the service dies meanwhile. What is refused is told, and the service is there
    without it.
    """
    from sharedplan.commands.greeting import fill  # seldom wanted, and long
    from sharedplan.demo import world
    from sharedplan.demo.stories.playing import Unreachable
    from sharedplan.demo.stories.setting import SettingFailed

    try:
        there = asyncio.run(clients(url, len(world.CLIENTS) + 1))
    except Unavailable as failure:
        raise click.ClickException(f"the database cannot be reached: {failure}") from None
    if not there < set(world.CLIENTS):
        return
    click.echo("Filling the empty database with the demo world ..." if not there else "Filling in the demo world ...")
    try:
        with supervisor.beforehand(url) as (address, is_there):
            fill(address, settings, SystemClock(), is_there)
    except (SettingFailed, Incorrect) as failure:
        click.echo(f"Error: {failure}", err=True)
    except (Unreachable, OSError) as failure:
        if not supervisor.is_stopping:
            raise click.ClickException(f"the demo world could not be put in: {failure}") from None


def _greet(settings: Settings, supervisor: Supervisor) -> None:
    from sharedplan.commands.greeting import greet

    try:
        greet(settings, SystemClock(), lambda: not supervisor.stopping.is_set())
    except (Incorrect, OSError) as failure:
        click.echo(f"Error: {failure}", err=True)


@contextmanager
def _numbers(settings: Settings) -> Iterator[tuple[dict[str, str], Callable[[int], None]]]:
    """The workers' environment, with a place where several of them add up their metrics; and what to do when one of
    them has died."""
    environment = as_environment(settings)
    if settings.workers == 1:
        yield environment, lambda pid: None
        return
    with tempfile.TemporaryDirectory(prefix="sharedplan-metrics-") as directory:

        def forget(pid: int) -> None:
            """Take a dead worker's gauges away; what it counted stays."""
            for file in Path(directory).glob(f"gauge_live*_{pid}.db"):
                file.unlink(missing_ok=True)

        yield environment | {"PROMETHEUS_MULTIPROC_DIR": directory}, forget
