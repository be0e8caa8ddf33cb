"""A plan under review over HTTP: a record system asks in Finnish what is missing, mends it, and asks again."""

import httpx

from builders import a_care_plan, a_care_team, a_concept, a_goal, a_patient, a_reference
from journeys.service import Service

AINO, SARI = "Patient/r-aino", "Practitioner/r-sari"
CODES = "https://sharedplan.dev/fhir/CodeSystem/"


def test_what_the_review_finds_can_be_mended(service: Service, client: httpx.Client) -> None:
    coordinator = {"member": a_reference(SARI), "role": [a_concept(CODES + "team-role", "coordinator")]}
    plan = a_care_plan(
        AINO,
        id="r-plan",
        category=[a_concept(CODES + "plan", "shared-plan")],
        contributor=[a_reference(AINO)],
        careTeam=[a_reference("CareTeam/r-team")],
        goal=[a_reference("Goal/r-goal")],
        activity=[{"detail": {"status": "in-progress", "description": "Neuvontaa"}}],
    )
    goal = a_goal(AINO, id="r-goal", description={"text": "Koti säilyy"})
    team = a_care_team(AINO, id="r-team", participant=[{**coordinator, "period": {"start": "2026-01-01"}}])
    for each in (a_patient(id="r-aino", name=[{"text": "Aino Heikkilä"}]), team, goal, plan):
        assert client.put(f"/{each['resourceType']}/{each['id']}", json=each).status_code == 201

    def reviewed(**headers: str) -> dict[str, list[str]]:
        answer = client.get("/CarePlan/r-plan/$review", headers=headers)
        assert answer.status_code == 200 and answer.json()["resourceType"] == "OperationOutcome"
        warned: dict[str, list[str]] = {}
        for issue in answer.json()["issue"]:
            if issue["severity"] != "information":
                warned.setdefault(issue["details"]["coding"][0]["code"], []).append(issue["details"]["text"])
        return warned

    found = reviewed(**{"accept-language": "fi"})
    assert any("Koti säilyy" in each and "kanta" in each for each in found["R0.4"])
    assert any("activity[0]" in each and "tekijä ja ajankohta" in each for each in found["R3.7"])
    assert "R4.1" not in found and "R0.3" not in found
    done = {"status": "completed", "description": "Neuvontaa"}
    assert client.put("/CarePlan/r-plan", json={**plan, "activity": [{"detail": done}]}).status_code == 200
    assert "R3.7" not in reviewed()
    assert client.get("/CarePlan/r-plan/$review?_language=xx").status_code == 400
    assert client.get("/CarePlan/r-nobody/$review").status_code == 404
    assert client.post("/CarePlan/r-plan/$review").status_code == 405
