"""Who asks, and the smallest resources and Bundles to ask with."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.clock import Clock, SystemClock
from sharedplan.exchange.perform import perform
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Answer, Asked, Json, Prefer
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.cursors import Cursors
from sharedplan.store.unit_of_work import Store

BASE = "https://plan.example/fhir"

RECORDS = Principal(
    client_id="records",
    scopes=parse("system/*.cruds"),
    organization="Organization/north",
    person=None,
    purpose="TREAT",
    issuer="urn:test",
    token_id="t-1",
    expires=datetime(2100, 1, 1, tzinfo=UTC),
)
ANNA = replace(
    RECORDS, client_id="app", scopes=parse("patient/*.cruds"), organization=None, person="Patient/anna", token_id="t-2"
)

POLICY = Policy(Cursors(b"test"))
BY_SCOPES = Policy(Cursors(b"test"), by_consent=False)
"""For tests of other matters than who may see and write what."""

Ask = Callable[..., Awaitable[Answer]]


def asking(store: Store, by_scopes: Store | None = None) -> Ask:
    """Asks that store for one interaction: `await ask("update", "Patient/1", body, if_match='W/"1"')`; where scopes
    alone decide, the other one, for those see more than the second guard lets through."""

    async def asked(
        interaction: str,
        address: str = "",
        body: Any = None,
        *,
        by: Principal = RECORDS,
        prefer: str | None = None,
        lenient: bool = False,
        policy: Policy = POLICY,
        clock: Clock | None = None,
        **more: Any,
    ) -> Answer:
        path, _, query = address.partition("?")
        type, id, *rest = [*path.split("/"), "", ""]
        question = Asked(
            interaction,
            type or None,
            id or None,
            rest[0] or None,
            parameters=tuple(tuple(pair.split("=", 1)) for pair in query.split("&") if query),  # type: ignore[misc]
            body=body,
            prefer=Prefer(prefer, lenient),
            base=BASE,
            request_id="request-1",
            **more,
        )
        begin = store.begin if policy.by_consent or by_scopes is None else by_scopes.begin
        return await perform(question, by, begin, clock or SystemClock(), policy)

    return asked


def resource_in(answer: Answer) -> Json:
    """The resource that an answer shows."""
    assert answer.content is not None
    found: Json = json_text.read(answer.content)
    return found


def a_patient(**elements: Any) -> Json:
    """The smallest Patient, with these elements."""
    return {"resourceType": "Patient", **elements}


def identified(value: str, **elements: Any) -> Json:
    """A Patient with an identifier of that value."""
    return a_patient(identifier=[{"system": "urn:ids", "value": value}], **elements)


def an_entry(method: str, url: str, resource: Json | None = None, full_url: str | None = None, **request: Any) -> Json:
    """One entry of a batch or transaction."""
    made: Json = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    if full_url is not None:
        made["fullUrl"] = full_url
    return made


def a_bundle(type: str, *entries: Json) -> Json:
    """A batch or transaction of these entries."""
    return {"resourceType": "Bundle", "type": type, **({"entry": list(entries)} if entries else {})}
