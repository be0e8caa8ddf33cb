"""What is added to any index that keeps new entries in a list is sorted in aside, as that of the log is.

The lists of words and of what is looked up by its beginning were sorted in by whoever filled them, or by a vacuum:
until then each search of those went through all that had been written since.

Locks: the indexes of words, for an instant each.
"""

from alembic import op

revision = "2026_11_28_0700"
down_revision = "2026_11_28_0600"

MERGE = """
    CREATE FUNCTION merge_indexes() RETURNS bigint LANGUAGE plpgsql VOLATILE
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        pages bigint := 0;
        listed regclass;
    BEGIN
        -- One at a time; whoever comes meanwhile has nothing to do.
        IF NOT pg_try_advisory_xact_lock(7461980433) THEN
            RETURN 0;
        END IF;
        FOR listed IN
            SELECT c.oid::regclass FROM pg_class c JOIN pg_am a ON a.oid = c.relam
            WHERE a.amname = 'gin' AND c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace
                AND 'fastupdate=false' <> ALL (coalesce(c.reloptions, '{}'))
        LOOP
            pages := pages + gin_clean_pending_list(listed);
        END LOOP;
        RETURN pages;
    END
    $$
"""

OF_THE_LOG = """
    CREATE FUNCTION merge_log_index() RETURNS bigint LANGUAGE sql VOLATILE
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
        -- One at a time; whoever comes meanwhile has nothing to do.
        SELECT CASE WHEN pg_try_advisory_xact_lock(7461980433)
            THEN gin_clean_pending_list('audit_event_arrays_idx') ELSE 0 END
    $$
"""

LIMITED = """
    DO $do$
    DECLARE
        words regclass;
    BEGIN
        FOR words IN
            SELECT c.oid::regclass FROM pg_class c
            WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace AND c.relname LIKE '%%\\_words\\_idx'
        LOOP
            EXECUTE format('ALTER INDEX %%s SET (gin_pending_list_limit = %s)', words);
        END LOOP;
    END
    $do$
"""
"""KiB that a list of words may hold before whoever adds to it sorts it in."""


def _granted(function: str) -> None:
    op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
    op.execute(f"COMMENT ON FUNCTION {function} IS 'how many pages of new entries were sorted into indexes'")


def upgrade() -> None:
    op.execute(MERGE)
    _granted("merge_indexes")
    op.execute("DROP FUNCTION merge_log_index")
    op.execute(LIMITED % 4096)


def downgrade() -> None:
    op.execute(OF_THE_LOG)
    _granted("merge_log_index")
    op.execute("DROP FUNCTION merge_indexes")
    op.execute(LIMITED % 1024)
