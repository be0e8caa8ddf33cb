"""What is added to any index that keeps new entries in a list is sorted in aside, as that of the log is.

The lists of words and of what is looked up by its beginning were sorted in by whoever filled them, or by a vacuum:
until then each search of those went through all that had been written since.

Locks nothing.
"""

from alembic import op

revision = "2026_11_28_0700"
down_revision = "2026_11_28_0600"

MERGE = """
    CREATE FUNCTION merge_indexes() RETURNS bigint LANGUAGE plpgsql VOLATILE
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '50ms' AS $$
    DECLARE
        pages bigint := 0;
        listed regclass;
    BEGIN
        -- One at a time; whoever comes meanwhile has nothing to do.
        IF NOT pg_try_advisory_xact_lock(7461980433) THEN
            RETURN 0;
        END IF;
        FOR listed IN
            SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            JOIN pg_am a ON a.oid = c.relam
            WHERE a.amname = 'gin' AND c.relkind = 'i' AND i.indisvalid AND pg_has_role(c.relowner, 'USAGE')
                AND c.relnamespace IN ('public'::regnamespace, 'contained'::regnamespace)
                AND 'fastupdate=false' <> ALL (coalesce(c.reloptions, '{}'))
            ORDER BY c.relname <> 'audit_event_arrays_idx', c.oid
        LOOP
            BEGIN
                pages := pages + gin_clean_pending_list(listed);
            EXCEPTION WHEN lock_not_available OR undefined_table OR undefined_object THEN
                NULL;  -- it is being made anew, or is gone: the others are not to wait for it
            END;
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


def _granted(function: str) -> None:
    op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
    op.execute(f"COMMENT ON FUNCTION {function} IS 'how many pages of new entries were sorted into indexes'")


def upgrade() -> None:
    op.execute(MERGE)
    _granted("merge_indexes")
    op.execute("DROP FUNCTION merge_log_index")


def downgrade() -> None:
    op.execute(OF_THE_LOG)
    _granted("merge_log_index")
    op.execute("DROP FUNCTION merge_indexes")
