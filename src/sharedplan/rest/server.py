"""uvicorn as this service runs it: httptools and uvloop, bounded heads, no names of programs, and a stop that drains.

https://uvicorn.dev/settings/
"""

import asyncio
import signal
import socket
from datetime import timedelta
from types import FrameType

import uvicorn
from fastapi import FastAPI

from sharedplan.rest.protocol import BoundedProtocol
from sharedplan.rest.wellknown import Health
from sharedplan.settings import Settings

MOST_CONNECTIONS = 2000
"""Open connections per worker; more are answered 503 by uvicorn before they reach the application."""


class Server(uvicorn.Server):
    """Stops in two steps: says that it is draining, so that nobody sends more, and then finishes what runs."""

    def __init__(self, config: uvicorn.Config, health: Health, notice: timedelta) -> None:
        super().__init__(config)
        self._health = health
        self._notice = notice.total_seconds()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM drains, however often it comes: an init system may send it to each process, and the parent too.
        SIGINT from a terminal goes to the whole group; the parent decides."""
        if sig == signal.SIGTERM and not self._health.is_draining:
            self.drain()

    def drain(self, *, at_once: bool = False) -> None:
        """Answer readiness with 503 from now on, and stop taking requests after the notice; from any thread."""
        self._health.is_draining = True
        if self._loop is None or at_once:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._loop.call_later, self._notice, setattr, self, "should_exit", True)


def server(app: FastAPI, health: Health, settings: Settings) -> Server:
    """A server for one worker; run it with the socket that the workers share."""

    class Protocol(BoundedProtocol):
        url_limit = settings.url_limit
        header_limit = settings.header_limit
        header_timeout = settings.header_timeout.total_seconds()

    config = uvicorn.Config(
        app,
        http=Protocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=int(settings.idle_timeout.total_seconds()),
        timeout_graceful_shutdown=int(settings.drain_timeout.total_seconds()),
    )
    return Server(config, health, settings.drain_notice)
