"""Tokens that the service signs itself, for development and the demo; the claims are those of any other issuer."""

from datetime import timedelta
from typing import Any

from sharedplan.access.jws import sign
from sharedplan.access.own_key import OWN_ISSUER, own_key
from sharedplan.access.tokens import principal_of
from sharedplan.clock import Clock
from sharedplan.errors import Incorrect, Unauthenticated
from sharedplan.settings import Settings


def own_token(
    settings: Settings,
    clock: Clock,
    *,
    client: str,
    organization: str | None = None,
    person: str | None = None,
    purpose: str = "TREAT",
    scope: str | None = None,
    lifetime: timedelta | None = None,
) -> str:
    """One signed bearer token; makes the signing key when this is its first use.

    Without `scope` it may do everything its kind of asker can: `patient/` for a client, `user/` for another person,
    `system/` for a system. Raises Incorrect, saying which value a token cannot carry.
    """
    if not settings.signs_own_tokens:
        raise Incorrect("this service trusts other issuers and signs no tokens: ask one of them for a token")
    lasts = settings.token_lifetime if lifetime is None else lifetime
    if not timedelta(seconds=1) <= lasts <= settings.token_lifetime_limit:
        raise Incorrect(f"a token lasts from 1 to {settings.token_lifetime_limit.total_seconds():.0f} seconds")
    issued = int(clock.now().timestamp())
    claims: dict[str, Any] = {
        "iss": OWN_ISSUER,
        "aud": settings.expected_audience,
        "sub": client,
        "client_id": client,
        "jti": clock.new_id(),
        "iat": issued,
        "exp": issued + int(lasts.total_seconds()),
        "purpose_of_use": purpose,
        "scope": scope or f"{_context(person)}/*.cruds",
    }
    if organization is not None:
        claims["organization"] = organization
    if person is not None:
        claims["fhirUser"] = person
    try:
        principal_of(claims)
    except Unauthenticated as failure:
        raise Incorrect(str(failure)) from failure
    return sign(claims, own_key(settings.data_dir))


def _context(person: str | None) -> str:
    if person is None:
        return "system"
    return "patient" if person.startswith("Patient/") else "user"
