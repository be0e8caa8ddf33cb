"""$validate, through the conductor."""

import pytest

from exchange.asking import ANNA, Ask, a_patient, resource_in
from sharedplan.errors import Incorrect, NotFound, NotOffered
from sharedplan.fhir.exchanges import Json

BASE_PROFILE = "http://hl7.org/fhir/StructureDefinition/Patient"


async def validated(ask: Ask, address: str, body: object = None, **more: object) -> list[Json]:
    answer = await ask("operation", address, body, operation="validate", **more)
    outcome = resource_in(answer)
    assert (answer.status, outcome["resourceType"]) == (200, "OperationOutcome")
    issues: list[Json] = outcome["issue"]
    return issues


def parameters(**given: object) -> Json:
    listed = []
    for name, value in given.items():
        key = {"resource": "resource", "mode": "valueCode", "profile": "valueUri"}[name]
        listed.append({"name": name, key: value})
    return {"resourceType": "Parameters", "parameter": listed}


def severities(issues: list[Json]) -> set[str]:
    return {each["severity"] for each in issues}


async def test_what_is_right_is_told_to_be_and_nothing_is_stored(ask: Ask) -> None:
    for body in (a_patient(), parameters(resource=a_patient()), parameters(resource=a_patient(), mode="create")):
        assert severities(await validated(ask, "Patient", body)) == {"information"}
    assert resource_in(await ask("search-type", "Patient"))["total"] == 0


async def test_all_faults_are_told_with_their_places(ask: Ask) -> None:
    issues = await validated(ask, "Patient", parameters(resource=a_patient(gender="neither", birthDate="1980-13-01")))
    assert {each["expression"][0] for each in issues} >= {"Patient.gender", "Patient.birthDate"}
    assert severities(issues) == {"error"}
    (issue,) = await validated(ask, "Group", a_patient())
    assert issue["severity"] == "error"


async def test_a_reference_that_leads_nowhere_is_a_warning(ask: Ask) -> None:
    body = a_patient(managingOrganization={"reference": "Organization/none"})
    (issue,) = await validated(ask, "Patient", body)
    assert (issue["severity"], issue["expression"]) == ("warning", ["Patient.managingOrganization"])


async def test_an_unknown_profile_is_an_error_and_the_base_profile_is_not(ask: Ask) -> None:
    unknown = await validated(ask, "Patient", parameters(resource=a_patient(), profile="urn:nobody-knows"))
    assert [(each["severity"], each["code"]) for each in unknown] == [("error", "not-supported")]
    assert severities(await validated(ask, f"Patient?profile={BASE_PROFILE}", a_patient())) == {"information"}


async def test_an_instance_is_validated_as_it_is_or_as_it_would_be(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    assert severities(await validated(ask, "Patient/1")) == {"information"}
    assert severities(await validated(ask, "Patient/1?mode=delete")) == {"information"}
    fine = parameters(resource=a_patient(id="1"), mode="update")
    assert severities(await validated(ask, "Patient/1", fine)) == {"information"}
    other = await validated(ask, "Patient/1", parameters(resource=a_patient(id="2"), mode="update"))
    assert [each["expression"] for each in other] == [["Patient.id"]]
    without = await validated(ask, "Patient/1", parameters(resource=a_patient(), mode="update"))
    assert [each["code"] for each in without] == ["required"]
    absent = await validated(ask, "Patient/none?mode=delete")
    assert [each["code"] for each in absent] == ["not-found"]


async def test_what_is_hidden_is_validated_like_what_is_absent(ask: Ask) -> None:
    await ask("update", "Patient/otto", a_patient(id="otto"))
    hidden = await validated(ask, "Patient/otto", by=ANNA)
    absent = await validated(ask, "Patient/none", by=ANNA)
    assert hidden[0]["code"] == absent[0]["code"] == "not-found"


async def test_a_request_that_is_none_for_validation_is_refused(ask: Ask) -> None:
    for body in (
        None,
        "x",
        parameters(),
        parameters(resource="x"),
        parameters(resource=a_patient(), mode="nonsense"),
        {"resourceType": "Parameters", "parameter": [{"name": "other"}]},
        {"resourceType": "Parameters", "parameter": {}},
    ):
        with pytest.raises(Incorrect):
            await validated(ask, "Patient", body)
    with pytest.raises(Incorrect):
        await validated(ask, "Patient?strict=true", a_patient())
    with pytest.raises(NotOffered):
        await ask("operation", "", a_patient(), operation="validate")
    with pytest.raises(NotFound):
        await ask("operation", "Patient", a_patient(), operation="nothing")
