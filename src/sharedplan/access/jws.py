"""Signed JWTs: taken apart, checked and made; the only python-jose.

Called carelessly the library accepts forgeries, so everything it leaves open is decided here: the form is checked
before it sees the token, it gets one key, the algorithm is that key's, and every claim it looks at is required.
https://www.rfc-editor.org/rfc/rfc7515, https://www.rfc-editor.org/rfc/rfc8725
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from jose import jwk, jwt
from jose.backends.base import Key

from sharedplan.access.own_key import OwnKey
from sharedplan.errors import Unauthenticated
from sharedplan.fhir import json_text

TOKEN_LIMIT = 8 * 1024
"""Bytes of a token."""

KNOWN_HEADERS = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
FAMILIES = {"ES256": "EC", "ES384": "EC", "RS256": "RSA", "RS384": "RSA"}
"""The algorithms that are taken, with the kind of key (`kty`) that each is for."""

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_REQUIRED = {f"require_{claim}": True for claim in ("aud", "iss", "sub", "jti")}
# exp, nbf and iat are judged below, by the clock that was handed in; the library would ask the machine's.
_OPTIONS = _REQUIRED | {"verify_exp": False, "verify_nbf": False}


@dataclass(frozen=True, slots=True)
class Unproved:
    """A token taken apart: what it says, before anybody has looked at its signature."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def sign(claims: Mapping[str, Any], key: OwnKey) -> str:
    """A signed token with these claims."""
    return str(jwt.encode(dict(claims), key.private_pem, algorithm="ES384", headers={"kid": key.kid}))


def unpacked(token: bytes, *, headers: frozenset[str] = KNOWN_HEADERS, types: frozenset[str] = TYPES) -> Unproved:
    """The parts of a token; `headers` are those it may have, `types` its possible `typ`, in small letters.

    Raises Unauthenticated, and whatever reading damaged text raises.
    """
    if len(token) > TOKEN_LIMIT:
        raise Unauthenticated(f"the token is longer than {TOKEN_LIMIT} bytes")
    text = token.decode("ascii")
    parts = text.split(".")
    if len(parts) != 3:
        raise Unauthenticated("the token is not a signed JWT")
    header, claims = (_object(part) for part in parts[:2])
    if not parts[2]:
        raise Unauthenticated("the token is not signed")
    _bytes(parts[2])
    if set(header) - headers:
        raise Unauthenticated(f"the token's header holds more than {', '.join(sorted(headers))}")
    if str(header.get("typ", "")).lower() not in types:
        raise Unauthenticated("the token's typ is not JWT")
    return Unproved(text, header, claims)


def check_signature(token: Unproved, pem: str, algorithm: str, *, audience: str, issuer: str) -> None:
    """Raises, Unauthenticated or what the library raises, unless this key signed the token under that algorithm."""
    if token.header.get("alg") != algorithm:
        raise Unauthenticated("the token's algorithm is not that of its key")
    jwt.decode(
        token.text,
        _constructed(pem, algorithm),
        algorithms=[algorithm],
        audience=audience,
        issuer=issuer,
        options=_OPTIONS,
    )


def check_instants(
    claims: Mapping[str, Any], now: datetime, *, most: timedelta, skew: timedelta, needs_issue: bool = True
) -> None:
    """Raises Unauthenticated unless `now` lies within the token's time, of which at most `most` is left.

    `skew`: how far another machine's clock may be ahead of ours; `needs_issue`: whether `iat` must be there.
    """
    at = now.timestamp()
    ahead = at + skew.total_seconds()
    issued, ends, begins = (claims.get(name) for name in ("iat", "exp", "nbf"))
    if type(ends) is not int or (type(issued) is not int and (needs_issue or issued is not None)):
        raise Unauthenticated("iat and exp must be whole seconds")
    if begins is not None and (type(begins) is not int or begins > ahead):
        raise Unauthenticated("the token is not valid yet")
    if issued is not None and issued > ahead:
        raise Unauthenticated("the token was issued in the future")
    if ends <= at:
        raise Unauthenticated("the token has expired")
    if ends > ahead + most.total_seconds():
        raise Unauthenticated("the token is valid for longer than is taken here")


@lru_cache(maxsize=1024)
def _constructed(pem: str, algorithm: str) -> Key:
    return jwk.construct(pem, algorithm)


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
