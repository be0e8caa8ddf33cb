"""Bearer token → Principal, and the signing of the service's own tokens: the only python-jose.

Called carelessly the library accepts forgeries, so everything it leaves open is decided here: the form is checked
before it sees the token, one key is chosen by issuer and `kid`, the algorithm is that key's, every claim is required,
and whatever goes wrong is Unauthenticated.
https://www.rfc-editor.org/rfc/rfc6750, https://www.rfc-editor.org/rfc/rfc8725
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from jose import jwk, jwt
from jose.backends.base import Key

from sharedplan.access import scopes
from sharedplan.access.keys import TrustedKey
from sharedplan.access.own_key import OwnKey
from sharedplan.access.principal import PURPOSES, Principal
from sharedplan.clock import Clock
from sharedplan.errors import SharedplanError, Unauthenticated
from sharedplan.fhir import json_text

TOKEN_LIMIT = 8 * 1024
REMEMBERED = 4096
KNOWN_HEADERS = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_ORGANIZATION = re.compile(r"Organization/[A-Za-z0-9\-.]{1,64}")
_PERSON = re.compile(r"(Practitioner|PractitionerRole|RelatedPerson|Patient)/[A-Za-z0-9\-.]{1,64}")
_NAME = re.compile(r"[\x21-\x7e]{1,255}")
_REQUIRED = {f"require_{claim}": True for claim in ("aud", "iss", "sub", "jti", "iat")}
# exp and nbf are judged below, by the clock that was handed in; the library would ask the machine's.
_OPTIONS = _REQUIRED | {"verify_exp": False, "verify_nbf": False}


def sign(claims: Mapping[str, Any], key: OwnKey) -> str:
    """A signed token with these claims."""
    return str(jwt.encode(dict(claims), key.private_pem, algorithm="ES384", headers={"kid": key.kid}))


class Verifier:
    """Turns Authorization headers into Principals; remembers verified tokens by their hash until they end."""

    def __init__(self, keys: Iterable[TrustedKey], clock: Clock, *, skew: timedelta = timedelta(seconds=5)) -> None:
        """`skew`: how far another machine's clock may be ahead of ours."""
        self._keys: dict[tuple[str, str], tuple[TrustedKey, Key]] = {
            (key.issuer, key.kid): (key, jwk.construct(key.pem, key.algorithm)) for key in keys
        }
        self._clock = clock
        self._skew = skew
        self._remembered: dict[bytes, Principal] = {}

    def principal(self, authorization: Sequence[bytes]) -> Principal:
        """Who asks, by the values of the request's Authorization headers.

        Raises Unauthenticated, whatever is wrong.
        """
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
        if len(token) > TOKEN_LIMIT:
            raise Unauthenticated(f"the token is longer than {TOKEN_LIMIT} bytes")
        text = token.decode("ascii")
        parts = text.split(".")
        if len(parts) != 3:
            raise Unauthenticated("the token is not a signed JWT")
        header, claims = (_object(part) for part in parts[:2])
        _bytes(parts[2])
        trusted, key = self._key_for(header, claims)
        _check_instants(claims, trusted, now, self._skew)
        jwt.decode(
            text,
            key,
            algorithms=[trusted.algorithm],
            audience=trusted.audience,
            issuer=trusted.issuer,
            options=_OPTIONS,
        )
        return principal_of(claims)

    def _key_for(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> tuple[TrustedKey, Key]:
        """The one key that the token may be signed with."""
        unknown = set(header) - KNOWN_HEADERS
        if unknown:
            raise Unauthenticated("the token's header holds more than alg, kid and typ")
        if str(header.get("typ", "")).lower() not in TYPES:
            raise Unauthenticated("the token's typ is not JWT")
        issuer, kid = claims.get("iss"), header.get("kid")
        if not isinstance(issuer, str) or not isinstance(kid, str) or (issuer, kid) not in self._keys:
            raise Unauthenticated("the token's issuer and key are not known here")
        trusted, key = self._keys[issuer, kid]
        if header.get("alg") != trusted.algorithm:
            raise Unauthenticated("the token's algorithm is not that of its key")
        audience = claims.get("aud")
        if trusted.audience not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthenticated("the token is for another audience")
        return trusted, key


def _bytes(segment: str) -> bytes:
    """A segment decoded; only its one canonical spelling is taken."""
    if not _SEGMENT.fullmatch(segment):
        raise Unauthenticated("the token is not base64url")
    decoded = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != segment:
        raise Unauthenticated("the token is not base64url")
    return decoded


def _object(segment: str) -> dict[str, Any]:
    read = json_text.read(_bytes(segment), max_depth=4)
    if not isinstance(read, dict):
        raise Unauthenticated("a part of the token is not a JSON object")
    return read


def _check_instants(claims: Mapping[str, Any], key: TrustedKey, now: datetime, skew: timedelta) -> None:
    at = now.timestamp()
    ahead = at + skew.total_seconds()
    issued, ends, begins = (claims.get(name) for name in ("iat", "exp", "nbf"))
    if type(issued) is not int or type(ends) is not int:
        raise Unauthenticated("iat and exp must be whole seconds")
    if begins is not None and (type(begins) is not int or begins > ahead):
        raise Unauthenticated("the token is not valid yet")
    if issued > ahead:
        raise Unauthenticated("the token was issued in the future")
    if ends <= at:
        raise Unauthenticated("the token has expired")
    if ends > ahead + key.lifetime_limit.total_seconds():
        raise Unauthenticated("the token is valid for longer than is taken here")


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """Who the claims of a token speak of.

    Raises Unauthenticated for a claim that is missing or odd, naming it.
    """
    for name in ("sub", "client_id", "jti"):
        if not isinstance(claims.get(name), str) or not _NAME.fullmatch(claims[name]):
            raise Unauthenticated(f"{name} must be printable text without spaces")
    granted = claims.get("scope")
    if not isinstance(granted, str) or not granted.strip():
        raise Unauthenticated("scope is missing")
    purpose = claims.get("purpose_of_use", "TREAT")
    if not isinstance(purpose, str) or purpose not in PURPOSES:
        raise Unauthenticated("purpose_of_use is not a code of v3 PurposeOfUse")
    return Principal(
        client_id=claims["client_id"],
        scopes=scopes.parse(granted),
        organization=_reference(claims, "organization", _ORGANIZATION),
        person=_reference(claims, "fhirUser", _PERSON),
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
