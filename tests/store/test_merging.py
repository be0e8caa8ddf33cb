"""New entries of an index are found whether or not they are sorted in, which the service's own role has done."""

from dataclasses import replace

import asyncpg
import pytest

from builders import a_patient
from databases import of_service
from sharedplan.errors import Fault
from sharedplan.search.expression import Everything, RefersTo
from sharedplan.search.indexing import inner_values
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.parse import parse
from sharedplan.store.engine import Pool
from sharedplan.store.merging import merge
from sharedplan.store.searches import Search
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, a_trail, written

NAMED = parse("Patient", [("name", "virta")]).where


async def test_what_was_recorded_is_found_before_and_after_it_is_sorted_in(store: Store, database_url: str) -> None:
    async def found() -> int:
        where = RefersTo(PARAMETERS["AuditEvent"]["entity"], ("CarePlan/a",))
        async with store.begin() as unit:
            page = await unit.search(Search({"AuditEvent": where}, {"AuditEvent": Everything()}, 10))
        return page.total or 0

    async with store.begin() as unit:
        await unit.record(*(a_trail(resource_id="a") for _ in range(3)))
    assert await found() == 3
    pool = Pool(of_service(database_url), size=1)
    try:
        assert await merge(pool) > 0
        assert await merge(pool) == 0
    finally:
        await pool.close()
    assert await found() == 3


async def test_what_was_written_is_found_by_its_words_before_and_after(store: Store, database_url: str) -> None:
    async def found() -> int:
        async with store.begin() as unit:
            page = await unit.search(Search({"Patient": NAMED}, {"Patient": Everything()}, 10))
        return page.total or 0

    await written(store, a_change(a_patient(name=[{"family": "Virtanen"}]), id="a"))
    assert await found() == 1
    pool = Pool(of_service(database_url), size=1)
    try:
        assert await merge(pool) > 1  # the list of what is looked up by its beginning beside that of words
        assert await merge(pool) == 0
    finally:
        await pool.close()
    assert await found() == 1


async def test_whoever_may_not_sort_it_in_keeps_no_connection(database_url: str) -> None:
    pool = Pool(of_service(database_url), size=2)
    operator = await asyncpg.connect(database_url)
    await operator.execute("ALTER FUNCTION merge_indexes() RENAME TO merged")
    try:
        for _ in range(3):
            with pytest.raises(Fault):
                await merge(pool)
            assert pool.in_use == 0
    finally:
        await operator.execute("ALTER FUNCTION merged() RENAME TO merge_indexes")
        await operator.close()
        await pool.close()


async def test_one_index_that_cannot_be_merged_holds_up_no_other(store: Store, database_url: str) -> None:
    pool = Pool(of_service(database_url), size=1)
    operator = await asyncpg.connect(database_url)
    try:
        await written(store, a_change(a_patient(name=[{"family": "Virtanen"}]), id="a"))
        async with store.begin() as unit:
            await unit.record(a_trail(resource_id="a"))
        transaction = operator.transaction()
        await transaction.start()
        await operator.execute("ALTER INDEX patient_words_idx SET (gin_pending_list_limit = 1024)")  # and locks it
        assert await merge(pool) == 2  # what is looked up, and the log
        await transaction.rollback()
        assert await merge(pool) == 1
    finally:
        await operator.close()
        await pool.close()


async def test_what_is_contained_is_sorted_in_too(store: Store, database_url: str) -> None:
    inner = {"resourceType": "Practitioner", "id": "inner", "name": [{"family": "Virtanen"}]}
    client = a_patient(contained=[inner], generalPractitioner=[{"reference": "#inner"}])
    await written(store, replace(a_change(client, id="a"), contained=inner_values(client)))
    pool = Pool(of_service(database_url), size=1)
    operator = await asyncpg.connect(database_url)
    try:
        assert await operator.fetchval("SELECT count(*) FROM contained.practitioner WHERE lookup IS NOT NULL") == 1
        assert await merge(pool) > 0
        assert await operator.fetchval("SELECT gin_clean_pending_list('contained.practitioner_lookup_idx')") == 0
    finally:
        await operator.close()
        await pool.close()
