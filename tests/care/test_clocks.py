"""Due dates of need assessments: Finnish working days, month ends, Helsinki, and only where there is a ground."""

from datetime import date
from typing import Any

import pytest

from sharedplan.care import clocks, codes, spoken
from sharedplan.care.clocks import Clock, Due, clocks_of, month_due, start_due, state, with_clocks
from sharedplan.care.model import ServiceModel, Span
from sharedplan.care.review import dates

SOITE = ServiceModel("soite", "Soite", need_assessment_target=Span(3, "mo"))
STOP = ServiceModel("stop", "STOP")
HASTY = ServiceModel("hasty", "Hasty", need_assessment_target=Span(7, "d"))


def a_task(*basis: str, authored: str = "2026-01-20T09:00:00+02:00", **elements: Any) -> dict[str, Any]:
    task = {
        "resourceType": "Task",
        "code": {"coding": [{"system": codes.TASK, "code": "need-assessment"}]},
        "authoredOn": authored,
        **elements,
    }
    if basis:
        task["reasonCode"] = {"coding": [{"system": codes.LEGAL_BASIS, "code": each} for each in basis]}
    return task


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-01-20", "2026-01-29"),  # a Tuesday
        ("2026-04-01", "2026-04-14"),  # before Easter
        ("2026-02-07", "2026-02-17"),  # a Saturday: the first day that counts is Monday
        ("2026-12-23", "2027-01-07"),  # Christmas, New Year, Epiphany
        ("2026-06-18", "2026-06-30"),  # Midsummer Eve
    ],
)
def test_an_assessment_starts_by_the_seventh_working_day(received: str, due: str) -> None:
    assert start_due(date.fromisoformat(received)) == date.fromisoformat(due)


def test_christmas_eve_and_midsummer_eve_are_not_working_days() -> None:
    assert not clocks.is_working_day(date(2026, 12, 24)) and not clocks.is_working_day(date(2026, 6, 19))
    assert clocks.is_working_day(date(2026, 12, 23)) and clocks.is_working_day(date(2026, 6, 18))


@pytest.mark.parametrize(
    ("start", "strict", "extended"),
    [
        ("2026-01-20", "2026-04-20", "2026-04-20"),
        ("2025-11-30", "2026-02-28", "2026-03-02"),  # a Saturday: both are told
        ("2026-01-31", "2026-04-30", "2026-04-30"),
        ("2026-02-01", "2026-05-01", "2026-05-04"),  # May Day
    ],
)
def test_months_end_on_the_same_day_or_the_last(start: str, strict: str, extended: str) -> None:
    assert month_due(date.fromisoformat(start), 3) == Due(date.fromisoformat(strict), date.fromisoformat(extended))


def test_dates_are_counted_in_helsinki() -> None:
    (start, finish) = clocks_of(a_task("lsl-26", authored="2025-12-31T23:30:00Z"), None, None)
    assert finish.due.strict == date(2026, 4, 1)
    assert start.due.strict == start_due(date(2026, 1, 1))


def test_child_protection_and_special_support_have_both_limits() -> None:
    for basis in ("lsl-26", "shl-36-special-support"):
        assert clocks_of(a_task(basis), None, None) == (
            Clock("start", Due(date(2026, 1, 29), date(2026, 1, 29)), basis, "statutory"),
            Clock("finish", Due(date(2026, 4, 20), date(2026, 4, 20)), basis, "statutory"),
        )


def test_care_allowance_and_age_limit_the_start_only() -> None:
    for basis in ("shl-36-care-allowance", "shl-36-over-75"):
        assert [(each.kind, each.basis) for each in clocks_of(a_task(basis), None, None)] == [("start", basis)]


@pytest.mark.parametrize(
    ("born", "found"),
    [("1951-01-20", True), ("1951-01-21", False), ("1951", True), ("1952", False), ("1940-05", True), (None, False)],
)
def test_the_date_of_birth_is_a_ground_from_the_75th_birthday_on(born: str | None, found: bool) -> None:
    patient = {"resourceType": "Patient", "birthDate": born} if born else None
    assert [each.basis for each in clocks_of(a_task(), patient, None)] == ["shl-36-over-75"] * found


