"""The table of what was measured, with the budgets beside it, for the terminal and for the README."""

import os
import platform
import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psutil

from benchmarks.checks import SEARCHES
from benchmarks.consents import QUESTIONS, Cost
from benchmarks.consents import Measured as Consents
from benchmarks.growth import Latencies
from benchmarks.loading import Load
from benchmarks.reviewed import Measured as Review
from benchmarks.rounds import Comparison, Round

SEARCH_BUDGET = 0.40
RATIO_BUDGETS = {"read": 0.45, **dict.fromkeys(SEARCHES, SEARCH_BUDGET), "create": 0.35}
GROWTH_BUDGET = 1.2
LOAD_BUDGET = 1000  # resources a second
MEMORY_BUDGET = 150  # MiB
START_BUDGET = 2.0  # seconds
REVIEW_BUDGET = 5  # reads of the same plan

NAMES = {
    "read": "read",
    "search": "search by patient, 10 matches + total",
    "identifier": "search by identifier",
    "period": "search by performer and period, 10 matches + total",
    "chained": "search by member of the team (chained), 10 matches + total",
    "include": "a whole plan by _include and _revinclude, 9 entries",
    "delta": "delta pull of 1,000 plans",
    "create": "create CarePlan",
    "mixed": "mixed (60 % read, 25 % search, 5 % identifier, 10 % create)",
}


@dataclass
class Measured:
    """Everything that one run found out; what was left out stays empty."""

    plans: int
    workers: int
    settings: str
    comparisons: list[Comparison] = field(default_factory=list)
    growth: list[Latencies] = field(default_factory=list)
    load: Load | None = None
    resident: dict[str, float] = field(default_factory=dict)  # MiB of the largest worker
    start: list[float] = field(default_factory=list)  # seconds
    flush: float = 0.0  # seconds that the disk needs to flush a page
    audited: float | None = None  # audit rows for each answer of the service
    consents: Consents | None = None
    review: Review | None = None


