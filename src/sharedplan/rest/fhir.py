"""The FHIR base: every interaction of every type goes through this one endpoint.

A plain ASGI application on a single route, so that a read costs little: address, asker, question, answer.
https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from sharedplan.access.principal import Principal
from sharedplan.access.tokens import Verifier
from sharedplan.fhir.addresses import addressed
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.rest import bodies
from sharedplan.rest.admission import Admission
from sharedplan.rest.answered import reply_to
from sharedplan.rest.asked import asked, form_and_parameters, search_form
from sharedplan.rest.edge import KEY, Observed
from sharedplan.rest.failures import reply_to_failure
from sharedplan.rest.headers import Headers
from sharedplan.rest.reply import Receive, Reply, Scope, Send

Perform = Callable[[Asked, Principal], Awaitable[Answer]]


class FhirBase:
    """Answers whatever is asked below the FHIR base with a token."""

    def __init__(
        self, perform: Perform, verifier: Verifier, *, base: str, body_limit: int, places: int, queue_wait: timedelta
    ) -> None:
        """`base`: the FHIR base URL without a trailing slash; `body_limit` in bytes; `places`: interactions at work
        at once; `queue_wait`: how long one more may wait."""
        self._perform = perform
        self._verifier = verifier
        self._base = base
        self._body_limit = body_limit
        self._admission = Admission(places, queue_wait)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, observed = Headers(scope["headers"]), scope[KEY]
        try:
            reply = await self._reply(scope, headers, receive, observed)
        except bodies.ClientLeft:
            raise
        except Exception as failure:
            reply = reply_to_failure(failure, token_sent=bool(headers.all(b"authorization")))
        await reply(scope, receive, send)

    async def _reply(self, scope: Scope, headers: Headers, receive: Receive, observed: Observed) -> Reply:
        # Who asks comes first: a stranger learns nothing of what is offered, and his body is never read.
        by = await self._verifier.asker(headers.all(b"authorization"))
        observed.client = by.client_id
        address = addressed(scope["method"], scope["path_params"].get("below", ""))
        observed.interaction, observed.type = address.interaction, address.type or ""
        sent = bodies.pairs(scope["query_string"])
        if address.takes_form:
            sent += await search_form(headers, receive, self._body_limit)
        form, parameters = form_and_parameters(sent, headers)
        question = await asked(
            address,
            headers,
            parameters,
            receive,
            method=scope["method"],
            base=self._base,
            request_id=observed.request_id,
            body_limit=self._body_limit,
        )
        observed.interaction = question.interaction
        async with self._admission:
            answer = await self._perform(question, by)
        return reply_to(answer, form, self._base)
