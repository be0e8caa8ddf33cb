"""StructureDefinitions are resources like others: their tables, and views of the second guard that lie open.

Locks no table but those it makes.
"""

from collections.abc import Iterator

from alembic import op

revision = "2026_11_27_1000"
down_revision = "2026_11_27_0900"

TABLE = "structure_definition"

COLUMNS = """
    meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], abstract text[], base text[],
    base_path text[], context text[], context_quantity numrange[], context_quantity_key text[],
    context_quantity_span numrange, context_type text[], context_type_quantity numrange[],
    context_type_quantity_key text[], context_type_value text[], date tstzrange, derivation text[],
    description text[], experimental text[], ext_context text[], identifier text[], jurisdiction text[],
    keyword text[], kind text[], name text[], path text[], publisher text[], status text[], title text[],
    type text[], url text[], valueset text[], version_ text[], lookup tsvector, narrative tsvector, words tsvector
"""
"""The columns of the search parameters."""

LIES_OPEN = """
    CREATE OR REPLACE FUNCTION guard_lies_open() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    -- The types that say nothing of clients: the directory and the definitions.
        SELECT '{{Practitioner,PractitionerRole,Organization,Location,Questionnaire,PlanDefinition,ActivityDefinition,
            Measure,CodeSystem,ValueSet,SearchParameter{more}}}'::text[]
    $$
"""

RANGES = ("tstzrange", "numrange")

GIN_COLUMNS = 32


def upgrade() -> None:
    op.execute(LIES_OPEN.format(more=",StructureDefinition"))
    for statement in _of_type(dict(each.split() for each in COLUMNS.split(","))):
        op.execute(statement)
    op.execute("SELECT guard_all()")


def _of_type(kinds: dict[str, str]) -> Iterator[str]:
    """The tables of the type, and their indexes; `kinds`: column → SQL type."""
    listed = ", ".join(f'"{column}" {kind}' for column, kind in kinds.items())
    columns = f"""
        id text COLLATE "C" NOT NULL,
        version integer NOT NULL,
        last_updated timestamptz NOT NULL,
        controller text,
        content json NOT NULL,
        {listed}
    """
    yield f"CREATE TABLE {TABLE} ({columns}, CONSTRAINT {TABLE}_pkey PRIMARY KEY (id))"
    yield f"CREATE INDEX {TABLE}_last_updated_idx ON {TABLE} (last_updated)"
    yield f"CREATE INDEX {TABLE}_lookup_idx ON {TABLE} USING gin (lookup) WHERE lookup IS NOT NULL"
    words = f"{TABLE}_words_idx ON {TABLE} USING gin (narrative, words)"
    yield f"CREATE INDEX {words} WITH (gin_pending_list_limit = 1024)"
    yield from _indexes(TABLE, kinds)
    past = f"until timestamptz NOT NULL, CONSTRAINT {TABLE}_pkey PRIMARY KEY (id, version)"
    yield f"CREATE TABLE past.{TABLE} ({columns}, {past})"
    yield f"CREATE INDEX {TABLE}_until_idx ON past.{TABLE} (until)"
    yield f"""
        CREATE TABLE contained.{TABLE} (
            container_type text COLLATE "C" NOT NULL,
            container text COLLATE "C" NOT NULL,
            version integer NOT NULL,
            number integer NOT NULL,
            id text COLLATE "C",
            {listed},
            CONSTRAINT {TABLE}_pkey PRIMARY KEY (container_type, container, version, number)
        )
    """
    yield f"CREATE INDEX {TABLE}_id_idx ON contained.{TABLE} (id)"
    yield f"CREATE INDEX {TABLE}_lookup_idx ON contained.{TABLE} USING gin (lookup) WHERE lookup IS NOT NULL"
    yield from _indexes(f"contained.{TABLE}", kinds)


def _indexes(named: str, kinds: dict[str, str]) -> Iterator[str]:
    """The indexes of the search columns of one table, `named` with its schema."""
    for column, kind in kinds.items():
        if kind in RANGES:
            held = f'("{column}") WHERE "{column}" IS NOT NULL'
            yield f"CREATE INDEX {TABLE}_{column}_idx ON {named} USING gist {held}"
    arrays = [f'"{column}"' for column, kind in kinds.items() if kind == "text[]"]
    for n, first in enumerate(range(0, len(arrays), GIN_COLUMNS)):
        name = f"{TABLE}_arrays_idx" if n == 0 else f"{TABLE}_arrays_{n + 1}_idx"
        held = ", ".join(arrays[first : first + GIN_COLUMNS])
        yield f"CREATE INDEX {name} ON {named} USING gin ({held}) WITH (fastupdate = false)"


def downgrade() -> None:
    for view in (TABLE, f"ever_{TABLE}", f"contained_{TABLE}"):
        op.execute(f"DROP VIEW guarded.{view}")
    op.execute(f"DROP VIEW ever_{TABLE}, contained_{TABLE}")
    for schema in ("contained", "past", "public"):
        op.execute(f"DROP TABLE {schema}.{TABLE}")
    op.execute(LIES_OPEN.format(more=""))
    op.execute("SELECT guard_all()")
