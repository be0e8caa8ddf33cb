"""`sharedplan load`: Bundles, single resources and NDJSON into the database, with their counts and refusals."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from sharedplan.commands import data_dir_option
from sharedplan.commands.database import database, operated
from sharedplan.commands.options import read_settings
from sharedplan.errors import SharedplanError
from sharedplan.fhir.references import parse
from sharedplan.loading import reading
from sharedplan.loading.preparing import Choices
from sharedplan.loading.report import Outcome
from sharedplan.loading.running import Progress as Reached
from sharedplan.loading.running import run

PROCESSES = 2
EVERY = 5.0
"""Seconds between two lines of progress when nobody is looking at a terminal."""


def organization(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and ((found := parse(value)).type != "Organization" or found.kind != "relative"):
        raise click.BadParameter("it is written as Organization/ID")
    return value


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option(
    "--organization",
    metavar="Organization/ID",
    callback=organization,
    help="Whose register it goes into; without, only its clients see it, and whom teams and consents let",
)
@click.option("--strict", is_flag=True, help="Refuse a Bundle that holds types which are not offered")
@data_dir_option
def command(paths: tuple[Path, ...], organization: str | None, strict: bool, data_dir: Path | None) -> None:
    """Load files, or all files of directories: Bundles (transaction, batch, collection), single resources, and NDJSON
    of either; gzip, too. Exit 1 if anything was refused.

    A transaction goes in whole or not at all; of the others each resource stands for itself. Entries of types that are
    not offered are left out, with the references to them. What was loaded before is found again: a resource keeps its
    id, and one that comes by POST gets an id that follows from its fullUrl and the organisation, or else from what it
    says. A condition (ifNoneExist) decides as it does over HTTP.
    """
    settings = read_settings(data_dir=data_dir)
    files = reading.files(paths)
    if not files:
        raise click.ClickException("there is nothing to load: no .json, .ndjson or .jsonl file, plain or .gz")
    choices = Choices(organization, strict, settings.base)
    with database(settings) as url:
        operated(settings, url)
        begun = time.monotonic()
        with _progress(sum(file.stat().st_size for file in files)) as told:
            try:
                outcome = run(files, url, choices, processes=PROCESSES, told=told)
            except SharedplanError as failure:
                raise click.ClickException(f"the load was given up: {failure}") from None
            except BrokenProcessPool:
                raise click.ClickException("the load was given up: one of its processes was killed") from None
        seconds = time.monotonic() - begun
    for refusal in outcome.refused:
        click.echo(f"refused {refusal}", err=True)
    for line in summary(outcome, seconds):
        click.echo(line)
    if outcome.refused:
        sys.exit(1)


def summary(outcome: Outcome, seconds: float) -> Iterator[str]:
    """What came of the load, line by line."""
    kinds = (
        ("created", outcome.created),
        ("updated", outcome.updated),
        ("unchanged", outcome.unchanged),
        ("deleted", outcome.deleted),
    )
    counts = ", ".join(f"{count.total():,} {name}" for name, count in kinds if count) or "nothing"
    yield f"loaded {outcome.stored:,} resources in {seconds:.1f} s ({outcome.stored / seconds:,.0f}/s): {counts}"
    for name, count in kinds:
        if count:
            yield f"  {name}: {_listed(count)}"
    if outcome.left_out:
        cut = f"{outcome.references_cut:,} references to them"
        yield f"left out {outcome.left_out.total():,} entries of types that are not offered, and {cut}"
        yield f"  left out: {_listed(outcome.left_out)}"
    yield f"refused {len(outcome.refused):,}"


def _listed(count: Counter[str]) -> str:
    return ", ".join(f"{type} {number:,}" for type, number in count.most_common())


@contextmanager
def _progress(size: int) -> Iterator[Callable[[Reached], None]]:
    """What to call on the way: a bar in a terminal, else a line now and then. `size`: bytes of all files."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(size)
        return
    columns = (TextColumn("loading"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=size, told="")

        def told(reached: Reached) -> None:
            bar.update(task, completed=reached.bytes, told=_told(reached.outcome))

        yield told


class _Lines:
    """Progress as lines of text."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._last = time.monotonic()

    def __call__(self, reached: Reached) -> None:
        now = time.monotonic()
        if now - self._last >= EVERY:
            self._last = now
            click.echo(f"{100 * reached.bytes // max(self._size, 1)} % done, {_told(reached.outcome)}", err=True)


def _told(outcome: Outcome) -> str:
    refused = f", {len(outcome.refused):,} refused" if outcome.refused else ""
    return f"{outcome.stored:,} resources{refused}"
