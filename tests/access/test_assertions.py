"""What a client proves itself with: every way of being wrong is Unauthenticated, and none is another failure."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sharedplan.access.assertions import Proof, proved
from sharedplan.access.clients import Client, registered
from sharedplan.access.fetched_keys import Fetcher
from sharedplan.access.jws import TOKEN_LIMIT
from sharedplan.access.keys import BadKey
from sharedplan.clock import FixedClock
from sharedplan.errors import Unauthenticated
from sharedplan.settings import Settings
from signing import Sign, ec_key, jwk, of_text, public, rsa_key, signed, signing

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
TOKEN_URL = "https://plans.example/auth/token"
JKU = "https://remote.example/jwks"
KEY, SMALL, STRANGER, RSA, RSA_256 = ec_key(), ec_key(ec.SECP256R1()), ec_key(), rsa_key(), rsa_key()
HEADER = {"alg": "ES384", "kid": "k", "typ": "JWT"}
CLAIMS = {"iss": "records", "sub": "records", "aud": TOKEN_URL, "exp": AT + 300, "jti": "1"}

RECORDS = {
    "client_id": "records",
    "organization": "Organization/s",
    "scopes": "system/*.cruds",
    "jwks": {"keys": [jwk(KEY, "k"), jwk(SMALL, "small"), jwk(RSA, "rsa"), jwk(RSA_256, "rsa256", alg="RS256")]},
}
OTHER = {**RECORDS, "client_id": "other", "jwks": {"keys": [jwk(STRANGER, "k"), jwk(STRANGER, "o")]}}
REMOTE = {"client_id": "remote", "scopes": "system/*.rs", "jwks_url": JKU}

asked: list[str] = []


def published(request: httpx.Request) -> httpx.Response:
    asked.append(str(request.url))
    return httpx.Response(200, json={"keys": [jwk(KEY, "k"), jwk(KEY, "twin"), jwk(STRANGER, "twin")]})


@pytest.fixture
def clients() -> Mapping[str, Client]:
    asked.clear()
    settings = Settings(clients=(RECORDS, OTHER, REMOTE))
    return registered(settings, Fetcher(httpx.MockTransport(published)), FixedClock(NOW))


def an_assertion(
    header: Mapping[str, Any] | None = None, sign: Sign | None = None, *, without: str = "", **claims: Any
) -> str:
    whole = {name: value for name, value in {**CLAIMS, **claims}.items() if name != without}
    return signed(header or HEADER, whole, sign or signing(KEY))


async def judged(assertion: str, clients: Mapping[str, Client], clock: FixedClock | None = None) -> Proof:
    return await proved(assertion, clients, clock or FixedClock(NOW), token_url=TOKEN_URL, skew=timedelta(seconds=5))


async def test_a_good_assertion_tells_who_proved_itself_and_by_what(clients: Mapping[str, Client]) -> None:
    proof = await judged(an_assertion(), clients)
    assert (proof.client.client_id, proof.jti, proof.until) == ("records", "1", NOW + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("kid", "key", "algorithm"),
    [("k", KEY, "ES384"), ("small", SMALL, "ES256"), ("rsa", RSA, "RS384"), ("rsa256", RSA_256, "RS256")],
)
async def test_a_key_of_each_kind_is_taken(clients: Mapping[str, Client], kid: str, key: Any, algorithm: str) -> None:
    header = {**HEADER, "alg": algorithm, "kid": kid}
    assert await judged(an_assertion(header, signing(key, algorithm)), clients)


async def test_jku_is_taken_when_it_is_the_registered_address(clients: Mapping[str, Client]) -> None:
    named = {**CLAIMS, "iss": "remote", "sub": "remote"}
    assert await judged(an_assertion({**HEADER, "jku": JKU}, **named), clients)
    assert await judged(an_assertion(**named), clients)
    assert asked == [JKU]


async def test_an_audience_may_stand_alone_in_a_list(clients: Mapping[str, Client]) -> None:
    assert await judged(an_assertion(aud=[TOKEN_URL]), clients)


async def test_another_clock_may_be_a_little_ahead(clients: Mapping[str, Client]) -> None:
    assert await judged(an_assertion(exp=AT + 305, iat=AT + 4, nbf=AT + 4), clients)


def hmac_with(key: bytes, digest: str = "sha256") -> Sign:
    return lambda text: hmac.new(key, text.encode(), getattr(hashlib, digest)).digest()


HS256, HS384 = {**HEADER, "alg": "HS256"}, {**HEADER, "alg": "HS384"}
DER = public(KEY, serialization.Encoding.DER)
NAMED_REMOTE = {"iss": "remote", "sub": "remote"}

FORGERIES: dict[str, str] = {
    "no algorithm": an_assertion({**HEADER, "alg": "none"}, lambda text: b""),
    "no algorithm and something as signature": an_assertion({**HEADER, "alg": "none"}, lambda text: b"x"),
    "no algorithm, spelled otherwise": an_assertion({**HEADER, "alg": "NonE"}, lambda text: b"x"),
    "an algorithm that is a list": an_assertion({**HEADER, "alg": ["ES384"]}),
    "without an algorithm": an_assertion({"kid": "k", "typ": "JWT"}),
    "HS256 with the public key as PEM": an_assertion(HS256, hmac_with(public(KEY))),
    "HS256 with the public key as DER": an_assertion(HS256, hmac_with(DER)),
    "HS384 with the public key as PEM": an_assertion(HS384, hmac_with(public(KEY), "sha384")),
    "HS384 with the public key as DER": an_assertion(HS384, hmac_with(DER, "sha384")),
    "HS256 with nothing as secret": an_assertion(HS256, hmac_with(b"")),
    "another algorithm than the key's": an_assertion({**HEADER, "alg": "ES256"}),
    "an algorithm of another kind of key": an_assertion({**HEADER, "alg": "RS384"}, signing(RSA)),
    "RS256 by a key for RS384": an_assertion({**HEADER, "alg": "RS256", "kid": "rsa"}, signing(RSA, "RS256")),
    "PS384": an_assertion({**HEADER, "alg": "PS384", "kid": "rsa"}, signing(RSA)),
    "a key of nobody": an_assertion(sign=signing(STRANGER)),
    "another client's key": an_assertion({**HEADER, "kid": "o"}, signing(STRANGER)),
    "another client's name": an_assertion(iss="other", sub="other"),
    "an empty signature": an_assertion(sign=lambda text: b""),
    "a signature as DER": an_assertion(sign=lambda text: KEY.sign(text.encode(), ec.ECDSA(hashes.SHA384()))),
    "an unknown kid": an_assertion({**HEADER, "kid": "k9"}),
    "a kid that two keys have": an_assertion({**HEADER, "kid": "twin"}, **NAMED_REMOTE),
    "no kid": an_assertion({"alg": "ES384", "typ": "JWT"}),
    "a kid that is a number": an_assertion({**HEADER, "kid": 1}),
    "no typ": an_assertion({"alg": "ES384", "kid": "k"}),
    "the typ of an access token": an_assertion({**HEADER, "typ": "at+jwt"}),
    "its own key in the header": an_assertion({**HEADER, "jwk": jwk(STRANGER, "k")}, signing(STRANGER)),
    "a certificate in the header": an_assertion({**HEADER, "x5c": ["AAAA"]}),
    "a certificate's address in the header": an_assertion({**HEADER, "x5u": "https://evil.example/cert"}),
    "a critical extension": an_assertion({**HEADER, "crit": ["b64"], "b64": False}),
    "an address for keys, where none is registered": an_assertion({**HEADER, "jku": "https://evil.example/jwks"}),
    "another address for keys": an_assertion({**HEADER, "jku": "https://evil.example/jwks"}, **NAMED_REMOTE),
    "an address that begins like the registered one": an_assertion({**HEADER, "jku": f"{JKU}.evil"}, **NAMED_REMOTE),
    "no address for keys": an_assertion({**HEADER, "jku": None}),
    "a client that is not registered": an_assertion(iss="nobody", sub="nobody"),
    "a client that is a list": an_assertion(iss=["records"]),
    "another subject": an_assertion(sub="other"),
    "another audience": an_assertion(aud="https://plans.example/fhir"),
    "an audience with a slash more": an_assertion(aud=f"{TOKEN_URL}/"),
    "several audiences": an_assertion(aud=[TOKEN_URL, "https://elsewhere.example/token"]),
    "an end six minutes ahead": an_assertion(exp=AT + 360),
    "an end in ten years": an_assertion(exp=AT + 10 * 365 * 86400),
    "an end that is past": an_assertion(exp=AT - 1),
    "an end right now": an_assertion(exp=AT),
    "an end as text": an_assertion(exp=str(AT + 60)),
    "an end as a fraction": an_assertion(exp=AT + 60.5),
    "an end that is true": an_assertion(exp=True),
    "an end that overflows": an_assertion(exp=10**400),
    "an end that is infinite": of_text(json.dumps(HEADER), json.dumps({**CLAIMS, "exp": float("inf")}), signing(KEY)),
    "an issue in the future": an_assertion(iat=AT + 60),
    "an issue as text": an_assertion(iat="0"),
    "a beginning in the future": an_assertion(nbf=AT + 60),
    "a jti that is a number": an_assertion(jti=1),
    "an empty jti": an_assertion(jti=""),
    "a long jti": an_assertion(jti="x" * 256),
    "a jti that is not ASCII": an_assertion(jti="ä"),
    "a jti with a NUL": an_assertion(jti="a\x00"),
    "claims given twice": of_text(json.dumps(HEADER), json.dumps(CLAIMS)[:-1] + ',"jti":"2"}', signing(KEY)),
    "a header given twice": of_text(json.dumps(HEADER)[:-1] + ',"alg":"ES384"}', json.dumps(CLAIMS), signing(KEY)),
    "deep claims": of_text(json.dumps(HEADER), '{"a":' * 900 + "1" + "}" * 900, signing(KEY)),
    "a deep header": of_text("[" * 1500 + "]" * 1500, json.dumps(CLAIMS), signing(KEY)),
    "claims that are a list": of_text(json.dumps(HEADER), "[]", signing(KEY)),
    "a token within a token": of_text(json.dumps(HEADER), an_assertion(), signing(KEY)),
    "a token within a token, and says so": of_text(json.dumps({**HEADER, "cty": "JWT"}), an_assertion(), signing(KEY)),
    "five parts, as if encrypted": f"{an_assertion()}.AAAA.AAAA",
    "one word": "secret",
    "padding": an_assertion() + "=",
    "junk within base64": an_assertion()[:-5] + "!" + an_assertion()[-5:],
    "a line break at its end": an_assertion() + "\n",
    "other letters": "ä" * 40,
    "a token too long": an_assertion(pad="x" * TOKEN_LIMIT),
    **{f"no {claim}": an_assertion(without=claim) for claim in CLAIMS},
}


@pytest.mark.parametrize("assertion", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forged_or_broken_assertion_proves_nothing(clients: Mapping[str, Client], assertion: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await judged(assertion, clients)
    assert len(assertion) < 20 or assertion[:20] not in str(refused.value)


async def test_nobody_is_asked_for_keys_for_a_client_that_is_not_registered(clients: Mapping[str, Client]) -> None:
    for header in (HEADER, {**HEADER, "jku": JKU}):
        with pytest.raises(Unauthenticated):
            await judged(an_assertion(header, iss="nobody", sub="nobody"), clients)
    with pytest.raises(Unauthenticated):
        await judged(an_assertion({**HEADER, "jku": "https://evil.example"}, **NAMED_REMOTE), clients)
    with pytest.raises(Unauthenticated):
        await judged(an_assertion(**NAMED_REMOTE, exp=AT - 1), clients)
    assert asked == []


async def test_many_unknown_kids_make_one_flight(clients: Mapping[str, Client]) -> None:
    tries = (judged(an_assertion({**HEADER, "kid": f"x{n}"}, **NAMED_REMOTE), clients) for n in range(20))
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert {type(each) for each in found} == {Unauthenticated}
    assert asked == [JKU]


async def test_one_kid_of_two_kinds_of_key_is_that_of_the_fitting_kind(clients: Mapping[str, Client]) -> None:
    both = {**clients["records"].keys, ("k", "RSA"): replace(clients["records"].keys["rsa", "RSA"], kid="k")}
    changed = {"records": replace(clients["records"], keys=both)}
    assert await judged(an_assertion(), changed)
    assert await judged(an_assertion({**HEADER, "alg": "RS384"}, signing(RSA)), changed)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"scopes": "system/*.read"}, "scopes of client records"),
        ({"scopes": "system/CarePlan.rs?status:not=active"}, "without modifiers"),
        ({"scopes": "openid"}, "not ask for anything"),
        ({"scopes": "user/*.rs"}, "no fhirUser"),
        ({"scopes": "user/*.rs", "fhirUser": "Device/1"}, "fhirUser of client records"),
        ({"purposes": ["CURIOSITY"]}, "CURIOSITY"),
        ({"jwks": {"keys": []}}, "client records holds no keys"),
        ({"jwks": {"keys": [jwk(KEY, "k"), jwk(RSA, "k")]}}, "two keys"),
        ({"jwks": {"keys": [jwk(rsa_key(1024), "k")]}}, "1024 bits"),
        ({"jwks": {"keys": [{"kty": "oct", "kid": "k", "k": "AAAA"}]}}, "shared key"),
    ],
)
def test_a_client_that_cannot_be_registered_stops_the_start(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(BadKey, match=why):
        registered(Settings(clients=({**RECORDS, **changed},)), Fetcher(), FixedClock(NOW))


def test_a_client_registered_twice_stops_the_start() -> None:
    with pytest.raises(BadKey, match="twice"):
        registered(Settings(clients=(RECORDS, RECORDS)), Fetcher(), FixedClock(NOW))


def test_clients_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "clients.json"
    file.write_text(json.dumps([RECORDS, {**REMOTE, "fhirUser": "Practitioner/p", "scopes": "user/*.rs"}]))
    found = registered(Settings(clients_file=file), Fetcher(), FixedClock(NOW))
    assert (found["records"].organization, found["remote"].person) == ("Organization/s", "Practitioner/p")
    assert found["remote"].jwks_url == JKU


@pytest.mark.parametrize("text", ["{", "{}", '[{"client_id": "x"}]', '[{"client_id": "x", "secret": "y"}]'])
def test_a_file_that_holds_no_clients_stops_the_start(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clients.json"
    file.write_text(text)
    with pytest.raises(BadKey, match="clients_file"):
        registered(Settings(clients_file=file), Fetcher(), FixedClock(NOW))
    with pytest.raises(BadKey, match="cannot be read"):
        registered(Settings(clients_file=tmp_path / "none"), Fetcher(), FixedClock(NOW))
