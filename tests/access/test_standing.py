"""Who asked, kept for later."""

from dataclasses import replace
from datetime import UTC, datetime

from sharedplan.access.clients import Client
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.access.standing import kept, present, restored

HERE = "https://plans.example"
BY = Principal(
    client_id="records",
    scopes=parse("system/CarePlan.rs?status=active system/Goal.r"),
    organization="Organization/s",
    person=None,
    purpose="CAREMGT",
    issuer=HERE,
    token_id="t-1",
    expires=datetime(2026, 3, 2, tzinfo=UTC),
)


def a_client(scopes: str = "system/*.cruds", organization: str = "Organization/s", *purposes: str) -> dict[str, Client]:
    return {"records": Client("records", organization, None, parse(scopes), purposes or ("TREAT", "CAREMGT"), {})}


def test_what_is_kept_is_restored_but_for_the_token_itself() -> None:
    found = restored(kept(BY))
    assert replace(found, token_id=BY.token_id, expires=BY.expires) == BY
    assert found.expires.year == 9999


def test_a_registered_client_is_what_it_is_registered_for_now() -> None:
    assert present(BY, clients=a_client(), issuer=HERE, trusted={HERE}) == BY
    less = present(BY, clients=a_client("system/Goal.rs"), issuer=HERE, trusted={HERE})
    assert less is not None
    assert less.scopes == parse("system/Goal.r")


def test_who_is_registered_no_more_or_for_another_is_nobody() -> None:
    assert present(BY, clients={}, issuer=HERE, trusted={HERE}) is None
    assert present(BY, clients=a_client("system/Task.r"), issuer=HERE, trusted={HERE}) is None
    assert present(BY, clients=a_client("system/*.r", "Organization/other"), issuer=HERE, trusted={HERE}) is None
    assert present(BY, clients=a_client("system/*.r", "Organization/s", "TREAT"), issuer=HERE, trusted={HERE}) is None


def test_of_others_who_issue_tokens_nothing_is_known_here_but_whether_they_are_trusted() -> None:
    elsewhere = replace(BY, issuer="https://elsewhere.example")
    assert present(elsewhere, clients={}, issuer=HERE, trusted={HERE, "https://elsewhere.example"}) == elsewhere
    assert present(elsewhere, clients={}, issuer=HERE, trusted={HERE}) is None
    assert present(BY, clients=a_client(), issuer=HERE, trusted={"https://elsewhere.example"}) is None
