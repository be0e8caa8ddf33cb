"""A second guard: what the service reads, it reads through views that show nothing unless the statement says who asks.

Each view of the schema `guarded` bears the name of a table. Its condition has two parts. `guard_is_open` goes by the
statement as a whole: it is true only when `guard_open` was called in this very statement, which whoever compiles a
slice into a query sees to. The other goes by the row: it is of the asker's own register, or speaks of a client with
whom he has something to do. Both are no more than a net below the slice, which alone says what may be seen.

The conditions of row-level security would have to come before all others, so that no index but those of a few operators
could serve (array overlap, ranges and text search are not "leakproof"); the conditions of a view are like any other.
https://www.postgresql.org/docs/current/rules-privileges.html

The functions that judge (`access_…`) read the tables themselves, with the rights of their owner. A later migration that
makes or alters a table of resources, or one of these functions, ends with `SELECT guard_all()`.

Locks no table: it makes views and alters functions.
"""

from alembic import op

revision = "2026_11_27_0900"
down_revision = "2026_11_27_0200"

OPENING = (
    """
    CREATE FUNCTION guard_open(asks text, person text, organization text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    -- Opens the guard until the statement ends, and gives 0. asks: asker, for whom the rows are looked at; or judgement
    -- or writing, which look at whatever they need.
        SELECT CASE WHEN set_config('sharedplan.stated', statement_timestamp()::text, true)
            || set_config('sharedplan.asks', asks, true)
            || set_config('sharedplan.person', coalesce(person, ''), true)
            || set_config('sharedplan.organization', coalesce(organization, ''), true) = '' THEN 1 ELSE 0 END::bigint
    $$
    """,
    """
    CREATE FUNCTION guard_is_open() RETURNS boolean LANGUAGE sql STABLE AS $$
    -- Whether this statement opened it: no two of a session begin in the same microsecond, so nothing is left behind.
        SELECT current_setting('sharedplan.stated', true) = statement_timestamp()::text
    $$
    """,
    """
    CREATE FUNCTION guard_knows(named text) RETURNS boolean
    LANGUAGE plpgsql STABLE COST 1000 SET plan_cache_mode = force_generic_plan AS $$
    -- Whether the asker has anything to do with the client: he is it, on a team of the client's, stands in for somebody
    -- there, is consulted, is a relative, or broke the glass. What is known of a client is kept for the rest of the
    -- statement.
    DECLARE
        known text := current_setting('sharedplan.stated', true) || ' ' || named;
        who text := nullif(current_setting('sharedplan.person', true), '');
        acts_for text := nullif(current_setting('sharedplan.organization', true), '');
        names text[];
    BEGIN
        IF current_setting('sharedplan.asks', true) <> 'asker' OR named = who
                OR current_setting('sharedplan.known', true) = known THEN
            RETURN true;
        ELSIF named IS NULL THEN
            RETURN false;
        END IF;
        names := array_remove(ARRAY[who, acts_for], NULL);
        IF who LIKE 'Practitioner%' THEN
            names := names || ARRAY(
                SELECT unnest(ARRAY[r.practitioner, 'PractitionerRole/' || r.id]) FROM practitioner_role r
                WHERE r.practitioner = who OR r.id = substr(who, 18) OR r.practitioner = (
                    SELECT own.practitioner FROM practitioner_role own WHERE own.id = substr(who, 18)
                )
            );
        END IF;
        IF EXISTS (
            SELECT FROM access_member m WHERE m.client = named AND m.period @> statement_timestamp() AND (
                m.member = ANY (names) OR who IS NULL AND (m.on_behalf_of = acts_for OR EXISTS (
                    SELECT FROM practitioner_role r WHERE m.member LIKE 'PractitionerRole/%'
                    AND r.id = substr(m.member, 18) AND r.organization = acts_for
                ))
            )
        ) OR EXISTS (
            SELECT FROM related_person r WHERE who LIKE 'RelatedPerson/%' AND r.id = substr(who, 15)
            AND r.patient = named
        ) OR EXISTS (
            SELECT FROM task t WHERE t.patient = named AND t.owner = ANY (names || access_above(acts_for))
            AND t.status && ARRAY['accepted', 'in-progress']
        ) OR EXISTS (
            SELECT FROM access_opening o WHERE o.client = named AND o.person = who AND o.organization = acts_for
            AND o.period @> statement_timestamp()
        ) THEN
            PERFORM set_config('sharedplan.known', known, true);
            RETURN true;
        END IF;
        RETURN false;
    END
    $$
    """,
    """
    CREATE FUNCTION guard_knows(named text[]) RETURNS boolean LANGUAGE plpgsql STABLE COST 1000 AS $$
    -- The same of one of several clients.
    BEGIN
        IF current_setting('sharedplan.asks', true) <> 'asker' THEN
            RETURN true;
        END IF;
        RETURN coalesce((SELECT bool_or(guard_knows(n)) FROM unnest(named) n), false);
    END
    $$
    """,
    """
    CREATE FUNCTION guard_keeps(named text[]) RETURNS boolean LANGUAGE plpgsql STABLE COST 1000 AS $$
    -- Whether one of these clients is kept in the asker's own register.
    BEGIN
        RETURN EXISTS (
            SELECT FROM patient p WHERE p.id = ANY (ARRAY(SELECT substr(n, 9) FROM unnest(named) n))
            AND p.controller = current_setting('sharedplan.organization', true)
        );
    END
    $$
    """,
)

