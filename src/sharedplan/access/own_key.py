"""The service's own signing key, for development: made in the data directory at first use, never in the repository.

Whoever needs it first makes it, `sharedplan token` or the service; the other finds it. It is written beside its place
and linked into it, so that nobody ever reads half a key and of two makers one wins for both.
"""

import base64
import contextlib
import hashlib
import json
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

OWN_ISSUER = "urn:sharedplan:dev"
"""`iss` of the tokens that the service signs itself."""

FILE_NAME = "token-key.pem"


class UnusableKey(Exception):
    """The key file is there but cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class OwnKey:
    """An EC key on P-384, for ES384; `kid` is its RFC 7638 thumbprint."""

    kid: str
    private_pem: str
    public_pem: str


def own_key(data_dir: Path) -> OwnKey:
    """The key of that data directory, made if it is not there.

    Raises UnusableKey for a file that others can read or that holds no such key, OSError when it cannot be written.
    """
    path = data_dir / FILE_NAME
    if not path.exists():
        _make(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise UnusableKey(f"{path} can be read by others (mode {mode:o}): chmod 600 it, or remove it for a new key")
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as failure:
        raise UnusableKey(f"{path} holds no private key: remove it for a new one") from failure
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp384r1":
        raise UnusableKey(f"{path} holds no key on P-384: remove it for a new one")
    return OwnKey(_thumbprint(private.public_key()), _private_pem(private), _public_pem(private.public_key()))


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(_private_pem(ec.generate_private_key(ec.SECP384R1())))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # somebody else was first: theirs is the key
            os.link(draft, path)
    finally:
        os.unlink(draft)


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
