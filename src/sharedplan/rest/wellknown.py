"""What is said without a token: health, readiness, numbers for the operator, and the SMART configuration.

Nothing about clients, and no version or host of what stands behind.
https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
"""

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from sharedplan.access.own_key import OWN_ISSUER
from sharedplan.errors import SharedplanError, Unauthenticated
from sharedplan.fhir.exchanges import Answer
from sharedplan.logs import log
from sharedplan.rest import metrics
from sharedplan.rest.answered import NOT_STORED, reply_to
from sharedplan.rest.asked import form_and_parameters
from sharedplan.rest.bodies import pairs
from sharedplan.rest.failures import reply_to_failure
from sharedplan.rest.headers import Headers
from sharedplan.rest.reply import Receive, Reply, Scope, Send
from sharedplan.settings import Settings

Checks = Callable[[], Awaitable[Mapping[str, bool]]]
"""The checks of readiness by name: database, schema, audit."""

JSON = (b"content-type", b"application/json")
PATIENCE = 1.0
"""Seconds that the database has for its answer."""


class Health:
    """Live and ready. Readiness is asked of the database at most once a second, however many ask here."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._asked_at = float("-inf")
        self._found: Mapping[str, bool] = {}
        self._turn = asyncio.Lock()
        self.is_draining = False

    async def live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """200 as long as the process answers."""
        await Reply(200, [JSON, NOT_STORED], b'{"status":"live"}')(scope, receive, send)

    async def ready(self, scope: Scope, receive: Receive, send: Send) -> None:
        """200 when requests can be served; 503 while the service starts, stops, or misses what it needs."""
        found = {"draining": False} if self.is_draining else await self._look()
        is_ready = all(found.values())
        body = {"status": "ready" if is_ready else "not ready", "checks": found}
        if self.is_draining:
            body = {"status": "draining"}
        await Reply(200 if is_ready else 503, [JSON, NOT_STORED], orjson.dumps(body))(scope, receive, send)

    async def _look(self) -> Mapping[str, bool]:
        async with self._turn:
            if time.monotonic() - self._asked_at > PATIENCE:
                try:
                    async with asyncio.timeout(PATIENCE):
                        self._found = await self._checks()
                except (TimeoutError, OSError, SharedplanError) as failure:
                    log.warning("readiness_failed", failure=type(failure).__name__)
                    self._found = {"database": False}
                self._asked_at = time.monotonic()
            return self._found


class Metrics:
    """Prometheus' numbers: for this machine, or for whoever has the operator's token when one is set."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._may(scope):
            refusal = Unauthenticated("the numbers are for the operator: send SHAREDPLAN_METRICS_TOKEN as bearer token")
            await reply_to_failure(refusal)(scope, receive, send)
            return
        kind, text = metrics.exposition()
        await Reply(200, [(b"content-type", kind.encode()), NOT_STORED], text)(scope, receive, send)

    def _may(self, scope: Scope) -> bool:
        if self._token is not None:
            sent = Headers(scope["headers"]).joined(b"authorization")
            return hmac.compare_digest(sent.encode(), f"Bearer {self._token}".encode())
        client = scope.get("client")
        try:
            return client is not None and ipaddress.ip_address(client[0]).is_loopback
        except ValueError:
            return False


class Statement:
    """The CapabilityStatement, which needs no token; `make` gives its text as it is now, and keeps it at hand."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            form, _ = form_and_parameters(pairs(scope["query_string"]), Headers(scope["headers"]))
            reply = reply_to(Answer(200, self._make()), form, "")
        except Exception as failure:
            reply = reply_to_failure(failure)
        await reply(scope, receive, send)


def smart_configuration(settings: Settings) -> dict[str, Any]:
    """What a SMART client may expect of this service: whose tokens it takes, where it gets one, and which scopes are
    understood. `code_challenge_methods_supported` is required even where nobody logs in by a browser."""
    algorithms = ["ES384", "RS384", "ES256", "RS256"]
    told: dict[str, Any] = {
        "issuer": _issuer(settings),
        "grant_types_supported": [],
        "capabilities": ["permission-v2", "permission-patient", "permission-user"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "scopes_supported": [f"{context}/*.cruds" for context in ("patient", "user", "system")],
    }
    if settings.signs_tokens:
        told["token_endpoint"] = settings.token_url
        told["jwks_uri"] = f"{settings.root}/auth/jwks"
        told["grant_types_supported"] = ["client_credentials"]
        told["token_endpoint_auth_methods_supported"] = ["private_key_jwt"]
        told["capabilities"] = ["client-confidential-asymmetric", *told["capabilities"]]
    return told


def _issuer(settings: Settings) -> str:
    """The `iss` of the tokens that most will have."""
    if settings.token_keys:
        return settings.root
    if settings.signs_own_tokens:
        return OWN_ISSUER
    return settings.issuers[0].iss if settings.issuers else settings.root
