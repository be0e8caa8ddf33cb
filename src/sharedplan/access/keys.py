"""The public keys that tokens are checked with: one list per issuer, read from JWKS given in the settings.

https://www.rfc-editor.org/rfc/rfc7517, https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sharedplan.access.own_key import OWN_ISSUER, own_key
from sharedplan.settings import Settings, TrustedIssuer

CURVES: Mapping[str, tuple[ec.EllipticCurve, str]] = {
    "P-256": (ec.SECP256R1(), "ES256"),
    "P-384": (ec.SECP384R1(), "ES384"),
}
RSA_ALGORITHMS = ("RS384", "RS256")
LEAST_RSA_BITS = 2048

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class BadKey(ValueError):
    """A JWKS of the settings that cannot be used; the text says which issuer and why."""


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
    """Every key that the settings trust; makes the service's own key when it signs its own tokens.

    Raises BadKey.
    """
    if settings.signs_own_tokens:
        key = own_key(settings.data_dir)
        limit = settings.token_lifetime_limit
        return (TrustedKey(OWN_ISSUER, key.kid, "ES384", key.public_pem, settings.expected_audience, limit),)
    keys: list[TrustedKey] = []
    for issuer in settings.issuers:
        audience = issuer.audience or settings.expected_audience
        for kid, algorithm, pem in _published(issuer):
            keys.append(TrustedKey(issuer.iss, kid, algorithm, pem, audience, settings.foreign_token_lifetime_limit))
    return tuple(keys)


def _published(issuer: TrustedIssuer) -> Iterable[tuple[str, str, str]]:
    """(kid, algorithm, PEM) of each signature key in the issuer's JWKS."""
    jwks = issuer.jwks
    if issuer.jwks_file is not None:
        try:
            jwks = json.loads(issuer.jwks_file.read_text())
        except (OSError, ValueError) as failure:
            raise BadKey(f"the JWKS of issuer {issuer.iss} cannot be read: {failure}") from failure
    rows = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(rows, list) or not rows:
        raise BadKey(f"the JWKS of issuer {issuer.iss} holds no keys")
    seen: set[str] = set()
    for row in rows:
        try:
            if row.get("use", "sig") != "sig":
                continue
            kid, algorithm, pem = _key(row)
        except (KeyError, TypeError, ValueError, AttributeError) as failure:
            raise BadKey(f"a key of issuer {issuer.iss} cannot be used: {failure}") from failure
        if kid in seen:
            raise BadKey(f"issuer {issuer.iss} has two keys with the kid {kid}")
        seen.add(kid)
        yield kid, algorithm, pem
    if not seen:
        raise BadKey(f"the JWKS of issuer {issuer.iss} holds no key for signatures")


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
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
    algorithm = row.get("alg", allowed[0])
    if algorithm not in allowed:
        raise ValueError(f"{kid} is for {algorithm}; taken for this key: {', '.join(allowed)}")
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return kid, algorithm, pem.decode()


def _number(text: str) -> int:
    if not _BASE64URL.fullmatch(text):
        raise ValueError("a number is not base64url")
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except binascii.Error as failure:
        raise ValueError("a number is not base64url") from failure
