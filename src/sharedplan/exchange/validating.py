"""$validate of what is about to be created or updated: all that the write itself would be refused for or warned of.

The same way as the write, up to where it would be written: who may, the references, the rules of the service models;
and for a shared plan the review of it, as it would be.
https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from collections.abc import Sequence

from sharedplan import audit
from sharedplan.access.principal import Principal
from sharedplan.errors import Issue, SharedplanError
from sharedplan.exchange.review import warnings_of, with_review
from sharedplan.exchange.surroundings import acting
from sharedplan.fhir.exchanges import Answer, Asked, Json, Prefer
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.care_rules import kept
from sharedplan.interactions.operations import validate as operation
from sharedplan.interactions.proposals import Proposal, allowed, proposed
from sharedplan.interactions.remarks import with_remarks
from sharedplan.store.trail import Trail


async def validate(asked: Asked, by: Principal, validating: Acting) -> Answer:
    """The outcome as 200, on record with the clients that such a write would concern.

    Raises Incorrect when the request is not one for validation, and what is no fault of the write.
    """

    async def of_the_write(mode: str, id: str | None, resource: Json) -> tuple[Sequence[Issue], Trail]:
        write = asked._replace(
            interaction=mode, operation=None, id=id, parameters=(), body=resource, prefer=Prefer("OperationOutcome")
        )
        refusal: SharedplanError | None = None
        try:
            writing = acting(write, by, validating.unit, validating.clock, validating.policy)
            found = await _remarked(write, by, writing)
        except SharedplanError as failure:
            if failure.status >= 500:
                raise
            refusal, found = failure, failure.issues
        return found, audit.validated(write, by, validating.trail, refusal)

    return await operation.validate(asked, validating, of_the_write)


async def _remarked(write: Asked, by: Principal, writing: Acting) -> Sequence[Issue]:
    """What the writer is told of a write that is allowed. Raises what the write would."""
    type, id = str(write.type), write.id or writing.clock.new_id()
    newest = await writing.unit.newest(type, id, within=writing.within[type]) if write.id is not None else None
    proposal = proposed(write, writing, dict(write.body), id=id, newest=newest, interaction=write.interaction)
    if not isinstance(proposal, Proposal):
        return (await with_review(proposal, write, by, writing)).warnings
    (outcome,) = await kept(await allowed([await with_remarks(proposal, write, writing)], writing), write, writing)
    if isinstance(outcome, SharedplanError):
        return outcome.issues
    if isinstance(outcome, Proposal):
        return await warnings_of(outcome, write.base, by, writing)
    return (await with_review(outcome, write, by, writing)).warnings
