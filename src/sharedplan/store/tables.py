"""The tables: one per catalogue row, one column per search parameter, beside the append-only truth; no behaviour.

The schema `past` has each of them once more, for the rows that have been superseded: the later pages of a search show
the moment of its first one. The schema `contained` has their search columns once more, for the resources that are
contained in others.

Migrations make them (`migrations/`); a test finds no drift between the two. Constraint and index names come from here.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB, NUMRANGE, TSTZRANGE, TSVECTOR
from sqlalchemy.types import TypeEngine

from sharedplan.catalogue import CATALOGUE, Offered
from sharedplan.search.parameters import CONSULTED, PARAMETERS, columns_of, of_no_parameter
from sharedplan.search.parameters import Column as Searched

KEY = Text(collation="C")
"""Types and ids: ASCII, compared byte by byte, whatever the database's language is."""


KINDS: dict[str, TypeEngine[Any]] = {
    "text": Text(),
    "text[]": ARRAY(Text()),
    "tstzrange": TSTZRANGE(),
    "tstzrange[]": ARRAY(TSTZRANGE()),
    "numrange": NUMRANGE(),
    "numrange[]": ARRAY(NUMRANGE()),
    "float8[]": ARRAY(DOUBLE_PRECISION),
    "lookup": TSVECTOR(),
    "words": TSVECTOR(),
}
"""Kind of column (`search/parameters.py`) → its type."""

RANGES = ("tstzrange", "numrange")

GIN_COLUMNS = 32
"""PostgreSQL's limit of columns in one index."""

PENDING = 4096
"""Kilobytes of the log's unsorted index entries, which each search of it goes through. Each read makes some, and they
are sorted in once a second (`store/merging.py`); should nobody do it, then whoever fills the list."""

PENDING_CONCERNS = 256
"""The same of what a refusal concerned, which is seldom."""

PENDING_WORDS = 1024
"""Kilobytes of unsorted words."""

PAST = "past"
"""The schema of what has been superseded."""

CONTAINED = "contained"
"""The schema of what is found within other resources."""

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
Index(
    "resource_version_register_idx",
    resource_version.c.controller,
    resource_version.c.type,
    resource_version.c.last_updated,
    postgresql_where=resource_version.c.controller.is_not(None),
)
Index(
    "resource_version_untold_idx",
    resource_version.c.patients,
    postgresql_using="gin",
    postgresql_where=text("content::text LIKE '%TBOO%'"),
)

