"""What is asked of a server: endless requests of one kind, or of several mixed, over a population of care plans.

https://hl7.org/fhir/R4/http.html
"""

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from benchmarks.client import Request, local
from benchmarks.population import (
    FIRST_YEAR,
    PLANS_OF_A_CLIENT,
    PLANS_OF_A_PERFORMER,
    STRIDE,
    TEAMS_OF_A_MEMBER,
    YEARS,
    client_of,
    identifier_of,
    instant_of,
    member_of,
    performer_of,
    plan,
    plan_id,
    wire,
)
from benchmarks.surroundings import PULL, WHOLE_PLANS

MARK = "987654321"  # stands for the plan's number until a request is made
PULLED = 1000  # plans in one answer of a delta pull
ASKED_YEARS = 4  # of a period, from December to December: five years' plans ran in it, ten of a performer's


@dataclass(frozen=True, slots=True)
class Target:
    """A server, what it holds, and who asks."""

    base: str  # http://127.0.0.1:8000/fhir
    token: str
    plans: int  # numbered 0 up to this

    def head(self, method: str, path: str, *more: str) -> bytes:
        """The request line and headers, without the empty line."""
        parts = local(self.base)
        lines = [
            f"{method} {parts.path.rstrip('/')}/{path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Accept: application/fhir+json",
        ]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join([*lines, *more, ""]).encode()

    def get(self, path: str) -> bytes:
        return self.head("GET", path) + b"\r\n"

    def send(self, method: str, path: str, body: bytes) -> bytes:
        headers = ("Content-Type: application/fhir+json", f"Content-Length: {len(body)}")
        return self.head(method, path, *headers) + b"\r\n" + body


def read(target: Target, chance: random.Random) -> Iterator[Request]:
    """Read a care plan by id."""
    head, tail = target.get(f"CarePlan/{MARK}").split(MARK.encode())
    while True:
        yield Request("read", head + plan_id(chance.randrange(target.plans)).encode() + tail, 200)


def search(target: Target, chance: random.Random) -> Iterator[Request]:
    """Search for all plans of a client: ten matches and the total."""
    path = f"CarePlan?patient={MARK}&_count={PLANS_OF_A_CLIENT}"
    head, tail = target.get(path).split(MARK.encode())
    while True:
        yield Request("search", head + client_of(chance.randrange(target.plans)).encode() + tail, 200)


def identifier(target: Target, chance: random.Random) -> Iterator[Request]:
    """Search for the one plan that has a business identifier."""
    head, tail = target.get(f"CarePlan?identifier={MARK}").split(MARK.encode())
    while True:
        value = quote(identifier_of(chance.randrange(target.plans)), safe="")
        yield Request("identifier", head + value.encode() + tail, 200)


def period(target: Target, chance: random.Random) -> Iterator[Request]:
    """Search for what a performer had under way in a period: ten matches and the total."""
    asked = []
    for year in range(FIRST_YEAR, FIRST_YEAR + YEARS - ASKED_YEARS):
        dates = f"date=ge{year}-12-01&date=le{year + ASKED_YEARS}-12-01"
        asked.append(target.get(f"CarePlan?performer={MARK}&{dates}&_count=10").split(MARK.encode()))
    plans = _whole_blocks(target.plans, PLANS_OF_A_PERFORMER * STRIDE)
    while True:
        head, tail = chance.choice(asked)
        yield Request("period", head + performer_of(chance.randrange(plans)).encode() + tail, 200)


def chained(target: Target, chance: random.Random) -> Iterator[Request]:
    """Search for the plans whose team somebody is on: ten matches and the total."""
    path = f"CarePlan?care-team.participant={MARK}&_count={TEAMS_OF_A_MEMBER}"
    head, tail = target.get(path).split(MARK.encode())
    plans = _whole_blocks(target.plans, TEAMS_OF_A_MEMBER * STRIDE)
    while True:
        yield Request("chained", head + member_of(chance.randrange(plans)).encode() + tail, 200)


def include(target: Target, chance: random.Random) -> Iterator[Request]:
    """Pull a whole plan in one request: with client, team, goals, condition, encounter and tasks, nine entries."""
    head, tail = target.get(f"CarePlan?_id={MARK}&{'&'.join(PULL)}").split(MARK.encode())
    plans = min(target.plans, WHOLE_PLANS)
    while True:
        yield Request("include", head + plan_id(chance.randrange(plans)).encode() + tail, 200)


def delta(target: Target, chance: random.Random) -> Iterator[Request]:
    """Pull the thousand plans that were changed first after some instant.

    Without a total: that counts all changes since then, and a record system that follows `next` has no use for it.
    """
    path = f"CarePlan?_lastUpdated=gt{MARK}&_sort=_lastUpdated&_total=none&_count={PULLED}"
    head, tail = target.get(path).split(MARK.encode())
    plans = max(1, target.plans - PULLED)
    while True:
        yield Request("delta", head + instant_of(chance.randrange(plans)).encode() + tail, 200)


def _whole_blocks(plans: int, block: int) -> int:
    """How many plans lie in whole blocks; all of them when there is none."""
    return plans - plans % block or plans


def create(target: Target, chance: random.Random) -> Iterator[Request]:
    """Create a care plan of 2.8 kB for one of the clients, with a business number of its own."""
    patient = f"Patient/bench-{MARK[::-1]}"
    request = target.send("POST", "CarePlan", wire(plan(MARK, patient)))
    start = 10**8 + secrets.randbelow(8 * 10**8)  # other numbers than those of the population and of other runs
    for number in range(start, 10**9):
        text = request.replace(MARK.encode(), b"%09d" % number)
        patient_number = chance.randrange(max(1, target.plans // PLANS_OF_A_CLIENT))
        yield Request("create", text.replace(MARK[::-1].encode(), b"%09d" % patient_number), 201)


def mixed(target: Target, chance: random.Random) -> Iterator[Request]:
    """A working day: 60 % reads, 25 % patient searches, 5 % by identifier, 10 % creates."""
    kinds = (read, search, identifier, create)
    streams = [kind(target, chance) for kind in kinds]
    while True:
        yield next(chance.choices(streams, weights=(60, 25, 5, 10))[0])


Workload = Callable[[Target, random.Random], Iterator[Request]]

WORKLOADS: dict[str, Workload] = {
    "read": read,
    "search": search,
    "identifier": identifier,
    "period": period,
    "chained": chained,
    "include": include,
    "delta": delta,
    "create": create,
    "mixed": mixed,
}
