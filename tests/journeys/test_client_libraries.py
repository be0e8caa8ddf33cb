"""A client library that nobody here wrote, against the running service."""

import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from journeys.service import Service


@pytest.fixture
def library(service: Service) -> SyncFHIRClient:
    token = service.token("--client", "fhirpy", "--organization", "Organization/s")
    return SyncFHIRClient(service.base, authorization=f"Bearer {token}")


def test_fhirpy_creates_reads_updates_searches_and_deletes(library: SyncFHIRClient) -> None:
    patient = library.resource("Patient", name=[{"family": "Virtanen"}], identifier=[{"system": "urn:x", "value": "1"}])
    patient.save()
    assert patient.id
    plan = library.resource("CarePlan", status="draft", intent="plan", subject=patient.to_reference())
    plan.save()
    plan["status"] = "active"
    plan.save()
    assert library.reference("CarePlan", plan.id).to_resource()["status"] == "active"
    found = library.resources("CarePlan").search(patient=patient.id).fetch_all()
    assert [one.id for one in found] == [plan.id]
    assert library.resources("Patient").search(identifier="urn:x|1").first().id == patient.id
    plan.delete()
    with pytest.raises((ResourceNotFound, OperationOutcome)):
        library.reference("CarePlan", plan.id).to_resource()


def test_fhirpy_pages_through_many_matches(library: SyncFHIRClient) -> None:
    for number in range(25):
        library.resource("Organization", name=f"paged {number}", identifier=[{"system": "urn:p", "value": "p"}]).save()
    found = library.resources("Organization").search(identifier="urn:p|p").limit(10).fetch_all()
    assert len({one.id for one in found}) == 25
