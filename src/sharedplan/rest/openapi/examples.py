"""The examples of the OpenAPI document: resources of the demo world, and what happens to them.

So whatever the documentation shows can be asked of a service that runs with the demo.
"""

from datetime import UTC, datetime
from typing import Any

from sharedplan import published
from sharedplan.care import model
from sharedplan.care.review.findings import findings
from sharedplan.care.review.view import View
from sharedplan.care.sheet.sheet import sheet
from sharedplan.care.situation import Situation
from sharedplan.catalogue import CATALOGUE
from sharedplan.demo import world
from sharedplan.exchange.accepting import accepted
from sharedplan.fhir import outcomes
from sharedplan.interactions.composition import composition
from sharedplan.interactions.withheld import without

MOMENT = "2026-02-05T12:30:00.123456Z"
WHOLE = "019c2e10-1f4c-7b10-a1c5-3d9e0f8b2a03"
HERE = "http://127.0.0.1:8000/fhir"


def _of_types() -> dict[str, dict[str, Any]]:
    """The first resource of each type in the demo, else of those that the service itself publishes, by type; Aino's
    plan is the first CarePlan."""
    found: dict[str, dict[str, Any]] = {}
    for resource in world.resources().values():
        type = resource["resourceType"]
        if type in CATALOGUE and type not in found:
            found[type] = {"summary": f"{type}/{resource['id']} of the demo", "value": resource}
    for type in CATALOGUE:
        for resource in published.of_type(type)[:1]:
            told = {"summary": f"{type}/{resource['id']}, which the service publishes", "value": resource}
            found.setdefault(type, told)
    return found


def _outcome() -> dict[str, Any]:
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "code-invalid",
                "diagnostics": "'started' is not a code of CarePlan.activity.detail.status: use not-started, "
                "scheduled, in-progress, on-hold, completed, cancelled, stopped, unknown or entered-in-error",
                "expression": ["CarePlan.activity[2].detail.status"],
            }
        ],
    }


def _stored(resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "meta": {"versionId": "1", "lastUpdated": MOMENT}}


def _wholes() -> dict[str, tuple[str, dict[str, Any]]]:
    """Aino's plan as somebody with a narrow view gets it: a little of it, without what refers to the rest."""
    names = (world.PLAN, "CareTeam/aino", "Task/aino-oma-askel-uni", "Practitioner/jari", "Organization/kantapoyta")
    shown = {name: _stored(without(world.resources()[name], names.__contains__, HERE)) for name in names}
    situation = Situation(datetime.fromisoformat(MOMENT), shown, world.CLIENT, world.PLAN, base=HERE)
    made = composition(situation, sheet(situation, "en"), id=WHOLE, names=names, controller=None)
    entries = [{"fullUrl": f"{HERE}/{name}", "resource": each} for name, each in shown.items()]
    modes = ["match", *("include" for _ in names[1:])]
    return {
        "everything": (
            "A little of what a worker of an association sees of Aino's plan",
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "total": 1,
                "link": [{"relation": "self", "url": f"{HERE}/{world.PLAN}/$everything"}],
                "entry": [{**each, "search": {"mode": mode}} for each, mode in zip(entries, modes, strict=True)],
            },
        ),
        "document": (
            "The same as a document",
            {
                "resourceType": "Bundle",
                "language": "en",
                "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{WHOLE}"},
                "type": "document",
                "timestamp": MOMENT,
                "entry": [{"fullUrl": f"{HERE}/Composition/{WHOLE}", "resource": made}, *entries],
            },
        ),
    }


