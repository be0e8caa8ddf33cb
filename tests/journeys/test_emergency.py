"""An emergency over HTTP: a doctor breaks the glass, reads, and the client and the coordinator see that he did."""

import httpx
import pytest

from builders import a_care_plan, a_care_team, a_consent, a_patient, a_practitioner, a_practitioner_role, a_reference
from journeys.service import Service

JSON = {"content-type": "application/fhir+json"}
AINO, OLLI, S, H = "Patient/e-aino", "Practitioner/e-olli", "Organization/s", "Organization/e-h"
TEAM_ROLE = "https://sharedplan.dev/fhir/CodeSystem/team-role"
REASON = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "found unconscious at home"}]}


@pytest.fixture
def world(service: Service, client: httpx.Client) -> None:
    def put(of: httpx.Client, *given: dict) -> None:  # type: ignore[type-arg]
        for each in given:
            assert of.put(f"/{each['resourceType']}/{each['id']}", json=each).status_code in (200, 201)

    role = a_practitioner_role(
        id="e-sari", practitioner=a_reference("Practitioner/e-sari"), organization=a_reference(S)
    )
    coordinator = {
        "member": a_reference("Practitioner/e-sari"),
        "role": [{"coding": [{"system": TEAM_ROLE, "code": "coordinator"}]}],
    }
    put(
        client,
        a_patient(id="e-aino"),
        role,
        a_care_team(AINO, id="e-team", participant=[coordinator]),
        a_care_plan(AINO, id="e-plan"),
    )
    with service.client("--client", "er", "--organization", H) as hospital:
        put(
            hospital,
            a_practitioner(id="e-olli", name=[{"family": "Lääkäri", "given": ["Olli"]}]),
            a_practitioner_role(id="e-olli", practitioner=a_reference(OLLI), organization=a_reference(H)),
        )


def test_a_doctor_breaks_the_glass_and_everybody_concerned_sees_it(
    service: Service, client: httpx.Client, world: None
) -> None:
    olli = ("--client", "er", "--organization", H, "--user", OLLI)
    with service.client(*olli) as treating, service.client(*olli, "--purpose", "BTG") as doctor:
        assert doctor.get("/CarePlan/e-plan").status_code == 404
        assert treating.post(f"/{AINO}/$break-glass", json=REASON).status_code == 403
        assert doctor.post(f"/{AINO}/$break-glass", json={"resourceType": "Parameters"}).status_code == 400
        told = doctor.post(f"/{AINO}/$break-glass", json=REASON)
        assert told.status_code == 200, told.text
        assert {each["name"] for each in told.json()["parameter"]} == {"validUntil", "task"}
        read = doctor.get("/CarePlan/e-plan")
        assert (read.status_code, read.json()["id"]) == (200, "e-plan")
        assert read.headers["category"].startswith("http://terminology.hl7.org/CodeSystem/v3-ActReason|BTG;")
        found = doctor.get(f"/CarePlan?patient={AINO}")
        assert found.json()["meta"]["security"][0]["code"] == "BTG"
        assert "category" not in treating.get(f"/CarePlan?patient={AINO}").headers
    with service.client("--client", "phr", "--user", AINO) as aino:
        log = aino.get(f"/AuditEvent?patient={AINO}&agent={OLLI}&outcome=0&_sort=_lastUpdated").json()
        deeds = [each["resource"]["subtype"][0]["code"] for each in log["entry"]]
        assert deeds[:3] == ["$break-glass", "read", "search-type"]
        assert "Olli Lääkäri" in log["entry"][1]["resource"]["text"]["div"]
    sari = ("--client", "own-worker", "--organization", S, "--user", "Practitioner/e-sari")
    with service.client(*sari) as coordinator:
        tasks = coordinator.get("/Task?code=break-glass-review&status=requested").json()
        assert tasks["total"] == 1
        assert tasks["entry"][0]["resource"]["reasonCode"]["text"] == "found unconscious at home"


def test_a_ban_keeps_it_shut(service: Service, client: httpx.Client, world: None) -> None:
    ban = a_consent(
        AINO,
        id="e-ban",
        dateTime="2026-01-01T12:00:00Z",
        category=[{"coding": [{"system": "https://sharedplan.dev/fhir/CodeSystem/consent-category", "code": "ban"}]}],
        provision={
            "type": "deny",
            "actor": [
                {
                    "role": {
                        "coding": [
                            {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}
                        ]
                    },
                    "reference": a_reference(H),
                }
            ],
        },
    )
    with service.client("--client", "phr", "--user", AINO) as aino:
        assert aino.put("/Consent/e-ban", json=ban).status_code == 201
        with service.client("--client", "er", "--organization", H, "--user", OLLI, "--purpose", "ETREAT") as doctor:
            refused = doctor.post(f"/{AINO}/$break-glass", json=REASON)
            assert (refused.status_code, "ban" in refused.json()["issue"][0]["diagnostics"]) == (403, True)
            assert doctor.get("/CarePlan/e-plan").status_code == 404
        assert aino.put("/Consent/e-ban", json={**ban, "status": "inactive"}).status_code == 200
