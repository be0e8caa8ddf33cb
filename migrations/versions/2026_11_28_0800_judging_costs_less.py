"""What an asker may see of a client is found out at less cost; nothing of what a statement finds is another.

What the second guard knows already is looked at where a row is, rather than by a call of a function with rights of its
own; where somebody stands with a client is asked without a recursion where no team is on a team; the rules are part of
the query that asks for them. By one connection in a loop, PostgreSQL took 275 to 290 µs for a read by consent and takes
225 to 245, 690 to 750 for a search of a hundred things and takes 500 to 520.

Locks nothing.
"""

from collections.abc import Iterator

from alembic import op

revision = "2026_11_28_0800"
down_revision = "2026_11_28_0700"

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality|"
LEVELS = tuple(f"{CONFIDENTIALITY}{code}" for code in "ULMNRV")
"""Labels of confidentiality, the least first."""
NORMAL = f"{CONFIDENTIALITY}N"


def _highest() -> str:
    """Of each level, the highest first, that it is the highest: with no lower one beside it."""

    def ways() -> Iterator[str]:
        for number, level in reversed(list(enumerate(LEVELS))):
            without, lower = "security", LEVELS[:number]
            for each in lower:
                without = f"array_remove({without}, '{each}')"
            others = f"security && '{{{','.join(lower)}}}'::text[]"
            then = f"CASE WHEN {others} THEN {without} ELSE security END" if lower else "security"
            yield f"WHEN '{level}' = ANY (security) THEN {then}"

    return "\n            ".join(ways())


LABELS = f"""
    CREATE OR REPLACE FUNCTION access_labels(security text[], content json) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE AS $$
    -- The labels of a resource, of those of confidentiality the highest alone, N where there is none. The index has
    -- them as they are written, beside entries that are no labels ("code", "system|"), unless it escaped or cut them.
    DECLARE
        written text := array_to_string(security, ' ');
    BEGIN
        IF strpos(written, '\\') > 0 OR length(written) > 300 THEN
            security := ARRAY(
                SELECT coalesce(x ->> 'system', '') || '|' || (x ->> 'code')
                FROM jsonb_path_query(content::jsonb, 'lax $.meta.security[*]') x WHERE coalesce(x ->> 'code', '') <> ''
            );
        END IF;
        -- One expression, for it is asked of each thing.
        RETURN CASE
            WHEN security IS NULL THEN ARRAY['{NORMAL}']
            {_highest()}
            ELSE security || '{NORMAL}'::text
        END;
    END
    $$
"""

ABOVE = """
    CREATE OR REPLACE FUNCTION access_above(named text) RETURNS text[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- The organisation and all it is part of.
    DECLARE
        above text := named;
        found text[] := '{}';
    BEGIN
        WHILE above IS NOT NULL AND above <> ALL (found) LOOP
            found := found || above;
            EXIT WHEN above NOT LIKE 'Organization/%';
            above := (SELECT o.partof FROM organization o WHERE o.id = substr(above, 14));
        END LOOP;
        RETURN found;
    END
    $$
"""

