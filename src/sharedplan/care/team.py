"""What holds for every CareTeam. https://hl7.org/fhir/R4/careteam.html"""

from collections.abc import Iterator
from typing import Any

from sharedplan.care.rule import rule
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.references import parse


@rule("CareTeam", source="https://hl7.org/fhir/R4/careteam-definitions.html#CareTeam.participant")
def only_a_practitioner_takes_part_on_behalf_of_an_organization(
    current: Json | None, proposed: Json | None
) -> Iterator[Issue]:
    """ctm-1: onBehalfOf is there only with a member that is a Practitioner, as far as its reference tells."""
    team = proposed or {}
    for index, participant in enumerate(team.get("participant", ())):
        member = _type(participant.get("member", {}), team)
        if "onBehalfOf" in participant and member not in (None, "Practitioner"):
            yield Issue(
                "invariant",
                f"Only a Practitioner takes part on behalf of an organization; this member is a {member}. (ctm-1)",
                f"CareTeam.participant[{index}].onBehalfOf",
            )


def _type(reference: Json, team: Json) -> Any:
    """The resource type that a reference points at, None when it does not tell."""
    found = parse(reference.get("reference", ""))
    if found.kind == "fragment":
        return next((one["resourceType"] for one in team.get("contained", ()) if one.get("id") == found.id), None)
    return found.type or reference.get("type")
