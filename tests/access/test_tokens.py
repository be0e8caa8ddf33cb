"""Tokens: every way of being wrong is Unauthenticated, and what is right becomes a Principal.

The forgeries are those that python-jose accepts, or lets escape as another error, when it is called carelessly.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from sharedplan.access.fetched_keys import FetchedKeys, Fetcher
from sharedplan.access.jws import TOKEN_LIMIT
from sharedplan.access.keys import TrustedKey
from sharedplan.access.scopes import parse
from sharedplan.access.tokens import REMEMBERED, FetchedIssuer, Verifier
from sharedplan.clock import FixedClock
from sharedplan.errors import Unauthenticated
from signing import jwk

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
ISSUER, AUDIENCE, KID = "https://issuer.example", "https://plans.example/fhir", "k1"
PRIVATE = ec.generate_private_key(ec.SECP384R1())
STRANGER = ec.generate_private_key(ec.SECP384R1())
RSA_PRIVATE = rsa.generate_private_key(65537, 2048)


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


KEYS = (
    TrustedKey(ISSUER, KID, "ES384", pem(PRIVATE), AUDIENCE, timedelta(minutes=5)),
    TrustedKey(ISSUER, "rsa", "RS384", pem(RSA_PRIVATE), AUDIENCE, timedelta(minutes=5)),
    TrustedKey("https://other.example", "k2", "ES384", pem(STRANGER), AUDIENCE, timedelta(minutes=5)),
)

CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "records",
    "client_id": "records",
    "jti": "a1",
    "iat": AT,
    "exp": AT + 300,
    "scope": "system/*.rs",
    "organization": "Organization/s",
}
HEADER: dict[str, Any] = {"alg": "ES384", "kid": KID, "typ": "JWT"}


def encoded(value: bytes | str) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def es384(text: str, key: ec.EllipticCurvePrivateKey = PRIVATE) -> bytes:
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA384())))
    return r.to_bytes(48) + s.to_bytes(48)


def rs384(text: str) -> bytes:
    return RSA_PRIVATE.sign(text.encode(), padding.PKCS1v15(), hashes.SHA384())


def of_text(header: str, claims: str, sign: Callable[[str], bytes] = es384) -> str:
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(sign(signed))}"


def a_token(
    header: Mapping[str, Any] | None = None, sign: Callable[[str], bytes] = es384, without: str = "", **claims: Any
) -> str:
    whole = {name: value for name, value in {**CLAIMS, **claims}.items() if name != without}
    return of_text(json.dumps(header or HEADER), json.dumps(whole), sign)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def verifier(clock: FixedClock) -> Verifier:
    return Verifier(KEYS, clock)


def bearer(token: str) -> list[bytes]:
    return [b"Bearer " + token.encode()]


def test_a_good_token_tells_who_asks(verifier: Verifier) -> None:
    sari = a_token(fhirUser="Practitioner/sari", purpose_of_use="COC", scope="user/CarePlan.rs openid")
    principal = verifier.principal(bearer(sari))
    assert principal.client_id == "records"
    assert principal.organization == "Organization/s"
    assert principal.person == "Practitioner/sari"
    assert principal.purpose == "COC"
    assert principal.scopes == parse("user/CarePlan.rs")
    assert (principal.issuer, principal.token_id) == (ISSUER, "a1")
    assert principal.expires == NOW + timedelta(minutes=5)


def test_the_purpose_is_treatment_unless_told(verifier: Verifier) -> None:
    assert verifier.principal(bearer(a_token())).purpose == "TREAT"


def test_a_key_of_each_kind_is_taken(verifier: Verifier) -> None:
    assert verifier.principal(bearer(a_token({**HEADER, "alg": "RS384", "kid": "rsa"}, rs384)))


def test_an_audience_may_be_one_of_several(verifier: Verifier) -> None:
    assert verifier.principal(bearer(a_token(aud=["urn:x", AUDIENCE])))


def hmac_with(key: bytes) -> Callable[[str], bytes]:
    return lambda text: hmac.new(key, text.encode(), hashlib.sha256).digest()


def der(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


def respelled(token: str) -> str:
    """The same token but for the last letter, whose lowest bits no byte takes."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) + 1]


HS256 = {**HEADER, "alg": "HS256"}
DEEP = '{"a":' * 3000 + "1" + "}" * 3000

GOOD = a_token()

