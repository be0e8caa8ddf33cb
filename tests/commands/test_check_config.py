"""`sharedplan check-config`: what follows from the settings, or what is wrong with them."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sharedplan.commands import COMMANDS, main


@pytest.fixture(autouse=True)
def without_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def check(**environment: str) -> Result:
    given = {f"SHAREDPLAN_{name.upper()}": value for name, value in environment.items()}
    return CliRunner(env=given).invoke(main, ["check-config"])


def test_settings_that_hold_are_told_without_secrets(tmp_path: Path) -> None:
    result = check(database_url="postgresql://u:hush@h/d", workers="3")
    assert result.exit_code == 0
    assert "hush" not in result.output
    assert "3, with 8 database connections each" in result.output
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"port": "many"}, "SHAREDPLAN_PORT"),
        ({"environment": "production"}, "issuers"),
        ({"host": "0.0.0.0"}, "this machine only"),
        ({"issuers": "[{"}, "issuers"),
        ({"issuers": '[{"iss": "a", "jwks": {"keys": []}}]'}, "holds no keys"),
        ({"issuers": '[{"iss": "a", "jwks_file": "none.json"}]'}, "cannot be read"),
    ],
)
def test_settings_that_do_not_hold_are_told_in_a_sentence(environment: dict[str, str], why: str) -> None:
    result = check(**environment)
    assert result.exit_code == 1
    assert why in result.output
    assert "Traceback" not in result.output


def test_every_command_can_say_what_it_does() -> None:
    for name in COMMANDS:
        result = CliRunner().invoke(main, [name, "--help"])
        assert (result.exit_code, "Usage:" in result.output) == (0, True), name


def test_an_unknown_command_is_told() -> None:
    assert CliRunner().invoke(main, ["dance"]).exit_code == 2
