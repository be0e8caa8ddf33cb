"""Who sees a Provenance: whoever sees all that it is of; and whom it makes the author of what names none itself.

`access_targets` judges a Provenance by its targets, with the functions of the migration that brought `access_sight` and
`access_item`. `access_authors` takes over from the one there: where a type has no element that names an author, those
whom its Provenances name count.
"""

from collections.abc import Iterator

from alembic import op

revision = "2026_11_27_0200"
down_revision = "2026_11_27_0100"

TABLES = {
    "CarePlan": ("care_plan", "date"),
    "CareTeam": ("care_team", "date"),
    "Consent": ("consent", "date"),
    "Encounter": ("encounter", "date"),
    "Patient": ("patient",),
    "RelatedPerson": ("related_person",),
    "EpisodeOfCare": ("episode_of_care", "date"),
    "Goal": ("goal", "start_date"),
    "Condition": ("condition", "onset_date", "recorded_date"),
    "ServiceRequest": ("service_request", "authored"),
    "Task": ("task", "period", "authored_on"),
    "Communication": ("communication", "sent", "received"),
    "Appointment": ("appointment", "date"),
    "Observation": ("observation", "date"),
    "QuestionnaireResponse": ("questionnaire_response", "authored"),
    "DocumentReference": ("document_reference", "period", "date"),
    "MeasureReport": ("measure_report", "period", "date"),
    "Subscription": ("subscription",),
    "Group": ("group",),
    "List": ("list", "date"),
    "Flag": ("flag", "date"),
    "Device": ("device",),
}
"""Type of clients' things → its table, and the columns of a thing's own time."""

OF_NOBODY, OF_MANY = ("Subscription", "Group"), ("Appointment",)

AUTHORED = (
    *("CarePlan", "Goal", "Condition", "ServiceRequest", "Task", "QuestionnaireResponse", "DocumentReference", "Flag"),
)
"""Types that have an element which names an author."""

THING = """
    CREATE TYPE access_thing AS (
        clients text[],
        controller text,
        owner text,
        own_time tstzrange,
        security text[],
        profiles text[],
        content json
    )
"""


def _found(type: str) -> str:
    """The statement that finds one thing of a type, as an access_thing."""
    table, *times = TABLES[type]
    clients = "CASE WHEN r.patient IS NOT NULL THEN ARRAY[r.patient] END"
    if type == "Patient":
        clients = "ARRAY['Patient/' || r.id]"
    elif type in OF_NOBODY:
        clients = "NULL::text[]"
    elif type in OF_MANY:
        clients = "r.patient"
    time = f"coalesce({', '.join(f'r.{each}' for each in times)})" if times else "NULL::tstzrange"
    if type == "Observation":  # a Timing is no time of its own
        time = f"CASE WHEN r.content -> 'effectiveTiming' IS NULL THEN {time} END"
    owner = "r.owner" if type == "Task" else "NULL::text"
    columns = f"{clients}, r.controller, {owner}, {time}, r.meta_security, r.meta_profile, r.content"
    return f'SELECT {columns} INTO t FROM "{table}" r WHERE r.id = key'


def _branches() -> Iterator[str]:
    for type in TABLES:
        yield f"WHEN '{type}' THEN {_found(type)}; RETURN CASE WHEN FOUND THEN t END;"


