"""What consents and teams allow, as rows beside the resources, and the functions that judge a client's data by them.

A query that somebody may not see everything of asks these functions: `access_sight`, once for each client, and where
that is not enough `access_item` for each thing. They say what the pure rules of `access/judgement.py` say of a read; a
property test holds the two together. All of them look at the clock of the statement.

What runs queries of its own and is called often keeps one plan for them (`plan_cache_mode`): with a plan for each call,
planning was four fifths of the time that access took (0.45 of 0.55 ms a client, measured).
"""

from alembic import op

revision = "2026_11_26_2200"
down_revision = "2026_11_26_2100"

ACCESS_RULE = """
    CREATE TABLE access_rule (
        client text COLLATE "C" NOT NULL,
        consent text COLLATE "C" NOT NULL,
        version integer NOT NULL,
        number integer NOT NULL,
        at timestamptz NOT NULL,
        rank timestamptz NOT NULL,
        updated timestamptz NOT NULL,
        is_ban boolean NOT NULL,
        performers text[] NOT NULL,
        path text NOT NULL,
        depth integer NOT NULL,
        effect text NOT NULL,
        period tstzrange NOT NULL,
        recipients jsonb NOT NULL,
        holders jsonb NOT NULL,
        authors jsonb NOT NULL,
        classes jsonb NOT NULL,
        codes jsonb NOT NULL,
        labels jsonb NOT NULL,
        data jsonb NOT NULL,
        actions text[],
        purposes text[],
        data_period tstzrange,
        is_of_all_data boolean NOT NULL
    )
"""

ACCESS_MEMBER = """
    CREATE TABLE access_member (
        client text COLLATE "C" NOT NULL,
        team text COLLATE "C" NOT NULL,
        member text COLLATE "C" NOT NULL,
        on_behalf_of text,
        roles text[] NOT NULL,
        period tstzrange NOT NULL,
        says_since boolean NOT NULL,
        since timestamptz
    )
"""

INDEXES = """
    CREATE INDEX access_rule_client_idx ON access_rule (client);
    CREATE INDEX access_rule_consent_idx ON access_rule (consent);
    CREATE INDEX access_member_client_idx ON access_member (client);
    CREATE INDEX access_member_team_idx ON access_member (team);
    CREATE INDEX access_member_member_idx ON access_member (member);
    CREATE INDEX access_member_on_behalf_of_idx ON access_member (on_behalf_of) WHERE on_behalf_of IS NOT NULL
"""

TABLES = (
    *("care_plan", "care_team", "consent", "encounter", "patient", "related_person", "episode_of_care", "goal"),
    *("condition", "service_request", "task", "communication", "appointment", "observation"),
    *("questionnaire_response", "document_reference", "measure_report", "provenance", "subscription", "group", "list"),
    *("flag", "device"),
)
"""What is of clients, and kept in registers."""

NAMING_NONE = ("patient", "subscription", "group")
"""Those whose rows name no client in a column."""

ASKER = """
    CREATE TYPE access_asker AS (
        person text,
        organization text,
        names text[],
        members text[],
        grantees text[],
        is_narrow boolean
    )
"""
# names: of the person. members: what a team may name to mean the asker. grantees: what a consent may, but for teams and
# roles, which go by client. is_narrow: the organisation is an NGO or employment services.

STANDING = """
    CREATE TYPE access_standing AS (
        is_member boolean,
        is_narrow boolean,
        teams text[],
        grantees text[],
        stood_in text[],
        stood_for tstzrange[]
    )
"""
# is_member: whether the asker passes the gate of the client's teams now. teams: his own, now. stood_in, stood_for: the
# teams that he ever was in, and when.

SIGHT = """
    CREATE TYPE access_sight AS (
        view text,
        is_member boolean,
        is_narrow boolean,
        is_guardian boolean,
        disclosure text,
        is_young boolean,
        grantees text[],
        rules access_rule[]
    )
"""
# What an asker sees of a client. view: all, none, or some or emergency, which go by the thing. disclosure: what he says
# to guardians. is_young: he is below twelve, as far as a guardian asks. rules: those for this asker, in order.

