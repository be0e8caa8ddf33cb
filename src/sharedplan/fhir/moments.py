"""Points in time: how we write an instant, and dates of unequal precision compared as far as they tell.

https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

from datetime import UTC, datetime


def instant(at: datetime) -> str:
    """The instant as this service writes it: UTC, to the microsecond, "2025-06-03T14:10:00.123456Z"."""
    at = at if at.tzinfo is UTC else at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


def is_in_order(start: str | None, end: str | None) -> bool:
    """Whether `end` is surely not before `start`; true where one of them is missing.

    Two times are compared as instants. A date and a time, or dates of unequal precision, are in order when what they
    have in common is; when that is equal, nobody can tell, and the answer is False, as FHIRPath has it.
    """
    if start is None or end is None:
        return True
    if "T" in start and "T" in end:
        try:
            return datetime.fromisoformat(start) <= datetime.fromisoformat(end)
        except ValueError:  # a leap second, 23:59:60
            return start[:10] <= end[:10]
    common = min(len(start), len(end), 10)
    return start[:common] < end[:common] or start == end or (len(start) == len(end) and start <= end)