STANDING = """
    CREATE OR REPLACE FUNCTION access_standing(named text, a access_asker) RETURNS access_standing
    LANGUAGE plpgsql STABLE AS $$
    -- Where the asker stands with the client (access/asker.py, access/facts.py).
    DECLARE
        s access_standing;
        roles_ text[];
        has_teams boolean;
    BEGIN
        SELECT
            coalesce(bool_or(is_now AND (is_own OR is_through)), false),
            coalesce(bool_and(NOT 'coordinator' = ANY (roles) AND (
                roles && ARRAY['ngo', 'employment', 'relative'] OR member LIKE 'RelatedPerson/%'
                OR (roles = '{}' AND a.is_narrow)
            )) FILTER (WHERE is_now AND (is_own OR is_through)), false),
            coalesce(array_agg(team) FILTER (WHERE is_now AND is_own), '{}'),
            coalesce(array_agg(member) FILTER (WHERE is_now AND is_role), '{}'),
            array_agg(team) FILTER (WHERE is_own),
            array_agg(period) FILTER (WHERE is_own),
            bool_or(member LIKE 'CareTeam/%')
        INTO s.is_member, s.is_narrow, s.teams, roles_, s.stood_in, s.stood_for, has_teams
        FROM (
            SELECT *, a.person IS NULL AND (on_behalf_of = a.organization OR is_role) AS is_through FROM (
                SELECT m.team, m.member, m.roles, m.period, m.on_behalf_of, m.member = ANY (a.members) AS is_own,
                    m.period @> statement_timestamp() AS is_now,
                    m.period @> statement_timestamp() AND a.person IS NULL
                        AND access_is_role_at(m.member, a.organization) AS is_role
                FROM access_member m WHERE m.client = named OFFSET 0
            ) of_it OFFSET 0
        ) members;
        IF has_teams THEN  -- teams are on teams: who is on the one is on the other
            WITH RECURSIVE own(team, member, roles, period) AS (
                SELECT m.team, m.member, m.roles, m.period FROM access_member m
                WHERE m.client = named AND m.member = ANY (a.members)
                UNION
                SELECT o.team, o.member, o.roles, o.period * own.period
                FROM own JOIN access_member o ON o.client = named AND o.member = own.team
            ), every AS (
                SELECT own.*, true AS is_own, false AS is_role, own.period @> statement_timestamp() AS is_now FROM own
                UNION ALL
                SELECT * FROM (
                    SELECT m.team, m.member, m.roles, m.period, false,
                        access_is_role_at(m.member, a.organization) AS is_role, true
                    FROM access_member m
                    WHERE a.person IS NULL AND m.client = named AND m.period @> statement_timestamp()
                    AND (m.member LIKE 'PractitionerRole/%' OR m.on_behalf_of = a.organization)
                    AND (m.on_behalf_of = a.organization OR access_is_role_at(m.member, a.organization))
                ) through
            )
            SELECT
                coalesce(bool_or(is_now), false),
                coalesce(bool_and(NOT 'coordinator' = ANY (roles) AND (
                    roles && ARRAY['ngo', 'employment', 'relative'] OR member LIKE 'RelatedPerson/%'
                    OR (roles = '{}' AND a.is_narrow)
                )) FILTER (WHERE is_now), false),
                coalesce(array_agg(team) FILTER (WHERE is_own AND is_now), '{}'),
                coalesce(array_agg(member) FILTER (WHERE is_role), '{}'),
                array_agg(team) FILTER (WHERE is_own),
                array_agg(period) FILTER (WHERE is_own)
            INTO s.is_member, s.is_narrow, s.teams, roles_, s.stood_in, s.stood_for FROM every;
        END IF;
        s.grantees := a.grantees || s.teams || roles_;
        IF NOT s.is_member THEN
            s.is_member := EXISTS (
                SELECT FROM task t WHERE t.patient = named AND t.owner = ANY (s.grantees)
                AND t.status && ARRAY['accepted', 'in-progress']
                AND t.code && ARRAY['https://sharedplan.dev/fhir/CodeSystem/task|consultation']
            );
        END IF;
        RETURN s;
    END
    $$
"""

RULES = """
    CREATE FUNCTION access_rules(named text, a access_asker, s access_standing, purpose text)
    RETURNS SETOF access_rule LANGUAGE sql STABLE AS $$
    -- The rules of the client's that are for this asker and purpose now, whatever the thing; for reading. In the order
    -- in which the first to match speaks for its consent. It becomes part of the query that asks it, so its arguments
    -- are to be variables: anything else would be found out again for each rule.
        SELECT r.* FROM access_rule r
        WHERE r.client = named AND r.at <= statement_timestamp() AND r.period @> statement_timestamp()
        AND (r.actions IS NULL OR 'access' = ANY (r.actions))
        AND CASE
            WHEN r.purposes IS NULL THEN r.effect = 'deny' OR purpose NOT IN ('ETREAT', 'BTG', 'ERTREAT')
            ELSE purpose = ANY (r.purposes)
        END
        AND CASE
            WHEN r.effect = 'deny' THEN access_met(r.recipients, s.grantees)
            WHEN r.recipients = '[]' THEN EXISTS (
                SELECT FROM unnest(s.stood_in, s.stood_for) stood(team, period)
                WHERE stood.period @> r.at AND stood.team = ANY (s.teams)
            )
            WHEN NOT access_met(r.recipients, s.grantees) THEN false  -- as most do, at less cost
            ELSE access_met(r.recipients, ARRAY(
                SELECT g FROM unnest(s.grantees) g WHERE g NOT LIKE 'CareTeam/%' OR EXISTS (
                    SELECT FROM unnest(s.stood_in, s.stood_for) stood(team, period)
                    WHERE stood.team = g AND stood.period @> r.at
                )
            ))
        END
        -- What a guardian permitted himself for a child ends when the child is of age (access/guardianship.py).
        AND NOT (r.effect = 'permit' AND a.person = ANY (r.performers) AND named <> ALL (r.performers) AND EXISTS (
            SELECT FROM unnest(r.performers) p WHERE p LIKE 'RelatedPerson/%'
        ) AND coalesce(access_age(named, 18) <= statement_timestamp() AND r.at < access_age(named, 18), false))
        ORDER BY r.consent, r.depth DESC, r.effect = 'deny' DESC, r.number
    $$
"""

