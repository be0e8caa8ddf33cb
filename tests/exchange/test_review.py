"""$review of a plan, asked by those around the clients of the demo world."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from builders import a_concept, a_condition, a_consent, a_provision, a_reference, an_encounter
from exchange.asking import Ask, a_bundle, asking, resource_in
from exchange.cast import person, put, system
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.care import codes
from sharedplan.care.codes import DEVIATION, RULE
from sharedplan.demo import world
from sharedplan.errors import Incorrect, NotFound, NotOffered, SharedplanError
from sharedplan.fhir.exchanges import Json
from sharedplan.search.masking import SAFETY_BAN
from sharedplan.store.unit_of_work import Store

SARI, NIKO = person("Practitioner/sari", world.SOCIAL), person("Practitioner/niko", world.HEALTH)
JARI, AINO = person("Practitioner/jari", "Organization/kantapoyta"), person("Patient/aino", None)
STRANGER = person("Practitioner/antti", "Organization/mielenterveys-ja-paihdepalvelut")
CLIENTS = {
    "aino": world.SOCIAL,
    "pekka": world.SOCIAL,
    "riitta": world.SOCIAL,
    "eetu": world.FAMILY,
    "mikael": world.SOCIAL,
}


async def reviewed(ask: Ask, plan: str, by: Principal, language: str | None = None, **more: object) -> list[Json]:
    """The issues of the review."""
    query = f"?_language={language}" if language else ""
    answer = await ask("operation", f"CarePlan/{plan}{query}", by=by, operation="review", **more)
    assert answer.status == 200
    issues: list[Json] = resource_in(answer)["issue"]
    return issues


def of(issues: list[Json], rule: str) -> list[Json]:
    return [each for each in issues if each["details"]["coding"] == [{"system": RULE, "code": rule}]]


def texts(issues: list[Json], rule: str) -> str:
    found = of(issues, rule)
    assert found, f"{rule} says nothing"
    return " ".join(each["details"]["text"] for each in found)


def warnings(issues: list[Json]) -> Iterator[tuple[str, str]]:
    for each in issues:
        if each["severity"] != "information":
            yield each["details"]["coding"][0]["code"], each["details"]["text"]


async def test_each_plan_of_the_demo_is_reviewed_by_its_model(demo: Ask) -> None:
    found = {client: await reviewed(demo, client, system(register)) for client, register in CLIENTS.items()}
    assert "3/5" in texts(found["riitta"], "R2.1") and "No-shows: 1" in texts(found["riitta"], "R3.15")
    assert "in time" in texts(found["eetu"], "R3.1") and of(found["eetu"], "R3.3")
    assert of(found["pekka"], "R0.2") and of(found["aino"], "R1.3") and of(found["mikael"], "R4.9")
    (counted,) = of(found["aino"], "R2.1")
    assert counted["severity"] == "information" and "limit of Käännekohta" in counted["details"]["text"]
    silent = {"aino": "Leena Salmela", "pekka": "Markku Turunen"}
    for client, issues in found.items():
        for rule in ("R3.9", "R3.15", "R4.4", "R3.17"):
            assert of(issues, rule), (client, rule)
        assert "/5" in texts(issues, "R2.1")
        told = [*warnings(issues)]
        assert {rule for rule, _ in told} <= {"R1.4", "R3.8"}, told
        assert silent.get(client, "") in " ".join(text for _, text in told)


async def test_the_texts_are_in_the_language_that_is_asked_for(demo: Ask) -> None:
    assert "Peruuntuneita" in texts(await reviewed(demo, "riitta", system(world.SOCIAL), "fi"), "R3.15")
    assert "Klientmöten" in texts(await reviewed(demo, "riitta", system(world.SOCIAL), "sv"), "R3.15")
    assert "No-shows" in texts(await reviewed(demo, "riitta", system(world.SOCIAL)), "R3.15")
    answer = await demo("operation", "CarePlan/riitta?_language=sv", by=system(world.SOCIAL), operation="review")
    assert answer.headers["Content-Language"] == "sv"
    by_header = await reviewed(demo, "riitta", system(world.SOCIAL), accept_language="de, sv-FI;q=0.8, en;q=0.5")
    assert "Klientmöten" in texts(by_header, "R3.15")
    over_header = await reviewed(demo, "riitta", system(world.SOCIAL), "fi", accept_language="sv")
    assert "Peruuntuneita" in texts(over_header, "R3.15")


async def test_a_plan_that_is_not_there_or_not_to_be_seen_is_not_found(demo: Ask) -> None:
    for plan, by in (("nobody", SARI), ("aino", STRANGER), ("pekka", AINO)):
        with pytest.raises(NotFound) as failure:
            await reviewed(demo, plan, by)
        assert str(failure.value) == f"there is no CarePlan/{plan}"


async def test_it_takes_a_language_and_nothing_else(demo: Ask) -> None:
    with pytest.raises(Incorrect):
        await reviewed(demo, "aino", SARI, "de")
    with pytest.raises(Incorrect):
        await demo("operation", "CarePlan/aino?language=fi", by=SARI, operation="review")
    with pytest.raises(Incorrect, match="_language is given twice"):
        await demo("operation", "CarePlan/aino?_language=fi&_language=fi", by=SARI, operation="review")
    with pytest.raises(NotOffered):
        await demo("operation", "CarePlan", by=SARI, operation="review")
    with pytest.raises(NotOffered):
        await demo("operation", "CarePlan/aino", by=SARI, operation="review", method="POST")


async def test_a_narrow_view_is_not_warned_of_what_it_does_not_show(demo: Ask) -> None:
    issues = await reviewed(demo, "aino", JARI)
    assert not [*warnings(issues)]
    for rule in ("R0.4", "R0.6", "R0.9", "R3.15"):
        assert "do not see" in texts(issues, rule)
    assert "Sari Lehtonen" in texts(issues, "R4.1"), "the team he sees"


async def test_a_token_that_may_not_read_a_type_is_told_so(demo: Ask) -> None:
    narrow = replace(SARI, scopes=parse("user/CarePlan.rs user/CareTeam.rs user/Practitioner.rs"))
    issues = await reviewed(demo, "aino", narrow)
    assert "do not see" in texts(issues, "R0.4") and "log" in texts(issues, "R1.4")
    assert not [*warnings(issues)]


async def test_whoever_has_the_log_sees_who_fetched_the_plan_and_who_is_silent(demo: Ask) -> None:
    before = texts(await reviewed(demo, "aino", SARI), "R0.8")
    assert "the client: not yet" in before and "health care: not yet" in before
    await demo("read", "CarePlan/aino", by=AINO)
    await demo("search-type", "CarePlan?patient=Patient/aino", by=system(world.HEALTH))
    await demo("read", "CarePlan/aino", by=person("RelatedPerson/leena", None))
    for by in (SARI, AINO, system(world.SOCIAL)):
        issues = await reviewed(demo, "aino", by)
        assert "not yet" not in texts(issues, "R0.8")
        assert "No member" in texts(issues, "R1.4"), "Leena has read it"
    assert "log" in texts(await reviewed(demo, "aino", NIKO), "R0.8"), "the client is in another register"


async def test_a_review_is_no_delivery_of_the_plan_and_a_newer_version_is_another(demo: Ask) -> None:
    await reviewed(demo, "aino", AINO)
    assert "the client: not yet" in texts(await reviewed(demo, "aino", SARI), "R0.8")
    await demo("read", "CarePlan/aino", by=AINO)
    plan = resource_in(await demo("read", "CarePlan/aino", by=SARI))
    await demo("update", "CarePlan/aino", {**plan, "title": "Another"}, by=SARI)
    said = texts(await reviewed(demo, "aino", SARI), "R0.8")
    assert "Version 2" in said and "the client: not yet" in said


async def test_a_member_whose_consent_is_withdrawn_is_told(demo: Ask) -> None:
    consent = resource_in(await demo("read", "Consent/aino-jari", by=system(world.SOCIAL)))
    await demo("update", "Consent/aino-jari", {**consent, "status": "inactive"}, by=system(world.SOCIAL))
    (found,) = of(await reviewed(demo, "aino", SARI), "R1.1")
    assert found["severity"] == "warning" and "Jari Mäkinen" in found["details"]["text"]
    assert found["expression"] == ["CareTeam.participant[4].member"]


async def test_it_leaves_one_audit_row_as_of_the_plan(demo: Ask) -> None:
    await reviewed(demo, "aino", NIKO)
    log = resource_in(await demo("search-type", "AuditEvent?patient=Patient/aino&agent=Practitioner/niko", by=AINO))
    (entry,) = log["entry"]
    event = entry["resource"]
    assert "CarePlan/aino" in json.dumps(event["entity"])
    assert "$review" in json.dumps(event["subtype"])


async def test_the_same_is_said_whether_hidden_things_are_there_or_not(demo: Ask) -> None:
    """What is kept of Aino at the health station, under a ban against the others, changes no review of theirs."""

    async def said() -> list[list[Json]]:
        found = [await reviewed(demo, "aino", by) for by in (SARI, JARI, system(world.SOCIAL))]
        return [[each for each in issues if each["details"]["coding"][0]["code"] != "R0.8"] for issues in found]

    deny = a_consent(
        "Patient/aino",
        id="hides",
        dateTime="2026-11-01",
        category=[{"coding": [{"system": "https://sharedplan.dev/fhir/CodeSystem/consent-category", "code": "ban"}]}],
        provision=a_provision("deny", to=[world.SOCIAL, "Organization/kantapoyta"], held_by=[world.HEALTH]),
    )
    await demo("update", "Consent/hides", deny, by=AINO)
    with_ban = await said()
    episode = {"reference": "EpisodeOfCare/aino"}
    hidden = [
        {
            "resourceType": "Encounter",
            "id": "hidden",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "type": [
                {
                    "coding": [
                        {"system": "https://sharedplan.dev/fhir/CodeSystem/encounter-type", "code": "client-meeting"}
                    ]
                }
            ],
            "subject": {"reference": "Patient/aino"},
            "episodeOfCare": [episode],
            "participant": [{"individual": {"reference": "Practitioner/niko"}}],
            "period": {"start": "2026-01-08T10:00:00Z"},
            "extension": [{"url": DEVIATION, "valueString": "She came by without an appointment"}],
        },
    ]
    await demo("transaction", "", a_bundle("transaction", *map(put, hidden)), by=system(world.HEALTH))
    assert await said() == with_ban
    assert "it took 1 day." in texts(await reviewed(demo, "aino", NIKO), "R4.4"), "it changes that of who sees it"


async def test_a_later_review_is_as_one_by_a_service_that_kept_nothing(demo: Ask, guarded: Store) -> None:
    """Whatever changes between two reviews: something new, a change, a deletion, the directory, who may see."""

    async def same(*by: Principal) -> list[list[Json]]:
        anew = asking(Store(guarded.pool))
        found = [await reviewed(demo, "aino", each) for each in by]
        assert found == [await reviewed(anew, "aino", each) for each in by]
        return found

    everybody = (SARI, NIKO, JARI, AINO, system(world.SOCIAL))
    first = await same(*everybody)
    assert await same(*everybody) == first
    no_show = an_encounter(
        "Patient/aino",
        id="no-show",
        status="cancelled",
        type=[a_concept(codes.ENCOUNTER_TYPE, "client-meeting")],
        episodeOfCare=[a_reference("EpisodeOfCare/aino")],
    )
    await demo("update", "Encounter/no-show", no_show, by=SARI)
    now = await same(*everybody)
    assert texts(now[0], "R3.15") != texts(first[0], "R3.15")
    await demo("delete", "Encounter/no-show", by=system(world.SOCIAL))
    assert await same(*everybody) == first
    person = resource_in(await demo("read", "Practitioner/sari", by=system(world.SOCIAL)))
    named = {**person, "name": [{"text": "Sari Uusinimi"}]}
    await demo("update", "Practitioner/sari", named, by=system(world.SOCIAL))
    assert "Sari Uusinimi" in texts((await same(*everybody))[0], "R4.1")
    consent = resource_in(await demo("read", "Consent/aino-jari", by=system(world.SOCIAL)))
    await demo("update", "Consent/aino-jari", {**consent, "status": "inactive"}, by=system(world.SOCIAL))
    assert of((await same(SARI, NIKO, AINO, system(world.SOCIAL)))[0], "R1.1")[0]["severity"] == "warning"
    with pytest.raises(NotFound):
        await reviewed(demo, "aino", JARI)


async def test_after_any_series_of_changes_it_is_as_one_by_a_service_that_kept_nothing(
    demo: Ask, guarded: Store
) -> None:
    """Each asker sees to the letter what a new process would tell him, whoever asked before, and is refused alike."""
    draw, everybody = Random(3), (SARI, NIKO, JARI, AINO, system(world.SOCIAL), system(world.HEALTH))
    for each in everybody:
        await _told(demo, each)
    for number in range(12):
        with suppress(SharedplanError):  # the rules of the plan refuse some
            await _change(demo, draw, number)
        for each in draw.sample(everybody, 3):
            told = await _told(demo, each)
            assert told == await _told(asking(Store(guarded.pool)), each), (number, each.person)


async def _told(ask: Ask, by: Principal) -> str:
    try:
        answer = await ask("operation", "CarePlan/aino?_language=fi", by=by, operation="review")
    except SharedplanError as failure:
        return repr(failure)
    return str(answer.content)


async def _change(ask: Ask, draw: Random, number: int) -> None:
    """Something of Aino's, or of those around her, becomes another, new, or goes away."""
    of_client = ("Task", "Goal", "Consent", "CareTeam", "Encounter", "CarePlan", "Observation", "RelatedPerson")
    type = draw.choice((*of_client, "Patient", "Practitioner", "PractitionerRole", "Organization"))
    path = f"{type}?patient=Patient/aino" if type in of_client else f"{type}?_count=20"
    found = resource_in(await ask("search-type", path, by=system(world.SOCIAL))).get("entry", [])
    if not found:
        return
    old = draw.choice(found)["resource"]
    new = {name: each for name, each in old.items() if name != "meta"}
    someone = a_reference(
        draw.choice(("Practitioner/niko", "Practitioner/jari", "PractitionerRole/new", "Patient/pekka"))
    )
    match draw.choice(("new", "gone", "other", "other", "other")):
        case "new" if type in ("Task", "Goal", "Encounter", "Consent", "Observation"):
            new["id"] = f"new-{number}"
        case "gone" if type not in ("Patient", "CarePlan", "Organization"):
            await ask("delete", f"{type}/{old['id']}", by=system(world.SOCIAL))
            return
    others: dict[str, list[Json]] = {
        "Task": [
            {"status": "completed"},
            {"status": "on-hold"},
            {"owner": someone},
            {"description": f"Soita {number}"},
        ],
        "Goal": [{"lifecycleStatus": "cancelled"}, {"lifecycleStatus": "active"}, {"extension": []}],
        "Consent": [{"status": "inactive"}, {"status": "active"}, {"sourceAttachment": {"title": "paperi"}}],
        "CareTeam": [{"participant": [*new.get("participant", ()), {"member": someone}]}, {"status": "suspended"}],
        "Encounter": [{"participant": [{"individual": someone}]}, {"status": "finished"}, {"status": "cancelled"}],
        "CarePlan": [{"activity": new.get("activity", [])[1:]}, {"addresses": [a_reference("Condition/of-pekka")]}],
        "Patient": [{"birthDate": "2009-05-05"}, {"meta": {"security": [{"system": SAFETY_BAN, "code": "1"}]}}],
        "Organization": [{"name": f"Talo {number}"}, {"partOf": a_reference(world.HEALTH)}],
    }
    new |= draw.choice(others.get(type, [{"active": False}, {"name": [{"text": f"Uusi {number}"}]}]))
    empty = [name for name, each in new.items() if each == []]
    await ask(
        "update", f"{type}/{new['id']}", {k: v for k, v in new.items() if k not in empty}, by=system(world.SOCIAL)
    )


