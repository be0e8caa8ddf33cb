"""Keys and signed tokens as a record system would make them, without the library that the service reads them with."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

EcKey = ec.EllipticCurvePrivateKey
RsaKey = rsa.RSAPrivateKey
Sign = Callable[[str], bytes]


def encoded(value: bytes | str) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def ec_key(curve: ec.EllipticCurve | None = None) -> EcKey:
    return ec.generate_private_key(curve or ec.SECP384R1())


def rsa_key(bits: int = 2048) -> RsaKey:
    return rsa.generate_private_key(65537, bits)


def public(key: EcKey | RsaKey, form: serialization.Encoding = serialization.Encoding.PEM) -> bytes:
    return key.public_key().public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)


def private(key: EcKey) -> bytes:
    """The private key as OpenSSL writes it into a file."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return key.private_bytes(*form)


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8))


def jwk(key: EcKey | RsaKey, kid: str, **changed: Any) -> dict[str, Any]:
    """The public key as a row of a JWKS."""
    if isinstance(key, EcKey):
        point, size = key.public_key().public_numbers(), key.curve.key_size // 8
        place = {"x": encoded(point.x.to_bytes(size)), "y": encoded(point.y.to_bytes(size))}
        return {"kty": "EC", "crv": f"P-{key.curve.key_size}", "kid": kid, **place, **changed}
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": kid, "n": number(numbers.n), "e": number(numbers.e), **changed}


def signing(key: EcKey | RsaKey, algorithm: str = "") -> Sign:
    """What signs a text with the key."""
    digest = hashes.SHA256() if algorithm.endswith("256") else hashes.SHA384()
    if isinstance(key, EcKey):
        size = key.curve.key_size // 8

        def by_curve(text: str) -> bytes:
            r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(digest)))
            return r.to_bytes(size) + s.to_bytes(size)

        return by_curve
    return lambda text: key.sign(text.encode(), padding.PKCS1v15(), digest)


def of_text(header: str, claims: str, sign: Sign) -> str:
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(sign(signed))}"


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Sign) -> str:
    return of_text(json.dumps(header), json.dumps(claims), sign)


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    middle = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return found
