"""The glass is broken: rows for what emergencies opened, and the functions that let the core data through for them.

An opening is for one person at one organisation with one purpose, and ends by itself; rows stay as evidence, for good.
`access_opened` says of a client whether one holds and no ban is on the core data as such; of each thing `access_item`
says whether a ban is on it. They say what `access/emergency.py` says.

And refusals are told to whom they concern: `audit_event.concerns` are the clients whose data was asked for in vain, for
their own logs alone. The column comes without a look at the rows; the index locks out writers while it is made.
"""

from alembic import op

revision = "2026_11_27_0100"
down_revision = "2026_11_26_2300"

ACCESS_OPENING = """
    CREATE TABLE access_opening (
        client text COLLATE "C" NOT NULL,
        person text COLLATE "C" NOT NULL,
        organization text COLLATE "C" NOT NULL,
        purpose text COLLATE "C" NOT NULL,
        period tstzrange NOT NULL,
        task text NOT NULL
    )
"""

ACCESS_OPENED = """
    CREATE FUNCTION access_opened(named text, a access_asker, for_what text) RETURNS boolean
    LANGUAGE plpgsql STABLE COST 10000 AS $$
    -- Whether the asker broke the glass for the client, it has not ended, he still has a role where he did, and no ban
    -- is on any class of the core data as such.
    DECLARE
        s access_standing;
        is_banned boolean;
    BEGIN
        IF a.organization IS NULL OR NOT (a.person LIKE 'Practitioner/%' OR a.person LIKE 'PractitionerRole/%')
                OR NOT EXISTS (
                    SELECT FROM access_opening o WHERE o.client = named AND o.person = a.person
                    AND o.organization = a.organization AND o.purpose = for_what
                    AND o.period @> statement_timestamp()
                ) THEN
            RETURN false;
        END IF;
        s := access_standing(named, a);
        WITH whole AS MATERIALIZED (
            SELECT * FROM access_rules(named, a, s, for_what) r
            WHERE r.is_ban AND r.holders = '[]' AND r.authors = '[]' AND r.codes = '[]' AND r.labels = '[]'
            AND r.data = '[]' AND r.data_period IS NULL
        )
        SELECT coalesce(bool_or(said.effect = 'deny'), false) INTO is_banned
        FROM unnest('{Patient,CarePlan,CareTeam,Condition,Flag}'::text[]) kind, LATERAL (
            SELECT DISTINCT ON (r.consent) r.effect FROM whole r WHERE access_met(r.classes, ARRAY[kind])
            ORDER BY r.consent, r.depth DESC, r.effect = 'deny' DESC, r.number
        ) said;
        RETURN NOT is_banned;
    END
    $$
"""

ACCESS_EMERGENCY = """
    CREATE FUNCTION access_emergency(named text, a access_asker, for_what text) RETURNS access_sight
    LANGUAGE plpgsql STABLE COST 20000 AS $$
    -- What the asker sees of the client by an emergency that he opened: all that no ban is on.
    DECLARE
        s access_sight;
    BEGIN
        s.view := 'none';
        IF access_opened(named, a, for_what) THEN
            s.view := 'emergency';
            s.rules := ARRAY(
                SELECT t FROM access_rules(named, a, access_standing(named, a), for_what) t WHERE t.is_ban
            );
        END IF;
        RETURN s;
    END
    $$
"""


def upgrade() -> None:
    op.execute(ACCESS_OPENING)
    op.execute("CREATE INDEX access_opening_client_idx ON access_opening (client)")
    op.execute("CREATE INDEX access_opening_person_idx ON access_opening (person)")
    op.execute("""
        CREATE TRIGGER access_opening_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_opening
        FOR EACH STATEMENT EXECUTE FUNCTION keep_for_good()
    """)
    op.execute(ACCESS_OPENED)
    op.execute(ACCESS_EMERGENCY)
    op.execute("ALTER TABLE audit_event ADD COLUMN concerns text[]")
    op.execute("""
        CREATE INDEX audit_event_concerns_idx ON audit_event USING gin (concerns)
        WITH (gin_pending_list_limit = 256) WHERE concerns IS NOT NULL
    """)


def downgrade() -> None:
    op.execute("DROP INDEX audit_event_concerns_idx")
    op.execute("ALTER TABLE audit_event DROP COLUMN concerns")
    op.execute("DROP FUNCTION access_emergency, access_opened")
    op.execute("DROP TABLE access_opening")
