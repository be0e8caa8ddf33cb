"""The FastAPI application and its few routes; types and interactions are not routes but rows of the catalogue."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sharedplan.clock import Clock
from sharedplan.rest.answered import NOT_STORED
from sharedplan.rest.edge import Edge
from sharedplan.rest.failures import reply_to_failure
from sharedplan.rest.fhir import FhirBase
from sharedplan.rest.oauth import Tokens
from sharedplan.rest.reply import ASGIApp, Receive, Reply, Scope, Send
from sharedplan.rest.wellknown import JSON, Health, Metrics, Statement, smart_configuration
from sharedplan.settings import Settings

BELOW = "/fhir/"
METADATA = "/fhir/metadata"
SMART = "/fhir/.well-known/smart-configuration"
SMART_ABOVE = "/.well-known/smart-configuration"
TOKEN, JWKS = "/auth/token", "/auth/jwks"

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def application(
    settings: Settings,
    clock: Clock,
    *,
    fhir: FhirBase,
    health: Health,
    statement: Callable[[], str],
    documentation: Sequence[BaseRoute],
    lifespan: Lifespan,
    tokens: Tokens | None = None,
) -> FastAPI:
    """Everything that is served, as one FastAPI application.

    `statement` gives the CapabilityStatement's text. The OpenAPI description is `documentation`'s, made from the
    registry that executes, and not from the routes. `tokens` is None where the service signs none.
    """
    app = _Application(
        Edge(fhir, clock=clock, request_timeout=settings.request_timeout, replies=fhir.reply),
        title="Sharedplan",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # The framework's own telemetry would send addresses, and so resource ids, to wherever the environment says.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=lifespan,
    )
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    smart = Reply(200, [JSON, NOT_STORED], orjson.dumps(smart_configuration(settings)))
    app.router.routes[:] = [
        Route(METADATA, Whole(Statement(statement)), methods=["GET"]),
        Route(SMART, Whole(smart), methods=["GET"]),
        Route(SMART_ABOVE, Whole(smart), methods=["GET"]),
        *(_of_tokens(tokens) if tokens is not None else ()),
        Route("/fhir/{below:path}", Whole(fhir)),
        Route("/fhir", Whole(fhir)),
        Route("/healthz", Whole(health.live), methods=["GET"]),
        Route("/readyz", Whole(health.ready), methods=["GET"]),
        Route("/metrics", Whole(Metrics(token)), methods=["GET"]),
        *documentation,
    ]
    app.add_exception_handler(HTTPException, _not_ours)
    app.add_middleware(Edge, clock=clock, request_timeout=settings.request_timeout)
    return app


def _of_tokens(tokens: Tokens) -> Iterator[Route]:
    yield Route(TOKEN, Whole(tokens.endpoint), methods=["POST"])
    yield Route(JWKS, Whole(tokens.keys), methods=["GET"])


class _Application(FastAPI):
    """Sends what is below the FHIR base straight there: the framework's way through its middleware and routes ends at
    the same place, and costs a read a tenth of its time."""

    def __init__(self, fhir: ASGIApp, **named: Any) -> None:
        super().__init__(**named)
        self._fhir = fhir

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(BELOW) and path not in (METADATA, SMART):
                scope["path_params"] = {"below": path[len(BELOW) :]}
                await self._fhir(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


class Whole:
    """An ASGI application as a route's endpoint; the framework would take a bare function for one of requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


async def _not_ours(request: Request, failure: Exception) -> Response:
    """404 and 405 of addresses that are none of ours."""
    reply = reply_to_failure(failure)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reply.headers}
    return Response(reply.body, reply.status, headers)