async def test_a_consent_withdrawn_later_flags_what_is_planned_and_no_past_meeting(demo: Ask) -> None:
    async def meet(id: str, status: str, start: str) -> None:
        meeting = an_encounter(
            "Patient/aino",
            id=id,
            status=status,
            type=[a_concept(codes.ENCOUNTER_TYPE, "network-meeting")],
            episodeOfCare=[a_reference("EpisodeOfCare/aino")],
            participant=[{"individual": a_reference("Practitioner/jari")}],
            period={"start": start},
        )
        await demo("update", f"Encounter/{id}", meeting, by=SARI)

    now = datetime.now(UTC)
    await meet("past", "finished", (now - timedelta(minutes=5)).isoformat())
    await meet("planned", "planned", (now + timedelta(days=5)).isoformat())
    assert not [each for each in of(await reviewed(demo, "aino", SARI), "R0.1") if each["severity"] == "warning"]
    consent = resource_in(await demo("read", "Consent/aino-jari", by=system(world.SOCIAL)))
    await demo("update", "Consent/aino-jari", {**consent, "status": "inactive"}, by=system(world.SOCIAL))
    told = [each["details"]["text"] for each in of(await reviewed(demo, "aino", SARI), "R0.1")]
    assert [each.partition("Encounter/")[2].partition(")")[0] for each in told] == ["planned", "aino-tarkistuskokous"]


