"""Subscriptions are told: how far each has been, on whose behalf, and the newest events that it was told.

The events name clients, so the service sees them through the second guard alone. Locks no table: it makes two.
"""

from alembic import op

revision = "2026_11_27_1100"
down_revision = "2026_11_27_1000"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE subscription_state (
            id text COLLATE "C" NOT NULL,
            version integer NOT NULL,
            status text NOT NULL,
            who json NOT NULL,
            headers text,
            cursor timestamptz NOT NULL,
            until timestamptz,
            events bigint NOT NULL,
            failures integer NOT NULL,
            failing_since timestamptz,
            due timestamptz NOT NULL,
            wakes timestamptz,
            told_at timestamptz,
            claimed_until timestamptz,
            CONSTRAINT subscription_state_pkey PRIMARY KEY (id)
        )
    """)
    op.execute("""
        CREATE TABLE subscription_event (
            subscription text COLLATE "C" NOT NULL,
            number bigint NOT NULL,
            at timestamptz NOT NULL,
            type text COLLATE "C" NOT NULL,
            id text COLLATE "C" NOT NULL,
            interaction text NOT NULL,
            client text,
            is_over boolean NOT NULL,
            CONSTRAINT subscription_event_pkey PRIMARY KEY (subscription, number)
        )
    """)
    op.execute("""
        CREATE VIEW guarded.subscription_event AS SELECT * FROM public.subscription_event t
        WHERE public.guard_is_open() AND current_setting('sharedplan.asks', true) IN ('judgement', 'writing')
    """)


def downgrade() -> None:
    op.execute("DROP VIEW guarded.subscription_event")
    op.execute("DROP TABLE subscription_event")
    op.execute("DROP TABLE subscription_state")
