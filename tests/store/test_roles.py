"""The role that the service works under: enough for all its work, and no more."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from builders import a_care_plan
from sharedplan.clock import SystemClock
from sharedplan.errors import Incorrect, Unavailable
from sharedplan.search.expression import Everything
from sharedplan.store.engine import Pool
from sharedplan.store.forgetting import forget
from sharedplan.store.readiness import readiness
from sharedplan.store.roles import grant, too_mighty
from sharedplan.store.unit_of_work import Store
from sharedplan.store.used_once import forget_used
from store.changes import a_change, a_deletion, a_trail

ROLE = f"test_service_{os.getpid()}"


async def run(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def as_role(url: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{ROLE}:secret@{place}"))


@pytest.fixture
async def role_url(database_url: str) -> AsyncIterator[str]:
    """The address of the test's database under a role that owns nothing."""
    await run(database_url, f"CREATE ROLE {ROLE} LOGIN PASSWORD 'secret'")
    try:
        yield as_role(database_url)
    finally:
        await run(database_url, f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


async def test_who_reads_the_tables_themselves_passes_the_second_guard_by(database_url: str, role_url: str) -> None:
    await run(database_url, f"GRANT SELECT ON resource_version, audit_event TO {ROLE}")
    await run(database_url, f"GRANT INSERT ON audit_event TO {ROLE}; GRANT SELECT ON alembic_version TO {ROLE}")
    assert "read the tables" in str(await too_mighty(role_url))
    pool = Pool(role_url, size=1)
    found = await readiness(pool)
    await pool.close(patience=timedelta(seconds=1))
    assert not found["guard"]
    await grant(database_url, ROLE)
    assert await too_mighty(role_url) is None


@pytest.mark.parametrize(
    "right", ["USAGE ON SCHEMA guarded", "INSERT ON subscription_secret", "EXECUTE ON FUNCTION merge_indexes()"]
)
async def test_a_service_that_lacks_one_of_its_rights_is_not_ready(
    database_url: str, role_url: str, right: str
) -> None:
    await grant(database_url, ROLE)
    pool = Pool(role_url, size=1)
    assert (await readiness(pool))["guard"]
    await run(database_url, f"REVOKE {right} FROM {ROLE}")
    assert not (await readiness(pool))["guard"]
    await pool.close(patience=timedelta(seconds=1))


async def test_functions_of_others_are_not_given_away(database_url: str, role_url: str) -> None:
    await run(database_url, "CREATE FUNCTION test_others() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    await run(database_url, "REVOKE EXECUTE ON FUNCTION test_others() FROM PUBLIC")
    try:
        await grant(database_url, ROLE)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run(role_url, "SELECT public.test_others()")
    finally:
        await run(database_url, "DROP FUNCTION test_others()")


async def test_a_superuser_and_an_owner_are_too_mighty(database_url: str, role_url: str) -> None:
    assert "superuser" in str(await too_mighty(database_url))
    assert await too_mighty(role_url) is None
    await run(database_url, "CREATE TABLE test_owned ()")
    try:
        await run(database_url, f"ALTER TABLE test_owned OWNER TO {ROLE}")
        assert "owns the tables" in str(await too_mighty(role_url))
    finally:
        await run(database_url, "DROP TABLE test_owned")
    assert await too_mighty(role_url) is None


async def test_who_may_become_an_owner_is_too_mighty(database_url: str, role_url: str) -> None:
    owner = f"{ROLE}_owner"
    await run(database_url, f"CREATE ROLE {owner}; CREATE TABLE test_owned (); ALTER TABLE test_owned OWNER TO {owner}")
    try:
        await run(database_url, f"GRANT {owner} TO {ROLE}")
        assert "owns the tables" in str(await too_mighty(role_url))
    finally:
        await run(database_url, f"DROP OWNED BY {owner}; DROP ROLE {owner}")


async def test_a_database_that_does_not_answer_says_nothing_of_its_roles() -> None:
    with pytest.raises(Unavailable):
        await too_mighty("postgresql://nobody@127.0.0.1:1/none")


async def test_the_role_can_do_all_the_work_of_the_service(database_url: str, role_url: str) -> None:
    await grant(database_url, ROLE)
    pool = Pool(role_url, size=2)
    store = Store(pool)
    try:
        assert all((await readiness(pool)).values())
        plan, everything, north = a_care_plan(), Everything(), "Organization/north"
        for change in (
            a_change(plan, id="1", controller=north),
            a_change({**plan, "title": "t"}, id="1", version=2, controller=north),
            a_deletion("CarePlan", "1", version=3),
        ):
            async with store.begin() as unit:
                unit.asked_by(None, north)
                await unit.lock("CarePlan", "1", within=everything)
                unit.put(change)
                await unit.write([a_trail("update")])
        async with store.begin() as unit:
            unit.asked_by(None, north)
            assert await unit.read("CarePlan", "1", within=everything, trail=a_trail()) is None
            assert (await unit.history(within={"CarePlan": everything}, type="CarePlan", count=5)).total == 3
            assert await unit.use_up("records", "1", SystemClock().now() - timedelta(hours=1))
            await unit.record(a_trail())
        assert await forget_used(pool) == 1
        await asyncio.sleep(0.01)
        assert await forget(pool, timedelta(milliseconds=1)) == 2
    finally:
        await store.close()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_event SET trail = NULL",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_event_is_append_only ON audit_event",
        "UPDATE resource_version SET content = NULL",
        "DELETE FROM resource_version",
        "UPDATE alembic_version SET version_num = 'x'",
        "CREATE TABLE past.mine ()",
        "CREATE VIEW guarded.mine AS SELECT 1",
        "CREATE OR REPLACE FUNCTION guard_is_open() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "DELETE FROM guarded.resource_version",
        "UPDATE guarded.audit_event SET trail = NULL",
        "DROP TABLE care_plan",
    ],
)
async def test_the_role_can_do_nothing_to_what_is_kept_for_good(database_url: str, role_url: str, sql: str) -> None:
    await grant(database_url, ROLE)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(role_url, sql)


async def test_a_role_that_there_is_not_is_told(database_url: str) -> None:
    with pytest.raises(Incorrect, match="nobody_here"):
        await grant(database_url, 'nobody_here"; DROP TABLE care_plan; --')
