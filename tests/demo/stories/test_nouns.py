"""What people read of types and numbers."""

from collections import Counter

from sharedplan.demo.stories.nouns import all_of, counted


def test_things_are_told_in_the_order_of_a_plan_with_their_number() -> None:
    found = Counter(Encounter=1, Goal=2, CarePlan=1, CareTeam=2, Practitioner=1, PractitionerRole=4, Basic=3)
    assert counted(found) == "the plan, 2 teams, 2 goals, 1 meeting, 1 worker by name, 3 Basic"
    assert counted(Counter()) == ""


def test_the_directory_is_not_told_as_hidden() -> None:
    assert counted(Counter(Goal=1, Practitioner=2, Organization=1, Location=1), is_hidden=True) == "1 goal"


def test_a_consent_is_for_all_of_a_type() -> None:
    assert [all_of(each) for each in ("CarePlan", "Task", "Basic")] == ["the plan", "tasks", "Basic"]
