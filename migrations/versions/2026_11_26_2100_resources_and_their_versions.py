"""Resources and their versions: the append-only truth, one table per resource type, and the commit clock.

The first migration: nothing is there before it, so it locks nothing.
"""

from collections.abc import Iterator

from alembic import op

revision = "2026_11_26_2100"
down_revision = None

TABLES = {
    "care_plan": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], activity_code text[],
        activity_date tstzrange[], activity_date_span tstzrange, activity_reference text[], based_on text[],
        care_team text[], category text[], condition text[], date tstzrange, encounter text,
        episode_of_care text[], goal text[], identifier text[], instantiates_canonical text[],
        instantiates_uri text[], intent text[], outcome_reference text[], part_of text[], patient text,
        performer text[], replaces text[], status text[], subject text, lookup tsvector, narrative tsvector,
        words tsvector
    """,
    "care_team": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], category text[],
        date tstzrange, encounter text, identifier text[], participant text[], patient text, role text[],
        status text[], subject text, lookup tsvector, narrative tsvector, words tsvector
    """,
    "consent": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], action text[],
        actor text[], category text[], consentor text[], data text[], date tstzrange, identifier text[],
        organization text[], patient text, period tstzrange, purpose text[], scope text[],
        security_label text[], source_reference text, status text[], lookup tsvector, narrative tsvector,
        words tsvector
    """,
    "encounter": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], account text[],
        appointment text[], based_on text[], class text[], date tstzrange, diagnosis text[],
        episode_of_care text[], identifier text[], length numrange[], length_key text[], length_span numrange,
        location text[], location_period tstzrange[], location_period_span tstzrange, part_of text,
        participant text[], participant_type text[], patient text, practitioner text[], reason_code text[],
        reason_reference text[], service_provider text, special_arrangement text[], status text[], subject text,
        type text[], lookup tsvector, narrative tsvector, words tsvector
    """,
    "patient": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], active text[],
        address text[], address_city text[], address_country text[], address_postalcode text[],
        address_state text[], address_use text[], birthdate tstzrange, death_date tstzrange, deceased text[],
        email text[], family text[], gender text[], general_practitioner text[], given text[],
        identifier text[], language text[], link text[], mothers_maiden_name text[], name text[],
        organization text, phone text[], phonetic text[], telecom text[], lookup tsvector, narrative tsvector,
        words tsvector
    """,
    "related_person": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], active text[],
        address text[], address_city text[], address_country text[], address_postalcode text[],
        address_state text[], address_use text[], birthdate tstzrange, email text[], gender text[],
        identifier text[], name text[], patient text, phone text[], phonetic text[], relationship text[],
        telecom text[], lookup tsvector, narrative tsvector, words tsvector
    """,
    "practitioner": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], active text[],
        address text[], address_city text[], address_country text[], address_postalcode text[],
        address_state text[], address_use text[], communication text[], email text[], family text[],
        gender text[], given text[], identifier text[], name text[], phone text[], phonetic text[],
        telecom text[], lookup tsvector, narrative tsvector, words tsvector
    """,
    "practitioner_role": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], active text[],
        date tstzrange, email text[], endpoint text[], identifier text[], location text[], organization text,
        phone text[], practitioner text, role text[], service text[], specialty text[], telecom text[],
        lookup tsvector, narrative tsvector, words tsvector
    """,
    "organization": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], active text[],
        address text[], address_city text[], address_country text[], address_postalcode text[],
        address_state text[], address_use text[], endpoint text[], identifier text[], name text[], partof text,
        phonetic text[], type text[], lookup tsvector, narrative tsvector, words tsvector
    """,
    "location": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], address text[],
        address_city text[], address_country text[], address_postalcode text[], address_state text[],
        address_use text[], endpoint text[], identifier text[], name text[], near float8[],
        operational_status text[], organization text, partof text, status text[], type text[], lookup tsvector,
        narrative tsvector, words tsvector
    """,
    "episode_of_care": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], care_manager text,
        condition text[], date tstzrange, identifier text[], incoming_referral text[], organization text,
        patient text, status text[], type text[], lookup tsvector, narrative tsvector, words tsvector
    """,
    "goal": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[],
        achievement_status text[], category text[], identifier text[], lifecycle_status text[], patient text,
        start_date tstzrange, subject text, target_date tstzrange[], target_date_span tstzrange,
        lookup tsvector, narrative tsvector, words tsvector
    """,
    "condition": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[],
        abatement_age numrange[], abatement_age_key text[], abatement_age_span numrange,
        abatement_date tstzrange, abatement_string text[], asserter text, body_site text[], category text[],
        clinical_status text[], code text[], encounter text, evidence text[], evidence_detail text[],
        identifier text[], onset_age numrange[], onset_age_key text[], onset_age_span numrange,
        onset_date tstzrange, onset_info text[], patient text, recorded_date tstzrange, severity text[],
        stage text[], subject text, verification_status text[], lookup tsvector, narrative tsvector,
        words tsvector
    """,
    "service_request": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], authored tstzrange,
        based_on text[], body_site text[], category text[], code text[], encounter text, identifier text[],
        instantiates_canonical text[], instantiates_uri text[], intent text[], occurrence tstzrange,
        patient text, performer text[], performer_type text[], priority text[], replaces text[], requester text,
        requisition text[], specimen text[], status text[], subject text, lookup tsvector, narrative tsvector,
        words tsvector
    """,
    "task": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], authored_on tstzrange,
        based_on text[], business_status text[], code text[], encounter text, focus text,
        group_identifier text[], identifier text[], intent text[], modified tstzrange, owner text,
        part_of text[], patient text, performer text[], period tstzrange, priority text[], requester text,
        status text[], subject text, lookup tsvector, narrative tsvector, words tsvector
    """,
    "communication": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], based_on text[],
        category text[], encounter text, identifier text[], instantiates_canonical text[],
        instantiates_uri text[], medium text[], part_of text[], patient text, received tstzrange,
        recipient text[], sender text, sent tstzrange, status text[], subject text, lookup tsvector,
        narrative tsvector, words tsvector
    """,
    "appointment": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], actor text[],
        appointment_type text[], based_on text[], date tstzrange, identifier text[], location text[],
        part_status text[], patient text[], practitioner text[], reason_code text[], reason_reference text[],
        service_category text[], service_type text[], slot text[], specialty text[], status text[],
        supporting_info text[], lookup tsvector, narrative tsvector, words tsvector
    """,
    "observation": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[],
        amino_acid_change text[], based_on text[], category text[], code text[], code_value_concept text[],
        code_value_date tstzrange[], code_value_date_key text[], code_value_quantity numrange[],
        code_value_quantity_key text[], code_value_string text[], combo_code text[],
        combo_code_value_concept text[], combo_code_value_quantity numrange[],
        combo_code_value_quantity_key text[], combo_data_absent_reason text[], combo_value_concept text[],
        combo_value_quantity numrange[], combo_value_quantity_key text[], combo_value_quantity_span numrange,
        component_code text[], component_code_value_concept text[], component_code_value_quantity numrange[],
        component_code_value_quantity_key text[], component_data_absent_reason text[],
        component_value_concept text[], component_value_quantity numrange[],
        component_value_quantity_key text[], component_value_quantity_span numrange, data_absent_reason text[],
        date tstzrange, derived_from text[], device text, dna_variant text[], encounter text, focus text[],
        gene_amino_acid_change text[], gene_dnavariant text[], gene_identifier text[], has_member text[],
        identifier text[], method text[], part_of text[], patient text, performer text[], specimen text,
        status text[], subject text, value_concept text[], value_date tstzrange, value_quantity numrange[],
        value_quantity_key text[], value_quantity_span numrange, value_string text[], lookup tsvector,
        narrative tsvector, words tsvector
    """,
    "questionnaire": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], code text[],
        context text[], context_quantity numrange[], context_quantity_key text[],
        context_quantity_span numrange, context_type text[], context_type_quantity numrange[],
        context_type_quantity_key text[], context_type_value text[], date tstzrange, definition text[],
        description text[], effective tstzrange, identifier text[], jurisdiction text[], name text[],
        publisher text[], status text[], subject_type text[], title text[], url text[], version_ text[],
        lookup tsvector, narrative tsvector, words tsvector
    """,
    "questionnaire_response": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], author text,
        authored tstzrange, based_on text[], encounter text, identifier text[], item_subject text[],
        part_of text[], patient text, questionnaire text[], source text, status text[], subject text,
        lookup tsvector, narrative tsvector, words tsvector
    """,
    "document_reference": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], authenticator text,
        author text[], category text[], contenttype text[], custodian text, date tstzrange, description text[],
        encounter text[], event text[], facility text[], format text[], identifier text[], language text[],
        location text[], patient text, period tstzrange, related text[], relatesto text[], relation text[],
        relationship text[], security_label text[], setting text[], status text[], subject text, type text[],
        lookup tsvector, narrative tsvector, words tsvector
    """,
    "plan_definition": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], composed_of text[],
        context text[], context_quantity numrange[], context_quantity_key text[],
        context_quantity_span numrange, context_type text[], context_type_quantity numrange[],
        context_type_quantity_key text[], context_type_value text[], date tstzrange, definition text[],
        depends_on text[], derived_from text[], description text[], effective tstzrange, identifier text[],
        jurisdiction text[], name text[], predecessor text[], publisher text[], status text[], successor text[],
        title text[], topic text[], type text[], url text[], version_ text[], lookup tsvector,
        narrative tsvector, words tsvector
    """,
    "activity_definition": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], composed_of text[],
        context text[], context_quantity numrange[], context_quantity_key text[],
        context_quantity_span numrange, context_type text[], context_type_quantity numrange[],
        context_type_quantity_key text[], context_type_value text[], date tstzrange, depends_on text[],
        derived_from text[], description text[], effective tstzrange, identifier text[], jurisdiction text[],
        name text[], predecessor text[], publisher text[], status text[], successor text[], title text[],
        topic text[], url text[], version_ text[], lookup tsvector, narrative tsvector, words tsvector
    """,
    "measure": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], composed_of text[],
        context text[], context_quantity numrange[], context_quantity_key text[],
        context_quantity_span numrange, context_type text[], context_type_quantity numrange[],
        context_type_quantity_key text[], context_type_value text[], date tstzrange, depends_on text[],
        derived_from text[], description text[], effective tstzrange, identifier text[], jurisdiction text[],
        name text[], predecessor text[], publisher text[], status text[], successor text[], title text[],
        topic text[], url text[], version_ text[], lookup tsvector, narrative tsvector, words tsvector
    """,
    "measure_report": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], date tstzrange,
        evaluated_resource text[], identifier text[], measure text[], patient text, period tstzrange,
        reporter text, status text[], subject text, lookup tsvector, narrative tsvector, words tsvector
    """,
    "code_system": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], code text[],
        content_mode text[], context text[], context_quantity numrange[], context_quantity_key text[],
        context_quantity_span numrange, context_type text[], context_type_quantity numrange[],
        context_type_quantity_key text[], context_type_value text[], date tstzrange, description text[],
        identifier text[], jurisdiction text[], language text[], name text[], publisher text[], status text[],
        supplements text[], system text[], title text[], url text[], version_ text[], lookup tsvector,
        narrative tsvector, words tsvector
    """,
    "value_set": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], code text[],
        context text[], context_quantity numrange[], context_quantity_key text[],
        context_quantity_span numrange, context_type text[], context_type_quantity numrange[],
        context_type_quantity_key text[], context_type_value text[], date tstzrange, description text[],
        expansion text[], identifier text[], jurisdiction text[], name text[], publisher text[],
        reference text[], status text[], title text[], url text[], version_ text[], lookup tsvector,
        narrative tsvector, words tsvector
    """,
    "search_parameter": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], base text[], code
        text[], component text[], context text[], context_quantity numrange[], context_quantity_key text[],
        context_quantity_span numrange, context_type text[], context_type_quantity numrange[],
        context_type_quantity_key text[], context_type_value text[], date tstzrange, derived_from text[],
        description text[], jurisdiction text[], name text[], publisher text[], status text[], target text[],
        type text[], url text[], version_ text[], lookup tsvector, narrative tsvector, words tsvector
    """,
    "provenance": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], agent text[],
        agent_role text[], agent_type text[], entity text[], location text, patient text[], recorded tstzrange,
        signature_type text[], target text[], when tstzrange, lookup tsvector, narrative tsvector,
        words tsvector
    """,
    "audit_event": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], action text[],
        address text[], agent text[], agent_name text[], agent_role text[], altid text[], date tstzrange,
        entity text[], entity_name text[], entity_role text[], entity_type text[], outcome text[],
        patient text[], policy text[], site text[], source text, subtype text[], type text[], lookup tsvector,
        narrative tsvector, words tsvector
    """,
    "subscription": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], contact text[],
        criteria text[], payload text[], status text[], type text[], url text[], lookup tsvector,
        narrative tsvector, words tsvector
    """,
    "group": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], actual text[],
        characteristic text[], characteristic_value text[], code text[], exclude text[], identifier text[],
        managing_entity text, member text[], type text[], value text[], lookup tsvector, narrative tsvector,
        words tsvector
    """,
    "list": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], code text[],
        date tstzrange, empty_reason text[], encounter text, identifier text[], item text[], notes text[],
        patient text, source text, status text[], subject text, title text[], lookup tsvector,
        narrative tsvector, words tsvector
    """,
    "flag": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], author text,
        date tstzrange, encounter text, identifier text[], patient text, subject text, lookup tsvector,
        narrative tsvector, words tsvector
    """,
    "device": """
        meta_profile text[], meta_security text[], meta_source text[], meta_tag text[], device_name text[],
        din text[], identifier text[], location text, manufacturer text[], model text[], organization text,
        patient text, status text[], type text[], udi_carrier text[], udi_di text[], url text[],
        lookup tsvector, narrative tsvector, words tsvector
    """,
}
"""Table → the columns of its search parameters."""

