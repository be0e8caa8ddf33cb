"""All clients whom the asker of a statement has to do with are kept, as strangers are.

Rows of many clients come mixed, and of each it was found out anew who he is, but for the last: 30 to 50 µs. Locks
nothing.
"""

from alembic import op

revision = "2026_11_27_2000"
down_revision = "2026_11_27_1900"

STATED = "current_setting('sharedplan.stated', true) || ' '"
CHANGES = (
    (
        f"known text := {STATED} || named;",
        f"""stated text := {STATED};
        known text := current_setting('sharedplan.known', true);""",
    ),
    (
        "OR current_setting('sharedplan.known', true) = known THEN",
        "OR starts_with(known, stated) AND strpos(known, ' ' || named || ' ') > 0 THEN",
    ),
    (
        "PERFORM set_config('sharedplan.known', known, true);",
        """PERFORM set_config('sharedplan.known', CASE WHEN starts_with(known, stated) AND length(known) < 16000
                THEN known ELSE stated END || named || ' ', true);""",
    ),
)
"""Of `guard_knows(text)`: what it was, and what it becomes."""


def _changed(*changes: tuple[str, str]) -> str:
    """Makes the function anew with other words in the place of these, which must be there."""
    steps = "".join(
        f"""
            IF strpos(body, $before${before}$before$) = 0 THEN
                RAISE EXCEPTION 'guard_knows(text) does not say what is to be changed';
            END IF;
            body := replace(body, $before${before}$before$, $after${after}$after$);
        """
        for before, after in changes
    )
    return f"""
        DO $do$ DECLARE body text := pg_get_functiondef('guard_knows(text)'::regprocedure);
        BEGIN {steps} EXECUTE body; END $do$
    """


def upgrade() -> None:
    op.execute(_changed(*CHANGES))


def downgrade() -> None:
    op.execute(_changed(*((after, before) for before, after in CHANGES)))
