"""`sharedplan demo`: plays the stories of the service models against a running service, and prints each step."""

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

    Each is played over HTTP as the record systems of a social organisation, a health organisation and an NGO would,
    with new clients. It makes its tokens with the service's own key, so it needs the service's data directory.
    """
    settings = read_settings(data_dir=data_dir)
    service = Service((url or settings.origin).rstrip("/"), lambda by: _token(settings, by), language)
    try:
        set_up(service)
        for id in stories or STORIES:
            _tell(STORIES[id], service)
    except (Incorrect, UnusableSecret, Unreachable, SettingFailed) as failure:
        raise click.ClickException(str(failure)) from None
    except OSError as failure:
        raise click.ClickException(f"the signing key cannot be made or read: {failure}") from None
    finally:
        service.close()


def _token(settings: Settings, by: Asker) -> str:
    return own_token(
        settings, SystemClock(), client=CLIENT, organization=by.organization, person=by.person, purpose=by.purpose
    )


def _tell(story: Story, service: Service) -> None:
    """Raises click.ClickException when a step comes out otherwise."""
    click.secho(f"\n{story.title}", bold=True)
    click.echo("\n".join(textwrap.wrap(story.about, 100)) + "\n")
    for each in play(story, service, SystemClock()):
        click.echo("\n".join(_lines(each)))
        if each.faults:
            raise click.ClickException(
                f"{story.id}, step {each.number}, came out otherwise than the story says: {'; '.join(each.faults)}"
            )


def _lines(played: Played) -> Iterator[str]:
    """Who does what, the request line, and what came of it."""
    step, answer = played.step, played.answer
    yield f"{played.number:>3}. {click.style(step.by.called, bold=True)} {step.doing}"
    yield click.style(f"     {step.request.method} /fhir/{step.request.path}", dim=True)
    first, *rest = [*step.outcome.tells(answer)] or [""]
    status = click.style(str(answer.status), fg="green" if answer.status < 300 else "yellow")
    for number, line in enumerate([first, *rest]):
        start = f"     {status}  " if number == 0 else " " * 10
        yield (start + ("\n" + " " * 12).join(textwrap.wrap(line, 105))).rstrip()
