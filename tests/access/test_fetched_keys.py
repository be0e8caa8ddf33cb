"""Keys at an address: fetched by the rules, kept for as long as their owner says, and never asked for in vain."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sharedplan.access import fetched_keys
from sharedplan.access.fetched_keys import MOST_BYTES, FetchedKeys, Fetcher
from sharedplan.clock import FixedClock
from signing import ec_key, jwk, rsa_key

URL = "https://records.example/jwks"
FIRST, SECOND, RSA = ec_key(), ec_key(), rsa_key()


class Records:
    """A record system that publishes keys: what it answers, and how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[Any] = [jwk(FIRST, "a")]
        self.headers: dict[str, str] = {}
        self.status = 200
        self.asked: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = self.usual

    def usual(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(self.status, headers=self.headers, content=json.dumps({"keys": self.keys}))

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        await asyncio.sleep(0)
        return self.answer(request)


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 2, 12, tzinfo=UTC))


@pytest.fixture
def keys(records: Records, clock: FixedClock) -> FetchedKeys:
    return FetchedKeys(URL, Fetcher(httpx.MockTransport(records)), clock)


async def has(keys: FetchedKeys, kid: str, algorithm: str = "ES384") -> bool:
    """Whether the key is there, after a look if need be."""
    if keys.at_hand(kid, algorithm) is None:
        await keys.look(kid)
    return keys.at_hand(kid, algorithm) is not None


async def test_keys_are_fetched_when_first_needed_and_then_kept(keys: FetchedKeys, records: Records) -> None:
    assert keys.at_hand("a", "ES384") is None
    for _ in range(3):
        assert await has(keys, "a")
    [asked] = records.asked
    assert str(asked.url) == URL
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("caching", "minutes"),
    [
        ("", 5),
        ("max-age=60", 5),
        ("public, max-age=3600", 60),
        ('max-age="1800"', 30),
        ("max-age=99999999", 24 * 60),
        ("no-store", 5),
        ("no-cache, max-age=3600", 5),
    ],
)
async def test_they_are_kept_as_cache_control_says_within_bounds(
    keys: FetchedKeys, records: Records, clock: FixedClock, caching: str, minutes: int
) -> None:
    records.headers = {"cache-control": caching} if caching else {}
    assert await has(keys, "a")
    clock.advance(timedelta(minutes=minutes, seconds=-1))
    assert keys.at_hand("a", "ES384") is not None
    clock.advance(timedelta(seconds=1))
    assert keys.at_hand("a", "ES384") is None
    assert await has(keys, "a")
    assert len(records.asked) == 2


async def test_an_unknown_kid_makes_us_ask_again_once_a_minute(
    keys: FetchedKeys, records: Records, clock: FixedClock
) -> None:
    records.headers = {"cache-control": "max-age=3600"}
    assert await has(keys, "a")
    records.keys.append(jwk(SECOND, "b"))
    for _ in range(5):
        assert not await has(keys, "b")
    assert len(records.asked) == 1
    clock.advance(timedelta(minutes=1))
    assert await has(keys, "b")
    for _ in range(5):
        assert not await has(keys, "c")
    assert len(records.asked) == 2


async def test_many_at_once_make_one_flight(keys: FetchedKeys, records: Records) -> None:
    assert all(await asyncio.gather(*(has(keys, "a") for _ in range(50))))
    assert len(records.asked) == 1


async def test_the_old_keys_stay_while_others_cannot_be_had_until_their_time_ends(
    keys: FetchedKeys, records: Records, clock: FixedClock
) -> None:
    records.headers = {"cache-control": "max-age=600"}
    assert await has(keys, "a")
    records.status = 500
    clock.advance(timedelta(minutes=2))
    assert not await has(keys, "b")
    assert await has(keys, "a")
    clock.advance(timedelta(minutes=8))
    assert not await has(keys, "a")


async def test_without_any_key_a_failure_is_tried_again_soon_and_not_at_once(
    keys: FetchedKeys, records: Records, clock: FixedClock
) -> None:
    records.status = 503
    for _ in range(5):
        assert not await has(keys, "a")
    assert len(records.asked) == 1
    records.status = 200
    clock.advance(timedelta(seconds=5))
    assert await has(keys, "a")