def machine() -> str:
    """The machine's size, in a line."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} processors ({model}), {memory:.0f} GiB of memory, Python {platform.python_version()}"


def markdown(measured: Measured) -> str:
    """The report as Markdown."""
    lines = [
        f"Measured on {datetime.now(UTC):%Y-%m-%d} on {machine()}; the disk flushes a page in "
        f"{measured.flush * 1e6:,.0f} µs. {measured.plans:,} plans, {measured.workers} worker"
        f"{'s' if measured.workers > 1 else ''} each, {measured.settings}.",
        "",
        "| work | measured | budget | |",
        "|---|---|---|---|",
        *(_row(*row) for row in _verdicts(measured)),
    ]
    if measured.comparisons:
        lines += [
            "",
            "| workload | service/s | floor/s | p50 ms | p95 ms | p99 ms | floor p50 ms | service CPU µs "
            "| floor CPU µs | CPU ratio | PostgreSQL CPU µs, service/floor | client CPU µs | errors |",
            "|" + "---|" * 13,
            *(_detail(each) for each in measured.comparisons),
        ]
        others = statistics.median(one.others for each in measured.comparisons for one in each.service + each.floor)
        lines += ["", f"Something else on the machine took {others:.0%} of it meanwhile (median of the rounds)."]
    if measured.consents is not None:
        lines += ["", *_costs(measured.consents)]
    if measured.audited is not None:
        lines += ["", f"Audit rows for each answer of the service: {measured.audited:.2f}."]
    return "\n".join(lines) + "\n"


def _verdicts(measured: Measured) -> list[tuple[str, str, str, bool | None]]:
    """(work, measured, budget, whether it is kept; None without a budget)."""
    rows: list[tuple[str, str, str, bool | None]] = []
    for each in measured.comparisons:
        budget = RATIO_BUDGETS.get(each.workload)
        told = f"{each.ratio:.2f} × floor ({_throughput(each.service):,.0f}/s against {_throughput(each.floor):,.0f}/s)"
        wanted = "" if budget is None else f"≥ {budget:.2f} × floor"
        rows.append((NAMES[each.workload], told, wanted, None if budget is None else each.ratio >= budget))
    if len(measured.growth) == 2:
        small, large = measured.growth
        for workload, before in small.service.items():
            after = large.service[workload]
            factor, floor = after / before, large.floor[workload] / small.floor[workload]
            told = f"{factor:.2f} × ({before * 1e3:.2f} → {after * 1e3:.2f} ms; floor {floor:.2f} ×; "
            told += f"disk flush {small.flush * 1e3:.2f} → {large.flush * 1e3:.2f} ms)"
            what = f"growth: p50 of {workload} at {large.plans:,} plans against {small.plans:,}"
            rows.append((what, told, f"≤ {GROWTH_BUDGET} ×", factor <= GROWTH_BUDGET))
    if measured.load:
        load = measured.load
        told = f"{load.rate:,.0f} resources/s ({load.resources:,} in {load.seconds:.1f} s)"
        rows.append(("load of Synthea transaction bundles", told, f"≥ {LOAD_BUDGET:,}/s", load.rate >= LOAD_BUDGET))
    if measured.resident:
        service = measured.resident["service"]
        told = f"{service:.0f} MiB resident (floor {measured.resident['floor']:.0f})"
        rows.append(("memory per worker", told, f"≤ {MEMORY_BUDGET} MiB", service <= MEMORY_BUDGET))
    if measured.consents is not None:
        found = measured.consents.withdrawals
        told = (
            f"{found.late} of {found.asked:,} requests after {len(found.latencies)} withdrawals were let through "
            f"{found.first_late}(refused the next time: {found.next_refused}; first refusal after "
            f"{statistics.median(found.latencies) * 1e3:.1f} ms, at most {max(found.latencies) * 1e3:.1f} ms)"
        )
        rows.append(("a withdrawn consent, asked of two workers at once", told, "0 let through", found.late == 0))
    if measured.review is not None:
        found = measured.review
        again, anew, cold, first = (
            f"{found.reads(each):.1f} reads ({each * 1e3:.1f} ms)"
            for each in (found.review, found.anew, found.cold, found.first)
        )
        told = (
            f"{again} where a read takes {found.read * 1e3:.2f} ms (p50); right after a change {anew}; the first of an "
            f"asker who never asked {cold}; the first of a plan that nobody asked for {first}; {found.errors} errors"
        )
        what = "$review of a plan with 100 activities and 200 encounters, one connection"
        is_kept = found.reads(found.review) <= REVIEW_BUDGET
        rows.append((what, told, f"≤ {REVIEW_BUDGET} reads", is_kept))
    if measured.start:
        start = statistics.median(measured.start)
        what = "start to first answer, existing database and embedded PostgreSQL"
        rows.append((what, f"{start:.2f} s", f"≤ {START_BUDGET:.0f} s", start <= START_BUDGET))
    return rows


def _costs(measured: Consents) -> list[str]:
    """What consents cost: each question with consent beside the same in the own register."""
    return [
        f"Consents: {measured.clients:,} clients, {measured.rules:,} access rules (filled in in "
        f"{measured.seconds_to_fill:.0f} s). The same question by a nurse of another organisation, who sees what the "
        "clients' consents show of what it finds, and by the system of the register, which sees all of it.",
        "",
        "| question | may be seen | × own register | p50 ms | p95 ms | own p50 ms | own p95 ms "
        "| PostgreSQL CPU µs, with consent/own | service CPU µs, with consent/own | errors |",
        "|" + "---|" * 10,
        *(_cost(each) for each in measured.costs),
    ]


def _cost(each: Cost) -> str:
    latencies = [f"{_latency(side, part):.2f}" for side in (each.consented, each.own) for part in (0.5, 0.95)]
    database, server = (
        f"{_cpu(each.consented, what):.0f} / {_cpu(each.own, what):.0f}" for what in ("database_cpu", "server_cpu")
    )
    told = (QUESTIONS[each.question].name, each.share, f"{each.ratio:.2f}", *latencies, database, server, each.errors)
    return f"| {' | '.join(map(str, told))} |"


def _row(work: str, told: str, budget: str, kept: bool | None) -> str:
    verdict = "" if kept is None else "kept" if kept else "**missed**"
    return f"| {work} | {told} | {budget} | {verdict} |"


def _detail(each: Comparison) -> str:
    latencies = " | ".join(f"{_latency(each.service, fraction):.2f}" for fraction in (0.5, 0.95, 0.99))
    service, floor = _cpu(each.service, "server_cpu"), _cpu(each.floor, "server_cpu")
    database = f"{_cpu(each.service, 'database_cpu'):.0f} / {_cpu(each.floor, 'database_cpu'):.0f}"
    client = statistics.median(one.each(one.outcome.client_cpu) for one in each.service)
    return (
        f"| {each.workload} | {_throughput(each.service):,.0f} | {_throughput(each.floor):,.0f} | {latencies} "
        f"| {_latency(each.floor, 0.5):.2f} | {service:.0f} | {floor:.0f} | {each.cpu_ratio:.2f} | {database} "
        f"| {client:.0f} | {each.errors} |"
    )


def _throughput(rounds: list[Round]) -> float:
    return statistics.median(each.outcome.throughput for each in rounds)


def _latency(rounds: list[Round], fraction: float) -> float:
    return statistics.median(each.outcome.percentile(fraction) for each in rounds) * 1e3


def _cpu(rounds: list[Round], what: str) -> float:
    return statistics.median(each.each(getattr(each, what)) for each in rounds)
