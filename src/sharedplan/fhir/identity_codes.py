"""Finnish personal identity codes: six digits of a day of birth, a sign of its century, three of a number, a check.

https://dvv.fi/en/personal-identity-code

The individual numbers 900–999 are of temporary codes, and of those for tests; they are right too. No sentence repeats
a code, nor a part of it.
"""

import re
from datetime import date

SYSTEM = "urn:oid:1.2.246.21"

CENTURIES = {
    "+": 1800,
    **dict.fromkeys("-YXWVU", 1900),
    **dict.fromkeys("ABCDEF", 2000),
}
"""The sign between day and number → the first year of its century."""

CHECKS = "0123456789ABCDEFHJKLMNPRSTUVWXY"

_SHAPE = re.compile(r"(?a)(\d\d)(\d\d)(\d\d)(\D)(\d{3})([0-9A-Z])", re.DOTALL)


def is_code(text: str) -> bool:
    """Whether it is a right code."""
    return fault(text) is None


def fault(code: str) -> str | None:
    """What is wrong with a code, as a sentence; None when it is right."""
    found = _SHAPE.fullmatch(code.upper())
    if found is not None and code != code.upper():
        return "The letters of a personal identity code are capitals."
    if found is None:
        return "A personal identity code is six digits, a sign, three digits and a check character, without spaces."
    day, month, year, sign, number, check = found.groups()
    if sign not in CENTURIES:
        return f"The sign of a personal identity code, after six digits, is one of {' '.join(CENTURIES)} and no other."
    try:
        date(CENTURIES[sign] + int(year), int(month), int(day))
    except ValueError:
        return "The calendar has no such day as this personal identity code begins with."
    if CHECKS[int(day + month + year + number) % len(CHECKS)] != check:
        return "The check character of the personal identity code does not fit its digits."
    return None


_ANYWHERE = re.compile(r"(?ai)(?<![0-9A-Z])(\d\d)(\d\d)(\d\d)([-+A-FU-Y])\d{3}[0-9A-Y](?![0-9A-Z])")


def is_in(text: str) -> bool:
    """Whether something in the text looks like a code, rightly checked or not: it would tell who is meant."""
    for day, month, year, sign in _ANYWHERE.findall(text):
        try:
            date(CENTURIES[sign.upper()] + int(year), int(month), int(day))
        except ValueError:
            continue
        return True
    return False
