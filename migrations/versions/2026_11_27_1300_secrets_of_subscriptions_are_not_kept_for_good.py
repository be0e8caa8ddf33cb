"""The sealed header lines of a Subscription lie beside its versions, which are kept for good, and not in them.

They wait until the version is taken on. What was written before stays in its versions, sealed, for nothing changes
those; those that wait to be taken on come along. Locks no table for long: it makes one.
"""

from alembic import op

revision = "2026_11_27_1300"
down_revision = "2026_11_27_1100"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE subscription_secret (
            id text COLLATE "C" NOT NULL,
            version integer NOT NULL,
            sealed text NOT NULL,
            CONSTRAINT subscription_secret_pkey PRIMARY KEY (id, version)
        )
    """)
    op.execute("""
        INSERT INTO subscription_secret (id, version, sealed)
        SELECT v.id, v.version, v.who ->> 'headers' FROM resource_version v
        JOIN subscription r ON r.id = v.id AND r.version = v.version
        LEFT JOIN subscription_state s ON s.id = v.id
        WHERE v.type = 'Subscription' AND v.who ->> 'headers' IS NOT NULL
            AND (s.version IS NULL OR s.version < v.version)
    """)


def downgrade() -> None:
    op.execute("DROP TABLE subscription_secret")
