"""What consents cost: the same search by a nurse of another organisation, who sees some of what it finds by the
clients' consents, and by the system of the register, which sees all of it; in turn, in one run.

And how soon a withdrawn consent is a closed door: the next request, on whatever connection, of whatever worker.
"""

import itertools
import math
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks import consented, filler, servers
from benchmarks.client import Request
from benchmarks.consented import HOSPITAL, NURSES, SHARES, THINGS
from benchmarks.database import Database
from benchmarks.population import Json
from benchmarks.rounds import Effort, Round, played
from benchmarks.servers import Server
from benchmarks.workloads import Target

OF_ONE, OF_ALL = THINGS, THINGS * consented.CLIENTS_OF_A_NURSE

READERS = 4
WITHDRAWALS = 20
AROUND = 0.05  # seconds that they read before a withdrawal, and after it


@dataclass(frozen=True, slots=True)
class Question:
    """A question that is asked about a nurse and one of her clients; how many matches there are to see of it."""

    name: str
    path: Callable[[int, int], str]
    matches: int | None  # None: it is a read


QUESTIONS: Mapping[str, Question] = {
    "read": Question("read of a plan", lambda nurse, number: f"CarePlan/{consented.thing_id(number, 0)}", None),
    "plans": Question(
        "CarePlan?patient=, 100 matches",
        lambda nurse, number: f"CarePlan?patient=Patient/{consented.client_id(number)}&_count=10",
        OF_ONE,
    ),
    "goals": Question(
        "Goal?patient=, 100 matches",
        lambda nurse, number: f"Goal?patient=Patient/{consented.client_id(number)}&_count=10",
        OF_ONE,
    ),
    "period": Question(
        "CarePlan?date=, 1,000 matches of her ten clients",
        lambda nurse, number: "CarePlan?date=ge{}&date=lt{}&_count=10".format(*consented.month_of(nurse)),
        OF_ALL,
    ),
}


@dataclass(frozen=True, slots=True)
class World:
    """The service with the population of `consented.py`, and the tokens of those who ask."""

    service: Server
    database: Database
    own: str
    nurses: tuple[str, ...]

    def requests(self, question: str, share: str, chance: random.Random, *, is_own: bool) -> Iterator[Request]:
        """The question about one client or another of whom that share may be seen, without end."""
        nurses = [nurse for nurse in range(NURSES) if consented.share_of(nurse) == share]
        while True:
            nurse = chance.choice(nurses)
            path = QUESTIONS[question].path(nurse, chance.choice(consented.clients_of(nurse)))
            target = Target(self.service.base, self.own if is_own else self.nurses[nurse], 0)
            yield Request(question, target.get(path), 200)


@dataclass(frozen=True, slots=True)
class Cost:
    """The rounds of one question about clients of whom that share may be seen, in pairs."""

    question: str
    share: str
    consented: list[Round]
    own: list[Round]

    @property
    def ratio(self) -> float:
        """How many times as long it takes with consent as in the own register: the median over the pairs."""
        return statistics.median(
            own.outcome.throughput / max(1e-9, one.outcome.throughput)
            for one, own in zip(self.consented, self.own, strict=True)
        )

    @property
    def errors(self) -> int:
        return sum(each.outcome.errors for each in self.consented + self.own)


