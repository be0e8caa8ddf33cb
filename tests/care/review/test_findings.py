"""Which rules there are, in what order they speak, and what is said of a plan as a whole."""

import string
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

import pytest

from builders import a_goal, a_provision, a_reference
from care.review.case import (
    EVERY_RULE,
    GENERAL_ONLY,
    JARI,
    LEENA,
    NIKO,
    PLAN,
    SARI,
    H,
    N,
    a_coded_organization,
    a_meeting,
    a_member,
    a_permit,
    a_plan_task,
    a_role,
    broken,
    judged,
    met,
    the_case,
    the_plan,
    the_team,
    told,
    until,
)
from sharedplan.care.finding import LANGUAGES
from sharedplan.care.model import GENERAL, ServiceModel, shipped
from sharedplan.care.review.findings import ALWAYS, RULES, findings, order
from sharedplan.care.review.view import View
from sharedplan.exchange.accepting import accepted
from sharedplan.fhir.exchanges import Json

IDS = [
    "one-plan",
    *(f"R{model}.{n}" for model, last in enumerate((10, 8, 8, 17, 10)) for n in range(1, last + 1)),
]


def test_every_rule_of_the_service_models_is_there_in_the_order_of_their_ids() -> None:
    assert list(RULES) == IDS
    assert sorted(reversed(IDS), key=order) == IDS


def test_every_rule_of_every_model_that_comes_with_the_service_can_be_judged() -> None:
    assert frozenset().union(GENERAL, *(each.rules for each in shipped().values())) <= RULES.keys()


def test_each_rule_is_a_sentence_with_a_source() -> None:
    for each in RULES.values():
        assert len(each.name.split()) > 3 and each.source and each.judge.__doc__, each.id


@pytest.mark.parametrize("rule", IDS)
def test_a_case_without_fault_keeps_every_rule(rule: str) -> None:
    assert met(the_case(), rule)


def test_findings_come_in_the_order_of_their_rules_and_speak_three_languages() -> None:
    found = judged(the_case(), EVERY_RULE)
    assert [each.rule for each in found] == sorted((each.rule for each in found), key=order)
    for each in found:
        said = [each.said(language) for language in LANGUAGES]
        assert len(set(said)) == 3 and all(said), each.rule
        assert "{" not in "".join(said) and "None" not in "".join(said), said
        fields = [{name for _, name, _, _ in string.Formatter().parse(words) if name} for words in each.words]
        assert fields[0] == fields[1] == fields[2], each.rule


def test_only_the_rules_of_the_model_speak_and_without_one_the_general_ones() -> None:
    assert {each.rule for each in judged(the_case(), None)} == GENERAL | ALWAYS
    assert {each.rule for each in judged(the_case(), GENERAL_ONLY)} == GENERAL | ALWAYS
    limited = replace(EVERY_RULE, rules=frozenset({"R0.4", "R3.17"}))
    assert {each.rule for each in judged(the_case(), limited)} == {"R0.4", "R3.17"} | ALWAYS


@pytest.mark.parametrize("model", [None, *shipped().values(), replace(EVERY_RULE, rules=frozenset({"R0.4"}))])
def test_whatever_the_model_lists_some_numbers_are_always_told(model: ServiceModel | None) -> None:
    for rule, number in (("R2.1", "1/5"), ("R3.9", "referrals: 0"), ("R3.15", "No-shows: 0"), ("R4.4", "5 days")):
        assert number in met(the_case(), rule, model), rule
    assert told(the_case(), "R3.17", model)


def test_a_plan_that_is_not_the_shared_one_is_told_so_and_nothing_else() -> None:
    (only,) = judged(the_case().with_(the_plan(category=None)), EVERY_RULE)
    assert (only.rule, only.severity) == ("one-plan", "information")
    assert "not the client's shared plan" in only.said()


def test_an_empty_plan_is_judged_by_every_rule_without_a_fault() -> None:
    case = the_case()
    bare = replace(
        case, resources={PLAN: {**the_plan(), "goal": [], "activity": [], "supportingInfo": []}}, traces=None
    )
    assert {each.rule for each in judged(bare, EVERY_RULE)} == set(IDS)


