"""Service and floor in turn, A B A B, so that whatever else happens on the machine happens to both.

The ratio of a pair of neighbouring rounds is what counts, and the median of those ratios what is told.
"""

import itertools
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.client import Outcome, Request, drive
from benchmarks.database import Database
from benchmarks.servers import Server
from benchmarks.workloads import WORKLOADS, Target


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how hard to measure."""

    rounds: int
    seconds: float  # of one round
    warm_up: float  # seconds
    connections: int


@dataclass(frozen=True, slots=True)
class Round:
    """One round against one server, with the CPU seconds that it took the server and the database."""

    outcome: Outcome
    server_cpu: float
    database_cpu: float
    others: float  # share of the machine that went to none of server, database and client

    def each(self, seconds: float) -> float:
        """Microseconds a request."""
        return seconds / max(1, self.outcome.answered) * 1e6


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rounds of one workload: the service's and the floor's, in pairs."""

    workload: str
    service: list[Round]
    floor: list[Round]
    service_answers: int  # right ones, those of the warm-up included

    @property
    def ratio(self) -> float:
        """The median over the pairs of the service's throughput by the floor's."""
        return statistics.median(
            one.outcome.throughput / max(1e-9, other.outcome.throughput)
            for one, other in zip(self.service, self.floor, strict=True)
        )

    @property
    def cpu_ratio(self) -> float:
        """The floor's CPU time a request by the service's, server process alone: less noisy than throughput."""
        return _median_cpu(self.floor) / max(1e-9, _median_cpu(self.service))

    @property
    def errors(self) -> int:
        return sum(each.outcome.errors for each in self.service + self.floor)

    @property
    def first_error(self) -> str:
        return next((each.outcome.first_error for each in self.service + self.floor if each.outcome.errors), "")


def _median_cpu(rounds: list[Round]) -> float:
    return statistics.median(each.each(each.server_cpu) for each in rounds)


@dataclass(frozen=True, slots=True)
class Pair:
    """Service and floor on one database, and the token that the service wants."""

    service: Server
    floor: Server
    database: Database
    token: str

    def target(self, server: Server, plans: int) -> Target:
        return Target(server.base, self.token if server is self.service else "", plans)


_seeds = itertools.count(1)


def play(pair: Pair, server: Server, workload: str, plans: int, seconds: float, connections: int) -> Round:
    """One round of one workload against one server."""
    requests = WORKLOADS[workload](pair.target(server, plans), random.Random(next(_seeds)))
    return played(server, pair.database, requests, seconds, connections)


def played(server: Server, database: Database, requests: Iterator[Request], seconds: float, connections: int) -> Round:
    """One round of these requests."""
    began, busy, database_before, server_before = time.perf_counter(), _busy(), database.cpu(), server.cpu()
    outcome = drive(server.base, requests, connections=connections, seconds=seconds)
    server_cpu, database_cpu = server.cpu() - server_before, database.cpu() - database_before
    others = _busy() - busy - server_cpu - database_cpu - outcome.client_cpu
    machine = (time.perf_counter() - began) * (psutil.cpu_count() or 1)
    return Round(outcome, server_cpu, database_cpu, max(0.0, others / machine))


def _busy() -> float:
    """CPU seconds that the whole machine has been at work."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def compare(pair: Pair, workload: str, plans: int, effort: Effort) -> Comparison:
    """Rounds of service and floor in turn, after a warm-up of each."""
    warm_up = [
        play(pair, server, workload, plans, effort.warm_up, effort.connections) for server in (pair.service, pair.floor)
    ]
    service: list[Round] = []
    floor: list[Round] = []
    for _ in range(effort.rounds):
        for server, played in ((pair.service, service), (pair.floor, floor)):
            played.append(play(pair, server, workload, plans, effort.seconds, effort.connections))
    answers = sum(each.outcome.answered for each in (warm_up[0], *service))
    return Comparison(workload, service, floor, answers)


def flush(directory: Path, times: int = 200) -> float:
    """The median of what a flush of one page to the disk takes, seconds: each audited answer waits for one."""
    taken = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(times):
            file.seek(0)
            file.write(b"." * 8192)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


@contextmanager
def apart(pair: Pair, *, wanted: bool = True) -> Iterator[bool]:
    """Both servers on the first processor, client and PostgreSQL on the others, when there are two or more processors
    and one worker each: then the server is what the throughput depends on. Whether it was done."""
    processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    workers = [worker for server in (pair.service, pair.floor) for worker in server.workers()]
    if not wanted or len(processors) < 2 or len(workers) > 2:
        yield False
        return
    first, *others = sorted(processors)
    _place(workers, [first])
    _place([psutil.Process(), *pair.database.processes()], others)
    try:
        yield True
    finally:
        _place([psutil.Process(), *pair.database.processes(), *workers], sorted(processors))


def _place(processes: list[psutil.Process], processors: list[int]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.cpu_affinity(processors)
