"""`python -m benchmarks.drive`: put any FHIR server on this machine under load, and tell what it bore.

    python -m benchmarks.drive http://127.0.0.1:8000/fhir --token "$TOKEN" --seed --workload read
    python -m benchmarks.drive http://127.0.0.1:8000/fhir --token "$TOKEN" --workload mixed --seconds 10

`--seed` first PUTs the clients, the care plans and what lies around them, which the workloads ask for (a server must
take ids of clients' choice).
Bounded in time (a minute at most) and count, and to loopback addresses.
"""

import argparse
import random
from collections.abc import Iterator

from benchmarks.client import Outcome, Request, drive, local
from benchmarks.population import PLANS_OF_A_CLIENT, client, client_of, wire
from benchmarks.surroundings import numbered
from benchmarks.workloads import WORKLOADS, Target

LONGEST = 60.0  # seconds
SEED_LIMIT = 600.0  # seconds


def seeds(target: Target, *, created: int) -> Iterator[Request]:
    """A PUT of everything in the target's population, each to be answered with `created`."""
    for number in range(target.plans):
        patient = client_of(number)
        if number % PLANS_OF_A_CLIENT == 0:
            body = wire(client(patient.removeprefix("Patient/")))
            yield Request("seed", target.send("PUT", patient, body), created)
        for path, resource in numbered(number):
            yield Request("seed", target.send("PUT", path, wire(resource)), created)


def told(outcome: Outcome) -> str:
    """The outcome, a line for each kind of request, and the first error if there was one."""
    lines = [
        f"{outcome.throughput:,.0f} right answers a second ({outcome.answered:,} in {outcome.seconds:.1f} s, "
        f"{outcome.errors} errors, {outcome.received / 2**20:.1f} MiB received; "
        f"the client used {outcome.client_cpu:.1f} s of CPU)"
    ]
    for kind in sorted(outcome.latencies):
        p50, p95, p99 = (outcome.percentile(fraction, kind) * 1e3 for fraction in (0.5, 0.95, 0.99))
        lines.append(f"{kind:>12}: p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms")
    if outcome.errors:
        lines.append(f"first error: {outcome.first_error}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drive", description=__doc__.splitlines()[0])
    parser.add_argument("base", help="the FHIR base URL, on this machine")
    parser.add_argument("--token", default="", help="the bearer token")
    parser.add_argument("--workload", choices=sorted(WORKLOADS), default="mixed")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0, help=f"at most {LONGEST:.0f} (default: %(default)s)")
    parser.add_argument("--count", type=int, default=10**6, help="requests at most (default: %(default)s)")
    parser.add_argument("--plans", type=int, default=1000, help="how many there are (default: %(default)s)")
    parser.add_argument("--seed", action="store_true", help="make them first")
    asked = parser.parse_args()
    try:
        local(asked.base)
    except ValueError as elsewhere:
        parser.error(str(elsewhere))
    target = Target(asked.base, asked.token, asked.plans)
    if asked.seed:
        print("seeding:", told(drive(asked.base, seeds(target, created=201), connections=4, seconds=SEED_LIMIT)))
    requests = WORKLOADS[asked.workload](target, random.Random())
    seconds = min(asked.seconds, LONGEST)
    print(told(drive(asked.base, requests, connections=asked.connections, seconds=seconds, count=asked.count)))


if __name__ == "__main__":
    main()