def test_of_what_somebody_does_not_see_all_nothing_is_said_but_that() -> None:
    narrow = replace(the_case().with_(without=["Goal/1"]), partly=frozenset({"Goal", "Encounter"}), traces=None)
    for rule in ("R0.4", "R0.5", "R0.1", "R2.1", "R3.15", "R4.4", "R3.17"):
        assert "do not see" in met(narrow, rule), rule
    assert "meetings" in met(narrow, "R2.1")


def test_a_review_of_more_than_can_be_looked_at_says_so() -> None:
    first = judged(replace(the_case(), is_cut=True), EVERY_RULE)[0]
    assert first.severity == "warning" and "incomplete" in first.said()


def test_a_second_active_shared_plan_is_an_error_unless_one_replaces_the_other() -> None:
    other = {**the_plan(), "id": "2"}
    (found,) = told(the_case().with_(other), "one-plan")
    assert (found.severity, found.at) == ("error", "CarePlan.status")
    assert "CarePlan/2" in found.said()
    assert met(the_case().with_({**other, "replaces": [a_reference(PLAN)]}), "one-plan")
    assert met(the_case().with_({**other, "status": "completed"}), "one-plan")


def test_what_a_plan_names_of_another_person_is_told() -> None:
    theirs = a_goal("Patient/eino", id="1")
    found = told(the_case().with_(theirs), "R3.5")
    assert {each.severity for each in found} == {"warning"}
    assert {each.at for each in found} >= {"CarePlan.goal[0]", "Task.extension[0].value"}
    assert all("Goal/1" in each.said() for each in found)


def test_a_familys_plan_is_told_as_the_whole_that_this_one_is_part_of() -> None:
    assert "CarePlan/family" in met(the_case().with_(the_plan(partOf=[a_reference("CarePlan/family")])), "R3.5")


