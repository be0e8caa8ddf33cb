"""Databases for tests: clones of a template that the migrations made, on one real PostgreSQL for all test processes."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg

import snapshots
from sharedplan.store import roles
from sharedplan.store.embedded import Embedded
from sharedplan.store.migrations import directory, migrate
from snapshots import Snapshot

ROLE = "sharedplan_test_service"
"""The role that the service works under in tests: it owns nothing."""

GIVEN = "SHAREDPLAN_TEST_DATABASE_URL"
"""Names another PostgreSQL than our embedded one; its role must be allowed to create databases and roles, and to set
`session_replication_role`."""

CLONE = "STRATEGY FILE_COPY"
"""Faster than the usual WAL_LOG here: 20 ms against 26, and 9 ms against 19 to drop it again (measured)."""

FILLED = """
    SELECT oid::regclass::text, pg_relation_size(oid) > 65536 FROM pg_class
    WHERE relnamespace::regnamespace::text IN ('public', 'past', 'contained') AND relkind = 'r'
        AND pg_relation_size(oid) > 0 AND relname <> 'alembic_version'
"""

SHAPE = """
    SELECT concat_ws(' ', (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM pg_class),
        (SELECT count(*) FROM pg_attribute), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_trigger),
        (SELECT sum(cardinality(relacl)) FROM pg_class))