FORGERIES: dict[str, str] = {
    "no algorithm": a_token({**HEADER, "alg": "none"}, lambda text: b""),
    "no algorithm, spelled otherwise": a_token({**HEADER, "alg": "nOnE"}, lambda text: b"x"),
    "an empty signature": a_token(sign=lambda text: b""),
    "HS256 with the public key as PEM": a_token(HS256, hmac_with(KEYS[0].pem.encode())),
    "HS256 with the public key as DER": a_token(HS256, hmac_with(der(PRIVATE))),
    "another algorithm than the key's": a_token({**HEADER, "alg": "ES256"}),
    "an RSA algorithm over an EC key": a_token({**HEADER, "alg": "RS384"}, rs384),
    "a key of nobody": a_token(sign=lambda text: es384(text, STRANGER)),
    "another issuer's key": a_token({**HEADER, "kid": "k2"}, lambda text: es384(text, STRANGER)),
    "an unknown kid": a_token({**HEADER, "kid": "k9"}),
    "no kid": a_token({"alg": "ES384", "typ": "JWT"}),
    "a kid that is no text": a_token({**HEADER, "kid": ["k1"]}),
    "an unknown issuer": a_token(iss="https://nobody.example"),
    "an issuer that is no text": a_token(iss=[ISSUER]),
    "its own key in the header": a_token({**HEADER, "jwk": {"kty": "EC"}}),
    "a key's address in the header": a_token({**HEADER, "jku": "https://evil.example/jwks"}),
    "a certificate in the header": a_token({**HEADER, "x5c": ["AAAA"]}),
    "a certificate's address in the header": a_token({**HEADER, "x5u": "https://evil.example/cert"}),
    "a critical extension": a_token({**HEADER, "crit": ["b64"], "b64": False}),
    "another type": a_token({**HEADER, "typ": "secevent+jwt"}),
    "no type": a_token({"alg": "ES384", "kid": KID}),
    "another audience": a_token(aud="https://elsewhere.example/fhir"),
    "an audience that is an object": a_token(aud={"a": AUDIENCE}),
    "an end as text": a_token(exp=str(AT + 60)),
    "an end as a fraction": a_token(exp=AT + 60.5),
    "an end that is true": a_token(exp=True),
    "an end beyond all time": a_token(exp=10**18),
    "an end that overflows": a_token(exp=10**400),
    "an end in ten years": a_token(exp=AT + 10 * 365 * 86400),
    "an end that is past": a_token(iat=AT - 600, exp=AT - 1),
    "an end right now": a_token(exp=AT),
    "an end that is infinite": of_text(json.dumps(HEADER), json.dumps({**CLAIMS, "exp": float("inf")})),
    "an end that is not a number": of_text(json.dumps(HEADER), json.dumps({**CLAIMS, "exp": float("nan")})),
    "an issue in the future": a_token(iat=AT + 60),
    "a beginning in the future": a_token(nbf=AT + 60),
    "a beginning as text": a_token(nbf="0"),
    "claims given twice": of_text(json.dumps(HEADER), json.dumps(CLAIMS)[:-1] + ',"sub":"other"}'),
    "a header given twice": of_text(json.dumps(HEADER)[:-1] + ',"alg":"ES384"}', json.dumps(CLAIMS)),
    "a deep header": f"{encoded(DEEP[:5000])}.{encoded('{}')}.{encoded('x')}",
    "a deep but whole header": f"{encoded('[' * 1500 + ']' * 1500)}.{encoded('{}')}.{encoded('x')}",
    "deep claims": of_text(json.dumps(HEADER), '{"a":' * 900 + "1" + "}" * 900),
    "claims that are a list": of_text(json.dumps(HEADER), "[]"),
    "claims that are no JSON": of_text(json.dumps(HEADER), "{"),
    "claims that are not UTF-8": f"{encoded(json.dumps(HEADER))}.{encoded(bytes([0xFF, 0xFE]))}.{encoded('x')}",
    "five parts, as if encrypted": f"{GOOD}.AAAA.AAAA",
    "two parts": "e30.e30",
    "one word": "secret",
    "nothing": "",
    "padding": GOOD + "=",
    "junk within base64": GOOD[:-5] + "!" + GOOD[-5:],
    "a second spelling of the same bytes": respelled(a_token({**HEADER, "alg": "RS384", "kid": "rsa"}, rs384)),
    "other letters": "ä" * 40,
    "a token too long": a_token(sub="x" * 200, pad="x" * TOKEN_LIMIT),
    "a scope of version 1": a_token(scope="user/*.read"),
    "a scope with a limit that is none": a_token(scope="system/CarePlan.rs?stauts=x"),
    "a scope with a modifier in its limit": a_token(scope="system/CarePlan.rs?category:not=x"),
    "a scope that is a list": a_token(scope=["system/*.rs"]),
    "an empty scope": a_token(scope=" "),
    "scopes of a user who is not named": a_token(without="fhirUser", scope="user/*.rs"),
    "scopes of a patient who is not named": a_token(without="fhirUser", scope="system/*.rs patient/*.rs"),
    "a purpose that does not exist": a_token(purpose_of_use="CURIOSITY"),
    "a purpose that is a list": a_token(purpose_of_use=["TREAT"]),
    "an organisation of another type": a_token(organization="Practitioner/s"),
    "an organisation by address": a_token(organization="https://x.example/Organization/s"),
    "an organisation with a path": a_token(organization="Organization/s/_history/1"),
    "an organisation that is null": a_token(organization=None),
    "a person of another type": a_token(fhirUser="Device/d"),
    "a person with a line break": a_token(fhirUser="Practitioner/x\n"),
    "a client with a control character": a_token(client_id="a\nb"),
    "a subject that is a number": a_token(sub=7),
    **{f"no {claim}": a_token(without=claim) for claim in CLAIMS if claim != "organization"},
}


