"""What holds for every SearchParameter of a type that is offered here: it can be indexed.

https://hl7.org/fhir/R4/searchparameter.html
"""

from collections.abc import Iterator

from sharedplan.care.rule import rule
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json
from sharedplan.search import additions


@rule("SearchParameter", source="https://hl7.org/fhir/R4/searchparameter.html#search")
def an_active_search_parameter_can_be_indexed(current: Json | None, proposed: Json | None) -> Iterator[Issue]:
    """`sharedplan reindex` would refuse it otherwise, when nobody is there to mend it. A composite may come before
    what it is made of, so that is a warning."""
    definition = proposed or {}
    if definition.get("status") != "active" or additions.is_shipped(definition):
        return
    known = additions.all_definitions([definition])
    for type in additions.bases(definition):
        try:
            additions.parameter(definition, type, known)
        except additions.NotKnown as failure:
            yield Issue("not-found", f"{type} cannot be searched by this: {failure}.", severity="warning")
        except additions.Unusable as failure:
            yield Issue("business-rule", f"{type} cannot be searched by this: {failure}.", "SearchParameter")
