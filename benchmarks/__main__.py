"""`python -m benchmarks`: service and floor in turn on one database; ratios, with the budgets beside them.

Starts everything itself: `sharedplan serve` with its embedded PostgreSQL in a directory of its own, which goes away at
the end, and the floor on the same database. About twenty-five minutes; `--quick` says in two whether something is badly
off. `--only` takes workloads (what each asks is in `workloads.py`) and the other parts; with `growth` among them, those
workloads of the list that grow are measured at both sizes, or all that grow when it stands alone.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import checks, consented, consents, filler, growth, loading, report, reviewed, rounds, servers
from benchmarks.database import Database
from benchmarks.population import CONTROLLER, PLANS_OF_A_CLIENT, plan_id
from benchmarks.workloads import PULLED, WORKLOADS
from sharedplan.store.embedded import Embedded

PARTS = (*WORKLOADS, "load", "memory", "start", "growth", "consents", "review")
RESULTS = Path(__file__).parent / "results"
STARTS = 3
READING_WORKERS = 2
"""Of the service that consents are withdrawn at: a withdrawal holds for the worker that did not see it, too."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short rounds, growth to 100,000 plans only")
    parser.add_argument(
        "--plans", type=int, default=10_000, help="care plans at first, 2,000 or more (default: %(default)s)"
    )
    parser.add_argument("--grown", type=int, help="care plans to grow to (default: 1,000,000; 100,000 with --quick)")
    parser.add_argument("--clients", type=int, help="with consents (default: 100,000; 10,000 with --quick)")
    parser.add_argument("--only", default=",".join(PARTS), help="some of: %(default)s, with commas between them")
    parser.add_argument("--rounds", type=int, help="pairs of rounds (default: 7; 2 with --quick)")
    parser.add_argument("--seconds", type=float, help="length of a round (default: 2; 1 with --quick)")
    parser.add_argument(
        "--connections",
        type=int,
        default=32,
        help="at once; with fewer than 16 the service waits for them rather than they for it (default: %(default)s)",
    )
    parser.add_argument("--workers", type=int, default=1, help="of the service and of the floor (default: %(default)s)")
    parser.add_argument("--together", action="store_true", help="leave it to the system which processor does what")
    parser.add_argument("--data", type=Path, nargs="+", default=[servers.ROOT / "tests" / "data"], help="to load")
    parser.add_argument("--entries", type=int, help="of bundles to load (default: 30,000; 5,000 with --quick)")
    parser.add_argument("--work-dir", type=Path, help="where the database goes (default: a temporary directory)")
    asked = parser.parse_args()
    asked.only = [part.strip() for part in asked.only.split(",")]
    if unknown := set(asked.only) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if asked.plans < 2 * PULLED:
        parser.error(f"--plans is {2 * PULLED:,} or more, so that every search finds what it is to find")
    grown = [part for part in growth.GROWING if part in asked.only] or list(growth.GROWING)
    asked.growing = grown if "growth" in asked.only else []
    asked.plans -= asked.plans % PLANS_OF_A_CLIENT
    asked.grown = asked.grown or (100_000 if asked.quick else 1_000_000)
    asked.clients = asked.clients or (10_000 if asked.quick else 100_000)
    if asked.clients < consented.FEWEST:
        parser.error(f"--clients is {consented.FEWEST} or more, so that everybody who asks has hers")
    asked.entries = asked.entries or (5_000 if asked.quick else 30_000)
    asked.rounds = asked.rounds or (2 if asked.quick else 7)
    asked.seconds = asked.seconds or (1.0 if asked.quick else 2.0)
    return asked


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def work_directory(wanted: Path | None) -> Iterator[Path]:
    """A new directory for the database, away afterwards."""
    path = Path(tempfile.mkdtemp(prefix="sharedplan-benchmarks-", dir=wanted))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def measure(asked: argparse.Namespace, work_dir: Path) -> report.Measured:
    """Do what is asked for."""
    data_dir = work_dir / "var"
    settings = f"{asked.connections} connections, {asked.rounds} rounds of {asked.seconds:g} s"
    measured = report.Measured(asked.plans, asked.workers, settings)
    with ExitStack() as stack:
        embedded = stack.enter_context(Embedded(data_dir))
        database = Database(embedded.url)
        say("starting the service on an empty database")
        service = stack.enter_context(servers.service(data_dir, workers=asked.workers))
        say(f"  ready after {service.seconds_to_start:.1f} s; filling in {asked.plans:,} plans")
        token = servers.token(data_dir, CONTROLLER)
        filler.write_templates(service.base, token)
        filler.fill(database.url, 0, asked.plans)
        floor = stack.enter_context(servers.floor(database.url, work_dir, workers=asked.workers, plan=plan_id(0)))
        pair = rounds.Pair(service, floor, database, token)
        checks.check(pair, asked.plans, [*asked.only, *asked.growing])
        measured.flush = rounds.flush(work_dir)
        _measure_pair(asked, pair, data_dir, measured)
        if "review" in asked.only:
            say("reviewing a large plan")
            others = servers.tokens(data_dir, CONTROLLER, reviewed.ASKERS)
            measured.review = reviewed.measure(service, token, others, max(10.0, asked.rounds * asked.seconds))
        if "consents" in asked.only:
            measured.consents = _measure_consents(asked, pair, data_dir)
    if "start" in asked.only:
        say("starting on the existing database")
        path = f"/fhir/CarePlan/{plan_id(1)}"
        for _ in range(STARTS):
            with servers.service(data_dir, workers=asked.workers, ready=path, token=token) as again:
                measured.start.append(again.seconds_to_start)
    return measured


