"""The image: built in stages from what the repository holds, run as nobody special, with its health told."""

import json
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
LINES = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and not line.startswith("#")]
KEPT = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]


def of(instruction: str) -> list[str]:
    return [rest for name, rest in LINES if name == instruction]


def test_it_passes_the_linter() -> None:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    if hadolint is None:
        pytest.skip("there is no hadolint for this machine")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_built_with_stays_behind() -> None:
    stages = of("FROM")
    assert len(stages) == 2
    assert stages[0].endswith(" AS build")
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+( AS build)?", stage) for stage in stages)


def test_it_runs_as_nobody_special() -> None:
    assert of("USER") == ["10001"]


def test_it_tells_its_health_by_readiness() -> None:
    [check] = of("HEALTHCHECK")
    command = json.loads(check[check.index("[") :])
    assert command[0] == "python"
    assert "/readyz" in command[2]
    compile(command[2], "HEALTHCHECK", "exec")


def test_everything_it_copies_is_there_and_not_ignored() -> None:
    for copied in of("COPY"):
        if copied.startswith("--from"):
            continue
        for source in copied.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source, kept) for kept in KEPT), f"{source} is ignored"


def test_it_installs_by_hash_and_starts_in_production() -> None:
    assert any("--require-hashes -r requirements.lock" in run for run in of("RUN"))
    assert "SHAREDPLAN_ENVIRONMENT=production" in TEXT
    assert (of("ENTRYPOINT"), of("CMD")) == (['["sharedplan"]'], ['["serve"]'])
