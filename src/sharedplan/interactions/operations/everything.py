"""$everything of a plan: one Bundle with the plan and all that it needs to be understood.

GET or POST CarePlan/[id]/$everything. https://hl7.org/fhir/R4/patient-operation-everything.html is its model.

A searchset with the plan as its match and the rest included, each once. It is all on one page: a plan is as large as
what a team reads. What is withheld from whoever asks is not there, and nothing refers to it.
"""

from sharedplan.errors import Incorrect, Issue, NotOffered
from sharedplan.fhir import bundles, outcomes
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.whole import whole


async def everything(asked: Asked, acting: Acting) -> Answer:
    """The Bundle. Raises NotFound, Gone, NotOffered for anything but one plan, Incorrect for a parameter."""
    check_address(asked, "everything")
    if asked.parameters:
        raise Incorrect(f"$everything takes no parameter {asked.parameters[0][0][:60]!r}")
    found = await whole(asked, acting)
    entries = [
        bundles.Entry(f"{asked.base}/{part.name}", part.text, mode="include" if number else "match")
        for number, part in enumerate(found.parts)
    ]
    if found.situation.is_cut:
        issue = Issue("too-costly", "there is more of this client than one answer holds", severity="warning")
        entries.append(bundles.Entry(resource=outcomes.text((issue,)), mode="outcome"))
    text = bundles.searchset(
        entries,
        total=1,
        links=(("self", f"{asked.base}/CarePlan/{asked.id}/$everything"),),
        id=acting.clock.new_id(),
        at=acting.clock.now(),
        labels=found.labels,
    )
    return Answer(200, text, labels=found.labels)


def check_address(asked: Asked, operation: str) -> None:
    """Raises NotOffered for anything but an operation of one plan, Incorrect for a body that says something."""
    if asked.type != "CarePlan" or asked.id is None:
        raise NotOffered(f"${operation} is for one plan: GET CarePlan/[id]/${operation}", allow=())
    if asked.body is not None:
        if not isinstance(asked.body, dict) or asked.body.get("resourceType") != "Parameters":
            raise Incorrect(f"${operation} takes Parameters or no body")
        if asked.body.get("parameter"):
            raise Incorrect(f"${operation} takes no parameters in the body", at="Parameters.parameter")
