"""The trail is a hash chain: whatever is changed, taken away or slipped in afterwards is told."""

import asyncio

import pytest
from click.testing import CliRunner

from sharedplan.commands import main
from sharedplan.store.engine import Pool
from sharedplan.store.sealing import Checked, checked, seal, unsealed
from sharedplan.store.unit_of_work import Store
from store.changes import ALL, a_change, a_trail, written


def of(id: str) -> str:
    """The condition on the row that tells of that resource."""
    return f"WHERE trail::text LIKE '%\"{id}\"%'"


async def recorded(store: Store, *ids: str) -> None:
    for id in ids:
        async with store.begin() as unit:
            await unit.record(a_trail(resource_id=id))


async def all_checked(pool: Pool) -> list[Checked]:
    return [each async for each in checked(pool)]


async def by_hand(pool: Pool, sql: str) -> None:
    """What somebody does who owns the tables, and has switched their triggers off."""
    connection = await pool.acquire()
    try:
        for table in ("audit_event", "audit_seal"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await connection.execute(sql)
        for table in ("audit_event", "audit_seal"):
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    finally:
        pool.release(connection)


async def settled(pool: Pool) -> None:
    """Waits until no transaction is under way that is older than the rows: those of other databases count, too."""
    connection = await pool.acquire()
    try:
        for _ in range(2000):
            if not await connection.fetchval(OPEN):
                return
            await asyncio.sleep(0.01)
    finally:
        pool.release(connection)
    raise AssertionError("an older transaction did not end")


OPEN = "SELECT count(*) FROM audit_event WHERE xact >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


async def sealed_twice(store: Store, pool: Pool) -> None:
    await recorded(store, "a", "b")
    await settled(pool)
    assert await seal(pool) == 2
    await recorded(store, "c")
    await settled(pool)
    assert await seal(pool) == 1


async def test_what_was_written_holds(store: Store, pool: Pool) -> None:
    await sealed_twice(store, pool)
    assert await seal(pool) == 0
    found = await all_checked(pool)
    assert [(each.number, each.rows, each.found, each.holds) for each in found] == [(1, 2, 2, True), (2, 1, 1, True)]
    assert await unsealed(pool) == 0
    await recorded(store, "d")
    assert await unsealed(pool) == 1


@pytest.mark.parametrize(
    ("forgery", "broken"),
    [
        (
            "UPDATE audit_event SET trail = replace(trail::text, '\"a\"', '\"x\"')::json " + of("a"),
            [1],
        ),
        ("UPDATE audit_event SET patient = '{Patient/other}' " + of("c"), [2]),
        ("UPDATE audit_event SET last_updated = last_updated - interval '1 hour'", [1, 2]),
        ("DELETE FROM audit_event " + of("b"), [1]),
        (
            "INSERT INTO audit_event (id, version, last_updated, trail, xact) "
            "SELECT 'x', 1, last_updated, trail, xact FROM audit_event " + of("c"),
            [2],
        ),
        ("DELETE FROM audit_seal WHERE number = 1", [2]),
        ("UPDATE audit_seal SET hash = sha256('x') WHERE number = 1", [1, 2]),
    ],
)
async def test_whatever_is_changed_is_told(store: Store, pool: Pool, forgery: str, broken: list[int]) -> None:
    await sealed_twice(store, pool)
    await by_hand(pool, forgery)
    assert [each.number for each in await all_checked(pool) if not each.holds] == broken


async def test_what_was_cut_off_is_told_to_who_kept_the_head(store: Store, pool: Pool, database_url: str) -> None:
    await sealed_twice(store, pool)
    head = (await all_checked(pool))[-1].hash

    def verified(*arguments: str) -> tuple[int, str]:
        environment = {"SHAREDPLAN_DATABASE_URL": database_url}
        done = CliRunner().invoke(main, ["verify-audit", *arguments], env=environment)
        return done.exit_code, done.output

    code, said = await asyncio.to_thread(verified)
    assert (code, said) == (0, f"3 rows under 2 seals, 0 waiting; no problems; head {head}\n")
    await by_hand(pool, "DELETE FROM audit_seal WHERE number = 2; DELETE FROM audit_event " + of("c"))
    assert (await asyncio.to_thread(verified))[0] == 0
    code, said = await asyncio.to_thread(verified, "--head", head)
    assert code == 1
    assert "cut off" in said


async def test_every_row_comes_under_one_seal_whoever_writes_meanwhile(store: Store, pool: Pool) -> None:
    is_over = False

    async def write(name: str) -> None:
        for number in range(12):
            await written(store, a_change({"resourceType": "Patient"}, id=f"{name}{number}"))
            async with store.begin() as unit:
                await unit.lock("Patient", f"{name}{number}", within=ALL)
                await unit.record(a_trail(resource_id=f"{name}{number}"))
                await asyncio.sleep(0.003 * (number % 4))

    async def keep_sealing() -> int:
        rows = 0
        while not is_over:
            rows += await seal(pool)
            await asyncio.sleep(0.002)
        return rows + await seal(pool)

    sealing = asyncio.create_task(keep_sealing())
    for names in ("ab", "cd"):
        await asyncio.gather(*(write(name) for name in names))
        await settled(pool)
        for _ in range(500):
            if not await unsealed(pool):
                break  # so that what comes next is under another seal
            await asyncio.sleep(0.01)
    is_over = True
    assert await sealing == 48
    found = await all_checked(pool)
    assert sum(each.found for each in found) == 48
    assert all(each.holds for each in found)
    assert len(found) > 1


async def test_a_seal_is_made_by_one_at_a_time(store: Store, pool: Pool) -> None:
    await recorded(store, *(str(number) for number in range(20)))
    await settled(pool)
    assert sorted(await asyncio.gather(*(seal(pool) for _ in range(6))))[-1] == 20
    assert len(await all_checked(pool)) == 1
