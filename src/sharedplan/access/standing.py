"""Who asked, as a value that is kept: for what is done for him later, when his token has long ended.

Only what says who he is and what he may: what comes of that is decided anew each time, by the facts of then.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sharedplan.access import scopes
from sharedplan.access.clients import Client
from sharedplan.access.principal import Principal

FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)


def kept(by: Principal) -> dict[str, Any]:
    """What is kept, as a JSON object."""
    told = {
        "issuer": by.issuer,
        "scopes": " ".join(map(str, by.scopes)),
        "purpose": by.purpose,
        "client": by.client_id,
        "organization": by.organization,
        "person": by.person,
    }
    return {name: value for name, value in told.items() if value is not None}


def restored(told: Mapping[str, Any]) -> Principal:
    """Whom that was kept of. Raises Unauthenticated for scopes that are no longer understood, KeyError."""
    return Principal(
        client_id=told["client"],
        scopes=scopes.parse(told["scopes"]),
        organization=told.get("organization"),
        person=told.get("person"),
        purpose=told["purpose"],
        issuer=told["issuer"],
        token_id="",
        expires=FOR_EVER,
    )


def present(by: Principal, *, clients: Mapping[str, Client], issuer: str, trusted: Collection[str]) -> Principal | None:
    """Whom was kept, as he is now: of a client that got its token here, as far as it is still registered for what it
    asked; None when nothing is left, or when whoever issued his token is not among the `trusted` issuers any more.
    `issuer` is the one of the tokens that registered clients get."""
    if by.issuer not in trusted:
        return None
    if by.issuer != issuer:
        return by
    client = clients.get(by.client_id)
    if client is None or (client.organization, client.person) != (by.organization, by.person):
        return None
    allowed = scopes.common(by.scopes, client.scopes)
    return replace(by, scopes=allowed) if allowed and by.purpose in client.purposes else None
