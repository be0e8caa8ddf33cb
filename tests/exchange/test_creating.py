"""Create and conditional create, through the conductor."""

import re

import pytest

from exchange.asking import ANNA, BASE, POLICY, Ask, a_patient, identified, resource_in
from sharedplan.errors import Incorrect, ManyMatches, Refused, SharedplanError, Unprocessable
from sharedplan.interactions.acting import Policy

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def test_a_creation_gets_an_id_of_ours_and_the_first_version(ask: Ask) -> None:
    answer = await ask("create", "Patient", a_patient(id="mine", meta={"versionId": "9", "source": "urn:s"}))
    created = resource_in(answer)
    assert (answer.status, answer.created, answer.version) == (201, True, 1)
    assert answer.id is not None and UUID7.fullmatch(answer.id)
    assert created["id"] == answer.id
    assert created["meta"]["versionId"] == "1"
    assert created["meta"]["source"] == "urn:s"


async def test_the_id_follows_the_type_and_what_the_client_placed_stays_in_place(ask: Ask) -> None:
    first = await ask("create", "Patient", a_patient(gender="male"))
    assert list(resource_in(first)) == ["resourceType", "id", "meta", "gender"]
    second = await ask("create", "Patient", a_patient(gender="male", meta={"tag": [{"code": "t"}]}, id="mine"))
    assert list(resource_in(second)) == ["resourceType", "gender", "meta", "id"]


async def test_a_body_that_is_no_such_resource_is_incorrect(ask: Ask) -> None:
    for body in (None, [], {}, {"resourceType": "Group"}, "Patient"):
        with pytest.raises(Incorrect):
            await ask("create", "Patient", body)
    with pytest.raises(Incorrect, match="resourceType is missing"):
        await ask("create", "Patient", {"gender": "male"})


async def test_a_resource_with_faults_is_refused_with_all_of_them(ask: Ask) -> None:
    with pytest.raises(SharedplanError) as failure:
        await ask("create", "Patient", a_patient(gender="neither", birthDate="1980-13-01"))
    assert failure.value.status in (400, 422)
    assert {issue.at for issue in failure.value.issues} >= {"Patient.gender", "Patient.birthDate"}


async def test_a_condition_that_selects_nothing_creates_and_one_that_selects_one_shows_it(ask: Ask) -> None:
    first = await ask("create", "Patient", identified("1"), if_none_exist="identifier=urn:ids|1")
    again = await ask("create", "Patient", identified("1", gender="male"), if_none_exist="identifier=urn%3Aids%7C1")
    assert (first.status, again.status, again.created) == (201, 200, False)
    assert (again.id, again.content) == (first.id, first.content)
    assert again.headers["Location"] == f"{BASE}/Patient/{first.id}/_history/1"


async def test_a_condition_that_selects_several_is_refused(ask: Ask) -> None:
    await ask("create", "Patient", identified("1"))
    await ask("create", "Patient", identified("1"))
    with pytest.raises(ManyMatches):
        await ask("create", "Patient", identified("1"), if_none_exist="identifier=urn:ids|1")


async def test_a_condition_that_does_not_surely_select_is_refused(ask: Ask) -> None:
    for condition in (
        *("", "?", "identifier=", "identifier", "=x", "nonsense=1", "identifier=a&nonsense=1", "_count=1"),
        *("identifier=a,", "identifier=a&_sort=_id", "identifier=a&_format=json", "identifier:nonsense=a"),
        "identifier=a&gender=",
    ):
        with pytest.raises(Incorrect):
            await ask("create", "Patient", identified("1"), if_none_exist=condition)


async def test_a_condition_selects_only_what_the_asker_can_see(ask: Ask) -> None:
    await ask("create", "Observation", an_observation("otto"))
    mine = await ask("create", "Observation", an_observation("anna"), by=ANNA, if_none_exist="identifier=urn:ids|1")
    assert mine.status == 201


async def test_nobody_writes_outside_of_his_slice(ask: Ask) -> None:
    with pytest.raises(Refused):
        await ask("create", "Observation", an_observation("otto"), by=ANNA)
    assert (await ask("create", "Observation", an_observation("anna"), by=ANNA)).status == 201


def an_observation(patient: str, **elements: object) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": "urn:ids", "value": "1"}],
        "code": {"text": "mood"},
        "subject": {"reference": f"Patient/{patient}"},
        **elements,
    }


async def test_the_resource_comes_back_unless_something_else_is_preferred(ask: Ask) -> None:
    for prefer in (None, "representation"):
        assert resource_in(await ask("create", "Patient", a_patient(), prefer=prefer))["resourceType"] == "Patient"


async def test_nothing_comes_back_when_nothing_is_preferred(ask: Ask) -> None:
    answer = await ask("create", "Patient", a_patient(), prefer="minimal")
    assert (answer.status, answer.content, answer.created) == (201, None, True)


async def test_a_preferred_outcome_tells_of_references_that_lead_nowhere(ask: Ask) -> None:
    there = await ask("create", "Patient", a_patient())
    body = {
        "resourceType": "Group",
        "type": "person",
        "actual": True,
        "member": [
            {"entity": {"reference": f"Patient/{there.id}"}},
            {"entity": {"reference": "Patient/none"}},
            {"entity": {"reference": f"{BASE}/Practitioner/none"}},
            {"entity": {"reference": "Medication/not-offered"}},
            {"entity": {"reference": "https://elsewhere.example/Patient/1"}},
        ],
    }
    answer = await ask("create", "Group", body, prefer="OperationOutcome")
    outcome = resource_in(answer)
    assert (answer.status, outcome["resourceType"]) == (201, "OperationOutcome")
    warned = [each for each in outcome["issue"] if each["severity"] == "warning"]
    assert [each["expression"] for each in warned] == [["Group.member[1].entity"], ["Group.member[2].entity"]]


async def test_enforced_references_refuse_what_leads_nowhere(ask: Ask) -> None:
    strict = Policy(POLICY.cursors, enforces_references=True)
    body = {"resourceType": "Group", "type": "person", "actual": True}
    member = [{"entity": {"reference": "Patient/none"}}]
    with pytest.raises(Unprocessable) as failure:
        await ask("create", "Group", {**body, "member": member}, policy=strict)
    assert failure.value.issues[0].at == "Group.member[0].entity"
    await ask("update", "Group/g", {**body, "id": "g", "member": member})
    kept = await ask("update", "Group/g", {**body, "id": "g", "name": "n", "member": member}, policy=strict)
    assert kept.version == 2
