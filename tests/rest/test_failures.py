"""Any failure → an OperationOutcome with the status that its class says, and nothing of our insides."""

import json
from collections.abc import Iterator

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from rest.behind import Behind
from sharedplan import errors
from sharedplan.errors import Gone, Issue, NotFound, SharedplanError, Throttled, Unavailable, Unprocessable

EVERY_CLASS = [
    kind("it went so") for kind in SharedplanError.__subclasses__() if kind not in (Gone, errors.NotOffered)
] + [Gone("it went so", version=4), errors.NotOffered("it went so", allow=("GET",))]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    structlog.reset_defaults()
    with capture_logs():
        yield


@pytest.mark.parametrize("failure", EVERY_CLASS, ids=lambda failure: type(failure).__name__)
async def test_each_failure_has_its_status_code_and_sentence(
    client: httpx.AsyncClient, behind: Behind, failure: SharedplanError
) -> None:
    behind.failure = failure
    response = await client.get("CarePlan/1")
    assert response.status_code == failure.status
    assert response.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": failure.code,
                "details": {"text": "it went so"},
                "diagnostics": "it went so",
            }
        ],
    }


async def test_all_issues_come_with_their_elements(client: httpx.AsyncClient, behind: Behind) -> None:
    behind.failure = Unprocessable(
        issues=[Issue("required", "status is missing", "CarePlan.status"), Issue("value", "so not", "CarePlan.intent")]
    )
    issues = (await client.get("CarePlan/1")).json()["issue"]
    assert [issue["expression"] for issue in issues] == [["CarePlan.status"], ["CarePlan.intent"]]


async def test_an_unknown_failure_tells_nothing_of_itself(client: httpx.AsyncClient, behind: Behind) -> None:
    behind.failure = ValueError("secret of 010190-123A")
    with capture_logs() as logged:
        response = await client.get("CarePlan/1")
    assert response.status_code == 500
    assert response.json()["issue"][0]["code"] == "exception"
    assert "secret" not in response.text
    assert "secret" not in json.dumps(logged)
    [failed] = [event for event in logged if event["event"] == "request_failed"]
    assert failed["failure"] == "ValueError"
    assert "rest.behind:" in failed["place"]


async def test_a_deletion_tells_its_version(client: httpx.AsyncClient, behind: Behind) -> None:
    behind.failure = Gone("it was deleted", version=7)
    assert (await client.get("CarePlan/1")).headers["etag"] == 'W/"7"'


@pytest.mark.parametrize("failure", [Unavailable("busy", retry_after=3), Throttled("slowly", retry_after=3)])
async def test_what_passes_tells_when_to_come_again(
    client: httpx.AsyncClient, behind: Behind, failure: SharedplanError
) -> None:
    behind.failure = failure
    assert (await client.get("CarePlan/1")).headers["retry-after"] == "3"


async def test_a_method_that_is_not_offered_tells_the_others(client: httpx.AsyncClient) -> None:
    response = await client.post("AuditEvent", content=b"{}")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"


async def test_without_a_token_a_token_is_asked_for(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get("/fhir/CarePlan/1")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="sharedplan"'
    assert response.json()["issue"][0]["code"] == "login"


async def test_a_bad_token_is_told_what_is_wrong_with_it(stranger: httpx.AsyncClient, behind: Behind) -> None:
    response = await stranger.get("/fhir/CarePlan/1", headers={"authorization": "Bearer x.y.z"})
    assert response.status_code == 401
    challenge = response.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="sharedplan", error="invalid_token", error_description="')
    assert challenge.count('"') == 6
    assert behind.heard == []


async def test_two_tokens_are_none(client: httpx.AsyncClient, token: str, behind: Behind) -> None:
    headers = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
    assert (await client.get("CarePlan/1", headers=headers)).status_code == 401
    assert behind.heard == []


@pytest.mark.parametrize("path", ["/fhir/Nothing", "/fhir/CarePlan/1/2/3", "/fhir/CarePlan/a_b", "/fhir"])
async def test_a_stranger_learns_nothing_of_what_is_offered(stranger: httpx.AsyncClient, path: str) -> None:
    assert (await stranger.get(path)).status_code == 401


@pytest.mark.parametrize("path", ["/", "/fhirs", "/admin", "/healthz/x"])
async def test_addresses_of_nobody_are_not_found_in_fhirs_own_words(stranger: httpx.AsyncClient, path: str) -> None:
    response = await stranger.get(path)
    assert response.status_code == 404
    assert response.json()["resourceType"] == "OperationOutcome"


async def test_other_methods_on_the_open_addresses_are_not_allowed(stranger: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        response = await stranger.post(path)
        assert response.status_code == 405, path
        assert response.json()["issue"][0]["code"] == "not-supported"
        assert "GET" in response.headers["allow"]


async def test_a_missing_resource_is_not_found(client: httpx.AsyncClient, behind: Behind) -> None:
    behind.failure = NotFound("CarePlan/1 is not known")
    assert (await client.get("CarePlan/1")).status_code == 404
