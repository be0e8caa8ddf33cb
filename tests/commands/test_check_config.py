"""`sharedplan check-config`: what follows from the settings, or what is wrong with them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec

from sharedplan.commands import COMMANDS, main
from signing import ec_key, jwk, private

ISSUERS = json.dumps([{"iss": "https://issuer.example", "jwks": {"keys": [jwk(ec_key(), "k")]}}])
NOWHERE = {"base_url": "https://plans.example/fhir", "database_url": "postgresql://u:hush@127.0.0.1:1/d"}


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
        ({"issuers": '[{"iss": "a", "jwks_url": "http://a.example/jwks"}]'}, "https only"),
        ({"clients": '[{"client_id": "a", "scopes": "system/*.rs", "jwks": {"keys": []}}]'}, "client a holds no keys"),
        ({"clients_file": "none.json"}, "clients_file cannot be read"),
        ({"token_keys": '["none.pem"]'}, "none.pem"),
        ({"environment": "production", "own_issuer": "true"}, "not in production"),
        ({"environment": "production", "issuers": ISSUERS}, "base_url or audience"),
        ({"environment": "production", "issuers": ISSUERS, **NOWHERE}, "the database cannot be reached"),
        ({"isuers": "[]"}, "SHAREDPLAN_ISUERS: do you mean SHAREDPLAN_ISSUERS?"),
        ({"cors_origins": '["*"]'}, "SHAREDPLAN_CORS_ORIGINS"),
    ],
)
def test_settings_that_do_not_hold_are_told_in_a_sentence(environment: dict[str, str], why: str) -> None:
    result = check(**environment)
    assert result.exit_code == 1
    assert why in result.output
    assert "Traceback" not in result.output


def test_a_superuser_is_refused_in_production_alone(database_url: str) -> None:
    production = {"environment": "production", "issuers": ISSUERS, "base_url": "https://plans.example/fhir"}
    refused = check(**production, database_url=database_url)
    assert (refused.exit_code, "superuser" in refused.output) == (1, True)
    assert check(**production | {"environment": "development"}, database_url=database_url).exit_code == 0


def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(private(ec_key()))
    for mode, code in ((0o604, 1), (0o640, 0), (0o400, 0)):
        key.chmod(mode)
        result = check(token_keys=json.dumps([str(key)]), base_url="https://plans.example/fhir")
        assert result.exit_code == code, result.output
    key.chmod(0o600)
    key.write_bytes(private(ec_key(ec.SECP256R1())))
    assert "P-384" in check(token_keys=json.dumps([str(key)])).output


def test_a_name_in_the_dotenv_file_that_is_no_setting_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SHAREDPLAN_CLIENT=[]\n")
    assert "do you mean SHAREDPLAN_CLIENTS?" in check().output


def test_every_command_can_say_what_it_does() -> None:
    for name in COMMANDS:
        result = CliRunner().invoke(main, [name, "--help"])
        assert (result.exit_code, "Usage:" in result.output) == (0, True), name


def test_an_unknown_command_is_told() -> None:
    assert CliRunner().invoke(main, ["dance"]).exit_code == 2
