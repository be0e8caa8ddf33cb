"""`sharedplan token`: prints one token and nothing else, or one sentence that says why not."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sharedplan.access.keys import trusted_keys
from sharedplan.access.principal import Principal
from sharedplan.access.tokens import Verifier
from sharedplan.clock import SystemClock
from sharedplan.commands import main
from sharedplan.settings import Settings


@pytest.fixture(autouse=True)
def without_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def token(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["token", *arguments])


def principal(printed: str, data_dir: Path) -> Principal:
    verifier = Verifier(trusted_keys(Settings(data_dir=data_dir)), SystemClock())
    return verifier.principal([b"Bearer " + printed.strip().encode()])


def test_it_prints_one_token_with_what_was_asked_for(tmp_path: Path) -> None:
    result = token(
        *("--client", "records", "--organization", "Organization/s", "--user", "Practitioner/sari"),
        *("--purpose", "CAREMGT", "--scope", "user/CarePlan.rs user/Task.cruds", "--expires", "60"),
        *("--data-dir", str(tmp_path / "d")),
    )
    assert result.exit_code == 0
    assert result.output.count("\n") == 1
    asker = principal(result.output, tmp_path / "d")
    assert (asker.client_id, asker.organization, asker.person) == ("records", "Organization/s", "Practitioner/sari")
    assert (asker.purpose, len(asker.scopes)) == ("CAREMGT", 2)


def test_it_needs_no_more_than_a_client_and_keeps_its_key_in_var(tmp_path: Path) -> None:
    result = token("--client", "records")
    assert principal(result.output, tmp_path / "var").organization is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "--client"),
        (["--client", "x", "--organization", "s"], "organization"),
        (["--client", "x", "--user", "sari"], "fhirUser"),
        (["--client", "x", "--purpose", "NOSY"], "purpose_of_use"),
        (["--client", "x", "--scope", "everything"], "SMART v2"),
        (["--client", "x", "--expires", "0"], "expires"),
        (["--client", "x", "--expires", "99999999"], "43200"),
        (["--client", "x", "--expires", "soon"], "expires"),
    ],
)
def test_what_a_token_cannot_carry_is_told_in_a_sentence(arguments: list[str], why: str) -> None:
    result = token(*arguments)
    assert result.exit_code != 0
    assert why in result.output
    assert "Traceback" not in result.output


def test_where_others_are_trusted_it_signs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAREDPLAN_ISSUERS", '[{"iss": "https://issuer.example", "jwks": {"keys": []}}]')
    result = token("--client", "x")
    assert result.exit_code == 1
    assert "ask one of them" in result.output


def test_a_key_that_others_can_read_is_told(tmp_path: Path) -> None:
    token("--client", "x")
    (tmp_path / "var" / "token-key.pem").chmod(0o644)
    result = token("--client", "x")
    assert result.exit_code == 1
    assert "chmod 600" in result.output


def test_many_at_once_use_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sharedplan", "token", "--client", "x"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) for _ in range(4)]
    printed = [process.communicate(timeout=60)[0] for process in running]
    assert len({principal(each, tmp_path / "var").token_id for each in printed}) == 4
