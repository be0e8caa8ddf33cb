"""The outermost ring: every request gets an id, a time limit, a count and a line in the log; no exception escapes.

A plain ASGI middleware, for it stands before every request.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from sharedplan import logs
from sharedplan.clock import Clock
from sharedplan.deadlines import Deadlines
from sharedplan.errors import Incorrect, Unavailable
from sharedplan.rest import metrics
from sharedplan.rest.bodies import ClientLeft
from sharedplan.rest.failures import CLOSE, reply_to_failure
from sharedplan.rest.reply import WHOLE, ASGIApp, Message, Receive, Reply, Scope, Send

REQUEST_ID = re.compile(rb"[A-Za-z0-9\-._]{8,64}")
Replies = Callable[[Scope, Receive], Awaitable[Reply]]

KEY = "sharedplan.observed"
PROBE = "none"
"""The interaction of addresses outside the FHIR base: health, numbers, documentation."""


@dataclass(slots=True)
class Observed:
    """What is told of one request to the log and the metrics; the endpoint fills in what it learns."""

    request_id: str
    interaction: str = PROBE
    type: str = ""
    client: str = ""


class Edge:
    """Wraps the whole application, or what makes the replies to a part of it."""

    def __init__(
        self, app: ASGIApp, *, clock: Clock, request_timeout: timedelta, replies: Replies | None = None
    ) -> None:
        """`replies`: what is asked instead of the `app`, where that is known to send whole replies."""
        self._app = app
        self._replies = replies
        self._clock = clock
        self._deadlines = Deadlines(request_timeout.total_seconds())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, at_once = time.perf_counter(), 0, scope.pop(WHOLE, None)
        given, fault = _told(scope)
        observed = scope[KEY] = Observed(given or self._clock.new_id())
        outside = logs.request_id.set(observed.request_id)
        marks = [(b"x-request-id", observed.request_id.encode()), (b"x-content-type-options", b"nosniff")]

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *marks]
            await send(message)

        try:
            if fault is not None:
                await _closing(fault)(scope, receive, marked)
                return
            with self._deadlines:
                if self._replies is None:
                    await self._app(scope, receive, marked)
                else:
                    reply = await self._replies(scope, receive)
                    reply.headers, status = [*reply.headers, *marks], reply.status
                    if at_once is None or not at_once(status, *reply.to(scope["method"])):
                        await reply(scope, receive, send)
        except ClientLeft:
            status = 499
        except asyncio.CancelledError:
            if status:
                raise
            # Only a stop that has waited long enough cancels a request; its deeds are undone by now.
            await reply_to_failure(Unavailable("the service is stopping; try again"))(scope, receive, marked)
        except Exception as failure:
            if status:
                raise  # half an answer is out already: the connection is closed on it
            if isinstance(failure, TimeoutError):
                failure = Unavailable("the request took too long and was given up", retry_after=1)
            await reply_to_failure(failure)(scope, receive, marked)
        finally:
            took = time.perf_counter() - begun
            metrics.tally.answered(observed.interaction, observed.type, status, took)
            logs.answered(
                interaction=observed.interaction,
                type=observed.type,
                status=status,
                client=observed.client,
                took=took,
                quietly=observed.interaction == PROBE and status < 400,
                named=bool(given),
            )
            logs.request_id.reset(outside)


def _told(scope: Scope) -> tuple[str, str | None]:
    """The client's own id for the request, if there is a sane one; and what is wrong with the head of the request, so
    that a proxy and we could read two different ones. https://www.rfc-editor.org/rfc/rfc9112#section-3.2"""
    given, framed, hosts = "", 0, 0
    for name, value in scope["headers"]:
        if name == b"host":
            hosts += 1
        elif name == b"content-length" or name == b"transfer-encoding":
            framed += 1
        elif name == b"x-request-id" and not given and REQUEST_ID.fullmatch(value):
            given = value.decode()
    if framed > 1:
        return given, "the request says its length twice"
    if hosts > 1 or (not hosts and scope.get("http_version") == "1.1"):
        return given, "a request has one Host header"
    return given, None


def _closing(fault: str) -> Reply:
    reply = reply_to_failure(Incorrect(fault))
    reply.headers.append(CLOSE)
    return reply
