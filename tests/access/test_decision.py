"""The decision: which slices a token opens, by its scopes and by whom it speaks for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sharedplan.access.decision import Facts, Slices, decide
from sharedplan.access.emergency import CORE
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Refused, Unauthenticated
from sharedplan.fhir.exchanges import Asked
from sharedplan.search.expression import (
    Addressed,
    And,
    Everything,
    Expression,
    HasToken,
    Not,
    Nothing,
    OfClient,
    OfNoOthersSubscription,
    OfOwnClients,
    OfRegister,
    OfTargets,
    Opened,
    Or,
    Permitted,
    RefersTo,
    ToldOf,
    WrittenBy,
)
from sharedplan.search.parameters import CONSULTING, PARAMETERS

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FACTS = Facts(at=NOW)
OWN = Or((OfRegister("Organization/s"), Permitted(None, "Organization/s", "TREAT")))
OWN_AND_ASKED = Or((*OWN.parts, Addressed(None, "Organization/s")))
"""What the system of Organization/s may see."""


def of_aino(type: str) -> And:
    """What Aino may see of herself."""
    untold = HasToken(PARAMETERS[type]["_security"], "http://terminology.hl7.org/CodeSystem/v3-ActCode", "TBOO")
    return And((OfClient("Patient/aino"), Not(untold)))


def a_principal(scope: str = "system/*.cruds", **changed: object) -> Principal:
    whole = Principal(
        client_id="records",
        scopes=parse(scope),
        organization="Organization/s",
        person=None,
        purpose="TREAT",
        issuer="urn:test",
        token_id="1",
        expires=NOW + timedelta(hours=1),
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


def test_a_system_of_an_organisation_reaches_what_its_scopes_allow() -> None:
    grant = decide(Asked("read", "CarePlan", "1"), a_principal(), FACTS)
    assert grant.slice_of("CarePlan") == OWN
    assert grant.slice_of("Patient") == OWN


def test_by_scopes_alone_it_reaches_everything() -> None:
    grant = decide(Asked("read", "CarePlan", "1"), a_principal(), FACTS, by_consent=False)
    assert grant.slice_of("CarePlan") == Everything()
    aino = a_principal(person="Patient/aino", organization=None)
    assert decide(Asked("read", "CarePlan", "1"), aino, FACTS, by_consent=False).slice_of("CarePlan") == of_aino(
        "CarePlan"
    )


def test_a_person_sees_what_clients_permit_and_of_a_register_only_through_them() -> None:
    sari = a_principal("user/*.cruds", person="Practitioner/sari")
    permitted = Permitted("Practitioner/sari", "Organization/s", "TREAT")
    assert decide(Asked("read", "CarePlan", "1"), sari, FACTS).slice_of("CarePlan") == permitted


def test_a_purpose_that_is_none_opens_nothing_of_clients() -> None:
    by = a_principal(purpose="CURIOSITY")
    assert decide(Asked("read", "CarePlan", "1"), by, FACTS).slice_of("CarePlan") == Nothing()


def test_without_a_scope_for_the_interaction_it_is_refused() -> None:
    with pytest.raises(Refused, match="create of CarePlan"):
        decide(Asked("create", "CarePlan"), a_principal("system/CarePlan.rs"), FACTS)


def test_types_without_a_scope_stay_closed_beside_the_one_asked_for() -> None:
    grant = decide(Asked("read", "CarePlan", "1"), a_principal("system/CarePlan.r"), FACTS)
    assert grant.slice_of("Patient") == Nothing()


def test_what_may_be_searched_can_be_referred_to_while_writing() -> None:
    grant = decide(Asked("create", "CarePlan"), a_principal("system/CarePlan.c system/Patient.s"), FACTS)
    assert grant.slice_of("Patient") == OWN


def test_the_slice_of_the_type_asked_for_is_that_of_the_interaction() -> None:
    grant = decide(Asked("search-type", "Task"), a_principal("patient/Task.r system/Task.s"), FACTS)
    assert grant.slice_of("Task") == OWN_AND_ASKED
    by_patient_only = a_principal("patient/Task.s system/Task.r")
    assert decide(Asked("search-type", "Task"), by_patient_only, FACTS).slice_of("Task") == Nothing()


def test_a_type_that_is_not_offered_has_no_slice() -> None:
    assert decide(Asked("read", "Task", "1"), a_principal(), FACTS).slice_of("Claim") == Nothing()


@pytest.mark.parametrize("scope", ["patient/*.cruds", "user/*.cruds", "system/*.cruds"])
def test_a_client_never_reaches_beyond_his_own_compartment(scope: str) -> None:
    aino = a_principal(scope, organization=None, person="Patient/aino")
    for asked in (Asked("read", "CarePlan", "1"), Asked("search-type", "Task"), Asked("create", "Goal")):
        assert asked.type is not None
        assert decide(asked, aino, FACTS).slice_of(asked.type) == of_aino(asked.type)


def test_a_client_reads_the_directory_but_does_not_write_it() -> None:
    aino = a_principal("patient/*.cruds", organization=None, person="Patient/aino")
    assert decide(Asked("read", "Practitioner", "1"), aino, FACTS).slice_of("Practitioner") == Everything()
    with pytest.raises(Refused):
        decide(Asked("update", "Practitioner", "1"), aino, FACTS)


@pytest.mark.parametrize("interaction", ["read", "search-type", "history-type", "vread", "history-instance"])
def test_a_token_for_nobody_sees_no_client_data(interaction: str) -> None:
    nobody = a_principal(organization=None)
    for type, row in CATALOGUE.items():
        slice = decide(Asked(interaction, type), nobody, FACTS).slice_of(type)
        assert slice == (Nothing() if row.client_data else Everything()), type


@pytest.mark.parametrize("interaction", ["create", "update", "patch", "delete"])
def test_a_token_for_nobody_writes_nothing(interaction: str) -> None:
    for type in CATALOGUE:
        with pytest.raises(Refused):
            decide(Asked(interaction, type), a_principal(organization=None), FACTS)


def test_a_relative_sees_what_the_client_permits() -> None:
    leena = a_principal("user/*.rs", organization=None, person="RelatedPerson/leena")
    permitted = Permitted("RelatedPerson/leena", None, "TREAT")
    assert decide(Asked("read", "CarePlan", "1"), leena, FACTS).slice_of("CarePlan") == permitted


def test_consultations_that_name_no_client_reach_the_professionals_whom_they_ask() -> None:
    sari = a_principal("user/*.cruds", person="Practitioner/sari")
    leena = a_principal("user/*.cruds", organization=None, person="RelatedPerson/leena")
    aino = a_principal("user/*.cruds", organization=None, person="Patient/aino")
    for type in CATALOGUE:
        for by in (sari, a_principal(), leena, aino):
            for interaction in ("read", "search-type", "update"):
                try:
                    slice = decide(Asked(interaction, type, "1"), by, FACTS).slice_of(type)
                except Refused:
                    continue
                asks = isinstance(slice, Or) and Addressed(by.person, by.organization) in slice.parts
                assert asks is (type in CONSULTING and by.is_professional), type


def test_patient_scopes_open_nothing_for_a_professional() -> None:
    sari = a_principal("patient/*.rs", person="Practitioner/sari")
    assert decide(Asked("read", "CarePlan", "1"), sari, FACTS).slice_of("CarePlan") == Nothing()


def test_the_history_of_everything_is_cut_type_by_type() -> None:
    grant = decide(Asked("history-system"), a_principal("system/Task.s system/Goal.r"), FACTS)
    assert {type for type, slice in grant.slices.items() if slice == OWN_AND_ASKED} == {"Task"}
    assert set(grant.slices) == set(CATALOGUE)


def test_the_history_of_everything_needs_a_scope_of_something() -> None:
    with pytest.raises(Refused):
        decide(Asked("history-system"), a_principal("system/Task.r"), FACTS)


def test_an_operation_on_an_instance_needs_leave_to_read_it() -> None:
    validate = Asked("operation", "Task", "1", operation="validate")
    assert decide(validate, a_principal("system/Task.r"), FACTS).slice_of("Task") == OWN_AND_ASKED
    with pytest.raises(Refused):
        decide(validate, a_principal("system/Task.c"), FACTS)


def test_a_token_that_ended_while_its_request_waited_decides_nothing() -> None:
    with pytest.raises(Unauthenticated, match="expired"):
        decide(Asked("read", "Task", "1"), a_principal(expires=NOW), FACTS)


def test_a_bundle_is_judged_by_its_entries() -> None:
    with pytest.raises(Refused, match="entries"):
        decide(Asked("transaction"), a_principal(), FACTS)


def test_the_reasons_name_scope_and_person_for_the_audit() -> None:
    sari = a_principal("user/*.rs", person="Practitioner/sari")
    assert decide(Asked("read", "Task", "1"), sari, FACTS).reasons == (
        "scope allows r",
        "on behalf of Practitioner/sari",
    )


def test_of_the_log_everybody_sees_what_is_his() -> None:
    def slice(**changed: object) -> Expression:
        return decide(Asked("search-type", "AuditEvent"), a_principal(**changed), FACTS).slice_of("AuditEvent")

    agent = PARAMETERS["AuditEvent"]["agent"]
    aino = slice(person="Patient/aino", organization=None)
    assert aino == And((ToldOf("Patient/aino"), *of_aino("AuditEvent").parts[1:]))
    assert slice(person="RelatedPerson/leena", organization=None) == Nothing()
    assert slice(person="Practitioner/sari") == Or(
        (
            And(
                (
                    RefersTo(agent, ("Practitioner/sari",)),
                    OfNoOthersSubscription("records", "Organization/s", "Practitioner/sari"),
                )
            ),
            OfOwnClients("Practitioner/sari", "Organization/s"),
        )
    )
    assert slice() == Or(
        (
            OfRegister("Organization/s"),
            And((RefersTo(agent, ("Organization/s",)), OfNoOthersSubscription("records", "Organization/s", None))),
            OfOwnClients(None, "Organization/s"),
        )
    )


ACTIVE = HasToken(PARAMETERS["CarePlan"]["status"], None, "active")
DRAFT = HasToken(PARAMETERS["CarePlan"]["status"], None, "draft")


@pytest.mark.parametrize(
    ("scope", "slice"),
    [
        ("system/CarePlan.rs?status=active", ACTIVE),
        ("system/CarePlan.rs?status=active system/CarePlan.r?status=draft", Or((ACTIVE, DRAFT))),
        ("system/CarePlan.rs?status=active system/CarePlan.s", ACTIVE),
        ("system/CarePlan.rs?status=active system/*.r", Everything()),
        ("system/CarePlan.rs?status=active patient/CarePlan.rs", ACTIVE),
        ("patient/CarePlan.rs?status=active", Nothing()),
    ],
)
def test_the_limits_of_the_scopes_that_open_a_type_are_part_of_its_slice(scope: str, slice: Expression) -> None:
    assert (
        decide(Asked("read", "CarePlan", "1"), a_principal(scope), FACTS, by_consent=False).slice_of("CarePlan")
        == slice
    )


def test_several_parameters_of_one_limit_must_all_hold() -> None:
    grant = decide(Asked("read", "CarePlan", "1"), a_principal("system/CarePlan.r?status=active&intent=plan"), FACTS)
    both = And((ACTIVE, HasToken(PARAMETERS["CarePlan"]["intent"], None, "plan")))
    assert grant.slice_of("CarePlan") == And((OWN, both))


def test_a_client_stays_in_his_own_compartment_within_the_limit() -> None:
    aino = a_principal("patient/CarePlan.rs?status=active", organization=None, person="Patient/aino")
    assert decide(Asked("read", "CarePlan", "1"), aino, FACTS).slice_of("CarePlan") == And(
        (of_aino("CarePlan"), ACTIVE)
    )


def test_a_limit_of_another_type_holds_on_the_way() -> None:
    by = a_principal("system/Task.rs system/CarePlan.rs?status=active")
    grant = decide(Asked("search-type", "Task"), by, FACTS)
    assert (grant.slice_of("Task"), grant.slice_of("CarePlan")) == (OWN_AND_ASKED, And((OWN, ACTIVE)))


def test_what_a_limited_writer_may_not_read_is_not_shown_to_him() -> None:
    by = a_principal("system/CarePlan.u system/CarePlan.r?status=active")
    assert not decide(Asked("update", "CarePlan", "1"), by, FACTS).shows
    by = a_principal("system/CarePlan.ru?status=active")
    assert decide(Asked("update", "CarePlan", "1"), by, FACTS).shows


def test_an_emergency_opens_the_core_to_read_and_nothing_else() -> None:
    def slices(interaction: str, type: str, **changed: object) -> Slices:
        by = a_principal("user/*.cruds", person="Practitioner/olli", **changed)
        return decide(Asked(interaction, type, "1"), by, FACTS).slices

    opened = Opened("Practitioner/olli", "Organization/s", "BTG")
    permitted = Permitted("Practitioner/olli", "Organization/s", "BTG")
    for type, slice in slices("read", "CarePlan", purpose="BTG").items():
        if CATALOGUE[type].client_data and type not in ("AuditEvent", "Provenance", "Subscription"):
            asked = Or((permitted, Addressed("Practitioner/olli", "Organization/s")))
            other = asked if type in CONSULTING else permitted
            assert slice == (Or((permitted, opened)) if type in CORE else other), type
    own = WrittenBy("records", "Organization/s", "Practitioner/olli")
    assert slices("read", "CarePlan", purpose="BTG")["Subscription"] == And((permitted, own))
    of_targets = OfTargets("Practitioner/olli", "Organization/s", "BTG")
    assert slices("read", "Provenance", purpose="BTG")["Provenance"] == of_targets  # no emergency tells who wrote it
    assert slices("update", "CarePlan", purpose="BTG")["CarePlan"] == permitted
    assert slices("read", "CarePlan", purpose="TREAT")["CarePlan"] == replace(permitted, purpose="TREAT")
    assert slices("read", "CarePlan", purpose="BTG", organization=None)["CarePlan"] == replace(
        permitted, organization=None
    )