async def test_what_the_plan_names_of_another_client_is_told_to_who_sees_both(demo: Ask) -> None:
    plan = resource_in(await demo("read", "CarePlan/aino", by=system(world.SOCIAL)))
    theirs = {"reference": "Condition/of-pekka"}
    condition = a_condition("Patient/pekka", id="of-pekka")
    changed = {**plan, "addresses": [*plan.get("addresses", ()), theirs]}
    await demo("update", "CarePlan/aino", changed, by=system(world.SOCIAL))
    assert of(await reviewed(demo, "aino", system(world.SOCIAL)), "R3.5")[0]["severity"] == "information"
    await demo("update", "Condition/of-pekka", condition, by=system(world.SOCIAL))
    (found,) = of(await reviewed(demo, "aino", system(world.SOCIAL)), "R3.5")
    assert found["severity"] == "warning" and "Condition/of-pekka" in found["details"]["text"]
    assert found["expression"] == [f"CarePlan.addresses[{len(plan.get('addresses', ()))}]"]
    (hidden,) = of(await reviewed(demo, "aino", NIKO), "R3.5")
    assert hidden["severity"] == "information" and "pekka" not in hidden["details"]["text"]


async def test_a_token_with_more_scopes_is_not_shown_what_one_with_fewer_found(demo: Ask) -> None:
    whole = system(world.SOCIAL)
    few = "system/CarePlan.rs system/Patient.rs system/Organization.rs system/AuditEvent.rs"
    await reviewed(demo, "aino", replace(whole, scopes=parse(few)))
    found = await reviewed(demo, "aino", whole)
    other = await reviewed(demo, "aino", replace(whole, client_id="another"))
    assert {rule for rule, _ in warnings(found)} == {rule for rule, _ in warnings(other)}
    assert "R4.1" not in {rule for rule, _ in warnings(found)}


async def test_whom_a_meeting_lists_by_name_alone_nobody_has_accepted(demo: Ask) -> None:
    start = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    meeting = an_encounter(
        "Patient/aino",
        type=[a_concept(codes.ENCOUNTER_TYPE, "client-meeting")],
        episodeOfCare=[a_reference("EpisodeOfCare/aino")],
        participant=[{"individual": {"display": "Poliisi"}}],
        period={"start": start, "end": start},
        extension=[{"url": DEVIATION, "valueString": "Tuli mukaan"}],
    )
    assert (await demo("create", "Encounter", meeting, by=system(world.SOCIAL))).status == 201
    (found,) = [each for each in of(await reviewed(demo, "aino", system(world.SOCIAL)), "R0.1")]
    assert found["severity"] == "warning" and "Poliisi" in found["details"]["text"]
