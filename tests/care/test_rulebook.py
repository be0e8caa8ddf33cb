"""Rules of the care models."""

from collections.abc import Iterator
from typing import Any

import pytest

from judged import plan
from published import bundles, examples
from sharedplan.care import rulebook
from sharedplan.care.rule import Rule, rule
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.json_text import read


def told(proposed: dict[str, Any], interaction: str = "create") -> list[tuple[str | None, str]]:
    """(expression, key of the invariant) of each issue."""
    issues = rulebook.issues(proposed["resourceType"], interaction, None, proposed)
    return [(issue.at, issue.saying.rpartition("(")[2].rstrip(")")) for issue in issues]


def team(*participants: dict[str, Any], **elements: Any) -> dict[str, Any]:
    return {"resourceType": "CareTeam", "participant": list(participants), **elements}


def test_an_activity_is_referred_to_or_described() -> None:
    activities = [
        {"reference": {"reference": "Task/1"}},
        {"detail": {"status": "scheduled"}},
        {"reference": {"reference": "Task/1"}, "detail": {"status": "scheduled"}},
    ]
    assert told(plan(activity=activities)) == [("CarePlan.activity[2]", "cpl-3")]


ORGANIZATION = {"reference": "Organization/1"}


@pytest.mark.parametrize(
    "member",
    [
        {"reference": "Practitioner/1"},
        {"reference": "https://x.fi/fhir/Practitioner/1"},
        {"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},
        {"reference": "#p"},
        {"identifier": {"value": "1"}},
        {"type": "Practitioner", "display": "x"},
    ],
)
def test_a_practitioner_may_take_part_on_behalf_of_an_organization(member: dict[str, Any]) -> None:
    contained = [{"resourceType": "Practitioner", "id": "p"}]
    assert told(team({"member": member, "onBehalfOf": ORGANIZATION}, contained=contained)) == []


@pytest.mark.parametrize(
    "member",
    [{"reference": "Patient/1"}, {"reference": "#p"}, {"type": "RelatedPerson", "display": "x"}],
)
def test_others_take_part_for_themselves(member: dict[str, Any]) -> None:
    contained = [{"resourceType": "Patient", "id": "p"}]
    proposed = team(
        {"member": {"reference": "Patient/1"}}, {"member": member, "onBehalfOf": ORGANIZATION}, contained=contained
    )
    assert told(proposed) == [("CareTeam.participant[1].onBehalfOf", "ctm-1")]


def test_a_target_with_a_detail_says_what_is_measured() -> None:
    goal = {"resourceType": "Goal", "target": [{"dueDate": "2025"}, {"detailString": "x", "measure": {"text": "y"}}]}
    assert told(goal) == []
    assert told({**goal, "target": [{"detailString": "x"}]}) == [("Goal.target[0].measure", "gol-1")]


def test_a_task_is_not_modified_before_it_is_authored() -> None:
    task = {"resourceType": "Task", "authoredOn": "2025-06-03T14:10:00Z", "lastModified": "2025-06-03T17:10:00+03:00"}
    assert told(task) == []
    assert told({**task, "lastModified": "2025-06-03T17:09:59+03:00"}) == [("Task.lastModified", "inv-1")]


@pytest.mark.parametrize("interaction", ["create", "update", "patch"])
def test_a_rule_on_writes_applies_to_all_of_them(interaction: str) -> None:
    both = plan(activity=[{"reference": {"reference": "Task/1"}, "detail": {"status": "scheduled"}}])
    assert len(told(both, interaction)) == 1


def test_a_deletion_breaks_none_of_them() -> None:
    assert rulebook.issues("CarePlan", "delete", plan(), None) == []


def test_what_others_wrote_breaks_no_rule() -> None:
    written = [read(text) for text in examples()]
    written += [entry["resource"] for text in bundles()[::5] for entry in read(text)["entry"]]
    assert [told(resource) for resource in written if resource["resourceType"] != "Consent" and told(resource)] == []


def test_of_the_published_consents_those_are_refused_that_nobody_can_read_in_one_way() -> None:
    consents = [one for one in map(read, examples()) if one["resourceType"] == "Consent"]
    refused = {one["id"].removeprefix("consent-example-") for one in consents if told(one)}
    assert refused == {"Emergency", "Out", "grantor", "notAuthor", "notThem", "notThis", "pkb", "signature"}
    assert {one["id"].removeprefix("consent-example-") for one in consents} - refused == {
        "basic",
        "notOrg",
        "notTime",
        "smartonfhir",
    }


def a_rule(on: str) -> Rule:
    @rule("CarePlan", on=on, source="http://x")
    def a_plan_is_good(current: Json | None, proposed: Json | None) -> Iterator[Issue]:
        yield Issue("invariant", "no")

    return a_plan_is_good


@pytest.mark.parametrize(
    ("on", "interaction", "current", "applies"),
    [
        ("write", "create", None, True),
        ("write", "update", None, True),
        ("write", "update", {}, True),
        ("write", "delete", {}, False),
        ("create", "create", None, True),
        ("create", "update", None, True),
        ("create", "update", {}, False),
        ("update", "update", {}, True),
        ("update", "patch", {}, True),
        ("update", "update", None, False),
        ("update", "create", None, False),
        ("delete", "delete", {}, True),
        ("delete", "update", {}, False),
    ],
)
def test_a_rule_applies_on_its_occasion(on: str, interaction: str, current: Json | None, applies: bool) -> None:
    assert a_rule(on).applies(interaction, current) is applies


def test_a_rule_is_named_by_its_sentence() -> None:
    assert a_rule("write").name == "a plan is good"


def test_an_occasion_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not on 'sundays'"):
        rule("CarePlan", on="sundays", source="http://x")


def test_every_rule_names_its_source() -> None:
    assert all(each.source.startswith("https://") for rules in rulebook.RULES.values() for each in rules)
