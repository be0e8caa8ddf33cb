"""The filler's rows are as good as the service's own."""

import pytest
from benchmarks.filler import KINDS, fill, forget_others
from benchmarks.population import client_of, identifier_of, member_of, plan, plan_id, start_of, status_of
from benchmarks.surroundings import PARTS, numbered

from exchange.asking import BASE
from populated import NUMBER, ask, put_templates, values
from sharedplan.fhir.exchanges import Asked


def test_a_filled_plan_is_read_found_and_kept_like_one_that_was_sent(filled: str) -> None:
    read, by_client, by_identifier, history = ask(
        filled,
        Asked("read", "CarePlan", plan_id(NUMBER), base=BASE),
        Asked("search-type", "CarePlan", parameters=(("patient", client_of(NUMBER)),), base=BASE),
        Asked("search-type", "CarePlan", parameters=(("identifier", identifier_of(NUMBER)),), base=BASE),
        Asked("history-instance", "CarePlan", plan_id(NUMBER), base=BASE),
    )
    meta = read.pop("meta")
    assert meta == {"versionId": "1", "lastUpdated": "2020-01-01T00:00:00.123000Z"}
    sent = plan(NUMBER, client_of(NUMBER), status=status_of(NUMBER), start=start_of(NUMBER))
    assert read == {"resourceType": "CarePlan", "id": plan_id(NUMBER), **sent}
    assert by_client["total"] == 10
    assert [entry["resource"]["id"] for entry in by_identifier["entry"]] == [plan_id(NUMBER)]
    assert history["total"] == 1


def test_what_lies_around_a_plan_is_filled_in_as_it_would_be_sent(filled: str) -> None:
    parts = dict(numbered(NUMBER))
    held = ask(filled, *(Asked("read", *path.split("/"), base=BASE) for path in parts))
    instants = [each.pop("meta")["lastUpdated"] for each in held]
    assert dict(zip(parts, held, strict=True)) == parts
    assert len(set(instants)) == len(parts) == PARTS - 1


def test_what_lies_around_a_plan_is_found_by_what_it_refers_to(filled: str) -> None:
    tasks, teams = ask(
        filled,
        Asked("search-type", "Task", parameters=(("focus", f"CarePlan/{plan_id(NUMBER)}"),), base=BASE),
        Asked("search-type", "CareTeam", parameters=(("participant", member_of(NUMBER)),), base=BASE),
    )
    assert [each["resource"]["id"] for each in tasks["entry"]] == [f"{plan_id(NUMBER)}-1", f"{plan_id(NUMBER)}-2"]
    assert teams["total"] == 10


@pytest.mark.long
def test_a_column_of_any_kind_is_filled_and_a_generated_one_makes_itself(database_url: str) -> None:
    put_templates(database_url)
    values(
        database_url,
        "alter table care_plan add told_words tsvector, add amounts numrange[], add amount numrange",
        f"update care_plan set told_words = {WORDS}, amounts = '{AMOUNTS}', amount = '[1,2.25)'",
        "alter table care_plan add told tsvector generated always as (to_tsvector('simple', id)) stored",
    )
    fill(database_url, 0, 40)
    row = f"from care_plan where id = '{plan_id(23)}'"
    assert values(
        database_url,
        f"select told_words = {WORDS} {row}",
        f"select '{plan_id(23)}' = any(tsvector_to_array(told_words)) {row}",
        f"select told = to_tsvector('simple', id) {row}",
        f"select amounts = '{AMOUNTS}' and amount = '[1,2.25)' {row}",
    ) == [True, True, True, True]


WORDS = """to_tsvector('simple', id || ' arki') || array_to_tsvector(array[id, 'it''s \\ a "plan"'])"""
AMOUNTS = '{"[1.50,2)","(,7]"}'


def test_the_indexes_are_back_when_the_tables_are_filled(database_url: str) -> None:
    put_templates(database_url)
    made = "select array_agg(indexdef order by indexdef) from pg_indexes where schemaname = 'public'"
    (before,) = values(database_url, made)
    fill(database_url, 0, 40)
    assert values(database_url, made) == [before]
    assert any("USING gin" in each for each in before)


@pytest.mark.long
def test_a_table_of_the_same_name_in_another_schema_is_filled_too(database_url: str) -> None:
    put_templates(database_url)
    values(
        database_url,
        "create schema elsewhere",
        "create table elsewhere.care_plan as select id, version, last_updated, content from care_plan limit 24",
        "create table elsewhere.goal (id text)",
    )
    fill(database_url, 0, 40)
    numbered_rows = "where id ~ '^bench-0'"
    assert values(
        database_url,
        f"select count(*) from elsewhere.care_plan {numbered_rows}",
        f"select count(*) from elsewhere.goal {numbered_rows}",
        """select count(*) from elsewhere.care_plan e join care_plan p using (id, last_updated)
            where e.content::text = p.content::text""",
    ) == [40, 0, 64]


def test_clients_are_filled_in_once_each(filled: str) -> None:
    (found,) = ask(filled, Asked("search-type", "Patient", parameters=(("_id", "bench-000000003"),), base=BASE))
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["bench-000000003"]


def test_what_was_written_beside_the_population_can_be_forgotten(filled: str) -> None:
    tables = (*(kind.table for kind in KINDS), "resource_version")

    def held() -> list[int]:
        return values(filled, *(f"select count(*) from {table}" for table in tables))

    before = held()
    assert before == [84, 624, 624, 1248, 624, 624, 1248, 5292]
    goal = {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "Arki"}}
    goal["subject"] = {"reference": client_of(5)}
    ask(
        filled,
        Asked("create", "CarePlan", body={"resourceType": "CarePlan", **plan(5, client_of(5))}, base=BASE),
        Asked("create", "Goal", body=goal, base=BASE),
    )
    assert sum(held()) == sum(before) + 6  # each with its Provenance
    forget_others(filled)
    assert held() == [*before[:-1], 5076]  # the Provenances of the population's first rows go, too
