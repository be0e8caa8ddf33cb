"""A part of a resource is never written in place of the whole, by whichever way it comes."""

import pytest

from exchange.asking import Ask, a_bundle, a_patient, an_entry, resource_in
from sharedplan.errors import SharedplanError, Unprocessable
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.summaries import summarised, with_elements
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, written

MARK = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
WHOLE = a_patient(id="1", gender="male", photo=[{"title": "left out"}])


async def refused(ask: Ask, interaction: str, address: str, body: object, **more: object) -> SharedplanError:
    with pytest.raises(Unprocessable, match="Read it whole, without _summary and _elements") as failure:
        await ask(interaction, address, body, **more)
    assert failure.value.status == 422
    return failure.value


@pytest.mark.parametrize(
    "part",
    [
        *(summarised("Patient", WHOLE, kind) for kind in ("true", "text", "data")),
        with_elements("Patient", WHOLE, ["gender"]),
        a_patient(id="1", meta={"security": [MARK]}),
    ],
)
async def test_neither_a_create_nor_an_update_takes_a_part(ask: Ask, part: Json) -> None:
    await ask("update", "Patient/1", WHOLE)
    for interaction, address in (("create", "Patient"), ("update", "Patient/1"), ("update", "Patient/2")):
        (issue,) = (await refused(ask, interaction, address, {**part, "id": address.partition("/")[2] or "1"})).issues
        assert (issue.code, issue.at) == ("business-rule", "Patient.meta")
    assert (await ask("read", "Patient/1")).version == 1


async def test_whatever_else_is_wrong_with_a_part_is_told_as_well(ask: Ask) -> None:
    failure = await refused(ask, "create", "Patient", summarised("Patient", a_patient(gender="neither"), "true"))
    assert [issue.at for issue in failure.issues] == ["Patient.meta", "Patient.gender"]


async def test_the_whole_is_taken_again_after_a_part_was_read(ask: Ask) -> None:
    await ask("update", "Patient/1", WHOLE)
    await refused(ask, "update", "Patient/1", summarised("Patient", WHOLE, "true"))
    assert (await ask("update", "Patient/1", {**WHOLE, "gender": "female"})).version == 2


async def test_a_transaction_with_a_part_changes_nothing_and_says_which_entry_it_is(ask: Ask) -> None:
    part = summarised("Patient", WHOLE, "true")
    entries = (an_entry("PUT", "Patient/2", a_patient(id="2")), an_entry("PUT", "Patient/1", part))
    failure = await refused(ask, "transaction", "", a_bundle("transaction", *entries))
    assert [issue.at for issue in failure.issues] == ["Bundle.entry[1].resource.meta"]
    assert resource_in(await ask("search-type", "Patient?_count=0"))["total"] == 0


async def test_in_a_batch_only_the_part_is_refused(ask: Ask) -> None:
    part = summarised("Patient", WHOLE, "true")
    entries = (an_entry("PUT", "Patient/2", a_patient(id="2")), an_entry("PUT", "Patient/1", part))
    answer = resource_in(await ask("batch", "", a_bundle("batch", *entries)))
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["201", "422"]


async def test_a_patch_cannot_make_a_part_of_a_whole(ask: Ask) -> None:
    await ask("update", "Patient/1", WHOLE)
    patch = [{"op": "add", "path": "/meta/tag", "value": [MARK]}]
    await refused(ask, "patch", "Patient/1", patch, patch_format="json-patch")


async def test_a_patch_can_take_the_mark_off_what_was_stored_with_it(ask: Ask, store: Store) -> None:
    await written(store, a_change(a_patient(gender="male", meta={"tag": [MARK]}), id="1"))
    gender = {"op": "replace", "path": "/gender", "value": "female"}
    await refused(ask, "patch", "Patient/1", [gender], patch_format="json-patch")
    unmarked = {"op": "remove", "path": "/meta/tag"}
    answer = await ask("patch", "Patient/1", [gender, unmarked], patch_format="json-patch")
    assert answer.version == 2
    assert "tag" not in resource_in(answer)["meta"]


@pytest.mark.parametrize("mode", ["create", "update"])
async def test_validation_for_a_write_says_so_beforehand(ask: Ask, mode: str) -> None:
    part = summarised("Patient", WHOLE, "true")
    said = resource_in(await ask("operation", f"Patient?mode={mode}", part, operation="validate"))["issue"]
    assert [(issue["severity"], issue["expression"]) for issue in said] == [("error", ["Patient.meta"])]
