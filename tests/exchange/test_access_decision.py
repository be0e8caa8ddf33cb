"""$access-decision: asked before acting, by whom it concerns, with what would change it."""

from dataclasses import replace
from typing import Any

import pytest

from exchange.asking import RECORDS, Ask, a_patient, resource_in
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.errors import Incorrect, NotFound

SOCIAL = replace(RECORDS, organization="Organization/s", client_id="social")
HEALTH = replace(RECORDS, organization="Organization/h", client_id="health")
SARI = replace(SOCIAL, person="Practitioner/sari", scopes=parse("user/*.cruds"))
NIKO = replace(HEALTH, person="Practitioner/niko", scopes=parse("user/*.cruds"))
AINO = replace(RECORDS, organization=None, person="Patient/aino", scopes=parse("patient/*.cruds"))

SCOPE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
OPTIN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]}
CATEGORY = "https://sharedplan.dev/fhir/CodeSystem/consent-category"
ROLE = "https://sharedplan.dev/fhir/CodeSystem/team-role"


def a_consent(id: str, type: str, *actors: str, at: str = "2026-01-10T12:00:00Z", category: str = "permit") -> Any:
    recipient = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
    return {
        "resourceType": "Consent",
        "id": id,
        "status": "active",
        "scope": SCOPE,
        "category": [{"coding": [{"system": CATEGORY, "code": category}]}],
        "patient": {"reference": "Patient/aino"},
        "dateTime": at,
        "policyRule": OPTIN,
        "provision": {
            "type": type,
            "actor": [{"role": recipient, "reference": {"reference": each}} for each in actors],
        },
    }


@pytest.fixture
async def world(ask: Ask) -> Ask:
    """Aino's plan in the register of S; Sari coordinates, Niko of H is a member."""
    for who, organization in (("sari", "s"), ("niko", "h")):
        system = replace(RECORDS, organization=f"Organization/{organization}")
        await ask("update", f"Practitioner/{who}", {"resourceType": "Practitioner", "id": who}, by=system)
        role = {
            "resourceType": "PractitionerRole",
            "id": f"{who}-role",
            "active": True,
            "practitioner": {"reference": f"Practitioner/{who}"},
            "organization": {"reference": f"Organization/{organization}"},
        }
        await ask("update", f"PractitionerRole/{who}-role", role, by=system)
    await ask("update", "Patient/aino", a_patient(id="aino"), by=SOCIAL)
    participants = [
        {
            "member": {"reference": "Practitioner/sari"},
            "role": [{"coding": [{"system": ROLE, "code": "coordinator"}]}],
            "period": {"start": "2026-01-01"},
        },
        {"member": {"reference": "Practitioner/niko"}, "period": {"start": "2026-01-01"}},
    ]
    team = {
        "resourceType": "CareTeam",
        "id": "team",
        "status": "active",
        "subject": {"reference": "Patient/aino"},
        "participant": participants,
    }
    await ask("update", "CareTeam/team", team, by=SOCIAL)
    plan = {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": "Patient/aino"},
    }
    await ask("update", "CarePlan/plan", plan, by=SOCIAL)
    return ask


async def decided(ask: Ask, by: Principal, *, client: str = "aino", **given: Any) -> dict[str, list[Any]]:
    """name → values of the answer's parameters."""
    kinds = {"actor": "Reference", "organization": "Reference", "target": "Reference", "at": "DateTime"}
    parameters: list[Any] = []
    for name, value in given.items():
        if name == "consents":
            parameters += [{"name": "consent", "resource": each} for each in value]
        else:
            kind = kinds.get(name, "Code")
            parameters.append({"name": name, f"value{kind}": {"reference": value} if kind == "Reference" else value})
    body = {"resourceType": "Parameters", "parameter": parameters}
    answer = await ask("operation", f"Patient/{client}", body, by=by, operation="access-decision", method="POST")
    found: dict[str, list[Any]] = {}
    for each in resource_in(answer)["parameter"]:
        value = next(value for key, value in each.items() if key.startswith("value"))
        found.setdefault(each["name"], []).append(value["reference"] if isinstance(value, dict) else value)
    return found


NIKO_READS = {"actor": "Practitioner/niko", "organization": "Organization/h", "target": "CarePlan/plan"}


async def test_without_a_consent_it_is_no_and_what_is_missing_is_told(world: Ask) -> None:
    found = await decided(world, NIKO, **NIKO_READS)
    assert (found["decision"], found["step"]) == (["deny"], ["default"])
    assert "Organization/h" in found["wouldChange"][0]


