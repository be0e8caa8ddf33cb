"""The FHIR base: every interaction of every type goes through this one endpoint.

A plain ASGI application on a single route, so that a read costs little: address, asker, question, answer.
https://hl7.org/fhir/R4/http.html
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from sharedplan.access.principal import Principal
from sharedplan.access.tokens import KeyNotAtHand, Verifier
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, NotAcceptable, TooSlow, Unauthenticated, Unavailable
from sharedplan.exchange.refusals import Refusals
from sharedplan.fhir.addresses import ID, Address, addressed
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.rest import bodies
from sharedplan.rest.admission import Admission
from sharedplan.rest.answered import reply_to
from sharedplan.rest.asked import Form, asked, form_and_parameters, search_form
from sharedplan.rest.edge import KEY, Observed
from sharedplan.rest.failures import reply_to_failure
from sharedplan.rest.headers import Headers
from sharedplan.rest.negotiation import answer_type
from sharedplan.rest.reply import Receive, Reply, Scope, Send
from sharedplan.store.versions import Version

Perform = Callable[[Asked, Principal], Awaitable[Answer]]
ReadPlainly = Callable[[str, str, Principal, str, str], Awaitable[Version | None]]
"""Type, id, who asks, the request's id and its languages → the version, or None when it is to be performed."""
SearchPlainly = Callable[[Asked, Principal], Awaitable[Answer | None]]
"""The same of a search: the answer, or None."""

NOT_PLAIN = frozenset({b"if-match", b"if-none-match", b"if-modified-since", b"if-none-exist"})
"""Headers that a read or search goes by beside those that say who asks and what the answer shall be."""

READ = frozenset(type for type, row in CATALOGUE.items() if "read" in row.can)
SEARCHED = frozenset(type for type, row in CATALOGUE.items() if "search-type" in row.can)

LONGEST = 500
"""Bytes of a question that may be a usual one."""

PAGES = frozenset({("CarePlan", "document")})
"""(type, operation) of what can be had as a page for people, too."""


@dataclass(slots=True)
class _Heard:
    """How far a request has come."""

    by: Principal | None = None
    address: Address | None = None
    asked: Asked | None = None
    is_performed: bool = False