@pytest.mark.parametrize("token", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_or_broken_token_is_unauthenticated(verifier: Verifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        verifier.principal(bearer(token))


def test_the_failure_does_not_repeat_the_token(verifier: Verifier) -> None:
    for token in FORGERIES.values():
        with pytest.raises(Unauthenticated) as refused:
            verifier.principal(bearer(token))
        assert len(token) < 20 or token[:20] not in str(refused.value)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [b""],
        [b"Bearer"],
        [b"Bearer "],
        [b"Basic cmVjb3JkczpzZWNyZXQ="],
        [b"Bearer " + a_token().encode(), b"Bearer " + a_token().encode()],
        [b"Bearer  " + a_token().encode()],
        [b"Bearer " + a_token().encode() + b", Bearer x"],
    ],
)
def test_anything_but_one_bearer_header_is_unauthenticated(verifier: Verifier, headers: list[bytes]) -> None:
    with pytest.raises(Unauthenticated):
        verifier.principal(headers)


def test_the_scheme_is_read_without_regard_to_case(verifier: Verifier) -> None:
    assert verifier.principal([b"bearer " + a_token().encode()])


def test_a_verified_token_is_remembered_and_forgotten_when_it_ends(verifier: Verifier, clock: FixedClock) -> None:
    token = a_token()
    first = verifier.principal(bearer(token))
    assert verifier.principal(bearer(token)) is first
    clock.advance(timedelta(minutes=5))
    with pytest.raises(Unauthenticated, match="expired"):
        verifier.principal(bearer(token))


def test_a_refused_token_is_refused_again(verifier: Verifier) -> None:
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            verifier.principal(bearer(FORGERIES["a key of nobody"]))


def test_not_more_tokens_are_remembered_than_the_bound(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharedplan.access.tokens.REMEMBERED", 2)
    first = verifier.principal(bearer(a_token(jti="1")))
    for number in ("2", "3"):
        verifier.principal(bearer(a_token(jti=number)))
    assert verifier.principal(bearer(a_token(jti="1"))) is not first
    assert REMEMBERED >= 1000


def test_another_clock_may_be_a_little_ahead(verifier: Verifier) -> None:
    assert verifier.principal(bearer(a_token(iat=AT + 4, exp=AT + 304)))


def test_the_whole_table_is_refused_also_after_a_good_token(verifier: Verifier, tmp_path: Path) -> None:
    verifier.principal(bearer(a_token()))
    accepted = []
    for name, token in FORGERIES.items():
        try:
            verifier.principal(bearer(token))
        except Unauthenticated:
            continue
        accepted.append(name)
    assert accepted == []


class Published:
    """An issuer's address: what it answers, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.keys = [jwk(PRIVATE, "f1")]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(200, json={"keys": self.keys})


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def fetching(clock: FixedClock, published: Published) -> Verifier:
    """A verifier that knows one issuer by its address, and the others by their keys."""
    keys = FetchedKeys("https://far.example/jwks", Fetcher(httpx.MockTransport(published)), clock)
    far = FetchedIssuer(keys, AUDIENCE, timedelta(minutes=5))
    return Verifier(KEYS, clock, fetched={"https://far.example": far})


FAR = {**HEADER, "kid": "f1"}


async def test_an_issuers_keys_are_fetched_when_its_first_token_comes(fetching: Verifier, published: Published) -> None:
    for number in "123":
        assert (await fetching.asker(bearer(a_token(FAR, iss="https://far.example", jti=number)))).token_id == number
    assert published.asked == 1


@pytest.mark.parametrize("token", FORGERIES.values(), ids=FORGERIES.keys())
async def test_nobody_is_asked_for_keys_for_what_is_not_of_such_an_issuer(
    fetching: Verifier, published: Published, token: str
) -> None:
    with pytest.raises(Unauthenticated):
        await fetching.asker(bearer(token))
    assert published.asked == 0


async def test_a_key_of_one_issuer_proves_nothing_for_another(fetching: Verifier) -> None:
    assert await fetching.asker(bearer(a_token(FAR, iss="https://far.example")))
    for forged in (
        a_token(FAR),
        a_token(HEADER, iss="https://far.example"),
        a_token({**FAR, "alg": "HS256"}, hmac_with(KEYS[0].pem.encode()), iss="https://far.example"),
        a_token({**FAR, "jku": "https://far.example/jwks"}, iss="https://far.example"),
    ):
        with pytest.raises(Unauthenticated):
            await fetching.asker(bearer(forged))


async def test_a_key_that_comes_twice_proves_nothing(fetching: Verifier, published: Published) -> None:
    published.keys.append(jwk(STRANGER, "f1"))
    with pytest.raises(Unauthenticated):
        await fetching.asker(bearer(a_token(FAR, iss="https://far.example")))
