"""One HTTP response, ready to be sent."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

WITHOUT_BODY = frozenset({204, 304})

WHOLE = "sharedplan.whole"
"""Where a scope has what sends a whole response at once (`protocol.Sending`), if it has such: for the edge alone, which
sees every response leave."""


@dataclass(slots=True)
class Reply:
    """Status, headers and the whole body; it is an ASGI application that answers every request so."""

    status: int
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, body = self.to(scope["method"])
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def to(self, method: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """All headers and the body of the response to a request by that method."""
        if self.status in WITHOUT_BODY:
            return self.headers, self.body
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body))]
        return headers, self.body if method != "HEAD" else b""
