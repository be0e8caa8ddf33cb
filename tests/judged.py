"""The smallest resources, and what validation says of them."""

from typing import Any

from sharedplan.errors import Issue
from sharedplan.fhir import resources

Json = dict[str, Any]


def plan(**elements: Any) -> Json:
    """The smallest CarePlan, with these elements."""
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": "Patient/1"},
        **elements,
    }


def patient(**elements: Any) -> Json:
    """The smallest Patient, with these elements."""
    return {"resourceType": "Patient", **elements}


def found(resource: Json, severity: str = "error") -> list[tuple[str, str | None]]:
    """(code, expression) of each issue of that severity."""
    issues = resources.issues_of(resource["resourceType"], resource)
    return [(issue.code, issue.at) for issue in issues if issue.severity == severity]


def only(resource: Json) -> Issue:
    """The one error."""
    (issue,) = [i for i in resources.issues_of(resource["resourceType"], resource) if i.severity == "error"]
    return issue
