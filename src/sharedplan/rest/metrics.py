"""What the operator counts, for Prometheus: how many, how long, how full; no ids, names or values.

With several workers each keeps its numbers in a file of the directory PROMETHEUS_MULTIPROC_DIR, and any of them can
answer for all.
"""

import os
from functools import lru_cache

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_requests = Counter("sharedplan_requests", "Requests answered", ["interaction", "type", "status"])
_seconds = Histogram("sharedplan_request_seconds", "Time to the answer", ["interaction"], buckets=BUCKETS)
_running = Gauge("sharedplan_requests_running", "Requests at work now", multiprocess_mode="livesum")
_waiting = Gauge("sharedplan_requests_waiting", "Requests waiting for a place", multiprocess_mode="livesum")
_turned_away = Counter("sharedplan_requests_turned_away", "Requests answered 503 for want of a place")

running, waiting, turned_away = _running, _waiting, _turned_away


@lru_cache(maxsize=4096)
def _labelled(interaction: str, type: str, status: int) -> tuple[Counter, Histogram]:
    return _requests.labels(interaction, type, str(status)), _seconds.labels(interaction)


def answered(interaction: str, type: str, status: int, seconds: float) -> None:
    """Count one answer."""
    counter, histogram = _labelled(interaction, type, status)
    counter.inc()
    histogram.observe(seconds)


def exposition() -> tuple[str, bytes]:
    """Content type and text for Prometheus."""
    registry = REGISTRY
    if os.environ.get(DIRECTORY):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's own gap
    return CONTENT_TYPE_LATEST, generate_latest(registry)
