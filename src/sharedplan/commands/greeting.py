"""What `serve --demo` adds: the demo world in an empty database, sent as a record system would, and how to begin."""

import time
import urllib.request
from collections.abc import Callable
from datetime import timedelta

import click

from sharedplan.access.own_tokens import own_token
from sharedplan.clock import Clock
from sharedplan.demo import world
from sharedplan.demo.stories.playing import Service
from sharedplan.demo.stories.setting import set_up
from sharedplan.settings import Settings

CLIENT = "demo"
LASTS = timedelta(hours=12)


def fill(address: str, settings: Settings, clock: Clock, is_there: Callable[[], bool]) -> None:
    """Put in what is not there of the demo world, through the service at that address once it is ready; nothing when it
    goes away before.

    Raises SettingFailed, and Unreachable when it goes away meanwhile.
    """
    if _is_ready(address, is_there):
        service = Service(address, lambda by: own_token(settings, clock, client=CLIENT, organization=by.organization))
        try:
            set_up(service, *world.CLIENTS)
        finally:
            service.close()


def greet(
    settings: Settings, clock: Clock, is_there: Callable[[], bool], say: Callable[[str], None] = click.echo
) -> None:
    """Say how to begin, once the service is ready."""
    if not _is_ready(settings.origin, is_there):
        return
    lasts = min(LASTS, settings.token_lifetime_limit)
    token = own_token(
        settings,
        clock,
        client=CLIENT,
        organization=world.ORGANIZATION,
        person=world.PERSON,
        lifetime=lasts,
    )
    say(f"""
Sharedplan is ready.  Ctrl-C stops it.

  FHIR base       {settings.origin}/fhir
  documentation   {settings.origin}/docs

A shared plan, as its coordinator {world.PERSON} sees it (the token lasts {lasts.total_seconds() / 3600:.0f} hours):

curl -s '{settings.origin}/fhir/{world.PLAN}?_pretty=true' -H 'Authorization: Bearer {token}'
""")


def _is_ready(address: str, is_there: Callable[[], bool]) -> bool:
    """Wait for readiness; False when it is not there any more before."""
    while is_there():
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2):  # noqa: S310  # our own address
                return True
        except OSError:
            time.sleep(0.05)
    return False