class FhirBase:
    """Answers whatever is asked below the FHIR base with a token."""

    def __init__(
        self,
        perform: Perform,
        read: ReadPlainly,
        search: SearchPlainly,
        verifier: Verifier,
        refusals: Refusals,
        *,
        base: str,
        body_limit: int,
        bodies_limit: int,
        places: int,
        plain_places: int,
        queue_wait: timedelta,
    ) -> None:
        """`read` and `search` are short ways to what `perform` would answer; `refusals` takes down what is not
        performed; `base`: the FHIR base URL without a trailing slash; `body_limit` in bytes, `bodies_limit` of all
        bodies at once; `places`: interactions at work at once, but for what `read` and what `search` answer, each of
        which has `plain_places`; `queue_wait`: how long one more may wait."""
        self._perform = perform
        self._read = read
        self._search = search
        self._verifier = verifier
        self._refusals = refusals
        self._noting: set[asyncio.Task[None]] = set()
        self._base = base
        self._body_limit = body_limit
        self._held = bodies.Held(bodies_limit)
        self._admission = Admission(places, queue_wait)
        self._searches = Admission(plain_places, queue_wait)
        self._reads = Admission(plain_places, queue_wait)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self.reply(scope, receive)
        await reply(scope, receive, send)

    async def reply(self, scope: Scope, receive: Receive) -> Reply:
        """The response to a request, whatever comes of it. Raises bodies.ClientLeft, and CancelledError when it has
        been given up."""
        headers, observed, heard = Headers(scope["headers"]), scope[KEY], _Heard()
        try:
            reply = await self._plain(scope, headers, observed, heard)
            if reply is None:
                async with self._held.counting(receive) as counted:
                    reply = await self._reply(scope, headers, counted, observed, heard)
        except bodies.ClientLeft:
            raise
        except asyncio.CancelledError:
            # The edge has given it up and answers 503. Whoever is cancelled waits for nothing more himself.
            self._note_aside(Unavailable("given up before its end"), scope, heard, headers)
            raise
        except TooSlow as late:  # no more can he, for whom no deadline is left
            self._note_aside(late, scope, heard, headers)
            reply = reply_to_failure(late)
        except Exception as failure:
            if not heard.is_performed:
                await self._note(failure, scope, heard, headers)
            reply = reply_to_failure(failure, token_sent=bool(headers.all(b"authorization")))
        return reply

    async def _plain(self, scope: Scope, headers: Headers, observed: Observed, heard: "_Heard") -> Reply | None:
        """The answer to a read or search as most are; None, and nothing is on record, for anything else. Raises
        Unauthenticated for a token that is none."""
        type, slash, id = scope["path_params"].get("below", "").partition("/")
        sent: bytes = scope["query_string"]
        pairs: bodies.Pairs = ()
        if scope["method"] != "GET" or not headers.names.isdisjoint(NOT_PLAIN):
            return None
        try:
            if slash:
                if sent or type not in READ or not ID.fullmatch(id):
                    return None
            elif type in SEARCHED and 0 < len(sent) <= LONGEST and b"prefer" not in headers.names:
                pairs = bodies.pairs(sent)
            else:
                return None
            by = self._verifier.principal(headers.all(b"authorization"))
            form = Form(answer_type(headers.joined(b"accept"), None))
        except (KeyNotAtHand, NotAcceptable, Incorrect):
            return None
        address = heard.address = Address("read", type, id) if slash else Address("search-type", type)
        heard.by = by
        observed.client, observed.interaction, observed.type = by.client_id, address.interaction, type
        languages, request_id = headers.joined(b"accept-language"), observed.request_id
        asked = None
        if not slash:
            asked = heard.asked = Asked(
                "search-type",
                type,
                parameters=pairs,
                base=self._base,
                request_id=request_id,
                accept_language=languages,
            )
        async with self._reads if slash else self._searches:  # so that no read waits for searches that take long
            heard.is_performed = True
            if asked is None:
                version = await self._read(type, id, by, request_id, languages)
                answer = version and Answer(200, version.content, type, id, version.version, version.last_updated)
            else:
                answer = await self._search(asked, by)
        if answer is not None:
            return reply_to(answer, form, self._base)
        heard.is_performed, heard.asked = False, None
        return None

    def _note_aside(self, failure: Exception, scope: Scope, heard: "_Heard", headers: Headers) -> None:
        note = asyncio.create_task(self._note(failure, scope, heard, headers))
        self._noting.add(note)
        note.add_done_callback(self._noting.discard)

    async def _note(self, failure: Exception, scope: Scope, heard: "_Heard", headers: Headers) -> None:
        """Puts on record what was not performed. Who sends no token at all has not tried to prove anything."""
        observed, address = scope[KEY], heard.address
        if heard.by is None:
            if headers.all(b"authorization") and isinstance(failure, Unauthenticated):
                network = scope["client"][0] if scope.get("client") else None
                await self._refusals.unproved(str(failure), network=network, request_id=observed.request_id)
            return
        asked = Asked(scope["method"].lower(), base=self._base, request_id=observed.request_id)
        if address is not None:
            asked = asked._replace(
                interaction=address.interaction,
                type=address.type,
                id=address.id,
                version=address.version,
                operation=address.operation,
                compartment=address.compartment,
            )
        await self._refusals.refused(heard.asked or asked, heard.by, failure)

    async def _reply(
        self, scope: Scope, headers: Headers, receive: Receive, observed: Observed, heard: "_Heard"
    ) -> Reply:
        # Who asks comes first: a stranger learns nothing of what is offered, and his body is never read.
        by = heard.by = await self._verifier.asker(headers.all(b"authorization"))
        observed.client = by.client_id
        address = heard.address = addressed(scope["method"], scope["path_params"].get("below", ""))
        observed.interaction, observed.type = address.interaction, address.type or ""
        sent = bodies.pairs(scope["query_string"])
        if address.takes_form:
            sent += await search_form(headers, receive, self._body_limit)
        form, parameters = form_and_parameters(sent, headers, has_page=(address.type, address.operation) in PAGES)
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
        heard.asked = question
        async with self._admission:
            heard.is_performed = True  # from here on it is on record, whatever the end
            answer = await self._perform(question, by)
        return reply_to(answer, form, self._base)