FUNCTIONS = (
    """
    CREATE FUNCTION access_span(value text) RETURNS tstzrange LANGUAGE plpgsql STABLE STRICT AS $$
    -- All the time that a date or dateTime may mean; dates are Finnish.
    DECLARE
        low timestamp;
        at timestamptz;
    BEGIN
        value := regexp_replace(value, '([.][0-9]{6})[0-9]+', '\\1');
        IF strpos(value, 'T') = 0 THEN
            low := (value || substr('0000-01-01', length(value) + 1))::timestamp;
            RETURN tstzrange(
                low AT TIME ZONE 'Europe/Helsinki',
                (low + CASE length(value) WHEN 4 THEN interval '1 year' WHEN 7 THEN interval '1 month'
                    ELSE interval '1 day' END) AT TIME ZONE 'Europe/Helsinki'
            );
        END IF;
        IF value ~ '(Z|[+-][0-9]{2}:[0-9]{2})$' THEN
            at := value::timestamptz;
        ELSE
            at := value::timestamp AT TIME ZONE 'Europe/Helsinki';
        END IF;
        RETURN tstzrange(at, at + CASE
            WHEN substr(value, 17, 1) <> ':' THEN interval '1 minute'
            WHEN substr(value, 20, 1) <> '.' THEN interval '1 second'
            ELSE greatest(10 ^ -length(substring(value FROM '[.]([0-9]+)')), 0.000001) * interval '1 second'
        END);
    END
    $$
    """,
    """
    CREATE FUNCTION access_validity(period json) RETURNS tstzrange LANGUAGE plpgsql STABLE AS $$
    -- When something with that Period holds: an end given as a time is that very instant.
    DECLARE
        low timestamptz := lower(access_span(period ->> 'start'));
        until text := period ->> 'end';
        ends tstzrange := access_span(until);
        high timestamptz := CASE WHEN until LIKE '%T%' THEN lower(ends) ELSE upper(ends) END;
    BEGIN
        RETURN CASE WHEN low >= high THEN 'empty' ELSE tstzrange(low, high) END;
    END
    $$
    """,
    """
    CREATE FUNCTION access_above(named text) RETURNS text[] LANGUAGE sql STABLE AS $$
    -- The organisation and all it is part of.
        WITH RECURSIVE above(at) AS (
            SELECT named WHERE named IS NOT NULL
            UNION
            SELECT o.partof FROM above JOIN organization o ON o.id = substr(above.at, 14)
            WHERE above.at LIKE 'Organization/%' AND o.partof IS NOT NULL
        )
        SELECT coalesce(array_agg(at), '{}') FROM above
    $$
    """,
    """
    CREATE FUNCTION access_is_active(active text[], content json) RETURNS boolean LANGUAGE sql STABLE AS $$
    -- Whether a PractitionerRole or RelatedPerson holds now.
        SELECT coalesce('false' <> ALL (active), true)
            AND access_validity(content -> 'period') @> statement_timestamp()
    $$
    """,
    """
    CREATE FUNCTION access_is_role_at(reference text, named text) RETURNS boolean LANGUAGE sql STABLE AS $$
    -- Whether it is a role at that organisation that is held now.
        SELECT reference LIKE 'PractitionerRole/%' AND EXISTS (
            SELECT FROM practitioner_role r WHERE r.id = substr(reference, 18) AND r.organization = named
            AND access_is_active(r.active, r.content)
        )
    $$
    """,
    """
    CREATE FUNCTION access_asker(who text, acts_for text) RETURNS access_asker
    LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
    -- The asker that a token names, expanded (access/asker.py).
    DECLARE
        a access_asker;
        practitioner_ text := who;
        claimed record;
        there text[];
    BEGIN
        a.person := who;
        a.names := CASE WHEN who IS NULL THEN '{}'::text[] ELSE ARRAY[who] END;
        IF who IS NULL THEN
            a.organization := acts_for;
        ELSIF who LIKE 'RelatedPerson/%' THEN
            IF EXISTS (SELECT FROM related_person r WHERE r.id = substr(who, 15)
                    AND NOT access_is_active(r.active, r.content)) THEN
                a.names := '{}';
            END IF;
        ELSIF who LIKE 'Practitioner/%' OR who LIKE 'PractitionerRole/%' THEN
            SELECT r.id, r.practitioner, r.organization, r.active, r.content INTO claimed FROM practitioner_role r
                WHERE who LIKE 'PractitionerRole/%' AND r.id = substr(who, 18);
            IF FOUND THEN
                practitioner_ := claimed.practitioner;
                a.names := array_remove(ARRAY[practitioner_], NULL);
                IF (acts_for IS NULL OR acts_for = claimed.organization)
                        AND access_is_active(claimed.active, claimed.content) THEN
                    a.names := a.names || who;
                END IF;
            END IF;
            there := ARRAY(
                SELECT 'PractitionerRole/' || r.id FROM practitioner_role r
                WHERE r.practitioner = practitioner_ AND r.organization = acts_for
                AND access_is_active(r.active, r.content)
            );
            IF claimed.id IS NOT NULL AND claimed.practitioner IS NULL AND claimed.organization = acts_for
                    AND access_is_active(claimed.active, claimed.content) THEN
                there := there || who;
            END IF;
            a.names := a.names || there;
            IF cardinality(there) > 0 THEN
                a.organization := acts_for;
            END IF;
        END IF;
        a.members := array_remove(a.names || a.organization, NULL);
        a.grantees := a.names || access_above(a.organization);
        a.is_narrow := EXISTS (
            SELECT FROM organization o WHERE o.id = substr(a.organization, 14) AND a.organization LIKE 'Organization/%'
            AND o.type && ARRAY[
                'https://sharedplan.dev/fhir/CodeSystem/organization-type|ngo',
                'https://sharedplan.dev/fhir/CodeSystem/organization-type|employment-services'
            ]
        );
        RETURN a;
    END
    $$
    """,
    """
    CREATE FUNCTION access_standing(named text, a access_asker) RETURNS access_standing LANGUAGE plpgsql STABLE AS $$
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
    """,
    """
    CREATE FUNCTION access_met_all(groups jsonb, mine text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
        SELECT NOT EXISTS (SELECT FROM jsonb_array_elements(groups) g WHERE (g ?| mine) IS NOT TRUE)
    $$
    """,
    """
    CREATE FUNCTION access_met(groups jsonb, mine text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    -- Whether something of mine is in every group. Mostly there is one, or none: without a query of its own this
    -- becomes part of the expression that asks it.
        SELECT CASE jsonb_array_length(groups) WHEN 0 THEN true WHEN 1 THEN coalesce(groups -> 0 ?| mine, false)
            ELSE access_met_all(groups, mine) END
    $$
    """,
    """
    CREATE FUNCTION access_rules(named text, a access_asker, s access_standing, purpose text) RETURNS SETOF access_rule
    LANGUAGE plpgsql STABLE AS $$
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
    """,
    """
    CREATE FUNCTION access_disclosure(body jsonb) RETURNS text LANGUAGE sql STABLE AS $$
    -- Whether guardians of a minor may know of it: 1 not able to decide, 2 able and allows, 3 able and forbids.
        SELECT coding ->> 'code'
        FROM jsonb_path_query(body, 'lax $.extension[*]') WITH ORDINALITY e(value, n), LATERAL (
            SELECT e.value -> 'valueCoding' AS coding, 0::bigint AS m
            UNION ALL
            SELECT c.coding, c.m
            FROM jsonb_path_query(e.value, 'lax $.valueCodeableConcept.coding[*]') WITH ORDINALITY c(coding, m)
        ) codings
        WHERE coding ->> 'system' = 'urn:oid:1.2.246.537.5.40202.201901' AND coding ->> 'code' <> ''
        ORDER BY n, m LIMIT 1
    $$
    """,
    """
    CREATE FUNCTION access_has_safety_ban(named text) RETURNS boolean LANGUAGE sql STABLE COST 50 AS $$
    -- Whether the client's address and place are hidden from others than the register's own (turvakielto); of a client
    -- who was deleted, whether they were.
        SELECT coalesce(
            (SELECT coalesce(p.meta_security && ARRAY[
                'https://hl7.fi/fhir/finnish-base-profiles/CodeSystem/fi-base-security-label-cs|'
            ], false) FROM patient p WHERE p.id = substr(named, 9)),
            (SELECT strpos(v.content::text, '/fi-base-security-label-cs"') > 0 FROM resource_version v
                WHERE v.type = 'Patient' AND v.id = substr(named, 9) AND v.content IS NOT NULL
                ORDER BY v.version DESC LIMIT 1),
            false
        )
    $$
    """,
    """
    CREATE FUNCTION access_age(named text, years integer) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    -- When the client comes to that age; null when nobody knows.
        SELECT (lower(p.birthdate) AT TIME ZONE 'Europe/Helsinki' + years * interval '1 year')
            AT TIME ZONE 'Europe/Helsinki'
        FROM patient p WHERE p.id = substr(named, 9)
    $$
    """,
    """
    CREATE FUNCTION access_is_guardian(named text, a access_asker) RETURNS boolean LANGUAGE sql STABLE AS $$
    -- Whether the asker is a guardian of the client, who is a minor.
        SELECT a.person LIKE 'RelatedPerson/%' AND cardinality(a.names) > 0 AND EXISTS (
            SELECT FROM related_person r WHERE r.id = substr(a.person, 15) AND r.patient = named
            AND r.relationship && ARRAY(
                SELECT 'http://terminology.hl7.org/CodeSystem/v3-RoleCode|' || code FROM unnest(
                    '{GUARD,PRN,MTH,FTH,NMTH,NFTH,ADOPTP,ADOPTM,ADOPTF,PRNFOST}'::text[]
                ) code
            )
        ) AND coalesce(statement_timestamp() < access_age(named, 18), false)
    $$
    """,
    """
    CREATE FUNCTION access_sight(named text, a access_asker, purpose text) RETURNS access_sight
    LANGUAGE plpgsql STABLE COST 10000 SET plan_cache_mode = force_generic_plan AS $$
    -- What the team and the consents of the client let the asker see.
    DECLARE
        s access_sight;
        standing access_standing;
        r access_rule;
        best access_rule;
        spoken text := '';
    BEGIN
        s.view := 'none';
        IF named IS NULL THEN
            RETURN s;
        END IF;
        s.is_guardian := coalesce(a.person LIKE 'RelatedPerson/%', false) AND access_is_guardian(named, a);
        standing := access_standing(named, a);
        s.is_member := standing.is_member;
        IF NOT s.is_guardian AND NOT s.is_member THEN
            RETURN s;
        END IF;
        s.is_narrow := standing.is_narrow;
        s.grantees := standing.grantees;
        s.rules := ARRAY(SELECT t FROM access_rules(named, a, standing, purpose) t);
        IF s.is_guardian THEN
            s.disclosure := (SELECT access_disclosure(p.content::jsonb) FROM patient p WHERE p.id = substr(named, 9));
            s.is_young := coalesce(statement_timestamp() < access_age(named, 12), false);
            s.view := 'some';
            RETURN s;
        END IF;
        FOREACH r IN ARRAY s.rules LOOP
            IF NOT r.is_of_all_data THEN
                s.view := 'some';
                RETURN s;
            END IF;
            CONTINUE WHEN r.consent = spoken;
            spoken := r.consent;
            CONTINUE WHEN r.is_ban AND r.effect = 'permit';
            IF best.consent IS NULL OR (r.is_ban, r.rank, r.effect = 'deny', r.updated, r.consent)
                    > (best.is_ban, best.rank, best.effect = 'deny', best.updated, best.consent) THEN
                best := r;
            END IF;
        END LOOP;
        IF best.effect = 'permit' THEN
            s.view := CASE WHEN s.is_narrow THEN 'some' ELSE 'all' END;
        END IF;
        RETURN s;
    END
    $$
    """,
    """
    CREATE FUNCTION access_refers(body jsonb, is_wide boolean) RETURNS text[] LANGUAGE sql STABLE AS $$
    -- What is referred to within, without versions; when it is wide, addresses elsewhere by type and id alone, too.
        SELECT coalesce(array_agg(CASE WHEN is_wide THEN coalesce(substring(name FROM
            '^https?://.*/([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})$'), name) ELSE name END), '{}')
        FROM (
            SELECT regexp_replace(found #>> '{}', '/_history/.*$', '') AS name
            FROM jsonb_path_query(body, 'lax $.**.reference') found WHERE jsonb_typeof(found) = 'string'
        ) names WHERE name NOT LIKE '#%'
    $$
    """,
    """
    CREATE FUNCTION access_authors(body jsonb, is_wide boolean) RETURNS text[] LANGUAGE sql STABLE AS $$
    -- Who it is by, in its own words.
        SELECT access_refers(jsonb_build_array(
            body -> 'author', body -> 'recorder', body -> 'asserter', body -> 'requester', body -> 'expressedBy'
        ), is_wide)
    $$
    """,
    """
    CREATE FUNCTION access_labels(security text[], content json) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
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
    """,
    """
    CREATE FUNCTION access_codes(body jsonb) RETURNS text[] LANGUAGE sql STABLE AS $$
    -- Every coding within, but for the metadata.
        SELECT coalesce(array_agg(coalesce(x ->> 'system', '') || '|' || (x ->> 'code')), '{}')
        FROM jsonb_path_query(body - 'meta', 'strict $.** ? (exists (@.code))') x
        WHERE jsonb_typeof(x) = 'object' AND jsonb_typeof(x -> 'code') = 'string'
    $$
    """,
    """
    CREATE FUNCTION access_is_referred(by_ text, name text, is_wide boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
    -- Whether what one reference names refers to what the other names.
        SELECT name = ANY (access_refers(newest.content::jsonb, is_wide)) FROM (
            SELECT v.content FROM resource_version v
            WHERE v.type = split_part(by_, '/', 1) AND v.id = split_part(by_, '/', 2) ORDER BY v.version DESC LIMIT 1
        ) newest WHERE newest.content IS NOT NULL
    $$
    """,
    """
    CREATE FUNCTION access_item(
        s access_sight, kind text, item text, controller text, owner text,
        own_time tstzrange, security text[], profiles text[], content json
    ) RETURNS boolean LANGUAGE plpgsql STABLE COST 1000 AS $$
    -- Whether the asker may see this thing of the client's, by the team and the consents (access/consent.py); in an
    -- emergency that he opened the team is no gate, and bans alone count. What is only in the content is looked at only
    -- when a rule asks for it.
    DECLARE
        name text := kind || '/' || item;
        r access_rule;
        best access_rule;
        spoken text := '';
        body jsonb;
        holders text[];
        kinds text[];
        labels text[];
        codes text[];
        low timestamptz;
        high timestamptz;
        is_deny boolean;
        disclosure text;
    BEGIN
        IF s.rules IS NULL THEN
            RETURN false;
        END IF;
        IF s.is_guardian THEN
            body := content::jsonb;
            disclosure := coalesce(access_disclosure(body), s.disclosure);
            IF disclosure = '3' THEN
                RETURN false;
            END IF;
        END IF;
        FOREACH r IN ARRAY s.rules LOOP
            CONTINUE WHEN r.consent = spoken;
            is_deny := r.effect = 'deny';
            IF NOT r.is_of_all_data THEN
                IF r.holders <> '[]' THEN
                    holders := coalesce(holders, access_above(controller));
                    CONTINUE WHEN NOT access_met(r.holders, holders);
                END IF;
                IF r.classes <> '[]' THEN
                    IF profiles IS NOT NULL THEN
                        body := coalesce(body, content::jsonb);
                    END IF;
                    kinds := coalesce(kinds, ARRAY[kind] || CASE WHEN profiles IS NOT NULL THEN
                        ARRAY(SELECT p #>> '{}' FROM jsonb_path_query(body, 'lax $.meta.profile[*]') p) END);
                    CONTINUE WHEN NOT access_met(r.classes, kinds);
                END IF;
                IF r.labels <> '[]' THEN
                    labels := coalesce(labels, access_labels(security, content));
                    CONTINUE WHEN NOT access_met(r.labels, labels);
                END IF;
                IF r.data_period IS NOT NULL THEN
                    CONTINUE WHEN isempty(r.data_period);
                    IF own_time IS NULL THEN
                        body := coalesce(body, content::jsonb);
                        own_time := access_own_time(kind, body);
                        IF own_time IS NULL THEN
                            SELECT tstzrange(v.last_updated, v.last_updated, '[]') INTO own_time FROM resource_version v
                                WHERE v.type = kind AND v.id = item AND v.version = 1;
                        END IF;
                    END IF;
                    low := coalesce(lower(own_time), '-infinity');
                    high := coalesce(upper(own_time), greatest(lower(own_time), statement_timestamp()));
                    IF is_deny THEN
                        CONTINUE WHEN (coalesce(lower(r.data_period), '-infinity') < high
                            AND low < coalesce(upper(r.data_period), 'infinity')) IS FALSE;
                    ELSE
                        CONTINUE WHEN (coalesce(lower(r.data_period), '-infinity') <= low
                            AND high <= coalesce(upper(r.data_period), 'infinity')) IS NOT TRUE;
                    END IF;
                END IF;
                IF r.authors <> '[]' OR r.codes <> '[]' OR r.data <> '[]' THEN
                    body := coalesce(body, content::jsonb);
                    CONTINUE WHEN NOT access_met(r.authors, access_authors(body, is_deny));
                    IF r.codes <> '[]' THEN
                        codes := coalesce(codes, access_codes(body));
                        CONTINUE WHEN NOT access_met(r.codes, codes);
                    END IF;
                    CONTINUE WHEN EXISTS (
                        SELECT FROM jsonb_array_elements(r.data) g WHERE NOT EXISTS (
                            SELECT FROM jsonb_array_elements(g) entry WHERE CASE entry ->> 0
                                WHEN 'related' THEN entry ->> 1 = name
                                    OR coalesce(access_is_referred(entry ->> 1, name, is_deny), false)
                                WHEN 'dependents' THEN entry ->> 1 = name
                                    OR entry ->> 1 = ANY (access_refers(body, is_deny))
                                WHEN 'authoredby' THEN entry ->> 1 = ANY (access_authors(body, is_deny))
                                ELSE entry ->> 1 = name
                            END
                        )
                    );
                END IF;
            END IF;
            spoken := r.consent;
            CONTINUE WHEN r.is_ban AND NOT is_deny;
            IF best.consent IS NULL OR (r.is_ban, r.rank, is_deny, r.updated, r.consent)
                    > (best.is_ban, best.rank, best.effect = 'deny', best.updated, best.consent) THEN
                best := r;
            END IF;
        END LOOP;
        IF s.view = 'emergency' THEN
            RETURN best.consent IS NULL;
        END IF;
        IF s.is_guardian AND best.effect IS DISTINCT FROM 'deny' AND (disclosure IN ('1', '2') OR s.is_young) THEN
            RETURN true;
        END IF;
        IF best.effect IS DISTINCT FROM 'permit' OR NOT s.is_member THEN
            RETURN false;
        END IF;
        RETURN NOT s.is_narrow OR best.classes <> '[]' OR best.data <> '[]' OR kind IN ('CarePlan', 'CareTeam')
            OR coalesce(kind = 'Task' AND owner = ANY (s.grantees), false);
    END
    $$
    """,
    """
    CREATE FUNCTION access_sees(
        named text, a access_asker, purpose text, kind text, item text, controller text, owner text,
        own_time tstzrange, security text[], profiles text[], content json
    ) RETURNS boolean LANGUAGE plpgsql STABLE COST 11000 AS $$
    -- The same for a thing by itself.
    DECLARE
        s access_sight := access_sight(named, a, purpose);
    BEGIN
        RETURN CASE s.view WHEN 'all' THEN true WHEN 'some' THEN
            access_item(s, kind, item, controller, owner, own_time, security, profiles, content) ELSE false END;
    END
    $$
    """,
    """
    CREATE FUNCTION access_own_time(kind text, body jsonb) RETURNS tstzrange LANGUAGE plpgsql STABLE AS $$
    -- A thing's own time, as far as no column of its table has it.
    DECLARE
        period json := (body -> 'period')::json;
    BEGIN
        IF kind = 'RelatedPerson' AND (period ->> 'start' IS NOT NULL OR period ->> 'end' IS NOT NULL) THEN
            RETURN tstzrange(lower(access_span(period ->> 'start')), upper(access_span(period ->> 'end')));
        END IF;
        RETURN access_span(body ->> CASE kind
            WHEN 'CarePlan' THEN 'created' WHEN 'Goal' THEN 'statusDate' WHEN 'Observation' THEN 'issued' END);
    END
    $$
    """,
    """
    CREATE FUNCTION access_concerned(named text, a access_asker) RETURNS boolean
    LANGUAGE plpgsql STABLE COST 5000 SET plan_cache_mode = force_generic_plan AS $$
    -- Whether the person is on a team of the client's, cares for him, met him or has a task of his (access/facts.py).
    BEGIN
        RETURN cardinality(a.names) > 0 AND (EXISTS (
            SELECT FROM access_member m WHERE m.client = named AND m.member = ANY (a.names)
            AND m.period @> statement_timestamp()
        ) OR EXISTS (
            SELECT FROM episode_of_care e WHERE e.patient = named AND e.care_manager = ANY (a.names)
            AND e.status && ARRAY['planned', 'waitlist', 'active', 'onhold']
            AND access_validity(e.content -> 'period') @> statement_timestamp()
        ) OR EXISTS (
            SELECT FROM task t WHERE t.patient = named AND t.owner = ANY (a.names)
            AND t.status && ARRAY['requested', 'received', 'accepted', 'ready', 'in-progress', 'on-hold']
        ) OR EXISTS (
            SELECT FROM encounter e WHERE e.patient = named AND e.participant && a.names
            AND NOT e.status && ARRAY['cancelled', 'entered-in-error']
        ));
    END
    $$
    """,
    """
    CREATE FUNCTION access_clients(a access_asker) RETURNS text[] LANGUAGE plpgsql STABLE COST 100000 AS $$
    -- All clients of whom the asker may see anything but for the own register of a system; perhaps some more.
    BEGIN
        RETURN ARRAY(
            SELECT m.client FROM access_member m
            WHERE m.member = ANY (a.members) AND m.period @> statement_timestamp()
            UNION
            SELECT m.client FROM access_member m
            WHERE a.person IS NULL AND m.on_behalf_of = a.organization AND m.period @> statement_timestamp()
            UNION
            SELECT m.client FROM practitioner_role r JOIN access_member m ON m.member = 'PractitionerRole/' || r.id
            WHERE a.person IS NULL AND r.organization = a.organization AND m.period @> statement_timestamp()
            UNION
            SELECT t.patient FROM task t WHERE t.owner = ANY (a.grantees) AND t.patient IS NOT NULL
            AND t.status && ARRAY['requested', 'received', 'accepted', 'ready', 'in-progress', 'on-hold']
            UNION
            SELECT e.patient FROM episode_of_care e WHERE e.care_manager = ANY (a.names) AND e.patient IS NOT NULL
            UNION
            SELECT e.patient FROM encounter e WHERE e.participant && a.names AND e.patient IS NOT NULL
            UNION
            SELECT r.patient FROM related_person r WHERE a.person LIKE 'RelatedPerson/%' AND r.id = substr(a.person, 15)
            AND r.patient IS NOT NULL
            UNION
            SELECT o.client FROM access_opening o
            WHERE o.person = a.person AND o.organization = a.organization AND o.period @> statement_timestamp()
        );
    END
    $$
    """,
)