SUCCEEDING = (
    """
    CREATE FUNCTION is_succeeded(kind text, item text, than integer) RETURNS boolean
    LANGUAGE plpgsql STABLE COST 1000 AS $$
    -- Whether there is a newer version, that of a deletion apart, whoever may see it.
    BEGIN
        RETURN EXISTS (
            SELECT FROM resource_version v WHERE v.type = kind AND v.id = item AND v.version > than
            AND v.interaction <> 'delete'
        );
    END
    $$
    """,
    """
    CREATE FUNCTION concerned_by(named text) RETURNS text[] LANGUAGE plpgsql STABLE COST 1000 AS $$
    -- The clients that a resource spoke of when it last spoke of any: whom a refusal is put on record for.
    BEGIN
        RETURN (
            SELECT v.patients FROM resource_version v
            WHERE v.type = split_part(named, '/', 1) AND v.id = split_part(named, '/', 2)
            AND cardinality(v.patients) > 0 ORDER BY v.version DESC LIMIT 1
        );
    END
    $$
    """,
    """
    CREATE FUNCTION was_over(kind text, item text, version_ integer, at timestamptz) RETURNS boolean
    LANGUAGE plpgsql STABLE COST 1000 AS $$
    -- Whether the next version, or the deletion, had come by then, whoever may see it.
    BEGIN
        RETURN EXISTS (
            SELECT FROM resource_version v WHERE v.type = kind AND v.id = item AND v.version = version_ + 1
            AND v.last_updated <= at
        );
    END
    $$
    """,
)
# What is asked of rows that the asker does not see: only so is it known that something is no more.

VIEWS = (
    """
    CREATE VIEW last_commit AS SELECT max(last_updated) AS at FROM resource_version
    """,
    r"""
    CREATE VIEW audit_digest AS
        SELECT e.xact, e.id, sha256(convert_to(concat_ws(E'\x1f', e.id, e.last_updated AT TIME ZONE 'UTC',
            e.trail::text, e.outcome::text, e.agent::text, e.patient::text, e.entity::text,
            e.policy::text, e.concerns::text), 'UTF8')) AS digest
        FROM audit_event e WHERE e.content IS NULL
    """,
    "COMMENT ON VIEW last_commit IS 'the newest instant that is committed'",
    "COMMENT ON VIEW audit_digest IS 'what a row of the trail says, apart from what an index needs, as a hash'",
)
# An AuditEvent that was loaded has versions that nobody can change, and no digest.

