"""Nothing that a client sends causes a 500, and what is refused says why: the published bodies, over HTTP."""

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

DATA = Path(__file__).parents[1] / "data"
BODIES = [json.loads(line) for line in gzip.decompress((DATA / "invalid.ndjson.gz").read_bytes()).splitlines()]


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case["id"])
def test_a_published_body_is_accepted_or_refused_as_its_authors_say(client: httpx.Client, case: dict[str, Any]) -> None:
    kind = case["resourceType"]
    if kind == "Bundle":
        answer = client.post("Bundle/$validate", content=case["body"].encode())
        if case["source"].startswith("microsoft"):
            answer = client.post("", content=case["body"].encode())
    elif kind == "AuditEvent":  # nobody writes AuditEvents over HTTP, so only their validation can be asked for
        answer = client.post("AuditEvent/$validate", content=case["body"].encode())
    else:
        answer = client.post(kind or "Patient", content=case["body"].encode())
    assert answer.status_code < 500, answer.text
    errors = [issue for issue in answer.json().get("issue", []) if issue["severity"] in ("error", "fatal")]
    if case["expect"] == "accept":
        assert answer.status_code in (200, 201), answer.text
        assert not errors, answer.text
    else:
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert errors, answer.text
        assert all(issue.get("diagnostics") or issue.get("details") for issue in errors)
        if kind not in ("Bundle", "AuditEvent"):
            assert answer.status_code in (400, 422), answer.text


ODD_BODIES = {
    "nothing": b"",
    "null": b"null",
    "a number": b"1",
    "a list": b"[]",
    "half a resource": b'{"resourceType":"Patient","name":[{"family":"Vir',
    "a NUL": b'{"resourceType":"Patient","name":[{"family":"a\\u0000b"}]}',
    "a raw NUL": b'{"resourceType":"Patient","name":[{"family":"a\x00b"}]}',
    "a lone surrogate": b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}',
    "broken UTF-8": b'{"resourceType":"Patient","name":[{"family":"\xff\xfe"}]}',
    "a duplicate key": b'{"resourceType":"Patient","active":true,"active":false}',
    "NaN": b'{"resourceType":"Observation","valueQuantity":{"value":NaN}}',
    "a huge exponent": b'{"resourceType":"Observation","valueQuantity":{"value":1e131071}}',
    "a very long number": b'{"resourceType":"Observation","valueQuantity":{"value":' + b"1" * 5000 + b"}}",
    "100,000 brackets": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "deep extensions": b'{"resourceType":"Patient","extension":['
    + b'{"url":"urn:a","extension":[' * 80
    + b'{"url":"urn:a","valueCode":"b"}'
    + b"]}" * 80
    + b"]}",
    "the wrong type": b'{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"a"}}',
    "a type nobody knows": b'{"resourceType":"Patientt"}',
    "a script": b'{"resourceType":"Patient","text":{"status":"generated",'
    b'"div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><script>alert(1)</script></div>"}}',
    "a handler": b'{"resourceType":"Patient","text":{"status":"generated",'
    b'"div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><p onclick=\\"x()\\">a</p></div>"}}',
    "a script address": b'{"resourceType":"Patient","text":{"status":"generated",'
    b'"div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><a href=\\"javascript:x()\\">a</a></div>"}}',
    "a date that never was": b'{"resourceType":"Patient","birthDate":"2023-02-30"}',
    "the year nought": b'{"resourceType":"Patient","birthDate":"0000-01-01"}',
}


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("name", ODD_BODIES)
def test_an_odd_body_is_refused_with_a_reason(client: httpx.Client, method: str, name: str) -> None:
    answer = client.request(method, "Patient" if method == "POST" else "Patient/odd", content=ODD_BODIES[name])
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert answer.json()["issue"][0]["severity"] in ("error", "fatal")
    assert client.get("Patient/odd").status_code == 404


def test_a_body_beyond_the_limit_is_refused_unread(client: httpx.Client) -> None:
    answer = client.post("Patient", content=b" " * (11 * 1024 * 1024))
    assert answer.status_code == 413
    assert answer.json()["issue"][0]["code"] == "too-long"


def test_a_body_of_another_kind_is_refused(client: httpx.Client) -> None:
    for kind in ("application/fhir+xml", "text/plain", "application/x-www-form-urlencoded"):
        answer = client.post("Patient", content=b"<Patient/>", headers={"Content-Type": kind})
        assert answer.status_code == 415, answer.text


def test_every_problem_is_told_at_once_with_its_place(client: httpx.Client) -> None:
    plan = {
        "resourceType": "CarePlan",
        "status": "activ",
        "intent": "plan",
        "subject": {"reference": "Organization/1"},
        "created": "2026-02-30",
        "activity": [{"detail": {"status": "scheduled", "kindd": "Task"}}],
    }
    answer = client.post("CarePlan", json=plan)
    assert answer.status_code in (400, 422)
    places = {place for issue in answer.json()["issue"] for place in issue.get("expression", [])}
    assert {"CarePlan.status", "CarePlan.subject", "CarePlan.created"} <= {p.removesuffix(".reference") for p in places}
    assert any(place.startswith("CarePlan.activity[0].detail") for place in places)


ODD_ADDRESSES = [
    "Patient/" + "a" * 65,
    "Patient/a_b",
    "Patient/%00",
    "Patient/%ff",
    "Patient/1/_history/0",
    "Patient/1/_history/99999999999999999999",
    "Patient/1/_history/abc",
    "Patient?_count=-1",
    "Patient?_count=abc",
    "Patient?_count=99999999999999999999999",
    "Patient?unknown=1",
    "Patient?birthdate=2023-02-30",
    "Patient?birthdate=" + "9" * 60,
    "Patient?identifier=%00",
    "Patient?name=" + "%ed%a0%80",
    "Patient?_sort=nothing",
    "Patient?_page=forged",
    "Patient/_history?_since=yesterday",
    "Nothing/1",
    "Patient/1/$nothing",
    "$nothing",
    "Patient?identifier=" + ",".join(str(n) for n in range(2000)),
    "Patient?" + "&".join(f"identifier={n}" for n in range(500)),
]


@pytest.mark.parametrize("address", ODD_ADDRESSES)
def test_an_odd_address_is_refused_with_a_reason(client: httpx.Client, address: str) -> None:
    answer = client.get(address)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"
