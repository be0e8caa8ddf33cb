"""`assessment-in-time`: the share of assessments of needs that were completed by their deadline (R3.1, R3.2); pure.

In two figures: of those completed in the period, and of those due in it, of which open ones count as late once their
deadline has passed: that figure cannot be improved by leaving cases open.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from sharedplan.care import clocks, codes
from sharedplan.care.clocks import day_of
from sharedplan.care.measures.figures import Group, Period, Question, Stratum, Value
from sharedplan.fhir.exchanges import Json

NOT_COUNTED = frozenset({"draft", "cancelled", "rejected", "failed", "entered-in-error"})
"""Statuses of Tasks that ask, or asked, for nothing."""


class Assessments:
    """Counts Tasks `need-assessment` that have a clock of kind finish; others are under no duty."""

    def __init__(self, period: Period, today: date) -> None:
        self._period = period
        self._today = today
        self._counted: dict[str, Counter[tuple[str, bool]]] = {
            "completed-in-period": Counter(),
            "due-in-period": Counter(),
        }

    def questions(self) -> Iterator[Question]:
        yield Question("Task", (("code", f"{codes.TASK}|need-assessment"),))

    def take(self, resource: Json) -> None:
        finish = finish_of(resource)
        if finish is None or resource.get("status") in NOT_COUNTED:
            return
        due, binding = finish
        done = completed(resource)
        in_time = done is not None and done <= due
        if self._period.has(done):
            self._counted["completed-in-period"][binding, in_time] += 1
        if self._period.has(due) and (done is not None or due < self._today):
            self._counted["due-in-period"][binding, in_time] += 1

    def groups(self) -> list[Group]:
        return [self._group(code, counted) for code, counted in self._counted.items()]

    def _group(self, code: str, counted: Counter[tuple[str, bool]]) -> Group:
        strata = tuple(
            Stratum(
                (Value("binding", binding, binding),),
                counted[binding, True] + counted[binding, False],
                counted[binding, True],
            )
            for binding in sorted({binding for binding, _ in counted})
        )
        return Group(
            code, sum(each.population for each in strata), sum(each.numerator or 0 for each in strata), strata=strata
        )


def completed(task: Json) -> date | None:
    """The day on which it was completed; None while it is not, or when nobody said."""
    return day_of(task.get("executionPeriod", {}).get("end")) if task.get("status") == "completed" else None


def finish_of(task: Json) -> tuple[date, str] | None:
    """(strict deadline, statutory or target) of its finish; None where neither law nor the model sets one.

    As the service wrote it down, the earliest of several; what was stored without is judged by what it says itself.
    """
    written = [
        (parts["due"], parts.get("binding", "statutory"))
        for each in task.get("extension", ())
        if each.get("url") == codes.CLOCK
        for parts in [_parts(each)]
        if parts.get("kind") == "finish" and "due" in parts
    ]
    found = [(day, binding) for due, binding in written if (day := day_of(due)) is not None]
    found = found or [
        (each.due.strict, each.binding) for each in clocks.clocks_of(task, None, None) if each.kind == "finish"
    ]
    return min(found, default=None)


def _parts(extension: Json) -> dict[str, str]:
    """What the extension `clock` says by dates and codes."""
    return {
        each["url"]: value
        for each in extension.get("extension", ())
        for name, value in each.items()
        if name in ("valueCode", "valueDate")
    }
