"""`sharedplan serve`: where workers will be forked from begins to import first, for that takes longest."""

from pathlib import Path

import click

from sharedplan.commands import data_dir_option, imports
from sharedplan.commands.nursery import prepare


@click.command()
@click.option("--host", help="Address to listen on  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0: any free one  [default: 8000]")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that serve  [default: 1]")
@click.option("--demo", is_flag=True, help="Fill an empty database with the demo world, and show how to begin")
@data_dir_option
def command(host: str | None, port: int | None, workers: int | None, demo: bool, data_dir: Path | None) -> None:
    """Migrate if needed, then serve.

    Ready when GET /readyz is 200. SIGTERM drains and stops; a worker or an embedded PostgreSQL that dies is started
    again.
    """
    prepare()
    with imports():
        from sharedplan.commands.serving import serve
    serve(host=host, port=port, workers=workers, demo=demo, data_dir=data_dir)
