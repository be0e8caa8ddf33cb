"""One PostgreSQL server process: found, tuned, started and stopped, and what a killed one left behind cleared away.

https://www.postgresql.org/docs/18/storage-file-layout.html (postmaster.pid)
"""

import hashlib
import os
import pwd
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
"""What the server's programs get of ours: nothing that could steer them (PGDATA, PGPORT, …)."""

SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103
"""Bytes: the smallest limit of the systems that we run on (macOS 104, Linux 108, both with the closing NUL)."""

LOG_LIMIT = 10 * 1024 * 1024
"""Bytes of the server's log that are carried on at a start; a larger one is put aside."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be started; the text says why, or what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system account that a server runs as, when we are root."""

    uid: int
    gid: int

    @classmethod
    def named(cls, name: str) -> "Account | None":
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return None
        return cls(entry.pw_uid, entry.pw_gid)

    @classmethod
    def of_uid(cls, uid: int) -> "Account":
        return cls(uid, pwd.getpwuid(uid).pw_gid)


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server: its process and where its socket is."""

    process: psutil.Process
    cluster: Path
    socket_dir: str

    def is_alive(self) -> bool:
        return _is_postgres_of(self.process, self.cluster)

    def stop(self, *, patience: float = 30.0) -> None:
        """Stop it: sessions are ended, everything is written out. After `patience` seconds it is killed, which loses
        nothing that was committed either."""
        for sign, seconds in ((signal.SIGINT, patience), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if not self.is_alive():
                return
            self.process.send_signal(sign)
            deadline = time.monotonic() + seconds
            while self.is_alive() and time.monotonic() < deadline:
                time.sleep(0.01)


def of(cluster: Path) -> Postmaster | None:
    """The server that runs on this cluster and answers; None if there is none (or only what it left behind)."""
    lines = _pid_file(cluster)
    if len(lines) < 8 or lines[7].strip() != "ready":
        return None
    process = _process(int(lines[0]))
    if process is None or not _is_postgres_of(process, cluster):
        return None
    return Postmaster(process, cluster, lines[4])


def start(cluster: Path, programs: Path, account: Account | None, *, patience: float) -> Postmaster:
    """Start the server and wait until it answers, at most `patience` seconds. Raises EmbeddedError."""
    written = cluster / "server.log"
    if written.exists() and written.stat().st_size > LOG_LIMIT:
        written.replace(cluster / "server.log.1")
    _tune(cluster, _socket_dir(cluster, account), account)
    command = [str(programs / "pg_ctl"), "start", "--wait", f"--timeout={patience:.0f}", "--silent"]
    done = subprocess.run(  # noqa: S603 - a program of the wheel, arguments of ours
        [*command, f"--pgdata={cluster}", f"--log={written}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=ENVIRONMENT,
        **running_as(account),
    )
    running = of(cluster)
    if done.returncode != 0 or running is None:
        end = written.read_text(errors="replace")[-2000:] if written.exists() else "it wrote no log"
        raise EmbeddedError(f"PostgreSQL did not start on {cluster}; the end of its log:\n{end}")
    return running


def clear_the_dead(cluster: Path) -> None:
    """Clear away what a killed server left, so that the next one starts: its sessions, which would hold the shared
    memory until they notice, and its lock files, which PostgreSQL takes at their word when the number is in use (by
    another program, or by a zombie)."""
    lines = _pid_file(cluster)
    if not lines:
        return
    process = _process(int(lines[0]) if lines[0].strip().isdigit() else -1)
    if process is not None and _is_postgres_of(process, cluster):
        # Alive, but not (or no longer) answering: starting up for somebody who gave up, or shutting down.
        Postmaster(process, cluster, "").stop()
    orphans = [p for p in psutil.process_iter(["name"]) if _is_postgres_of(p, cluster)]
    for orphan in orphans:
        orphan.kill()
    psutil.wait_procs(orphans, timeout=10)
    if len(lines) > 4 and lines[4].strip():
        for left in (SOCKET, f"{SOCKET}.lock"):
            (Path(lines[4]) / left).unlink(missing_ok=True)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def running_as(account: Account | None) -> dict[str, Any]:
    """The arguments that make subprocess run a program as that account."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def _pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid) if pid > 0 else None
    except psutil.NoSuchProcess:
        return None


def _is_postgres_of(process: psutil.Process, cluster: Path) -> bool:
    """Whether it lives and is a server of this cluster: every one of them works in its directory. A zombie, which is
    what a killed server is until its parent looks, does not live; another program with the same number is another."""
    try:
        if not process.name().startswith("postgres") or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return bool(process.is_running()) and Path(process.cwd()) == cluster
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _socket_dir(cluster: Path, account: Account | None) -> Path:
    """Where the socket goes: into the cluster, which is closed to others; a path too long for a socket gets a
    directory as closed among the temporary ones."""
    if len(os.fsencode(cluster / SOCKET)) <= SOCKET_PATH_LIMIT and not set(str(cluster)) & set(",\"'\\"):
        return cluster
    name = "sharedplan-" + hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    for parent in (Path(tempfile.gettempdir()).resolve(), Path("/tmp")):  # noqa: S108 - made below, for us only
        place = parent / name
        if len(os.fsencode(place / SOCKET)) > SOCKET_PATH_LIMIT:
            continue
        uid = os.geteuid() if account is None else account.uid
        try:
            place.mkdir(mode=0o700)
            if account is not None:
                os.chown(place, account.uid, account.gid)
        except FileExistsError:
            found = place.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
                raise EmbeddedError(f"{place} is in the way: it is not ours") from None
        return place
    raise EmbeddedError("no directory has a path short enough for a socket")


def _tune(cluster: Path, socket_dir: Path, account: Account | None) -> None:
    """Write our settings beside the server's own; ALTER SYSTEM still goes above them."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
    settings = {
        "listen_addresses": "''",
        "unix_socket_directories": f"'{socket_dir}'",
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "max_locks_per_transaction": "256",
        "shared_buffers": f"{min(max(memory // 8, 128), 512)}MB",
        "effective_cache_size": f"{max(memory // 2, 256)}MB",
        "maintenance_work_mem": "128MB",
        "random_page_cost": "1.1",
        "jit": "off",
        # What is not in its own memory is mostly in the system's, and to have another process fetch a page from there
        # takes longer than to do it: at 1,000,000 plans a chained search by 1.5 ms instead of 1.1 (in turns).
        "io_method": "sync",
        # Whoever was told 201 finds it again, whatever falls over.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "restart_after_crash": "on",
        "timezone": "'UTC'",
        # The log is for operators: no statement, value or key of a record goes into it.
        "log_timezone": "'UTC'",
        "log_checkpoints": "off",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": "0",
    }
    ours = cluster / "sharedplan.conf"
    ours.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    theirs = cluster / "postgresql.conf"
    line = "include 'sharedplan.conf'\n"
    if line not in theirs.read_text():
        with theirs.open("a") as file:
            file.write(line)
    if account is not None:
        os.chown(ours, account.uid, account.gid)
