"""Bearer token → Principal. One key is chosen by issuer and `kid`, and whatever goes wrong is Unauthenticated.

What the library must not be asked, and the token's form: `access/jws.py`. https://www.rfc-editor.org/rfc/rfc6750
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sharedplan.access import jws, scopes
from sharedplan.access.fetched_keys import FetchedKeys
from sharedplan.access.keys import TrustedKey
from sharedplan.access.principal import PURPOSES, Principal
from sharedplan.clock import Clock
from sharedplan.errors import SharedplanError, Unauthenticated

REMEMBERED = 4096

ORGANIZATION = re.compile(r"Organization/[A-Za-z0-9\-.]{1,64}")
PERSON = re.compile(r"(Practitioner|PractitionerRole|RelatedPerson|Patient)/[A-Za-z0-9\-.]{1,64}")
NAME = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class FetchedIssuer:
    """An issuer whose keys are at an address: which audience its tokens name, and for how long they may be valid."""

    keys: FetchedKeys
    audience: str
    lifetime_limit: timedelta


class KeyNotAtHand(Unauthenticated):
    """The key is none of those at hand; `keys` is where it may be, None when nowhere."""

    def __init__(self, keys: FetchedKeys | None, kid: str) -> None:
        super().__init__("the token's issuer and key are not known here")
        self.keys, self.kid = keys, kid


class Verifier:
    """Turns Authorization headers into Principals; remembers verified tokens by their hash until they end."""

    def __init__(
        self,
        keys: Iterable[TrustedKey],
        clock: Clock,
        *,
        skew: timedelta = timedelta(seconds=5),
        fetched: Mapping[str, FetchedIssuer] | None = None,
    ) -> None:
        """`skew`: how far another machine's clock may be ahead of ours; `fetched`: the issuers by their `iss` whose
        keys are fetched."""
        self._keys = {(key.issuer, key.kid): key for key in keys}
        self._fetched = fetched or {}
        self._clock = clock
        self._skew = skew
        self._remembered: dict[bytes, Principal] = {}

    async def asker(self, authorization: Sequence[bytes]) -> Principal:
        """Who asks, by the values of the request's Authorization headers; the issuer's keys are fetched if need be.

        Raises Unauthenticated, whatever is wrong.
        """
        try:
            return self.principal(authorization)
        except KeyNotAtHand as missing:
            if missing.keys is None:
                raise
            await missing.keys.look(missing.kid)
        return self.principal(authorization)

    def principal(self, authorization: Sequence[bytes]) -> Principal:
        """The same by the keys that are at hand. Raises Unauthenticated, whatever is wrong."""
        if len(authorization) != 1:
            raise Unauthenticated("one Authorization header is needed" if authorization else "a bearer token is needed")
        scheme, _, token = authorization[0].partition(b" ")
        if scheme.lower() != b"bearer":
            raise Unauthenticated("a bearer token is needed")
        digest = hashlib.sha256(token).digest()
        now = self._clock.now()
        known = self._remembered.get(digest)
        if known is not None:
            if known.expires > now:
                return known
            del self._remembered[digest]
        try:
            principal = self._verified(token, now)
        except Unauthenticated:
            raise
        except SharedplanError as failure:
            raise Unauthenticated(f"the token cannot be read: {failure}") from None
        except Exception:  # the library lets more than its own errors through: RecursionError, OverflowError
            raise Unauthenticated("the token is not valid") from None
        if len(self._remembered) >= REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = principal
        return principal

    def _verified(self, token: bytes, now: datetime) -> Principal:
        unproved = jws.unpacked(token)
        trusted = self._key_for(unproved)
        audience = unproved.claims.get("aud")
        if trusted.audience not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthenticated("the token is for another audience")
        jws.check_instants(unproved.claims, now, most=trusted.lifetime_limit, skew=self._skew)
        jws.check_signature(unproved, trusted.pem, trusted.algorithm, audience=trusted.audience, issuer=trusted.issuer)
        return principal_of(unproved.claims)

    def _key_for(self, token: jws.Unproved) -> TrustedKey:
        """The one key that the token may be signed with."""
        issuer, kid, algorithm = token.claims.get("iss"), token.header.get("kid"), token.header.get("alg")
        if not isinstance(issuer, str) or not isinstance(kid, str) or algorithm not in jws.FAMILIES:
            raise KeyNotAtHand(None, "")
        trusted = self._keys.get((issuer, kid))
        if trusted is not None:
            return trusted
        source = self._fetched.get(issuer)
        found = source.keys.at_hand(kid, algorithm) if source is not None else None
        if source is None or found is None:
            raise KeyNotAtHand(source.keys if source is not None else None, kid)
        return TrustedKey(issuer, kid, found.algorithm, found.pem, source.audience, source.lifetime_limit)


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """Who the claims of a token speak of.

    Raises Unauthenticated for a claim that is missing or odd, naming it.
    """
    for name in ("sub", "client_id", "jti"):
        if not isinstance(claims.get(name), str) or not NAME.fullmatch(claims[name]):
            raise Unauthenticated(f"{name} must be printable text without spaces")
    granted = claims.get("scope")
    if not isinstance(granted, str) or not granted.strip():
        raise Unauthenticated("scope is missing")
    purpose = claims.get("purpose_of_use", "TREAT")
    if not isinstance(purpose, str) or purpose not in PURPOSES:
        raise Unauthenticated("purpose_of_use is not a code of v3 PurposeOfUse")
    allowed, person = scopes.parse(granted), _reference(claims, "fhirUser", PERSON)
    if person is None and any(scope.context != "system" for scope in allowed):
        # Taken as a system's they would open a register to somebody whose issuer forgot to say who he is.
        raise Unauthenticated("the token has user/ or patient/ scopes, and no fhirUser that they would be for")
    return Principal(
        client_id=claims["client_id"],
        scopes=allowed,
        organization=_reference(claims, "organization", ORGANIZATION),
        person=person,
        purpose=purpose,
        issuer=claims["iss"],
        token_id=claims["jti"],
        expires=datetime.fromtimestamp(claims["exp"], UTC),
    )


def _reference(claims: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str | None:
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, str) or not form.fullmatch(value):
        raise Unauthenticated(f"{name} is not a reference of the form {form.pattern.partition('[')[0]}ID")
    return value
