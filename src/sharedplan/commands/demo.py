"""`sharedplan demo`: plays the stories of the service models against a running service, and prints each step with what
the record systems see of it."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from sharedplan.access.own_tokens import own_token
from sharedplan.clock import SystemClock
from sharedplan.commands import data_dir_option
from sharedplan.commands.options import read_settings
from sharedplan.demo.stories.playing import Played, Service, Unreachable, play
from sharedplan.demo.stories.setting import SettingFailed, set_up
from sharedplan.demo.stories.shelf import STORIES
from sharedplan.demo.stories.steps import Asker, Story
from sharedplan.errors import Incorrect
from sharedplan.secret_files import UnusableSecret
from sharedplan.settings import Settings

CLIENT = "stories"
"""The client_id of their tokens."""
SYSTEM = "Record system of "
"""What the names of systems begin with, and a line of who sees something leaves out."""


@click.command()
@click.argument("stories", nargs=-1, metavar="[STORY]...", type=click.Choice(list(STORIES)))
@click.option("--url", help="Where the service is  [default: http://127.0.0.1:8000]")
@data_dir_option
@click.option(
    "--language",
    type=click.Choice(["fi", "sv", "en"]),
    default="en",
    show_default=True,
    help="Of what the service says",
)
def command(stories: tuple[str, ...], url: str | None, data_dir: Path | None, language: str) -> None:
    """Play the stories of the five service models on a running service (by default all of them).

    Each is played over HTTP as the record systems of a social organisation, a health organisation and an NGO would:
    a new client begins, and the model's demo client goes on from where he is. What the service lacks of the demo world
    is put in. It makes its tokens with the service's own key, so it needs the service's data directory.
    """
    settings = read_settings(data_dir=data_dir)
    service = Service((url or settings.origin).rstrip("/"), lambda by: _token(settings, by), language)
    try:
        told = [STORIES[id] for id in stories or STORIES]
        if new := set_up(service, *(story.client for story in told)):
            click.echo(f"This service did not have all of the demo world; put in: {', '.join(new)}.")
        for story in told:
            _tell(story, service)
    except (Incorrect, UnusableSecret, Unreachable, SettingFailed) as failure:
        raise click.ClickException(str(failure)) from None
    finally:
        service.close()


def _token(settings: Settings, by: Asker) -> str:
    try:
        return own_token(
            settings, SystemClock(), client=CLIENT, organization=by.organization, person=by.person, purpose=by.purpose
        )
    except OSError as failure:
        raise click.ClickException(f"the signing key cannot be made or read: {failure}") from None


def _tell(story: Story, service: Service) -> None:
    """Raises click.ClickException when a step comes out otherwise."""
    click.secho(f"\n{story.title}", bold=True)
    click.echo("\n".join(textwrap.wrap(story.about, 100)))
    for each in play(story, service, SystemClock()):
        click.echo("\n".join(_lines(each)))
        if each.faults:
            raise click.ClickException(
                f"{story.id}, step {each.number}, came out otherwise than the story says: {'; '.join(each.faults)}"
            )


def _lines(played: Played) -> Iterator[str]:
    """Who does what, the request line, what came of it, and which of the record systems see what was written."""
    step, answer = played.step, played.answer
    if played.opens:
        yield "\n" + click.style(played.opens, underline=True) + "\n"
    doing = textwrap.fill(f"{step.by.called} {step.doing}", 105, subsequent_indent="     ")
    yield f"{played.number:>3}. " + doing.replace(step.by.called, click.style(step.by.called, bold=True), 1)
    yield click.style(f"     {step.request.method} /fhir/{step.request.path}", dim=True)
    first, *rest = [*step.outcome.tells(answer)] or [""]
    status = click.style(str(answer.status), fg="green" if answer.status < 300 else "yellow")
    for number, line in enumerate([first, *rest]):
        start = f"     {status}  " if number == 0 else " " * 10
        yield (start + ("\n" + " " * 12).join(textwrap.wrap(line, 105))).rstrip()
    if played.seen:
        told = {word: _systems(played, sees) for word, sees in (("seen by", True), ("hidden from", False))}
        yield "          " + "; ".join(f"{word} {systems}" for word, systems in told.items() if systems)


def _systems(played: Played, sees: bool) -> str:
    """The names of those systems that see what was written, or of those that do not."""
    return " and ".join(each.name.removeprefix(SYSTEM) for each, there in played.seen if there == sees)
