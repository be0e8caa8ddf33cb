"""A Subscription that a worker claimed is free again soon after that worker has died.

`claimed_by` is the session of the database in which it was claimed, which ends when its process is killed;
`claimed_at` when it was claimed, or what is told was begun. Locks the table of the states for an instant.
"""

from alembic import op

revision = "2026_11_27_1600"
down_revision = "2026_11_27_1500"


def upgrade() -> None:
    op.execute("ALTER TABLE subscription_state ADD COLUMN claimed_by text, ADD COLUMN claimed_at timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE subscription_state DROP COLUMN claimed_by, DROP COLUMN claimed_at")
