"""The service's own signing key, for development: made in the data directory at first use, never in the repository.

Whoever needs it first makes it, `sharedplan token` or the service; the other finds it.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sharedplan.secret_files import UnusableSecret, secret_file

OWN_ISSUER = "urn:sharedplan:dev"
"""`iss` of the tokens that the service signs itself."""

FILE_NAME = "token-key.pem"


@dataclass(frozen=True, slots=True)
class OwnKey:
    """An EC key on P-384, for ES384; `kid` is its RFC 7638 thumbprint."""

    kid: str
    private_pem: str
    public_pem: str


def own_key(data_dir: Path) -> OwnKey:
    """The key of that data directory, made if it is not there.

    Raises UnusableSecret for a file that others can read or that holds no such key, OSError when it cannot be written.
    """
    path = data_dir / FILE_NAME
    pem = secret_file(path, lambda: _private_pem(ec.generate_private_key(ec.SECP384R1())).encode())
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except ValueError as failure:
        raise UnusableSecret(f"{path} holds no private key: remove it for a new one") from failure
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp384r1":
        raise UnusableSecret(f"{path} holds no key on P-384: remove it for a new one")
    return OwnKey(_thumbprint(private.public_key()), _private_pem(private), _public_pem(private.public_key()))


def _thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """https://www.rfc-editor.org/rfc/rfc7638"""
    numbers = key.public_numbers()
    members = {"crv": "P-384", "kty": "EC", "x": _base64url(numbers.x), "y": _base64url(numbers.y)}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(48)).rstrip(b"=").decode()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _public_pem(key: ec.EllipticCurvePublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()
