"""Finnish personal identity codes in a query: they belong into the body of a POST, never into an address.

An address is kept by browsers, proxies and logs. https://dvv.fi/en/personal-identity-code
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from sharedplan.fhir.identity_codes import CHECKS, SYSTEM, fault, is_code

__all__ = ["SYSTEM", "fault", "is_code", "mentions_identity_code"]

_SIGNS = "-+A-FU-Ya-fu-y \u2010-\u2015\u2212"  # a plus not encoded comes as a space; a hyphen copied may be a dash
_CODE = re.compile(rf"(?<![0-9A-Za-z])(\d{{6}})[{_SIGNS}](\d{{3}})([0-9A-Ya-y])(?![0-9A-Za-z])")


def mentions_identity_code(pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether a name or value of the query asks by the system of personal identity codes, or holds a code with a right
    check character: of any system or none, in either case, and even where its characters are encoded once more."""
    return _mentions("\n".join([text for pair in pairs for text in pair]))


def _mentions(text: str) -> bool:
    plain = unquote(unquote(text)) if "%" in text else text
    return f"{SYSTEM}|" in plain.lower() or _holds_code(plain) or (plain != text and _holds_code(text))


def _holds_code(text: str) -> bool:
    return any(CHECKS[int(day + number) % 31] == check.upper() for day, number, check in _CODE.findall(text))
