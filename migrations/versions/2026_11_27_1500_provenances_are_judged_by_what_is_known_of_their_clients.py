"""Provenances of many clients are judged by what was found out of each client once, and not anew for each of them.

`access_bound` judges one of a single client's by what its asker may see of that client. `guard_knows` keeps all clients
that it came to know in a statement, rather than the last one: rows of many clients come mixed. Locks no table.
"""

from alembic import op

revision = "2026_11_27_1500"
down_revision = "2026_11_27_1400"

TYPES = (
    *("CarePlan", "CareTeam", "Consent", "Encounter", "Patient", "RelatedPerson", "EpisodeOfCare", "Goal", "Condition"),
    *("ServiceRequest", "Task", "Communication", "Appointment", "Observation", "QuestionnaireResponse"),
    *("DocumentReference", "MeasureReport", "Subscription", "Group", "List", "Flag", "Device", "AuditEvent"),
    "Provenance",
)
"""Types of clients' things."""

BOUND = f"""
    CREATE FUNCTION access_bound(targets text[], clients text[], register text, sight access_sight) RETURNS boolean
    LANGUAGE plpgsql STABLE COST 20000 AS $$
    -- Whether all clients' things among the targets of a Provenance are there, of the clients and in the register that
    -- it was bound to; and seen by somebody who sees that of its one client, null for who sees all of him.
    DECLARE
        name text;
        kind text;
        thing access_thing;
        is_of_any boolean := false;
    BEGIN
        FOREACH name IN ARRAY coalesce(targets, '{{}}') LOOP
            kind := split_part(name, '/', 1);
            CONTINUE WHEN kind <> ALL ('{{{",".join(TYPES)}}}'::text[]);
            is_of_any := true;
            thing := access_thing(kind, substr(name, length(kind) + 2));
            IF thing.content IS NULL OR register IS DISTINCT FROM thing.controller
                    OR (thing.clients <@ clients) IS NOT TRUE THEN
                RETURN false;
            END IF;
            IF sight.view IS NOT NULL AND access_item(
                sight, kind, substr(name, length(kind) + 2), thing.controller, thing.owner,
                thing.own_time, thing.security, thing.profiles, thing.content
            ) IS NOT TRUE THEN
                RETURN false;
            END IF;
        END LOOP;
        RETURN is_of_any;
    END
    $$
"""

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
        """PERFORM set_config('sharedplan.known', CASE WHEN starts_with(known, stated) AND length(known) < 50000
                THEN known ELSE stated END || named || ' ', true);""",
    ),
)
"""Of `guard_knows(text)`: what it was, and what it becomes."""

GUARDED, GUARDED_NOW = "'access_untold'", "'access_untold', 'access_bound'"


def _changed(function: str, changes: tuple[tuple[str, str], ...]) -> str:
    """Makes a function anew with other words in the place of these."""
    body = f"pg_get_functiondef('{function}'::regprocedure)"
    for before, after in changes:
        body = f"replace({body}, $before${before}$before$, $after${after}$after$)"
    return f"DO $do$ BEGIN EXECUTE {body}; END $do$"


def upgrade() -> None:
    op.execute(BOUND)
    op.execute(_changed("guard_knows(text)", CHANGES))
    op.execute(_changed("guard_all()", ((GUARDED, GUARDED_NOW),)))
    op.execute("SELECT guard_all()")


def downgrade() -> None:
    op.execute("DROP FUNCTION access_bound")
    op.execute(_changed("guard_knows(text)", tuple((after, before) for before, after in CHANGES)))
    op.execute(_changed("guard_all()", ((GUARDED_NOW, GUARDED),)))
    op.execute("SELECT guard_all()")
