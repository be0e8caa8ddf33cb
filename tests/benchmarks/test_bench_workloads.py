"""What the workloads send: well-formed requests for what the population holds, and plans that FHIR accepts."""

import itertools
import json
import random
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from benchmarks.client import Request
from benchmarks.drive import seeds
from benchmarks.population import (
    client,
    client_of,
    identifier_of,
    member_of,
    performer_of,
    plan,
    plan_id,
    start_of,
    wire,
)
from benchmarks.surroundings import numbered
from benchmarks.workloads import WORKLOADS, Target
from fhir.resources.R4B.careplan import CarePlan
from fhir.resources.R4B.patient import Patient

TARGET = Target("http://127.0.0.1:8000/fhir", "secret", 100)
MANY = Target("http://127.0.0.1:8000/fhir", "secret", 3000)


def some(workload: str, count: int = 200, target: Target = TARGET) -> list[Request]:
    return list(itertools.islice(WORKLOADS[workload](target, random.Random(1)), count))


def asked(request: Request) -> dict[str, list[str]]:
    """The parameters of its query."""
    return parse_qs(urlsplit(taken_apart(request)[1]).query)


def taken_apart(request: Request) -> tuple[str, str, dict[str, str], bytes]:
    """Method, path, headers (lower case) and body."""
    head, body = request.wire.split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    method, path, version = first.split(" ")
    assert version == "HTTP/1.1"
    return method, path, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_request_carries_the_token_the_host_and_its_length(workload: str) -> None:
    for request in some(workload):
        method, path, headers, body = taken_apart(request)
        assert path.startswith("/fhir/CarePlan")
        assert (headers["host"], headers["authorization"]) == ("127.0.0.1:8000", "Bearer secret")
        assert int(headers.get("content-length", "0")) == len(body)
        assert (method, request.expected) == (("POST", 201) if body else ("GET", 200))


def test_reads_ask_for_plans_of_the_population_only() -> None:
    ids = {taken_apart(request)[1].removeprefix("/fhir/CarePlan/") for request in some("read")}
    assert ids <= {plan_id(number) for number in range(TARGET.plans)}
    assert len(ids) > 50


def test_searches_ask_for_clients_and_identifiers_of_the_population() -> None:
    by_client = {asked(each)["patient"][0] for each in some("search")}
    assert by_client <= {client_of(number) for number in range(TARGET.plans)}
    by_identifier = {asked(each)["identifier"][0] for each in some("identifier")}
    assert by_identifier <= {identifier_of(number) for number in range(TARGET.plans)}


def test_a_performer_had_ten_plans_under_way_in_each_period_that_is_asked_for() -> None:
    plans = [(performer_of(number), start_of(number)) for number in range(MANY.plans)]
    questions = [asked(each) for each in some("period", target=MANY)]
    assert len({question["performer"][0] for question in questions}) > 50
    for question in questions:
        low, high = (date[2:] for date in question["date"])
        assert [date[:2] for date in question["date"]] == ["ge", "le"]
        found = [
            start
            for performer, start in plans
            if performer == question["performer"][0] and start <= high and f"{int(start[:4]) + 1}{start[4:]}" >= low
        ]
        assert len(found) == 10


def test_everybody_is_on_ten_teams_that_lie_apart() -> None:
    teams = [member_of(number) for number in range(MANY.plans)]
    for member in {asked(each)["care-team.participant"][0] for each in some("chained", target=MANY)}:
        on = [number for number, each in enumerate(teams) if each == member]
        assert len(on) == 10
        assert min(later - earlier for earlier, later in itertools.pairwise(on)) == 25


def test_a_delta_leaves_a_thousand_plans_to_pull() -> None:
    for question in (asked(each) for each in some("delta", target=MANY)):
        (since,) = question["_lastUpdated"]
        assert since.startswith("gt2020-01-01T00:00:0")
        assert float(since.removesuffix("Z")[-6:]) * 1000 <= MANY.plans - 1001
        assert (question["_count"], question["_sort"]) == (["1000"], ["_lastUpdated"])


def test_a_whole_plan_refers_to_all_of_its_parts() -> None:
    parts = dict(numbered(7))
    text = json.dumps(parts.pop("CarePlan/bench-000000007"))
    tasks = [parts.pop(f"Task/bench-000000007-{n}") for n in (1, 2)]
    assert {task["focus"]["reference"] for task in tasks} == {"CarePlan/bench-000000007"}
    assert len(parts) == 5
    assert all(f'"{address}"' in text for address in parts)


def test_created_plans_differ_in_their_numbers_and_are_valid() -> None:
    bodies = [taken_apart(request)[3] for request in some("create", 20)]
    plans = [CarePlan.model_validate(json.loads(body)) for body in bodies]
    assert len({each.identifier[0].value for each in plans}) == 20
    assert {each.subject.reference for each in plans} <= {client_of(number) for number in range(TARGET.plans)}
    assert all(2_000 < len(body) < 3_000 for body in bodies)


def test_a_mixed_day_has_all_kinds_and_mostly_reads() -> None:
    kinds = [request.kind for request in some("mixed", 1000)]
    assert set(kinds) == {"read", "search", "identifier", "create"}
    assert 500 < kinds.count("read") < 700


def test_two_plans_differ_in_digits_only() -> None:
    one, other = (wire(plan(number, client_of(number))).decode() for number in (7, 12345))
    assert len(one) == len(other)
    assert re.sub(r"[0-9]", "", one) == re.sub(r"[0-9]", "", other)


def test_seeding_makes_each_client_once_and_each_plan_with_what_lies_around_it() -> None:
    paths = [taken_apart(request)[1].removeprefix("/fhir/") for request in seeds(TARGET, created=201)]
    assert len(paths) == len(set(paths)) == 10 + 100 * 8
    assert paths[0] == client_of(0)
    assert {f"CarePlan/{plan_id(number)}" for number in range(100)} <= set(paths)
    Patient.model_validate(client("bench-000000001"))