EMERGENCY = """
    CREATE OR REPLACE FUNCTION access_emergency(named text, a access_asker, for_what text) RETURNS access_sight
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 20000 SET search_path = public, pg_temp AS $$
    -- What the asker sees of the client by an emergency that he opened: all that no ban is on.
    DECLARE
        s access_sight;
        standing access_standing;
    BEGIN
        s.view := 'none';
        IF access_opened(named, a, for_what) THEN
            standing := access_standing(named, a);
            s.view := 'emergency';
            s.rules := ARRAY(SELECT t FROM access_rules(named, a, standing, for_what) t WHERE t.is_ban);
        END IF;
        RETURN s;
    END
    $$
"""

FINDS = """
    CREATE FUNCTION guard_finds(named text) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER COST 900
    SET plan_cache_mode = force_generic_plan SET search_path = public, pg_temp AS $$
    -- Whether the asker has anything to do with the client: he is it, on a team of the client's, stands in for somebody
    -- there, is consulted, is a relative, or broke the glass. What is found of a client is kept for the rest of the
    -- statement, where `guard_knows` looks first. It is told to cost less than what judges a thing (1000), so that
    -- with what it becomes part of it is still asked before that.
    DECLARE
        stated text := current_setting('sharedplan.stated', true) || ' ';
        known text := current_setting('sharedplan.known', true);
        strange text := current_setting('sharedplan.strange', true);
        who text := nullif(current_setting('sharedplan.person', true), '');
        acts_for text := nullif(current_setting('sharedplan.organization', true), '');
        names text[] := array_remove(ARRAY[who, acts_for], NULL);
        practitioner_ text;
        is_known boolean;
    BEGIN
        IF current_setting('sharedplan.asks', true) IN ('judgement', 'writing') OR named = who
                OR starts_with(known, stated) AND strpos(known, ' ' || named || ' ') > 0 THEN
            RETURN true;
        ELSIF named IS NULL OR starts_with(strange, stated) AND strpos(strange, ' ' || named || ' ') > 0 THEN
            RETURN false;
        END IF;
        IF who LIKE 'PractitionerRole/%' THEN
            practitioner_ := (SELECT r.practitioner FROM practitioner_role r WHERE r.id = substr(who, 18));
            names := array_remove(names || practitioner_, NULL);
        ELSIF who LIKE 'Practitioner/%' THEN
            practitioner_ := who;
        END IF;
        -- Mostly a team names whoever asks. All else is looked at where none does.
        is_known := EXISTS (
            SELECT FROM access_member m WHERE m.client = named AND m.period @> statement_timestamp()
            AND m.member = ANY (names)
        );
        IF NOT is_known THEN
            names := names || ARRAY(
                SELECT 'PractitionerRole/' || r.id FROM practitioner_role r WHERE r.practitioner = practitioner_
            );
            is_known := EXISTS (
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
            );
        END IF;
        -- As many strangers as some 16 kB name: with more, looking through them costs what it saves.
        IF is_known THEN
            PERFORM set_config('sharedplan.known', CASE WHEN starts_with(known, stated) AND length(known) < 16000
                THEN known ELSE stated END || named || ' ', true);
        ELSE
            PERFORM set_config('sharedplan.strange', CASE WHEN starts_with(strange, stated) AND length(strange) < 16000
                THEN strange ELSE stated END || named || ' ', true);
        END IF;
        RETURN is_known;
    END
    $$
"""

FINDS_ONE_OF = """
    CREATE FUNCTION guard_finds(named text[]) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER COST 10000
    SET search_path = public, pg_temp AS $$
    -- The same of one of several clients.
    BEGIN
        RETURN current_setting('sharedplan.asks', true) IN ('judgement', 'writing')
            OR coalesce((SELECT bool_or(guard_finds(n)) FROM unnest(named) n), false);
    END
    $$
"""

