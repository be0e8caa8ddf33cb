"""What the service publishes of its own: sound resources, whose codes, texts and references belong together."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from sharedplan import published
from sharedplan.care import codes, model
from sharedplan.care.finding import LANGUAGES
from sharedplan.care.measures.figures import Around, Period
from sharedplan.care.measures.known import MEASURES
from sharedplan.exchange.accepting import accepted
from sharedplan.fhir import json_text, resources

TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"

ALL = {name: json_text.read(text) for name, text in published.texts().items()}
OF_CODES = {each["url"]: each for each in published.of_type("CodeSystem")}


@pytest.mark.parametrize("name", ALL)
def test_it_is_as_the_service_would_accept_it_from_anybody(name: str) -> None:
    resource = ALL[name]
    assert f"{resource['resourceType']}/{resource['id']}" == name
    assert not [each for each in resources.issues_of(resource["resourceType"], resource) if each.severity == "error"]
    assert {"url", "version", "status", "publisher"} <= resource.keys()


@pytest.mark.parametrize("url", [each for each in OF_CODES if not each.endswith("/provenance")])
def test_every_code_has_a_display_in_each_language(url: str) -> None:
    for concept in OF_CODES[url]["concept"]:
        told = {each["language"]: each["value"] for each in concept["designation"]}
        assert set(told) == set(LANGUAGES), concept["code"]
        assert concept["display"] == told["en"]


def test_the_code_systems_have_the_rules_and_the_roles_of_the_models() -> None:
    rules = {each["code"] for each in OF_CODES[codes.RULE]["concept"]}
    roles = {each["code"] for each in OF_CODES[codes.TEAM_ROLE]["concept"]}
    for each in model.shipped().values():
        assert each.rules <= rules
        assert set(each.roles) <= roles
    assert len(rules) == 1 + 10 + 8 + 8 + 17 + 10


def test_every_code_of_ours_that_is_used_is_published_and_displayed_as_it_is_published() -> None:
    known = {url: {each["code"]: each for each in system["concept"]} for url, system in OF_CODES.items()}
    for name, resource in ALL.items():
        for coding in codings(resource):
            if coding.get("system", "").startswith(codes.OURS):
                concept = known[coding["system"]][coding["code"]]
                displays = {concept["display"], *(each["value"] for each in concept["designation"])}
                assert coding.get("display", concept["display"]) in displays, name


def codings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "system" in value and "code" in value:
            yield value
        for each in value.values():
            yield from codings(each)
    elif isinstance(value, list):
        for each in value:
            yield from codings(each)


def test_the_extensions_of_ours_that_are_used_are_published() -> None:
    urls = {each["url"] for each in published.of_type("StructureDefinition")}
    used = {codes.DEVIATION, codes.CLOCK, codes.TIER}
    for definition in published.of_type("PlanDefinition"):
        used |= {each["url"] for each in definition["extension"]}
    assert used <= urls


def test_the_assessment_asks_for_the_eight_parts_in_three_languages() -> None:
    (asked,) = [each for each in published.of_type("Questionnaire") if each["id"] == "need-assessment"]
    parts = "life-situation weakening-factors health services-in-use needs strengths own-estimate professional-estimate"
    assert [each["linkId"] for each in asked["item"]] == parts.split()
    for item in asked["item"]:
        told = [each for each in item["_text"]["extension"] if each["url"] == TRANSLATION]
        assert {inner["valueCode"] for each in told for inner in each["extension"] if inner["url"] == "lang"} == {
            "sv",
            "en",
        }


def test_what_an_action_leads_to_is_published() -> None:
    questionnaires = {each["url"] for each in published.of_type("Questionnaire")}
    for definition in published.of_type("PlanDefinition"):
        named = {each["definitionCanonical"] for each in definition["action"] if "definitionCanonical" in each}
        assert named <= questionnaires
        goals = {each["id"] for each in definition["goal"]}
        assert {id for each in definition["action"] for id in each.get("goalId", ())} <= goals


def test_each_model_names_its_questionnaires_and_its_measures() -> None:
    named: set[str] = set()
    for each in published.of_type("PlanDefinition"):
        theirs = [one["resource"].removeprefix("https://sharedplan.dev/fhir/") for one in each["relatedArtifact"]]
        assert set(theirs) <= set(published.texts()) and len(theirs) == len(set(theirs)), each["id"]
        assert any(one.startswith("Measure/") for one in theirs), each["id"]
        named.update(theirs)
    there = {name for name in published.texts() if name.startswith(("Measure/", "Questionnaire/"))}
    assert named == there


def test_every_measure_that_is_computed_is_published_with_its_groups_and_strata() -> None:
    around = Around(
        Period(date(2026, 1, 1), date(2027, 1, 1)), datetime(2026, 11, 27, tzinfo=UTC), "Organization/1", "", accepted
    )
    defined = {each["id"]: each for each in published.of_type("Measure")}
    assert defined.keys() == MEASURES.keys()
    for id, made in MEASURES.items():
        groups = [each["code"]["coding"][0]["code"] for each in defined[id]["group"]]
        assert groups == [each.code for each in made(around).groups()], id
