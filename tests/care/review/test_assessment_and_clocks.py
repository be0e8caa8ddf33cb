"""The assessment of need and its limits: R0.9, R2.5, R3.1–R3.3, R3.14, R4.3, R4.5, R4.6."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from builders import a_concept, a_patient
from care.review.case import (
    EVERY_RULE,
    LINKS,
    SARI,
    a_meeting,
    a_plan_task,
    an_answer,
    an_assessment,
    an_assessment_task,
    broken,
    met,
    the_case,
    the_plan,
    told,
)
from sharedplan.care import codes
from sharedplan.care.model import Span
from sharedplan.care.situation import Situation

NO_TARGET = replace(EVERY_RULE, need_assessment_target=None)


def on(day: str, situation: Situation | None = None) -> Situation:
    at = datetime.fromisoformat(f"{day}T10:00:00").replace(tzinfo=UTC)
    return replace(situation or the_case(), at=at)


def an_open_assessment(authored: str, **elements: object) -> dict[str, object]:
    return an_assessment_task(
        **{"status": "in-progress", "authoredOn": authored, "executionPeriod": {"start": authored}, **elements}
    )


def test_the_plan_contains_one_joint_assessment() -> None:
    assert "QuestionnaireResponse/1" in met(the_case(), "R0.9")
    none = the_case().with_(the_plan(supportingInfo=[]), without=["QuestionnaireResponse/1"])
    (found,) = [each for each in told(none, "R0.9") if each.severity == "warning"]
    assert found.at == "CarePlan.supportingInfo"
    assert "do not see" in met(the_case().with_(without=["QuestionnaireResponse/1"]), "R0.9")


def test_the_content_of_a_client_plan_by_law_is_counted_and_what_lacks_is_named() -> None:
    assert "9/9" in met(the_case(), "R0.9")
    said = met(the_case().with_(the_plan(period={"start": "2026-01-25"}), without=["Task/review"]), "R0.9")
    assert "7/9" in said and "length of the customership" in said and "follow-up" in said
    assert "sosiaalihuoltolaki 39 §" in told(the_case(), "R0.9")[1].said("fi")


def test_the_assessment_covers_its_parts() -> None:
    parts = tuple(each for each in LINKS if each not in ("health", "needs"))
    found = told(the_case().with_(an_assessment(links=parts)), "R2.5")
    assert [each.severity for each in found] == ["warning", "warning"]
    assert {each.at for each in found} == {"QuestionnaireResponse.item"}
    assert "health" in found[0].said() and "needs" in found[1].said() and "terveydentila" in found[0].said("fi")
    assert "covers all" in met(the_case(), "R2.5")


def test_both_estimates_stand_side_by_side() -> None:
    parts = tuple(each for each in LINKS if each != "own-estimate")
    (said,) = broken(the_case().with_(an_assessment(links=parts)), "R4.5")
    assert "the client's own estimate" in said
    assert met(the_case(), "R4.5")


def test_each_assessment_states_its_tier() -> None:
    bare = an_assessment_task(code=a_concept(codes.TASK, "need-assessment"))
    (found,) = told(the_case().with_(bare), "R4.3")
    assert (found.severity, found.at) == ("warning", "Task.code") and "Task/assessment" in found.said()
    by_extension = {**bare, "extension": [{"url": codes.TIER, "valueCode": "guidance"}]}
    assert "guidance" in met(the_case().with_(by_extension), "R4.3")
    assert "basic" in met(the_case(), "R4.3")


def test_the_need_is_assessed_in_time_with_the_legal_basis_stated() -> None:
    said = met(the_case(), "R3.1")
    assert "15 January 2026" in said and "5 April 2026" in said and "section 36" in said and "in time" in said
    assert "sosiaalihuoltolaki 36 §" in told(the_case(), "R3.1")[0].said("fi")


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-04-05", ""),
        ("2026-04-06", "due soon, 14 days left"),
        ("2026-04-20", "due soon, 0 days"),
        ("2026-04-21", "late"),
    ],
)
def test_due_soon_is_fourteen_days(day: str, words: str) -> None:
    case = on(day, the_case().with_(an_open_assessment("2026-01-20")))
    found = [each for each in told(case, "R3.1") if "20 April 2026" in each.said()]
    assert len(found) == 1
    assert (found[0].severity == "warning") is bool(words) and words in found[0].said()


def test_a_late_start_and_a_late_finish_are_told_though_they_were_done() -> None:
    late = an_assessment_task(authoredOn="2026-01-05", executionPeriod={"start": "2026-01-20", "end": "2026-04-30"})
    said = broken(on("2026-05-04", the_case().with_(late)), "R3.1", NO_TARGET)
    assert len(said) == 2 and all("done late" in each for each in said)


def test_without_law_or_target_there_is_no_limit() -> None:
    adult = an_assessment_task(reasonCode=None)
    assert "neither law nor model" in met(the_case().with_(adult), "R3.1", NO_TARGET)
    assert "target of the model, not law" in met(the_case().with_(adult), "R3.1")


def test_over_seventy_five_the_start_has_its_limit() -> None:
    case = the_case().with_(an_assessment_task(reasonCode=None), a_patient(id="anna", birthDate="1945-01-01"))
    assert "over 75" in met(case, "R3.1", NO_TARGET)


def test_the_model_may_set_a_target_of_its_own() -> None:
    assert "3 months" in met(the_case(), "R3.2")
    assert "no target" in met(the_case(), "R3.2", NO_TARGET)
    tight = replace(EVERY_RULE, need_assessment_target=Span(7, "d"))
    (said,) = broken(the_case(), "R3.2", tight)
    assert "12 January 2026" in said and "Task/assessment" in said


def test_the_process_has_three_phases() -> None:
    assert "realisation" in met(the_case(), "R3.3")
    (said,) = broken(the_case().with_(without=["Task/phase-plan"]), "R3.3")
    assert "missing: plan" in said
    begun = a_plan_task("phase-plan", "phase-plan", status="in-progress")
    (found,) = told(the_case().with_(begun), "R3.3")
    assert found.at == "Task.executionPeriod" and "start" in found.said() and "Task/phase-plan" in found.said()
    ended = a_plan_task("phase-plan", "phase-plan", status="completed", executionPeriod={"start": "2026-01-12"})
    assert ["end" in each for each in broken(the_case().with_(ended), "R3.3")] == [True]
    over = {"start": "2026-01-12", "end": "2026-01-26"}
    ended = a_plan_task("phase-plan", "phase-plan", status="completed", executionPeriod=over)
    assert "plan 12 January 2026 – 26 January 2026 (14 days)" in met(the_case().with_(ended), "R3.3")
    to_come = a_plan_task("phase-plan", "phase-plan", status="requested")
    assert "not begun" in met(the_case().with_(to_come), "R3.3")


def test_a_finished_assessment_is_used_again() -> None:
    again = an_open_assessment("2026-02-25", id="again")
    (found,) = told(the_case().with_(again), "R3.14")
    assert (found.severity, found.at) == ("warning", "Task.code")
    assert "Task/again" in found.said() and "Task/assessment" in found.said()
    assert met(the_case(), "R3.14")
    later = an_open_assessment("2026-09-25", id="again")
    assert met(on("2026-09-26", the_case().with_(later)), "R3.14"), "after half a year a new one is no waste"


def test_two_assessments_under_way_are_told() -> None:
    two = [an_open_assessment(f"2026-02-2{n}", id=f"a{n}") for n in range(2)]
    assert len(broken(the_case().with_(*two, without=["Task/assessment"]), "R3.14")) == 1


def test_recording_is_uniform_in_every_system() -> None:
    odd = a_meeting("odd", "2026-02-02T10:00:00Z", SARI, kind="chat")
    (found,) = told(the_case().with_(odd), "R4.6")
    assert (found.severity, found.at) == ("warning", "Encounter.type[0]") and "chat" in found.said()
    (found,) = told(the_case().with_(a_meeting("odd", "2026-02-02T10:00:00Z", SARI, type=None)), "R4.6")
    assert (found.severity, found.at) == ("warning", "Encounter.type") and "Encounter/odd" in found.said()
    form = {
        "resourceType": "Questionnaire",
        "id": "need-assessment",
        "url": "https://sharedplan.dev/fhir/Questionnaire/need-assessment",
        "item": [{"linkId": each} for each in LINKS],
    }
    answers = an_assessment()
    answers["item"].append(an_answer("shoe-size"))
    (found,) = told(the_case().with_(form, answers), "R4.6")
    assert found.at == "QuestionnaireResponse.item[8]" and "shoe-size" in found.said()
    assert met(the_case().with_(form), "R4.6")


def test_an_answer_within_a_group_counts() -> None:
    grouped = an_assessment(item=[{"linkId": "group", "item": [an_answer(each) for each in LINKS]}])
    assert met(the_case().with_(grouped), "R2.5")
