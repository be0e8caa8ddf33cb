"""A consultation that names no client reaches whom it asks, in whatever register he works.

The tables of tasks and messages get a column of those whom such a thing is addressed to (`search/consulting.py`), null
for all that may be about somebody. The second guard shows those rows, and the newest version of each, to just those
whom they name, whatever the slice says; of any other row it says what it did.

What is stored already is filled in where that can be told here, narrowly: what refers to nothing but the directory and
other such things, and contains nothing. (`sharedplan reindex` finds the rest.)

Locks the tables of Task and Communication while their columns and small indexes are made.
"""

from alembic import op

revision = "2026_11_27_1900"
down_revision = "2026_11_27_1700"

TABLES = {"task": "Task", "communication": "Communication"}
VIEWS = ("guarded.{0}", "guarded.ever_{0}", "ever_{0}", "guarded.contained_{0}", "contained_{0}")

FUNCTIONS = (
    """
    CREATE FUNCTION access_reached(organization_ text) RETURNS text[] LANGUAGE sql STABLE COST 1000 AS $$
    -- All that a consultation may name to reach the system of an organisation, and roles there that hold no more.
        SELECT ARRAY(SELECT 'PractitionerRole/' || r.id FROM practitioner_role r WHERE r.organization = organization_)
            || organization_
    $$
    """,
    """
    CREATE FUNCTION access_is_asked(asked text[], organization_ text) RETURNS boolean
    LANGUAGE plpgsql STABLE COST 1000 AS $$
    -- Whether the organisation is among those whom a consultation asks, or a role that is held there now
    -- (`access_is_active`, which takes its time where there is no period, too).
    BEGIN
        RETURN coalesce(organization_ = ANY (asked), false)
            OR EXISTS (
                SELECT FROM unnest(asked) a JOIN practitioner_role r ON r.id = substr(a, 18)
                WHERE a LIKE 'PractitionerRole/%' AND r.organization = organization_
                AND coalesce('false' <> ALL (r.active), true) AND (
                    r.content -> 'period' IS NULL OR access_validity(r.content -> 'period') @> statement_timestamp()
                )
            );
    END
    $$
    """,
    """
    CREATE FUNCTION guard_asks(asked text[]) RETURNS boolean LANGUAGE plpgsql STABLE COST 1000 AS $$
    -- Whether whoever the guard is open for is among those whom a consultation asks. Who that is, is found out once in
    -- a statement.
    DECLARE
        stated text := current_setting('sharedplan.stated', true);
        who text := nullif(current_setting('sharedplan.person', true), '');
        acts_for text := nullif(current_setting('sharedplan.organization', true), '');
        kept text := current_setting('sharedplan.names', true);
        names text[];
    BEGIN
        IF current_setting('sharedplan.asks', true) IS DISTINCT FROM 'asker' OR asked IS NULL THEN
            RETURN false;
        ELSIF who IS NULL THEN
            RETURN acts_for IS NOT NULL AND access_is_asked(asked, acts_for);
        ELSIF starts_with(kept, stated || ' ') THEN
            names := substr(kept, length(stated) + 2)::text[];
        ELSE
            names := (access_asker(who, acts_for)).members;
            PERFORM set_config('sharedplan.names', stated || ' ' || names::text, true);
        END IF;
        RETURN asked && names;
    END
    $$
    """,
    """
    CREATE FUNCTION guard_asks(kind text, item text, of_version integer) RETURNS boolean
    LANGUAGE plpgsql STABLE COST 2000 AS $$
    -- The same of a version, if it is the newest of something that is there.
    BEGIN
        RETURN CASE kind
            WHEN 'Task' THEN guard_asks(
                (SELECT t.consulted FROM task t WHERE t.id = item AND t.version = of_version)
            )
            WHEN 'Communication' THEN guard_asks(
                (SELECT c.consulted FROM communication c WHERE c.id = item AND c.version = of_version)
            )
            ELSE false
        END;
    END
    $$
    """,
)

OF_ROWS = (
    """                    ELSE 'public.guard_knows(NULL::text)'
                END || ')';""",
    """                    ELSE 'public.guard_knows(NULL::text)'
                END || CASE WHEN named IN ('task', 'communication') THEN
                    ' OR t.patient IS NULL AND t.consulted IS NOT NULL AND public.guard_asks(t.consulted)'
                ELSE '' END || ')';""",
)
OF_VERSIONS = (
    "OR public.guard_knows(t.patients)\n",
    "OR public.guard_knows(t.patients)\n"
    "                OR t.type IN ('Task', 'Communication') AND coalesce(t.patients, '{}') = '{}'\n"
    "                    AND public.guard_asks(t.type, t.id, t.version)\n",
)
GUARDED = ("'guard_keeps',", "'guard_keeps', 'guard_asks', 'access_reached', 'access_is_asked',")