def a_large_plan(activities: int = 100, encounters: int = 200) -> list[Json]:
    """A plan with that many activities, half of them Tasks, and that many meetings."""
    tasks = [
        a_plan_task(f"t{n}", status="in-progress", owner=a_reference(SARI), **until("2026-06-30"))
        for n in range(activities // 2)
    ]
    described = [
        {
            "detail": {
                "status": "in-progress",
                "code": {"text": f"Service {n}"},
                "performer": [a_reference(SARI)],
                "scheduledPeriod": {"start": "2026-02-01", "end": "2026-06-30"},
            }
        }
        for n in range(activities - len(tasks))
    ]
    named = [{"reference": a_reference(f"Task/{each['id']}")} for each in tasks]
    meetings = [
        a_meeting(f"m{n}", f"2026-02-{1 + n % 28:02}T10:00:00Z", SARI, "Practitioner/niko") for n in range(encounters)
    ]
    return [the_plan(activity=named + described), *tasks, *meetings]


def test_a_plan_with_a_hundred_activities_and_two_hundred_meetings_is_judged_at_once() -> None:
    large = the_case().with_(*a_large_plan())
    assert broken(large, "R2.1")
    best = min(_seconds(lambda: judged(replace(large), EVERY_RULE)) for _ in range(5))
    assert best < 0.5, f"{best * 1000:.0f} ms"
    twice = the_case().with_(*a_large_plan(400, 800))
    assert min(_seconds(lambda: judged(replace(twice), EVERY_RULE)) for _ in range(3)) < max(12 * best, 0.1)


def _seconds(act) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def test_timeless_rules_look_neither_at_the_time_nor_at_the_log() -> None:
    case = the_case().with_(a_meeting("9", "2026-02-20T10:00:00Z", JARI), a_plan_task("left", status="on-hold"))
    timeless = [each for each in RULES.values() if each.is_timeless]
    at_no_time = View(replace(case, at=cast(datetime, None), traces=None), EVERY_RULE, accepted(case))
    for each in timeless:
        at_a_time = View(case, EVERY_RULE, accepted(case))
        assert [*each.judge(at_no_time)] == [*each.judge(at_a_time)], each.id
    assert len(timeless) > 10


def test_a_view_at_another_moment_finds_what_a_new_one_does() -> None:
    case = the_case().with_(
        a_meeting("9", "2026-02-20T10:00:00Z", JARI),
        a_meeting("10", "2026-04-20T10:00:00Z", NIKO, status="planned"),
        a_permit("1", NIKO, provision=a_provision(to=[NIKO], end="2026-04-01")),
        a_plan_task("left", status="in-progress", owner=a_reference(SARI), **until("2026-05-01")),
    )
    view = View(case, EVERY_RULE, accepted(case))
    first = findings(view)
    for days in (0, 1, 20, 40, 80, 400):
        at = case.at + timedelta(days=days)
        later = view.later(case.later(at, case.traces, frozenset()))
        assert findings(later) == findings(View(replace(case, at=at), EVERY_RULE, accepted(case))), days
    assert findings(view) == first
    blind = view.later(case.later(case.at, None, frozenset({"Encounter"})))
    assert blind.situation.partly and findings(blind) != first


def test_a_view_after_a_change_finds_what_a_new_one_does() -> None:
    """Whatever is taken out of whichever resource, or added to it, and when one goes away altogether."""
    everybody = [
        a_member(SARI, "coordinator"),
        a_member(NIKO, "nurse"),
        a_member(JARI, "ngo"),
        a_member(LEENA, "relative"),
    ]
    case = the_case().with_(
        the_team(*everybody),
        {**a_coded_organization(H, "Health", "health-services"), "partOf": a_reference("Organization/area")},
        {**a_role(JARI, N), "period": {"start": "2026-01-01", "end": "2027-01-01"}},
        a_meeting("9", "2026-02-20T10:00:00Z", JARI, LEENA),
        a_meeting("10", "2026-04-20T10:00:00Z", NIKO, status="planned"),
        a_permit("1", "Organization/area"),
        a_permit("2", "PractitionerRole/jari"),
        a_permit("4", LEENA, status="inactive"),
        a_plan_task("left", status="in-progress", owner=a_reference(SARI), **until("2026-05-01")),
    )
    before = View(case, EVERY_RULE, accepted(case))
    findings(before)
    looked_at = 0
    for name, resource in case.resources.items():
        for now in (case.with_(without=[name]), *(case.with_(each) for each in _others(resource))):
            alone, looked_at = replace(now), looked_at + 1
            later = View(now, EVERY_RULE, accepted(now, before.acceptance)).after(before)
            assert findings(later) == findings(View(alone, EVERY_RULE, accepted(alone))), (name, now.get(name))
    assert looked_at > 100


def _others(resource: Json) -> Iterator[Json]:
    for element in resource.keys() - {"resourceType", "id", "meta", "provision", "dateTime"}:
        yield {name: each for name, each in resource.items() if name != element}
    yield {**resource, "status": "entered-in-error"}


def test_what_the_plan_or_its_goals_and_tasks_refer_to_of_another_person_is_told() -> None:
    theirs = {
        "Goal/x": {"resourceType": "Goal", "id": "x", "subject": a_reference("Patient/other")},
        "Task/y": {"resourceType": "Task", "id": "y", "for": a_reference("Patient/other")},
        "CarePlan/family": {"resourceType": "CarePlan", "id": "family", "subject": a_reference("Group/family")},
    }
    goals = [a_reference("Goal/1"), a_reference("Goal/x"), a_reference("Goal/gone")]
    step = a_plan_task("step", owner=a_reference(SARI), partOf=[a_reference("Task/y")], **until("2026-06-30"))
    case = replace(the_case().with_(the_plan(goal=goals), step), others=theirs)
    first, second = told(case, "R3.5")
    assert (first.severity, first.at) == ("warning", "CarePlan.goal[1]") and "Goal/x" in first.said()
    assert second.at == "Task.partOf[0]" and "Task/y" in second.said() and "Task/step" in second.said()
    family = the_plan(partOf=[a_reference("CarePlan/family")], supportingInfo=[a_reference("CarePlan/family")])
    assert "CarePlan/family" in met(replace(the_case().with_(family), others=theirs), "R3.5")
