"""The public keys that tokens are checked with, read from JWKS: those of the settings strictly, others' as they come.

https://www.rfc-editor.org/rfc/rfc7517, https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sharedplan.access.own_key import signer
from sharedplan.settings import KeySource, Settings

CURVES: Mapping[str, tuple[ec.EllipticCurve, str]] = {
    "P-256": (ec.SECP256R1(), "ES256"),
    "P-384": (ec.SECP384R1(), "ES384"),
}
RSA_ALGORITHMS = ("RS384", "RS256")
LEAST_RSA_BITS = 2048

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class BadKey(ValueError):
    """A JWKS that cannot be used, or a client registered with one; the text says whose and why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key of a JWKS, for one algorithm alone; `kty` is EC or RSA."""

    kid: str
    kty: str
    algorithm: str
    pem: str


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """One public key: whose tokens it proves, under which algorithm alone, for which audience and for how long."""

    issuer: str
    kid: str
    algorithm: str
    pem: str
    audience: str
    lifetime_limit: timedelta


def trusted_keys(settings: Settings) -> tuple[TrustedKey, ...]:
    """Every key that the settings hold; makes the service's own key when it signs its own tokens.

    The keys of issuers that publish them at an address are not among them. Raises BadKey, UnusableSecret.
    """
    keys: list[TrustedKey] = []
    ours = signer(settings)
    if ours is not None:
        own = (ours.issuer, "ES384", settings.expected_audience, ours.lifetime_limit)
        keys += [TrustedKey(own[0], key.kid, own[1], key.public_pem, *own[2:]) for key in ours.keys]
    for issuer in settings.issuers:
        audience = issuer.audience or settings.expected_audience
        limit = settings.foreign_token_lifetime_limit
        for key in keys_at_hand(issuer, f"issuer {issuer.iss}"):
            keys.append(TrustedKey(issuer.iss, key.kid, key.algorithm, key.pem, audience, limit))
    return tuple(keys)


def keys_at_hand(source: KeySource, whose: str) -> tuple[PublicKey, ...]:
    """The signature keys that a row of the settings holds or has in a file; none when they are at an address.

    Raises BadKey for a key that cannot be used, for two with one kid, and when there is none.
    """
    if source.jwks_url is not None:
        return ()
    jwks: Any = source.jwks
    if source.jwks_file is not None:
        try:
            jwks = json.loads(source.jwks_file.read_text())
        except (OSError, ValueError) as failure:
            raise BadKey(f"the JWKS of {whose} cannot be read: {failure}") from failure
    found: dict[str, PublicKey] = {}
    for row in _rows(jwks, whose):
        try:
            if row.get("use", "sig") != "sig":
                continue
            key = _key(row, source.rsa_algorithm)
        except (KeyError, TypeError, ValueError, AttributeError) as failure:
            raise BadKey(f"a key of {whose} cannot be used: {failure}") from failure
        if key.kid in found:
            raise BadKey(f"{whose} has two keys with the kid {key.kid}")
        found[key.kid] = key
    if not found:
        raise BadKey(f"the JWKS of {whose} holds no key for signatures")
    return tuple(found.values())


def usable_keys(jwks: Any, *, rsa_algorithm: str) -> Mapping[tuple[str, str], PublicKey]:
    """The keys of a JWKS that somebody published, by (kid, kty): those that we can use, and that are the only one of
    their kid and kind. Raises BadKey when it is no JWKS."""
    rows = [row for row in _rows(jwks, "the address") if isinstance(row, dict) and row.get("use", "sig") == "sig"]
    named = Counter((str(row.get("kid")), str(row.get("kty"))) for row in rows)
    found = {}
    for row in rows:
        try:
            key = _key(row, rsa_algorithm)
        except (KeyError, TypeError, ValueError):
            continue  # of a kind that is not taken here
        if named[key.kid, key.kty] == 1:
            found[key.kid, key.kty] = key
    return found


def _rows(jwks: Any, whose: str) -> list[Any]:
    rows = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(rows, list) or not rows:
        raise BadKey(f"the JWKS of {whose} holds no keys")
    return rows


def _key(row: Mapping[str, Any], rsa_algorithm: str) -> PublicKey:
    """Raises KeyError, TypeError and ValueError for a key that cannot be used; `rsa_algorithm` is that of RSA keys
    that name none."""
    kid = row["kid"]
    if not isinstance(kid, str) or not kid:
        raise ValueError("it has no kid")
    if "d" in row or "k" in row:
        raise ValueError(f"{kid} is a private or shared key; only public keys belong here")
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    if row["kty"] == "EC":
        if row["crv"] not in CURVES:
            raise ValueError(f"{kid} is on the curve {row['crv']}; P-256 and P-384 are taken")
        curve, algorithm = CURVES[row["crv"]]
        public = ec.EllipticCurvePublicNumbers(_number(row["x"]), _number(row["y"]), curve).public_key()
        allowed: tuple[str, ...] = (algorithm,)
    elif row["kty"] == "RSA":
        public = rsa.RSAPublicNumbers(_number(row["e"]), _number(row["n"])).public_key()
        allowed = RSA_ALGORITHMS
        if public.key_size < LEAST_RSA_BITS:
            raise ValueError(f"{kid} has {public.key_size} bits; {LEAST_RSA_BITS} are the least")
    else:
        raise ValueError(f"{kid} is of the kind {row['kty']}; EC and RSA are taken")
    algorithm = row.get("alg", rsa_algorithm if row["kty"] == "RSA" else allowed[0])
    if algorithm not in allowed:
        raise ValueError(f"{kid} is for {algorithm}; taken for this key: {', '.join(allowed)}")
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(kid, row["kty"], algorithm, pem.decode())


def _number(text: str) -> int:
    if not _BASE64URL.fullmatch(text):
        raise ValueError("a number is not base64url")
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except binascii.Error as failure:
        raise ValueError("a number is not base64url") from failure
