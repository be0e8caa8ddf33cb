"""What a plan begins with, by its model."""

from collections import Counter
from datetime import date
from itertools import count
from typing import Any

import pytest

from sharedplan import published
from sharedplan.care import codes
from sharedplan.care.start import Start, started
from sharedplan.fhir import references, resources

Json = dict[str, Any]

MODELS = {each["id"]: each for each in published.of_type("PlanDefinition")}
BEGUN = Start(
    {"reference": "Patient/aino", "display": "Aino"},
    {"reference": "Practitioner/sari", "display": "Sari"},
    {"reference": "Organization/s"},
    date(2026, 11, 30),
    date(2026, 11, 30),
)


def of(definition: Json, start: Start = BEGUN) -> dict[str, list[Json]]:
    """Type → what there is of it."""
    numbers = count(1)
    found: dict[str, list[Json]] = {}
    for _, each in started(definition, start, lambda: f"00000000-0000-4000-8000-{next(numbers):012}"):
        found.setdefault(each["resourceType"], []).append(each)
    return found


def tasks(found: dict[str, list[Json]]) -> dict[str, Json]:
    return {codes.codes(each["code"], codes.TASK)[0]: each for each in found["Task"]}


@pytest.mark.parametrize("model", MODELS)
def test_each_model_gives_one_each_of_plan_team_episode_and_consent(model: str) -> None:
    found = of(MODELS[model])
    assert Counter({type: len(listed) for type, listed in found.items() if type not in ("Goal", "Task")}) == {
        "CarePlan": 1,
        "CareTeam": 1,
        "EpisodeOfCare": 1,
        "Consent": 1,
    }
    (plan,), (team,), (consent,) = found["CarePlan"], found["CareTeam"], found["Consent"]
    assert (plan["status"], team["status"], consent["status"]) == ("draft", "proposed", "draft")
    assert codes.has(plan["category"], codes.PLAN, "shared-plan")
    assert codes.has(consent["category"], codes.CONSENT_CATEGORY, "team")
    assert plan["instantiatesCanonical"] == [codes.MODELS + model]


@pytest.mark.parametrize("model", MODELS)
def test_what_it_gives_is_sound_and_hangs_together(model: str) -> None:
    numbers = count(1)
    made = started(MODELS[model], BEGUN, lambda: f"00000000-0000-4000-8000-{next(numbers):012}")
    urls = [url for url, _ in made]
    assert len(set(urls)) == len(urls)
    for _, each in made:
        assert not [i for i in resources.issues_of(each["resourceType"], each) if i.severity == "error"]
        for _, _, text in references.each(each):
            assert text in urls or text in ("Patient/aino", "Practitioner/sari", "Organization/s")


def test_plan_and_team_belong_to_the_episode() -> None:
    made = started(MODELS["stop"], BEGUN, iter("abcdefghijk").__next__)
    (episode,) = [url for url, each in made if each["resourceType"] == "EpisodeOfCare"]
    for _, each in made:
        if each["resourceType"] in ("CarePlan", "CareTeam"):
            assert codes.extension(each, codes.EPISODE) == {
                "url": codes.EPISODE,
                "valueReference": {"reference": episode},
            }


def test_the_own_worker_coordinates_and_the_other_roles_stand_unfilled() -> None:
    (team,) = of(MODELS["minun-tiimini"])["CareTeam"]
    first, *others = team["participant"]
    assert codes.codes(first["role"], codes.TEAM_ROLE) == ["coordinator"]
    assert first["member"]["reference"] == "Practitioner/sari"
    assert first["onBehalfOf"] == {"reference": "Organization/s"}
    assert [codes.codes(each["role"], codes.TEAM_ROLE) for each in others] == [
        ["social-worker"],
        ["nurse"],
        ["employment"],
        ["ngo"],
        ["relative"],
    ]
    assert not any("member" in each for each in others)


def test_a_worker_by_his_role_is_on_behalf_of_nobody_else() -> None:
    by_role = Start(
        BEGUN.client, {"reference": "PractitionerRole/sari"}, BEGUN.organization, date(2026, 1, 1), date(2026, 1, 1)
    )
    (team,) = of(MODELS["stop"], by_role)["CareTeam"]
    assert "onBehalfOf" not in team["participant"][0]


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("stop", set()),
        ("posote", {"feedback"}),
        ("kaannekohta", set()),
        ("soite", {"phase-assessment", "phase-plan", "phase-realisation"}),
        ("minun-tiimini", set()),
    ],
)
def test_the_tasks_are_those_of_every_plan_and_of_the_model(model: str, more: set[str]) -> None:
    found = tasks(of(MODELS[model]))
    assert found.keys() == {"need-assessment", "own-step", "review"} | more
    assert found["need-assessment"]["authoredOn"] == "2026-11-30"
    assert codes.extension(found["own-step"], codes.PERTAINS_TO_GOAL) is not None
    for kind, each in found.items():
        assert each["owner"]["reference"] == (
            "Patient/aino" if kind in ("own-step", "feedback") else "Practitioner/sari"
        )


def test_the_review_has_a_date_and_the_assessment_only_that_which_the_service_works_out() -> None:
    found = tasks(of(MODELS["stop"]))
    assert found["review"]["restriction"]["period"]["end"] == "2027-02-28"
    assert "restriction" not in found["need-assessment"]
    assert found["need-assessment"]["input"][0]["valueCanonical"].endswith("/Questionnaire/need-assessment")


def test_the_goals_wait_for_the_clients_stance() -> None:
    for goal in of(MODELS["posote"])["Goal"]:
        assert goal["lifecycleStatus"] == "proposed"
        stance = codes.extension(goal, codes.ACCEPTANCE)
        assert stance is not None
        assert {"url": "status", "valueCode": "pending"} in stance["extension"]


def test_an_episode_that_starts_later_is_planned() -> None:
    later = Start(BEGUN.client, BEGUN.coordinator, BEGUN.organization, date(2027, 1, 1), date(2026, 11, 30))
    assert of(MODELS["stop"], later)["EpisodeOfCare"][0]["status"] == "planned"
    assert of(MODELS["stop"])["EpisodeOfCare"][0]["status"] == "active"


def test_the_referral_that_the_client_came_by_is_named() -> None:
    by_referral = Start(
        BEGUN.client, BEGUN.coordinator, BEGUN.organization, BEGUN.on, BEGUN.today, {"reference": "ServiceRequest/1"}
    )
    (episode,) = of(MODELS["stop"], by_referral)["EpisodeOfCare"]
    assert episode["referralRequest"] == [{"reference": "ServiceRequest/1"}]


def test_a_definition_that_says_nothing_still_starts_a_plan() -> None:
    found = of({"resourceType": "PlanDefinition", "id": "own", "status": "draft"})
    assert tasks(found).keys() == {"need-assessment", "own-step", "review"}
    assert "Goal" not in found
    assert len(found["CareTeam"][0]["participant"]) == 1
