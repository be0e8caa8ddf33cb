"""What `serve --demo` adds: the demo world in an empty database, sent as a record system would, and how to begin."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta

import click

from sharedplan.access.own_tokens import own_token
from sharedplan.clock import Clock
from sharedplan.demo import world
from sharedplan.settings import Settings

CLIENT = "demo"
LASTS = timedelta(hours=12)
BODY = "application/fhir+json"


class DemoFailed(Exception):
    """The demo world was not taken; the text says what the service answered."""


def fill(address: str, settings: Settings, clock: Clock, is_there: Callable[[], bool]) -> None:
    """Put the demo world in, through the service at that address once it is ready; nothing when it goes away before.

    Raises DemoFailed.
    """
    if _is_ready(address, is_there):
        for part in world.PARTS:
            token = own_token(settings, clock, client=CLIENT, organization=part.organization)
            _send(f"{address}/fhir", token, part.text.encode())


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


def _send(base: str, token: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": BODY, "Accept": BODY}
    request = urllib.request.Request(base, body, headers)  # noqa: S310  # our own address
    try:
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310  # our own address
            return
    except urllib.error.HTTPError as refusal:
        raise DemoFailed(f"the demo world was answered {refusal.code}: {refusal.read().decode()[:2000]}") from None
