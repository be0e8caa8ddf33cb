"""What holds for every CarePlan. https://hl7.org/fhir/R4/careplan.html"""

from collections.abc import Iterator

from sharedplan.care.rule import rule
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json


@rule("CarePlan", source="https://hl7.org/fhir/R4/careplan-definitions.html#CarePlan.activity")
def an_activity_is_referred_to_or_described(current: Json | None, proposed: Json | None) -> Iterator[Issue]:
    """cpl-3: an activity has a reference or a detail, not both."""
    for index, activity in enumerate((proposed or {}).get("activity", ())):
        if "reference" in activity and "detail" in activity:
            yield Issue(
                "invariant",
                "An activity has either a reference to another resource or a detail of its own, not both. (cpl-3)",
                f"CarePlan.activity[{index}]",
            )
