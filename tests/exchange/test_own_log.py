"""A client's own log: who, where, when and on what ground, in plain words; refusals and empty searches too, and nothing
of others."""

import base64
from typing import Any

import pytest

from builders import a_care_plan, a_consent, a_patient, a_reference, an_appointment
from exchange.answers import ids, searched
from exchange.asking import Ask, resource_in
from exchange.cast import (
    AINO,
    NIKO,
    SARI,
    Aino,
    H,
    Jari,
    Kai,
    Niko,
    Olli,
    S,
    Sari,
    consents,
    is_refused,
    k1,
    person,
    put,
    system,
    the_world,
    together,
)
from sharedplan.errors import NotFound
from sharedplan.fhir import resources

Json = dict[str, Any]


async def the_log(ask: Ask, query: str = "", by: Any = Aino) -> list[Json]:
    """A client's own log, the newest first, without his reading of it."""
    found = await searched(ask, f"AuditEvent?patient={AINO}&_sort=-_lastUpdated&_count=200{query}", by=by)
    assert found["total"] == len(found.get("entry", []))
    events = [each["resource"] for each in found.get("entry", [])]
    for each in events:
        assert resources.issues_of("AuditEvent", each) == []
    return [each for each in events if who(each)[:1] != [AINO]]


def who(event: Json) -> list[str]:
    return [each["who"]["reference"] for each in event["agent"] if "reference" in each["who"]]


def entities(event: Json) -> set[str]:
    return {each["what"]["reference"] for each in event.get("entity", ()) if "reference" in each.get("what", {})}


def grounds(event: Json) -> set[str]:
    return {d["valueString"] for each in event["entity"] for d in each.get("detail", ()) if d["type"] == "ground"}


def told(event: Json, language: str) -> str:
    text: str = event["text"]["div"].partition(f'<p lang="{language}" xml:lang="{language}">')[2].partition("</p>")[0]
    return text


async def the_newest(ask: Ask) -> Json:
    return (await the_log(ask))[0]


