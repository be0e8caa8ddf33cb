"""Findings as they are told, each written once as long as it is found again; an OperationOutcome is put together of
them. https://hl7.org/fhir/R4/operationoutcome.html"""

from collections.abc import Iterable

from sharedplan.care.finding import Finding
from sharedplan.fhir import outcomes


class Sayings:
    """What was told last, in each language."""

    def __init__(self) -> None:
        self._told: dict[str, dict[object, str]] = {}

    def text(self, findings: Iterable[Finding], language: str) -> str:
        """The OperationOutcome with these findings, as JSON text."""
        before, now, texts = self._told.get(language, {}), dict[object, str](), list[str]()
        for each in findings:
            key = (each.rule, each.severity, each.words, tuple(each.fields.items()), each.at, each.code)
            text = before.get(key)
            if text is None:
                text = outcomes.written(each.issue(language))
            now[key] = text
            texts.append(text)
        self._told[language] = now
        return outcomes.joined(texts)
