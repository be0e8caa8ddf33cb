"""FHIR patch: changes to parts of a resource. https://hl7.org/fhir/R4/http.html#patch"""

from sharedplan.errors import Gone, Incorrect, NotFound, Unprocessable
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions import fhirpath_patch, json_patch
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.criteria import check_still_selected, condition_of, locked_match
from sharedplan.interactions.preconditions import check_write
from sharedplan.interactions.proposals import Proposal, proposed
from sharedplan.interactions.remarks import with_remarks
from sharedplan.interactions.writes import written
from sharedplan.store.versions import Version

FORMATS = {"json-patch": json_patch.patched, "fhirpath-patch": fhirpath_patch.patched}


async def patch(asked: Asked, acting: Acting) -> Answer:
    """The resource after the patch, as stored.

    Raises NotFound, Gone, Incorrect, Unprocessable (also when the result is not valid, or a `test` failed), Refused,
    ManyMatches, VersionMismatch, PreconditionNeeded.
    """
    condition = await condition_of(asked, acting)
    found = await locked_match(condition, acting) if condition is not None else None
    id = target(asked, found)
    newest = await acting.unit.lock(str(asked.type), id, within=acting.within[str(asked.type)])
    await check_still_selected(condition, found, acting)
    proposal = patched(asked, acting, id=id, newest=newest)
    if isinstance(proposal, Answer):
        return proposal
    return await written(await with_remarks(proposal, asked, acting), asked, acting)


def target(asked: Asked, found: str | None) -> str:
    """The id of what is to be patched; `found` is what a condition selected. Raises NotFound when that is nothing."""
    id = asked.id or found
    if id is None:
        raise NotFound(f"no {asked.type} meets the condition")
    return id


def patched(asked: Asked, acting: Acting, *, id: str, newest: Version | None) -> Proposal | Answer:
    """The proposal that the patch leads to, `newest` being locked."""
    if newest is None:
        raise NotFound(f"there is no {asked.type}/{id}")
    if newest.is_deleted or newest.content is None:
        raise Gone(f"{asked.type}/{id} was deleted", version=newest.version)
    check_write(asked, newest, required=acting.policy.requires_if_match)
    apply = FORMATS.get(asked.patch_format or "")
    if apply is None:
        raise Incorrect("a patch is a JSON Patch or a FHIRPath Patch")
    resource = apply(json_text.read(newest.content), asked.body)
    if resource.get("id") != id or resource.get("resourceType") != asked.type:
        raise Unprocessable("a patch cannot change the type or the id of a resource", at=f"{asked.type}.id")
    return proposed(asked, acting, resource, id=id, newest=newest, interaction="patch")
