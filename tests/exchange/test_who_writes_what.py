"""Who may write the directory, begin records, and become a member: nobody gains by what he says of others."""

import json
from datetime import date
from typing import Any

from builders import (
    a_care_plan,
    a_care_team,
    a_concept,
    a_consent,
    a_goal,
    a_patient,
    a_practitioner,
    a_provision,
    a_reference,
    an_observation,
    an_organization,
)
from exchange.asking import Ask, resource_in
from exchange.cast import (
    AINO,
    JARI,
    NIKO,
    SARI,
    H,
    Kai,
    N,
    Niko,
    Olli,
    S,
    Sari,
    a_member,
    a_permit,
    a_role,
    consents,
    day,
    is_refused,
    sees,
    system,
    the_world,
    together,
)
from sharedplan import published
from sharedplan.clock import SystemClock
from sharedplan.publishing import publish
from sharedplan.store.unit_of_work import Store

Json = dict[str, Any]

TYPE = "https://sharedplan.dev/fhir/CodeSystem/organization-type"
STRANGER = "Organization/stranger"
COUNTY = "Organization/county"


async def test_a_role_that_is_written_for_a_member_makes_nobody_his_employer(ask: Ask) -> None:
    await the_world(ask)
    role = {**a_role(NIKO, STRANGER), "id": "strangers"}
    await ask("update", "PractitionerRole/strangers", role, by=system(STRANGER))
    observation = an_observation(AINO)
    assert await is_refused(ask, "create", "Observation", observation, by=system(STRANGER))
    assert (await ask("create", "Observation", observation, by=system(H))).status == 201


async def test_a_role_that_is_given_to_a_member_later_makes_nobody_his_employer(ask: Ask) -> None:
    someone = {**a_role("Practitioner/someone", STRANGER), "id": "strangers"}
    await ask("update", "PractitionerRole/strangers", someone, by=system(STRANGER))
    await the_world(ask)
    role = {**a_role(JARI, STRANGER), "id": "strangers"}
    await ask("update", "PractitionerRole/strangers", role, by=system(STRANGER))
    assert await is_refused(ask, "create", "Observation", an_observation(AINO), by=system(STRANGER))


async def test_who_takes_part_as_a_role_or_on_behalf_brings_his_organisation(ask: Ask) -> None:
    await the_world(ask)
    await ask("update", "PractitionerRole/x", {**a_role("Practitioner/x", STRANGER), "id": "x"}, by=system(STRANGER))
    team = resource_in(await ask("read", "CareTeam/1", by=Sari))
    for member in ({**a_member("Practitioner/y"), "onBehalfOf": a_reference(COUNTY)}, a_member("PractitionerRole/x")):
        team["participant"].append(member)
    await ask("update", "CareTeam/1", team, by=Sari)
    for organization in (COUNTY, STRANGER):
        assert (await ask("create", "Observation", an_observation(AINO), by=system(organization))).status == 201


async def departments(ask: Ask) -> None:
    """N is part of the county, and an NGO."""
    kind = {"type": [a_concept(TYPE, "ngo")]}
    await together(
        ask,
        system(COUNTY),
        an_organization(id="county"),
        an_organization(id="n", partOf=a_reference(COUNTY), active=True, **kind),
    )


async def test_an_organization_is_changed_by_itself_and_those_above_it(ask: Ask) -> None:
    await departments(ask)
    named = {**resource_in(await ask("read", N, by=system(N))), "name": "Kantapöytä"}
    assert await is_refused(ask, "update", N, {**named, "name": "Taken"}, by=system(H))
    patch = [{"op": "remove", "path": "/type"}]
    assert await is_refused(ask, "patch", N, patch, by=system(H), patch_format="json-patch")
    assert await is_refused(ask, "delete", N, by=system(H))
    assert (await ask("update", N, named, by=system(N))).status == 200
    assert (await ask("update", N, {**named, "name": "N"}, by=system(COUNTY))).status == 200


async def test_what_an_organization_is_and_where_it_belongs_is_changed_from_above_alone(ask: Ask) -> None:
    await departments(ask)
    now = resource_in(await ask("read", N, by=system(N)))
    for change in ({"type": None}, {"partOf": None}, {"active": False}):
        body: Any = {**now, **change}
        body = {name: value for name, value in body.items() if value is not None}
        assert await is_refused(ask, "update", N, body, by=system(N)), change
        assert (await ask("update", N, {**body, "partOf": now["partOf"]}, by=system(COUNTY))).status == 200
        await ask("update", N, now, by=system(COUNTY))
    assert await is_refused(ask, "delete", N, by=system(N))
    assert (await ask("delete", N, by=system(COUNTY))).status == 204
    assert await is_refused(ask, "update", N, an_organization(id="n"), by=system(H))
    assert (await ask("update", N, an_organization(id="n"), by=system(N))).status == 201


async def test_an_organization_with_none_above_it_is_its_own(ask: Ask) -> None:
    await ask("update", N, an_organization(id="n", type=[a_concept(TYPE, "ngo")]), by=system(N))
    assert await is_refused(ask, "update", N, an_organization(id="n"), by=system(H))
    assert (await ask("update", N, an_organization(id="n"), by=system(N))).status == 200
    assert (await ask("delete", N, by=system(N))).status == 204


