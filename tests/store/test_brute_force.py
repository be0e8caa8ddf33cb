"""The published examples in the database: every parameter finds what a scan by a complete FHIRPath finds, no more."""

import json
from collections import defaultdict
from typing import Any

import pytest

from published import examples
from search.brute_force import NOT_IN_FHIRPATHPY, expected, questions
from sharedplan.catalogue import CATALOGUE
from sharedplan.search.parameters import OWN_COLUMNS, PARAMETERS, SOUNDS
from sharedplan.search.parse import parse
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, a_search, written

MOST_ASKED = 12
"""Questions of one parameter: the first that the data brings."""

EXAMPLES: dict[str, list[dict[str, Any]]] = defaultdict(list)
for text in examples():
    resource = json.loads(text)
    if resource["resourceType"] in CATALOGUE:
        found_before = EXAMPLES[resource["resourceType"]]
        found_before.append({**resource, "id": f"e{len(found_before)}"})  # some of them share an id, or have none


@pytest.mark.parametrize("type", sorted(EXAMPLES))
async def test_every_parameter_finds_what_a_scan_finds(store: Store, type: str) -> None:
    await written(store, *(a_change(each, id=each["id"]) for each in EXAMPLES[type]))
    asked = 0
    for parameter in PARAMETERS[type].values():
        if parameter.code in (*OWN_COLUMNS, SOUNDS) or parameter.components or not parameter.path:
            continue
        if any(word in parameter.path for word in NOT_IN_FHIRPATHPY):
            continue
        scanned: dict[str, set[str]] = defaultdict(set)
        for each in EXAMPLES[type]:
            for value in expected(parameter, each):
                for question in questions(parameter, value):
                    scanned[question].add(each["id"])
        name = f"{parameter.code}:exact" if parameter.type == "string" else parameter.code
        for question, ids in list(scanned.items())[:MOST_ASKED]:
            where = parse(type, [(name, question)]).where
            async with store.begin() as unit:
                found = await unit.search(a_search(type, where, count=500))
            assert {each.id for each in found.versions} == ids, (parameter.code, question)
            assert found.total == len(ids)
            asked += 1
    assert asked