async def test_it_tells_by_name_who_where_and_on_what_ground(ask: Ask) -> None:
    await the_world(ask)
    name = [{"family": "Nurse", "given": ["Niko"]}]
    await together(ask, system(H), {"resourceType": "Practitioner", "id": "niko", "name": name})
    await consents(ask, k1())
    await ask("read", "CarePlan/1", by=Niko)
    event = await the_newest(ask)
    assert who(event) == [NIKO, H]
    assert [each["who"].get("display") for each in event["agent"][2:]] == ["Niko Nurse", "Social services"]
    assert (grounds(event), entities(event)) == ({"consent"}, {"CarePlan/1", AINO})
    assert event["text"]["status"] == "generated"
    assert "Niko Nurse, Practitioner/niko (Social services, Organization/h) read: plan CarePlan/1" in told(event, "en")
    assert "Ground: membership of the team, and the client's consent" in told(event, "en")
    assert "luki: suunnitelma CarePlan/1" in told(event, "fi") and "läste: plan CarePlan/1" in told(event, "sv")
    assert event["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"


async def test_the_ground_is_the_register_the_consent_or_the_client_himself(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    deeds = [
        ("register", "read", "CarePlan/1", None, Sari),
        ("register", "vread", "CarePlan/1/1", None, Sari),
        ("register", "history-instance", "CarePlan/1", None, Sari),
        ("register", "search-type", f"Goal?patient={AINO}", None, system(S)),
        ("consent", "search-type", f"Goal?patient={AINO}", None, Niko),
        ("consent", "search-type", f"CarePlan?patient={AINO}&_include=CarePlan:goal", None, Niko),
    ]
    for ground, interaction, address, body, by in deeds:
        await ask(interaction, address, body, by=by)
        assert grounds(await the_newest(ask)) == {ground}, (interaction, address)
    task = resource_in(await ask("read", "Task/nikos", by=Niko))
    await ask("update", "Task/nikos", {**task, "status": "accepted"}, by=Niko)
    event = await the_newest(ask)
    assert grounds(event) == {"consent"} and "Consent/k1/_history/1" in entities(event)
    await ask(
        "update", "Goal/1", {**resource_in(await ask("read", "Goal/1", by=Sari)), "note": [{"text": "x"}]}, by=Sari
    )
    assert grounds(await the_newest(ask)) == {"register"}
    await ask("read", "CarePlan/1", by=Aino)
    own = resource_in(await ask("search-type", f"AuditEvent?patient={AINO}&agent={AINO}&subtype=read", by=Aino))
    assert grounds(own["entry"][0]["resource"]) == {"client"}


async def test_what_was_refused_or_found_nothing_is_in_it_and_hidden_from_who_asked(ask: Ask) -> None:
    await the_world(ask)
    before = len(await the_log(ask))
    asked = [
        ("read", "CarePlan/1", None),
        ("vread", "CarePlan/1/1", None),
        ("history-instance", "CarePlan/1", None),
        ("update", "CarePlan/1", a_care_plan(AINO, id="1", title="x")),
        ("create", "CarePlan", a_care_plan(AINO)),
        ("read", AINO, None),
    ]
    for interaction, address, body in asked:
        assert await is_refused(ask, interaction, address, body, by=Olli), address
    await searched(ask, f"CarePlan?patient={AINO}", by=Olli)
    await searched(ask, f"CarePlan?subject={AINO}", by=Olli)
    await searched(ask, "Patient?_id=aino", by=Olli)
    events = (await the_log(ask))[: -before or None]
    assert len(events) == 9
    assert [each["outcome"] for each in events] == ["0"] * 3 + ["4"] * 6
    assert all(AINO in entities(each) and not grounds(each) for each in events)
    assert "tried and was given nothing" in told(events[-1], "en") and "nothing was found" in told(events[0], "en")
    # Whoever asked sees of his own rows no more than he said himself.
    mine = resource_in(await ask("search-type", "AuditEvent?agent=Practitioner/olli&_count=100", by=Olli))
    of_plan = [e["resource"] for e in mine["entry"] if "CarePlan/1" in entities(e["resource"])]
    assert len(of_plan) == 3 or all(AINO not in entities(each) for each in of_plan[:3])
    hidden = await searched(ask, f"AuditEvent?entity=CarePlan/1&patient={AINO}&subtype=read", by=Olli)
    assert ids(hidden) == []


async def test_what_shows_several_clients_tells_each_of_himself_alone(ask: Ask) -> None:
    await the_world(ask)
    await together(ask, system(S), a_patient(id="eino"), a_care_plan("Patient/eino", id="einos"))
    await searched(ask, "CarePlan?status=active&subject=Patient/aino,Patient/eino", by=system(S))
    meeting = an_appointment(
        id="both", participant=[{"actor": a_reference(each), "status": "accepted"} for each in (AINO, "Patient/eino")]
    )
    await together(ask, system(S), meeting)
    await ask("read", "Appointment/both", by=system(S))
    events = await the_log(ask)
    read = next(each for each in events if each["subtype"][0]["code"] == "read")
    found = next(each for each in events if each["subtype"][0]["code"] == "search-type")
    for event in (read, found):
        assert entities(event) == {AINO} and grounds(event) == {"register"}
        assert not any("query" in each for each in event["entity"])
        assert "eino" not in str(event) and "both" not in str(event)
    assert "among the data of several clients" in told(found, "en")
    assert resource_in(await ask("read", f"AuditEvent/{found['id']}", by=Aino))["entity"] == found["entity"]
    everything = "&_count=200&_include=AuditEvent:patient&_include=AuditEvent:entity"
    for query in ("entity=CarePlan/einos", "patient=Patient/eino", "entity=Patient/eino", "entity=Appointment/both"):
        assert ids(await searched(ask, f"AuditEvent?{query}", by=Aino)) == [], query
    included = resource_in(await ask("search-type", f"AuditEvent?patient={AINO}{everything}", by=Aino))
    assert "einos" not in str(included) and "Patient/eino" not in str(included)
    chained = await searched(ask, "Patient?_has:AuditEvent:patient:entity=Patient/eino", by=Aino)
    assert ids(chained) == []
    whole = resource_in(await ask("read", f"AuditEvent/{found['id']}", by=system(S)))
    assert {AINO, "Patient/eino", "CarePlan/einos"} <= entities(whole)


async def test_whom_somebody_s_search_did_not_find_is_not_told_to_whom_it_found(ask: Ask) -> None:
    await the_world(ask)
    await searched(ask, "CarePlan?subject=Patient/aino,Patient/eino", by=system(S))
    await searched(ask, "CarePlan?subject=Patient/aino", by=Aino)
    theirs = next(each for each in await the_log(ask) if each["subtype"][0]["code"] == "search-type")
    assert "eino" not in str(theirs) and not any("query" in each for each in theirs["entity"])
    log = await searched(ask, f"AuditEvent?patient={AINO}&agent={AINO}&subtype=search-type", by=Aino)
    assert any("query" in each for each in log["entry"][0]["resource"]["entity"])


async def test_pages_of_it_lead_on(ask: Ask) -> None:
    await the_world(ask)
    for _ in range(3):
        await ask("read", "CarePlan/1", by=Sari)
    page = await searched(ask, f"AuditEvent?patient={AINO}&subtype=read&_count=2&_sort=-_lastUpdated", by=Aino)
    following = next(each["url"] for each in page["link"] if each["relation"] == "next")
    later = await searched(ask, "AuditEvent?" + following.partition("?")[2], by=Aino)
    assert (len(ids(page)), len(ids(later)), page["total"]) == (2, 1, 3)


async def test_reading_it_is_on_record_and_nobody_reads_another_s(ask: Ask) -> None:
    await the_world(ask)
    await ask("update", "Patient/eino", a_patient(id="eino"), by=system(S))
    await the_log(ask)
    own = await searched(ask, f"AuditEvent?patient={AINO}&agent={AINO}", by=Aino)
    queries = [
        base64.b64decode(entity["query"])
        for each in own["entry"]
        for entity in each["resource"]["entity"]
        if "query" in entity
    ]
    assert any(query.startswith(b"AuditEvent?patient=") for query in queries)
    eino = person("Patient/eino", None)
    assert ids(await searched(ask, f"AuditEvent?patient={AINO}", by=eino)) == []
    event = await the_newest(ask)
    with pytest.raises(NotFound):
        await ask("read", f"AuditEvent/{event['id']}", by=eino)
    for stranger in (Jari, Kai, Olli):
        assert ids(await searched(ask, f"AuditEvent?patient={AINO}", by=stranger)) == []


async def test_a_refused_consent_of_a_stranger_s_is_told_to_whom_it_names(ask: Ask) -> None:
    await the_world(ask)
    consent = a_consent(AINO, id="mine", dateTime="2026-01-01", provision={"type": "permit"})
    assert await is_refused(ask, "update", "Consent/mine", consent, by=Olli)
    event = await the_newest(ask)
    assert (event["outcome"], who(event)) == ("4", ["Practitioner/olli", H])
    assert put(consent)["request"]["method"] == "PUT" and SARI not in who(event)
