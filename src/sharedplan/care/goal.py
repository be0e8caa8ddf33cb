"""What holds for every Goal. https://hl7.org/fhir/R4/goal.html"""

from collections.abc import Iterator

from sharedplan.care.rule import rule
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json


@rule("Goal", source="https://hl7.org/fhir/R4/goal-definitions.html#Goal.target")
def a_target_with_a_detail_says_what_is_measured(current: Json | None, proposed: Json | None) -> Iterator[Issue]:
    """gol-1: target.measure is needed where target.detail[x] is."""
    for index, target in enumerate((proposed or {}).get("target", ())):
        has_detail = any(name.lstrip("_").startswith("detail") for name in target)
        if has_detail and "measure" not in target:
            yield Issue("invariant", "A target with a detail needs a measure. (gol-1)", f"Goal.target[{index}].measure")
