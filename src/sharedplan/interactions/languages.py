"""The language that an answer is to be in: what `_language` says, else what the header Accept-Language likes best.

https://hl7.org/fhir/R4/languages.html, https://www.rfc-editor.org/rfc/rfc9110#name-accept-language
"""

from sharedplan.care.finding import LANGUAGES
from sharedplan.errors import Incorrect
from sharedplan.fhir.exchanges import Asked

PARAMETER = "_language"
DEFAULT = "fi"


def language_of(asked: Asked) -> str:
    """fi, sv or en. Raises Incorrect for a `_language` that nothing is said in."""
    given = [value for name, value in asked.parameters if name == PARAMETER]
    if given:
        found = given[-1].strip().lower().partition("-")[0]
        if found not in LANGUAGES:
            raise Incorrect(f"{PARAMETER} is one of {', '.join(LANGUAGES)}")
        return found
    return preferred(asked.accept_language)


def preferred(accept_language: str) -> str:
    """Of our languages the one that the header gives the greatest weight; of equals the first."""
    best, best_weight = DEFAULT, 0.0
    for choice in accept_language.split(","):
        tag, _, parameters = choice.partition(";")
        language, weight = tag.strip().lower().partition("-")[0], _weight(parameters)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
