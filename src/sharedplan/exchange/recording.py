"""The audit row of what changed nothing: the thing that it was about, the clients whom that speaks of, and the register
that it lies in."""

from sharedplan import audit
from sharedplan.fhir.exchanges import Answer
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Unit


async def unchanged(trail: Trail, answer: Answer, unit: Unit) -> Trail:
    """The row, by what the answer shows."""
    if answer.type is None or answer.id is None or answer.version is None:
        return trail
    name = f"{answer.type}/{answer.id}"
    there = await unit.named([name], within=None)
    return audit.done(trail, answer, controller=there[name].controller if name in there else None)