@dataclass(slots=True)
class Withdrawals:
    """What was seen of withdrawn consents.

    `latencies`: seconds from the answer to a withdrawal to the first refusal, infinite when there was none. `late`:
    answers with something of the client in them to requests that were sent after that answer.
    """

    latencies: list[float] = field(default_factory=list)
    next_refused: int = 0  # by the very next request, on a connection of its own
    asked: int = 0  # requests after an answer to a withdrawal
    late: int = 0
    first_late: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found out, over how many clients and rules, and what it took to fill them in."""

    clients: int
    rules: int
    seconds_to_fill: float
    costs: list[Cost]
    withdrawals: Withdrawals


def prepare(service: Server, data_dir: Path, database: Database, own: str, clients: int) -> tuple[World, float]:
    """Fill in that population; seconds that it took. Raises RuntimeError when the service then does not show what it
    should."""
    filler.write_templates(service.base, servers.token(data_dir, HOSPITAL), consented.roles())
    filler.write_templates(service.base, own, consented.templates())
    seconds = filler.fill_in(database.url, consented.wanted(clients))
    filler.delete(service.base, own, consented.things())  # they would be found, too
    nurses = tuple(servers.token(data_dir, HOSPITAL, person=consented.person(nurse)) for nurse in range(NURSES))
    world = World(service, database, own, nurses)
    check(world)
    return world, seconds


def check(world: World) -> None:
    """Whether everybody is shown what they should be. Raises RuntimeError when not."""
    for nurse in range(NURSES):
        seen, number = SHARES[consented.share_of(nurse)], consented.clients_of(nurse)[-1]
        for question in QUESTIONS.values():
            for token, share in ((world.own, THINGS), (world.nurses[nurse], seen)):
                found = _ask(world.service, token, question.path(nurse, number))
                expected = None if question.matches is None else question.matches * share // THINGS
                if found.get("total") != expected or "issue" in found:
                    raise RuntimeError(f"{question.name} is answered {str(found)[:300]}, not with {expected} matches")


def compare(world: World, question: str, share: str, effort: Effort) -> Cost:
    """Rounds with consent and in the own register in turn, after a warm-up of each."""
    cost, chance = Cost(question, share, [], []), random.Random(question + share)
    for is_own in (False, True):
        _play(world, question, share, chance, effort.warm_up, effort.connections, is_own)
    for _ in range(effort.rounds):
        for is_own, rounds in ((False, cost.consented), (True, cost.own)):
            rounds.append(_play(world, question, share, chance, effort.seconds, effort.connections, is_own))
    return cost


def _play(
    world: World, question: str, share: str, chance: random.Random, seconds: float, connections: int, is_own: bool
) -> Round:
    requests = world.requests(question, share, chance, is_own=is_own)
    return played(world.service, world.database, requests, seconds, connections)


def _ask(server: Server, token: str, path: str) -> Json:
    answer = httpx.get(f"{server.base}/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    found: Json = answer.json()
    return found


def withdraw(world: World, times: int = WITHDRAWALS) -> Withdrawals:
    """Withdraw one consent after another while readers on connections of their own ask for the client's things without
    a pause, and give each again. Raises RuntimeError when a consent that is given again does not open."""
    found = Withdrawals()
    nurses = [nurse for nurse in range(NURSES) if SHARES[consented.share_of(nurse)] == THINGS]
    for turn in range(times):
        nurse = nurses[turn % len(nurses)]
        clients = consented.clients_of(nurse)
        _withdraw_one(world, nurse, clients[turn // len(nurses) % len(clients)], found)
    return found


@dataclass(frozen=True, slots=True)
class _Seen:
    """An answer to a reader: when it was asked for, when it came, and what of the client was in it."""

    sent: float
    answered: float
    path: str
    things: int


def _withdraw_one(world: World, nurse: int, number: int, found: Withdrawals) -> None:
    stop, ready = threading.Event(), threading.Barrier(READERS + 1, timeout=30)
    paths = _paths(world, nurse, number)
    with (
        ThreadPoolExecutor(READERS) as threads,
        _client(world, world.own) as own,
        _client(world, world.nurses[nurse]) as next_one,
    ):
        _look(next_one, paths[0])  # so that the next request has its connection
        orders = [paths[at:] + paths[:at] for at in range(READERS)]
        readers = [threads.submit(_read, world, nurse, order, stop, ready) for order in orders]
        try:
            ready.wait()
            time.sleep(AROUND)
            _put(own, nurse, number, "inactive")
            withdrawn = time.perf_counter()
            first = _look(next_one, paths[0])
            time.sleep(AROUND)
        finally:
            stop.set()
        seen = [first, *(each for reader in readers for each in reader.result())]
        after = [each for each in seen if each.sent > withdrawn]
        late = [each for each in after if each.things]
        found.asked += len(after)
        found.late += len(late)
        found.first_late = found.first_late or (late[0].path if late else "")
        found.next_refused += not first.things
        found.latencies.append(min((each.answered for each in after if not each.things), default=math.inf) - withdrawn)
        _put(own, nurse, number, "active")
        if not _look(next_one, paths[0]).things:
            raise RuntimeError(f"{consented.consent_id(number)} was given again and opens nothing")


def _paths(world: World, nurse: int, number: int) -> list[str]:
    """What is asked for: a search, its next page, a read, old versions."""
    search = QUESTIONS["plans"].path(nurse, number)
    links = _ask(world.service, world.nurses[nurse], search)["link"]
    next_page = next(each["url"] for each in links if each["relation"] == "next")
    read = f"CarePlan/{consented.thing_id(number, 0)}"
    return [search, next_page.removeprefix(f"{world.service.base}/"), read, f"{read}/_history/1", f"{read}/_history"]


def _read(world: World, nurse: int, paths: list[str], stop: threading.Event, ready: threading.Barrier) -> list[_Seen]:
    """What a reader sees until he is stopped."""
    seen = []
    with _client(world, world.nurses[nurse]) as http:
        _look(http, paths[0])
        ready.wait()
        for path in itertools.cycle(paths):
            if stop.is_set():
                return seen
            seen.append(_look(http, path))
    return seen


def _client(world: World, token: str) -> httpx.Client:
    return httpx.Client(base_url=f"{world.service.base}/", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def _look(http: httpx.Client, path: str) -> _Seen:
    """What is seen. Raises RuntimeError when the answer is none of those that a search or a read has."""
    sent = time.perf_counter()
    answer = http.get(path)
    answered = time.perf_counter()
    if answer.status_code not in (200, 404):
        raise RuntimeError(f"{path} is answered {answer.status_code}: {answer.text[:300]}")
    found = answer.json()
    is_bundle = found["resourceType"] == "Bundle"
    things = found.get("total", 0) + len(found.get("entry", ())) if is_bundle else answer.status_code == 200
    return _Seen(sent, answered, path, things)


def _put(http: httpx.Client, nurse: int, number: int, status: str) -> None:
    consent = consented.consents(nurse, f"Patient/{consented.client_id(number)}")[0]
    body = {**consent, "id": consented.consent_id(number), "status": status}
    answer = http.put(f"Consent/{consented.consent_id(number)}", json=body)
    if answer.status_code != 200:
        raise RuntimeError(f"the consent was not made {status}: {answer.status_code} {answer.text[:300]}")
