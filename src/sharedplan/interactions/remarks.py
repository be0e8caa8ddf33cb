"""What a writer is told of a write that is done all the same, beside what validation and the rules of care say.

A reference that leads nowhere, and what a Consent does not do beside the client's others. Warnings do not stop a write;
they are looked for only when the client wants to be told. https://hl7.org/fhir/R4/http.html#ops
"""

from collections.abc import Sequence
from dataclasses import replace

from sharedplan.errors import Issue, Unprocessable
from sharedplan.fhir.exchanges import Asked
from sharedplan.interactions.acting import Acting, Write
from sharedplan.interactions.existence import missing_references
from sharedplan.interactions.proposals import Proposal


async def with_remarks(proposal: Proposal, asked: Asked, acting: Acting) -> Proposal:
    """The proposal with its warnings. Raises Unprocessable instead for a reference that leads nowhere, when the server
    enforces them."""
    (issues,) = await remarks([proposal], asked, acting)
    if any(issue.severity == "error" for issue in issues):
        raise Unprocessable(issues=issues)
    return replace(proposal, warnings=proposal.warnings + issues) if issues else proposal


async def remarks(proposals: Sequence[Proposal], asked: Asked, acting: Acting) -> list[tuple[Issue, ...]]:
    """The same for proposals that go in together: the issues of each, errors among them when the server enforces
    references."""
    found = await missing_references(proposals, asked, acting)
    if asked.prefer.returning != "OperationOutcome":
        return found
    writes = [Write(each.change, each.resource, each.before) for each in proposals]
    cautions = await acting.access.cautioned(writes, asked, acting)
    return [one + other for one, other in zip(found, cautions, strict=True)]
