"""Read and vread, through the conductor."""

import pytest

from exchange.asking import ANNA, Ask, a_patient, resource_in
from sharedplan.errors import Gone, NotFound


async def test_what_is_created_is_read_as_it_was_stored(ask: Ask) -> None:
    created = await ask("create", "Patient", a_patient(gender="female"))
    read = await ask("read", f"Patient/{created.id}")
    assert (read.status, read.version, read.last_updated) == (200, 1, created.last_updated)
    assert read.content == created.content


async def test_a_copy_that_is_as_good_is_not_sent_again(ask: Ask) -> None:
    created = await ask("create", "Patient", a_patient())
    again = await ask("read", f"Patient/{created.id}", if_none_match='W/"1"')
    assert (again.status, again.content, again.version) == (304, None, 1)
    assert (await ask("read", f"Patient/{created.id}", if_none_match='W/"2"')).status == 200
    assert (await ask("read", f"Patient/{created.id}", if_modified_since=created.last_updated)).status == 304


async def test_what_never_was_is_not_found_and_what_was_deleted_is_gone(ask: Ask) -> None:
    with pytest.raises(NotFound):
        await ask("read", "Patient/none")
    await ask("update", "Patient/1", a_patient(id="1"))
    await ask("delete", "Patient/1")
    with pytest.raises(Gone) as gone:
        await ask("read", "Patient/1")
    assert gone.value.version == 2


async def test_what_lies_outside_the_slice_never_was(ask: Ask) -> None:
    await ask("update", "Patient/anna", a_patient(id="anna"))
    await ask("update", "Patient/otto", a_patient(id="otto"))
    await ask("update", "Patient/lost", a_patient(id="lost"))
    await ask("delete", "Patient/lost")
    assert (await ask("read", "Patient/anna", by=ANNA)).status == 200
    for hidden in ("otto", "lost", "none"):
        with pytest.raises(NotFound) as failure:
            await ask("read", f"Patient/{hidden}", by=ANNA)
        assert str(failure.value) == f"there is no Patient/{hidden}"
        with pytest.raises(NotFound):
            await ask("vread", f"Patient/{hidden}/1", by=ANNA)
        with pytest.raises(NotFound):
            await ask("history-instance", f"Patient/{hidden}", by=ANNA)


async def test_each_version_can_be_read_and_a_deletion_is_gone(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    await ask("update", "Patient/1", a_patient(id="1", gender="female"))
    await ask("delete", "Patient/1")
    assert resource_in(await ask("vread", "Patient/1/1"))["gender"] == "male"
    assert resource_in(await ask("vread", "Patient/1/2"))["gender"] == "female"
    assert (await ask("vread", "Patient/1/2", if_none_match='W/"2"')).status == 304
    with pytest.raises(Gone):
        await ask("vread", "Patient/1/3")


async def test_a_version_that_is_none_is_not_found(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    for version in ("0", "4", "01", "x", "9" * 30, "-1", "١"):
        with pytest.raises(NotFound):
            await ask("vread", f"Patient/1/{version}")