def upgrade() -> None:
    op.execute(ACCESS_RULE)
    op.execute(ACCESS_MEMBER)
    for statement in INDEXES.split(";"):
        op.execute(statement)
    for table in TABLES:
        held = "WHERE controller IS NOT NULL"
        op.execute(f'CREATE INDEX {table}_register_idx ON "{table}" (controller, id) {held}')
        op.execute(f'CREATE INDEX {table}_register_time_idx ON "{table}" (controller, last_updated) {held}')
        if table not in NAMING_NONE:
            op.execute(f'CREATE INDEX {table}_of_nobody_idx ON "{table}" (controller) WHERE patient IS NULL')
    op.execute("""
        CREATE INDEX resource_version_register_idx ON resource_version (controller, type, last_updated)
        WHERE controller IS NOT NULL
    """)
    op.execute(ASKER)
    op.execute(STANDING)
    op.execute(SIGHT)
    for function in FUNCTIONS:
        op.execute(function)


def downgrade() -> None:
    op.execute("DROP TYPE access_asker CASCADE")
    op.execute("DROP TYPE access_standing CASCADE")
    op.execute("DROP TYPE access_sight CASCADE")
    op.execute("DROP TABLE access_rule, access_member CASCADE")
    op.execute("""
        DROP FUNCTION access_span, access_validity, access_above, access_is_active, access_is_role_at, access_met,
            access_met_all, access_refers, access_authors, access_labels, access_codes, access_is_referred,
            access_own_time, access_disclosure, access_age, access_has_safety_ban
    """)
    op.execute("DROP INDEX resource_version_register_idx")
    for table in TABLES:
        op.execute(f"DROP INDEX {table}_register_idx, {table}_register_time_idx")
        if table not in NAMING_NONE:
            op.execute(f"DROP INDEX {table}_of_nobody_idx")
