"""`private_key_jwt`: what a registered client proves itself with, a token that it signed itself a moment ago.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#authenticating-to-the-token-endpoint,
https://www.rfc-editor.org/rfc/rfc7523
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sharedplan.access import jws
from sharedplan.access.clients import Client
from sharedplan.clock import Clock
from sharedplan.errors import SharedplanError, Unauthenticated

LONGEST = timedelta(minutes=5)
"""How far ahead an assertion may end."""

_HEADERS = jws.KNOWN_HEADERS | {"jku"}
_JTI = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Proof:
    """A client that has proved itself, by an assertion of that `jti` which ends at `until`; whether it is the first
    one with it is for the store to say."""

    client: Client
    jti: str
    until: datetime


async def proved(
    assertion: str, clients: Mapping[str, Client], clock: Clock, *, token_url: str, skew: timedelta
) -> Proof:
    """Who signed the assertion. Raises Unauthenticated, whatever is wrong with it."""
    try:
        token = jws.unpacked(assertion.encode("ascii"), headers=_HEADERS, types=frozenset({"jwt"}))
        client = _named(token, clients)
        # Only now is anybody asked for keys: the client is one of ours, and so is the address.
        return await _judged(token, client, clock.now(), token_url=token_url, skew=skew)
    except Unauthenticated:
        raise
    except SharedplanError as failure:
        raise Unauthenticated(f"the assertion cannot be read: {failure}") from None
    except Exception:  # the library lets more than its own errors through: RecursionError, OverflowError
        raise Unauthenticated("the assertion is not valid") from None


def _named(token: jws.Unproved, clients: Mapping[str, Client]) -> Client:
    """The registered client that the assertion is of, if it is."""
    issuer = token.claims.get("iss")
    client = clients.get(issuer) if isinstance(issuer, str) else None
    if client is None:
        raise Unauthenticated("no such client is registered")
    if token.claims.get("sub") != client.client_id:
        raise Unauthenticated("iss and sub of an assertion are both the client_id")
    if "jku" in token.header and (client.jwks_url is None or token.header["jku"] != client.jwks_url):
        raise Unauthenticated("jku is not the address that the client is registered with")
    return client


async def _judged(token: jws.Unproved, client: Client, now: datetime, *, token_url: str, skew: timedelta) -> Proof:
    claims, kid, algorithm = token.claims, token.header.get("kid"), token.header.get("alg")
    if not isinstance(kid, str) or not isinstance(algorithm, str) or algorithm not in jws.FAMILIES:
        raise Unauthenticated(f"an assertion has a kid, and as alg one of {', '.join(jws.FAMILIES)}")
    if claims.get("aud") not in (token_url, [token_url]):
        raise Unauthenticated("the assertion is for another audience than this token endpoint")
    jws.check_instants(claims, now, most=LONGEST, skew=skew, needs_issue=False)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not _JTI.fullmatch(jti):
        raise Unauthenticated("jti is missing, or no text of 1 to 255 printable characters")
    key = await client.key(kid, algorithm)
    if key is None:
        raise Unauthenticated("the client has not exactly one key with that kid for that algorithm")
    jws.check_signature(token, key.pem, key.algorithm, audience=token_url, issuer=client.client_id)
    return Proof(client, jti, datetime.fromtimestamp(claims["exp"], UTC))
