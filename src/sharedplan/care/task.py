"""What holds for every Task. https://hl7.org/fhir/R4/task.html"""

from collections.abc import Iterator

from sharedplan.care.rule import rule
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.moments import is_in_order

OPEN_TASKS = frozenset({"draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold"})
"""Statuses of a Task that is to be done."""


@rule("Task", source="https://hl7.org/fhir/R4/task.html#invs")
def a_task_is_not_modified_before_it_is_authored(current: Json | None, proposed: Json | None) -> Iterator[Issue]:
    """inv-1: lastModified is not before authoredOn."""
    task = proposed or {}
    if not is_in_order(task.get("authoredOn"), task.get("lastModified")):
        yield Issue("invariant", "lastModified should not be before authoredOn. (inv-1)", "Task.lastModified")
