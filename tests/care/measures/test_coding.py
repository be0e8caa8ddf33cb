"""The share of coded content by the system that recorded it, counted by hand."""

from typing import Any

import pytest

from builders import a_concept, a_condition, a_reference, a_service_request, a_task, an_encounter
from care.measures.measured import SPRING, around, over, strata
from sharedplan.care import codes, coding
from sharedplan.care.measures.coding import CodedContent

Json = dict[str, Any]

SNOMED = "http://snomed.info/sct"
LATEST = {"versionId": "2", "lastUpdated": "2026-04-10T10:00:00Z"}
MEETING = {"type": [a_concept(codes.ENCOUNTER_TYPE, "client-meeting")]}
ODD = {"type": [a_concept(codes.ENCOUNTER_TYPE, "picnic")]}


def recorded(resource: Json, by: str, version: str = "2") -> list[Json]:
    """The resource, and the Provenance of that version of it."""
    target = f"{resource['resourceType']}/{resource['id']}/_history/{version}"
    agents = [{"who": a_reference("Organization/s")}, {"who": {"identifier": {"value": by}}}]
    provenance = {"resourceType": "Provenance", "id": resource["id"], "target": [{"reference": target}]}
    return [{"meta": LATEST, **resource}, {**provenance, "agent": agents}]


def test_what_is_coded_is_counted_by_the_system_that_wrote_the_latest_version() -> None:
    texts = {"code": {"text": "sleeps badly"}}
    resources = [
        *recorded(an_encounter("Patient/1", id="1", **MEETING), "effica"),
        *recorded(an_encounter("Patient/1", id="2", **ODD), "effica"),
        *recorded(a_condition("Patient/1", id="3", code=a_concept(SNOMED, "193462001")), "effica"),
        *recorded(a_condition("Patient/2", id="4", **texts), "lifecare"),
        *recorded(a_task("Patient/2", id="5", code=a_concept(codes.TASK, "review")), "lifecare"),
        *recorded(a_service_request("Patient/2", id="6", **texts), "lifecare", version="1"),
    ]
    found = over(CodedContent(around(SPRING)), resources)["coded-content"]
    assert strata(found) == {"effica": (3, 2), "lifecare": (2, 1), "unknown": (1, 0)}
    assert found.counts == (6, 3) and found.people == 2


def test_what_lacks_the_element_is_not_counted_but_an_encounter_that_needs_a_type() -> None:
    of_episode = {"episodeOfCare": [a_reference("EpisodeOfCare/1")], "status": "finished"}
    resources = [
        *recorded(a_service_request("Patient/1", id="1"), "effica"),
        *recorded(an_encounter("Patient/1", id="2"), "effica"),
        *recorded(an_encounter("Patient/1", id="3", **of_episode), "effica"),
        *recorded(an_encounter("Patient/1", id="4", **MEETING, status="entered-in-error"), "effica"),
        *recorded(an_encounter("Patient/1", id="5", **MEETING, meta={**LATEST, "lastUpdated": "2026-05-01"}), "effica"),
    ]
    assert strata(over(CodedContent(around(SPRING)), resources)["coded-content"]) == {"effica": (1, 0)}


@pytest.mark.parametrize(
    ("codings", "known"),
    [
        ([{"system": SNOMED, "code": "1"}], True),
        ([{"code": "1"}], False),
        ([{"system": SNOMED, "display": "Sleep"}], False),
        ([{"system": codes.TASK, "code": "review"}], True),
        ([{"system": codes.TASK, "code": "coffee"}], False),
        ([{"system": SNOMED, "code": "1"}, {"system": codes.TASK, "code": "coffee"}], False),
        ([], False),
    ],
)
def test_a_code_is_known_by_its_system_and_one_of_ours_by_being_published(codings: list[Json], known: bool) -> None:
    assert coding.is_known({"coding": codings, "text": "Sleep"}) is known
