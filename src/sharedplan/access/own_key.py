"""The service's own signing keys: in production those that the settings name, the same for all who serve one address.

In development one is made in the data directory at first use, never in the repository. Whoever needs it first makes
it, `sharedplan token` or the service; the other finds it. https://www.rfc-editor.org/rfc/rfc7517
"""

import base64
import hashlib
import json
import stat
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sharedplan.secret_files import UnusableSecret, secret_file
from sharedplan.settings import Settings

OWN_ISSUER = "urn:sharedplan:dev"
"""`iss` of the tokens that the service signs with the key of its data directory."""

ISSUED_FOR = timedelta(minutes=5)
"""How long a token of the token endpoint lasts."""

FILE_NAME = "token-key.pem"


@dataclass(frozen=True, slots=True)
class OwnKey:
    """An EC key on P-384, for ES384; `kid` is its RFC 7638 thumbprint."""

    kid: str
    private_pem: str
    public_pem: str


@dataclass(frozen=True, slots=True)
class Signer:
    """In whose name the service signs: `iss`, the keys (the first signs, the others are still taken), and how long a
    token may last."""

    issuer: str
    keys: tuple[OwnKey, ...]
    lifetime_limit: timedelta


def signer(settings: Settings) -> Signer | None:
    """Who signs here; None when only others' tokens are taken.

    Raises UnusableSecret for a key that cannot be used, OSError when it cannot be read or made.
    """
    if settings.token_keys:
        keys = tuple(_named_key(path) for path in settings.token_keys)
        return Signer(settings.root, keys, ISSUED_FOR)
    if settings.signs_own_tokens:
        return Signer(OWN_ISSUER, (own_key(settings.data_dir),), settings.token_lifetime_limit)
    return None


def own_key(data_dir: Path) -> OwnKey:
    """The key of that data directory, made if it is not there.

    Raises UnusableSecret for a file that others can read or that holds no such key, OSError when it cannot be written.
    """
    path = data_dir / FILE_NAME
    pem = secret_file(path, lambda: _private_pem(ec.generate_private_key(ec.SECP384R1())).encode())
    return _read(pem, path, "remove it for a new one")


def published(keys: tuple[OwnKey, ...]) -> dict[str, Any]:
    """The JWKS of their public halves."""
    return {"keys": [{**_members(_public(key)), "kid": key.kid, "alg": "ES384", "use": "sig"} for key in keys]}


def _named_key(path: Path) -> OwnKey:
    """A key that the operator made; a group may read it, for that is how orchestrators hand out secrets."""
    if stat.S_IMODE(path.stat().st_mode) & 0o007:
        raise UnusableSecret(f"{path} can be read by everybody: chmod 640 it")
    return _read(path.read_bytes(), path, "make one by openssl ecparam -name secp384r1 -genkey -noout")


def _read(pem: bytes, path: Path, hint: str) -> OwnKey:
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as failure:  # TypeError: it needs a password
        raise UnusableSecret(f"{path} holds no private key: {hint}") from failure
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp384r1":
        raise UnusableSecret(f"{path} holds no key on P-384: {hint}")
    return OwnKey(_thumbprint(private.public_key()), _private_pem(private), _public_pem(private.public_key()))


def _public(key: OwnKey) -> ec.EllipticCurvePublicKey:
    found = serialization.load_pem_public_key(key.public_pem.encode())
    assert isinstance(found, ec.EllipticCurvePublicKey)
    return found


def _members(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The members of the JWK that its thumbprint is made of."""
    numbers = key.public_numbers()
    return {"crv": "P-384", "kty": "EC", "x": _base64url(numbers.x), "y": _base64url(numbers.y)}


def _thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """https://www.rfc-editor.org/rfc/rfc7638"""
    text = json.dumps(_members(key), separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(48)).rstrip(b"=").decode()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _public_pem(key: ec.EllipticCurvePublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()
