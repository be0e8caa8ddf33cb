"""Whole resources to take parts of: those of tests/data and the demo, and one of each type that neither has."""

import json
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from judged import found
from published import bodies, bundles, examples
from sharedplan.catalogue import CATALOGUE
from sharedplan.demo import world
from sharedplan.fhir.json_text import read

Json = dict[str, Any]

PERSON = {"reference": "Patient/1"}
CODE = {"coding": [{"system": "urn:codes", "code": "c", "display": "C"}], "text": "c"}
NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">whole</div>'}

OUR_OWN: tuple[Json, ...] = (
    {
        "resourceType": "SearchParameter",
        "id": "s",
        "text": NARRATIVE,
        "url": "urn:parameters:s",
        "name": "S",
        "status": "draft",
        "description": "what is looked for",
        "purpose": "left out",
        "code": "s",
        "base": ["CarePlan"],
        "type": "token",
        "expression": "CarePlan.status",
    },
    {
        "resourceType": "StructureDefinition",
        "id": "s",
        "text": NARRATIVE,
        "url": "urn:structures:s",
        "name": "S",
        "status": "draft",
        "description": "left out",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": "CarePlan"}],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "differential": {"element": [{"id": "Extension", "path": "Extension", "max": "1"}]},
    },
    {
        "resourceType": "ActivityDefinition",
        "id": "a",
        "text": NARRATIVE,
        "name": "Walk",
        "status": "draft",
        "purpose": "left out",
        "participant": [{"type": "patient", "role": CODE}],
        "dynamicValue": [{"path": "status", "expression": {"language": "text/fhirpath", "expression": "true"}}],
    },
    {
        "resourceType": "CodeSystem",
        "id": "c",
        "text": NARRATIVE,
        "url": "urn:codes",
        "status": "active",
        "content": "complete",
        "property": [{"code": "p", "type": "string", "description": "p"}],
        "concept": [{"code": "c", "display": "C", "designation": [{"value": "see"}]}],
    },
    {
        "resourceType": "Device",
        "id": "d",
        "text": NARRATIVE,
        "udiCarrier": [{"deviceIdentifier": "1", "carrierAIDC": "AQID", "carrierHRF": "hrf", "entryType": "rfid"}],
        "serialNumber": "left out",
        "deviceName": [{"name": "n", "type": "model-name"}],
        "patient": PERSON,
    },
    {
        "resourceType": "DocumentReference",
        "id": "d",
        "text": NARRATIVE,
        "status": "current",
        "description": "d",
        "content": [{"attachment": {"contentType": "text/plain", "data": "AQID", "title": "t"}}],
        "context": {"event": [CODE], "period": {"start": "2026-01-01"}},
    },
    {
        "resourceType": "Flag",
        "id": "f",
        "text": NARRATIVE,
        "status": "active",
        "category": [CODE],
        "code": CODE,
        "subject": PERSON,
    },
    {
        "resourceType": "Group",
        "id": "g",
        "text": NARRATIVE,
        "type": "person",
        "actual": True,
        "characteristic": [{"code": CODE, "valueBoolean": True, "exclude": False}],
        "member": [{"entity": PERSON}],
    },
    {
        "resourceType": "Measure",
        "id": "m",
        "text": NARRATIVE,
        "name": "Falls",
        "status": "draft",
        "usage": "left out",
        "group": [{"code": CODE, "population": [{"criteria": {"language": "text/cql", "expression": "Falls"}}]}],
    },
    {
        "resourceType": "MeasureReport",
        "id": "m",
        "text": NARRATIVE,
        "status": "complete",
        "type": "summary",
        "measure": "urn:falls",
        "period": {"start": "2026-01-01"},
        "group": [{"code": CODE, "measureScore": {"value": 1}, "population": [{"code": CODE, "count": 1}]}],
    },
    {
        "resourceType": "PlanDefinition",
        "id": "p",
        "text": NARRATIVE,
        "name": "Safe",
        "status": "draft",
        "goal": [{"description": CODE}],
        "action": [{"title": "Walk", "condition": [{"kind": "start"}], "participant": [{"type": "patient"}]}],
    },
)


@cache
def wholes(type: str) -> tuple[Json, ...]:
    """Resources of that type, each valid as it stands; a hundred at most, for Synthea's thousands are alike."""
    return tuple(islice((one for one in _all() if one["resourceType"] == type and not found(one)), 100))


@cache
def _all() -> tuple[Json, ...]:
    sources = [read(text) for text in examples()]
    sources += [read(case["body"]) for case in bodies("accept")]
    sources += [read(json.dumps(one)) for one in (*world.resources().values(), *OUR_OWN)]
    sources += [read(text) for text in bundles()[::4]]
    return tuple(one for each in sources for one in _resources(each))


def _resources(value: Any) -> Iterator[Json]:
    """The resources of the catalogue in a value, by themselves and in Bundles and other resources."""
    if isinstance(value, dict):
        if value.get("resourceType") in CATALOGUE:
            yield value
        for child in value.values():
            yield from _resources(child)
    elif isinstance(value, list):
        for child in value:
            yield from _resources(child)
