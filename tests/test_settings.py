"""The settings: each is told in .env.example with its true default, and together they hold or say why not."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sharedplan.settings import OWN_AUDIENCE, Settings, unknown_names

EXAMPLE = (Path(__file__).parents[1] / ".env.example").read_text()
LINES = dict(re.findall(r"^# (SHAREDPLAN_\w+)=(.*)$", EXAMPLE, re.MULTILINE))
NAMES = {f"SHAREDPLAN_{name.upper()}": name for name in Settings.model_fields}
ISSUER = {"iss": "https://issuer.example", "jwks": {"keys": []}}
CLIENT = {"client_id": "records", "scopes": "system/*.rs", "jwks": {"keys": []}}


@pytest.fixture(autouse=True)
def without_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither this machine's environment nor its .env."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_example_tells_every_setting_and_no_other() -> None:
    assert set(LINES) == set(NAMES)


def test_every_setting_of_the_example_has_a_comment_before_it() -> None:
    spoken = False
    for line in EXAMPLE.splitlines():
        if line.startswith("# SHAREDPLAN_"):
            assert spoken, line
        elif line.startswith("# ") and not line.startswith("# ---"):
            spoken = True
        else:
            spoken = False


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"SHAREDPLAN_ISSUERS", "SHAREDPLAN_CLIENTS"}))
def test_the_example_shows_the_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, LINES[name])
    assert getattr(Settings(), NAMES[name]) == getattr(Settings.model_construct(), NAMES[name])


def test_the_example_of_issuers_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAREDPLAN_ISSUERS", LINES["SHAREDPLAN_ISSUERS"])
    assert Settings().issuers[0].iss == json.loads(LINES["SHAREDPLAN_ISSUERS"])[0]["iss"]


def test_the_example_of_clients_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAREDPLAN_CLIENTS", LINES["SHAREDPLAN_CLIENTS"])
    assert Settings().clients[0].jwks_url == "https://records.example/jwks"


@pytest.mark.parametrize(("text", "seconds"), [("10", 10), ("0.5", 0.5), ("PT2M", 120), ("00:00:07", 7)])
def test_a_duration_is_seconds_or_iso_8601(text: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAREDPLAN_REQUEST_TIMEOUT", text)
    assert Settings().request_timeout == timedelta(seconds=seconds)


def test_a_dot_env_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SHAREDPLAN_PORT=8001\nSHAREDPLAN_WORKERS=2\nPATH=x\n")
    monkeypatch.setenv("SHAREDPLAN_PORT", "8002")
    assert (Settings().port, Settings().workers) == (8002, 2)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"port": 70000}, "port"),
        ({"workers": 0}, "workers"),
        ({"request_timeout": timedelta(0)}, "request_timeout"),
        ({"base_url": "plans.example/fhir"}, "address"),
        ({"database_url": "mysql://x/y"}, "PostgreSQL"),
        ({"references": "ignore"}, "references"),
        ({"page_size": 1001}, "page_size"),
        ({"environment": "production"}, "issuers"),
        ({"environment": "production", "issuers": [ISSUER], "own_issuer": True}, "not in production"),
        ({"issuers": [ISSUER], "own_issuer": True}, "leave one of them out"),
        ({"issuers": [ISSUER, ISSUER]}, "twice"),
        ({"issuers": [{"iss": "a"}]}, "jwks"),
        ({"issuers": [{**ISSUER, "jwks_file": "x"}]}, "jwks"),
        ({"issuers": [{**ISSUER, "jwks_uri": "https://x.example"}]}, "jwks_uri"),
        ({"issuers": [{**ISSUER, "jwks_url": "https://x.example/jwks"}]}, "one of jwks"),
        ({"issuers": [{"iss": "a", "jwks_url": "http://x.example/jwks"}]}, "https only"),
        ({"issuers": [{"iss": "a", "jwks_url": "https://u:p@x.example/jwks"}]}, "https only"),
        ({"issuers": [{"iss": "a", "jwks_url": "https:///jwks"}]}, "https only"),
        ({"issuers": [{**ISSUER, "rsa_algorithm": "HS256"}]}, "rsa_algorithm"),
        ({"environment": "production", "issuers": [ISSUER]}, "base_url or audience"),
        ({"environment": "production", "clients": [CLIENT], "base_url": "https://x.example/fhir"}, "token_keys"),
        (
            {
                "environment": "production",
                "clients": [CLIENT],
                "token_keys": ["k"],
                "base_url": "http://x.example/fhir",
            },
            "https address",
        ),
        ({"clients": [CLIENT], "issuers": [ISSUER]}, "token_keys"),
        ({"clients": [CLIENT], "clients_file": "x"}, "either here or"),
        ({"clients": [{**CLIENT, "client_id": "a b"}]}, "client_id"),
        ({"clients": [{**CLIENT, "organization": "Practitioner/1"}]}, "organization"),
        ({"clients": [{**CLIENT, "purposes": []}]}, "purposes"),
        ({"token_keys": ["k"], "own_issuer": True}, "leave one of them out"),
        (
            {
                "token_keys": ["k"],
                "base_url": "https://x.example/fhir",
                "issuers": [{**ISSUER, "iss": "https://x.example"}],
            },
            "this service itself",
        ),
    ],
)
def test_what_does_not_hold_together_says_so(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Settings(**given)


def test_secrets_are_not_shown() -> None:
    shown = repr(Settings(database_url="postgresql://u:hush@h/d", cursor_key="hush", metrics_token="hush"))
    assert "hush" not in shown


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ({}, "http://127.0.0.1:8000/fhir"),
        ({"host": "0.0.0.0", "port": 9000}, "http://127.0.0.1:9000/fhir"),
        ({"host": "::1"}, "http://[::1]:8000/fhir"),
        ({"host": "plans.example"}, "http://plans.example:8000/fhir"),
        ({"base_url": "https://plans.example/fhir/"}, "https://plans.example/fhir"),
    ],
)
def test_the_base_is_what_clients_reach(given: dict[str, Any], base: str) -> None:
    assert Settings(**given).base == base


@pytest.mark.parametrize(
    ("given", "signs"),
    [({}, True), ({"issuers": [ISSUER]}, False), ({"own_issuer": False}, False), ({"token_keys": ["k"]}, False)],
)
def test_it_signs_its_own_tokens_only_when_nobody_elses_are_trusted(given: dict[str, Any], signs: bool) -> None:
    assert Settings(**given).signs_own_tokens is signs


def test_the_audience_of_own_tokens_does_not_depend_on_the_address() -> None:
    assert Settings(port=9000, base_url="https://plans.example/fhir").expected_audience == OWN_AUDIENCE
    trusting = Settings(issuers=[ISSUER], base_url="https://plans.example/fhir")
    assert trusting.expected_audience == "https://plans.example/fhir"


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("plans.example", False),
    ],
)
def test_which_addresses_only_this_machine_can_reach(host: str, is_loopback: bool) -> None:
    assert Settings(host=host).is_loopback is is_loopback


@pytest.mark.parametrize(
    ("base_url", "root"),
    [("https://plans.example/fhir/", "https://plans.example"), ("https://x.example/a/fhir", "https://x.example/a")],
)
def test_the_token_endpoint_stands_beside_the_fhir_base(base_url: str, root: str) -> None:
    assert Settings(base_url=base_url).token_url == f"{root}/auth/token"


def test_a_name_that_is_no_setting_is_told_with_the_nearest_that_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SHAREDPLAN_CLIENT=[]\n")
    environment = {"SHAREDPLAN_ISUERS": "[]", "SHAREDPLAN_PORT": "1", "PATH": "x", "SHAREDPLAN_TEST_DATABASE_URL": "y"}
    assert unknown_names(environment) == {
        "SHAREDPLAN_CLIENT": "SHAREDPLAN_CLIENTS",
        "SHAREDPLAN_ISUERS": "SHAREDPLAN_ISSUERS",
    }
    assert unknown_names({"SHAREDPLAN_XYZZYPLUGH": "1"}, tmp_path / "none") == {"SHAREDPLAN_XYZZYPLUGH": ""}


def test_production_never_opens_clients_by_scopes_alone() -> None:
    assert Settings(access="scopes").access == "scopes"
    with pytest.raises(ValidationError, match="scopes alone"):
        Settings(environment="production", access="scopes", issuers=(ISSUER,), base_url="https://plan.example/fhir")


def test_production_tells_no_loopback_and_only_origins_that_are_some() -> None:
    def settings(**given: Any) -> Settings:
        return Settings(**given)

    assert settings().tells_loopback
    assert not settings(subscription_loopback=False).tells_loopback
    with pytest.raises(ValidationError, match="not in production"):
        settings(environment="production", subscription_loopback=True)
    assert settings(subscription_origins=("https://records.example", "https://10.0.0.1:8443")).subscription_origins
    for wrong in ("records.example", "http://records.example", "https://records.example/", "https://Records.example"):
        with pytest.raises(ValidationError, match="an origin is"):
            settings(subscription_origins=(wrong,))
