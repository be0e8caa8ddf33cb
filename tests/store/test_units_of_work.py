import pytest
from builders import a_care_plan
from store.changes import a_change, written

from sharedplan.search.expression import Everything
from sharedplan.store.unit_of_work import Store


async def test_what_was_created_is_read_as_it_was_written(store: Store) -> None:
    [created] = await written(store, a_change(a_care_plan()))
    async with store.begin() as unit:
        assert await unit.read("CarePlan", created.id, within=Everything()) == created
