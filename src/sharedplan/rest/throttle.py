"""How often somebody may fail: beyond that he is told to come again later, before anything is looked at.

https://www.rfc-editor.org/rfc/rfc6585#section-4

Counted in this process alone, and in bounded memory: with several workers the limit is as many times as high, which
still keeps guessing from getting anywhere. What may be guessed here are signatures, so the limit spares the service's
time more than its secrets.
"""

import ipaddress
import math
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sharedplan.clock import Clock
from sharedplan.errors import Throttled

MOST_KEYS = 10_000
"""Those who are remembered; beyond, whoever has been so longest is forgotten."""


@dataclass(slots=True)
class _Failures:
    ends: datetime
    count: int = 0


class Throttle:
    """So many failures of one key within a window, which begins with the first."""

    def __init__(self, limit: int, window: timedelta, clock: Clock) -> None:
        self._limit = limit
        self._window = window
        self._clock = clock
        self._failures: dict[Hashable, _Failures] = {}

    def check(self, key: Hashable) -> None:
        """Raises Throttled, with the seconds to wait, for whom has failed too often."""
        found = self._failures.get(key)
        if found is None or found.count < self._limit:
            return
        left = (found.ends - self._clock.now()).total_seconds()
        if left > 0:
            raise Throttled("too many attempts have failed; try again later", retry_after=math.ceil(left))
        del self._failures[key]

    def failed(self, key: Hashable) -> None:
        """Counts one failure."""
        now = self._clock.now()
        found = self._failures.get(key)
        if found is None or found.ends <= now:
            self._failures.pop(key, None)
            if len(self._failures) >= MOST_KEYS:
                del self._failures[next(iter(self._failures))]
            found = self._failures[key] = _Failures(now + self._window)
        found.count += 1

    def succeeded(self, key: Hashable) -> None:
        """Forgets the failures."""
        self._failures.pop(key, None)


def network_of(address: str) -> str:
    """What is counted as one place: an IPv4 address, or the /64 that one holder of IPv6 addresses has of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
