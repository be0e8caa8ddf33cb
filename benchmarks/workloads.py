"""What is asked of a server: endless requests of one kind, or of several mixed, over a population of care plans.

https://hl7.org/fhir/R4/http.html
"""

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from benchmarks.client import Request, local
from benchmarks.population import PLANS_OF_A_CLIENT, client_of, identifier_of, plan, plan_id, wire

MARK = "987654321"  # stands for the plan's number until a request is made


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
    "create": create,
    "mixed": mixed,
}
