"""The load client: drives any FHIR base URL on this machine over kept-alive HTTP/1.1 connections, as cheaply as it can.

It shares the machine with the server that it measures, so it costs little (its own CPU seconds are part of the result)
and costs the same whoever answers: ready-made bytes out, httptools in, nothing parsed of the bodies.
A closed loop: each connection sends its next request when the last one is answered.
"""

import asyncio
import gc
import ipaddress
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, cast
from urllib.parse import SplitResult, urlsplit

import httptools
import uvloop

GRACE = 10.0  # seconds for the answers that are still outstanding when time is up
FAILURES_IN_A_ROW = 20  # of one connection, before it is given up


class Request(NamedTuple):
    """One request as bytes, under the name of its kind, with the status that is right."""

    kind: str
    wire: bytes
    expected: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a drive came to. Times in seconds."""

    answered: int
    errors: int
    seconds: float
    client_cpu: float
    latencies: dict[str, list[float]]  # kind → sorted
    statuses: Counter[int]
    received: int  # bytes
    first_error: str = ""

    @property
    def throughput(self) -> float:
        """Right answers a second."""
        return self.answered / self.seconds if self.seconds else 0.0

    def percentile(self, fraction: float, kind: str | None = None) -> float:
        """The latency that `fraction` of the right answers kept to, of one kind or of all; 0.0 without any."""
        if kind is not None:
            return percentile(self.latencies.get(kind, []), fraction)
        return percentile(sorted(each for those in self.latencies.values() for each in those), fraction)


def percentile(ordered: list[float], fraction: float) -> float:
    """The nearest-rank percentile of an ordered list; 0.0 of an empty one."""
    if not ordered:
        return 0.0
    rank = max(1, -(-len(ordered) * round(fraction * 10_000) // 10_000))
    return ordered[rank - 1]


def local(base: str) -> SplitResult:
    """The base URL, taken apart. Raises ValueError unless it is plain HTTP to this machine."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    if parts.scheme != "http" or not (host == "localhost" or _is_loopback(host)):
        raise ValueError(f"only http on a loopback address is driven, not {base}")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class _Tally:
    """What all connections of one drive note down together."""

    requests: Iterator[Request]
    until: float
    left: int
    latencies: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    answered: int = 0
    errors: int = 0
    received: int = 0
    last: float = 0.0
    first_error: str = ""

    def take(self) -> Request | None:
        """The next request, or None when the time, the count or the requests are used up."""
        if self.left <= 0 or time.perf_counter() >= self.until:
            return None
        request = next(self.requests, None)
        self.left = self.left - 1 if request is not None else 0
        return request

    def failed(self, why: str) -> None:
        self.errors += 1
        self.first_error = self.first_error or why


class _Connection(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, tally: _Tally) -> None:
        self.tally = tally
        self.request: Request | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self.parser = httptools.HttpResponseParser(self)
        self._send()

    def _send(self) -> None:
        self.request = self.tally.take()
        if self.request is None:
            self.transport.close()
            return
        self.started = time.perf_counter()
        self.transport.write(self.request.wire)

    def data_received(self, data: bytes) -> None:
        self.tally.received += len(data)
        self.data = data
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as broken:
            self.tally.failed(f"unreadable answer: {broken}")
            self.request = None
            self.transport.abort()

    def on_message_complete(self) -> None:
        """Called by the parser at the end of each answer."""
        if self.request is None:
            self.tally.failed("an answer that nobody asked for")
            return
        tally, (kind, _, expected) = self.tally, self.request
        now = time.perf_counter()
        status = self.parser.get_status_code()
        tally.statuses[status] += 1
        tally.last = now
        if status == expected:
            tally.answered += 1
            self.answered += 1
            tally.latencies.setdefault(kind, []).append(now - self.started)
        else:
            tally.failed(f"{kind}: {status} instead of {expected}: {self.data[-1500:].decode(errors='replace')}")
        self.request = None
        if self.parser.should_keep_alive():
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.request is not None:
            self.tally.failed(f"{self.request.kind}: connection lost ({exc})")
            self.request = None
        if not self.ended.done():
            self.ended.set_result(None)


async def _keep_connected(host: str, port: int, tally: _Tally) -> None:
    """One connection after another until there is nothing left to send."""
    failures = 0
    while tally.left > 0 and time.perf_counter() < tally.until and failures < FAILURES_IN_A_ROW:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(lambda: _Connection(tally), host, port)
        except OSError as refused:
            tally.failed(f"no connection: {refused}")
            failures += 1
            await asyncio.sleep(0.05)
            continue
        await connection.ended
        failures = 0 if connection.answered else failures + 1


async def _drive(host: str, port: int, tally: _Tally, connections: int) -> None:
    tasks = [asyncio.create_task(_keep_connected(host, port, tally)) for _ in range(connections)]
    _, stuck = await asyncio.wait(tasks, timeout=max(0.0, tally.until - time.perf_counter()) + GRACE)
    for task in stuck:
        tally.failed(f"no answer within {GRACE:.0f} s after the end")
        task.cancel()


def drive(base: str, requests: Iterator[Request], *, connections: int, seconds: float, count: int = 10**7) -> Outcome:
    """Send the requests over `connections` for at most `seconds`, and at most `count` of them, and wait for answers.

    Raises ValueError for a base URL that is not on this machine.
    """
    parts = local(base)
    was_collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    began, cpu = time.perf_counter(), time.process_time()
    tally = _Tally(requests, until=began + seconds, left=count)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_drive(parts.hostname or "", parts.port or 80, tally, connections))
    finally:
        if was_collecting:
            gc.enable()
    return Outcome(
        answered=tally.answered,
        errors=tally.errors,
        seconds=max(tally.last - began, 1e-9),
        client_cpu=time.process_time() - cpu,
        latencies={kind: sorted(those) for kind, those in tally.latencies.items()},
        statuses=tally.statuses,
        received=tally.received,
        first_error=tally.first_error,
    )
