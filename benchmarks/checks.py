"""Whether service and floor do the job that is measured: a look into the answers that the rounds only count.

What is asked is what the workloads ask, so nothing else is checked than is measured afterwards.
"""

import random
from dataclasses import dataclass
from itertools import islice

import httpx

from benchmarks.population import PLANS_OF_A_CLIENT, TEAMS_OF_A_MEMBER, Json, plan, plan_id
from benchmarks.rounds import Pair
from benchmarks.servers import Server
from benchmarks.surroundings import PARTS
from benchmarks.workloads import PULLED, WORKLOADS

ASKED = 5  # questions of each search


@dataclass(frozen=True, slots=True)
class Found:
    """What a search is to find, on one page."""

    total: int | None  # None where none is asked for
    entries: int


SEARCHES = {
    "search": Found(PLANS_OF_A_CLIENT, PLANS_OF_A_CLIENT),
    "identifier": Found(1, 1),
    "period": Found(10, 10),
    "chained": Found(TEAMS_OF_A_MEMBER, TEAMS_OF_A_MEMBER),
    "include": Found(1, PARTS),
    "delta": Found(None, PULLED),
}

MADE_OF = {"mixed": ("read", "search", "identifier", "create")}


def check(pair: Pair, plans: int, workloads: list[str]) -> None:
    """Try what these workloads ask. Raises RuntimeError when a server does not do the job, or they do not agree."""
    wanted = {part for workload in workloads for part in MADE_OF.get(workload, (workload,))}
    answers = {}
    for server in (pair.service, pair.floor):
        headers = {"Authorization": f"Bearer {pair.token}", "Accept": "application/fhir+json"}
        with httpx.Client(base_url=server.origin, headers=headers, timeout=30) as http:
            found = {name: _searched(http, pair, server, plans, name) for name in SEARCHES if name in wanted}
            wrong = [f"{name} ({found[name]})" for name in found if _is_wrong(SEARCHES[name], found[name])]
            wrong += ["read"] if "read" in wanted and not _reads(http, plans // 2) else []
            wrong += ["create"] if "create" in wanted and not _creates(http) else []
        if wrong:
            raise RuntimeError(f"the {server.name} answers wrongly: {'; '.join(wrong)}"[:2000])
        answers[server.name] = found
    if different := [name for name, found in answers["service"].items() if answers["floor"][name] != found]:
        raise RuntimeError(f"service and floor find different things: {', '.join(different)}")


Answers = list[tuple[int | None, list[str]] | str]
"""Of each question the total and the addresses, or what was answered instead."""


def _searched(http: httpx.Client, pair: Pair, server: Server, plans: int, workload: str) -> Answers:
    """The answers to some of a workload's questions. Of a delta the order matters, of the others it is left open."""
    found: Answers = []
    for request in islice(WORKLOADS[workload](pair.target(server, plans), random.Random(plans)), ASKED):
        answer = http.get(request.wire.split(b" ", 2)[1].decode())
        if answer.status_code != request.expected:
            found.append(f"{answer.status_code} {answer.text[:300]}")
            continue
        bundle = answer.json()
        addresses = [f"{each['search']['mode']} {_address(each['resource'])}" for each in bundle["entry"]]
        found.append((bundle.get("total"), addresses if workload == "delta" else sorted(addresses)))
    return found


def _address(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _is_wrong(expected: Found, answers: Answers) -> bool:
    return any(
        isinstance(each, str) or (each[0], len(set(each[1]))) != (expected.total, expected.entries) for each in answers
    )


def _reads(http: httpx.Client, number: int) -> bool:
    answer = http.get(f"/fhir/CarePlan/{plan_id(number)}")
    return answer.status_code == 200 and bool(answer.json()["id"] == plan_id(number))


def _creates(http: httpx.Client) -> bool:
    """A plan for nobody of the population, so that no search finds one more."""
    number = 10**9 - 1
    made = http.post("/fhir/CarePlan", json=plan(number, "Patient/bench-nobody", performer="Practitioner/bench-nobody"))
    if made.status_code != 201:
        return False
    read = http.get(f"/fhir/CarePlan/{made.json()['id']}").json()
    return bool(read["identifier"][0]["value"] == f"P{number}")