RANGES = ("tstzrange", "numrange")

GIN_COLUMNS = 32

RESOURCE_VERSION = """
    CREATE TABLE resource_version (
        type text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        version integer NOT NULL,
        last_updated timestamptz NOT NULL,
        interaction text NOT NULL,
        content json,
        controller text,
        patients text[],
        who json,
        CONSTRAINT resource_version_pkey PRIMARY KEY (type, id, version)
    )
"""

ADDED_PARAMETER = """
    CREATE TABLE added_parameter (
        type text COLLATE "C" NOT NULL,
        code text COLLATE "C" NOT NULL,
        definition json NOT NULL,
        state text NOT NULL,
        generation integer NOT NULL,
        CONSTRAINT added_parameter_pkey PRIMARY KEY (type, code)
    )
"""

CLIENT_ASSERTION = """
    CREATE TABLE client_assertion (
        issuer text COLLATE "C" NOT NULL,
        jti text COLLATE "C" NOT NULL,
        until timestamptz NOT NULL,
        CONSTRAINT client_assertion_pkey PRIMARY KEY (issuer, jti)
    )
"""

DRAW_INSTANTS = """
    CREATE FUNCTION draw_instants(wanted integer) RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
        first bigint;
    BEGIN
        -- Whoever draws holds the clock until the end of the transaction, so instants rise in the order of commits.
        PERFORM pg_advisory_xact_lock(7461980423);
        SELECT greatest(last_value + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
            INTO first FROM last_instant;
        PERFORM setval('last_instant', first + wanted - 1);
        RETURN timestamptz 'epoch' + first * interval '1 microsecond';
    END
    $$
"""

