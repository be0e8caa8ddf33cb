"""FHIR batch: entries one by one, each in a unit of its own. https://hl7.org/fhir/R4/http.html#brules"""

import asyncio
from collections.abc import Sequence
from functools import partial

from sharedplan import audit
from sharedplan.access.principal import Principal
from sharedplan.clock import Clock
from sharedplan.deadlines import LATE
from sharedplan.errors import Fault, SharedplanError, Unavailable
from sharedplan.exchange import entries, responses
from sharedplan.exchange.apply import apply, is_asked
from sharedplan.exchange.plan import rank
from sharedplan.exchange.step import BeginUnit, in_one_unit, step
from sharedplan.fhir import bundles
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions import provenances
from sharedplan.interactions.acting import Policy
from sharedplan.logs import log, place
from sharedplan.store.trail import Trail


async def batch(asked: Asked, by: Principal, begin: BeginUnit, clock: Clock, policy: Policy) -> Answer:
    """A batch-response with an entry for each of the request's, in their order; what fails is told there.

    Deletions are done first, then creations, updates and reads, as in a transaction. When its time is up, what was done
    is told, and the rest is to be sent again. Raises Incorrect when the Bundle itself is at fault.
    """
    provenances.check(asked)
    came = entries.listed(asked.body, most=policy.bundle_entries)
    told: dict[int, bundles.Entry] = {}
    trails = [audit.begun(asked, by)]
    room = responses.Room()
    order = sorted(range(len(came)), key=lambda number: rank(came[number]))
    try:
        for number in order:
            told[number] = await _one(came[number], number, asked, by, begin, clock, policy, room)
    except asyncio.CancelledError as given_up:
        if given_up.args != (LATE,):
            raise
        under_way, *others = (number for number in order if number not in told)
        failure = Unavailable("the Bundle took too long: look whether this was done")
        told[under_way] = responses.failed(failure)
        told |= dict.fromkeys(others, responses.failed(Unavailable("the Bundle took too long: this was not begun")))
        trails.append(audit.failed(entries.read(came[under_way], under_way, asked).asked, by, failure))
    recording = asyncio.ensure_future(_record(trails, begin))
    try:
        await asyncio.shield(recording)
    except asyncio.CancelledError as given_up:
        if given_up.args != (LATE,):
            raise
        await recording  # what was done is told, though it be late
    listed = [told[number] for number in range(len(came))]
    return Answer(200, bundles.response("batch", listed, labels=room.labels), labels=room.labels)


async def _record(trails: Sequence[Trail], begin: BeginUnit) -> None:
    async with begin() as unit:
        await unit.record(*trails)


async def _one(
    entry: Json,
    number: int,
    around: Asked,
    by: Principal,
    begin: BeginUnit,
    clock: Clock,
    policy: Policy,
    room: responses.Room,
) -> bundles.Entry:
    """What came of one entry."""
    try:
        asked = entries.read(entry, number, around).asked
        room.check(asked)
        if is_asked(asked):
            applying = partial(apply, asked, by, clock=clock, policy=policy)
            return responses.answered(asked, await in_one_unit(asked, by, begin, applying), room)
        answer = await in_one_unit(asked, by, begin, lambda unit: step(asked, by, unit, clock, policy))
        return responses.answered(asked, answer, room)
    except SharedplanError as failure:
        return responses.failed(failure)
    except Exception as failure:
        log.error("entry_failed", failure=type(failure).__name__, place=place(failure))
        return responses.failed(Fault("something went wrong in the service; the request id leads to it"))
