"""Real resources of every kind in their tables: the examples of the standard, and Synthea's."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from builders import a_patient
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import json_text
from sharedplan.search.expression import Everything, HasToken
from sharedplan.search.indexing import index_values
from sharedplan.search.parameters import PARAMETERS, columns
from sharedplan.store import queries
from sharedplan.store.engine import Pool
from sharedplan.store.guard import NOBODY
from sharedplan.store.searching import page
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, a_search, as_written, written

DATA = Path(__file__).parents[1] / "data"
ALL = Everything()


def resources() -> Iterator[dict[str, Any]]:
    """Resources of the types that are offered, each with an id of its own."""
    with gzip.open(DATA / "hl7-r4-examples.ndjson.gz", "rt") as examples:
        found = [json_text.read(line) for line in examples]
    with gzip.open(DATA / "synthea-careteam.ndjson.gz", "rt") as bundles:
        for line in bundles:
            found += [entry["resource"] for entry in json_text.read(line)["entry"]]
    for number, resource in enumerate(found):
        if resource["resourceType"] in CATALOGUE:
            yield {**resource, "id": str(number)}


def bounds(range: asyncpg.Range) -> str:
    return f"{'[' if range.lower_inc else '('}{']' if range.upper_inc else ')'}"


def as_read(kind: str, value: Any) -> Any:
    """A value of a column as index values have it."""
    if value is None or kind.startswith("text"):
        return value
    if kind == "float8[]":
        return tuple(value)
    if kind.startswith("numrange"):
        ranges = [(each.lower, each.upper, bounds(each)) for each in (value if kind.endswith("[]") else [value])]
        return ranges if kind.endswith("[]") else ranges[0]
    if kind.endswith("[]"):
        return [(each.lower, each.upper) for each in value]
    return (value.lower, value.upper)


async def test_resources_lie_in_their_tables_as_they_are_indexed(store: Store, pool: Pool) -> None:
    given = {each["id"]: each for each in resources()}
    versions = await written(store, *(a_change(each, id=id) for id, each in given.items()))
    assert len(versions) == len(given) > 400
    connection = await pool.acquire()
    for version in versions:
        table = CATALOGUE[version.type].table
        row = await connection.fetchrow(f'SELECT * FROM "{table}" WHERE id = $1', version.id)
        assert row["content"] == version.content
        assert row["last_updated"] == version.last_updated
        values = index_values(version.type, given[version.id])
        for column in columns(version.type):
            if column.kind == "lookup":
                kept = await connection.fetchval(
                    f'SELECT tsvector_to_array(lookup) FROM "{table}" WHERE id = $1', version.id
                )
                assert set(kept or ()) == set(values["lookup"] or ())
            elif column.kind == "words":
                assert (row[column.name] is None) == (values[column.name] is None), column
            else:
                assert as_read(column.kind, row[column.name]) == (values[column.name] or None), column
    pool.release(connection)


async def test_every_type_is_written_read_changed_and_deleted(store: Store) -> None:
    for type in CATALOGUE:
        smallest = {"resourceType": type}
        for version in (1, 2):
            [made] = await written(store, a_change(smallest, id="it", version=version))
            many = await written(store, *(a_change(smallest, id=f"m{n}", version=version) for n in range(2)))
            async with store.begin() as unit:
                assert await unit.read(type, "it", within=ALL) == made
                found = await unit.search(a_search(type))
                assert as_written(*found.versions) == [made, *many]


async def test_values_too_long_for_an_index_are_still_stored(store: Store) -> None:
    name = [{"family": "x" * 100_000, "given": ["ä" * 3000] * 3}]
    identifier = [{"system": f"urn:{'s' * 5000}", "value": "v" * 5000}]
    organization = {"reference": f"https://elsewhere.example/{'o' * 4000}/Organization/1"}
    patient = a_patient(name=name, identifier=identifier, managingOrganization=organization)
    [alone] = await written(store, a_change(patient))
    for made in (alone, *await written(store, a_change(patient), a_change(patient))):
        async with store.begin() as unit:
            assert await unit.read("Patient", made.id, within=ALL) == made


@pytest.mark.parametrize("type", ["CarePlan", "Observation"])
async def test_searches_by_a_single_reference_and_by_an_array_use_an_index(pool: Pool, type: str) -> None:
    connection: asyncpg.Connection = await pool.acquire()
    table = CATALOGUE[type].table
    await connection.execute("SET enable_seqscan = off")
    for condition, index in (
        ("patient = 'Patient/1'", f"{table}_patient_idx"),
        ("category && '{a}'", f"{table}_arrays_idx"),
        ("status && '{a}' AND identifier && '{b}'", f"{table}_arrays"),
        ("date && tstzrange('2026-01-01', '2026-02-01')", f"{table}_date_idx"),
        ("last_updated > '2026-01-01'", f"{table}_last_updated_idx"),
    ):
        plan = await connection.fetch(f"EXPLAIN SELECT id FROM {table} WHERE {condition}")
        assert any(index in row[0] for row in plan), (condition, plan)
    await connection.execute("RESET enable_seqscan")
    pool.release(connection)


async def test_one_match_among_many_is_never_looked_for_along_the_order(pool: Pool) -> None:
    """A prepared statement may be planned without its values; seeing a limit then, PostgreSQL would rather walk along
    the ids and test each row than look the value up."""
    many = """
        INSERT INTO patient (id, version, last_updated, content, identifier)
        SELECT n, 1, now(), '{}', ARRAY[n::text] FROM generate_series(1, 40000) n
    """
    where = HasToken(PARAMETERS["Patient"]["identifier"], None, "7")
    connection = await pool.acquire()
    await connection.execute("SET statement_timeout = 0")  # filling takes longer than a request may
    await connection.execute(many)
    await connection.execute("ANALYZE patient")
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    matching = queries.matching("Patient", where, within=ALL, seen={}, limit=2)
    for sql, parameters, *_ in (matching, page(a_search("Patient", where))):
        plan = "\n".join(
            [
                row[0]
                for row in await connection.fetch(
                    f"EXPLAIN (ANALYZE, TIMING off) {sql}", *parameters, *NOBODY, *([0] if "AS turn" in sql else [])
                )
            ]
        )
        assert "patient_arrays_idx" in plan, plan
    pool.discard(connection)
