"""Asking the service through its conductor, on a real PostgreSQL."""

from typing import Any

import pytest

from exchange.asking import BASE, POLICY, RECORDS, Ask
from sharedplan.access.principal import Principal
from sharedplan.clock import SystemClock
from sharedplan.exchange.perform import perform
from sharedplan.fhir.exchanges import Answer, Asked, Prefer
from sharedplan.interactions.acting import Policy
from sharedplan.store.unit_of_work import Store


@pytest.fixture
def ask(store: Store) -> Ask:
    """Asks for one interaction: `await ask("update", "Patient/1", body, if_match='W/"1"')`."""

    async def asked(
        interaction: str,
        address: str = "",
        body: Any = None,
        *,
        by: Principal = RECORDS,
        prefer: str | None = None,
        lenient: bool = False,
        policy: Policy = POLICY,
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
        return await perform(question, by, store.begin, SystemClock(), policy)

    return asked