KEPT_FOR_GOOD = """
    CREATE FUNCTION keep_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END
    $$
"""


def upgrade() -> None:
    op.execute("CREATE SEQUENCE last_instant AS bigint")
    op.execute(DRAW_INSTANTS)
    op.execute("COMMENT ON FUNCTION draw_instants IS 'the first of that many instants, a microsecond apart'")
    op.execute(RESOURCE_VERSION)
    op.execute("CREATE INDEX resource_version_last_updated_idx ON resource_version (last_updated)")
    op.execute("CREATE INDEX resource_version_type_last_updated_idx ON resource_version (type, last_updated)")
    op.execute(ADDED_PARAMETER)
    op.execute(CLIENT_ASSERTION)
    op.execute("CREATE SCHEMA past")
    op.execute("COMMENT ON SCHEMA past IS 'rows that have been superseded, for pages that still show their moment'")
    op.execute("CREATE SCHEMA contained")
    op.execute("COMMENT ON SCHEMA contained IS 'what is found within other resources, by the version of the container'")
    for table, parameters in TABLES.items():
        for statement in of_type(table, dict(each.split() for each in parameters.split(","))):
            op.execute(statement)
    op.execute(KEPT_FOR_GOOD)
    op.execute("""
        CREATE TRIGGER resource_version_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON resource_version
        FOR EACH STATEMENT EXECUTE FUNCTION keep_for_good()
    """)
    # What the service recorded itself; AuditEvents that were loaded have versions, and may be projected anew.
    op.execute("""
        CREATE TRIGGER audit_event_is_append_only BEFORE UPDATE OR DELETE ON audit_event
        FOR EACH ROW WHEN (OLD.content IS NULL) EXECUTE FUNCTION keep_for_good()
    """)
    op.execute("""
        CREATE TRIGGER audit_event_stays BEFORE TRUNCATE ON audit_event
        FOR EACH STATEMENT EXECUTE FUNCTION keep_for_good()
    """)