OPEN = (
    "(Practitioner|PractitionerRole|Organization|Location|Questionnaire|PlanDefinition|ActivityDefinition|Measure|"
    "CodeSystem|ValueSet|SearchParameter|StructureDefinition|Task|Communication)"
)
REFERS_ELSEWHERE = f"""
    t.content -> 'contained' IS NOT NULL OR EXISTS (
        SELECT FROM jsonb_path_query(t.content::jsonb, 'strict $.** ? (exists (@.reference))') x
        WHERE (x ->> 'reference') !~ '^{OPEN}/[A-Za-z0-9.-]+(/_history/[A-Za-z0-9.-]+)?$'
    ) OR EXISTS (
        SELECT FROM jsonb_path_query(t.content::jsonb, 'strict $.** ? (@.identifier.type() == "object")') x
        WHERE x -> 'reference' IS NULL
    )
"""


def _changed(function: str, *changes: tuple[str, str]) -> str:
    """Makes a function anew with other words in the place of these, which must be there."""
    steps = "".join(
        f"""
            IF strpos(body, $before${before}$before$) = 0 THEN
                RAISE EXCEPTION '{function} does not say what is to be changed';
            END IF;
            body := replace(body, $before${before}$before$, $after${after}$after$);
        """
        for before, after in changes
    )
    return f"""
        DO $do$ DECLARE body text := pg_get_functiondef('{function}'::regprocedure);
        BEGIN {steps} EXECUTE body; END $do$
    """


def upgrade() -> None:
    for table in TABLES:
        for schema in ("public", "past", "contained"):
            op.execute(f"ALTER TABLE {schema}.{table} ADD COLUMN consulted text[]")
        op.execute(f"""
            CREATE INDEX {table}_consulted_idx ON {table} USING gin (consulted)
            WITH (fastupdate = false) WHERE consulted IS NOT NULL
        """)
    op.execute(f"""
        UPDATE communication t SET consulted = ARRAY(
            SELECT r FROM unnest(t.recipient) r WHERE r ~ '^(Practitioner|PractitionerRole|Organization)/'
        )
        WHERE t.patient IS NULL AND t.subject IS NULL AND t.recipient IS NOT NULL
        AND t.content -> 'subject' IS NULL AND NOT t.status && ARRAY['preparation']
        AND EXISTS (SELECT FROM unnest(t.recipient) r WHERE r ~ '^(Practitioner|PractitionerRole|Organization)/')
        AND NOT ({REFERS_ELSEWHERE})
    """)
    op.execute(f"""
        UPDATE task t SET consulted = ARRAY[t.owner]
        WHERE t.patient IS NULL AND t.subject IS NULL AND t.owner ~ '^(Practitioner|PractitionerRole|Organization)/'
        AND t.code && ARRAY['https://sharedplan.dev/fhir/CodeSystem/task|consultation']
        AND t.content -> 'for' IS NULL AND NOT t.status && ARRAY['draft']
        AND NOT ({REFERS_ELSEWHERE})
    """)
    for function in FUNCTIONS:
        op.execute(function)
    op.execute(_changed("guard_table(text)", OF_ROWS))
    op.execute(_changed("guard_all()", OF_VERSIONS, GUARDED))
    op.execute("SELECT guard_all()")


def downgrade() -> None:
    op.execute(_changed("guard_table(text)", OF_ROWS[::-1]))
    op.execute(_changed("guard_all()", OF_VERSIONS[::-1], GUARDED[::-1]))
    for table in TABLES:
        for view in VIEWS:
            op.execute(f"DROP VIEW {view.format(table)} CASCADE")
        for view in ("guarded.clients_of_{0}", "clients_of_{0}"):
            op.execute(f"DROP VIEW IF EXISTS {view.format(table)}")
        for schema in ("public", "past", "contained"):
            op.execute(f"ALTER TABLE {schema}.{table} DROP COLUMN consulted")
    op.execute("SELECT guard_all()")
    op.execute("DROP FUNCTION guard_asks(text[]), guard_asks(text, text, integer), access_reached, access_is_asked")
