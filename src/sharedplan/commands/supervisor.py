"""The parent of the workers: holds the socket, keeps every worker alive, and stops them in order.

The workers are processes of their own that share the listening socket, forked where everything has been imported
(`nursery.py`). Each holds one end of a pipe: when the other closes, the parent is gone and the worker stops by itself.
"""

import errno
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from types import FrameType

from sharedplan.commands.nursery import CANNOT_START, FORKS
from sharedplan.logs import log

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

    def __init__(
        self, bound: socket.socket, environment: Mapping[str, str], database_url: str, ended: Callable[[int], None]
    ) -> None:
        self._bound = bound
        self._environment = environment
        self._database_url = database_url
        self._ended = ended
        self._pause = 0.0
        self._dead_since: float | None = None
        self._start()

    def _start(self) -> None:
        """Raises WorkerFailed when nothing can be forked."""
        self._begun = time.monotonic()
        theirs, leash = FORKS.Pipe(duplex=False)
        arguments = (self._bound, dict(self._environment), self._database_url, theirs)
        process = FORKS.Process(target=_work, args=arguments)
        try:
            process.start()
        except (EOFError, OSError) as failure:
            leash.close()
            raise WorkerFailed("a worker could not be forked; the log above says why") from failure
        finally:
            theirs.close()
        self._process, self._leash = process, leash

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it lives."""
        return self._process.exitcode

    def revive(self) -> None:
        """Start it again if it has died: at once, or after a pause if it keeps dying."""
        code, now = self.exit_code, time.monotonic()
        if code is None:
            return
        if self._dead_since is None:
            self._dead_since = now
            self._pause = min(max(0.2, 2 * self._pause), SOON) if now - self._begun < SOON else 0.0
            log.error("worker_died", pid=self.pid, exit_code=code)
            self._leash.close()  # should only the process that it was forked from be dead, it ends by that
            if self.pid is not None:
                self._ended(self.pid)
        if now - self._dead_since >= self._pause:
            try:
                self._start()
            except WorkerFailed as failure:
                log.error("worker_not_forked", reason=str(failure.__cause__))
                self._dead_since, self._pause = now, SOON
            else:
                self._dead_since = None

    def stop(self) -> None:
        if self.exit_code is None:
            self._process.terminate()

    def leave(self) -> None:
        """Let it end at once, by itself."""
        self._leash.close()

    def wait(self, until: float) -> None:
        """Wait for its end until that instant of the monotonic clock, then kill it."""
        self._process.join(max(0.0, until - time.monotonic()))
        if self.exit_code is None:
            log.error("worker_killed", pid=self.pid)
            self._process.kill()
            self._process.join()
        self._leash.close()


def _work(bound: socket.socket, environment: Mapping[str, str], database_url: str, parent: Connection) -> None:
    """What the forked process does."""
    os.environ.clear()
    os.environ.update(environment)
    from sharedplan.commands.worker import work  # there already; the parent has no need of it

    work(bound, database_url, parent)


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
        self._environment = environment
        self._count = count
        self._patience = patience.total_seconds()
        self._ended = ended
        self.stopping = threading.Event()
        self._hurry = False
        self._signalled: float | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._workers: list[Worker] = []

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
        """Let the workers begin, on that database; none when a signal has come already. Raises WorkerFailed."""
        for _ in range(self._count if self._signalled is None else 0):
            self._workers.append(Worker(self._bound, self._environment, database_url, self._ended))

    @contextmanager
    def beforehand(self, database_url: str) -> Iterator[tuple[str, Callable[[], bool]]]:
        """One worker on a socket of its own, for what is to be done before anybody else is let in: its address, and
        whether it is still there and nobody has said stop. Raises WorkerFailed."""
        bound = listening_socket("127.0.0.1", 0)
        try:
            port = bound.getsockname()[1]
            worker = Worker(bound, self._environment, database_url, self._ended)
        finally:
            bound.close()  # he has his own; what we held would go on taking connections when he is gone
        try:
            yield f"http://127.0.0.1:{port}", lambda: not self.is_stopping and worker.exit_code is None
        finally:
            worker.leave()
            worker.wait(time.monotonic() + self._patience)
            if worker.pid is not None:
                self._ended(worker.pid)

    @property
    def is_stopping(self) -> bool:
        """Whether a signal has said stop."""
        return self._signalled is not None

    def is_healthy(self) -> bool:
        """Whether every worker lives."""
        return all(worker.exit_code is None for worker in self._workers)

    def run(self) -> None:
        """Keep the workers alive until a signal comes.

        Raises WorkerFailed when one of the first workers cannot start.
        """
        begun = time.monotonic()
        while self._signalled is None:
            if time.monotonic() - begun < SOON and any(worker.exit_code == CANNOT_START for worker in self._workers):
                raise WorkerFailed("a worker could not start; the log above says why")
            for worker in self._workers:
                worker.revive()
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
