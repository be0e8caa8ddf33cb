"""What the assessment of need is, what it covers, and how long it is to be used again; pure. One definition for the
writing of assessments and for the review of them.

R2.5, R3.14. https://hl7.org/fhir/R4/questionnaireresponse.html
"""

from collections.abc import Iterable
from datetime import date, timedelta

from sharedplan.care import helsinki, model
from sharedplan.care.situation import Situation
from sharedplan.care.task import OPEN_TASKS
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import span

PARTS = ("life-situation", "weakening-factors", "health", "services-in-use", "needs")
"""What an assessment covers (R2.5), by linkId: life situation and what weakens it, health, services in use, needs."""

FRESH = timedelta(days=180)
"""How long a finished assessment is to be used again (R3.14)."""


def lacking(response: Json) -> list[str]:
    """The parts that the answers do not cover."""
    there = answered(response)
    return [each for each in PARTS if each not in there]


def answered(response: Json) -> frozenset[str]:
    """The linkIds that have an answer with something in it, or hold an item that has one."""
    found: set[str] = set()
    _has_answer(response.get("item", ()), found)
    return frozenset(found)


def _has_answer(items: Iterable[Json], found: set[str]) -> bool:
    """Whether one of the items has an answer; adds those that do."""
    is_there = False
    for item in items:
        answers = item.get("answer", ())
        says = any([_has_answer(each.get("item", ()), found) or _says_something(each) for each in answers])
        within = _has_answer(item.get("item", ()), found)
        if says or within:
            is_there = True
            found.add(str(item.get("linkId")))
    return is_there


def _says_something(answer: Json) -> bool:
    return any(
        name.startswith("value") and (not isinstance(value, str) or bool(value.strip()))
        for name, value in answer.items()
    )


def finished(task: Json) -> date | None:
    """The day on which the assessment was done; None while it is not. One that does not say was done when it was
    touched last."""
    if task.get("status") != "completed":
        return None
    told = task.get("executionPeriod", {}).get("end") or task.get("lastModified") or task.get("authoredOn")
    return helsinki.day_of(span(told)[0]) if told is not None else None


def is_fresh(task: Json, on: date | None) -> bool:
    """Whether it was under way on that day, or finished not long before; without a day, whether it is under way."""
    done = finished(task)
    if done is None or on is None:
        return task.get("status") in OPEN_TASKS
    return on <= done + FRESH


def model_of(task: Json, after: Situation) -> model.ServiceModel | None:
    """The model of the plan that the Task belongs to; without a plan, that of the referral."""
    named = [each for each in map(after.get, (*task.get("basedOn", ()), task.get("focus", {}))) if each is not None]
    plans = [each for each in named if each["resourceType"] == "CarePlan"]
    plans += [each for each in after.of("CarePlan") if _plans(each, f"Task/{task['id']}", after)]
    referrals = [each for each in named if each["resourceType"] == "ServiceRequest"]
    return model.of(next(iter(plans), None), next(iter(referrals), None), after.of("PlanDefinition"))


def _plans(plan: Json, task: str, after: Situation) -> bool:
    return any(after.name_of(each.get("reference")) == task for each in plan.get("activity", ()))
