"""What a story holds an answer to: each outcome says in what an answer is otherwise."""

from collections.abc import Mapping
from typing import Any

import pytest

from sharedplan.care.codes import RULE
from sharedplan.demo.stories.outcomes import Answer, Done, Hidden, Holds, Outcome, Refused, Reviewed, Sees


def told(status: int, *issues: tuple[str, str, str]) -> Answer:
    """An OperationOutcome of (severity, rule, sentence)."""
    listed = [
        {"severity": severity, "details": {"coding": [{"system": RULE, "code": rule}], "text": sentence}}
        for severity, rule, sentence in issues
    ]
    return Answer(status, {"resourceType": "OperationOutcome", "issue": listed})


def shown(**counts: int) -> Answer:
    entries = [{"resource": {"resourceType": type}} for type, count in counts.items() for _ in range(count)]
    return Answer(200, {"resourceType": "Bundle", "entry": entries})


WARNED = told(200, ("warning", "R2.1", "6/5"), ("information", "R4.4", "it took 4 days"))
REFUSED = told(422, ("error", "R0.1", "Jari has not been accepted"))
MADE: Mapping[str, Any] = {"headers": {"location": "http://x/fhir/Task/1/_history/1"}}


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (Done(), Answer(201, **MADE)),
        (Done(("R2.1",)), WARNED),
        (Refused("R0.1", ("Jari",)), REFUSED),
        (Hidden(), Answer(404)),
        (Sees({"Goal": 2, "Task": 0}, ("Consent",)), shown(Goal=2, Task=3)),
        (Reviewed(("R2.1",), ("R0.1",), {"R4.4": "4 days"}), WARNED),
        (Holds("it is so", lambda answer: answer.status == 200, lambda _: ()), Answer(200)),
    ],
)
def test_what_was_to_come_has_no_fault(outcome: Outcome, answer: Answer) -> None:
    assert list(outcome.faults(answer)) == []


@pytest.mark.parametrize(
    ("outcome", "answer", "fault"),
    [
        (Done(), REFUSED, "answered 422, not 200 or 201: Jari has not been accepted"),
        (Done(), WARNED, "warns of R2.1, not of nothing"),
        (Done(("R2.5",)), WARNED, "warns of R2.1, not of R2.5"),
        (Refused("R0.1"), Answer(201), "answered 201, not 422"),
        (Refused("R1.1"), REFUSED, "refused by R0.1, not by R1.1"),
        (Refused("R0.1", ("Veikko",)), REFUSED, "does not name Veikko"),
        (Hidden(), Answer(200), "answered 200, not 404"),
        (Hidden(403), Answer(404), "answered 404, not 403"),
        (Sees({"Goal": 2}), shown(Goal=1), "shows 1 of Goal, not 2"),
        (Sees({"Goal": 0}), shown(Task=1), "shows 0 of Goal, not some"),
        (Sees({}, ("Consent",)), shown(Consent=1), "shows 1 of Consent, and should not"),
        (Reviewed(("R0.1",)), WARNED, "does not warn of R0.1"),
        (Reviewed((), ("R2.1",)), WARNED, "still warns of R2.1"),
        (Reviewed((), (), {"R4.4": "5 days"}), WARNED, "R4.4 does not say '5 days'"),
        (Holds("it is so", lambda _: False, lambda _: ()), Answer(200), "not so that it is so"),
        (Holds("it is so", lambda _: True, lambda _: ()), Answer(500), "answered 500"),
    ],
)
def test_what_comes_out_otherwise_is_said(outcome: Outcome, answer: Answer, fault: str) -> None:
    found = list(outcome.faults(answer))
    assert any(fault in each for each in found), found


def test_a_person_reads_what_was_made_and_what_was_said() -> None:
    assert list(Done().tells(Answer(201, **MADE))) == ["Task/1"]
    assert list(Done().tells(Answer(200, headers={"etag": 'W/"3"'}))) == ["version 3"]
    assert list(Refused("R0.1").tells(REFUSED)) == ["R0.1: Jari has not been accepted"]
    assert list(Sees({}).tells(shown(Goal=2, CarePlan=1))) == ["sees CarePlan, Goal 2"]
    assert list(Reviewed((), (), {"R4.4": ""}).tells(WARNED)) == ["! R2.1: 6/5", "R4.4: it took 4 days"]
