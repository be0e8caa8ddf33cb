"""Random requests made from our own OpenAPI document: no 5xx, and no status that the document does not name."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error

from journeys.service import Service

KINDS = ("CarePlan", "Consent", "Patient")


@pytest.fixture(scope="module")
def openapi(service: Service) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{service.port}/openapi.json")


schema = schemathesis.pytest.from_fixture("openapi").include(path_regex=r"^/fhir/(CarePlan|Consent|Patient)(/|$)")


@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_no_request_made_from_the_document_breaks_the_service(case: schemathesis.Case, token: str) -> None:
    answer = case.call(headers={"Authorization": f"Bearer {token}"})
    case.validate_response(answer, checks=(not_a_server_error,))


@pytest.fixture(scope="module")
def token(service: Service) -> str:
    return service.token("--client", "schemathesis", "--organization", "Organization/s")
