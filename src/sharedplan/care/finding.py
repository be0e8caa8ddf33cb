"""What a rule of the service models finds: met, broken, or something to know, said in three languages; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sharedplan.care.codes import RULE
from sharedplan.errors import Issue

LANGUAGES = ("fi", "sv", "en")

Words = tuple[str, str, str]
"""Finnish, Swedish, English; what stands in braces is filled in from the finding's fields."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule`: its id ("R0.4"). `severity`: error, warning or information. `at`: FHIRPath of the element.

    `code`: of the issue type (https://hl7.org/fhir/R4/valueset-issue-type.html). A field may be one text, or one in
    each language.
    """

    rule: str
    severity: str
    words: Words
    fields: Mapping[str, str | Words] = field(default_factory=dict)
    at: str | None = None
    code: str = "business-rule"

    def said(self, language: str = "en") -> str:
        """The sentence in that language."""
        number = LANGUAGES.index(language)
        filled = {name: each if isinstance(each, str) else each[number] for name, each in self.fields.items()}
        return self.words[number].format(**filled)

    def issue(self, language: str = "en") -> Issue:
        """The same as an issue of an OperationOutcome, with what it says in the other languages."""
        others = tuple((each, self.said(each)) for each in LANGUAGES if each != language)
        return Issue(self.code, self.said(language), self.at, self.severity, (RULE, self.rule), others)
