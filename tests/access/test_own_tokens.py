"""Tokens that the service signs itself: taken by its own verifier, within the same rules."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sharedplan.access.keys import trusted_keys
from sharedplan.access.own_key import OWN_ISSUER
from sharedplan.access.own_tokens import own_token
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.access.tokens import Verifier
from sharedplan.clock import FixedClock
from sharedplan.errors import Incorrect, Unauthenticated
from sharedplan.settings import Settings

CLOCK = FixedClock(datetime(2026, 3, 2, 12, tzinfo=UTC))


def verified(settings: Settings, token: str) -> Principal:
    return Verifier(trusted_keys(settings), CLOCK).principal([b"Bearer " + token.encode()])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_what_was_asked_for_is_what_is_signed(settings: Settings) -> None:
    token = own_token(
        settings,
        CLOCK,
        client="records",
        organization="Organization/s",
        person="Practitioner/sari",
        purpose="CAREMGT",
        scope="user/CarePlan.rs",
        lifetime=timedelta(seconds=90),
    )
    assert verified(settings, token) == Principal(
        client_id="records",
        scopes=parse("user/CarePlan.rs"),
        organization="Organization/s",
        person="Practitioner/sari",
        purpose="CAREMGT",
        issuer=OWN_ISSUER,
        token_id=verified(settings, token).token_id,
        expires=CLOCK.at + timedelta(seconds=90),
    )


@pytest.mark.parametrize(
    ("person", "scope"),
    [(None, "system/*.cruds"), ("Practitioner/sari", "user/*.cruds"), ("Patient/aino", "patient/*.cruds")],
)
def test_without_a_scope_everything_its_kind_of_asker_can(settings: Settings, person: str | None, scope: str) -> None:
    assert verified(settings, own_token(settings, CLOCK, client="x", person=person)).scopes == parse(scope)


def test_it_works_before_a_service_ever_ran_and_whatever_its_port(settings: Settings) -> None:
    token = own_token(settings, CLOCK, client="x")
    assert verified(settings.model_copy(update={"port": 9000, "base_url": "http://x.example/fhir"}), token)


def test_the_key_of_another_directory_does_not_fit(settings: Settings, tmp_path: Path) -> None:
    token = own_token(Settings(data_dir=tmp_path / "other"), CLOCK, client="x")
    with pytest.raises(Unauthenticated):
        verified(settings, token)


@pytest.mark.parametrize(
    "changed",
    [
        {"client": ""},
        {"client": "two words"},
        {"organization": "s"},
        {"organization": "Practitioner/s"},
        {"person": "sari"},
        {"person": "Device/d"},
        {"purpose": "CURIOSITY"},
        {"scope": "system/*.read"},
        {"scope": "   "},
        {"lifetime": timedelta(0)},
        {"lifetime": timedelta(hours=13)},
    ],
)
def test_a_token_that_would_be_refused_is_not_signed(settings: Settings, changed: dict[str, Any]) -> None:
    with pytest.raises(Incorrect):
        own_token(settings, CLOCK, **{"client": "records", **changed})


def test_where_others_are_trusted_none_is_signed(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    with pytest.raises(Incorrect, match="other issuers"):
        own_token(Settings(data_dir=tmp_path, issuers=({"iss": "a", "jwks_file": file},)), CLOCK, client="x")
    assert not file.exists()
