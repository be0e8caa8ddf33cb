"""FHIR update: a new current version of a resource, or its first. https://hl7.org/fhir/R4/http.html#update"""

import re

from sharedplan.errors import Conflict, Incorrect, VersionMismatch
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.criteria import check_still_selected, condition_of, locked_match
from sharedplan.interactions.preconditions import check_write
from sharedplan.interactions.proposals import Proposal, body_of, proposed, with_id
from sharedplan.interactions.remarks import with_remarks
from sharedplan.interactions.writes import written
from sharedplan.store.versions import Version

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


async def update(asked: Asked, acting: Acting) -> Answer:
    """The resource as stored: 200, or 201 when it was not there or had been deleted.

    Raises Incorrect, Unprocessable, Refused, ManyMatches, VersionMismatch, PreconditionNeeded, Conflict.
    """
    condition = await condition_of(asked, acting)
    found = await locked_match(condition, acting) if condition is not None else None
    id = target(asked, acting, found)
    newest = await acting.unit.lock(str(asked.type), id, within=acting.within[str(asked.type)])
    await check_still_selected(condition, found, acting)
    proposal = replacement(asked, acting, id=id, newest=newest, found=found)
    if isinstance(proposal, Answer):
        return proposal
    return await written(await with_remarks(proposal, asked, acting), asked, acting)


def target(asked: Asked, acting: Acting, found: str | None) -> str:
    """The id of what is to be updated; `found` is what a condition selected.

    A condition that selects nothing creates, under the body's id if it has one. Raises Incorrect when ids disagree.
    """
    given = body_of(asked).get("id")
    if given is not None and not (isinstance(given, str) and _ID.fullmatch(given)):
        raise Incorrect("an id is 1 to 64 characters of A-Z, a-z, 0-9, - and .", at=f"{asked.type}.id")
    if asked.id is not None:
        if given != asked.id:
            what = "has no id" if given is None else f"has the id {given!r}"
            raise Incorrect(f"the body {what}, the address {asked.id!r}", at=f"{asked.type}.id")
        return asked.id
    if found is not None and given not in (None, found):
        raise Incorrect(f"the condition selects another {asked.type} than {given!r}", at=f"{asked.type}.id")
    return found or given or acting.clock.new_id()


def replacement(
    asked: Asked, acting: Acting, *, id: str, newest: Version | None, found: str | None
) -> Proposal | Answer:
    """The proposal to make the body the next version under that id, `newest` being locked."""
    resource: Json = body_of(asked)
    if asked.id is None:
        is_living = newest is not None and not newest.is_deleted
        if found is None and is_living:
            raise Conflict(f"no {asked.type} meets the condition, but there is one with the id {id!r}")
        if found is not None and not is_living:
            raise VersionMismatch(f"the {asked.type} that met the condition has been deleted meanwhile")
        resource = with_id(resource, id)
    check_write(asked, newest, required=acting.policy.requires_if_match)
    return proposed(asked, acting, resource, id=id, newest=newest, interaction="update")
