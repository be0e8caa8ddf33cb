"""What is known of clients and of the asker, for the judgement of a write: one statement for all that goes in together.

It gives JSON, for most of it becomes values of the pure rules (`exchange/facts.py`); a period is [is it empty, low,
high].
"""

from collections.abc import Sequence
from datetime import datetime

from sharedplan.catalogue import SHARED_PLAN
from sharedplan.store import guard
from sharedplan.store.queries import Query

_SPAN = "json_build_array(isempty({0}), lower({0}), upper({0}))"

_WORKPLACES = """CASE WHEN m.member LIKE 'Practitioner/%' THEN (
    SELECT json_agg(DISTINCT r.organization) FROM practitioner_role r
    WHERE r.practitioner = m.member AND access_is_active(r.active, r.content) AND EXISTS (
        SELECT FROM (
            SELECT v.content FROM resource_version v
            WHERE v.type = 'PractitionerRole' AND v.id = r.id AND v.last_updated <= m.since
            ORDER BY v.version DESC LIMIT 1
        ) at_first
        WHERE at_first.content -> 'practitioner' ->> 'reference' = r.content -> 'practitioner' ->> 'reference'
        AND at_first.content -> 'organization' ->> 'reference' = r.content -> 'organization' ->> 'reference'
    )
) END"""
"""Of a member `m` who is a Practitioner and no role: where he has worked since before the team named him."""


_BESIDE = f"""
        'rules', (
            SELECT json_agg(to_jsonb(r) || jsonb_build_object('period', {_SPAN.format("r.period")}, 'data_period',
                CASE WHEN r.data_period IS NOT NULL THEN {_SPAN.format("r.data_period")} END)
                ORDER BY r.consent, r.number)
            FROM access_rule r WHERE r.client = c.client
        ),
        'openings', (
            SELECT json_agg(json_build_object('person', o.person, 'organization', o.organization,
                'purpose', o.purpose, 'period', {_SPAN.format("o.period")}))
            FROM access_opening o WHERE o.client = c.client AND o.person = $1::text
        ),
        'relations', (
            SELECT json_agg(json_build_object('content', found.content, 'controller', found.controller)) FROM (
                (SELECT e.content, e.controller FROM episode_of_care e WHERE e.patient = c.client)
                UNION ALL
                (SELECT e.content, e.controller FROM encounter e WHERE e.patient = c.client
                    AND e.participant && (SELECT (a).members FROM asker))
                UNION ALL
                (SELECT t.content, t.controller FROM task t WHERE t.patient = c.client
                    AND t.owner = ANY ((SELECT (a).grantees FROM asker)::text[]))
                UNION ALL
                (SELECT e.content, e.controller FROM encounter e
                    WHERE e.patient = c.client LIMIT 1)
                UNION ALL
                (SELECT t.content, t.controller FROM task t
                    WHERE t.patient = c.client AND t.owner IS NOT NULL
                    AND t.status && ARRAY['requested', 'received', 'accepted', 'ready', 'in-progress', 'on-hold']
                    LIMIT 1)
            ) found
        )
"""
"""Consents, what emergencies opened, and relations."""

_PATIENT = """(
    SELECT json_build_object('controller', p.controller, 'content', p.content)
    FROM patient p WHERE p.id = substr(c.client, 9)
)"""

_PLAN_CONTROLLER = f"""(
    SELECT p.controller FROM care_plan p WHERE p.patient = c.client AND p.status && ARRAY['active']
    AND p.category && ARRAY['{SHARED_PLAN}'] ORDER BY (
        SELECT f.last_updated FROM resource_version f WHERE f.type = 'CarePlan' AND f.id = p.id AND f.version = 1
    ), p.id LIMIT 1
)"""

_MEMBERS = f"""(
    SELECT json_agg(json_build_object('client', m.client, 'team', m.team, 'member', m.member,
        'on_behalf_of', m.on_behalf_of, 'roles', m.roles, 'period', {_SPAN.format("m.period")},
        'workplaces', {_WORKPLACES}))
    FROM access_member m WHERE m.client = c.client
)"""

_CLIENTS = f"""
    SELECT json_agg(json_build_object(
        'client', c.client, 'patient', {_PATIENT}, 'plan_controller', {_PLAN_CONTROLLER}, 'members', {_MEMBERS},
        {_BESIDE}
    )) FROM unnest($3::text[]) c(client)
"""

_CLIENTS_OF_SYSTEM = f"""
    SELECT c.*, coalesce(c.patient ->> 'controller' = $1::text
        AND coalesce(c.plan_controller, $1::text) = $1::text, false) AS is_kept
    FROM (
        SELECT c.client, {_PATIENT} AS patient, {_PLAN_CONTROLLER} AS plan_controller
        FROM unnest($2::text[]) c(client)
    ) c
"""
"""Whether the system keeps client and plan: then it goes by nothing else who is on the team."""

_ITEMS = """
    SELECT json_agg(json_build_object(
        'name', i.name, 'controller', v.controller, 'holders', access_above(v.controller), 'who', first.who,
        'first_updated', first.last_updated
    ))
    FROM unnest({items}) i(name)
    CROSS JOIN LATERAL (
        SELECT v.controller FROM resource_version v WHERE v.type = split_part(i.name, '/', 1)
        AND v.id = split_part(i.name, '/', 2) ORDER BY v.version DESC LIMIT 1
    ) v
    LEFT JOIN resource_version first ON first.type = split_part(i.name, '/', 1)
        AND first.id = split_part(i.name, '/', 2) AND first.version = 1
"""

