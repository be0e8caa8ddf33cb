"""Answers in the form the client prefers: the resource, nothing, or what there is to know.

https://hl7.org/fhir/R4/http.html#ops
"""

from sharedplan.errors import Issue
from sharedplan.fhir import languages, outcomes
from sharedplan.fhir.exchanges import Answer, Asked

WRITES = frozenset({"create", "update", "patch", "delete"})

_DONE = {
    "create": "created",
    "update": "updated",
    "patch": "patched",
    "delete": "deleted",
}


def preferred(asked: Asked, answer: Answer) -> Answer:
    """The answer to one request. Without a preference a write answers with the resource, as stored."""
    if asked.interaction not in WRITES:
        return answer
    if not answer.created and asked.interaction == "create" and answer.id is not None:
        # The client learns which resource it is also without a body; 201 has its Location already.
        place = f"{asked.base}/{answer.type}/{answer.id}/_history/{answer.version}"
        answer = answer._replace(headers={**answer.headers, "Location": place})
    if asked.prefer.returning == "minimal":
        return answer._replace(content=None)
    if asked.prefer.returning == "OperationOutcome":
        status = 200 if answer.status == 204 else answer.status
        return answer._replace(content=outcome_of(asked, answer), status=status)
    return answer


def outcome_of(asked: Asked, answer: Answer) -> str:
    """What there is to know of a write, as the text of an OperationOutcome: its warnings, and that it is done."""
    what = f"{answer.type}/{answer.id}" if answer.id is not None else f"no {answer.type}"
    done = _DONE[asked.interaction]
    if answer.created:
        done = "created"
    elif asked.interaction == "create":
        done = "there already"
    said = Issue("informational", f"{what} {done}", severity="information")
    language = languages.chosen(None, asked.accept_language)
    return outcomes.text((*(each.said_in(language) for each in answer.warnings), said))
