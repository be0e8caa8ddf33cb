"""That somebody has nothing to do with a client is found out once in a statement, as that he has.

The second guard is asked of each row, and what it found out was kept only of clients that the asker knows. Of a client
that he does not know it was found out anew for each row, 0.1 to 0.3 ms, so the time of a refusal told how much is
stored of somebody who is hidden. Locks nothing.
"""

from alembic import op

revision = "2026_11_27_1700"
down_revision = "2026_11_27_1600"

_KNOWS = """
    CREATE OR REPLACE FUNCTION guard_knows(named text) RETURNS boolean
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
        IF current_setting('sharedplan.asks', true) IN ('judgement', 'writing') OR named = who
                OR current_setting('sharedplan.known', true) = known THEN
            RETURN true;
        ELSIF named IS NULL {or_strange} THEN
            RETURN false;
        END IF;
        names := array_remove(ARRAY[who, acts_for], NULL);
        IF who LIKE 'Practitioner%' THEN
            names := names || ARRAY(
                SELECT unnest(ARRAY[r.practitioner, 'PractitionerRole/' || r.id]) FROM practitioner_role r
                WHERE r.practitioner = who OR who LIKE 'PractitionerRole/%' AND (r.id = substr(who, 18)
                    OR r.practitioner = (
                        SELECT own.practitioner FROM practitioner_role own WHERE own.id = substr(who, 18)
                    ))
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
        {keep_strange}
        RETURN false;
    END
    $$
"""


_KNOWS_ONE_OF = """
    CREATE OR REPLACE FUNCTION guard_knows(named text[]) RETURNS boolean LANGUAGE plpgsql STABLE COST 10000 AS $$
    -- The same of one of several clients.
    BEGIN
        IF current_setting('sharedplan.asks', true) IN ('judgement', 'writing') THEN
            RETURN true;
        ELSIF cardinality(named) = 1 THEN
            RETURN guard_knows(named[1]);
        END IF;
        RETURN coalesce((SELECT bool_or(guard_knows(n)) FROM unnest(named) n), false);
    END
    $$
"""
_KNEW_ONE_OF = """
    CREATE OR REPLACE FUNCTION guard_knows(named text[]) RETURNS boolean LANGUAGE plpgsql STABLE COST 1000 AS $$
    -- The same of one of several clients.
    BEGIN
        IF current_setting('sharedplan.asks', true) IN ('judgement', 'writing') THEN
            RETURN true;
        END IF;
        RETURN coalesce((SELECT bool_or(guard_knows(n)) FROM unnest(named) n), false);
    END
    $$
"""


_OR_STRANGE = """OR starts_with(current_setting('sharedplan.strange', true), current_setting('sharedplan.stated', true))
                AND position(' ' || named || ' ' IN current_setting('sharedplan.strange', true)) > 0"""
_KEEP_STRANGE = """-- As many strangers as some 16 kB name: with more, looking through them costs what it saves.
        PERFORM set_config('sharedplan.strange', CASE
            WHEN starts_with(current_setting('sharedplan.strange', true), current_setting('sharedplan.stated', true))
            AND length(current_setting('sharedplan.strange', true)) < 16000
            THEN current_setting('sharedplan.strange', true)
            ELSE current_setting('sharedplan.stated', true) || ' '
        END || named || ' ', true);"""


def _knows(*, keeps_strangers: bool) -> str:
    parts = (_OR_STRANGE, _KEEP_STRANGE) if keeps_strangers else ("", "")
    return _KNOWS.replace("{or_strange}", parts[0]).replace("{keep_strange}", parts[1])


def upgrade() -> None:
    op.execute(_knows(keeps_strangers=True))
    op.execute(_KNOWS_ONE_OF)
    op.execute("SELECT guard_all()")


def downgrade() -> None:
    op.execute(_knows(keeps_strangers=False))
    op.execute(_KNEW_ONE_OF)
    op.execute("SELECT guard_all()")
