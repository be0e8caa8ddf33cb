"""The log tells its client nothing of what is labelled so that somebody is to talk with him about it first.

`access_untold` finds those things of a client's, `told_trail` and `told_event` leave them out of a row of the log
(`store/own_log.py`). A thing that was deleted keeps its last label, so what is asked are the versions: by an index of
those in whose text the code of the label stands at all, which are few.

Locks: no version is written while its index is made.
"""

from alembic import op

revision = "2026_11_27_1400"
down_revision = "2026_11_27_1300"

UNTOLD = """
    CREATE FUNCTION access_untold(client text) RETURNS text[] LANGUAGE plpgsql STABLE COST 10000 AS $$
    -- The things of a client's that he is not to be told of yet, by their newest label, and the Provenances of those.
    -- He himself is none of them.
    DECLARE
        names text[];
    BEGIN
        SELECT coalesce(array_agg(of_client.type || '/' || of_client.id), '{}') INTO names FROM (
            SELECT DISTINCT v.type, v.id FROM resource_version v
            WHERE v.content::text LIKE '%TBOO%' AND v.patients && ARRAY[client]
        ) of_client, LATERAL (
            SELECT n.content FROM resource_version n
            WHERE n.type = of_client.type AND n.id = of_client.id AND n.content IS NOT NULL
            ORDER BY n.version DESC LIMIT 1
        ) newest
        WHERE (newest.content::jsonb #> '{meta,security}')
            @> '[{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "TBOO"}]'
            AND of_client.type || '/' || of_client.id <> client;
        RETURN names || ARRAY(SELECT 'Provenance/' || p.id FROM provenance p WHERE p.target && names);
    END
    $$
"""

TOLD = (
    """
    CREATE FUNCTION told_trail(said json, named text[], untold text[]) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$
    -- What a row of the trail says that names these things, without what is not to be told. Where something else of
    -- the kind is left, it reads as if that alone had been there; else no word of what it was is left.
    DECLARE
        t jsonb := said;
        grounds jsonb := (
            SELECT jsonb_agg(g ORDER BY n) FROM jsonb_array_elements_text(t -> 'grounds') WITH ORDINALITY of_it(g, n)
            WHERE split_part(g, '/_history/', 1) <> ALL (untold)
        );
        about text := (t ->> 'type') || '/' || (t ->> 'resource_id');
    BEGIN
        IF t -> 'grounds' IS DISTINCT FROM grounds THEN
            t := t - 'grounds' || CASE WHEN grounds IS NULL THEN '{}' ELSE jsonb_build_object('grounds', grounds) END;
        END IF;
        IF about = ANY (untold) OR about IS NULL AND named && untold AND NOT EXISTS (
            SELECT FROM unnest(named) n
            WHERE n <> ALL (untold) AND starts_with(n, coalesce(t ->> 'type', 'Patient') || '/')
        ) THEN
            t := t - '{type,resource_id,version,reasons,request_id}'::text[] || '{"is_partial": true}'
                || CASE WHEN t ? 'query' THEN '{"query": ""}' ELSE '{}' END::jsonb;
        END IF;
        RETURN t;
    END
    $$
    """,
    """
    CREATE FUNCTION told_event(said json, client text) RETURNS json LANGUAGE sql IMMUTABLE AS $$
    -- An AuditEvent that was loaded, of its entities the client alone, and without words about them.
        SELECT (said::jsonb - '{text,outcomeDesc,contained,extension}'::text[] || jsonb_build_object('entity',
            jsonb_build_array(jsonb_build_object('what', jsonb_build_object('reference', client)))))::json
    $$
    """,
)

GUARDED, GUARDED_NOW = "'access_is_referred'", "'access_is_referred', 'access_untold'"


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
    op.execute("""
        CREATE INDEX resource_version_untold_idx ON resource_version USING gin (patients)
        WHERE content::text LIKE '%TBOO%'
    """)
    for function in (UNTOLD, *TOLD):
        op.execute(function)
    op.execute(_guarding(GUARDED, GUARDED_NOW))


def downgrade() -> None:
    op.execute("DROP FUNCTION access_untold, told_trail, told_event")
    op.execute(_guarding(GUARDED_NOW, GUARDED))
    op.execute("DROP INDEX resource_version_untold_idx")
