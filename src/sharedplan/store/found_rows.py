"""Rows of the database as the versions that they are, and as the page that they make; pure.

What a safety ban takes out of a resource is taken out here. No text leaves the store another way, but for pages that
come joined, in which there is nothing that a ban takes out of (`joined.py`).
"""

from collections.abc import Sequence

from asyncpg import Record

from sharedplan.search.masking import masked
from sharedplan.store.places import ordered
from sharedplan.store.searches import Keys, Search
from sharedplan.store.together import Parts, Row
from sharedplan.store.trail import restored
from sharedplan.store.versions import Container, Found, Version


def page_of(search: Search, found: Sequence[Record]) -> Found:
    """The page that these rows are, or that this row tells."""
    first = found[0]
    if "entries" in first:
        begin, end = ((0, id) if (id := first[name]) is not None else None for name in ("id", "last"))
        is_more, texts = first["fetched"] is not None, (first["entries"], first["included"])
        return Found([], first["total"], first["as_of"], begin, end, is_more, *texts)
    shown = ordered(search, found)
    types = search.types
    if search.contained is not None and search.contained.is_alone:
        versions = [_found_alone(types[row["rank"]], row) for row in shown]
    elif len(types) == 1:
        versions = all_living_of(types[0], shown)
    else:
        versions = [living_of(types[row["rank"]], row) for row in shown]
    keys = [_keys(search, row) for row in (shown[:1] + shown[-1:])]
    return Found(
        versions,
        found[0]["total"],
        search.place.as_of if search.place is not None else found[0]["as_of"],
        keys[0] if keys else None,
        keys[-1] if keys else None,
        bool(shown) and (found[0]["fetched"] or len(found)) > len(shown),
    )


def _keys(search: Search, row: Record) -> Keys:
    """Where a row stands in the order of the search."""
    rank = row["rank"] if search.is_ranked else 0
    return (*(row[f"k{number}"] for number in range(len(search.sort))), rank, row["id"])


def part_of(parts: Parts, row: Record) -> Row:
    """A row of several parts."""
    return Row(row["rank"], living_of(parts[row["rank"]][0], row), row["masked"] is True)


def _found_alone(type: str, row: Record) -> Version:
    """What a search of contained resources found: by itself within a resource of that type, or standing for itself."""
    found = living_of(row["kind"], row)
    if row["number"] is None:
        return found
    return found._replace(id=row["own"] or "", container=Container(type, row["holder"], row["number"]))


def all_living_of(type: str | None, rows: Sequence[Record]) -> list[Version]:
    """Rows of a type's table (None: each tells its type) as the versions that they are."""
    told = set(rows[0].keys()) if rows else set()
    if type == "AuditEvent" or told & _SELDOM:
        return [living_of(type or row["type"], row) for row in rows]
    # Pages are long, and to ask each row what it has takes half of the time.
    is_masked = "masked" in told
    versions = []
    for row in rows:
        number = row["version"]
        version = Version(
            type or row["type"],
            row["id"],
            number,
            row["last_updated"],
            "create" if number == 1 else "update",
            row["content"],
        )
        versions.append(living_of(version.type, row) if is_masked and row["masked"] else version)
    return versions


_SELDOM = {"patients", "controller", "trail"}
"""Columns that few rows have."""


def living_of(type: str, row: Record) -> Version:
    """A row of a type's table as the version that it is."""
    interaction = "create" if row["version"] == 1 else "update"
    patients = row.get("patients")
    told = None
    if type == "AuditEvent" and row["trail"] is not None:
        told = restored(row["trail"], row["outcome"], row.get("patient") or patients, row["entity"])
    spoken_of = tuple(patients) if patients is not None else None
    content, is_masked = _content(type, row)
    return Version(
        type,
        row["id"],
        row["version"],
        row["last_updated"],
        interaction,
        content,
        told,
        spoken_of,
        row.get("controller"),
        is_masked,
    )


def version_of(row: Record) -> Version:
    """A row of all versions as the version that it is."""
    content, is_masked = _content(row["type"], row)
    interaction, at = row["interaction"], row["last_updated"]
    controller, spoken_of = row.get("controller"), row.get("spoken_of")
    return Version(
        row["type"],
        row["id"],
        row["version"],
        at,
        interaction,
        content,
        patients=tuple(spoken_of) if spoken_of is not None else None,
        controller=controller,
        is_masked=is_masked,
    )


def _content(type: str, row: Record) -> tuple[str | None, bool]:
    """The text as it may leave the store, and whether something was taken out: no way leads around here."""
    content: str | None = row["content"]
    if content is None or not row.get("masked"):
        return content, False
    part = masked(type, content)
    return (content, False) if part is None else (part, True)
