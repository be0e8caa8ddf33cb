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
"""Where a scope has what sends a whole response at once (`protocol.Sending`), if it has such."""


@dataclass(slots=True)
class Reply:
    """Status, headers and the whole body; it is an ASGI application that answers every request so."""

    status: int
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, body = self.headers, self.body
        if self.status not in WITHOUT_BODY:
            headers = [*headers, (b"content-length", b"%d" % len(body))]
            if scope["method"] == "HEAD":
                body = b""
        at_once = scope.get(WHOLE)
        if at_once is not None and at_once(self.status, headers, body):
            return
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
