"""A team as its members come and go."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sharedplan.demo.stories import records
from sharedplan.demo.stories.cast import JARI, KAI

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)


def whom(team: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(each["member"]["reference"], "end" in each["period"]) for each in team["participant"]]


def test_a_guest_who_comes_again_and_again_stands_in_the_team_once() -> None:
    team = {"participant": [records.member("coordinator", KAI, NOW)]}
    for week in range(3):
        team = records.joined(team, "ngo", JARI, NOW + timedelta(weeks=week))
        assert whom(team) == [("Practitioner/kai", False), ("Practitioner/jari", False)]
        team = records.left(team, JARI, NOW + timedelta(weeks=week, days=1))
        assert whom(team) == [("Practitioner/kai", False), ("Practitioner/jari", True)]


def test_a_clients_stance_is_read_from_the_goal() -> None:
    goal = records.goal(KAI, KAI, "Koti", "disagree")
    assert records.is_stance(goal, "disagree") and not records.is_stance(goal, "agree")
    assert not records.is_stance({"resourceType": "Goal"}, "agree")
