"""Whoever looks after a client is told of the log what was done in his own register, without what lies in others; and
the client what is of him, without what is nobody's.

`told_in_register` leaves of the names of things those that lie there, `told_of` those that are the client's, and
`told_to_register` leaves out of a row of the log what is of others (`store/own_log.py`). Locks no table.
"""

from alembic import op

revision = "2026_11_27_2345"
down_revision = "2026_11_27_2000"

TYPES = (
    *("CarePlan", "CareTeam", "Consent", "Encounter", "Patient", "RelatedPerson", "EpisodeOfCare", "Goal", "Condition"),
    *("ServiceRequest", "Task", "Communication", "Appointment", "Observation", "QuestionnaireResponse"),
    *("DocumentReference", "MeasureReport", "Subscription", "Group", "List", "Flag", "Device", "AuditEvent"),
    "Provenance",
)
"""Types of clients' things."""

TOLD = (
    f"""
    CREATE FUNCTION told_in_register(names text[], register text) RETURNS text[]
    LANGUAGE plpgsql STABLE COST 20000 AS $$
    -- Those of the names that are no clients' things, or of things that are there and in the register.
    DECLARE
        name text;
        kind text;
        told text[] := '{{}}';
    BEGIN
        FOREACH name IN ARRAY coalesce(names, '{{}}') LOOP
            kind := split_part(name, '/', 1);
            IF kind <> ALL ('{{{",".join(TYPES)}}}'::text[])
                    OR (access_thing(kind, split_part(name, '/', 2))).controller = register THEN
                told := told || name;
            END IF;
        END LOOP;
        RETURN told;
    END
    $$
    """,
    f"""
    CREATE FUNCTION told_of(names text[], client text) RETURNS text[] LANGUAGE plpgsql STABLE COST 20000 AS $$
    -- Those of the names that are no clients' things, or of things that speak of the client, or once did. Rows of the
    -- log have their own.
    DECLARE
        name text;
        kind text;
        told text[] := '{{}}';
    BEGIN
        FOREACH name IN ARRAY coalesce(names, '{{}}') LOOP
            kind := split_part(name, '/', 1);
            IF kind <> ALL ('{{{",".join(TYPES)}}}'::text[]) OR kind = 'AuditEvent' OR name = client OR EXISTS (
                SELECT FROM resource_version v
                WHERE v.type = kind AND v.id = split_part(name, '/', 2) AND v.patients @> ARRAY[client]
            ) THEN
                told := told || name;
            END IF;
        END LOOP;
        RETURN told;
    END
    $$
    """,
    """
    CREATE FUNCTION told_to_register(said json, register text) RETURNS json LANGUAGE plpgsql STABLE COST 5000 AS $$
    -- What a row of the trail says of what was done in the register: without the words of a search, which may name what
    -- lies in others, and without the consents that do.
    DECLARE
        t jsonb := said::jsonb || jsonb_build_object('registers', ARRAY[register]);
        grounds text[];
    BEGIN
        IF t ? 'query' THEN
            t := t || '{"query": ""}';
        END IF;
        IF t ? 'grounds' THEN
            grounds := ARRAY(
                SELECT ground FROM jsonb_array_elements_text(t -> 'grounds') WITH ORDINALITY of_it(ground, n)
                WHERE cardinality(told_in_register(ARRAY[ground], register)) = 1 ORDER BY n
            );
            t := t - 'grounds' || CASE WHEN grounds = '{}' THEN '{}' ELSE jsonb_build_object('grounds', grounds) END;
        END IF;
        RETURN t;
    END
    $$
    """,
)

GUARDED, GUARDED_NOW = "'access_untold'", "'access_untold', 'told_in_register', 'told_of'"


def _guarding(listed: str, instead: str) -> str:
    """Changes the functions that `guard_all` lets read the tables, and lets it do so."""
    return f"""
        DO $do$
        BEGIN
            EXECUTE replace(
                pg_get_functiondef('guard_all'::regproc), $listed${listed}$listed$, $listed${instead}$listed$
            );
            PERFORM guard_all();
        END
        $do$
    """


def upgrade() -> None:
    for function in TOLD:
        op.execute(function)
    op.execute(_guarding(GUARDED, GUARDED_NOW))


def downgrade() -> None:
    op.execute("DROP FUNCTION told_to_register, told_of, told_in_register")
    op.execute(_guarding(GUARDED_NOW, GUARDED))
