"""$apply: the start of a plan from its model, told as a transaction or, with `commit`, carried out as one.

What is committed goes the way of any transaction of the same asker: judged by the same rules, on record entry by entry.
"""

from sharedplan.access.principal import Principal
from sharedplan.clock import Clock
from sharedplan.exchange.surroundings import acting
from sharedplan.exchange.transaction import transaction
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions import provenances
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.operations.apply import applied, wanted
from sharedplan.store.unit_of_work import Unit

NAME = "apply"


def is_asked(asked: Asked) -> bool:
    return asked.interaction == "operation" and asked.operation == NAME


async def apply(asked: Asked, by: Principal, unit: Unit, *, clock: Clock, policy: Policy) -> Answer:
    """The transaction Bundle, or the transaction-response of what came of it.

    Raises what the operation raises, and with `commit` what a transaction does; then nothing has been changed.
    """
    provenances.check(asked)
    surroundings = acting(asked, by, unit, clock, policy)
    wish = wanted(asked, surroundings)
    bundle = await applied(asked, wish, surroundings)
    if wish.commit:
        # The operation stays in the question, so its row in the trail says what began all this.
        return await transaction(asked._replace(body=bundle), by, unit, clock=clock, policy=policy)
    await unit.record(surroundings.trail._replace(patients=(wish.client,)))
    return Answer(200, json_text.write(bundle))
