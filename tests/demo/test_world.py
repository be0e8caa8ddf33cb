"""The demo world: valid, whole, and nobody real in it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from sharedplan.catalogue import CATALOGUE
from sharedplan.demo import world
from sharedplan.fhir import json_text, references, resources

OURS = "https://sharedplan.dev/fhir/CodeSystem/"
MODELS = {"stop", "posote", "kaannekohta", "soite", "minun-tiimini"}
CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"
HETU = re.compile(r"(\d{6})([-+A-FU-Y])(9\d\d)([0-9A-Y])")


@pytest.fixture(scope="module")
def everything() -> dict[str, dict[str, Any]]:
    return world.resources()


def of_type(everything: dict[str, dict[str, Any]], type: str) -> list[dict[str, Any]]:
    return [each for each in everything.values() if each["resourceType"] == type]


def codings(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        if str(part.get("system", "")).startswith(OURS) and "code" in part:
            yield part["system"].removeprefix(OURS), part["code"]
        for value in part.values():
            yield from codings(value)
    elif isinstance(part, list):
        for value in part:
            yield from codings(value)


def test_nothing_in_it_is_refused_or_odd() -> None:
    for part in world.PARTS:
        for entry in json_text.read(part.text)["entry"]:
            resource = entry["resource"]
            assert resource["resourceType"] in CATALOGUE
            assert entry["request"] == {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
            assert resources.issues_of(resource["resourceType"], resource) == [], resource["id"]


def test_every_reference_leads_to_something_in_it(everything: dict[str, dict[str, Any]]) -> None:
    pointed_at = {text for resource in everything.values() for _, _, text in references.each(resource)}
    assert pointed_at <= everything.keys()


def test_each_service_model_has_a_client_with_one_active_plan(everything: dict[str, dict[str, Any]]) -> None:
    plans = of_type(everything, "CarePlan")
    assert {plan["instantiatesCanonical"][0].rpartition("/")[2] for plan in plans} == MODELS
    assert len({plan["subject"]["reference"] for plan in plans}) == len(plans) == 5
    assert all(plan["status"] == "active" and ("plan", "shared-plan") in codings(plan["category"]) for plan in plans)


def test_each_team_has_one_coordinator_who_is_the_care_manager(everything: dict[str, dict[str, Any]]) -> None:
    for team in of_type(everything, "CareTeam"):
        coordinators = [
            member["member"]["reference"]
            for member in team["participant"]
            if ("team-role", "coordinator") in codings(member["role"]) and "end" not in member["period"]
        ]
        episode = everything[f"EpisodeOfCare/{team['id']}"]
        assert coordinators == [episode["careManager"]["reference"]]


def test_members_came_after_a_consent_that_names_them(everything: dict[str, dict[str, Any]]) -> None:
    for team in of_type(everything, "CareTeam"):
        named = {
            actor["reference"]["reference"]: consent["dateTime"][:10]
            for consent in of_type(everything, "Consent")
            if consent["patient"] == team["subject"]
            for actor in consent["provision"]["actor"]
        }
        for member in team["participant"]:
            roles = {code for system, code in codings(member["role"]) if system == "team-role"}
            names = {member["member"]["reference"], member.get("onBehalfOf", {}).get("reference")}
            since = [named[name] for name in names if name in named]
            assert "coordinator" in roles or (since and min(since) <= member["period"]["start"]), member


def test_those_who_meet_are_named_in_person_unless_they_coordinate(everything: dict[str, dict[str, Any]]) -> None:
    for encounter in of_type(everything, "Encounter"):
        client = encounter["subject"]["reference"]
        manager = everything[f"EpisodeOfCare/{client.partition('/')[2]}"]["careManager"]["reference"]
        accepted = {
            actor["reference"]["reference"]
            for consent in of_type(everything, "Consent")
            if consent["patient"]["reference"] == client and consent["dateTime"] <= encounter["period"]["start"]
            for actor in consent["provision"]["actor"]
        }
        began_with_consent = min(
            consent["dateTime"]
            for consent in of_type(everything, "Consent")
            if consent["patient"]["reference"] == client
        )
        for participant in encounter["participant"]:
            who = participant["individual"]["reference"]
            first_talk = encounter["period"]["start"][:10] <= began_with_consent[:10]
            assert who == manager or who in accepted or first_talk, (encounter["id"], who)


def test_every_goal_says_what_the_client_thinks_of_it(everything: dict[str, dict[str, Any]]) -> None:
    stances = set()
    for goal in of_type(everything, "Goal"):
        (acceptance,) = [each for each in goal["extension"] if each["url"].endswith("/goal-acceptance")]
        said = {each["url"]: each for each in acceptance["extension"]}
        stances.add(said["status"]["valueCode"])
        assert said["individual"]["valueReference"] == goal["subject"]
    assert stances == {"agree", "disagree", "pending"}


def test_each_client_has_own_steps_and_a_dated_review(everything: dict[str, dict[str, Any]]) -> None:
    for plan in of_type(everything, "CarePlan"):
        client = plan["subject"]["reference"]
        tasks = [task for task in of_type(everything, "Task") if task["for"]["reference"] == client]
        assert [t for t in tasks if ("task", "own-step") in codings(t["code"]) and t["owner"]["reference"] == client]
        assert [t for t in tasks if ("task", "review") in codings(t["code"]) and t["restriction"]["period"]["end"]]


def test_personal_identity_codes_are_of_the_test_series_and_add_up(everything: dict[str, dict[str, Any]]) -> None:
    seen = set()
    for patient in of_type(everything, "Patient"):
        (identifier,) = patient["identifier"]
        found = HETU.fullmatch(identifier["value"])
        assert found is not None, identifier
        day, sign, number, check = found.groups()
        born = patient["birthDate"]
        assert day == born[8:10] + born[5:7] + born[2:4]
        assert sign == ("A" if born >= "2000" else "-")
        assert check == CHECK[int(day + number) % 31]
        assert (int(number) % 2 == 1) == (patient["gender"] == "male")
        seen.add(identifier["value"])
    assert len(seen) == 5


def test_codes_of_our_own_have_one_display_each(everything: dict[str, dict[str, Any]]) -> None:
    displays: dict[tuple[str, str], set[str]] = {}

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            if str(part.get("system", "")).startswith(OURS):
                displays.setdefault((part["system"], part["code"]), set()).add(part["display"])
            for value in part.values():
                collect(value)
        elif isinstance(part, list):
            for value in part:
                collect(value)

    collect(list(everything.values()))
    assert displays
    assert all(len(each) == 1 for each in displays.values())


def test_what_the_first_token_needs_is_there(everything: dict[str, dict[str, Any]]) -> None:
    assert {world.CLIENT, world.PLAN, world.PERSON, world.ORGANIZATION} <= everything.keys()
    assert everything[world.PLAN]["author"]["reference"] == world.PERSON
    assert all(part.organization in everything for part in world.PARTS)
