"""One interaction in one unit of work: decide, act, record; and again, when it only met another writer.

The same three beats for every interaction of every type. https://hl7.org/fhir/R4/http.html
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sharedplan import audit
from sharedplan.access.principal import Principal
from sharedplan.clock import Clock
from sharedplan.errors import NotFound, NotOffered
from sharedplan.exchange.access_decision import access_decision
from sharedplan.exchange.break_glass import break_glass
from sharedplan.exchange.evaluate_measure import evaluate_measure
from sharedplan.exchange.preview import preview
from sharedplan.exchange.recording import unchanged
from sharedplan.exchange.review import review, with_review
from sharedplan.exchange.surroundings import acting
from sharedplan.exchange.validating import validate
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.acting import Acting, Policy
from sharedplan.interactions.create import create
from sharedplan.interactions.delete import delete
from sharedplan.interactions.history import history
from sharedplan.interactions.operations import subscription
from sharedplan.interactions.operations.document import document
from sharedplan.interactions.operations.everything import everything
from sharedplan.interactions.patch import patch
from sharedplan.interactions.read import read
from sharedplan.interactions.search import search
from sharedplan.interactions.update import update
from sharedplan.interactions.vread import vread
from sharedplan.store.unit_of_work import RetryableConflict, Unit

BeginUnit = Callable[[], Unit]
Interaction = Callable[[Asked, Acting], Awaitable[Answer]]
T = TypeVar("T")

INTERACTIONS: dict[str, Interaction] = {
    "read": read,
    "vread": vread,
    "create": create,
    "update": update,
    "patch": patch,
    "delete": delete,
    "history-instance": history,
    "history-type": history,
    "history-system": history,
    "search-type": search,
    "search-system": search,
}
OF_PLANS: dict[str, Interaction] = {"everything": everything, "document": document}
"""Operations of a CarePlan alone."""
OF_SUBSCRIPTIONS: dict[str, Interaction] = {"status": subscription.status, "events": subscription.events}
"""Operations of a Subscription alone."""
OF_ACCESS: dict[str, Callable[[Asked, Principal, Acting], Awaitable[Answer]]] = {
    "access-decision": access_decision,
    "break-glass": break_glass,
    "evaluate-measure": evaluate_measure,
    "preview": preview,
    "review": review,
    "validate": validate,
}
"""Operations that ask the rules of access themselves, and so need to know who asks."""

TRIES = 4
WITHIN = 1.0  # seconds


async def step(asked: Asked, by: Principal, unit: Unit, clock: Clock, policy: Policy) -> Answer:
    """Decides, acts and records one interaction in a unit of work that is open."""
    surroundings = acting(asked, by, unit, clock, policy)
    if asked.interaction == "operation" and asked.operation in OF_ACCESS:
        answer = await OF_ACCESS[asked.operation](asked, by, surroundings)
    else:
        answer = await interaction_of(asked)(asked, surroundings)
        answer = await with_review(answer, asked, by, surroundings)
    if not unit.has_recorded:
        await unit.record(await unchanged(surroundings.trail, answer, unit))
    return surroundings.shown(answer)


def interaction_of(asked: Asked) -> Interaction:
    """What carries the interaction out. Raises NotFound for an operation that there is not."""
    if asked.interaction == "operation":
        operation = (OF_PLANS | OF_SUBSCRIPTIONS).get(asked.operation or "")
        if operation is None:
            raise NotFound(f"there is no operation ${asked.operation}")
        return operation
    found = INTERACTIONS.get(asked.interaction)
    if found is None:
        raise NotOffered(f"{asked.interaction} is not offered here")
    return found


async def in_one_unit(asked: Asked, by: Principal, begin: BeginUnit, act: Callable[[Unit], Awaitable[T]]) -> T:
    """What `act` does in a unit of its own, committed; or undone, on record, and raised.

    A conflict with another writer is tried again: a few times within a second of the first one, then it is Unavailable.
    """
    until: float | None = None
    for attempt in range(1, TRIES + 1):
        unit = begin()
        unit.asked_by(by.person, by.organization)
        try:
            async with unit:
                return await act(unit)
        except RetryableConflict as conflict:
            now = asyncio.get_running_loop().time()
            until = until or now + WITHIN
            if attempt < TRIES and now < until:
                await asyncio.sleep(0.01 * 4**attempt / 4)
                continue
            failure: Exception = conflict
        except Exception as other:
            failure = other
        if asked.interaction == "transaction" or not unit.has_recorded:  # what was read within may be on record
            async with begin() as aside:
                await aside.record(audit.failed(asked, by, failure))
        raise failure
    raise AssertionError("the last try either returns or raises")
