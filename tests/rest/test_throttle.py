"""Who fails too often waits; nobody is remembered for long, and not too many are."""

from datetime import UTC, datetime, timedelta

import pytest

from sharedplan.clock import FixedClock
from sharedplan.errors import Throttled
from sharedplan.rest.throttle import MOST_KEYS, Throttle, network_of

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 2, 12, tzinfo=UTC))


def test_after_so_many_failures_the_rest_of_the_window_is_closed(clock: FixedClock) -> None:
    throttle = Throttle(3, MINUTE, clock)
    for _ in range(3):
        throttle.check("a")
        throttle.failed("a")
        clock.at += timedelta(seconds=10)
    with pytest.raises(Throttled) as refusal:
        throttle.check("a")
    assert refusal.value.retry_after == 30
    throttle.check("b")
    clock.at += timedelta(seconds=30)
    throttle.check("a")
    throttle.failed("a")
    throttle.check("a")


def test_a_success_forgets_what_failed(clock: FixedClock) -> None:
    throttle = Throttle(2, MINUTE, clock)
    throttle.failed("a")
    throttle.succeeded("a")
    throttle.failed("a")
    throttle.check("a")


def test_what_is_remembered_is_bounded(clock: FixedClock) -> None:
    throttle = Throttle(1, MINUTE, clock)
    for number in range(MOST_KEYS + 5):
        throttle.failed(number)
    throttle.check(0)
    for number in (5, MOST_KEYS + 4):
        with pytest.raises(Throttled):
            throttle.check(number)


def test_the_addresses_of_one_holder_are_one_place() -> None:
    assert network_of("2001:db8:1:2::5") == network_of("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::5") != network_of("2001:db8:1:2::5")
    assert (network_of("192.0.2.7"), network_of("testclient")) == ("192.0.2.7", "testclient")