"""
"""Another one when something was added to the schema or taken from it, though nothing of it were left but a gap."""


EMPTYING = {"lock_timeout": "500ms", "session_replication_role": "replica"}
"""Without triggers, for what the service keeps for good, a test does not. To disable them on their tables would make
each connection that stays open plan its statements anew."""


LOST = (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError, OSError)
"""What asyncpg raises when its session has ended."""


class _Spare(NamedTuple):
    """A database that is emptied after each test, and whoever empties it."""

    database: AbstractContextManager[str]
    url: str
    operator: asyncpg.Connection
    shape: str


class Server:
    """A PostgreSQL that makes databases for tests. Driven from outside of any event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._connection = self._loop.run(asyncpg.connect(url))
        self._numbers = count(1)
        self._template = f"sharedplan_{_fingerprint()}"
        self._spare: _Spare | None = None

    def close(self) -> None:
        self._drop_spare()
        self._loop.run(self._connection.close())
        self._loop.close()

    def prepare(self) -> None:
        """Make the template, once for all processes; and drop the clones of processes that were killed."""
        self.run("SELECT pg_advisory_lock(1)")
        try:
            if not self.run("SELECT FROM pg_database WHERE datname = $1 AND datistemplate", self._template):
                self.run(f"DROP DATABASE IF EXISTS {self._template}")
                self.run(f"CREATE DATABASE {self._template}")
                migrate(self.url_of(self._template))
                if not self.run("SELECT FROM pg_roles WHERE rolname = $1", ROLE):
                    self.run(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'")
                self._loop.run(roles.grant(self.url_of(self._template), ROLE))
                self.run(f"ALTER DATABASE {self._template} IS_TEMPLATE true")
            for (name,) in self.run("SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'"):
                if not _is_alive(int(name.split("_")[1])):
                    self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        finally:
            self.run("SELECT pg_advisory_unlock(1)")

    @contextmanager
    def emptied(self) -> Iterator[str]:
        """The address of a database with the newest schema and no rows: an earlier test's, emptied, when there is one.

        That takes a few milliseconds; on a busy machine a new one was seen to take a second.
        """
        spare = self._spare or self._made_spare()
        try:
            yield spare.url
        finally:
            if not self._is_whole_again():
                # Somebody still holds on to it, changed its schema, or broke it: the next test gets another.
                self._drop_spare()

    def _is_whole_again(self) -> bool:
        """Empties the spare database; whether it is as if nobody had used it."""
        assert self._spare is not None
        for _ in range(2):
            try:
                return self._loop.run(emptied(self._spare.operator)) == self._spare.shape
            except LOST:  # the test ended all sessions
                self._spare.operator.terminate()
                operator = self._loop.run(asyncpg.connect(self._spare.url, server_settings=EMPTYING))
                self._spare = self._spare._replace(operator=operator)
            except asyncpg.PostgresError:
                break
        return False

    def _made_spare(self) -> "_Spare":
        database = self.database()
        url = database.__enter__()
        operator = self._loop.run(asyncpg.connect(url, server_settings=EMPTYING))
        self._spare = _Spare(database, url, operator, self._loop.run(operator.fetchval(SHAPE)))
        return self._spare

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._spare.operator.terminate()
            self._spare.database.__exit__(None, None, None)
            self._spare = None

    @contextmanager
    def database(self, *, empty: bool = False, like: str | None = None) -> Iterator[str]:
        """The address of a new database: with the newest schema, without any when it is to be `empty`, or with all
        that another one holds, to which nobody may be connected."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        copied = "template0" if empty else self._template if like is None else urlsplit(like).path[1:]
        self.run(f"CREATE DATABASE {name} TEMPLATE {copied} {CLONE}")
        try:
            yield self.url_of(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def snapshot(self, url: str) -> Snapshot:
        """All that a database holds."""

        async def of_all() -> Snapshot:
            operator = await asyncpg.connect(url)
            try:
                return await snapshots.taken(operator, FILLED)
            finally:
                await operator.close()

        return self._loop.run(of_all())

    def put_back(self, snapshot: Snapshot) -> None:
        """All that a database held, into the one that is `emptied`."""
        assert self._spare is not None
        self._loop.run(snapshots.put_back(self._spare.operator, snapshot))

    def url_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{database}"))

    def run(self, sql: str, *parameters: Any) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = self._loop.run(self._connection.fetch(sql, *parameters))
        return found


@contextmanager
def server() -> Iterator[Server]:
    """The server that the environment names, or an embedded one that all test processes of this user share."""
    if url := os.environ.get(GIVEN):
        yield from _prepared(url)
        return
    with Embedded(Path(tempfile.gettempdir()) / f"sharedplan-tests-{os.getuid()}") as embedded:
        yield from _prepared(embedded.url_of("postgres"), in_a_hurry=True)


def _prepared(url: str, *, in_a_hurry: bool = False) -> Iterator[Server]:
    found = Server(url)
    try:
        if in_a_hurry:
            # What a crash would lose here nobody misses. The tests of crashes have servers of their own.
            found.run("ALTER SYSTEM SET fsync = off")
            found.run("SELECT pg_reload_conf()")
        found.prepare()
        yield found
    finally:
        found.close()


def of_service(url: str) -> str:
    """The address of the same database under the service's role."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{ROLE}:{ROLE}@{parts.netloc.rpartition('@')[2]}"))


async def emptied(operator: asyncpg.Connection) -> str:
    """Empties a database of everything but its schema, and says what `SHAPE` says of that."""
    filled = await operator.fetch(FILLED)
    # To truncate makes a new file for each index, which takes longer than to delete a few rows.
    large = [f"TRUNCATE {table}" for table, is_large in filled if is_large]
    small = [f"DELETE FROM {table}" for table, is_large in filled if not is_large]
    await operator.execute("; ".join([*large, *small, "ALTER SEQUENCE last_instant RESTART"]))
    return str(await operator.fetchval(SHAPE))


async def emptied_by(url: str) -> str:
    """The same, of whatever database."""
    operator = await asyncpg.connect(url, server_settings=EMPTYING)
    try:
        return await emptied(operator)
    finally:
        await operator.close()


def _fingerprint() -> str:
    """Changes whenever a migration does, or what the service's role may do."""
    made_by = [*sorted((directory() / "versions").glob("*.py")), Path(roles.__file__)]
    text = b"".join(path.read_bytes() for path in made_by)
    return hashlib.sha256(text).hexdigest()[:16]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
