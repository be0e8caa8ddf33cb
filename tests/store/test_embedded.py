"""The embedded PostgreSQL: shared by processes, and back after anything that may happen to it."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from builders import a_care_plan, a_goal
from sharedplan.errors import SharedplanError
from sharedplan.search.expression import Everything
from sharedplan.store.embedded import Embedded, database
from sharedplan.store.engine import Pool
from sharedplan.store.migrations import migrate
from sharedplan.store.postmaster import EmbeddedError
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, a_search, a_trail

OWNER = """
import sys, time
from pathlib import Path
from sharedplan.store.embedded import Embedded
with Embedded(Path(sys.argv[1])) as embedded:
    print(embedded.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data directory for all tests here, so that the cluster is made once."""
    return tmp_path_factory.mktemp("data")


@contextmanager
def another_process(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that owns the server until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert any(line.startswith("postgresql://") for line in process.stdout)
            yield process
        finally:
            process.kill()


def ask(url: str, sql: str) -> object:
    async def asked() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(asked())


def postmaster(data_dir: Path) -> int | None:
    """The process id of the server, as its own file says; None when there is none."""
    file = data_dir / "postgres" / "postmaster.pid"
    return int(file.read_text().split()[0]) if file.exists() else None


def wait_for_the_end(embedded: Embedded) -> None:
    while embedded.is_up():
        time.sleep(0.01)


def test_it_keeps_what_it_has_promised(data_dir: Path) -> None:
    with Embedded(data_dir) as embedded:
        assert embedded.is_up()
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert ask(embedded.url, f"SHOW {setting}") == "on", setting
        assert ask(embedded.url, "SHOW listen_addresses") == ""
        assert ask(embedded.url, "SHOW server_encoding") == "UTF8"
        assert ask(embedded.url, "SHOW server_version") >= "18"  # type: ignore[operator]
        assert ask(embedded.url, "SELECT current_database()") == "sharedplan"
    assert (data_dir / "postgres").stat().st_mode & 0o077 == 0


def test_who_asks_reads_the_pages_himself(data_dir: Path) -> None:
    with Embedded(data_dir) as embedded:
        assert ask(embedded.url, "SHOW io_method") == "sync"


def test_it_never_runs_as_root(data_dir: Path) -> None:
    with Embedded(data_dir):
        pid = postmaster(data_dir)
        assert pid is not None
        assert psutil.Process(pid).uids().effective != 0


def test_the_last_owner_stops_it(data_dir: Path) -> None:
    with another_process(data_dir) as other:
        with Embedded(data_dir) as embedded:
            running = postmaster(data_dir)
            assert ask(embedded.url, "SELECT 1") == 1
        assert postmaster(data_dir) == running
        assert other.stdin is not None
        other.stdin.close()
        assert other.wait(20) == 0
    assert postmaster(data_dir) is None


def test_many_may_come_at_once_to_an_empty_directory(tmp_path: Path) -> None:
    code = "import sys, pathlib\nfrom sharedplan.store.embedded import Embedded\n" + (
        "with Embedded(pathlib.Path(sys.argv[1])) as e: print(e.url)"
    )
    owners = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "new")], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = {owner.communicate(timeout=60)[0].splitlines()[-1] for owner in owners}
    assert len(said) == 1
    assert [owner.returncode for owner in owners] == [0, 0, 0]
    assert postmaster(tmp_path / "new") is None


def test_an_owner_that_was_killed_is_forgotten(data_dir: Path) -> None:
    with another_process(data_dir) as other:
        running = postmaster(data_dir)
        other.send_signal(signal.SIGKILL)
        other.wait(10)
    with Embedded(data_dir) as embedded:
        assert postmaster(data_dir) == running
        assert ask(embedded.url, "SELECT 1") == 1
    assert postmaster(data_dir) is None


def test_it_is_restarted_within_a_second_when_killed(data_dir: Path) -> None:
    with Embedded(data_dir) as embedded:
        stopped = threading.Event()
        watching = threading.Thread(target=embedded.watch, args=(stopped,))
        watching.start()
        try:
            killed = postmaster(data_dir)
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            began = time.monotonic()
            while True:
                try:
                    assert ask(embedded.url, "SELECT 1") == 1
                    break
                except (OSError, asyncpg.PostgresError):
                    assert time.monotonic() - began < 10
                    time.sleep(0.02)
            assert postmaster(data_dir) != killed
        finally:
            stopped.set()
            watching.join()


def test_sessions_that_outlive_a_killed_server_are_no_obstacle(data_dir: Path) -> None:
    """A session amidst a statement holds on to the shared memory; PostgreSQL alone would refuse to start."""

    async def kill_amidst(embedded: Embedded) -> None:
        connection = await asyncpg.connect(embedded.url, server_settings={"statement_timeout": "20s"})
        statement = "SELECT sum(a) FROM generate_series(1, 1000000000) a"  # looks at nothing but itself
        running = asyncio.create_task(connection.fetchval(statement))
        await asyncio.sleep(0.3)
        pid = postmaster(data_dir)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(wait_for_the_end, embedded)
        await asyncio.to_thread(embedded.join)
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await running
        connection.terminate()

    with Embedded(data_dir) as embedded:
        asyncio.run(kill_amidst(embedded))
        assert ask(embedded.url, "SELECT 1") == 1


@pytest.mark.parametrize("pid", [os.getpid(), os.getppid(), 2**22 + 1], ids=["ours", "our parent's", "nobody's"])
def test_a_pid_file_that_names_somebody_else_is_no_obstacle(data_dir: Path, pid: int) -> None:
    with Embedded(data_dir):
        text = (data_dir / "postgres" / "postmaster.pid").read_text()
    lines = text.splitlines()
    (data_dir / "postgres" / "postmaster.pid").write_text("\n".join([str(pid), *lines[1:]]) + "\n")
    with Embedded(data_dir) as embedded:
        assert ask(embedded.url, "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_will_do(tmp_path: Path) -> None:
    with Embedded(tmp_path / ("long, 'odd' and äö " * 8)) as embedded:
        assert ask(embedded.url, "SELECT 1") == 1


def test_a_cluster_of_another_release_is_refused(tmp_path: Path) -> None:
    cluster = tmp_path / "postgres"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match="PostgreSQL 17"):
        Embedded(tmp_path).join()


def test_an_address_that_is_given_is_taken(data_dir: Path) -> None:
    with database("postgresql://elsewhere/db", data_dir) as url:
        assert url == "postgresql://elsewhere/db"
    assert postmaster(data_dir) is None


def test_everything_acknowledged_outlives_a_killed_server(data_dir: Path) -> None:
    """kill -9 of the server, twice, while many write; the pool comes back by itself."""
    acknowledged: list[tuple[str, str]] = []
    writing = True

    async def write(store: Store, several: bool) -> None:
        while writing:
            changes = [a_change(a_care_plan()), *([a_change(a_goal())] * several)]
            try:
                async with store.begin() as unit:
                    for change in changes:
                        unit.put(change)
                    await unit.write([a_trail("create", resource_id=changes[0].id)])
            except SharedplanError as failure:
                assert failure.status == 503, failure
                await asyncio.sleep(0.02)
            else:
                acknowledged.extend((change.type, change.id) for change in changes)

    async def kill_twice() -> int:
        nonlocal writing
        for _ in range(2):
            await asyncio.sleep(0.4)
            pid = postmaster(data_dir)
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            before = len(acknowledged)
            began = time.monotonic()
            while len(acknowledged) < before + 50:
                assert time.monotonic() - began < 20
                await asyncio.sleep(0.02)
        writing = False
        return len(acknowledged)

    async def check(store: Store) -> None:
        everything = {"CarePlan": Everything(), "Goal": Everything()}
        kept: set[tuple[str, str]] = set()
        for type in everything:
            async with store.begin() as unit:
                found = await unit.search(a_search(type, count=100_000))
                page = await unit.history(within=everything, type=type, count=100_000)
            assert {each.id for each in found.versions} == {each.id for each in page.versions}
            kept |= {(type, each.id) for each in found.versions}
        assert set(acknowledged) <= kept

    async def run(url: str) -> None:
        pool = Pool(url, size=8, unguarded=True)
        store = Store(pool)
        await asyncio.gather(kill_twice(), *(write(store, several=n % 2 == 1) for n in range(8)))
        await check(store)
        await pool.close()

    with Embedded(data_dir) as embedded:
        migrate(embedded.url)
        stopped = threading.Event()
        watching = threading.Thread(target=embedded.watch, args=(stopped,))
        watching.start()
        try:
            asyncio.run(run(embedded.url))
        finally:
            stopped.set()
            watching.join()