async def test_a_consent_that_might_be_saved_is_asked_about_and_one_that_is_decides(world: Ask) -> None:
    permit = a_consent("k1", "permit", "Organization/h")
    what_if = await decided(world, SARI, **NIKO_READS, consents=[permit])
    assert (what_if["decision"], what_if["consent"]) == (["permit"], ["Consent/k1/_history/1"])
    assert (await decided(world, SARI, **NIKO_READS))["decision"] == ["deny"]
    await world("update", "Consent/k1", permit, by=AINO)
    assert (await decided(world, SARI, **NIKO_READS))["decision"] == ["permit"]
    assert (await decided(world, AINO, **NIKO_READS))["decision"] == ["permit"]
    ban = a_consent("k2", "deny", "Organization/h", at="2026-01-05T12:00:00Z", category="ban")
    banned = await decided(world, SARI, **NIKO_READS, consents=[ban])
    assert (banned["decision"], banned["step"]) == (["deny"], ["ban"])
    assert "k2" in banned["wouldChange"][0]


async def test_a_type_is_a_permit_when_anything_of_it_is_visible(world: Ask) -> None:
    await world("update", "Consent/k1", a_consent("k1", "permit", "Organization/h"), by=AINO)
    asked = {"actor": "Practitioner/niko", "organization": "Organization/h", "type": "CarePlan", "action": "search"}
    assert (await decided(world, NIKO, **asked))["decision"] == ["permit"]


@pytest.mark.parametrize("effect", ["permit", "deny"])
@pytest.mark.parametrize("meaning", ["instance", "related", "dependents", "authoredby"])
async def test_it_is_decided_as_it_is_read_whatever_of_a_thing_a_consent_means(
    world: Ask, meaning: str, effect: str
) -> None:
    for name in ("within", "beside"):
        goal = {
            "resourceType": "Goal",
            "id": name,
            "lifecycleStatus": "active",
            "description": {"text": name},
            "subject": {"reference": "Patient/aino"},
        }
        await world("update", f"Goal/{name}", goal, by=SOCIAL)
    plan = {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": "Patient/aino"},
        "goal": [{"reference": "Goal/within"}],
    }
    await world("update", "CarePlan/plan", plan, by=SOCIAL)
    about = "Organization/s" if meaning == "authoredby" else "CarePlan/plan"
    consent = a_consent("k1", "permit", "Organization/h")
    told = {"data": [{"meaning": meaning, "reference": {"reference": about}}]}
    if effect == "permit":
        consent["provision"] |= told
    else:
        consent["provision"]["provision"] = [{"type": "deny", "actor": consent["provision"]["actor"], **told}]
    await world("update", "Consent/k1", consent, by=AINO)
    seen = []
    for thing in ("CarePlan/plan", "Goal/within", "Goal/beside"):
        try:
            await world("read", thing, by=NIKO)
            seen.append(thing)
        except NotFound:
            pass
    asked = {"actor": "Practitioner/niko", "organization": "Organization/h"}
    for thing in ("CarePlan/plan", "Goal/within", "Goal/beside"):
        for by in (SARI, AINO):
            found = await decided(world, by, **asked, target=thing)
            assert found["decision"] == ["permit" if thing in seen else "deny"], (thing, seen)
    of_goals = await decided(world, SARI, **asked, type="Goal", action="search")
    assert of_goals["decision"] == ["permit" if any(thing.startswith("Goal/") for thing in seen) else "deny"]
    if meaning == "related":
        assert seen == (["CarePlan/plan", "Goal/within"] if effect == "permit" else ["Goal/beside"])
    proposed = {**consent, "id": "k2"}
    await world("update", "Consent/k1", {**consent, "status": "inactive"}, by=AINO)
    for thing in ("CarePlan/plan", "Goal/within", "Goal/beside"):
        found = await decided(world, SARI, **asked, target=thing, consents=[proposed])
        assert found["decision"] == ["permit" if thing in seen else "deny"], thing


async def test_a_stranger_is_answered_as_about_a_client_who_never_was(world: Ask) -> None:
    await world("update", "Consent/k1", a_consent("k1", "permit", "Organization/h"), by=AINO)
    stranger = replace(RECORDS, organization="Organization/x", client_id="x")
    for asked in (NIKO_READS, {"actor": "Organization/x", "type": "CarePlan"}):
        about = await decided(world, stranger, **asked)
        never = await decided(world, stranger, client="never-was", **asked)
        assert about == never
        assert about["decision"] == ["deny"]


