"""What belongs to a plan: the roles of those who take part come along with their organisations."""

from datetime import UTC, datetime
from typing import Any

from builders import (
    a_care_plan,
    a_care_team,
    a_patient,
    a_practitioner,
    a_practitioner_role,
    a_reference,
    an_organization,
)
from sharedplan.care.belonging import belonging
from sharedplan.care.situation import Situation

ANNA, SARI = "Patient/anna", "Practitioner/sari"


def found(*more: dict[str, Any], on_behalf_of: str | None = None) -> set[str]:
    participant = {"member": a_reference(SARI)}
    if on_behalf_of is not None:
        participant["onBehalfOf"] = a_reference(on_behalf_of)
    resources = [
        a_patient(id="anna"),
        a_care_plan(ANNA, id="1", careTeam=[a_reference("CareTeam/1")]),
        a_care_team(ANNA, id="1", participant=[participant]),
        a_practitioner(id="sari"),
        *(an_organization(id=each) for each in ("north", "south")),
        *more,
    ]
    known = {f"{each['resourceType']}/{each['id']}": each for each in resources}
    return set(belonging(Situation(datetime(2026, 3, 2, tzinfo=UTC), known, ANNA, "CarePlan/1")))


def a_role(id: str, organization: str, **elements: Any) -> dict[str, Any]:
    return a_practitioner_role(
        id=id, practitioner=a_reference(SARI), organization=a_reference(organization), **elements
    )


def test_a_member_brings_the_role_and_whom_he_works_for() -> None:
    whole = found(a_role("saris", "Organization/north"))
    assert {SARI, "PractitionerRole/saris", "Organization/north"} <= whole
    assert "Organization/south" not in whole


def test_of_several_roles_those_count_where_he_takes_part() -> None:
    roles = (a_role("here", "Organization/north"), a_role("there", "Organization/south"))
    whole = found(*roles, on_behalf_of="Organization/north")
    assert "PractitionerRole/here" in whole
    assert "PractitionerRole/there" not in whole and "Organization/south" not in whole


def test_a_role_that_is_over_stays_out() -> None:
    assert "PractitionerRole/saris" not in found(a_role("saris", "Organization/north", active=False))
