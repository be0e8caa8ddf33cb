"""Whoever looks after a client is told of the log what was done in his own register, without what lies in others; and
the client what is of him, without what is nobody's.

`told_in_register` leaves of the names of things those that lie there, `told_of` those that are the client's, and
`told_to_register` leaves out of a row of the log what is of others (`store/own_log.py`). Locks no table, but for the
moment in which the views are made anew.
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
    CREATE FUNCTION told_in_register(shown text[], clients text[], register text) RETURNS text[]
    LANGUAGE plpgsql STABLE COST 20000 AS $$
    -- Of what a row of the trail says that was shown, what lies in the register or did at last, after those of its
    -- clients whom that is of; with what is no client's beside. Empty when nothing of a client's lies there.
    DECLARE
        name text;
        kind text;
        kept boolean;
        speaks_of text[];
        told text[] := '{{}}';
        whose text[] := '{{}}';
    BEGIN
        FOREACH name IN ARRAY coalesce(shown, '{{}}') LOOP
            kind := split_part(name, '/', 1);
            IF kind <> ALL ('{{{",".join(TYPES)}}}'::text[]) THEN
                told := told || name;
                CONTINUE;
            END IF;
            SELECT v.controller = register INTO kept FROM resource_version v
            WHERE v.type = kind AND v.id = split_part(name, '/', 2) ORDER BY v.version DESC LIMIT 1;
            CONTINUE WHEN NOT FOUND OR kept IS NOT TRUE;
            IF kind = 'Patient' THEN
                speaks_of := ARRAY[name];
            ELSE
                SELECT v.patients INTO speaks_of FROM resource_version v
                WHERE v.type = kind AND v.id = split_part(name, '/', 2) AND v.patients <> '{{}}'
                ORDER BY v.version DESC LIMIT 1;
                told := told || name;
            END IF;
            whose := whose || ARRAY(
                SELECT client FROM unnest(speaks_of) client WHERE client = ANY (clients) AND client <> ALL (whose)
            );
        END LOOP;
        RETURN CASE WHEN whose = '{{}}' THEN '{{}}' ELSE whose || told END;
    END
    $$
    """,
    f"""
    CREATE FUNCTION told_of(names text[], client text) RETURNS text[] LANGUAGE plpgsql STABLE COST 20000 AS $$
    -- Those of the names that are no clients' things, or of things that speak of the client, or once did; and rows
    -- of the log, which are told by themselves.
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
    CREATE FUNCTION told_to_register(said json, register text, told text[]) RETURNS json
    LANGUAGE plpgsql STABLE COST 5000 AS $$
    -- What a row of the trail says of what was done in the register: without the words of a search, which may name what
    -- lies in others, without what it looked for unless such is told, and without the consents that lie in others.
    DECLARE
        t jsonb := said::jsonb || jsonb_build_object('registers', ARRAY[register]);
        grounds text[];
    BEGIN
        IF t ? 'query' THEN
            t := t || '{"query": ""}';
        END IF;
        IF told IS NOT NULL AND NOT t ? 'resource_id' AND NOT EXISTS (
            SELECT FROM unnest(told) name WHERE starts_with(name, (t ->> 'type') || '/')
        ) THEN
            t := t - 'type';
        END IF;
        IF t ? 'grounds' THEN
            grounds := ARRAY(
                SELECT ground FROM jsonb_array_elements_text(t -> 'grounds') WITH ORDINALITY of_it(ground, n)
                WHERE NOT starts_with(ground, 'Consent/') OR kept_in_register(ground, register) ORDER BY n
            );
            t := t - 'grounds' || CASE WHEN grounds = '{}' THEN '{}' ELSE jsonb_build_object('grounds', grounds) END;
        END IF;
        RETURN t;
    END
    $$
    """,
    f"""
    CREATE FUNCTION told_registers(said json, shown text[]) RETURNS json LANGUAGE sql STABLE COST 20000 AS $$
    -- What a row of the trail says, as if nothing else had been shown: it may be that nothing of that is in a register.
        SELECT (said::jsonb - 'registers' || jsonb_strip_nulls(jsonb_build_object('registers', (
            SELECT array_agg(DISTINCT newest.controller) FROM unnest(shown) name, LATERAL (
                SELECT v.controller FROM resource_version v
                WHERE v.type = split_part(name, '/', 1) AND v.id = split_part(name, '/', 2)
                ORDER BY v.version DESC LIMIT 1
            ) newest
            WHERE newest.controller IS NOT NULL AND split_part(name, '/', 1) = ANY ('{{{",".join(TYPES)}}}'::text[])
        ))))::json
    $$
    """,
    """
    CREATE FUNCTION kept_in_register(name text, register text) RETURNS boolean LANGUAGE sql STABLE COST 1000 AS $$
    -- Whether the thing lies in the register, or did at last.
        SELECT coalesce((
            SELECT v.controller = register FROM resource_version v
            WHERE v.type = split_part(name, '/', 1) AND v.id = split_part(name, '/', 2) ORDER BY v.version DESC LIMIT 1
        ), false)
    $$
    """,
)

GUARDED, GUARDED_NOW = (
    "'access_untold'",
    "'access_untold', 'told_in_register', 'told_of', 'kept_in_register', 'told_registers'",
)


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
    op.execute("DROP FUNCTION told_to_register, told_of, told_in_register, kept_in_register, told_registers")
    op.execute(_guarding(GUARDED_NOW, GUARDED))
