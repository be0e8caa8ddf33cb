"""The tables: one per catalogue row, one column per search parameter, beside the append-only truth; no behaviour.

Migrations make them (`migrations/`); a test finds no drift between the two. Constraint and index names come from here.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Sequence,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, NUMRANGE, TSTZRANGE
from sqlalchemy.types import TypeEngine

from sharedplan.catalogue import CATALOGUE, Offered
from sharedplan.search.parameters import columns

KEY = Text(collation="C")
"""Types and ids: ASCII, compared byte by byte, whatever the database's language is."""

KINDS: dict[str, TypeEngine[Any]] = {
    "text": Text(),
    "text[]": ARRAY(Text()),
    "tstzrange": TSTZRANGE(),
    "tstzrange[]": ARRAY(TSTZRANGE()),
    "numrange": NUMRANGE(),
    "numrange[]": ARRAY(NUMRANGE()),
}

HOT_DATES = {
    "CarePlan": "date",
    "CareTeam": "date",
    "Consent": "period",
    "Encounter": "date",
    "Task": "period",
    "Appointment": "date",
    "Observation": "date",
}
"""Dates that are searched often enough for an index of their own, which each insert pays for."""

GIN_COLUMNS = 32
"""PostgreSQL's limit of columns in one index."""

PENDING = 256
"""Kilobytes of the audit's unsorted index entries: each read makes some, few searches look at them."""

metadata = MetaData(naming_convention={"pk": "%(table_name)s_pkey"})

last_instant = Sequence("last_instant", data_type=BigInteger, metadata=metadata)
"""The commit clock: microseconds since 1970 of the newest version's `last_updated`."""

resource_version = Table(
    "resource_version",
    metadata,
    Column("type", KEY, primary_key=True),
    Column("id", KEY, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("last_updated", DateTime(timezone=True), nullable=False),
    Column("interaction", Text, nullable=False),
    Column("content", JSON),
    Column("controller", Text),
    Column("patients", ARRAY(Text)),
    Column("who", JSON),
    Index("resource_version_last_updated_idx", "last_updated"),
    Index("resource_version_type_last_updated_idx", "type", "last_updated"),
)
"""Every version of every resource, deletions included: the truth that the tables of the types are projections of."""


def _of(offered: Offered) -> Table:
    """The table of one type: its living resources, with their search values."""
    recorded = offered.type == "AuditEvent"
    table = Table(
        offered.table,
        metadata,
        Column("id", KEY, primary_key=True),
        Column("version", Integer, nullable=False),
        Column("last_updated", DateTime(timezone=True), nullable=False),
        Column("controller", Text),
        Column("content", JSON, nullable=recorded),
        # What the service recorded itself has a trail instead of a content.
        *(
            [
                Column("trail", JSON),
                CheckConstraint("content IS NOT NULL OR trail IS NOT NULL", name="audit_event_says_something"),
            ]
            if recorded
            else []
        ),
        *(Column(column.name, KINDS[column.kind]) for column in columns(offered.type)),
        Index(f"{offered.table}_last_updated_idx", "last_updated"),
    )
    if recorded:
        # Each read inserts a row here, so the indexes are few and cheap.
        _index(table, "arrays", "gin", "patient", "entity", postgresql_with={"gin_pending_list_limit": PENDING})
        _index(table, "date", "brin", "date", postgresql_with={"pages_per_range": 32, "autosummarize": True})
        return table
    for column in columns(offered.type):
        if column.kind == "text":
            held = table.c[column.name].is_not(None)
            Index(f"{offered.table}_{column.name}_idx", column.name, _table=table, postgresql_where=held)
    if offered.type in HOT_DATES:
        _index(table, HOT_DATES[offered.type], "gist", HOT_DATES[offered.type])
    arrays = [column.name for column in columns(offered.type) if column.kind == "text[]"]
    for n, first in enumerate(range(0, len(arrays), GIN_COLUMNS)):
        # Without a pending list an insert costs 70 µs more, and no search ever waits for one to be read (measured).
        name = "arrays" if n == 0 else f"arrays_{n + 1}"
        _index(table, name, "gin", *arrays[first : first + GIN_COLUMNS], postgresql_with={"fastupdate": False})
    return table


def _index(table: Table, name: str, using: str, *names: str, **options: Any) -> None:
    Index(f"{table.name}_{name}_idx", *(table.c[each] for each in names), postgresql_using=using, **options)


TABLES: dict[str, Table] = {offered.type: _of(offered) for offered in CATALOGUE.values()}
"""Resource type → its table."""
