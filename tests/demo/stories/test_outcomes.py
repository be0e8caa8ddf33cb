"""What a story holds an answer to: each outcome says in what an answer is otherwise."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from sharedplan.care.codes import RULE
from sharedplan.demo.stories.outcomes import Answer, Done, Foreseen, Hidden, Holds, Outcome, Refused, Reviewed, Sees


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
        (Foreseen(("R2.1",)), WARNED),
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
        (Foreseen(("R1.5",)), WARNED, "does not foresee R1.5"),
        (Foreseen(), REFUSED, "answered 422"),
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
    assert list(Sees({}).tells(shown(Goal=2, CarePlan=1))) == ["sees the plan, 2 goals"]
    assert list(Foreseen().tells(WARNED)) == ["R2.1: 6/5", "R4.4: it took 4 days"]
    assert list(Reviewed((), (), {"R4.4": ""}).tells(WARNED)) == ["! R2.1: 6/5", "R4.4: it took 4 days"]


def test_a_person_reads_what_is_hidden_and_why_and_what_is_new() -> None:
    whole = Counter(CarePlan=1, Goal=2, Consent=1, Practitioner=3)
    seen = Sees({}, why="no more was allowed", whole=whole, before=Counter(CarePlan=1, Task=2))
    assert list(seen.tells(shown(CarePlan=1, Goal=1))) == [
        "sees the plan, 1 goal",
        "hidden: 1 goal, 1 consent; no more was allowed",
        "since the last time: 1 goal more and 2 tasks less",
    ]
    first = Sees({}, whole=Counter(CarePlan=1), before=Counter())
    assert list(first.tells(shown(CarePlan=1)))[1:] == ["nothing is hidden", "since the last time: it saw nothing then"]
    same = Sees({}, before=Counter(CarePlan=1))
    assert list(same.tells(shown(CarePlan=1)))[-1] == "since the last time: as many of each"


def test_a_person_reads_why_nothing_is_shown_or_may_be_done() -> None:
    (absent,) = Hidden(why="no consent names it").tells(Answer(404))
    assert absent == "sees nothing of it, not even that it is there: no consent names it"
    assert list(Hidden(403, "it may read").tells(Answer(403))) == ["it may read"]
    assert list(Holds("it is so", lambda _: True, lambda answer: [answer.body["id"]]).tells(REFUSED)) == [
        "R0.1: Jari has not been accepted"
    ]
