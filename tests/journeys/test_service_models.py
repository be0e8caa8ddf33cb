"""A plan starts from its model over HTTP, with what the service publishes of itself; a sixth model is data alone."""

import httpx
import pytest

from builders import a_patient, a_practitioner
from journeys.service import Service

MODELS = ("stop", "posote", "kaannekohta", "soite", "minun-tiimini")
SARI = "Practitioner/m-sari"


def parameters(**given: object) -> dict[str, object]:
    listed = [
        {"name": name, "valueBoolean" if isinstance(value, bool) else "valueString": value}
        for name, value in given.items()
    ]
    return {"resourceType": "Parameters", "parameter": listed}


@pytest.fixture
def clients(client: httpx.Client) -> list[str]:
    """A client for each model."""
    assert client.put(f"/{SARI}", json=a_practitioner(id="m-sari")).is_success
    for model in MODELS:
        assert client.put(f"/Patient/m-{model}", json=a_patient(id=f"m-{model}")).is_success
    return [f"Patient/m-{model}" for model in MODELS]


def test_each_model_starts_a_plan_in_one_call(client: httpx.Client, clients: list[str]) -> None:
    for model, subject in zip(MODELS, clients, strict=True):
        given = parameters(subject=subject, practitioner=SARI)
        told = client.post(f"/PlanDefinition/{model}/$apply", json=given)
        assert told.status_code == 200, told.text
        assert told.json()["type"] == "transaction"
        done = client.post(
            f"/PlanDefinition/{model}/$apply", json=parameters(subject=subject, practitioner=SARI, commit=True)
        )
        assert done.status_code == 200, done.text
        for type in ("CarePlan", "CareTeam", "Consent", "EpisodeOfCare"):
            assert client.get(f"/{type}?patient={subject}").json()["total"] == 1, type


def test_a_model_for_others_is_one_more_definition(client: httpx.Client, clients: list[str]) -> None:
    elderly = client.get("/PlanDefinition/posote").json()
    elderly |= {"id": "posote-iakkaat", "title": "POSOTE iäkkäille"}
    assert client.put("/PlanDefinition/posote-iakkaat", json=elderly).is_success
    told = client.post("/PlanDefinition/posote-iakkaat/$apply", json=parameters(subject=clients[0], practitioner=SARI))
    (plan,) = [each["resource"] for each in told.json()["entry"] if each["resource"]["resourceType"] == "CarePlan"]
    assert plan["instantiatesCanonical"] == ["https://sharedplan.dev/fhir/PlanDefinition/posote-iakkaat"]


def test_bad_parameters_are_refused_in_words(client: httpx.Client, clients: list[str]) -> None:
    for given in ({}, parameters(), parameters(subject="Patient/none", practitioner=SARI), parameters(subject=7)):
        answer = client.post("/PlanDefinition/stop/$apply", json=given)
        assert 400 <= answer.status_code < 500
        assert answer.json()["issue"][0]["diagnostics"]
    assert client.get("/PlanDefinition/stop/$apply").status_code == 400


def test_codes_and_extensions_of_our_own_are_served(client: httpx.Client) -> None:
    base = "https://sharedplan.dev/fhir"
    for question in (
        f"CodeSystem?url={base}/CodeSystem/rule",
        f"StructureDefinition?url={base}/StructureDefinition/clock",
    ):
        assert client.get(f"/{question}").json()["total"] == 1
    listed = client.get("/StructureDefinition/deviation-reason").json()
    assert (listed["type"], listed["context"][0]["expression"]) == ("Extension", "Encounter")


def test_measures_are_for_the_purpose_of_operations(service: Service, client: httpx.Client) -> None:
    asked = "/Measure/feedback/$evaluate-measure?periodStart=2026-01-01&periodEnd=2027-01-01"
    assert client.get(asked).status_code == 403
    with service.client("--client", "m", "--organization", "Organization/m", "--purpose", "HOPERAT") as office:
        answer = office.get(asked)
        assert answer.status_code == 200, answer.text
        assert answer.json()["resourceType"] == "MeasureReport"
        assert office.get("/Measure/feedback/$evaluate-measure").status_code == 400
        assert office.get(asked.replace("2026-01-01", "soon")).status_code == 400