KNOWS = """
    CREATE OR REPLACE FUNCTION guard_knows(named text) RETURNS boolean LANGUAGE sql STABLE COST 1000 AS $$
    -- Whether the asker has anything to do with the client. It becomes part of what asks it: to call a function of
    -- each row, that has rights and settings of its own, costs 0.8 µs more than to look into what is known.
        SELECT coalesce(CASE
            WHEN strpos(current_setting('sharedplan.known', true), ' ' || named || ' ') > 0 AND starts_with(
                current_setting('sharedplan.known', true), current_setting('sharedplan.stated', true) || ' '
            ) THEN true
            WHEN strpos(current_setting('sharedplan.strange', true), ' ' || named || ' ') > 0 AND starts_with(
                current_setting('sharedplan.strange', true), current_setting('sharedplan.stated', true) || ' '
            ) THEN false
        END, public.guard_finds(named))
    $$
"""

KNOWS_ONE_OF = """
    CREATE OR REPLACE FUNCTION guard_knows(named text[]) RETURNS boolean LANGUAGE sql STABLE COST 1000 AS $$
    -- The same of one of several clients.
        SELECT CASE WHEN cardinality(named) = 1 THEN public.guard_knows(named[1]) ELSE public.guard_finds(named) END
    $$
"""


def _granted(*functions: str, like: str) -> str:
    """Lets whoever may execute the one function execute the others, and nobody else."""
    return f"""
        DO $do$
        DECLARE
            named regprocedure;
            given record;
        BEGIN
            FOREACH named IN ARRAY ARRAY[{", ".join(map(repr, functions))}]::regprocedure[] LOOP
                EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', named);
                FOR given IN
                    SELECT DISTINCT a.grantee::regrole AS role FROM pg_proc p, aclexplode(p.proacl) a
                    WHERE p.oid = '{like}'::regprocedure AND a.grantee NOT IN (0, p.proowner)
                LOOP
                    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', named, given.role);
                END LOOP;
            END LOOP;
        END
        $do$
    """


OPEN = "GRANT EXECUTE ON FUNCTION guard_knows(text), guard_knows(text[]) TO PUBLIC"
"""It has no rights of its own any more; `guard_finds` has."""


def _guarding(listed: str, instead: str) -> str:
    """Changes which functions `guard_all` lets read the tables; they do so already. Raises when it names others."""
    return f"""
        DO $do$
        BEGIN
            IF strpos(pg_get_functiondef('guard_all'::regproc), $listed${listed}$listed$) = 0 THEN
                RAISE EXCEPTION 'guard_all does not name what is to be changed';
            END IF;
            EXECUTE replace(
                pg_get_functiondef('guard_all'::regproc), $listed${listed}$listed$, $listed${instead}$listed$
            );
        END
        $do$
    """


EMERGENCY_BEFORE = """
    CREATE OR REPLACE FUNCTION access_emergency(named text, a access_asker, for_what text) RETURNS access_sight
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 20000 SET search_path = public, pg_temp AS $$
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

LABELS_BEFORE = """
    CREATE OR REPLACE FUNCTION access_labels(security text[], content json)
    RETURNS text[]
    LANGUAGE plpgsql
    IMMUTABLE
    AS $$
    -- The labels of a resource, of those of confidentiality the highest alone, N where there is none. The index has
    -- them as they are written, beside entries that are no labels ("code", "system|"), unless it escaped or cut them.
    DECLARE
        level text := 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality|';
        levels text[] := ARRAY[level || 'U', level || 'L', level || 'M', level || 'N', level || 'R', level || 'V'];
        written text;
        highest text := level || 'N';
        each text;
    BEGIN
        IF security IS NULL THEN
            RETURN ARRAY[highest];
        END IF;
        written := array_to_string(security, ' ');
        IF strpos(written, '\\') > 0 OR length(written) > 300 THEN
            security := ARRAY(
                SELECT coalesce(x ->> 'system', '') || '|' || (x ->> 'code')
                FROM jsonb_path_query(content::jsonb, 'lax $.meta.security[*]') x WHERE coalesce(x ->> 'code', '') <> ''
            );
        END IF;
        IF security && levels THEN
            FOREACH each IN ARRAY levels LOOP
                IF each = ANY (security) THEN
                    highest := each;
                    security := array_remove(security, each);
                END IF;
            END LOOP;
        END IF;
        RETURN security || highest;
    END
    $$
