"""What a query says of how the answer is to look, rather than what is in it: _count, _sort, _total and _summary.

https://hl7.org/fhir/R4/search.html#return
"""

from sharedplan.errors import Incorrect

NAMES = ("_count", "_sort", "_total", "_summary")

SORTS = ("_lastUpdated", "_id")
TOTALS = ("none", "estimate", "accurate")


def count(value: str | None) -> int | None:
    """How many entries a page is to have. Raises Incorrect."""
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise Incorrect("_count is a whole number, 0 or more")
    return int(value)


def sort(value: str | None) -> tuple[tuple[str, bool], ...]:
    """(code, whether descending) for each key, the first counts most. Raises Incorrect for one that serves no sort."""
    if value is None:
        return ()
    found = tuple((part.removeprefix("-"), part.startswith("-")) for part in value.split(","))
    for code, _ in found:
        if code not in SORTS:
            raise Incorrect(f"_sort by {code[:60] or 'nothing'} is not supported; it takes {', '.join(SORTS)}")
    return found


def total(value: str | None) -> str | None:
    """How exact the total is to be: none, estimate or accurate. Raises Incorrect."""
    if value is not None and value not in TOTALS:
        raise Incorrect(f"_total is one of {', '.join(TOTALS)}")
    return value


def summary(value: str | None) -> str | None:
    """ "count" when only the total is wanted. Raises Incorrect for a summary that is not offered."""
    if value in ("true", "text", "data"):
        raise Incorrect(f"_summary={value} is not yet supported; it takes count and false")
    if value not in (None, "count", "false"):
        raise Incorrect("_summary is count or false")
    return value if value == "count" else None
