"""The keys that tokens are checked with: which JWKS are taken, and the service's own key."""

import base64
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sharedplan.access.keys import BadKey, trusted_keys
from sharedplan.access.own_key import FILE_NAME, OWN_ISSUER, own_key
from sharedplan.secret_files import UnusableSecret
from sharedplan.settings import Settings


def number(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def ec_key(curve: ec.EllipticCurve | None = None, **changed: Any) -> dict[str, Any]:
    point = ec.generate_private_key(curve or ec.SECP384R1()).public_key().public_numbers()
    return {"kty": "EC", "crv": "P-384", "kid": "e", "x": number(point.x), "y": number(point.y), **changed}


@cache
def rsa_numbers(bits: int) -> rsa.RSAPublicNumbers:
    return rsa.generate_private_key(65537, bits).public_key().public_numbers()


def rsa_key(bits: int = 2048, **changed: Any) -> dict[str, Any]:
    public = rsa_numbers(bits)
    return {"kty": "RSA", "kid": "r", "n": number(public.n), "e": number(public.e), **changed}


def settings(*keys: Any, **more: Any) -> Settings:
    return Settings(issuers=({"iss": "https://issuer.example", "jwks": {"keys": list(keys)}},), **more)


def test_each_key_is_for_one_algorithm_alone() -> None:
    small = ec_key(ec.SECP256R1(), crv="P-256", kid="s")
    keys = trusted_keys(settings(ec_key(), small, rsa_key(), rsa_key(kid="r2", alg="RS256")))
    assert [(key.kid, key.algorithm) for key in keys] == [
        ("e", "ES384"),
        ("s", "ES256"),
        ("r", "RS384"),
        ("r2", "RS256"),
    ]


def test_keys_for_encryption_are_left_out() -> None:
    assert [key.kid for key in trusted_keys(settings(ec_key(), rsa_key(use="enc")))] == ["e"]


def test_the_audience_is_the_fhir_base_unless_the_issuer_names_another(tmp_path: Path) -> None:
    [key] = trusted_keys(settings(ec_key(), base_url="https://plans.example/fhir/"))
    assert key.audience == "https://plans.example/fhir"
    row = {"iss": "a", "jwks": {"keys": [ec_key()]}, "audience": "urn:plans"}
    assert trusted_keys(Settings(issuers=(row,)))[0].audience == "urn:plans"


def test_a_jwks_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [ec_key()]}))
    assert trusted_keys(Settings(issuers=({"iss": "a", "jwks_file": file},)))[0].kid == "e"


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (rsa_key(1024), "1024 bits"),
        (ec_key(kid=""), "no kid"),
        ({name: value for name, value in ec_key().items() if name != "kid"}, "kid"),
        (ec_key(d="AAAA"), "private"),
        ({"kty": "oct", "kid": "o", "k": "AAAA"}, "shared key"),
        ({"kty": "OKP", "crv": "Ed25519", "kid": "o", "x": "AAAA"}, "OKP"),
        (ec_key(crv="secp256k1"), "curve"),
        (ec_key(y="AAAA"), "cannot be used"),
        (ec_key(alg="ES256"), "ES256"),
        (rsa_key(alg="HS256"), "HS256"),
        (rsa_key(alg="none"), "none"),
        (rsa_key(n="!!"), "base64url"),
        ("text", "cannot be used"),
    ],
)
def test_a_key_that_proves_nothing_stops_the_start(key: Any, why: str) -> None:
    with pytest.raises(BadKey, match=why):
        trusted_keys(settings(key))


def test_two_keys_with_one_kid_stop_the_start() -> None:
    with pytest.raises(BadKey, match="two keys"):
        trusted_keys(settings(ec_key(), ec_key()))


@pytest.mark.parametrize("jwks", [{}, {"keys": []}, {"keys": "x"}, {"keys": [rsa_key(use="enc")]}])
def test_a_jwks_without_a_key_stops_the_start(jwks: dict[str, Any]) -> None:
    with pytest.raises(BadKey):
        trusted_keys(Settings(issuers=({"iss": "a", "jwks": jwks},)))


def test_a_jwks_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadKey, match="cannot be read"):
        trusted_keys(Settings(issuers=({"iss": "a", "jwks_file": tmp_path / "none.json"},)))


def test_the_own_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    first, again = own_key(tmp_path / "new"), own_key(tmp_path / "new")
    assert first == again
    file = tmp_path / "new" / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "new") == [FILE_NAME]


def test_of_many_makers_one_wins_for_all(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = list(pool.map(lambda _: own_key(tmp_path / "var"), range(16)))
    assert len(set(keys)) == 1


def test_an_own_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    own_key(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o644)
    with pytest.raises(UnusableSecret, match="chmod 600"):
        own_key(tmp_path)


@pytest.mark.parametrize("text", ["", "half a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_holds_no_key_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    (tmp_path / FILE_NAME).chmod(0o600)
    with pytest.raises(UnusableSecret, match="remove it"):
        own_key(tmp_path)


def test_the_own_key_is_trusted_only_where_the_service_signs_its_own_tokens(tmp_path: Path) -> None:
    assert [key.issuer for key in trusted_keys(Settings(data_dir=tmp_path))] == [OWN_ISSUER]
    assert OWN_ISSUER not in [key.issuer for key in trusted_keys(settings(ec_key(), data_dir=tmp_path / "none"))]
    assert not (tmp_path / "none").exists()