async def test_a_practitioner_is_changed_by_himself_and_by_whom_he_works_for(ask: Ask) -> None:
    await the_world(ask)
    await ask("update", NIKO, a_practitioner(id="niko"), by=system(COUNTY))
    for by in (system(S), system(STRANGER), Kai):
        assert await is_refused(ask, "update", NIKO, a_practitioner(id="niko", active=False), by=by)
    for number, by in enumerate((Niko, system(H), system(COUNTY))):
        changed = a_practitioner(id="niko", birthDate=f"198{number}-01-01")
        assert (await ask("update", NIKO, changed, by=by)).status == 200
    role = {**a_role(NIKO, STRANGER), "id": "strangers"}
    await ask("update", "PractitionerRole/strangers", role, by=system(STRANGER))
    assert await is_refused(ask, "delete", NIKO, by=system(STRANGER))


async def test_the_id_of_a_deleted_practitioner_is_nobody_else_s(ask: Ask) -> None:
    await the_world(ask)
    await ask("update", "Practitioner/gone", a_practitioner(id="gone"), by=system(H))
    await ask("delete", "Practitioner/gone", by=system(H))
    for by in (system(STRANGER), system(H), Niko):
        assert await is_refused(ask, "update", "Practitioner/gone", a_practitioner(id="gone"), by=by)


async def test_a_member_of_a_new_team_is_one_from_then_on_unless_the_team_says_since_when(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, a_permit(id="for-the-team"))  # names nobody: for who was a member when it was given
    assert await sees(ask, Niko, "CarePlan/1")
    newcomer = "Practitioner/olli"
    olli = {"member": a_reference(newcomer)}
    team = {"resourceType": "CareTeam", "id": "new", "status": "active", "subject": a_reference(AINO)}
    team["period"] = {"start": day(date(2025, 12, 1))}
    await ask("update", "CareTeam/new", {**team, "participant": [olli]}, by=Sari)
    assert not await sees(ask, Olli, "CarePlan/1")
    since = {**olli, "period": {"start": day(date(2025, 12, 1))}}
    await ask("update", "CareTeam/new", {**team, "participant": [since]}, by=Sari)
    assert await sees(ask, Olli, "CarePlan/1")


async def test_what_the_service_publishes_is_changed_by_nobody(ask: Ask, store: Store) -> None:
    """Forms, rules and codes of everybody's plans would be in the hands of any one organisation."""
    await publish(store, SystemClock(), base="")
    form: Json = json.loads(published.texts()["Questionnaire/need-assessment"])
    fewer = {**form, "item": form["item"][:1]}
    assert await is_refused(ask, "update", "Questionnaire/need-assessment", fewer, by=system(S))
    assert await is_refused(ask, "delete", "Questionnaire/need-assessment", by=system(S))
    own = {**form, "id": "own", "url": "https://x.example/own"}
    assert (await ask("update", "Questionnaire/own", own, by=system(S))).status == 201


async def test_a_definition_or_a_place_is_changed_by_the_organisation_that_stored_it(ask: Ask) -> None:
    await ask("update", S, an_organization(id="s", partOf=a_reference(COUNTY)), by=system(COUNTY))
    things = (
        {"resourceType": "PlanDefinition", "id": "own", "status": "active", "url": "https://x.example/own"},
        {"resourceType": "Location", "id": "office", "name": "Office"},
    )
    for thing in things:
        name = f"{thing['resourceType']}/{thing['id']}"
        assert (await ask("update", name, thing, by=system(S))).status == 201
        assert await is_refused(ask, "update", name, {**thing, "description": "x"}, by=system(H))
        assert await is_refused(ask, "delete", name, by=system(H))
        for who in (S, COUNTY):
            assert (await ask("update", name, {**thing, "description": who}, by=system(who))).status == 200
        assert (await ask("delete", name, by=system(S))).status == 204


async def test_before_the_patient_is_stored_his_things_may_be_but_nothing_that_lets_somebody_in(ask: Ask) -> None:
    await the_world(ask)
    await together(ask, system(S), a_practitioner(id="sari"))

    def of(client: str) -> tuple[list[Json], list[Json]]:
        """(what lets somebody in, what may come first) of that client, by ids of their own."""
        id = client.partition("/")[2]
        shared = {"category": [a_concept("https://sharedplan.dev/fhir/CodeSystem/plan", "shared-plan")]}
        plan = a_care_plan(client, id=id, careTeam=[a_reference(f"CareTeam/{id}")], contributor=[a_reference(client)])
        team = a_care_team(client, id=id, participant=[a_member(SARI, "coordinator")])
        given: Json = {"dateTime": day(date(2026, 2, 1)), "sourceAttachment": {"title": "signed"}}
        permit = a_consent(client, id=id, provision=a_provision(to=[SARI]), **given)
        ban = a_consent(client, id=f"{id}-ban", provision=a_provision("deny", to=[NIKO]), **given)
        draft = {**plan, **shared, "id": f"{id}-draft", "status": "draft"}
        proposed = {**team, "id": f"{id}-proposed", "status": "proposed"}
        return [team, {**plan, **shared}, permit], [draft, proposed, ban, a_goal(client, id=id)]

    opening, others = of("Patient/later")
    for each in opening:
        assert await is_refused(ask, "update", f"{each['resourceType']}/{each['id']}", each, by=system(S))
    for each in (*others, a_patient(id="later"), *opening):
        assert (await ask("update", f"{each['resourceType']}/{each['id']}", each, by=system(S))).status == 201
    opening, others = of("Patient/at-once")
    await together(ask, system(S), a_patient(id="at-once"), *opening, *others)
