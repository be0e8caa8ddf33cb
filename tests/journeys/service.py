"""A running service for the journeys: the command that users run, on a data directory of its own."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from sharedplan.commands.token import command as token

COMMAND = [sys.executable, "-m", "sharedplan"]

TRUST = httpx.create_ssl_context()
"""For every client: to make one takes longer than most of what is asked, though nothing here speaks TLS."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def without_settings() -> dict[str, str]:
    """The environment, but for what would set the service otherwise."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SHAREDPLAN_")}


def prepared(directories: pytest.TempPathFactory, name: str) -> Path:
    """A data directory with a PostgreSQL of its own at the newest schema, as a first start leaves it: made once in a
    run, and copied."""
    base = directories.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (root / "prepared.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "prepared").exists():
            making = root / "preparing"
            made = [*COMMAND, "migrate", f"--data-dir={making}"]
            subprocess.run(made, env=without_settings(), stdout=subprocess.DEVNULL, check=True)
            making.rename(root / "prepared")
    data = directories.mktemp(name) / "data"
    subprocess.run(["cp", "-a", str(root / "prepared"), str(data)], check=True)  # with the owner of its files
    return data


@dataclass
class Service:
    """`sharedplan serve` as a process of its own."""

    data_dir: Path
    port: int
    workers: int = 1
    process: subprocess.Popen[bytes] | None = None
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    @property
    def log(self) -> Path:
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    def environment(self) -> dict[str, str]:
        return {**without_settings(), "SHAREDPLAN_BASE_URL": self.base}

    def start(self, *more: str) -> "Service":
        """Start it and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *COMMAND,
                    "serve",
                    f"--port={self.port}",
                    f"--workers={self.workers}",
                    f"--data-dir={self.data_dir}",
                    *more,
                ],
                env=self.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.wait_ready()

    def wait_ready(self, seconds: float = 60) -> "Service":
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(
                    f"the service ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}"
                )
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2, verify=TRUST).status_code == 200:
                    return self
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready after {seconds} s:\n{self.log.read_text()[-4000:]}")

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30) -> int:
        """Send the signal to the service's own process and wait for its end; its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """kill -9 of the service and its workers at once; the embedded PostgreSQL, in a session of its own, is left."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def postmaster(self) -> int:
        """The process id of the embedded PostgreSQL."""
        [found] = list(self.data_dir.rglob("postmaster.pid"))
        return int(re.match(r"\d+", found.read_text()).group())  # type: ignore[union-attr]

    def token(self, *options: str) -> str:
        """A token as `sharedplan token` prints it; in this process, for there are many, and another takes a second."""
        unset = {name: None for name in os.environ if name.startswith("SHAREDPLAN_")}
        arguments = ["--data-dir", str(self.data_dir), *options]
        done = CliRunner(env={**unset, "SHAREDPLAN_BASE_URL": self.base}).invoke(token, arguments)
        assert done.exit_code == 0, done.output
        return done.stdout.strip()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command on the same data directory."""
        return subprocess.run(
            [*COMMAND, *arguments, "--data-dir", str(self.data_dir)],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )

    def client(self, *options: str) -> httpx.Client:
        """An HTTP client with a token of the social organisation, which is made once: it is valid for an hour."""
        chosen = options or ("--client", "journey", "--organization", "Organization/s")
        if chosen not in self.tokens:
            self.tokens[chosen] = self.token(*chosen)
        return httpx.Client(
            base_url=self.base,
            headers={"Authorization": f"Bearer {self.tokens[chosen]}", "Content-Type": "application/fhir+json"},
            timeout=30,
            verify=TRUST,
        )
