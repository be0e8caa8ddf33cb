"""The `sharedplan` command; each subcommand's module is imported only when it is called, so that all are quick."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

COMMANDS = {
    "serve": "Migrate if needed, then serve.",
    "token": "Print one signed bearer token.",
    "demo": "Play the stories of the five service models on a running service.",
    "load": "Read Bundles, resources and NDJSON into the database.",
    "export": "Write resources out as NDJSON.",
    "migrate": "Bring the database to the newest schema.",
    "reindex": "Rebuild the tables of current resources from their versions.",
    "openapi": "Print the OpenAPI description.",
    "check-config": "Say whether the settings hold together.",
    "verify-audit": "Say whether the audit trail is as it was written.",
}
"""Name → what it does, in one line; module `sharedplan.commands.check_config` has the function `command`."""


@contextmanager
def imports() -> Iterator[None]:
    """What is imported inside stays for good: to look through it for garbage again and again took a fifth of the time,
    and later would of every full collection."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def data_dir_option(command: Command) -> Command:
    """`--data-dir`: where the embedded PostgreSQL and the service's own key live."""
    option = click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Directory of the embedded PostgreSQL and the signing key  [default: ./var]",
    )
    return option(command)


class Lazy(click.Group):
    """A group that knows its commands by name, and their modules only when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        with imports():
            command = import_module(f"sharedplan.commands.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """One shared client plan for social and health care, as a FHIR R4 service.

    Every setting is an environment variable SHAREDPLAN_*; .env.example lists them.
    """
