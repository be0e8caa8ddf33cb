"""The operations of the service models in the OpenAPI document: $apply and $evaluate-measure."""

from sharedplan.demo import world
from sharedplan.rest.negotiation import FHIR_JSON
from sharedplan.rest.openapi.failures import failures
from sharedplan.rest.openapi.parts import Part, operation, ref, shared

_APPLY: Part = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "subject", "valueString": world.CLIENT},
        {"name": "practitioner", "valueString": world.PERSON},
        {"name": "organization", "valueString": world.ORGANIZATION},
        {"name": "start", "valueDate": "2026-11-30"},
        {"name": "commit", "valueBoolean": False},
    ],
}

_REPORT: Part = {
    "resourceType": "MeasureReport",
    "status": "complete",
    "type": "summary",
    "measure": "https://sharedplan.dev/fhir/Measure/feedback",
    "date": "2026-11-27T10:00:00Z",
    "reporter": {"reference": world.ORGANIZATION},
    "period": {"start": "2026-01-01", "end": "2027-01-01"},
    "group": [
        {
            "code": {"coding": [{"system": "https://sharedplan.dev/fhir/CodeSystem/measure-group", "code": "client"}]},
            "population": [
                {
                    "code": {
                        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/measure-population", "code": code}]
                    },
                    "count": count,
                }
                for code, count in (("initial-population", 20), ("denominator", 20), ("numerator", 15))
            ],
            "measureScore": {"value": 0.75, "unit": "1", "system": "http://unitsofmeasure.org", "code": "1"},
        }
    ],
}


def apply(summary: str) -> Part:
    """The $apply operation of a PlanDefinition."""
    return operation(
        "applyPlanDefinition",
        "PlanDefinition",
        summary,
        description="In: `subject` (string or Reference: the client), `practitioner` (the own worker, who coordinates; "
        "without it, the person who asks), `organization` (without it, that of the token), `start` (date; without it, "
        "today), `commit` (boolean, default false). Out: a transaction Bundle ready to be sent (draft CarePlan, "
        "proposed CareTeam, EpisodeOfCare, Goals, Tasks, draft Consent), or with `commit` the transaction-response. "
        "What is committed is judged as any transaction of the same asker. The models that come with the service are "
        "`stop`, `posote`, `kaannekohta`, `soite` and `minun-tiimini`; any other that is stored will do.",
        parameters=[],
        requestBody={
            "required": True,
            "content": {FHIR_JSON: {"schema": ref("schemas", "Resource"), "example": _APPLY}},
        },
        responses={
            "200": {
                "description": "The transaction, or what came of it",
                "content": {FHIR_JSON: {"schema": ref("schemas", "Bundle")}},
            },
            **failures(400, 401, 403, 404, 406, 408, 409, 412, 413, 415, 422, 503),
        },
    )


def evaluate_measure(summary: str) -> Part:
    """The $evaluate-measure operation of a Measure."""
    return operation(
        "evaluateMeasure",
        "Measure",
        summary,
        description="With the purpose HOPERAT, over the register of the token's organisation. Dates are those of "
        "Europe/Helsinki; the period is half-open. Counts below 5 are not told, nor scores that rest on them, nor what "
        "they could be worked out from: data-absent-reason `masked` stands in their place. The Measure tells what "
        "is counted: `assessment-in-time`, `feedback`, `referrals`, `kaannekohta`, `contact-to-first-meeting`, "
        "`goals-agreed`, `clients-part`, `multidisciplinarity`, `consent-coverage`, `bounces`, `coded-content`.",
        parameters=[
            _day("periodStart", "The first day that is looked at", "2026-01-01"),
            _day("periodEnd", "The first day after it that is not", "2027-01-01"),
            *shared(),
        ],
        responses={
            "200": {
                "description": "A MeasureReport of type summary",
                "content": {FHIR_JSON: {"schema": ref("schemas", "MeasureReport"), "example": _REPORT}},
            },
            **failures(400, 401, 403, 404, 406, 503),
        },
    )


def _day(name: str, description: str, example: str) -> Part:
    schema = {"type": "string", "format": "date"}
    return {
        "name": name,
        "in": "query",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }
