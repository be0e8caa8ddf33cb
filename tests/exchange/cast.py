"""Aino and those around her: who asks in the cases of access, and what each case is made of.

Days are told as the cases tell them, when it is the 2nd of March 2026, noon; they mean as many days from now.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from builders import (
    a_care_plan,
    a_care_team,
    a_concept,
    a_consent,
    a_goal,
    a_patient,
    a_practitioner_role,
    a_questionnaire_response,
    a_reference,
    a_related_person,
    a_task,
    an_encounter,
    an_observation,
    an_organization,
)
from exchange.answers import ids, searched
from exchange.asking import RECORDS, Ask, a_bundle, an_entry
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.errors import NotFound, SharedplanError

Json = dict[str, Any]

TODAY = date(2026, 3, 2)
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
TEAM_ROLE = "https://sharedplan.dev/fhir/CodeSystem/team-role"
CATEGORY = "https://sharedplan.dev/fhir/CodeSystem/consent-category"

S, H, N = "Organization/s", "Organization/h", "Organization/n"
SARI, NIKO, JARI = "Practitioner/sari", "Practitioner/niko", "Practitioner/jari"
VILLE, KAI, OLLI = "Practitioner/ville", "Practitioner/kai", "Practitioner/olli"
LEENA, MOTHER = "RelatedPerson/leena", "RelatedPerson/mother"
AINO = "Patient/aino"


def day(said: date | datetime, *, at: int | None = None) -> str:
    """The same number of days from now; a date by itself, or at that hour of noon's clock."""
    there = datetime.now(UTC) + (datetime(said.year, said.month, said.day) - datetime(2026, 3, 2))
    if at is None:
        return there.strftime("%Y-%m-%d")
    return (there + timedelta(hours=at - 12)).strftime("%Y-%m-%dT%H:%M:%SZ")


def person(reference: str, organization: str | None, purpose: str = "TREAT") -> Principal:
    whom = {"person": reference, "organization": organization, "purpose": purpose}
    return replace(RECORDS, client_id="app", scopes=parse("user/*.cruds"), token_id=reference, **whom)  # type: ignore[arg-type]


def system(organization: str) -> Principal:
    return replace(RECORDS, organization=organization)


Sari, Niko, Jari = person(SARI, S), person(NIKO, H), person(JARI, N)
Ville, Kai, Olli = person(VILLE, H), person(KAI, S), person(OLLI, H)
Leena, Mother, Aino = person(LEENA, None), person(MOTHER, None), person(AINO, None)


def a_role(practitioner: str, organization: str) -> Json:
    name = practitioner.partition("/")[2]
    return a_practitioner_role(
        id=name, practitioner=a_reference(practitioner), organization=a_reference(organization), active=True
    )


def a_member(reference: str, role: str | None = None, **period: str) -> Json:
    return {
        "member": a_reference(reference),
        **({"role": [a_concept(TEAM_ROLE, role)]} if role else {}),
        "period": {"start": day(date(2025, 12, 1)), **period},
    }


def put(resource: Json) -> Json:
    return an_entry("PUT", f"{resource['resourceType']}/{resource['id']}", resource)


async def together(ask: Ask, by: Principal, *resources: Json) -> None:
    await ask("transaction", "", a_bundle("transaction", *map(put, resources)), by=by)


async def the_world(ask: Ask, **patient: Any) -> None:
    """The directory; Aino with team and plan in the register of S; what H has of her."""
    for organization, people in ((S, (SARI, KAI)), (H, (NIKO, VILLE, OLLI)), (N, (JARI,))):
        kind = "ngo" if organization == N else "health-services" if organization == H else "adult-social-services"
        types = [a_concept("https://sharedplan.dev/fhir/CodeSystem/organization-type", kind)]
        roles = [a_role(each, organization) for each in people]
        own = an_organization(id=organization.partition("/")[2], type=types)
        await together(ask, system(organization), own, *roles)
    team = a_care_team(
        AINO,
        id="1",
        participant=[
            a_member(SARI, "coordinator"),
            a_member(NIKO, "nurse"),
            a_member(JARI, "ngo", start=day(date(2026, 2, 1))),
            a_member(LEENA, "relative"),
            a_member(VILLE, "psychologist", end=day(date(2026, 1, 31))),
        ],
    )
    plan = a_care_plan(AINO, id="1", goal=[a_reference("Goal/1")], careTeam=[a_reference("CareTeam/1")])
    await together(
        ask,
        system(S),
        a_patient(id="aino", **patient),
        a_related_person(AINO, id="leena"),
        a_related_person(
            AINO, id="mother", relationship=[a_concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH")]
        ),
        team,
        plan,
        a_goal(AINO, id="1"),
        an_encounter(AINO, id="1"),
        a_task(AINO, id="nikos", owner=a_reference(NIKO)),
        a_questionnaire_response(AINO, id="1", basedOn=[a_reference("CarePlan/1")]),
    )
    psy = {"security": [{"system": ACT, "code": "PSY"}]}
    await together(
        ask,
        system(H),
        an_observation(AINO, id="psy", meta=psy),
        an_observation(AINO, id="plain"),
        an_observation(AINO, id="old", effectiveDateTime="2019-05-05"),
        an_observation(AINO, id="new", effectiveDateTime="2025-05-05"),
    )


def a_permit(*actors: str, given: str | None = None, type: str = "permit", **elements: Any) -> Json:
    """A consent of Aino's: K1 unless told otherwise."""
    provision = elements.pop("provision", {})
    role = a_concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
    named = {"actor": [{"role": role, "reference": a_reference(each)} for each in actors]} if actors else {}
    return a_consent(
        AINO,
        dateTime=given or day(date(2026, 1, 10), at=9),
        provision={"type": type, **named, **provision},
        **elements,
    )


def purposes(*codes: str) -> Json:
    return {"purpose": [{"system": REASON, "code": code} for code in codes]}


def classes(*types: str) -> Json:
    return {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": type} for type in types]}


def actions(*codes: str) -> Json:
    return {"action": [a_concept("http://terminology.hl7.org/CodeSystem/consentaction", code) for code in codes]}


def a_ban() -> list[Json]:
    return [a_concept(CATEGORY, "ban")]


def k1(**elements: Any) -> Json:
    """K1: 10 January, a permit for S and H, for TREAT and CAREMGT, until the end of the year."""
    more = elements.pop("provision", {})
    period = {"start": day(date(2026, 1, 10)), "end": day(date(2026, 12, 31))}
    provision = {"period": period, **purposes("TREAT", "CAREMGT"), **more}
    return a_permit(S, H, id="k1", provision=provision, **elements)


def k2(**elements: Any) -> Json:
    """K2: 1 February, a permit for Jari to see plan, team and tasks."""
    provision = {**classes("CarePlan", "CareTeam", "Task"), **actions("access")}
    return a_permit(JARI, id="k2", given=day(date(2026, 2, 1), at=9), provision=provision, **elements)


async def consents(ask: Ask, *given: Json) -> None:
    for each in given:
        await ask("update", f"Consent/{each['id']}", each, by=system(S))


async def sees(ask: Ask, by: Principal, *references: str) -> bool:
    """Whether the asker may read each of these, and finds it by a search of the client's and of everything."""
    found = {await _sees(ask, by, each) for each in references}
    assert len(found) == 1, "some may be seen, and some not"
    return found.pop()


async def _sees(ask: Ask, by: Principal, reference: str) -> bool:
    type, id = reference.split("/")
    whole = await searched(ask, f"{type}?_count=100", by=by)
    of_client = await searched(
        ask, f"{type}?{f'_id={id}' if type == 'Patient' else 'patient=' + AINO}&_count=100", by=by
    )
    is_there = id in ids(whole)
    assert (whole["total"], of_client["total"]) == (len(ids(whole)), len(ids(of_client)))
    assert (id in ids(of_client)) is is_there
    try:
        await ask("read", reference, by=by)
    except NotFound:
        assert not is_there
        with_history = [ask("history-instance", reference, by=by), ask("vread", f"{reference}/1", by=by)]
        for question in with_history:
            try:
                await question
            except NotFound:
                continue
            raise AssertionError("hidden, and its history is not") from None
        return False
    assert is_there
    return True


async def is_refused(ask: Ask, *question: Any, **more: Any) -> bool:
    try:
        await ask(*question, **more)
    except SharedplanError as failure:
        assert failure.status in (403, 404, 409), failure
        return True
    return False
