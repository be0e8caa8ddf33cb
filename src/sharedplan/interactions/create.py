"""FHIR create: a new resource under an id of ours. https://hl7.org/fhir/R4/http.html#create"""

from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.criteria import condition_of, locked_match
from sharedplan.interactions.proposals import Proposal, answer_with, body_of, proposed
from sharedplan.interactions.remarks import with_remarks
from sharedplan.interactions.writes import written
from sharedplan.store.versions import Version


async def create(asked: Asked, acting: Acting) -> Answer:
    """The resource as stored, 201; or with If-None-Exist and one match, that one as it is, 200.

    Raises Incorrect, Unprocessable, Refused, ManyMatches.
    """
    condition = await condition_of(asked, acting)
    if condition is not None:
        existing = await there(asked, await locked_match(condition, acting), acting)
        if existing is not None:
            return answer_with(existing, 200)
    proposal = creation(asked, acting, id=acting.clock.new_id())
    return await written(await with_remarks(proposal, asked, acting), asked, acting)


async def there(asked: Asked, id: str | None, acting: Acting) -> Version | None:
    """The resource that a condition selected, to be shown in place of a new one."""
    type = str(asked.type)
    return await acting.unit.read(type, id, within=acting.within[type]) if id is not None else None


def creation(asked: Asked, acting: Acting, *, id: str) -> Proposal:
    """The proposal to create the body under that id, whatever id it brings itself.

    That one is judged with all the rest, though it is not kept: an illegal one tells of a client gone wrong.
    """
    proposal = proposed(asked, acting, body_of(asked), id=id, newest=None, interaction="create")
    if isinstance(proposal, Answer):
        raise AssertionError("a new resource equals nothing that is there")
    return proposal
