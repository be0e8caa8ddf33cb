"""The parent of the workers: holds the socket, keeps every worker alive, and stops them in order.

The workers are processes of their own that share the listening socket. They begin to import while the database is
still starting; the parent then sends each the database's address on its standard input. When that closes, the parent
is gone and the worker stops by itself.
"""

import contextlib
import errno
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import FrameType

from sharedplan.logs import log

COMMAND = (sys.executable, "-m", "sharedplan.commands.worker")
CANNOT_START = 3
"""The exit code of a worker that found out, while starting, that it never will; uvicorn's too."""

SOON = 5.0
"""Seconds: workers that end sooner than this after their start are started again after pauses that grow to this."""


def listening_socket(host: str, port: int, *, patience: float = 2.0) -> socket.socket:
    """A socket that listens on the address; port 0 takes any free one.

    Waits `patience` seconds for a predecessor that is just letting go of the port. Raises OSError when the address
    stays taken or is none of this machine's.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    until = time.monotonic() + patience
    while True:
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(address)
            bound.listen(2048)
            return bound
        except OSError as failure:
            bound.close()
            if failure.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise
            time.sleep(0.05)


class WorkerFailed(Exception):
    """A worker ended while the service was starting; its own log says why."""


class Worker:
    """One worker process, started again as often as it dies."""

    def __init__(self, bound: socket.socket, environment: Mapping[str, str], ended: Callable[[int], None]) -> None:
        self._bound = bound
        self._environment = environment
        self._ended = ended
        self._pause = 0.0
        self._dead_since: float | None = None
        self._start()

    def _start(self) -> None:
        self._begun = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603  # our own module
            [*COMMAND, str(self._bound.fileno())],
            stdin=subprocess.PIPE,
            env=dict(self._environment),
            pass_fds=(self._bound.fileno(),),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it lives."""
        return self._process.poll()

    def tell(self, database_url: str) -> None:
        """Send the address that it waits for."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(database_url.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            log.warning("worker_gone_before_start", pid=self.pid)

    def revive(self, database_url: str) -> None:
        """Start it again if it has died: at once, or after a pause if it keeps dying."""
        code, now = self._process.poll(), time.monotonic()
        if code is None:
            return
        if self._dead_since is None:
            self._dead_since = now
            self._pause = min(max(0.2, 2 * self._pause), SOON) if now - self._begun < SOON else 0.0
            log.error("worker_died", pid=self.pid, exit_code=code)
            self._close_stdin()
            self._ended(self.pid)
        if now - self._dead_since >= self._pause:
            self._dead_since = None
            self._start()
            self.tell(database_url)

    def stop(self) -> None:
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, until: float) -> None:
        """Wait for its end until that instant of the monotonic clock, then kill it."""
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("worker_killed", pid=self.pid)
            self._process.kill()
            self._process.wait()
        self._close_stdin()

    def _close_stdin(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()


class Supervisor:
    """Runs so many workers on one socket until a signal says stop."""

    def __init__(
        self,
        bound: socket.socket,
        environment: Mapping[str, str],
        count: int,
        patience: timedelta,
        ended: Callable[[int], None] = lambda pid: None,
    ) -> None:
        """`patience`: how long the workers may take to stop; `ended` is told the pid of each worker that died.

        `stopping` is set once they are told to.
        """
        self._bound = bound
        self._patience = patience.total_seconds()
        self.stopping = threading.Event()
        self._hurry = False
        self._signalled: float | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._workers = [Worker(bound, environment, ended) for _ in range(count)]

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """The first signal stops, another one a second later hurries; one that comes twice at once is one.

        It only leaves word: to set the event here would wait for ever on its lock, when the signal comes while the
        same thread has it.
        """
        now = time.monotonic()
        if self._signalled is None:
            self._signalled = now
        self._hurry = now - self._signalled > 1.0

    def start(self, database_url: str) -> None:
        """Let the workers begin."""
        for worker in self._workers:
            worker.tell(database_url)

    def is_healthy(self) -> bool:
        """Whether every worker lives."""
        return all(worker.exit_code is None for worker in self._workers)

    def run(self, database_url: str) -> None:
        """Keep the workers alive until a signal comes.

        Raises WorkerFailed when one of the first workers cannot start.
        """
        begun = time.monotonic()
        while self._signalled is None:
            if time.monotonic() - begun < SOON and any(worker.exit_code == CANNOT_START for worker in self._workers):
                raise WorkerFailed("a worker could not start; the log above says why")
            for worker in self._workers:
                worker.revive(database_url)
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the workers: they drain, and are killed when that takes too long or a second signal comes. Once is
        enough, twice does no harm."""
        self.stopping.set()
        self._bound.close()  # or the kernel would go on queueing connections that nobody takes
        for worker in self._workers:
            worker.stop()
        until = time.monotonic() + self._patience
        while time.monotonic() < until and not self._hurry and any(w.exit_code is None for w in self._workers):
            time.sleep(0.02)
        for worker in self._workers:
            worker.wait(0.0)