def _bundles() -> dict[str, tuple[str, dict[str, Any]]]:
    """Bundles around one of Aino's own steps."""
    step = world.resources()["Task/aino-oma-askel-uni"]
    where = f"{HERE}/Task/{step['id']}"
    answered = {"etag": 'W/"1"', "lastModified": MOMENT}
    goal, task = "urn:uuid:5b0f8a52-7c1e-4f0b-9d53-0a6f3f3f8a01", "urn:uuid:5b0f8a52-7c1e-4f0b-9d53-0a6f3f3f8a02"
    new_goal = {
        "resourceType": "Goal",
        "lifecycleStatus": "proposed",
        "description": {"text": "Käyn uimassa kerran viikossa."},
        "subject": {"reference": world.CLIENT},
    }
    new_task = {
        "resourceType": "Task",
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal",
                "valueReference": {"reference": goal},
            }
        ],
        "basedOn": [{"reference": world.PLAN}],
        "status": "requested",
        "intent": "order",
        "code": step["code"],
        "description": "Kysyn Leenaa mukaan uimahalliin.",
        "for": {"reference": world.CLIENT},
        "owner": {"reference": world.CLIENT},
    }
    return {
        "searchset": (
            "Aino's own step, found",
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "total": 1,
                "link": [{"relation": "self", "url": f"{HERE}/Task?_id={step['id']}"}],
                "entry": [{"fullUrl": where, "resource": _stored(step), "search": {"mode": "match"}}],
            },
        ),
        "history": (
            "The first version of Aino's own step",
            {
                "resourceType": "Bundle",
                "type": "history",
                "total": 1,
                "link": [{"relation": "self", "url": f"{where}/_history"}],
                "entry": [
                    {
                        "fullUrl": where,
                        "resource": _stored(step),
                        "request": {"method": "PUT", "url": f"Task/{step['id']}"},
                        "response": {"status": "201", **answered},
                    }
                ],
            },
        ),
        "transaction": (
            "A new goal, and a step of Aino's own towards it",
            {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [
                    {"fullUrl": goal, "resource": new_goal, "request": {"method": "POST", "url": "Goal"}},
                    {"fullUrl": task, "resource": new_task, "request": {"method": "POST", "url": "Task"}},
                ],
            },
        ),
        "response": (
            "What came of the transaction",
            {
                "resourceType": "Bundle",
                "type": "transaction-response",
                "entry": [
                    {"response": {"status": "201", "location": f"{HERE}/{place}/_history/1", **answered}}
                    for place in (
                        "Goal/019c2e10-1f4a-7c3e-9b57-2f4d1c5e8a01",
                        "Task/019c2e10-1f4b-7d21-8a44-6b0e9f7c1d02",
                    )
                ],
            },
        ),
    }


def _patches() -> dict[str, tuple[str, Any]]:
    part = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "CarePlan.title"},
        {"name": "value", "valueString": "Ainon suunnitelma keväälle"},
    ]
    return {
        "JsonPatch": (
            "Another title, if nobody has changed it",
            [
                {"op": "test", "path": "/title", "value": world.resources()[world.PLAN]["title"]},
                {"op": "replace", "path": "/title", "value": "Ainon suunnitelma keväälle"},
            ],
        ),
        "FhirPathPatch": (
            "Another title",
            {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]},
        ),
    }


def _review() -> dict[str, Any]:
    """What some of the rules find in Riitta's plan, late in the autumn of the demo."""
    reviewed, told = "CarePlan/riitta", ("R0.1", "R2.1", "R2.3", "R3.7", "R3.15", "R4.4")
    found = world.resources()
    situation = Situation(datetime(2026, 11, 27, 9, tzinfo=UTC), found, "Patient/riitta", reviewed)
    chosen = model.of(found[reviewed], None)
    return outcomes.outcome(
        each.issue("fi") for each in findings(View(situation, chosen, accepted(situation))) if each.rule in told
    )


def _examples() -> dict[str, dict[str, Any]]:
    made = _of_types()
    for name, (summary, value) in {
        **_bundles(),
        **_wholes(),
        **_patches(),
        "OperationOutcome": ("A code that is not in its value set", _outcome()),
        "review": ("A part of what the review of Riitta's plan tells", _review()),
    }.items():
        made[name] = {"summary": summary, "value": value}
    return made


EXAMPLES = _examples()
"""The document's components/examples: those of resources by type, then Bundles and patches."""
