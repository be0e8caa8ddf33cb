"""The primitive types: which JSON values are one, by the patterns and ranges of R4, and real calendar days.

https://hl7.org/fhir/R4/datatypes.html#primitive
"""

import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

_YEAR = "(?!0000)[0-9]{4}"
_DAY = f"(?P<year>{_YEAR})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_OFFSET = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

_PARTIAL_DAY = re.compile(f"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?")
_WHOLE_DAY = re.compile(_DAY)
_INSTANT = re.compile(f"{_DAY}T{_CLOCK}{_OFFSET}")
_TIME = re.compile(_CLOCK)
_CODE = re.compile(r"\S+(?:\s\S+)*")
_URI = re.compile(r"\S+")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WHITE = dict.fromkeys(map(ord, " \t\r\n"))
_LONGEST_STRING = 1024 * 1024
_LAST_DAY_OF_EVERY_MONTH = 28


@dataclass(frozen=True, slots=True)
class Primitive:
    """A primitive type: whether a JSON value is one, and what one looks like, to go on from "should be …"."""

    fits: Callable[[Any], bool]
    looks: str


def _is_boolean(value: Any) -> bool:
    return value is True or value is False


def _is_string(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= _LONGEST_STRING


def _is_decimal(value: Any) -> bool:
    return type(value) is int or isinstance(value, Decimal)


def _is_base64(value: Any) -> bool:
    if type(value) is not str:
        return False
    packed = value.translate(_WHITE)
    try:
        return bool(packed) and len(packed) % 4 == 0 and bool(binascii.a2b_base64(packed, strict_mode=True))
    except (binascii.Error, ValueError):
        return False


def _is_date(value: Any) -> bool:
    if type(value) is not str:
        return False
    if (found := _WHOLE_DAY.fullmatch(value)) is not None:
        return _is_in_calendar(found)
    return _PARTIAL_DAY.fullmatch(value) is not None


def _is_instant(value: Any) -> bool:
    if type(value) is not str:
        return False
    found = _INSTANT.fullmatch(value)
    return found is not None and _is_in_calendar(found)


def _is_date_time(value: Any) -> bool:
    return _is_instant(value) or _is_date(value)


def _is_in_calendar(found: re.Match[str]) -> bool:
    if int(found["day"]) <= _LAST_DAY_OF_EVERY_MONTH:
        return True
    try:
        date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        return False
    return True


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= 2147483647


def _written(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: type(value) is str and pattern.fullmatch(value) is not None


PRIMITIVES: dict[str, Primitive] = {
    "base64Binary": Primitive(_is_base64, "a string in base64"),
    "boolean": Primitive(_is_boolean, "true or false, without quotes"),
    "canonical": Primitive(_written(_URI), "a canonical URL, a string without white space"),
    "code": Primitive(_written(_CODE), "a code, a string without white space at its ends and none doubled within"),
    "date": Primitive(_is_date, "a date that exists, as 2025, 2025-06 or 2025-06-03"),
    "dateTime": Primitive(
        _is_date_time, "a date as 2025, 2025-06 or 2025-06-03, or with time and zone as 2025-06-03T14:10:00+03:00"
    ),
    "decimal": Primitive(_is_decimal, "a number, without quotes"),
    "id": Primitive(_written(_ID), "an id: 1 to 64 letters from A to Z, digits, hyphens and full stops"),
    "instant": Primitive(_is_instant, "an instant with its zone, as 2025-06-03T14:10:00.123+03:00"),
    "integer": Primitive(_whole(-2147483648), "a whole number of at most 32 bits, without quotes or decimal point"),
    "markdown": Primitive(_is_string, "a text of 1 character to 1 MiB"),
    "oid": Primitive(_written(_OID), "an OID, as urn:oid:1.2.3"),
    "positiveInt": Primitive(_whole(1), "a whole number from 1 to 2147483647, without quotes"),
    "string": Primitive(_is_string, "a string of 1 character to 1 MiB"),
    "time": Primitive(_written(_TIME), "a time of day, as 14:10:00"),
    "unsignedInt": Primitive(_whole(0), "a whole number from 0 to 2147483647, without quotes"),
    "uri": Primitive(_written(_URI), "a URI, a string without white space"),
    "url": Primitive(_written(_URI), "a URL, a string without white space"),
    "uuid": Primitive(_written(_UUID), "a UUID, as urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
    "xhtml": Primitive(_is_string, "a div element in XHTML"),
}


def is_id(text: Any) -> bool:
    """Whether the text may be a resource's id. https://hl7.org/fhir/R4/datatypes.html#id"""
    return type(text) is str and _ID.fullmatch(text) is not None


def shown(value: Any) -> str:
    """A value as a sentence may quote it: JSON-like, one line, at most 80 characters."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = getattr(value, "literal", None) or str(value)
    if not isinstance(value, str):
        return text[:60]
    short = text if len(text) <= 60 else text[:57] + "…"
    return '"' + "".join(c if c.isprintable() else " " for c in short) + '"'
