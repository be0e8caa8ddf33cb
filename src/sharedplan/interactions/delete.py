"""FHIR delete: a resource leaves all searches; its history stays. https://hl7.org/fhir/R4/http.html#delete"""

from sharedplan.care import rulebook
from sharedplan.errors import Issue, Unprocessable
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions import subscribing
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.criteria import check_still_selected, condition_of, locked_match
from sharedplan.interactions.preconditions import check_write
from sharedplan.interactions.proposals import Proposal
from sharedplan.interactions.provenances import check_changeable
from sharedplan.interactions.writes import written
from sharedplan.store.versions import Change, Version


async def delete(asked: Asked, acting: Acting) -> Answer:
    """204, with the ETag of the deletion if there is one; deleting what is not there is no error.

    Raises Incorrect, ManyMatches, VersionMismatch, PreconditionNeeded, Unprocessable, Refused.
    """
    condition = await condition_of(asked, acting)
    id = asked.id if condition is None else await locked_match(condition, acting)
    newest = None
    if id is not None:
        newest = await acting.unit.lock(str(asked.type), id, within=acting.within[str(asked.type)])
        await check_still_selected(condition, id, acting)
    proposal = deletion(asked, acting, newest=newest)
    return proposal if isinstance(proposal, Answer) else await written(proposal, asked, acting)


def deletion(asked: Asked, acting: Acting, *, newest: Version | None) -> Proposal | Answer:
    """The proposal to delete what is there, `newest` being locked; or the answer that there is nothing to delete."""
    check_write(asked, newest, required=acting.policy.requires_if_match)
    if newest is None:
        return Answer(204, type=asked.type)
    if newest.is_deleted or newest.content is None:
        return Answer(204, None, newest.type, newest.id, newest.version, newest.last_updated)
    check_changeable(newest)
    issues: list[Issue] = []
    if newest.type in rulebook.RULES:
        issues = rulebook.issues(newest.type, "delete", json_text.read(newest.content), None)
    if any(issue.severity in ("error", "fatal") for issue in issues):
        raise Unprocessable(issues=issues)
    change = Change(
        type=newest.type,
        id=newest.id,
        version=newest.version + 1,
        interaction="delete",
        stamped=None,
        values={},
        controller=acting.controller,
        who=subscribing.who(acting) if newest.type == subscribing.TYPE else acting.who,
    )
    return Proposal(change, None, newest, tuple(issues), asked.base)