def of_type(table: str, kinds: dict[str, str]) -> Iterator[str]:
    """The table of one resource type, and its indexes; `kinds`: column → SQL type."""
    recorded = table == "audit_event"
    columns = f"""
        id text COLLATE "C" NOT NULL,
        version integer NOT NULL,
        last_updated timestamptz NOT NULL,
        controller text,
        content json{", trail json" if recorded else " NOT NULL"},
        {", ".join(f'"{column}" {kind}' for column, kind in kinds.items())}
    """
    yield f'CREATE TABLE "{table}" ({columns}, CONSTRAINT {table}_pkey PRIMARY KEY (id))'
    yield f'CREATE INDEX {table}_last_updated_idx ON "{table}" (last_updated)'
    yield f'CREATE INDEX {table}_lookup_idx ON "{table}" USING gin (lookup) WHERE lookup IS NOT NULL'
    if recorded:
        says = "CHECK (content IS NOT NULL OR trail IS NOT NULL)"
        yield f"ALTER TABLE {table} ADD CONSTRAINT {table}_says_something {says}"
        named = f"{table}_arrays_idx ON {table} USING gin (patient, entity)"
        yield f"CREATE INDEX {named} WITH (gin_pending_list_limit = 256)"
        date = f"{table}_date_idx ON {table} USING brin (date)"
        yield f"CREATE INDEX {date} WITH (pages_per_range = 32, autosummarize = true)"
        return
    pending = "gin_pending_list_limit = 1024"
    yield f'CREATE INDEX {table}_words_idx ON "{table}" USING gin (narrative, words) WITH ({pending})'
    yield from indexes(table, f'"{table}"', kinds)
    past = f"CONSTRAINT {table}_pkey PRIMARY KEY (id, version)"
    yield f'CREATE TABLE past."{table}" ({columns}, until timestamptz NOT NULL, {past})'
    yield f'CREATE INDEX {table}_until_idx ON past."{table}" (until)'
    contained = f"""
        container_type text COLLATE "C" NOT NULL,
        container text COLLATE "C" NOT NULL,
        version integer NOT NULL,
        number integer NOT NULL,
        id text COLLATE "C",
        {", ".join(f'"{column}" {kind}' for column, kind in kinds.items())},
        CONSTRAINT {table}_pkey PRIMARY KEY (container_type, container, version, number)
    """
    yield f'CREATE TABLE contained."{table}" ({contained})'
    yield f'CREATE INDEX {table}_id_idx ON contained."{table}" (id)'
    yield f'CREATE INDEX {table}_lookup_idx ON contained."{table}" USING gin (lookup) WHERE lookup IS NOT NULL'
    yield from indexes(table, f'contained."{table}"', kinds)


