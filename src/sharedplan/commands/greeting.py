"""What `serve --demo` adds: the demo world in an empty database, sent as a record system would, and how to begin."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

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


def show(settings: Settings, clock: Clock, stopping: Event, say: Callable[[str], None] = click.echo) -> None:
    """Wait until the service is ready, fill it if it is empty, and say how to begin.

    Raises DemoFailed.
    """
    if not _is_ready(settings, stopping):
        return
    if _is_empty(settings, clock):
        say("Filling the empty database with the demo world ...")
        for part in world.PARTS:
            token = own_token(settings, clock, client=CLIENT, organization=part.organization)
            _ask(settings, "", token, part.text.encode())
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


def _is_ready(settings: Settings, stopping: Event) -> bool:
    """Wait for readiness; False when the service stops before."""
    while not stopping.is_set():
        try:
            with urllib.request.urlopen(f"{settings.origin}/readyz", timeout=2):  # noqa: S310  # our own address
                return True
        except OSError:
            time.sleep(0.05)
    return False


def _is_empty(settings: Settings, clock: Clock) -> bool:
    """Whether there is no client at all: somebody's own data is left alone."""
    token = own_token(settings, clock, client=CLIENT, organization=world.ORGANIZATION)
    return bool(_ask(settings, "/Patient?_count=1", token)["total"] == 0)


def _ask(settings: Settings, path: str, token: str, body: bytes | None = None) -> Any:
    """The resource that is answered, to a GET or with a body to a POST."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": BODY, "Accept": BODY}
    request = urllib.request.Request(f"{settings.origin}/fhir{path}", body, headers)  # noqa: S310  # our own address
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # our own address
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        raise DemoFailed(f"the demo world was answered {refusal.code}: {refusal.read().decode()[:2000]}") from None
