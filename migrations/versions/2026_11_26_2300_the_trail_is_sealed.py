"""The audit trail is sealed: rows know their transaction, and seals chain what was written between two of them.

Adds a column with a default that each row computes, so existing rows of audit_event are rewritten and the table is
locked meanwhile. (What was recorded before counts as written by this migration.)
"""

from alembic import op

revision = "2026_11_26_2300"
down_revision = "2026_11_26_2200"


def upgrade() -> None:
    op.execute("ALTER TABLE audit_event ADD COLUMN xact bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)")
    op.execute("""
        CREATE INDEX audit_event_xact_idx ON audit_event USING brin (xact)
        WITH (pages_per_range = 32, autosummarize = true)
    """)
    op.execute("""
        CREATE TABLE audit_seal (
            number bigint NOT NULL,
            since bigint NOT NULL,
            until bigint NOT NULL,
            rows integer NOT NULL,
            hash bytea NOT NULL,
            at timestamptz NOT NULL,
            CONSTRAINT audit_seal_pkey PRIMARY KEY (number)
        )
    """)
    op.execute("""
        CREATE TRIGGER audit_seal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
        FOR EACH STATEMENT EXECUTE FUNCTION keep_for_good()
    """)


def downgrade() -> None:
    op.execute("DROP TABLE audit_seal")
    op.execute("DROP INDEX audit_event_xact_idx")
    op.execute("ALTER TABLE audit_event DROP COLUMN xact")
