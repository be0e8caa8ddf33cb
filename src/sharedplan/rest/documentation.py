"""The documentation: /docs, a page that works without internet, and /openapi.json, which it draws.

Swagger UI's own files come from the package fastapi-swagger, which carries them as published; ours are in `pages/`.
"""

import gzip
import hashlib
from collections.abc import Callable
from functools import partial
from importlib.resources import files

from starlette.routing import BaseRoute, Route

from sharedplan.rest.headers import Headers
from sharedplan.rest.openapi.document import openapi_text
from sharedplan.rest.reply import Receive, Reply, Scope, Send
from sharedplan.search.registry import kept_until_renewed

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing but our own files: no script or style in the page itself, no other host, no frame around it.

data: is for the icons in Swagger UI's style sheet.
"""

OURS, SWAGGER_UI = "sharedplan.rest.pages", "fastapi_swagger.resources"
FILES = {
    "docs.css": (OURS, "text/css; charset=utf-8"),
    "docs.js": (OURS, "text/javascript; charset=utf-8"),
    "swagger-ui.css": (SWAGGER_UI, "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": (SWAGGER_UI, "text/javascript; charset=utf-8"),
    "favicon-32x32.png": (SWAGGER_UI, "image/png"),
}


def documentation() -> list[BaseRoute]:
    """The routes of the documentation, for anybody."""
    page = Page(partial(_file, OURS, "docs.html"), "text/html; charset=utf-8")
    pages = {"/docs": page, "/openapi.json": Page(lambda: openapi_text().encode(), "application/json")}
    for name, (package, media_type) in FILES.items():
        pages[f"/docs/{name}"] = Page(partial(_file, package, name), media_type)
    return [Route(path, page, methods=["GET"]) for path, page in pages.items()]


class Page:
    """One file, read and compressed when it is first asked for; a browser that has it is told so."""

    def __init__(self, read: Callable[[], bytes], media_type: str) -> None:
        self._packed = kept_until_renewed()(lambda: _packed(read()))
        self._headers = [
            (b"content-type", media_type.encode()),
            (b"cache-control", b"no-cache"),
            (b"content-security-policy", CONTENT_SECURITY.encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"vary", b"accept-encoding"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope["headers"])
        tag, packed = self._packed()
        answer = [*self._headers, (b"etag", tag)]
        at_hand = headers.joined(b"if-none-match").encode()
        if tag in [each.strip() for each in at_hand.split(b",")]:
            reply = Reply(304, answer)
        elif "gzip" in headers.joined(b"accept-encoding"):
            reply = Reply(200, [*answer, (b"content-encoding", b"gzip")], packed)
        else:
            reply = Reply(200, answer, gzip.decompress(packed))
        await reply(scope, receive, send)


def _packed(plain: bytes) -> tuple[bytes, bytes]:
    """(weak ETag, gzip) of a file."""
    return b'W/"%s"' % hashlib.sha256(plain).hexdigest()[:16].encode(), gzip.compress(plain, mtime=0)


def _file(package: str, name: str) -> bytes:
    return (files(package) / name).read_bytes()
