"""Cursors: where the next page goes on, sealed so that they say nothing and cannot be made up.

A cursor holds the whole question beside the place, so a link carries no search value into logs and histories, and is
bound to the client that it was given to. It is an address, not a permission: each page is decided afresh.
https://hl7.org/fhir/R4/http.html#paging
"""

import base64
import binascii
import hashlib
import hmac
import os
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sharedplan.errors import Incorrect
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.json_text import read, write

PARAMETER = "_page"

_NONCE = 12  # bytes, as AES-GCM wants them


class Cursors:
    """Seals and opens cursors with one key; all processes that answer for one address need the same."""

    def __init__(self, key: bytes) -> None:
        """`key`: any secret; what is used is derived from it."""
        self._cipher = AESGCM(hashlib.sha256(b"sharedplan cursor\0" + key).digest())
        self._marking = hashlib.sha256(b"sharedplan mark\0" + key).digest()

    def sealed(self, place: Json, *, client: str) -> str:
        """The cursor for a place, in characters that a URL takes as they are."""
        nonce = os.urandom(_NONCE)
        text = self._cipher.encrypt(nonce, zlib.compress(write(place).encode()), client.encode())
        return base64.urlsafe_b64encode(nonce + text).decode().rstrip("=")

    def opened(self, cursor: str, *, client: str) -> Json:
        """The place that a cursor was made of. Raises Incorrect for one that is not ours, or is another client's."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            place = read(zlib.decompress(self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], client.encode())))
        except (InvalidTag, ValueError, binascii.Error, zlib.error):
            raise Incorrect(f"{PARAMETER} is not a link that this server gave to this client") from None
        return dict(place)

    def mark(self, secret: str) -> str:
        """Eight characters that tell one secret from another, and nothing of it to whoever does not have the key."""
        return hmac.new(self._marking, secret.encode(), hashlib.sha256).hexdigest()[:8]
