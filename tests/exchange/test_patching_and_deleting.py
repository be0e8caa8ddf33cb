"""Patch and delete, and their conditional forms, through the conductor."""

from dataclasses import replace

import pytest

from exchange.asking import ANNA, BY_SCOPES, RECORDS, Ask, a_bundle, a_patient, an_entry, identified, resource_in
from sharedplan.access.scopes import parse
from sharedplan.errors import (
    Gone,
    Incorrect,
    ManyMatches,
    NotFound,
    Refused,
    SharedplanError,
    Unprocessable,
    VersionMismatch,
)
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json
from sharedplan.search.masking import SAFETY_BAN

REPLACE = [{"op": "replace", "path": "/gender", "value": "female"}]
JSON_PATCH = {"patch_format": "json-patch"}
SOUTH = replace(RECORDS, organization="Organization/south")


def fhirpath(path: str, value: Json) -> Json:
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": path},
        {"name": "value", **value},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


async def test_a_json_patch_changes_what_it_names_and_keeps_the_rest(ask: Ask) -> None:
    body = '{"resourceType":"Observation","id":"1","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10}}'
    await ask("update", "Observation/1", json_text.read(body))
    answer = await ask(
        "patch", "Observation/1", [{"op": "add", "path": "/code/text", "value": "y"}], patch_format="json-patch"
    )
    assert (answer.status, answer.version) == (200, 2)
    assert answer.content is not None and '"code":{"text":"y"},"valueQuantity":{"value":1.10}}' in answer.content