def _measure_pair(asked: argparse.Namespace, pair: rounds.Pair, data_dir: Path, measured: report.Measured) -> None:
    """All that service and floor are measured for while they run; the growth last, for it leaves a large database."""
    effort = rounds.Effort(asked.rounds, asked.seconds, max(1.0, asked.seconds / 2), asked.connections)
    shorter = rounds.Effort(asked.rounds, asked.seconds / 2, 1.0, connections=1)  # a median of latencies needs less
    with rounds.apart(pair, wanted=not asked.together) as is_apart:
        measured.settings += ", servers on a processor of their own" if is_apart else ""
        if asked.growing:
            say(f"latencies at {asked.plans:,} plans")
            measured.growth.append(growth.latencies(pair, asked.growing, asked.plans, shorter, data_dir))
        _compare(asked, pair, effort, measured)
    if "memory" in asked.only:
        measured.resident = {each.name: each.resident() / 2**20 for each in (pair.service, pair.floor)}
    if "load" in asked.only:
        file = data_dir.parent / "synthea.ndjson"
        loading.write_copies(list(loading.bundles(asked.data)), file, asked.entries)
        say(f"loading {file.stat().st_size / 2**20:.0f} MiB of Synthea bundles")
        measured.load = loading.load(data_dir, pair.database, file)
        if measured.load.refused:
            say(f"  something was refused: {measured.load.said[-500:]}")
    if asked.growing:
        filler.forget_others(pair.database.url)
        say(f"filling up to {asked.grown:,} plans")
        seconds = filler.fill(pair.database.url, asked.plans, asked.grown)
        say(f"  took {seconds:.0f} s; latencies at {asked.grown:,} plans")
        with rounds.apart(pair, wanted=not asked.together):
            measured.growth.append(growth.latencies(pair, asked.growing, asked.grown, shorter, data_dir))


def _compare(asked: argparse.Namespace, pair: rounds.Pair, effort: rounds.Effort, measured: report.Measured) -> None:
    """The workloads that are asked for, one after another, and whether each answer of the service left a trail."""
    trail = _length_of_trail(pair.database)
    for workload in (part for part in WORKLOADS if part in asked.only):
        say(f"{workload}: {asked.rounds} rounds each")
        compared = rounds.compare(pair, workload, asked.plans, effort)
        measured.comparisons.append(compared)
        say(f"  {compared.ratio:.2f} × floor, by CPU {compared.cpu_ratio:.2f}, {compared.errors} errors")
        if compared.first_error:
            say(f"  {compared.first_error[:1000]}")
    if measured.comparisons:
        answered = sum(each.service_answers for each in measured.comparisons)
        measured.audited = (_length_of_trail(pair.database) - trail) / answered


def _measure_consents(asked: argparse.Namespace, pair: rounds.Pair, data_dir: Path) -> consents.Measured:
    """What consents cost, and how soon one that is withdrawn is refused; last, for its clients are many."""
    say(f"filling in {asked.clients:,} clients with consents")
    world, seconds = consents.prepare(pair.service, data_dir, pair.database, pair.token, asked.clients)
    rules = int(pair.database.value("select count(*) from access_rule"))
    say(f"  took {seconds:.0f} s; {rules:,} rules")
    effort = rounds.Effort(asked.rounds, asked.seconds / 2, asked.seconds / 4, asked.connections)
    costs = []
    with rounds.apart(pair, wanted=not asked.together):
        for question in consents.QUESTIONS:
            for share in consented.SHARES:
                costs.append(consents.compare(world, question, share, effort))
                say(f"  {question}, {share}: {costs[-1].ratio:.2f} × the own register's, {costs[-1].errors} errors")
    with servers.service(data_dir, workers=READING_WORKERS) as service:
        withdrawals = consents.withdraw(consents.World(service, world.database, world.own, world.nurses))
    return consents.Measured(asked.clients, rules, seconds, costs, withdrawals)


def _length_of_trail(database: Database) -> int:
    return int(database.value("select count(*) from audit_event"))


def main() -> None:
    asked = arguments()
    with work_directory(asked.work_dir) as work_dir:
        text = report.markdown(measure(asked, work_dir))
    print(text)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{datetime.now(UTC):%Y-%m-%d-%H%M}.md"
    file.write_text(text, encoding="utf-8")
    say(f"written to {file}")


if __name__ == "__main__":
    main()