added_parameter = Table(
    "added_parameter",
    metadata,
    Column("type", KEY, primary_key=True),
    Column("code", KEY, primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("generation", Integer, nullable=False),
)
"""The search parameters that this installation has beside the shipped ones: `store/additions.py`."""

access_rule = Table(
    "access_rule",
    metadata,
    Column("client", KEY, nullable=False),
    Column("consent", KEY, nullable=False),
    Column("version", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("rank", DateTime(timezone=True), nullable=False),
    Column("updated", DateTime(timezone=True), nullable=False),
    Column("is_ban", Boolean, nullable=False),
    Column("performers", ARRAY(Text), nullable=False),
    Column("path", Text, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("effect", Text, nullable=False),
    Column("period", TSTZRANGE, nullable=False),
    *(
        Column(name, JSONB, nullable=False)
        for name in ("recipients", "holders", "authors", "classes", "codes", "labels", "data")
    ),
    Column("actions", ARRAY(Text)),
    Column("purposes", ARRAY(Text)),
    Column("data_period", TSTZRANGE),
    Column("is_of_all_data", Boolean, nullable=False),
    Index("access_rule_client_idx", "client"),
    Index("access_rule_consent_idx", "consent"),
)
"""What consents say of access, a row for each provision: `access/rows.py`."""

access_member = Table(
    "access_member",
    metadata,
    Column("client", KEY, nullable=False),
    Column("team", KEY, nullable=False),
    Column("member", KEY, nullable=False),
    Column("on_behalf_of", Text),
    Column("roles", ARRAY(Text), nullable=False),
    Column("period", TSTZRANGE, nullable=False),
    Column("says_since", Boolean, nullable=False),
    Column("since", DateTime(timezone=True)),
    Index("access_member_client_idx", "client"),
    Index("access_member_team_idx", "team"),
    Index("access_member_member_idx", "member"),
)
"""Who is on the teams of which client, and when."""
Index(
    "access_member_on_behalf_of_idx",
    access_member.c.on_behalf_of,
    postgresql_where=access_member.c.on_behalf_of.is_not(None),
)

access_opening = Table(
    "access_opening",
    metadata,
    *(Column(name, KEY, nullable=False) for name in ("client", "person", "organization", "purpose")),
    Column("period", TSTZRANGE, nullable=False),
    Column("task", Text, nullable=False),
    Index("access_opening_client_idx", "client"),
    Index("access_opening_person_idx", "person"),
)
"""What emergencies opened: to whom, of which client, and for how long; `task` is the one that reviews it."""

client_assertion = Table(
    "client_assertion",
    metadata,
    Column("issuer", KEY, primary_key=True),
    Column("jti", KEY, primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False),
)
"""What clients have proved themselves with, until it ends: nothing is taken twice (`store/used_once.py`)."""

audit_seal = Table(
    "audit_seal",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""The hash chain over the trail: each seal covers the rows of the transactions from `since` up to `until`."""

subscription_state = Table(
    "subscription_state",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("who", JSON, nullable=False),
    Column("headers", Text),
    Column("cursor", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True)),
    Column("events", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", DateTime(timezone=True)),
    Column("due", DateTime(timezone=True), nullable=False),
    Column("wakes", DateTime(timezone=True)),
    Column("told_at", DateTime(timezone=True)),
    Column("claimed_until", DateTime(timezone=True)),
    Column("claimed_by", Text),
    Column("claimed_at", DateTime(timezone=True)),
)
"""How far each Subscription has been told, and on whose behalf: `store/subscriptions.py`."""

subscription_secret = Table(
    "subscription_secret",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("sealed", Text, nullable=False),
)
"""The sealed header lines of versions of Subscriptions that nobody has taken on yet."""

subscription_event = Table(
    "subscription_event",
    metadata,
    Column("subscription", KEY, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("type", KEY, nullable=False),
    Column("id", KEY, nullable=False),
    Column("interaction", Text, nullable=False),
    Column("client", Text),
    Column("is_over", Boolean, nullable=False),
)
"""The newest events that each Subscription was told; `is_over` once its client's data are no longer to be seen."""


def _of(offered: Offered) -> Table:
    """The table of one type: its living resources, with their search values."""
    recorded = offered.type == "AuditEvent"
    table = Table(
        offered.table,
        metadata,
        *_columns(offered),
        PrimaryKeyConstraint("id"),
        # What the service recorded itself has a trail instead of a content.
        *(
            [CheckConstraint("content IS NOT NULL OR trail IS NOT NULL", name="audit_event_says_something")]
            if recorded
            else []
        ),
        Index(f"{offered.table}_last_updated_idx", "last_updated"),
    )
    _index(table, "lookup", "gin", "lookup", postgresql_where=table.c.lookup.is_not(None))
    if recorded:
        # Each read inserts a row here, so the indexes are few and cheap.
        arrays = ("patient", "entity", "agent")
        _index(table, "arrays", "gin", *arrays, postgresql_with={"gin_pending_list_limit": PENDING})
        held = table.c.controller.is_not(None)  # of what was loaded
        _index(table, "register", "btree", "controller", postgresql_where=held)
        _index(
            table,
            "concerns",
            "gin",
            "concerns",
            postgresql_with={"gin_pending_list_limit": PENDING_CONCERNS},
            postgresql_where=table.c.concerns.is_not(None),
        )
        _index(table, "date", "brin", "date", postgresql_with={"pages_per_range": 32, "autosummarize": True})
        _index(table, "xact", "btree", "xact")
        return table
    if offered.client_data:
        # The system of an organisation sees its own register, page by page.
        held = table.c.controller.is_not(None)
        _index(table, "register", "btree", "controller", "id", postgresql_where=held)
        _index(table, "register_time", "btree", "controller", "last_updated", postgresql_where=held)
        if "patient" in table.c:
            # What is of no client is seen in the own register. Where that is most of the table, the planner would
            # rather look through all of it than follow the index above: 4.1 s instead of 0.13 at 400,000 (measured).
            _index(table, "of_nobody", "btree", "controller", postgresql_where=table.c.patient.is_(None))
    if CONSULTED.name in table.c:
        held, pending = table.c[CONSULTED.name].is_not(None), {"fastupdate": False}
        _index(table, "consulted", "gin", "consulted", postgresql_where=held, postgresql_with=pending)
    # Words are many and looked for seldom, so they wait in a list until there are enough of them to be sorted in.
    _index(table, "words", "gin", "narrative", "words", postgresql_with={"gin_pending_list_limit": PENDING_WORDS})
    _index_values(table, offered)
    return table


def _index_values(table: Table, offered: Offered) -> None:
    """The indexes of the search columns but for the words."""
    for column in _searched(offered):
        held = table.c[column.name].is_not(None)
        if column.kind == "text":
            Index(f"{offered.table}_{column.name}_idx", column.name, _table=table, postgresql_where=held)
        elif column.kind in RANGES:
            _index(table, column.name, "gist", column.name, postgresql_where=held)
    arrays = [column.name for column in _searched(offered) if column.kind == "text[]" and column != CONSULTED]
    for n, first in enumerate(range(0, len(arrays), GIN_COLUMNS)):
        # Without a pending list an insert costs 70 µs more, and no search ever waits for one to be read (measured).
        name = "arrays" if n == 0 else f"arrays_{n + 1}"
        _index(table, name, "gin", *arrays[first : first + GIN_COLUMNS], postgresql_with={"fastupdate": False})


def _searched(offered: Offered) -> tuple[Searched, ...]:
    """The columns of the parameters that are shipped; those that an installation adds are its own."""
    return (*columns_of(PARAMETERS.shipped[offered.type].values()), *of_no_parameter(offered.type))


def _columns(offered: Offered) -> list[Column[Any]]:
    recorded = offered.type == "AuditEvent"
    return [
        Column("id", KEY, nullable=False),
        Column("version", Integer, nullable=False),
        Column("last_updated", DateTime(timezone=True), nullable=False),
        Column("controller", Text),
        Column("content", JSON, nullable=recorded),
        *([Column("trail", JSON), Column("concerns", ARRAY(Text)), _xact()] if recorded else []),
        *(Column(column.name, KINDS[column.kind]) for column in _searched(offered)),
    ]


def _xact() -> Column[Any]:
    """The transaction that wrote a row of the trail: what its seals go by (`store/sealing.py`)."""
    return Column("xact", BigInteger, nullable=False, server_default=text("(pg_current_xact_id()::text::bigint)"))


def _past(offered: Offered) -> Table:
    """The rows of one type that have been superseded: each was there from its `last_updated` up to `until`."""
    return Table(
        offered.table,
        metadata,
        *_columns(offered),
        Column("until", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("id", "version"),
        Index(f"{offered.table}_until_idx", "until"),
        schema=PAST,
    )


def _contained(offered: Offered) -> Table:
    """What resources of one type that are contained in others are found by.

    Each row belongs to one version of its container, and is there whenever that is: so nothing is to be done here when
    a container is replaced or deleted. `number` is its place among what is contained, from 0; `id` its own, where that
    tells it from the others.
    """
    table = Table(
        offered.table,
        metadata,
        Column("container_type", KEY, nullable=False),
        Column("container", KEY, nullable=False),
        Column("version", Integer, nullable=False),
        Column("number", Integer, nullable=False),
        Column("id", KEY),
        *(Column(column.name, KINDS[column.kind]) for column in _searched(offered)),
        PrimaryKeyConstraint("container_type", "container", "version", "number"),
        Index(f"{offered.table}_id_idx", "id"),
        schema=CONTAINED,
    )
    _index(table, "lookup", "gin", "lookup", postgresql_where=table.c.lookup.is_not(None))
    _index_values(table, offered)
    return table


def _index(table: Table, name: str, using: str, *names: str, **options: Any) -> None:
    Index(f"{table.name}_{name}_idx", *(table.c[each] for each in names), postgresql_using=using, **options)


TABLES: dict[str, Table] = {offered.type: _of(offered) for offered in CATALOGUE.values()}
"""Resource type → its table."""

PAST_TABLES: dict[str, Table] = {type: _past(CATALOGUE[type]) for type in CATALOGUE if type != "AuditEvent"}
"""Resource type → the table of its rows that have been superseded, kept for as long as pages may show them."""

CONTAINED_TABLES: dict[str, Table] = {
    type: _contained(offered) for type, offered in CATALOGUE.items() if type != "AuditEvent"
}
"""Resource type → the table of those that other resources contain; neither holds of the log, which tells of itself."""
