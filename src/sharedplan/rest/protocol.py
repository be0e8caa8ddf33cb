"""uvicorn's HTTP protocol on httptools, with bounds: on the head of a request, and on the time it may take to come.

httptools and not h11, which answered a second request hidden behind a Content-Length and a Transfer-Encoding.
https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from sharedplan.errors import Issue
from sharedplan.fhir import outcomes
from sharedplan.rest.reply import WHOLE


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head that is too long, and hangs up on one that does not come."""

    url_limit = 8 * 1024  # bytes
    header_limit = 32 * 1024  # bytes, names and values together
    header_timeout = 10.0  # seconds
    discard_limit = 64 * 1024 * 1024  # bytes of a body that is no longer read

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_size = 0
        self._refusal = 400, "invalid", "this is not an HTTP request that can be read"
        self._hang_up: asyncio.TimerHandle | None = None
        self._is_in_head, self._is_in_body = True, False
        self._discarded = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._hang_up = self.loop.call_later(self.header_timeout, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_in_head and self._hang_up is None and not self.transport.is_closing():
            self._hang_up = self.loop.call_later(self.header_timeout, self._give_up)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_size, self._is_in_head = 0, True

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.url_limit:
            self._refuse(414, "too-long", f"the address is longer than {self.url_limit} bytes: use POST _search")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value)
        if self._head_size > self.header_limit:
            self._refuse(431, "too-long", f"the headers are longer than {self.header_limit} bytes")
        # As uvicorn does it, without a call more for each of them.
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._is_in_head, self._is_in_body, self._discarded = False, True, 0
        self._disarm()
        super().on_headers_complete()
        self.scope[WHOLE] = Sending(self.cycle)  # type: ignore[literal-required]  # ours, beside those of ASGI

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            self._discard(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_in_body = False
        self._disarm()

    def on_response_complete(self) -> None:
        """A body that waited for "100 Continue" may never come, and what comes instead must not be taken for it."""
        if self._is_in_body and self.expect_100_continue:
            self.transport.close()
        super().on_response_complete()

    def _discard(self, body: bytes) -> None:
        """The answer is out before the body was in: the rest is let in unread, so that the client can read why; up to
        a bound."""
        self._discarded += len(body)
        if self._hang_up is None:
            self._hang_up = self.loop.call_later(self.header_timeout, self._give_up)
        if self._discarded > self.discard_limit:
            self._give_up()

    def send_400_response(self, msg: str) -> None:
        """The parser gave up on the request, or we did: an OperationOutcome, and the connection is closed."""
        status, code, saying = self._refusal
        body = outcomes.text([Issue(code, saying)]).encode()
        head = [STATUS_LINE[status], b"content-type: application/fhir+json; charset=utf-8\r\n"]
        head += [b"content-length: %d\r\n" % len(body), b"connection: close\r\n\r\n"]
        self.transport.write(b"".join(head) + body)
        self.transport.close()

    def _refuse(self, status: int, code: str, saying: str) -> None:
        """End the parsing; what is raised in a callback comes back as the parser's error."""
        self._refusal = status, code, saying
        raise ValueError(saying)

    def _give_up(self) -> None:
        self._disarm()
        self.transport.close()

    def _disarm(self) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
            self._hang_up = None


LONG = 1024 * 1024
"""Bytes of a body that is not copied once more to be sent with its head."""

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Sending:
    """Sends a whole response at once, as uvicorn would in two messages of ASGI, each of which is looked through: that
    costs a read a twentieth of its time."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def __call__(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Whether it was sent; if not, nothing was, and uvicorn is to do it: to a client that is slow, has gone or is
        to go, a body that would take long to copy, and a header that is none. `headers` tell the length of the body."""
        cycle = self._cycle
        is_reading = not (cycle.flow.write_paused or cycle.disconnected)
        if len(body) > LONG or not is_reading or cycle.response_started or not cycle.keep_alive:
            return False
        parts = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            if name == b"connection":
                return False
            parts += (name, b": ", value, b"\r\n")
        head = b"".join(parts)
        lines = len(parts) // 4 + 1
        if head.count(b"\n") != lines or head.count(b"\r") != lines or _CONTROL.search(head):
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(b"".join((head, b"\r\n", body)))
        cycle.message_event.set()
        cycle.on_response()
        return True
