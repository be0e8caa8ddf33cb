"""Issues as an OperationOutcome: what went wrong, or what there is to know. Picks no HTTP status.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Iterable, Sequence

from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.json_text import write

TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"

ALL_WELL = Issue("informational", "All is well.", severity="information")


def outcome(issues: Iterable[Issue]) -> Json:
    """The OperationOutcome with these issues in their order; with none, one that says that all is well."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues] or [_issue(ALL_WELL)]}


def text(issues: Iterable[Issue], *, pretty: bool = False) -> str:
    """The same as JSON text."""
    return write(outcome(issues), pretty=pretty)


def written(issue: Issue) -> str:
    """One issue as JSON text."""
    return write(_issue(issue))


def joined(issues: Sequence[str]) -> str:
    """The OperationOutcome with these issues, of which there is one at least, as JSON text."""
    return f'{{"resourceType":"OperationOutcome","issue":[{",".join(issues)}]}}'


def _issue(issue: Issue) -> Json:
    details: Json = {"text": issue.saying} if issue.saying else {}
    if issue.translations and issue.saying:
        details["_text"] = {"extension": [_translation(*each) for each in issue.translations]}
    if issue.rule is not None:
        system, code = issue.rule
        details = {"coding": [{"system": system, "code": code}], **details}
    found: Json = {"severity": issue.severity, "code": issue.code}
    if details:
        found["details"] = details
    if issue.saying:  # many clients show their users the diagnostics and nothing else
        found["diagnostics"] = issue.saying
    if issue.at is not None:
        found["expression"] = [issue.at]
    return found


def _translation(language: str, content: str) -> Json:
    return {
        "url": TRANSLATION,
        "extension": [{"url": "lang", "valueCode": language}, {"url": "content", "valueString": content}],
    }