async def test_a_fhirpath_patch_does_the_same(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    patch = fhirpath("Patient.gender", {"valueCode": "female"})
    answer = await ask("patch", "Patient/1", patch, patch_format="fhirpath-patch", if_match='W/"1"')
    assert resource_in(answer)["gender"] == "female"


async def test_a_patch_that_changes_nothing_makes_no_version(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1", gender="female"))
    assert (await ask("patch", "Patient/1", REPLACE, **JSON_PATCH)).version == 1


async def test_the_register_alone_takes_a_security_label_away(ask: Ask) -> None:
    """By a patch, which says outright that it is to go: so a safety ban ends."""
    label = {"system": SAFETY_BAN, "code": "1"}
    await ask("update", "Patient/1", a_patient(id="1", meta={"security": [label]}), by=SOUTH, policy=BY_SCOPES)
    gone = [{"op": "remove", "path": "/meta/security"}]
    with pytest.raises(Refused, match="taken away by the register"):
        await ask("patch", "Patient/1", gone, by=RECORDS, policy=BY_SCOPES, **JSON_PATCH)
    kept = await ask("read", "Patient/1", by=SOUTH, policy=BY_SCOPES)
    assert (kept.version, resource_in(kept)["meta"]["security"]) == (1, [label])
    ended = resource_in(await ask("patch", "Patient/1", gone, by=SOUTH, policy=BY_SCOPES, **JSON_PATCH))
    assert "security" not in ended["meta"]


async def test_a_failing_test_and_an_invalid_result_change_nothing(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    with pytest.raises(Unprocessable):
        test = {"op": "test", "path": "/gender", "value": "female"}
        await ask("patch", "Patient/1", [test, *REPLACE], **JSON_PATCH)
    with pytest.raises(SharedplanError) as failure:
        invalid = [{"op": "replace", "path": "/gender", "value": "neither"}]
        await ask("patch", "Patient/1", invalid, **JSON_PATCH)
    assert failure.value.issues[0].at == "Patient.gender"
    assert (await ask("read", "Patient/1")).version == 1


async def test_a_patch_of_what_is_not_there_is_not_found_or_gone(ask: Ask) -> None:
    with pytest.raises(NotFound):
        await ask("patch", "Patient/1", REPLACE, **JSON_PATCH)
    await ask("update", "Patient/1", a_patient(id="1"))
    await ask("delete", "Patient/1")
    with pytest.raises(Gone):
        await ask("patch", "Patient/1", REPLACE, **JSON_PATCH)


async def test_a_patch_of_another_version_is_stopped(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    with pytest.raises(VersionMismatch):
        await ask("patch", "Patient/1", REPLACE, if_match='W/"2"', **JSON_PATCH)


async def test_a_condition_selects_what_is_patched(ask: Ask) -> None:
    with pytest.raises(NotFound):
        await ask("patch", "Patient?identifier=urn:ids|1", REPLACE, **JSON_PATCH)
    await ask("create", "Patient", identified("1", gender="male"))
    answer = await ask("patch", "Patient?identifier=urn:ids|1", REPLACE, **JSON_PATCH)
    assert resource_in(answer)["gender"] == "female"
    await ask("create", "Patient", identified("1", gender="male"))
    with pytest.raises(ManyMatches):
        await ask("patch", "Patient?identifier=urn:ids|1", REPLACE, **JSON_PATCH)


async def test_a_patch_without_a_known_format_is_incorrect(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    with pytest.raises(Incorrect):
        await ask("patch", "Patient/1", REPLACE)


async def test_a_deletion_is_a_version_and_deleting_again_is_none(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    first = await ask("delete", "Patient/1")
    again = await ask("delete", "Patient/1")
    assert [(each.status, each.version, each.content) for each in (first, again)] == [(204, 2, None)] * 2
    never = await ask("delete", "Patient/none")
    assert (never.status, never.version, never.id) == (204, None, None)


async def test_a_preferred_outcome_tells_of_a_deletion(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    answer = await ask("delete", "Patient/1", prefer="OperationOutcome")
    assert (answer.status, resource_in(answer)["resourceType"]) == (200, "OperationOutcome")


async def test_if_match_stops_a_deletion_of_another_version(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    with pytest.raises(VersionMismatch):
        await ask("delete", "Patient/1", if_match='W/"2"')
    with pytest.raises(VersionMismatch):
        await ask("delete", "Patient/none", if_match='W/"1"')
    assert (await ask("delete", "Patient/1", if_match='W/"1"')).version == 2


async def test_a_condition_deletes_one_and_never_several(ask: Ask) -> None:
    address = "Patient?identifier=urn:ids|1"
    assert (await ask("delete", address)).status == 204
    one = await ask("create", "Patient", identified("1"))
    assert (await ask("delete", address)).id == one.id
    await ask("create", "Patient", identified("1"))
    await ask("create", "Patient", identified("1"))
    with pytest.raises(ManyMatches):
        await ask("delete", address)


async def test_nobody_deletes_or_patches_what_he_cannot_see(ask: Ask) -> None:
    await ask("update", "Patient/otto", a_patient(id="otto", gender="male"))
    assert (await ask("delete", "Patient/otto", by=ANNA)).version is None
    with pytest.raises(NotFound):
        await ask("patch", "Patient/otto", REPLACE, by=ANNA, **JSON_PATCH)
    assert (await ask("read", "Patient/otto")).version == 1


async def test_who_may_write_but_not_read_is_shown_nothing_by_a_write(ask: Ask) -> None:
    await ask("update", "Patient/1", identified("1", id="1", gender="female"))
    writer = replace(RECORDS, scopes=parse("system/Patient.cu"))
    patched = await ask("patch", "Patient/1", [], **JSON_PATCH, by=writer)
    found = await ask("create", "Patient", a_patient(), if_none_exist="identifier=urn:ids|1", by=writer)
    made = await ask("create", "Patient", a_patient(), by=writer)
    assert [(each.status, each.content) for each in (patched, found, made)] == [(200, None), (200, None), (201, None)]
    entry = an_entry("POST", "Patient", a_patient(), ifNoneExist="identifier=urn:ids|1")
    told = resource_in(await ask("transaction", "", a_bundle("transaction", entry), by=writer, prefer="representation"))
    assert "resource" not in told["entry"][0] and told["entry"][0]["response"]["etag"] == 'W/"1"'
