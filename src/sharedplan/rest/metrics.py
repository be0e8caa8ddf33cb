"""What the operator counts, for Prometheus: how many, how long, how full; no ids, names or values.

With several workers each keeps its numbers in a file of the directory PROMETHEUS_MULTIPROC_DIR, and any of them can
answer for all.
"""

import asyncio
import os
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

FOLD = 1.0
"""Seconds after which a worker among several has told what it counted."""


class Collectors(NamedTuple):
    """What Prometheus reads."""

    requests: "Counter"
    seconds: "Histogram"
    running: "Gauge"
    waiting: "Gauge"
    turned_away: "Counter"


@cache
def collectors() -> Collectors:
    """Those of this process. Made when they are first needed: when the library is imported it looks whether there is a
    directory to share, and a worker has its surroundings only after it was forked."""
    from prometheus_client import Counter, Gauge, Histogram

    return Collectors(
        Counter("sharedplan_requests", "Requests answered", ["interaction", "type", "status"]),
        Histogram("sharedplan_request_seconds", "Time to the answer", ["interaction"], buckets=BUCKETS),
        Gauge("sharedplan_requests_running", "Requests at work now", multiprocess_mode="livesum"),
        Gauge("sharedplan_requests_waiting", "Requests waiting for a place", multiprocess_mode="livesum"),
        Counter("sharedplan_requests_turned_away", "Requests answered 503 for want of a place"),
    )


class Tally:
    """What changes with every request, counted in plain numbers and told to Prometheus' own now and then."""

    def __init__(self) -> None:
        self.running = 0
        self.waiting = 0
        self._answered: dict[tuple[str, str, int], int] = {}
        self._will_fold = False

    def answered(self, interaction: str, type: str, status: int, seconds: float) -> None:
        """Count one answer."""
        key = (interaction, type, status)
        self._answered[key] = self._answered.get(key, 0) + 1
        _histogram(interaction).observe(seconds)
        if not self._will_fold and _is_shared():
            self._will_fold = True
            asyncio.get_running_loop().call_later(FOLD, self.fold)

    def fold(self) -> None:
        """Tell what was counted."""
        self._will_fold = False
        counted, self._answered = self._answered, {}
        kept = collectors()
        for (interaction, type, status), count in counted.items():
            kept.requests.labels(interaction, type, str(status)).inc(count)
        kept.running.set(self.running)
        kept.waiting.set(self.waiting)


tally = Tally()


@lru_cache(maxsize=256)
def _histogram(interaction: str) -> "Histogram":
    return collectors().seconds.labels(interaction)


@cache
def _is_shared() -> bool:
    return bool(os.environ.get(DIRECTORY))


def exposition() -> tuple[str, bytes]:
    """Content type and text for Prometheus."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector
    from prometheus_client.registry import REGISTRY

    tally.fold()
    registry = REGISTRY
    if _is_shared():
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's own gap
    return CONTENT_TYPE_LATEST, generate_latest(registry)