FUNCTIONS = (
    f"""
    CREATE FUNCTION access_thing(kind text, key text) RETURNS access_thing LANGUAGE plpgsql STABLE AS $$
    -- A living thing of a client's, as far as access goes by it; null when there is none.
    DECLARE
        t access_thing;
    BEGIN
        CASE kind
            {" ".join(_branches())}
            ELSE RETURN NULL;
        END CASE;
    END
    $$
    """,
    f"""
    CREATE FUNCTION access_targets(
        targets text[], clients text[], register text, a access_asker, purpose text, own text
    ) RETURNS boolean LANGUAGE plpgsql STABLE COST 100000 AS $$
    -- Whether the asker sees all clients' things among the targets of a Provenance (interactions/targets.py): they are
    -- there, of the clients and in the register that it was bound to. `own`: the client, when he asks himself; else his
    -- own register, or the team and the consents. Of no client's thing, it is for people of the register that it is in.
    DECLARE
        name text;
        kind text;
        thing access_thing;
        client text;
        seen_of text := '';
        sight access_sight;
        is_of_any boolean := false;
    BEGIN
        FOREACH name IN ARRAY coalesce(targets, '{{}}') LOOP
            kind := split_part(name, '/', 1);
            CONTINUE WHEN kind <> ALL ('{{{",".join([*TABLES, "AuditEvent", "Provenance"])}}}'::text[]);
            is_of_any := true;
            thing := access_thing(kind, substr(name, length(kind) + 2));
            IF thing.content IS NULL OR (register IS NOT NULL AND register IS DISTINCT FROM thing.controller)
                    OR NOT coalesce(thing.clients <@ clients, thing.clients IS NULL) THEN
                RETURN false;
            END IF;
            IF own IS NOT NULL THEN
                IF thing.clients IS DISTINCT FROM ARRAY[own] OR coalesce(
                    thing.security && ARRAY['http://terminology.hl7.org/CodeSystem/v3-ActCode|TBOO'], false
                ) THEN
                    RETURN false;
                END IF;
                CONTINUE;
            END IF;
            IF thing.clients IS NULL THEN
                IF (thing.controller = a.organization AND register = a.organization) IS NOT TRUE THEN
                    RETURN false;
                END IF;
                CONTINUE;
            END IF;
            FOREACH client IN ARRAY thing.clients LOOP
                CONTINUE WHEN thing.controller = a.organization AND (a.person IS NULL OR access_concerned(client, a));
                IF client <> seen_of THEN
                    sight := access_sight(client, a, purpose);
                    seen_of := client;
                END IF;
                IF (sight.view = 'all' OR sight.view = 'some' AND access_item(
                    sight, kind, substr(name, length(kind) + 2), thing.controller, thing.owner,
                    thing.own_time, thing.security, thing.profiles, thing.content
                )) IS NOT TRUE THEN
                    RETURN false;
                END IF;
            END LOOP;
        END LOOP;
        RETURN is_of_any OR (own IS NULL AND a.person IS NOT NULL AND register = a.organization AND clients IS NULL);
    END
    $$
    """,
    """
    CREATE FUNCTION access_attested(name text, is_wide boolean) RETURNS text[] LANGUAGE sql STABLE AS $$
    -- Who wrote it by its Provenances: whom the service itself recorded as the author, the first agent of what carries
    -- its tag; when it is wide, also whom Provenances that are bound to it name.
        SELECT access_names(coalesce(jsonb_agg(said -> 'who') || jsonb_agg(said -> 'onBehalfOf'), '[]'), is_wide)
        FROM provenance p, jsonb_array_elements(p.content::jsonb -> 'agent') WITH ORDINALITY agents(said, number)
        WHERE p.target && ARRAY[access_attested.name] AND (
            number = 1 AND p.meta_tag && ARRAY['https://sharedplan.dev/fhir/CodeSystem/provenance|by-service']
            OR is_wide AND p.patient IS NOT NULL AND p.controller IS NOT NULL AND said @> '{"type": {"coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"}]}}'
        )
    $$
    """,
)

NAMES = """
    CREATE FUNCTION access_names(said jsonb, is_wide boolean) RETURNS text[] LANGUAGE sql STABLE AS $$
    -- What the References in an array name, themselves or in arrays of their own, as access_refers gives them.
        SELECT access_refers(coalesce(jsonb_agg(jsonb_build_object('reference', found)), '[]'), is_wide)
        FROM jsonb_path_query(said, 'lax $[*][*].reference') found
    $$
"""

AUTHORS = f"""
    CREATE OR REPLACE FUNCTION access_authors(body jsonb, is_wide boolean) RETURNS text[] LANGUAGE sql STABLE AS $$
    -- Who it is by: in its own words, or by its Provenances where its type has no words for that.
        SELECT access_names(jsonb_build_array(
            body -> 'author', body -> 'recorder', body -> 'asserter', body -> 'requester', body -> 'expressedBy'
        ), is_wide) || CASE WHEN body ->> 'resourceType' = ANY ('{{{",".join(AUTHORED)}}}') THEN '{{}}'::text[]
            ELSE access_attested((body ->> 'resourceType') || '/' || (body ->> 'id'), is_wide) END
    $$
"""

AUTHORS_BEFORE = """
    CREATE OR REPLACE FUNCTION access_authors(body jsonb, is_wide boolean) RETURNS text[] LANGUAGE sql STABLE AS $$
    -- Who it is by, in its own words.
        SELECT access_refers(jsonb_build_array(
            body -> 'author', body -> 'recorder', body -> 'asserter', body -> 'requester', body -> 'expressedBy'
        ), is_wide)
    $$
"""


def upgrade() -> None:
    op.execute(THING)
    op.execute(NAMES)
    for function in FUNCTIONS:
        op.execute(function)
    op.execute(AUTHORS)


def downgrade() -> None:
    op.execute(AUTHORS_BEFORE)
    op.execute("DROP FUNCTION access_targets, access_attested, access_names, access_thing")
    op.execute("DROP TYPE access_thing")
