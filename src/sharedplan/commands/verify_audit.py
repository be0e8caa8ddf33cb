"""`sharedplan verify-audit`: whether the audit trail is as it was written."""

import asyncio
from datetime import timedelta
from pathlib import Path

import click

from sharedplan.commands import data_dir_option
from sharedplan.commands.database import database
from sharedplan.commands.options import read_settings
from sharedplan.errors import SharedplanError
from sharedplan.store.engine import Pool
from sharedplan.store.sealing import checked, unsealed

PATIENCE = timedelta(minutes=10)
"""For one statement over many seals."""

_TOLD = 20  # broken seals that are told one by one


@click.command()
@click.option("--head", metavar="HASH", help="A head that was printed before: it must still be among the seals")
@data_dir_option
def command(head: str | None, data_dir: Path | None) -> None:
    """Compare every seal of the audit trail with the rows that it covers.

    Prints how many rows are sealed, how many wait for the next seal, and the head, the hash of the last seal: keep it
    where nobody who can write to the database can, and give it back later. Exit 1 if anything was changed.
    """
    settings = read_settings(data_dir=data_dir)
    with database(settings) as url:
        try:
            problems = asyncio.run(_verify(url, head))
        except SharedplanError as failure:
            raise click.ClickException(f"given up: {failure}") from None
    if problems:
        raise click.exceptions.Exit(1)


async def _verify(url: str, head: str | None) -> int:
    pool = Pool(url, size=1, statement_timeout=PATIENCE)
    seals = rows = problems = 0
    last, heads = "none", set()
    try:
        async for each in checked(pool):
            seals, rows, last = seals + 1, rows + each.found, each.hash
            heads.add(each.hash)
            if not each.holds:
                problems += 1
                if problems <= _TOLD:
                    click.echo(f"seal {each.number} of {each.at} does not fit: {each.rows} rows then, {each.found} now")
        if head is not None and head not in heads:
            problems += 1
            click.echo("the head that was given is not among the seals: the end of the trail was cut off or replaced")
        waiting = await unsealed(pool)
    finally:
        await pool.close()
    click.echo(f"{rows:,} rows under {seals:,} seals, {waiting:,} waiting; {problems or 'no'} problems; head {last}")
    return problems
