"""What R4 allows and hardly anybody sends breaks no view of a plan."""

from dataclasses import replace
from typing import Any

import pytest

import builders as b
from exchange.asking import RECORDS, Ask
from sharedplan.care import codes

ANNA = "Patient/anna"
FOR_EVER = "9999-12-31T23:59:59Z"
UNKNOWN = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"},
    ]
}
COUNTING = replace(RECORDS, purpose="HOPERAT")
MEASURES = ("assessment-in-time", "contact-to-first-meeting", "kaannekohta", "referrals")


async def the_odd(ask: Ask) -> None:
    name: dict[str, Any] = {"given": [None, "Anna"], "_given": [UNKNOWN, None], "family": "Aalto"}
    concerned: dict[str, Any] = {"subject": b.a_reference(ANNA)}
    plan = b.a_care_plan(
        ANNA,
        id="1",
        status="draft",
        category=[b.a_concept(codes.PLAN, "shared-plan")],
        instantiatesCanonical=[None, codes.MODELS + "soite"],
        _instantiatesCanonical=[UNKNOWN, None],
        careTeam=[b.a_reference("CareTeam/1")],
        period={"start": "2026-01-01", "end": FOR_EVER},
        activity=[
            {
                "detail": {
                    "status": "in-progress",
                    "scheduledTiming": {"event": [None, "2026-02-01"], "_event": [UNKNOWN, None]},
                }
            }
        ],
    )
    assessment = b.a_task(
        ANNA,
        id="1",
        code=b.a_concept(codes.TASK, "need-assessment"),
        reasonCode=b.a_concept(codes.LEGAL_BASIS, "lsl-26"),
        authoredOn=FOR_EVER,
        status="completed",
        executionPeriod={"start": "2026-01-01", "end": FOR_EVER},
        basedOn=[b.a_reference("CarePlan/1")],
    )
    referral = {
        "resourceType": "ServiceRequest",
        "id": "1",
        "status": "active",
        "intent": "order",
        "authoredOn": FOR_EVER,
        **concerned,
    }
    team = b.a_care_team(
        ANNA,
        id="1",
        participant=[
            {
                "role": [b.a_concept(codes.TEAM_ROLE, "coordinator")],
                "member": b.a_reference("Practitioner/sari"),
                "period": {"start": "2026-01-01", "end": FOR_EVER},
            }
        ],
    )
    for each in (
        b.a_patient(id="anna", name=[name]),
        b.a_practitioner(id="sari", name=[name]),
        team,
        plan,
        assessment,
        referral,
    ):
        assert (await ask("update", f"{each['resourceType']}/{each['id']}", each)).status == 201
    assert (
        await ask("update", "CarePlan/1", {**plan, "status": "active", "contributor": [b.a_reference(ANNA)]})
    ).status == 200


@pytest.mark.parametrize("operation", ["review", "everything", "document"])
async def test_every_view_of_the_plan_is_there(ask: Ask, operation: str) -> None:
    await the_odd(ask)
    assert (await ask("operation", "CarePlan/1", operation=operation)).status == 200


@pytest.mark.parametrize("measure", MEASURES)
async def test_every_measure_of_the_register_is_there(ask: Ask, measure: str) -> None:
    await the_odd(ask)
    question = f"Measure/{measure}?periodStart=2026-01-01&periodEnd=2027-01-01"
    assert (await ask("operation", question, by=COUNTING, operation="evaluate-measure")).status == 200