def indexes(table: str, named: str, kinds: dict[str, str]) -> Iterator[str]:
    """The indexes of the search columns of one table, `named` with its schema."""
    for column, kind in kinds.items():
        held = f'("{column}") WHERE "{column}" IS NOT NULL'
        if kind == "text":
            yield f"CREATE INDEX {table}_{column}_idx ON {named} {held}"
        elif kind in RANGES:
            yield f"CREATE INDEX {table}_{column}_idx ON {named} USING gist {held}"
    arrays = [f'"{column}"' for column, kind in kinds.items() if kind == "text[]"]
    for n, first in enumerate(range(0, len(arrays), GIN_COLUMNS)):
        name = f"{table}_arrays_idx" if n == 0 else f"{table}_arrays_{n + 1}_idx"
        held = ", ".join(arrays[first : first + GIN_COLUMNS])
        yield f"CREATE INDEX {name} ON {named} USING gin ({held}) WITH (fastupdate = false)"


def downgrade() -> None:
    op.execute("DROP SCHEMA contained CASCADE")
    op.execute("DROP SCHEMA past CASCADE")
    for table in reversed(TABLES):
        op.execute(f'DROP TABLE "{table}"')
    op.execute("DROP TABLE added_parameter")
    op.execute("DROP TABLE client_assertion")
    op.execute("DROP TABLE resource_version")
    op.execute("DROP FUNCTION keep_for_good")
    op.execute("DROP FUNCTION draw_instants")
    op.execute("DROP SEQUENCE last_instant")
