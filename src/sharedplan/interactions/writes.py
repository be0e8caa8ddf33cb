"""One proposal written: once access allows it and the service models' rules have nothing against it.

https://hl7.org/fhir/R4/http.html#update
"""

from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.care_rules import kept
from sharedplan.interactions.proposals import Proposal, allowed


async def written(proposal: Proposal, asked: Asked, acting: Acting) -> Answer:
    """Writes one proposal with its audit row, and says what came of it.

    Raises Refused and NotFound; Unprocessable and Conflict for what breaks a rule, told only to whom it is allowed.
    """
    (outcome,) = await kept(await allowed([proposal], acting), asked, acting)
    if isinstance(outcome, Exception):
        raise outcome
    if isinstance(outcome, Answer):
        return outcome
    change = outcome.change
    acting.unit.put(change)
    trail = acting.trail._replace(resource_id=change.id, version=change.version)
    versions = await acting.unit.write([trail])
    return outcome.answered(versions[0])
