"""Which of our languages an answer is in: by the parameter `_language`, else by the header Accept-Language; pure.

https://hl7.org/fhir/R4/languages.html, https://www.rfc-editor.org/rfc/rfc9110#name-accept-language
"""

from sharedplan.errors import Incorrect, SharedplanError

OFFERED = ("fi", "sv", "en")
DEFAULT = "en"


def chosen(parameter: str | None, header: str | None, *, default: str = DEFAULT) -> str:
    """One of OFFERED; `default` where neither asks for any.

    Raises Incorrect for a parameter that asks for another; a header that does is let be.
    """
    if parameter is not None:
        found = _ours(parameter)
        if found is None:
            raise Incorrect(f"_language is one of {', '.join(OFFERED)}")
        return found
    wanted = [_weighed(part) for part in (header or "").split(",") if part.strip()]
    for weight, tag in sorted(wanted, key=lambda pair: -pair[0]):
        if weight > 0 and (found := _ours(tag)) is not None:
            return found
    return default


def say(failure: SharedplanError, header: str | None) -> None:
    """Let the failure's issues be in the language that the header asks for."""
    language = chosen(None, header)
    failure.issues = tuple(each.said_in(language) for each in failure.issues)


def _ours(tag: str) -> str | None:
    """The language of a tag ("sv-FI" is "sv"), if it is one of ours."""
    primary = tag.strip().lower().partition("-")[0]
    return primary if primary in OFFERED else None


def _weighed(part: str) -> tuple[float, str]:
    tag, _, rest = part.partition(";")
    name, _, value = rest.strip().partition("=")
    try:
        weight = float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0, tag
    return (weight if 0.0 <= weight <= 1.0 else 0.0), tag