"""

ABOVE_BEFORE = """
    CREATE OR REPLACE FUNCTION access_above(named text)
    RETURNS text[]
    LANGUAGE sql
    STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    -- The organisation and all it is part of.
        WITH RECURSIVE above(at) AS (
            SELECT named WHERE named IS NOT NULL
            UNION
            SELECT o.partof FROM above JOIN organization o ON o.id = substr(above.at, 14)
            WHERE above.at LIKE 'Organization/%' AND o.partof IS NOT NULL
        )
        SELECT coalesce(array_agg(at), '{}') FROM above
    $$
"""

STANDING_BEFORE = """
    CREATE OR REPLACE FUNCTION access_standing(named text, a access_asker)
    RETURNS access_standing
    LANGUAGE plpgsql
    STABLE
    AS $$
    -- Where the asker stands with the client (access/asker.py, access/facts.py).
    DECLARE
        s access_standing;
        roles_ text[];
    BEGIN
        WITH RECURSIVE own(team, member, roles, period) AS (
            SELECT m.team, m.member, m.roles, m.period FROM access_member m
            WHERE m.client = named AND m.member = ANY (a.members)
            UNION
            SELECT o.team, o.member, o.roles, o.period * own.period
            FROM own JOIN access_member o ON o.client = named AND o.member = own.team
        ), every AS (
            SELECT own.*, true AS is_own, false AS is_role, own.period @> statement_timestamp() AS is_now FROM own
            UNION ALL
            SELECT * FROM (
                SELECT m.team, m.member, m.roles, m.period, false,
                    access_is_role_at(m.member, a.organization) AS is_role, true
                FROM access_member m
                WHERE a.person IS NULL AND m.client = named AND m.period @> statement_timestamp()
                AND (m.member LIKE 'PractitionerRole/%' OR m.on_behalf_of = a.organization)
                AND (m.on_behalf_of = a.organization OR access_is_role_at(m.member, a.organization))
            ) through
        )
        SELECT
            coalesce(bool_or(is_now), false),
            coalesce(bool_and(NOT 'coordinator' = ANY (roles) AND (
                roles && ARRAY['ngo', 'employment', 'relative'] OR member LIKE 'RelatedPerson/%'
                OR (roles = '{}' AND a.is_narrow)
            )) FILTER (WHERE is_now), false),
            coalesce(array_agg(team) FILTER (WHERE is_own AND is_now), '{}'),
            coalesce(array_agg(member) FILTER (WHERE is_role), '{}'),
            array_agg(team) FILTER (WHERE is_own),
            array_agg(period) FILTER (WHERE is_own)
        INTO s.is_member, s.is_narrow, s.teams, roles_, s.stood_in, s.stood_for FROM every;
        s.grantees := a.grantees || s.teams || roles_;
        IF NOT s.is_member THEN
            s.is_member := EXISTS (
                SELECT FROM task t WHERE t.patient = named AND t.owner = ANY (s.grantees)
                AND t.status && ARRAY['accepted', 'in-progress']
                AND t.code && ARRAY['https://sharedplan.dev/fhir/CodeSystem/task|consultation']
            );
        END IF;
        RETURN s;
    END
    $$
"""

RULES_BEFORE = """
    CREATE OR REPLACE FUNCTION access_rules(named text, a access_asker, s access_standing, purpose text)
    RETURNS SETOF access_rule
    LANGUAGE plpgsql
    STABLE
    AS $$
    -- The rules of the client's that are for this asker and purpose now, whatever the thing; for reading. In the order
    -- in which the first to match speaks for its consent.
    BEGIN
        RETURN QUERY
        SELECT r.* FROM access_rule r
        WHERE r.client = named AND r.at <= statement_timestamp() AND r.period @> statement_timestamp()
        AND (r.actions IS NULL OR 'access' = ANY (r.actions))
        AND CASE
            WHEN r.purposes IS NULL THEN r.effect = 'deny' OR purpose NOT IN ('ETREAT', 'BTG', 'ERTREAT')
            ELSE purpose = ANY (r.purposes)
        END
        AND CASE
            WHEN r.effect = 'deny' THEN access_met(r.recipients, s.grantees)
            WHEN r.recipients = '[]' THEN EXISTS (
                SELECT FROM unnest(s.stood_in, s.stood_for) stood(team, period)
                WHERE stood.period @> r.at AND stood.team = ANY (s.teams)
            )
            ELSE access_met(r.recipients, ARRAY(
                SELECT g FROM unnest(s.grantees) g WHERE g NOT LIKE 'CareTeam/%' OR EXISTS (
                    SELECT FROM unnest(s.stood_in, s.stood_for) stood(team, period)
                    WHERE stood.team = g AND stood.period @> r.at
                )
            ))
        END
        -- What a guardian permitted himself for a child ends when the child is of age (access/guardianship.py).
        AND NOT (r.effect = 'permit' AND a.person = ANY (r.performers) AND named <> ALL (r.performers) AND EXISTS (
            SELECT FROM unnest(r.performers) p WHERE p LIKE 'RelatedPerson/%'
        ) AND coalesce(access_age(named, 18) <= statement_timestamp() AND r.at < access_age(named, 18), false))
        ORDER BY r.consent, r.depth DESC, r.effect = 'deny' DESC, r.number;
    END
    $$
