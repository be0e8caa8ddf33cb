"""Finnish personal identity codes: six digits of a day of birth, a sign of its century, three of a number, a check.

https://dvv.fi/en/personal-identity-code

The individual numbers 900–999 are of temporary codes, and of those for tests; they are right too. No sentence repeats
a code, nor a part of it.
"""

import re
from datetime import date
from unicodedata import normalize

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

_AS_READ = dict.fromkeys(
    map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\u00ad"), "-"
) | dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
"""Dashes that are read as the sign of a century, and what is between characters without being seen."""


def is_in(text: str) -> bool:
    """Whether something in the text looks like a code, rightly checked or not: it would tell who is meant. Other dashes
    and wide or otherwise dressed-up characters are read as what they look like."""
    plain = text if text.isascii() else normalize("NFKC", text).translate(_AS_READ)
    for day, month, year, sign in _ANYWHERE.findall(plain):
        try:
            date(CENTURIES[sign.upper()] + int(year), int(month), int(day))
        except ValueError:
            continue
        return True
    return False
