"""Points in time: how we write an instant, and dates of unequal precision compared as far as they tell.

https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

from datetime import UTC, datetime


def instant(at: datetime) -> str:
    """The instant as this service writes it: UTC, to the microsecond, "2025-06-03T14:10:00.123456Z"."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def is_in_order(start: str | None, end: str | None) -> bool:
    """Whether `end` is not surely before `start`: true where one is missing, or too vague to tell.

    Two times are compared as instants; otherwise as dates, to the precision of the vaguer one.
    """
    if start is None or end is None:
        return True
    if "T" in start and "T" in end:
        try:
            return datetime.fromisoformat(start) <= datetime.fromisoformat(end)
        except ValueError:  # a leap second: 23:59:60
            return start[:10] <= end[:10]
    precision = min(len(start), len(end), 10)
    return start[:precision] <= end[:precision]