_ROLES = """
    SELECT json_agg(r.content) FROM practitioner_role r
    WHERE r.practitioner = $1::text OR $1::text LIKE 'PractitionerRole/%' AND (r.id = substr($1::text, 18)
        OR r.practitioner = (
            SELECT claimed.practitioner FROM practitioner_role claimed WHERE claimed.id = substr($1::text, 18)
        ))
"""

_COLLEAGUES = """
    SELECT json_agg(r.content) FROM practitioner_role r WHERE r.organization = {organization} AND EXISTS (
        SELECT FROM access_member m WHERE m.client = ANY ({clients})
        AND m.member IN ('PractitionerRole/' || r.id, r.practitioner)
    )
"""

_ABOVE = """
    SELECT json_agg(o.content) FROM organization o
    WHERE o.id = ANY (ARRAY(SELECT substr(named, 14) FROM unnest(access_above({organization})) named))
"""

KNOWN = guard.judging(f"""
    WITH asker AS MATERIALIZED (SELECT access_asker($1::text, $2::text) AS a)
    SELECT json_build_object(
        'at', statement_timestamp(),
        'clients', ({_CLIENTS}),
        'items', ({_ITEMS.format(items="$4::text[]")}),
        'roles', ({_ROLES}),
        'colleagues', ({_COLLEAGUES.format(organization="$2::text", clients="$3::text[]")}),
        'relative', (SELECT r.content FROM related_person r WHERE $1::text LIKE 'RelatedPerson/%'
            AND r.id = substr($1::text, 15)),
        'above', ({_ABOVE.format(organization="$2::text")})
    )::text
""")

# To make the statement above ready takes PostgreSQL as long as to answer it; what a system needs is less.
KNOWN_TO_SYSTEM = guard.judging(f"""
    WITH clients AS MATERIALIZED ({_CLIENTS_OF_SYSTEM}),
    others AS MATERIALIZED (SELECT array_agg(client) AS names FROM clients WHERE NOT is_kept)
    SELECT json_build_object(
        'at', statement_timestamp(),
        'clients', (SELECT json_agg(json_build_object(
            'client', c.client, 'patient', c.patient, 'plan_controller', c.plan_controller,
            'members', CASE WHEN NOT c.is_kept THEN {_MEMBERS} END,
            'rules', NULL, 'openings', NULL, 'relations', NULL
        )) FROM clients c),
        'items', ({_ITEMS.format(items="$3::text[]")}),
        'roles', NULL,
        'colleagues', CASE WHEN (SELECT names IS NOT NULL FROM others)
            THEN ({_COLLEAGUES.format(organization="$1::text", clients="(SELECT names FROM others)::text[]")}) END,
        'relative', NULL,
        'above', ({_ABOVE.format(organization="$1::text")})
    )::text
""")


def known(
    person: str | None, organization: str | None, clients: Sequence[str], items: Sequence[str], *, wholly: bool
) -> Query:
    """The facts of these clients ("Patient/1"), of the items ("Goal/1") that are there, and of the asker. A system is
    told of consents, relations and emergencies, and of the teams of clients whom it keeps, only when it asks `wholly`:
    in its own register it needs none of them."""
    if person is None and not wholly:
        return KNOWN_TO_SYSTEM, [organization, list(clients), list(items)]
    return KNOWN, [person, organization, list(clients), list(items)]


def opening(
    client: str, person: str, organization: str, purpose: str, since: datetime, until: datetime, task: str
) -> Query:
    """Puts in that an emergency opened the core data of the client, from one instant up to the other."""
    sql = """
        INSERT INTO access_opening (client, person, organization, purpose, period, task)
        VALUES ($1::text, $2::text, $3::text, $4::text, tstzrange($5::timestamptz, $6::timestamptz), $7::text)
    """
    return sql, [client, person, organization, purpose, since, until, task]


def opened(client: str, person: str, organization: str, purpose: str, at: datetime) -> Query:
    """(until, task) of what that person opened there for that purpose and which has not ended at that instant, the
    longest alone: of two who ask at once, the one who came a moment later may have been the first to open it."""
    sql = """
        SELECT upper(o.period) AS until, o.task FROM access_opening o
        WHERE o.client = $1::text AND o.person = $2::text AND o.organization = $3::text AND o.purpose = $4::text
            AND upper(o.period) > $5::timestamptz
        ORDER BY upper(o.period) DESC LIMIT 1
    """
    return guard.judging(f"SELECT * FROM ({sql}) opened"), [client, person, organization, purpose, at]


def above(organizations: Sequence[str]) -> Query:
    """(named, above) for each of these organisations: itself and all it is part of."""
    return "SELECT named, access_above(named) AS above FROM unnest($1::text[]) named", [list(organizations)]


def authors(names: Sequence[str]) -> Query:
    """(name, attested, claimed) of each of these things: who wrote it by its Provenances."""
    sql = """
        SELECT name, access_attested(name, false) AS attested, access_attested(name, true) AS claimed
        FROM unnest($1::text[]) name
    """
    return sql, [list(names)]


def referred(pairs: Sequence[tuple[str, str]]) -> Query:
    """(by, name) of those pairs of which the first refers to the second."""
    by, names = [each[0] for each in pairs], [each[1] for each in pairs]
    sql = """
        SELECT by_, name FROM unnest($1::text[], $2::text[]) pairs(by_, name)
        WHERE access_is_referred(by_, name, true)
    """
    return sql, [by, names]
