"""What a step wrote, so that others can be asked whether they see it."""

import pytest

from sharedplan.demo.stories.outcomes import Answer
from sharedplan.demo.stories.playing import written
from sharedplan.demo.stories.steps import Request, get, patch, post, put

TASK = {"resourceType": "Task", "id": "a"}
CREATED = Answer(201, headers={"location": "http://x/fhir/Task/1/_history/1"})


def made(*names: str) -> Answer:
    entries = [{"response": {"location": f"http://x/fhir/{name}/_history/1"}} for name in names]
    return Answer(200, {"resourceType": "Bundle", "entry": entries})


@pytest.mark.parametrize(
    ("request_", "answer", "name"),
    [
        (post(TASK), CREATED, "Task/1"),
        (put(TASK), Answer(200), "Task/a"),
        (patch("Task/a"), Answer(200), "Task/a"),
        (patch("Task/a"), Answer(422), ""),
        (get("Task/a"), Answer(200), ""),
        (post({}, "PlanDefinition/stop/$apply"), made("Goal/2", "CarePlan/3"), "CarePlan/3"),
        (post({}, "PlanDefinition/stop/$apply"), made("Goal/2"), ""),
        (post({}, "CarePlan/a/$validate"), Answer(200), ""),
    ],
)
def test_what_was_written_is_known_by_its_name(request_: Request, answer: Answer, name: str) -> None:
    assert written(request_, answer) == name
