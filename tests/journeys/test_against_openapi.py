"""Random requests made from our own OpenAPI document: none of them breaks the service."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok

from journeys.service import Service

SHORTLY = ("CarePlan",)
KINDS = ("CarePlan", "Consent", "AuditEvent")


@pytest.fixture(scope="module")
def document(fresh: Service) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{fresh.port}/openapi.json")


@pytest.mark.parametrize(
    ("kinds", "examples", "least"),  # fewer operations would mean that the document lost some
    [(SHORTLY, 2, 12), pytest.param(KINDS, 10, 30, marks=pytest.mark.long)],
)
def test_no_request_made_from_the_document_breaks_the_service(
    fresh: Service, document: schemathesis.BaseSchema, kinds: tuple[str, ...], examples: int, least: int
) -> None:
    token = fresh.token("--client", "schemathesis", "--organization", "Organization/s")
    statuses: list[int] = []
    tried = 0
    for found in document.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if not any(f"/{kind}/" in f"{operation.path}/" for kind in kinds):
            continue
        tried += 1

        @settings(
            max_examples=examples,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            answer = case.call(headers={"Authorization": f"Bearer {token}"})
            statuses.append(answer.status_code)
            assert answer.status_code < 500, f"{case.method} {case.path}: {answer.text}"

        ask()
    assert tried >= least
    assert {200, 400} <= set(statuses), "nothing was accepted, or nothing refused"
