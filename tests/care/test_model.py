"""What the service models say of themselves, and which of them a plan follows."""

from datetime import date

import pytest

from sharedplan import published
from sharedplan.care import codes, model
from sharedplan.care.model import GENERAL, Span

BASE = codes.MODELS


@pytest.mark.parametrize(
    ("id", "roles"),
    [
        ("stop", "social-worker housing mental-health"),
        ("posote", "social-worker nurse ngo relative"),
        ("kaannekohta", "social-instructor nurse"),
        ("soite", "social-worker mental-health substance-services school"),
        ("minun-tiimini", "social-worker nurse employment ngo relative"),
    ],
)
def test_each_model_names_the_roles_it_wants(id: str, roles: str) -> None:
    assert model.shipped()[BASE + id].roles == tuple(roles.split())


def test_the_general_rules_hold_in_every_model() -> None:
    assert all(each.rules > GENERAL for each in model.shipped().values())
    assert len(model.shipped()) == 5


def test_only_soite_has_a_target_for_the_assessment() -> None:
    targets = {url.removeprefix(BASE): each.need_assessment_target for url, each in model.shipped().items()}
    assert {id: target for id, target in targets.items() if target is not None} == {"soite": Span(3, "mo")}


def test_kaannekohta_holds_five_meetings_and_takes_referrals_of_adult_social_services() -> None:
    found = model.shipped()[BASE + "kaannekohta"]
    assert found.encounter_limit == 5
    assert found.referrer_types == {"adult-social-services"}
    assert {f"R2.{n}" for n in range(1, 9)} < found.rules


def test_a_plan_follows_the_model_it_names_also_by_version() -> None:
    plan = {"instantiatesCanonical": [BASE + "stop|1.0.0"]}
    found = model.of(plan, None)
    assert found is not None
    assert found.title == "STOP-työryhmä"


def test_without_a_plan_the_referral_counts() -> None:
    found = model.of(None, {"instantiatesCanonical": [BASE + "soite"]})
    assert found is not None
    assert found.url == BASE + "soite"
    assert model.of({}, None) is None
    assert model.of({"instantiatesCanonical": ["https://elsewhere.example/plan"]}, None) is None


def test_another_model_is_one_more_definition() -> None:
    posote = next(each for each in published.of_type("PlanDefinition") if each["id"] == "posote")
    elderly = {**posote, "id": "posote-iakkaat", "title": "POSOTE iäkkäille"}  # and has still the url of the other
    found = model.of({"instantiatesCanonical": [BASE + "posote-iakkaat"]}, None, [posote, elderly])
    assert found is not None
    assert (found.title, found.url) == ("POSOTE iäkkäille", BASE + "posote-iakkaat")
    assert found.rules == model.shipped()[BASE + "posote"].rules


def test_a_definition_that_lists_no_rules_has_the_general_ones() -> None:
    assert model.read({"resourceType": "PlanDefinition", "id": "own"}).rules == GENERAL


@pytest.mark.parametrize(
    ("span", "start", "end"),
    [
        (Span(3, "mo"), date(2025, 11, 30), date(2026, 2, 28)),
        (Span(3, "mo"), date(2026, 1, 20), date(2026, 4, 20)),
        (Span(1, "a"), date(2024, 2, 29), date(2025, 2, 28)),
        (Span(7, "d"), date(2025, 12, 28), date(2026, 1, 4)),
        (Span(2, "wk"), date(2026, 1, 1), date(2026, 1, 15)),
    ],
)
def test_a_span_ends_on_the_day_of_the_same_number(span: Span, start: date, end: date) -> None:
    assert span.after(start) == end


def test_a_duration_that_is_no_whole_number_of_days_or_months_is_none() -> None:
    assert model.span({"value": 1.5, "code": "mo"}) is None
    assert model.span({"value": 2, "code": "h"}) is None
    assert model.span({"value": 7, "unit": "d"}) == Span(7, "d")
