"""The token endpoint over HTTP, and the keys that its tokens are signed with.

https://www.rfc-editor.org/rfc/rfc6749#section-5, https://www.rfc-editor.org/rfc/rfc7517#section-5
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from sharedplan.access.granting import Issued, NotGranted, claimed_client
from sharedplan.clock import Clock
from sharedplan.errors import Incorrect, SharedplanError, Throttled, TooLarge, TooSlow, Unavailable
from sharedplan.exchange.refusals import Refusals
from sharedplan.logs import log, place
from sharedplan.rest.answered import NOT_STORED
from sharedplan.rest.bodies import ClientLeft, pairs, read_body
from sharedplan.rest.edge import KEY, Observed
from sharedplan.rest.failures import CLOSE
from sharedplan.rest.headers import Headers
from sharedplan.rest.negotiation import FORM
from sharedplan.rest.reply import ASGIApp, Receive, Reply, Scope, Send
from sharedplan.rest.throttle import Throttle, network_of

BODY_LIMIT = 32 * 1024
"""Bytes of a form: an assertion and the scopes that are asked for."""

CLIENTS_OF_A_PLACE = 5
"""As many times the failures of one client are allowed to all that come from one place: a proxy may stand there."""

JSON = (b"content-type", b"application/json")
NOT_CACHED = (b"pragma", b"no-cache")

_SCHEME = re.compile(r"[A-Za-z0-9\-]{1,20}")
_OUTSIDE = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
"""What an error_description may not hold."""

JWK_SET = "application/jwk-set+json"
KEPT = (b"cache-control", b"public, max-age=300")
"""A key that is new is published before it signs, for longer than this."""

Grant = Callable[[Mapping[str, str], str], Awaitable[Issued]]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What is served of tokens: the endpoint, and the JWKS."""

    endpoint: ASGIApp
    jwks: Mapping[str, Any]

    @property
    def keys(self) -> Reply:
        return Reply(200, [(b"content-type", JWK_SET.encode()), KEPT], orjson.dumps(self.jwks))


class TokenRequests:
    """Takes a form, gives a token or says in OAuth's words why not; whoever fails too often waits."""

    def __init__(self, grant: Grant, refusals: Refusals, clock: Clock, *, failures: int, window: timedelta) -> None:
        """`failures`: how often one client may fail from one place within the `window`."""
        self._grant = grant
        self._refusals = refusals
        # Never by the client alone: its name is no secret, and whoever knew it could keep it from getting tokens.
        self._of_clients = Throttle(failures, window, clock)
        self._of_places = Throttle(failures * CLIENTS_OF_A_PLACE, window, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, observed = Headers(scope["headers"]), scope[KEY]
        observed.interaction = "token"
        address = scope["client"][0] if scope.get("client") else None
        try:
            reply = await self._reply(headers, receive, observed, network_of(address or ""))
        except ClientLeft:
            raise
        except NotGranted as failure:
            if not failure.is_recorded:
                await self._refusals.unproved(str(failure), network=address, request_id=observed.request_id)
            reply = _refusal(400, failure.error, str(failure))
        except Throttled as failure:
            reply = _refusal(429, "temporarily_unavailable", str(failure))
            reply.headers.append((b"retry-after", b"%d" % failure.retry_after))
        except TooSlow as failure:
            reply = _refusal(408, "invalid_request", str(failure))
            reply.headers.append(CLOSE)
        except TooLarge as failure:
            reply = _refusal(413, "invalid_request", str(failure))
        except Incorrect as failure:
            reply = _refusal(400, "invalid_request", str(failure))
        except Exception as failure:
            if not isinstance(failure, Unavailable):
                log.error("request_failed", failure=type(failure).__name__, place=place(failure))
            seconds = failure.retry_after if isinstance(failure, Unavailable) else 1
            saying = str(failure) if isinstance(failure, SharedplanError) else "something went wrong in the service"
            reply = _refusal(503, "temporarily_unavailable", saying)
            reply.headers.append((b"retry-after", b"%d" % seconds))
        await reply(scope, receive, send)

    async def _reply(self, headers: Headers, receive: Receive, observed: Observed, place: str) -> Reply:
        self._of_places.check(place)
        kind = (headers.one(b"content-type") or "").partition(";")[0].strip().lower()
        if kind != FORM:
            raise Incorrect(f"a token is asked for by a form: {FORM}")
        sent = pairs(await read_body(receive, BODY_LIMIT, headers.one(b"content-length")))
        if sent_scheme := headers.all(b"authorization"):
            return _other_way(sent_scheme[0])
        asked = {name: value for name, value in sent if value}
        names = [name for name, _ in sent]
        if len(set(names)) < len(names):
            raise Incorrect("a parameter is given twice")
        issued = await self._granted(asked, observed.request_id, place)
        observed.client = issued.client_id
        answer = {
            "access_token": issued.token,
            "token_type": "bearer",
            "expires_in": int(issued.lasts.total_seconds()),
            "scope": issued.scope,
        }
        return Reply(200, [JSON, NOT_STORED, NOT_CACHED], orjson.dumps(answer))

    async def _granted(self, asked: Mapping[str, str], request_id: str, place: str) -> Issued:
        """Raises NotGranted, which counts, and Throttled for whom has failed too often already."""
        client = (place, claimed_client(asked))
        self._of_clients.check(client)
        try:
            issued = await self._grant(asked, request_id)
        except NotGranted:
            self._of_clients.failed(client)
            self._of_places.failed(place)
            raise
        self._of_clients.succeeded(client)
        return issued


def _refusal(status: int, error: str, saying: str) -> Reply:
    told = {"error": error, "error_description": _OUTSIDE.sub("'", saying)}
    return Reply(status, [JSON, NOT_STORED, NOT_CACHED], orjson.dumps(told))


def _other_way(authorization: bytes) -> Reply:
    """The answer to a client that proves itself in the header: it is told so under the scheme that it used."""
    scheme = authorization.partition(b" ")[0].decode("latin-1")
    reply = _refusal(401, "invalid_client", "a client proves itself by client_assertion, and not in the header")
    challenge = f'{scheme if _SCHEME.fullmatch(scheme) else "Basic"} realm="sharedplan"'
    reply.headers.append((b"www-authenticate", challenge.encode()))
    return reply
