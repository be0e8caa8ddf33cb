"""Whom a consultation asks that names no client."""

import pytest

from builders import a_communication, a_concept, a_reference, a_task
from sharedplan.fhir.exchanges import Json
from sharedplan.search.consulting import consulted
from sharedplan.search.indexing import index_values

BASE = "https://plan.example/fhir"
NIKO, H = "Practitioner/niko", "Organization/h"
QUESTION = {
    **a_task(code=a_concept("https://sharedplan.dev/fhir/CodeSystem/task", "consultation")),
    "owner": a_reference(NIKO),
}
MESSAGE = a_communication(recipient=[a_reference(NIKO), a_reference(f"{BASE}/{H}/_history/2")])


def nobodys(resource: Json, **elements: object) -> Json:
    return {**{name: each for name, each in resource.items() if name not in ("for", "subject")}, **elements}


def test_it_is_told_by_the_index() -> None:
    for resource, asked in ((QUESTION, [NIKO]), (MESSAGE, [NIKO, H])):
        type = resource["resourceType"]
        assert index_values(type, nobodys(resource), base=BASE)["consulted"] == asked
        assert index_values(type, resource, base=BASE)["consulted"] is None
    assert "consulted" not in index_values("Goal", {"resourceType": "Goal"})


@pytest.mark.parametrize(
    "elements",
    [
        {"code": {"text": "consultation"}},
        {"code": a_concept("urn:other", "consultation")},
        {"status": "draft"},
        {"owner": a_reference("Patient/anna")},
        {"owner": {"identifier": {"value": "1"}}},
        {"for": {"identifier": {"value": "1"}}},
        {"focus": a_reference("Goal/1")},
        {"focus": a_reference("Whatever/1")},
        {"focus": a_reference("urn:oid:1.2.3")},
        {"focus": a_reference("no reference")},
        {"input": [{"type": {"text": "x"}, "valueReference": {"identifier": {"value": "1"}}}]},
        {"input": [{"type": {"text": "x"}, "valueReference": a_reference("Patient/anna/_history/1")}]},
        {"output": [{"type": {"text": "x"}, "valueReference": a_reference("QuestionnaireResponse/1")}]},
        {"contained": [{"resourceType": "Goal", "id": "g"}]},
        {"meta": {"extension": [{"url": "urn:x", "valueReference": a_reference("Patient/anna")}]}},
    ],
)
def test_whatever_might_lead_to_a_client_makes_it_none(elements: Json) -> None:
    assert consulted(nobodys(QUESTION, **elements), base=BASE) is None


@pytest.mark.parametrize(
    "elements",
    [
        {"for": {"display": "Eräs asiakkaamme"}},
        {"focus": a_reference("Communication/1")},
        {"location": a_reference("Location/1")},
        {"identifier": [{"system": "urn:ids", "value": "1"}]},
        {"output": [{"type": {"text": "x"}, "valueString": "Patient/anna"}]},
        {"requester": {"type": "Organization", "identifier": {"value": "1"}}},
        {"contained": [{"resourceType": "Organization", "id": "o"}], "requester": a_reference("#o")},
    ],
)
def test_what_leads_to_none_leaves_it_what_it_is(elements: Json) -> None:
    assert consulted(nobodys(QUESTION, **elements), base=BASE) == [NIKO]
