"""Reading what the client sends: bodies up to the limit, queries and forms as pairs; nothing is believed."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from sharedplan.deadlines import LATE
from sharedplan.errors import Incorrect, TooLarge, TooSlow, Unavailable

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Pairs = tuple[tuple[str, str], ...]

MOST_PARAMETERS = 100

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class ClientLeft(Exception):
    """The connection was closed before the whole request had come; nobody waits for an answer."""


SMALL = 1024 * 1024
"""Bytes of a body that is always taken in, however many there are."""


class Held:
    """The bodies that a worker holds at once: what has come of them, until their requests are answered."""

    def __init__(self, most: int) -> None:
        """`most` in bytes, beyond which no body grows that is not small."""
        self._most = most
        self.bytes = 0

    @asynccontextmanager
    async def counting(self, receive: Receive) -> AsyncIterator[Receive]:
        """`receive`, counted. It raises Unavailable for a body that is one too many."""
        own = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal own
            message = await receive()
            came = len(message.get("body", b""))
            own, self.bytes = own + came, self.bytes + came
            if own > SMALL and self.bytes > self._most:
                raise Unavailable("too many large bodies come at once; try again", retry_after=2)
            return message

        try:
            yield counted
        finally:
            self.bytes -= own


async def read_body(receive: Receive, limit: int, announced: str | None = None) -> bytes:
    """The whole body, whether it has a Content-Length or comes in chunks.

    Raises TooLarge as soon as it is known that it exceeds the limit (bytes), ClientLeft when it is cut off, TooSlow
    when the request's time is up before it has come.
    """
    if announced is not None and announced.isdecimal() and int(announced[:20]) > limit:
        raise TooLarge(f"the body is larger than {limit} bytes")
    message = await _part(receive)
    first: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(first) > limit:
            raise TooLarge(f"the body is larger than {limit} bytes")
        return first
    body = bytearray(first)
    while True:
        if len(body) > limit:
            raise TooLarge(f"the body is larger than {limit} bytes")
        if not message.get("more_body", False):
            return bytes(body)
        message = await _part(receive)
        body += message.get("body", b"")


async def _part(receive: Receive) -> MutableMapping[str, Any]:
    try:
        message = await receive()
    except asyncio.CancelledError as given_up:
        if given_up.args == (LATE,):
            raise TooSlow("the body of the request did not come in time") from None
        raise
    if message["type"] == "http.disconnect":
        raise ClientLeft
    return message


def pairs(encoded: bytes) -> Pairs:
    """The pairs of a query or form in their order, decoded.

    Raises Incorrect for broken percent-encoding, bytes that are not UTF-8, control characters and more than 100 pairs.
    """
    if not encoded:
        return ()
    parts = [part for part in encoded.split(b"&") if part]
    if len(parts) > MOST_PARAMETERS:
        raise Incorrect(f"a request takes at most {MOST_PARAMETERS} parameters")
    return tuple([_usual(part) if part.startswith(_USUAL) and len(part) < 100 else _pair(part) for part in parts])


def _pair(part: bytes) -> tuple[str, str]:
    name, _, value = part.partition(b"=")
    return _decoded(name), _decoded(value)


_USUAL = (b"_count=", b"_include=", b"_revinclude=", b"_sort=", b"_total=", b"_summary=", b"_elements=")
"""What comes again and again with the same values, which name nobody."""

_usual = lru_cache(maxsize=512)(_pair)


def _decoded(part: bytes) -> str:
    try:
        plain = part.replace(b"+", b" ")
        text = (unquote_to_bytes(plain) if b"%" in plain else plain).decode()
    except UnicodeDecodeError:
        raise Incorrect("a parameter is not UTF-8 in percent-encoding") from None
    if _CONTROL.search(text):
        raise Incorrect("a parameter holds a control character")
    return text