async def test_the_past_is_judged_by_what_was_said_then(world: Ask) -> None:
    await world("update", "Consent/k1", a_consent("k1", "permit", "Organization/h"), by=AINO)
    before = "2026-01-09T12:00:00Z"
    assert (await decided(world, SARI, **NIKO_READS, at=before))["decision"] == ["deny"]


@pytest.mark.parametrize(
    "given",
    [
        {"type": "CarePlan"},
        {"actor": "Practitioner/niko"},
        {"actor": "Practitioner/niko", "type": "Claim"},
        {"actor": "Practitioner/niko", "type": "CarePlan", "action": "peek"},
        {"actor": "Practitioner/niko", "type": "CarePlan", "purpose": "CURIOSITY"},
        {"actor": "CarePlan/plan", "type": "CarePlan"},
        {"actor": "Practitioner/niko", "type": "CarePlan", "target": "CarePlan/plan"},
    ],
)
async def test_a_question_that_says_too_little_is_refused(world: Ask, given: dict[str, Any]) -> None:
    with pytest.raises(Incorrect):
        await decided(world, SARI, **given)


@pytest.mark.parametrize("parameter", [5, {"name": "actor"}, [7], [{"name": ["actor"]}], [{}]])
async def test_parameters_that_are_none_are_refused(world: Ask, parameter: Any) -> None:
    body = {"resourceType": "Parameters", "parameter": parameter}
    with pytest.raises(Incorrect):
        await world("operation", "Patient/aino", body, by=SARI, operation="access-decision", method="POST")


async def test_a_hidden_target_is_as_one_that_is_not_there(world: Ask) -> None:
    psy = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}
    permit = a_consent("k1", "permit", "Organization/h")
    permit["provision"]["provision"] = [{"type": "deny", "securityLabel": [psy]}]
    await world("update", "Consent/k1", permit, by=AINO)
    goal = {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "x"}}
    goal |= {"subject": {"reference": "Patient/aino"}, "meta": {"security": [psy]}}
    await world("update", "Goal/hidden", {**goal, "id": "hidden"}, by=SOCIAL)
    about_himself = {"actor": "Practitioner/niko", "organization": "Organization/h"}
    for action in ("read", "update", "delete"):
        hidden = await decided(world, NIKO, **about_himself, target="Goal/hidden", action=action)
        absent = await decided(world, NIKO, **about_himself, target="Goal/absent", action=action)
        assert hidden["decision"] == absent["decision"] == ["deny"]
        assert str(hidden).replace("hidden", "absent") == str(absent)
    wished = a_consent("wish", "permit", "Organization/h", at="2026-02-01T12:00:00Z")
    for target in ("Goal/hidden", "Goal/absent"):
        found = await decided(world, NIKO, **about_himself, target=target, consents=[wished])
        assert (found["decision"], found["step"]) == (["deny"], ["target"])


async def test_a_consent_that_the_asker_may_not_see_is_not_named(world: Ask) -> None:
    for_plans = a_consent("secret", "permit", "Organization/h")
    for_plans["provision"]["class"] = [{"system": "http://hl7.org/fhir/resource-types", "code": "CarePlan"}]
    await world("update", "Consent/secret", for_plans, by=AINO)
    await world("update", "Consent/other", a_consent("other", "permit", "Organization/x"), by=AINO)
    asked = {"actor": "Practitioner/niko", "organization": "Organization/h"}
    plan = await decided(world, NIKO, **asked, target="CarePlan/plan")
    goal = await decided(world, NIKO, **asked, type="Goal")
    assert (plan["decision"], goal["decision"]) == (["permit"], ["deny"])
    assert "Consent/" not in str(plan) + str(goal)
    assert "a consent that you may not see permits it" in plan["reason"]
    by_sari = await decided(world, SARI, **asked, type="Goal")
    assert any("Consent/secret" in each for each in by_sari["reason"])
    ban = a_consent("ban", "deny", "Organization/h", category="ban")
    await world("update", "Consent/ban", ban, by=AINO)
    banned = await decided(world, NIKO, **asked, target="CarePlan/plan")
    assert (banned["step"], "Consent/" in str(banned)) == (["ban"], False)
