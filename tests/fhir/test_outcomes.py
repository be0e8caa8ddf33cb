"""Issues as an OperationOutcome."""

from sharedplan.errors import Issue
from sharedplan.fhir import resources
from sharedplan.fhir.json_text import read
from sharedplan.fhir.outcomes import outcome, text


def test_an_issue_has_severity_code_text_and_expression() -> None:
    assert outcome([Issue("value", "1 should be true or false.", "Patient.active")])["issue"] == [
        {
            "severity": "error",
            "code": "value",
            "details": {"text": "1 should be true or false."},
            "diagnostics": "1 should be true or false.",
            "expression": ["Patient.active"],
        }
    ]


def test_a_rule_is_named_by_its_code() -> None:
    (issue,) = outcome([Issue("business-rule", "No coordinator.", rule=("https://x/rule", "R4.1"))])["issue"]
    assert issue["details"] == {"coding": [{"system": "https://x/rule", "code": "R4.1"}], "text": "No coordinator."}


def test_no_issues_are_good_news() -> None:
    assert outcome([])["issue"][0]["severity"] == "information"


def test_an_outcome_is_valid_itself() -> None:
    made = text([Issue("not-found", "", "Patient.id"), Issue("informational", "ok", severity="information")])
    assert resources.issues_of("OperationOutcome", read(made)) == []


def test_what_is_said_is_told_in_other_languages_too() -> None:
    said = Issue("business-rule", "No coordinator.", translations=(("fi", "Ei omatyöntekijää."),))
    (issue,) = outcome([said])["issue"]
    (extension,) = issue["details"]["_text"]["extension"]
    assert extension == {
        "url": "http://hl7.org/fhir/StructureDefinition/translation",
        "extension": [
            {"url": "lang", "valueCode": "fi"},
            {"url": "content", "valueString": "Ei omatyöntekijää."},
        ],
    }
    assert issue["details"]["text"] == "No coordinator."
    assert resources.issues_of("OperationOutcome", read(text([said]))) == []