GUARDING = (
    """
    CREATE FUNCTION guard_lies_open() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    -- The types that say nothing of clients: the directory and the definitions.
        SELECT '{Practitioner,PractitionerRole,Organization,Location,Questionnaire,PlanDefinition,ActivityDefinition,
            Measure,CodeSystem,ValueSet,SearchParameter}'::text[]
    $$
    """,
    """
    CREATE FUNCTION guard_table(named text) RETURNS void LANGUAGE plpgsql AS $$
    -- Makes the views of a type's table, or makes them anew with its new columns. `ever` has both its rows and those
    -- that they superseded; its condition stands around both, for only so does the planner look into each by an index.
    -- `clients_of` says no more than whose they are, and in what register. `contained` has what is within resources,
    -- with which it is always joined, so it needs no condition on the row.
    DECLARE
        listed text;
        patient text;
        seen text := 'public.guard_is_open()';
        whole text;
        client text;
    BEGIN
        SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attnum),
            max(format_type(atttypid, NULL)) FILTER (WHERE attname = 'patient')
        INTO listed, patient FROM pg_attribute
        WHERE attrelid = format('public.%I', named)::regclass AND attnum > 0 AND NOT attisdropped;
        IF replace(initcap(replace(named, '_', ' ')), ' ', '') <> ALL (guard_lies_open()) THEN
            seen := seen || ' AND (t.controller = current_setting(''sharedplan.organization'', true) OR '
                || CASE
                    WHEN named = 'audit_event' THEN 't.agent && ARRAY[current_setting(''sharedplan.person'', true),
                        current_setting(''sharedplan.organization'', true)]
                        OR t.concerns && ARRAY[current_setting(''sharedplan.person'', true)]
                        OR public.guard_knows(t.patient) OR public.guard_keeps(t.patient)'
                    WHEN named = 'patient' THEN 'public.guard_knows(''Patient/'' || t.id)'
                    WHEN patient IS NOT NULL THEN 'public.guard_knows(t.patient)'
                    ELSE 'public.guard_knows(NULL::text)'
                END || ')';
        END IF;
        EXECUTE format('CREATE OR REPLACE VIEW guarded.%1$I AS SELECT %2$s FROM public.%1$I t WHERE %3$s',
            named, listed, seen);
        IF named <> 'audit_event' THEN
            whole := format('SELECT t.until, %2$s FROM (
                    SELECT ''infinity''::timestamptz AS until, %2$s FROM public.%1$I t
                    UNION ALL SELECT t.until, %2$s FROM past.%1$I t
                ) t', named, listed);
            EXECUTE format('CREATE OR REPLACE VIEW public.%I AS %s', 'ever_' || named, whole);
            EXECUTE format('CREATE OR REPLACE VIEW guarded.%I AS %s WHERE %s', 'ever_' || named, whole, seen);
            SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attnum) INTO listed FROM pg_attribute
            WHERE attrelid = format('contained.%I', named)::regclass AND attnum > 0 AND NOT attisdropped;
            whole := format('SELECT %2$s FROM contained.%1$I t', named, listed);
            EXECUTE format('CREATE OR REPLACE VIEW public.%I AS %s', 'contained_' || named, whole);
            EXECUTE format('CREATE OR REPLACE VIEW guarded.%I AS %s WHERE public.guard_is_open()',
                'contained_' || named, whole);
            client := CASE WHEN named = 'patient' THEN 't.id' WHEN patient = 'text' THEN 't.patient' END;
            IF client IS NOT NULL THEN
                whole := format('SELECT %2$s, t.controller FROM (
                        SELECT %2$s, t.controller FROM public.%1$I t
                        UNION ALL SELECT %2$s, t.controller FROM past.%1$I t
                    ) t', named, client);
                EXECUTE format('CREATE OR REPLACE VIEW public.%I AS %s', 'clients_of_' || named, whole);
                EXECUTE format('CREATE OR REPLACE VIEW guarded.%I AS %s WHERE public.guard_is_open()',
                    'clients_of_' || named, whole);
            END IF;
        END IF;
    END
    $$
    """,
    """
    CREATE FUNCTION guard_all() RETURNS void LANGUAGE plpgsql AS $$
    -- Makes all views, and lets the functions that the service asks read the tables.
    DECLARE
        named text;
        asked regprocedure;
    BEGIN
        FOR named IN
            SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'lookup'
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
        LOOP
            PERFORM guard_table(named);
        END LOOP;
        CREATE OR REPLACE VIEW guarded.resource_version AS SELECT * FROM public.resource_version t
            WHERE public.guard_is_open() AND (
                t.controller = current_setting('sharedplan.organization', true)
                OR t.type = ANY (public.guard_lies_open()) OR public.guard_knows(t.patients)
            );
        FOREACH named IN ARRAY ARRAY['access_rule', 'access_member', 'access_opening'] LOOP
            EXECUTE format('CREATE OR REPLACE VIEW guarded.%1$I AS SELECT * FROM public.%1$I t
                WHERE public.guard_is_open() AND current_setting(''sharedplan.asks'', true) <> ''asker''', named);
        END LOOP;
        FOR asked IN
            SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname IN (
                'access_asker', 'access_clients', 'access_sight', 'access_sees', 'access_item', 'access_concerned',
                'access_emergency', 'access_targets', 'access_attested', 'access_has_safety_ban', 'access_above',
                'access_is_referred', 'guard_knows', 'guard_keeps', 'is_succeeded',
                'concerned_by', 'was_over', 'forget_superseded'
            )
        LOOP
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = public, pg_temp', asked);
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', asked);
        END LOOP;
    END
    $$
    """,
    """
    CREATE FUNCTION forget_superseded(named text, kept_for interval, most integer)
    RETURNS TABLE (id text, version integer) LANGUAGE plpgsql AS $$
    -- Takes away rows of a type that were superseded longer ago than that, and tells which; named: null for none.
    BEGIN
        IF named IS NOT NULL THEN
            RETURN QUERY EXECUTE format('DELETE FROM past.%1$I r WHERE (r.id, r.version) IN (
                SELECT p.id, p.version FROM past.%1$I p WHERE p.until < now() - $1 LIMIT $2
            ) RETURNING r.id, r.version', named) USING kept_for, most;
        END IF;
    END
    $$
    """,
    "SELECT guard_all()",
)


def upgrade() -> None:
    op.execute("CREATE SCHEMA guarded")
    op.execute("COMMENT ON SCHEMA guarded IS 'the tables as the service sees them'")
    for statement in (*OPENING, *SUCCEEDING, *VIEWS, *GUARDING):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP SCHEMA guarded CASCADE")
    op.execute("""
        DO $$
        DECLARE
            named name;
            asked regprocedure;
        BEGIN
            FOR named IN SELECT viewname FROM pg_views WHERE schemaname = 'public' LOOP
                EXECUTE format('DROP VIEW public.%I', named);
            END LOOP;
            FOR asked IN
                SELECT oid::regprocedure FROM pg_proc
                WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'access\\_%' AND prosecdef
            LOOP
                EXECUTE format('ALTER FUNCTION %s SECURITY INVOKER RESET search_path', asked);
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', asked);
            END LOOP;
        END
        $$
    """)
    op.execute("""
        DROP FUNCTION guard_open, guard_is_open, guard_knows(text), guard_knows(text[]), guard_keeps, guard_lies_open,
            guard_table, guard_all, is_succeeded, concerned_by, was_over,
            forget_superseded
    """)