"""

KNOWS_BEFORE = """
    CREATE OR REPLACE FUNCTION guard_knows(named text)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE SECURITY DEFINER COST 1000
    SET plan_cache_mode TO 'force_generic_plan'
    SET search_path TO 'public', 'pg_temp'
    AS $$
    -- Whether the asker has anything to do with the client: he is it, on a team of the client's, stands in for somebody
    -- there, is consulted, is a relative, or broke the glass. What is known of a client is kept for the rest of the
    -- statement.
    DECLARE
        stated text := current_setting('sharedplan.stated', true) || ' ';
        known text := current_setting('sharedplan.known', true);
        who text := nullif(current_setting('sharedplan.person', true), '');
        acts_for text := nullif(current_setting('sharedplan.organization', true), '');
        names text[];
    BEGIN
        IF current_setting('sharedplan.asks', true) IN ('judgement', 'writing') OR named = who
                OR starts_with(known, stated) AND strpos(known, ' ' || named || ' ') > 0 THEN
            RETURN true;
        ELSIF named IS NULL OR starts_with(
                current_setting('sharedplan.strange', true), current_setting('sharedplan.stated', true)
            ) AND position(' ' || named || ' ' IN current_setting('sharedplan.strange', true)) > 0 THEN
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
            PERFORM set_config('sharedplan.known', CASE WHEN starts_with(known, stated) AND length(known) < 16000
                THEN known ELSE stated END || named || ' ', true);
            RETURN true;
        END IF;
        -- As many strangers as some 16 kB name: with more, looking through them costs what it saves.
        PERFORM set_config('sharedplan.strange', CASE
            WHEN starts_with(current_setting('sharedplan.strange', true), current_setting('sharedplan.stated', true))
            AND length(current_setting('sharedplan.strange', true)) < 16000
            THEN current_setting('sharedplan.strange', true)
            ELSE current_setting('sharedplan.stated', true) || ' '
        END || named || ' ', true);
        RETURN false;
    END
    $$
"""

KNOWS_ONE_OF_BEFORE = """
    CREATE OR REPLACE FUNCTION guard_knows(named text[])
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE SECURITY DEFINER COST 10000
    SET search_path TO 'public', 'pg_temp'
    AS $$
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


def upgrade() -> None:
    op.execute("DROP FUNCTION access_rules(text, access_asker, access_standing, text)")
    for function in (LABELS, ABOVE, STANDING, RULES, EMERGENCY, FINDS, FINDS_ONE_OF):
        op.execute(function)
    op.execute(_granted("guard_finds(text)", "guard_finds(text[])", like="guard_knows(text)"))
    op.execute(KNOWS)
    op.execute(KNOWS_ONE_OF)
    op.execute(OPEN)
    op.execute(_guarding("'guard_knows'", "'guard_finds'"))


def downgrade() -> None:
    op.execute("DROP FUNCTION access_rules(text, access_asker, access_standing, text)")
    for function in (LABELS_BEFORE, ABOVE_BEFORE, STANDING_BEFORE, RULES_BEFORE, EMERGENCY_BEFORE):
        op.execute(function)
    op.execute(KNOWS_BEFORE)
    op.execute(KNOWS_ONE_OF_BEFORE)
    op.execute(_granted("guard_knows(text)", "guard_knows(text[])", like="guard_finds(text)"))
    op.execute(_guarding("'guard_finds'", "'guard_knows'"))
    op.execute("DROP FUNCTION guard_finds(text), guard_finds(text[])")
