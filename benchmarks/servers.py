"""The processes that are measured: started on free ports, watched with psutil, ended by their own id."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from benchmarks.workloads import PULLED
from sharedplan.access.own_tokens import own_token
from sharedplan.clock import SystemClock
from sharedplan.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SHAREDPLAN = (sys.executable, "-m", "sharedplan")
START_LIMIT = 60.0  # seconds
STOP_LIMIT = 20.0  # seconds
TOKEN_LASTS = 2 * 60 * 60  # seconds


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def environment() -> dict[str, str]:
    """This process's environment without settings of the service, and with its source tree importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHAREDPLAN_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    kept["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    return kept


def answers(url: str, token: str = "") -> bool:
    """Whether a GET is answered with 200."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its base URL, its processes and what it printed."""

    name: str
    origin: str  # http://127.0.0.1:8000
    process: psutil.Popen
    output: Path
    seconds_to_start: float

    @property
    def base(self) -> str:
        return f"{self.origin}/fhir"

    def workers(self) -> list[psutil.Process]:
        """The Python processes that answer: the last of the line where there are children, else the process itself."""
        children = [
            child
            for child in self.process.children(recursive=True)
            if "python" in child.name()
            and not child.children()
            and not any("resource_tracker" in word for word in child.cmdline())
        ]
        return children or [self.process]

    def cpu(self) -> float:
        """CPU seconds that the workers have used so far, user and system."""
        return cpu_of(self.workers())

    def resident(self) -> int:
        """The resident memory of the largest worker, bytes."""
        return max(int(worker.memory_info().rss) for worker in self.workers())


def cpu_of(processes: list[psutil.Process]) -> float:
    """CPU seconds that these processes have used so far, user and system."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


@contextlib.contextmanager
def running(
    name: str, command: list[str], port: int, output: Path, *, ready: str, env: Mapping[str, str], token: str = ""
) -> Iterator[Server]:
    """The server while the block runs; SIGTERM afterwards. `ready` is the path whose 200 says that it stands.

    Raises RuntimeError with the end of its output when it does not come up.
    """
    origin = f"http://127.0.0.1:{port}"
    with output.open("ab") as log:
        began = time.perf_counter()
        process = psutil.Popen(command, cwd=ROOT, env=dict(env), stdout=log, stderr=subprocess.STDOUT)
    try:
        while not answers(origin + ready, token):
            if process.poll() is not None or time.perf_counter() - began > START_LIMIT:
                raise RuntimeError(f"{name} did not start:\n{output.read_text(errors='replace')[-3000:]}")
            time.sleep(0.005)
        yield Server(name, origin, process, output, time.perf_counter() - began)
    finally:
        _end(process)


def _end(process: psutil.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(STOP_LIMIT)


@contextlib.contextmanager
def service(data_dir: Path, *, workers: int, ready: str = "/readyz", token: str = "") -> Iterator[Server]:
    """`sharedplan serve` on that data directory, with its embedded PostgreSQL and all settings at their defaults, but
    for the pages that a delta pull asks for."""
    port = free_port()
    command = [*SHAREDPLAN, "serve", "--port", str(port), "--workers", str(workers), "--data-dir", str(data_dir)]
    output = data_dir.parent / "service.log"
    env = {**environment(), "SHAREDPLAN_PAGE_SIZE_LIMIT": str(PULLED)}
    with running("service", command, port, output, ready=ready, env=env, token=token) as server:
        yield server


@contextlib.contextmanager
def floor(database: str, work_dir: Path, *, workers: int, plan: str) -> Iterator[Server]:
    """The floor on that database; it stands when it can read `plan`."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.floor", "--database", database, "--port", str(port)]
    command += ["--workers", str(workers)]
    ready = f"/fhir/CarePlan/{plan}"
    with running("floor", command, port, work_dir / "floor.log", ready=ready, env=environment()) as server:
        yield server


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the service, carried out."""
    return subprocess.run([*SHAREDPLAN, *arguments], cwd=ROOT, env=environment(), capture_output=True, text=True)


def token(data_dir: Path, controller: str, *, person: str | None = None) -> str:
    """A bearer token of a record system that acts for that organisation and may do everything; or of a person at work
    there.

    Raises RuntimeError when there is none.
    """
    who = ["--client", "bench-record-system", "--organization", controller]
    who += ["--scope", "system/*.cruds"] if person is None else ["--scope", "user/*.cruds", "--user", person]
    done = command("token", *who, "--expires", str(TOKEN_LASTS), "--data-dir", str(data_dir))
    if done.returncode:
        raise RuntimeError(f"sharedplan token failed:\n{done.stderr[-2000:]}")
    return done.stdout.strip()


def tokens(data_dir: Path, controller: str, many: int) -> list[str]:
    """Those of so many other record systems that act for that organisation, signed here with the key of the data
    directory: a command for each would take a second."""
    settings, lasts = Settings(data_dir=data_dir), timedelta(seconds=TOKEN_LASTS)
    return [
        own_token(settings, SystemClock(), client=f"bench-system-{n}", organization=controller, lifetime=lasts)
        for n in range(many)
    ]
