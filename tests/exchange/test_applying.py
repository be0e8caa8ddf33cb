"""$apply of a PlanDefinition: told as a transaction, or carried out as one by the same asker."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from builders import a_practitioner, a_service_request
from exchange.answers import searched
from exchange.asking import Ask, a_bundle, a_patient, an_entry, resource_in
from exchange.cast import AINO, SARI, Niko, S, Sari, a_role, system, the_world, together
from sharedplan import published
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.care import codes
from sharedplan.errors import Incorrect, NotFound, Refused, SharedplanError

Json = dict[str, Any]

POSOTE = next(each for each in published.of_type("PlanDefinition") if each["id"] == "posote")
BERTTA = "Patient/bertta"
SOCIAL = system(S)


def parameters(**given: Any) -> Json:
    listed = []
    for name, value in given.items():
        kind = "valueBoolean" if isinstance(value, bool) else "valueDate" if name == "start" else "valueString"
        listed.append({"name": name, **({kind: value} if not isinstance(value, dict) else value)})
    return {"resourceType": "Parameters", "parameter": listed}


async def apply(ask: Ask, *, model: str = "posote", by: Principal = SOCIAL, **given: Any) -> Json:
    answer = await ask(
        "operation", f"PlanDefinition/{model}", parameters(**given), by=by, operation="apply", method="POST"
    )
    assert answer.status == 200
    return resource_in(answer)


@pytest.fixture
async def bertta(ask: Ask) -> str:
    """A client of S without a plan; the model is stored."""
    await together(ask, system(S), POSOTE, a_patient(id="bertta"), a_practitioner(id="sari"))
    return BERTTA


async def test_what_is_told_is_a_transaction_that_can_be_sent(ask: Ask, bertta: str) -> None:
    bundle = await apply(ask, subject=bertta, practitioner=SARI)
    assert bundle["type"] == "transaction"
    assert (await searched(ask, f"CarePlan?patient={bertta}", by=system(S)))["total"] == 0
    answer = resource_in(await ask("transaction", "", bundle, by=system(S)))
    assert {each["response"]["status"].split()[0] for each in answer["entry"]} == {"201"}
    assert (await searched(ask, f"CarePlan?patient={bertta}", by=system(S)))["total"] == 1


async def test_what_is_committed_is_there_and_its_references_lead_to_it(ask: Ask, bertta: str) -> None:
    answer = await apply(ask, subject=bertta, practitioner=SARI, organization=S, start="2026-11-02", commit=True)
    assert answer["type"] == "transaction-response"
    (plan,) = (await searched(ask, f"CarePlan?patient={bertta}", by=system(S)))["entry"]
    assert plan["resource"]["period"] == {"start": "2026-11-02"}
    for reference in (*plan["resource"]["goal"], *plan["resource"]["careTeam"]):
        await ask("read", reference["reference"], by=system(S))
    found = await searched(ask, f"Task?patient={bertta}", by=system(S))
    assert {each["resource"]["basedOn"][0]["reference"] for each in found["entry"]} == {
        f"CarePlan/{plan['resource']['id']}"
    }


async def test_an_entry_of_a_batch_starts_a_plan_and_one_of_a_transaction_does_not(ask: Ask, bertta: str) -> None:
    given = parameters(subject=bertta, practitioner=SARI, commit=True)
    entry = an_entry("POST", "PlanDefinition/posote/$apply", given)
    with pytest.raises(NotFound):
        await ask("transaction", "", a_bundle("transaction", entry), by=SOCIAL, method="POST")
    answer = resource_in(await ask("batch", "", a_bundle("batch", entry), by=SOCIAL, method="POST"))
    assert answer["entry"][0]["response"]["status"].startswith("200")
    assert (await searched(ask, f"CarePlan?patient={bertta}", by=SOCIAL))["total"] == 1


async def test_it_is_on_record_as_what_it_is_with_each_of_its_entries(ask: Ask, bertta: str) -> None:
    answer = await apply(ask, subject=bertta, practitioner=SARI, commit=True)
    rows = await searched(ask, "AuditEvent?_count=100", by=system(S))
    subtypes = Counter(each["resource"]["subtype"][0]["code"] for each in rows["entry"])
    assert subtypes["create"] >= len(answer["entry"])
    assert subtypes["apply"] == 1 or subtypes["$apply"] == 1


async def test_a_model_that_somebody_puts_is_applied_by_data_alone(ask: Ask, bertta: str) -> None:
    """R1.8: another target group is one more definition."""
    elderly = {
        **POSOTE,
        "id": "posote-iakkaat",
        "title": "POSOTE iäkkäille",
        "action": [
            {
                "title": "Tiimi",
                "participant": [
                    {
                        "type": "practitioner",
                        "role": {"coding": [{"system": codes.TEAM_ROLE, "code": "physician"}]},
                    }
                ],
            },
            *POSOTE["action"][1:],
        ],
    }
    await together(ask, system(S), elderly)
    await apply(ask, model="posote-iakkaat", subject=bertta, practitioner=SARI, commit=True)
    (team,) = (await searched(ask, f"CareTeam?patient={bertta}", by=system(S)))["entry"]
    roles = [codes.codes(each["role"], codes.TEAM_ROLE) for each in team["resource"]["participant"]]
    assert roles == [["coordinator"], ["physician"]]
    (plan,) = (await searched(ask, f"CarePlan?patient={bertta}", by=system(S)))["entry"]
    assert plan["resource"]["instantiatesCanonical"] == [codes.MODELS + "posote-iakkaat"]


async def test_the_referral_to_the_model_becomes_that_of_the_episode(ask: Ask, bertta: str) -> None:
    canonical = {"instantiatesCanonical": [POSOTE["url"]]}
    await together(
        ask,
        system(S),
        a_service_request(bertta, id="old", status="active", authoredOn="2026-01-05", **canonical),
        a_service_request(bertta, id="new", status="active", authoredOn="2026-10-05", **canonical),
        a_service_request(bertta, id="other", status="active", authoredOn="2026-11-05"),
    )
    bundle = await apply(ask, subject=bertta, practitioner=SARI)
    (episode,) = [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "EpisodeOfCare"]
    assert episode["referralRequest"] == [{"reference": "ServiceRequest/new"}]


async def test_a_coordinator_starts_another_plan_and_a_stranger_meets_a_client_who_never_was(ask: Ask) -> None:
    await the_world(ask)
    await together(ask, system(S), POSOTE)
    begun = await apply(ask, by=Sari, subject=AINO, commit=True)
    assert begun["type"] == "transaction-response"
    with pytest.raises(NotFound) as hidden:
        await apply(ask, by=replace(Niko, person="Practitioner/olli"), subject=AINO)
    with pytest.raises(NotFound) as absent:
        await apply(ask, by=Niko, subject="Patient/nobody")
    assert str(hidden.value).replace("aino", "…") == str(absent.value).replace("nobody", "…")


async def test_a_worker_who_has_nothing_to_do_with_the_client_does_not_start_the_plan(ask: Ask, bertta: str) -> None:
    """Not even in the register of his organisation: its system does, and names him."""
    await together(ask, system(S), a_role(SARI, S))
    with pytest.raises(NotFound):
        await apply(ask, by=Sari, subject=bertta, commit=True)
    await apply(ask, subject=bertta, practitioner=SARI, commit=True)
    assert (await searched(ask, f"CarePlan?patient={bertta}", by=Sari))[
        "total"
    ] == 1  # of which he is the careManager now


async def test_what_the_asker_may_not_write_is_refused_and_nothing_is_left(ask: Ask) -> None:
    await the_world(ask)
    await together(ask, system(S), POSOTE)
    with pytest.raises(SharedplanError):
        await apply(ask, by=replace(Sari, scopes=Niko.scopes, person="Practitioner/kai"), subject=AINO, commit=True)
    assert (await searched(ask, f"CarePlan?patient={AINO}", by=system(S)))["total"] == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "subject"),
        ({"subject": "bertta"}, "subject"),
        ({"subject": "Practitioner/sari"}, "subject"),
        ({"subject": BERTTA}, "practitioner"),
        ({"subject": BERTTA, "practitioner": "Organization/s"}, "practitioner"),
        ({"subject": BERTTA, "practitioner": SARI, "start": "yesterday"}, "start"),
        ({"subject": BERTTA, "practitioner": SARI, "start": "2026-02-30"}, "start"),
        ({"subject": BERTTA, "practitioner": SARI, "commit": "perhaps"}, "commit"),
        ({"subject": BERTTA, "practitioner": SARI, "colour": "red"}, "parameters"),
        ({"subject": {"valueReference": "Patient/bertta"}}, "subject"),
    ],
)
async def test_what_cannot_be_understood_is_refused_with_the_parameter(
    ask: Ask, bertta: str, given: Json, says: str
) -> None:
    with pytest.raises(Incorrect) as refused:
        await apply(ask, **given)
    assert says in str(refused.value)


async def test_a_reference_is_taken_as_well_as_a_string(ask: Ask, bertta: str) -> None:
    given = {"valueReference": {"reference": bertta}}
    assert (await apply(ask, subject=given, practitioner={"valueReference": {"reference": SARI}}))["entry"]


async def test_a_model_that_there_is_not_is_not_found(ask: Ask, bertta: str) -> None:
    with pytest.raises(NotFound):
        await apply(ask, model="none", subject=bertta, practitioner=SARI)


async def test_no_token_without_a_scope_for_it(ask: Ask, bertta: str) -> None:
    with pytest.raises(Refused):
        await apply(ask, by=replace(system(S), scopes=parse("system/Patient.rs")), subject=bertta, practitioner=SARI)
