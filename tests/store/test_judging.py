"""What it takes to find out what an asker may see of a client."""

import asyncpg
import pytest

CALLS = "SELECT coalesce(pg_stat_get_xact_function_calls('access_standing(text, access_asker)'::regprocedure), 0)"

WORLD = """
    INSERT INTO practitioner_role (id, version, last_updated, content, practitioner, organization)
        VALUES ('1', 1, now(), '{}', 'Practitioner/1', 'Organization/1');
    INSERT INTO access_member (client, team, member, roles, period, says_since, since)
        SELECT 'Patient/1', 'CareTeam/' || n, 'Practitioner/1', '{}', '[2020-01-01,)', true, now()
        FROM generate_series(1, 3) n;
    INSERT INTO access_opening (client, person, organization, purpose, period, task)
        VALUES ('Patient/1', 'PractitionerRole/1', 'Organization/1', 'BTG', '[2020-01-01,)', 'Task/1');
    INSERT INTO access_rule (client, consent, version, number, at, rank, updated, is_ban, performers, path, depth,
            effect, period, recipients, holders, authors, classes, codes, labels, data, is_of_all_data)
        SELECT 'Patient/1', 'Consent/' || n, 1, 1, '2020-01-01', '2020-01-01', '2020-01-01', true, '{}', 'provision', 0,
            'deny', '(,)', '[["Practitioner/1"]]', '[["Organization/3"]]', '[]', '[]', '[]', '[]', '[]', false
        FROM generate_series(1, 20) n;
    SET LOCAL track_functions = 'all';
"""


@pytest.mark.parametrize(
    ("function", "rules", "calls"),
    [
        ("access_sight", 20, 1),
        ("access_emergency", 20, 2),  # once to see whether it is opened
    ],
)
async def test_where_somebody_stands_is_found_out_once_for_all_rules(
    database_url: str, function: str, rules: int, calls: int
) -> None:
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(WORLD)
        asker = "access_asker('PractitionerRole/1', 'Organization/1')"
        before = await connection.fetchval(CALLS)
        found = await connection.fetchval(f"SELECT cardinality(({function}('Patient/1', {asker}, 'BTG')).rules)")
        assert found == rules
        assert await connection.fetchval(CALLS) - before == calls
    finally:
        await transaction.rollback()
        await connection.close()
