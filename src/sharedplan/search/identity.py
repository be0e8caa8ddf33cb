"""Finnish personal identity codes in a query: they belong into the body of a POST, never into an address.

An address is kept by browsers, proxies and logs. https://dvv.fi/en/personal-identity-code
"""

import re
from collections.abc import Iterable

SYSTEM = "urn:oid:1.2.246.21"

_CODE = re.compile(r"(?<![0-9A-Za-z])(\d{6})[-+A-FU-Ya-fu-y](\d{3})([0-9A-Ya-y])(?![0-9A-Za-z])")
_CHECKS = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def mentions_identity_code(pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether a value of the query asks by the system of personal identity codes, or holds a code with a right check
    character."""
    return any(SYSTEM + "|" in value or _holds_code(value) for _, value in pairs)


def _holds_code(text: str) -> bool:
    return any(_CHECKS[int(day + number) % 31] == check.upper() for day, number, check in _CODE.findall(text))