def test_without_law_and_without_target_there_is_no_clock() -> None:
    assert clocks_of(a_task(), {"birthDate": "1984-01-01"}, STOP) == ()
    assert clocks_of(a_task("model-target"), None, None) == ()
    assert clocks_of(a_task("lsl-26", authored="2026-01"), None, None) == ()
    assert clocks_of({**a_task("lsl-26"), "code": {"text": "review"}}, None, SOITE) == ()


def test_a_model_target_is_a_target_and_no_law() -> None:
    (finish,) = clocks_of(a_task(), None, SOITE)
    assert (finish.basis, finish.binding, finish.due.strict) == ("model-target", "target", date(2026, 4, 20))


def test_a_shorter_local_target_stands_beside_the_law() -> None:
    found = clocks_of(a_task("lsl-26"), None, HASTY)
    assert [(each.kind, each.due.strict.isoformat(), each.binding) for each in found] == [
        ("start", "2026-01-29", "statutory"),
        ("finish", "2026-04-20", "statutory"),
        ("finish", "2026-01-27", "target"),
    ]
    assert [each.binding for each in clocks_of(a_task("lsl-26"), None, SOITE)] == ["statutory", "statutory"]


def test_states_are_on_time_due_soon_and_late() -> None:
    due = date(2026, 4, 20)
    assert state(due, None, date(2026, 4, 5)) == "on-time"
    assert state(due, None, date(2026, 4, 6)) == "due-soon"
    assert state(due, None, date(2026, 4, 20)) == "due-soon"
    assert state(due, None, date(2026, 4, 21)) == "late"
    assert state(due, date(2026, 4, 20), date(2026, 6, 1)) == "on-time"
    assert state(due, date(2026, 4, 21), date(2026, 6, 1)) == "late"


def test_the_clocks_of_a_task_are_the_services_own() -> None:
    forged = {"url": codes.CLOCK, "extension": [{"url": "due", "valueDate": "2099-01-01"}]}
    other = {"url": codes.TIER, "valueCode": "basic"}
    stated = a_task(
        "lsl-26", extension=[forged, other], restriction={"repetitions": 1, "period": {"end": "2099-01-01"}}
    )
    task = with_clocks(stated, None, None)
    assert task["restriction"] == {"repetitions": 1, "period": {"end": "2026-04-20"}}
    assert [each["url"] for each in task["extension"]] == [codes.TIER, codes.CLOCK, codes.CLOCK]
    assert task["extension"][2] == {
        "url": codes.CLOCK,
        "extension": [
            {"url": "kind", "valueCode": "finish"},
            {"url": "due", "valueDate": "2026-04-20"},
            {"url": "dueExtended", "valueDate": "2026-04-20"},
            {"url": "basis", "valueCoding": {"system": codes.LEGAL_BASIS, "code": "lsl-26"}},
            {"url": "binding", "valueCode": "statutory"},
        ],
    }
    assert with_clocks(task, None, None) == task


def test_no_finish_clock_no_end() -> None:
    stated = a_task("shl-36-over-75", restriction={"period": {"start": "2026-01-20", "end": "2026-03-01"}})
    task = with_clocks(stated, None, None)
    assert task["restriction"] == {"period": {"start": "2026-01-20"}}
    bare = with_clocks(a_task(restriction={"period": {"end": "2026-03-01"}}), None, None)
    assert "restriction" not in bare and "extension" not in bare


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "9999-12-31", "0001-01-01T00:00:00Z"])
def test_the_ends_of_the_calendar_break_no_clock(moment: str) -> None:
    assert all(each.kind in ("start", "finish") for each in clocks_of(a_task("lsl-26", authored=moment), None, None))
    assert spoken.date_(moment, "fi")
    assert dates.last_day({"end": moment}) is not None


def test_an_end_that_is_worked_out_is_not_before_the_start_that_was_stated() -> None:
    task = a_task("lsl-26", authored="2026-01-20", restriction={"period": {"start": "2026-09-01"}})
    assert with_clocks(task, None, None)["restriction"]["period"] == {"end": "2026-04-20"}
