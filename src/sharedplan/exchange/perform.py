"""The conductor: one interaction, batch or transaction, from the question to the answer, on record whatever the end.

The record commits with the deed, so there is no answer without a trail.
"""

from functools import partial

from sharedplan.access.principal import Principal
from sharedplan.clock import Clock
from sharedplan.errors import SharedplanError
from sharedplan.exchange.apply import apply, is_asked
from sharedplan.exchange.batch import batch
from sharedplan.exchange.preferred import preferred
from sharedplan.exchange.step import BeginUnit, in_one_unit, step
from sharedplan.exchange.transaction import transaction
from sharedplan.fhir import languages
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions import provenances
from sharedplan.interactions.acting import Policy
from sharedplan.store.unit_of_work import Unit


async def perform(asked: Asked, by: Principal, begin: BeginUnit, clock: Clock, policy: Policy) -> Answer:
    """Carries out what is asked and leaves an audit row, whatever the end; the answer is as the client prefers it.

    Raises SharedplanErrors, after everything was undone and the failure put on record; said in the client's language.
    """
    if asked.interaction == "batch":
        return await batch(asked, by, begin, clock, policy)
    try:
        if asked.interaction == "transaction":
            return await in_one_unit(asked, by, begin, partial(transaction, asked, by, clock=clock, policy=policy))
        if is_asked(asked):
            return await in_one_unit(asked, by, begin, partial(apply, asked, by, clock=clock, policy=policy))

        async def act(unit: Unit) -> Answer:
            provenances.check(asked)
            return await step(asked, by, unit, clock, policy)

        return preferred(asked, await in_one_unit(asked, by, begin, act))
    except SharedplanError as failure:
        languages.say(failure, asked.accept_language)
        raise
