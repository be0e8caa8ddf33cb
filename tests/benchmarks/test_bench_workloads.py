"""What the workloads send: well-formed requests for what the population holds, and plans that FHIR accepts."""

import itertools
import json
import random
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from benchmarks.client import Request
from benchmarks.drive import seeds
from benchmarks.population import client, client_of, identifier_of, plan, plan_id, wire
from benchmarks.workloads import WORKLOADS, Target
from fhir.resources.R4B.careplan import CarePlan
from fhir.resources.R4B.patient import Patient

TARGET = Target("http://127.0.0.1:8000/fhir", "secret", 100)


def some(workload: str, count: int = 200) -> list[Request]:
    return list(itertools.islice(WORKLOADS[workload](TARGET, random.Random(1)), count))


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
    by_client = {parse_qs(urlsplit(taken_apart(each)[1]).query)["patient"][0] for each in some("search")}
    assert by_client <= {client_of(number) for number in range(TARGET.plans)}
    by_identifier = {parse_qs(urlsplit(taken_apart(each)[1]).query)["identifier"][0] for each in some("identifier")}
    assert by_identifier <= {identifier_of(number) for number in range(TARGET.plans)}


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


def test_seeding_makes_each_client_once_and_each_plan() -> None:
    paths = [taken_apart(request)[1].removeprefix("/fhir/") for request in seeds(TARGET, created=201)]
    assert len(paths) == len(set(paths)) == 110
    assert paths[:2] == [client_of(0), f"CarePlan/{plan_id(0)}"]
    Patient.model_validate(client("bench-000000001"))
