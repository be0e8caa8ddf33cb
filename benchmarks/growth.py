"""Growth: what a read and each search take at a million plans, against ten thousand; each finds as much as before.

One connection, so that a latency is a latency and not a queue; the floor beside it shows what the database and the
machine alone would account for. A whole plan is pulled of those that have everything around them: the tables of plans,
clients and teams grow, those of goals and tasks do not.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rounds import Effort, Pair, flush, play

GROWING = ("read", "search", "identifier", "period", "chained", "include", "delta")


@dataclass(frozen=True, slots=True)
class Latencies:
    """The median p50, in seconds, of each workload at one number of plans."""

    plans: int
    service: dict[str, float]
    floor: dict[str, float]
    flush: float  # seconds that the disk needed to flush a page then: each audited answer waits for one


def latencies(pair: Pair, workloads: list[str], plans: int, effort: Effort, disk: Path) -> Latencies:
    """Measure each workload over all the plans, in turn. `disk`: a directory where the database is.

    Raises RuntimeError when a request is answered wrongly.
    """
    found = Latencies(plans, {}, {}, flush(disk))
    for workload in workloads:
        halves: dict[str, list[float]] = {"service": [], "floor": []}
        for server in (pair.service, pair.floor):
            play(pair, server, workload, plans, effort.warm_up, connections=1)
        for _ in range(effort.rounds):
            for server in (pair.service, pair.floor):
                outcome = play(pair, server, workload, plans, effort.seconds, connections=1).outcome
                if outcome.errors:
                    raise RuntimeError(f"{workload} at {plans} plans: {outcome.first_error}")
                halves[server.name].append(outcome.percentile(0.5))
        found.service[workload] = statistics.median(halves["service"])
        found.floor[workload] = statistics.median(halves["floor"])
    return found