async def test_a_key_that_was_taken_back_is_gone_after_its_time(
    keys: FetchedKeys, records: Records, clock: FixedClock
) -> None:
    assert await has(keys, "a")
    records.keys = [jwk(SECOND, "b")]
    clock.advance(timedelta(minutes=5))
    assert not await has(keys, "a")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"location": "https://elsewhere.example/jwks"}),
        httpx.Response(204),
        httpx.Response(200, content=b"{"),
        httpx.Response(200, content=b"[]"),
        httpx.Response(200, content=b'{"keys":[]}'),
        httpx.Response(200, content=b'{"keys":[],"keys":[]}'),
        httpx.Response(200, content=b'{"keys":' + b"[" * 900 + b"]" * 900 + b"}"),
        httpx.Response(200, content=b'{"keys":["' + b"x" * MOST_BYTES + b'"]}'),
        httpx.Response(200, content=b"x", headers={"content-encoding": "br"}),
    ],
)
async def test_what_is_no_jwks_is_not_taken(keys: FetchedKeys, records: Records, answer: httpx.Response) -> None:
    records.answer = lambda request: answer
    assert not await has(keys, "a")
    assert len(records.asked) == 1


async def test_a_body_without_an_end_is_cut_off(clock: FixedClock) -> None:
    sent = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 1024
                yield b" " * 1024

    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=Endless()))
    assert not await has(FetchedKeys(URL, Fetcher(transport), clock), "a")
    assert sent <= MOST_BYTES + 2048


async def test_who_does_not_answer_is_given_up(clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(fetched_keys, "PATIENCE", 0.05)
    assert not await has(FetchedKeys(URL, Fetcher(httpx.MockTransport(never)), clock), "a")


async def test_who_cannot_be_reached_is_no_failure_of_ours(clock: FixedClock) -> None:
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    assert not await has(FetchedKeys(URL, Fetcher(httpx.MockTransport(unreachable)), clock), "a")


async def test_a_kid_that_two_keys_have_is_none(keys: FetchedKeys, records: Records) -> None:
    records.keys = [jwk(FIRST, "a"), jwk(SECOND, "a"), jwk(SECOND, "b")]
    assert not await has(keys, "a")
    assert await has(keys, "b")


async def test_a_weak_twin_makes_a_kid_ambiguous_too(keys: FetchedKeys, records: Records) -> None:
    records.keys = [jwk(RSA, "a"), jwk(rsa_key(1024), "a")]
    assert not await has(keys, "a", "RS384")


async def test_one_kid_may_be_that_of_two_kinds(keys: FetchedKeys, records: Records) -> None:
    records.keys = [jwk(FIRST, "a"), jwk(RSA, "a")]
    for algorithm in ("ES384", "RS384"):
        assert await has(keys, "a", algorithm)
    found = [keys.at_hand("a", algorithm) for algorithm in ("ES384", "RS384", "HS256", "none")]
    assert [key.kty if key else None for key in found] == ["EC", "RSA", None, None]


async def test_keys_that_are_not_taken_here_are_left_out(keys: FetchedKeys, records: Records) -> None:
    records.keys = [
        {"kty": "OKP", "crv": "Ed25519", "kid": "o", "x": "AAAA"},
        {"kty": "oct", "kid": "s", "k": "AAAA"},
        jwk(rsa_key(1024), "w"),
        jwk(FIRST, "e", use="enc"),
        "text",
        jwk(FIRST, "a"),
    ]
    assert await has(keys, "a")
    assert not [kid for kid in ("o", "s", "w", "e") if keys.at_hand(kid, "ES384") or keys.at_hand(kid, "RS384")]


async def test_an_rsa_key_is_for_one_algorithm(records: Records, clock: FixedClock) -> None:
    records.keys = [jwk(RSA, "a"), jwk(RSA, "b", alg="RS256")]
    for default in ("RS384", "RS256"):
        keys = FetchedKeys(URL, Fetcher(httpx.MockTransport(records)), clock, rsa_algorithm=default)
        assert await has(keys, "a", "RS384")
        found = [keys.at_hand(kid, "RS384") for kid in "ab"]
        assert [key.algorithm for key in found if key] == [default, "RS256"]
