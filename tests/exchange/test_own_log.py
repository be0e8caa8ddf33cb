"""A client's own log: who, where, when and on what ground, in plain words; refusals and empty searches too, and nothing
of others."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from builders import (
    a_care_plan,
    a_care_team,
    a_condition,
    a_consent,
    a_patient,
    a_reference,
    an_appointment,
    an_audit_event,
    an_episode_of_care,
    an_observation,
)
from exchange.answers import ids, searched
from exchange.asking import Ask, asking, resource_in
from exchange.cast import (
    ACT,
    AINO,
    NIKO,
    OLLI,
    SARI,
    Aino,
    H,
    Jari,
    Kai,
    Niko,
    Olli,
    S,
    Sari,
    a_member,
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
from sharedplan.store.searches import Seeing
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, a_trail, written

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


def in_english(event: Json) -> str:
    return told(event, "en")


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


TABOO = {"security": [{"system": ACT, "code": "TBOO"}]}


async def what_is_not_to_be_told_yet(ask: Ask) -> None:
    """A Condition that somebody is to talk with Aino about first, and one of which she knows."""
    await the_world(ask)
    await consents(ask, k1())
    await together(ask, system(S), a_condition(AINO, id="dire", meta=TABOO), a_condition(AINO, id="cold"))


async def test_what_is_not_to_be_told_yet_is_not_named(ask: Ask) -> None:
    await what_is_not_to_be_told_yet(ask)
    before = len(await the_log(ask))
    await ask("read", "Condition/dire", by=Sari)
    await ask("history-instance", "Condition/dire", by=Niko)
    await ask("update", "Condition/dire", a_condition(AINO, id="dire", meta=TABOO, code={"text": "y"}), by=system(S))
    await searched(ask, f"Condition?subject={AINO}&_id=dire", by=Sari)
    await searched(ask, f"Condition?subject={AINO}", by=Sari)
    assert await is_refused(ask, "read", "Condition/dire", by=Olli)
    events = (await the_log(ask))[: -before or None]
    assert len(events) == 6
    assert "dire" not in str(events)
    refused, whole, found, written, history, read = events
    assert entities(whole) == {AINO, "Condition/cold"} and "searched for: condition" in in_english(whole)
    for event, whose, did in (
        (read, SARI, "read: data"),
        (history, NIKO, "read the earlier versions of: data"),
        (found, SARI, "searched for: data."),
        (refused, OLLI, "read: data; tried and was given nothing"),
    ):
        assert (who(event)[0], entities(event)) == (whose, {AINO})
        assert did in in_english(event) and "ondition" not in str(event)
    assert who(written) == [S] and "changed: data" in in_english(written) and grounds(written) == {"register"}
    assert grounds(read) == {"register"} and grounds(history) == {"consent"}
    one = resource_in(await ask("read", f"AuditEvent/{read['id']}", by=Aino))
    assert one["entity"] == read["entity"] and one["text"] == read["text"]
    version = resource_in(await ask("vread", f"AuditEvent/{read['id']}/1", by=Aino))
    assert version["entity"] == read["entity"]
    whole_log = await searched(ask, f"AuditEvent?entity=Condition/dire&patient={AINO}", by=Sari)
    assert whole_log["total"] == len(ids(whole_log)) > 5  # who keeps the register is told as ever


async def test_nothing_is_found_by_what_is_not_to_be_told_yet(ask: Ask) -> None:
    await what_is_not_to_be_told_yet(ask)
    await ask("read", "Condition/dire", by=Sari)
    await ask("delete", "Condition/dire", by=system(S))
    for query in (
        "AuditEvent?entity=Condition/dire",
        "AuditEvent?entity=Condition/dire,Condition/never-was",
        "AuditEvent?entity:Condition=dire&_summary=count",
        "AuditEvent?entity:Condition._security=TBOO",
        f"Patient?_has:AuditEvent:patient:entity=Condition/dire&_id={AINO[8:]}",
    ):
        found = await searched(ask, query, by=Aino)
        assert (found["total"], ids(found)) == (0, []), query
    for query in (f"AuditEvent?patient={AINO}&_include=AuditEvent:entity", "Patient?_revinclude=AuditEvent:patient"):
        answer = await ask("search-type", f"{query}&_count=100", by=Aino)
        assert "cold" in str(answer.content) and "dire" not in str(answer.content), query
    later = await searched(ask, f"AuditEvent?patient={AINO}&_count=1&_sort=-_lastUpdated", by=Aino)
    for _ in range(6):
        url = next((each["url"] for each in later["link"] if each["relation"] == "next"), None)
        if url is None:
            break
        later = await searched(ask, "AuditEvent?" + url.partition("?")[2], by=Aino)
        assert "dire" not in str(later)


async def test_it_goes_by_the_label_that_a_thing_has_now(ask: Ask) -> None:
    await what_is_not_to_be_told_yet(ask)
    await ask("read", "Condition/cold", by=Aino)
    await ask("delete", "Condition/dire", by=system(S))  # a label goes with what it is on, and not before
    await ask("update", "Condition/dire", a_condition(AINO, id="dire"), by=system(S))
    await ask("update", "Condition/cold", a_condition(AINO, id="cold", meta=TABOO), by=system(S))
    log = resource_in(await ask("search-type", f"AuditEvent?patient={AINO}&_count=100", by=Aino))
    assert "Condition/dire" in str(log) and "Condition/cold" not in str(log)


async def test_asking_for_what_is_hidden_leaves_no_more_than_asking_for_what_is_not_there(ask: Ask) -> None:
    await what_is_not_to_be_told_yet(ask)
    both = [{"actor": a_reference(each), "status": "accepted"} for each in (AINO, "Patient/eino")]
    await ask("update", "Patient/eino", a_patient(id="eino"), by=system(S))
    await together(ask, system(S), an_appointment(id="both", participant=both))
    await ask("delete", "Condition/cold", by=system(S))

    async def rows() -> list[Json]:
        query = f"AuditEvent?patient={AINO}&agent={AINO}&outcome=4&_count=100&_sort=-_lastUpdated"
        return [each["resource"] for each in (await searched(ask, query, by=Aino)).get("entry", [])]

    for hidden in ("Condition/dire", "Condition/cold", "Appointment/both"):
        type, _, id = hidden.partition("/")
        for interaction in ("read", "history-instance", "delete"):
            left = []
            for address in (hidden, f"{type}/never-was"):
                before = len(await rows())
                assert await is_refused(ask, interaction, address, by=Aino) or interaction == "delete"
                left.append(len(await rows()) - before)
            assert left[0] == left[1], (hidden, interaction)
    said = []
    await ask("update", "EpisodeOfCare/dire", an_episode_of_care(AINO, id="dire", meta=TABOO), by=system(S))
    for id in ("dire", "never-was"):
        assert await is_refused(ask, "update", f"EpisodeOfCare/{id}", an_episode_of_care(AINO, id=id), by=Aino)
        row = (await rows())[0]
        said.append(str([row["entity"], row["outcomeDesc"]]).replace(id, "x"))
        assert f"EpisodeOfCare/{id}" in entities(row)
    assert said[0] == said[1]
    visible = "CarePlan/1"
    assert await is_refused(ask, "delete", visible, by=Aino)
    assert visible in entities((await rows())[0])


async def test_a_consent_that_is_not_to_be_told_yet_is_no_ground_that_is_named(ask: Ask) -> None:
    await what_is_not_to_be_told_yet(ask)
    task = resource_in(await ask("read", "Task/nikos", by=Niko))
    await ask("update", "Task/nikos", {**task, "status": "accepted"}, by=Niko)
    assert "Consent/k1/_history/1" in entities(await the_newest(ask))
    await ask("update", "Consent/k1", {**k1(), "meta": TABOO}, by=system(S))
    newest = next(each for each in await the_log(ask) if who(each)[0] == NIKO and each["action"] == "U")
    assert entities(newest) == {AINO, "Task/nikos/_history/2"} and grounds(newest) == {"consent"}


async def test_nor_is_it_named_by_what_another_system_recorded(ask: Ask, store: Store) -> None:
    await what_is_not_to_be_told_yet(ask)
    for id in ("dire", "cold"):
        event = an_audit_event(
            text={"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{id}</div>'},
            outcomeDesc=f"looked at a {id} disease",
            entity=[
                {"what": a_reference(AINO)},
                {"what": a_reference(f"Condition/{id}"), "name": f"a {id} disease"},
                {"query": "ZGlyZQ==", "description": id},
            ],
        )
        await written(store, a_change(event, id=f"of-{id}", controller=S))
    found = await searched(ask, f"AuditEvent?patient={AINO}&_id=of-dire,of-cold", by=Aino)
    assert sorted(ids(found)) == ["of-cold", "of-dire"]
    shown = next(each["resource"] for each in found["entry"] if each["resource"]["id"] == "of-dire")
    assert shown["entity"] == [{"what": a_reference(AINO)}] and "disease" not in str(shown)
    assert resources.issues_of("AuditEvent", shown) == []
    assert resource_in(await ask("read", "AuditEvent/of-dire", by=Aino)) == shown
    for query in ("entity=Condition/{}", "entity-name=a%20{}", "_text={}", "_content={}"):
        for id, seen in (("dire", []), ("cold", ["of-cold"])):
            found = await searched(
                ask, f"AuditEvent?{query.format(id)}&_id=of-dire,of-cold".replace("%20", " "), by=Aino
            )
            assert ids(found) == seen, query
    several = an_audit_event(entity=[{"what": a_reference(each)} for each in (AINO, "Patient/eino")])
    await written(store, a_change(several, id="of-several", controller=S))
    said = {}
    for id in ("of-dire", "of-cold", "of-several", "never-was"):
        answer = await ask("operation", f"AuditEvent/{id}", by=Aino, operation="validate", method="POST")
        said[id] = str(answer.content).replace(id, "x")
    assert "dire" not in said["of-dire"] and "eino" not in said["of-several"]
    assert said["of-several"] == said["never-was"]


async def what_others_did(ask: Ask) -> None:
    """Deeds of H's people to what lies in the register of S, to what lies in their own, and to both at once."""
    await the_world(ask)
    await together(ask, system(H), a_care_plan(AINO, id="theirs"))
    await consents(ask, k1())
    for address in ("CarePlan/1", "CarePlan/theirs"):
        await ask("read", address, by=Niko)
    await searched(ask, f"CarePlan?patient={AINO}&_id=1,theirs", by=Niko)
    await searched(ask, f"CarePlan?patient={AINO}&_id=theirs", by=Niko)
    await searched(ask, "CarePlan?subject=Patient/aino&identifier=secret", by=Niko)
    task = resource_in(await ask("read", "Task/nikos", by=Niko))
    await ask("update", "Task/nikos", {**task, "note": [{"text": "x"}]}, by=Niko)
    await ask("delete", "CarePlan/theirs", by=system(H))
    await ask("delete", "Task/nikos", by=system(S))


@pytest.mark.parametrize("by", [Sari, system(S)], ids=["Sari", "S"])
async def test_who_looks_after_a_client_is_told_what_others_did_in_the_own_register(ask: Ask, by: Any) -> None:
    await what_others_did(ask)
    events = await the_log(ask, f"&agent={H}", by=by)
    found = [(each["subtype"][0]["code"], sorted(entities(each) - {"Consent/k1/_history/1"})) for each in events]
    assert found == [
        ("update", [AINO, "Task/nikos/_history/2"]),
        ("read", [AINO, "Task/nikos"]),
        ("search-type", ["CarePlan/1", AINO]),
        ("read", ["CarePlan/1", AINO]),
    ]
    assert not any("query" in entity for each in events for entity in each["entity"])
    assert "theirs" not in str(events) and all(grounds(each) == {"consent"} for each in events)
    deleted = await searched(ask, f"AuditEvent?patient={AINO}&entity=Task/nikos&subtype=delete", by=by)
    assert len(ids(deleted)) == 1
    whole = await the_log(ask)
    assert "CarePlan/theirs" in str(whole) and len([each for each in whole if H in who(each)]) > len(events)


@pytest.mark.parametrize("by", [Sari, system(S)], ids=["Sari", "S"])
async def test_no_way_leads_to_what_others_did_in_their_registers(ask: Ask, by: Any) -> None:
    await what_others_did(ask)
    for query in (
        "AuditEvent?entity=CarePlan/theirs",
        f"AuditEvent?entity:CarePlan=theirs&patient={AINO}&_summary=count",
        f"AuditEvent?patient={AINO}&agent={H}&subtype=delete",
        f"Patient?_has:AuditEvent:patient:entity=CarePlan/theirs&_id={AINO[8:]}",
    ):
        found = await searched(ask, query, by=by)
        assert (found["total"], ids(found)) == (0, []), query
    for query in (f"AuditEvent?patient={AINO}&_include=AuditEvent:entity", "Patient?_revinclude=AuditEvent:patient"):
        answer = await ask("search-type", f"{query}&_count=100", by=by)
        assert "CarePlan/1" in str(answer.content) and "theirs" not in str(answer.content), query
    page = await searched(ask, f"AuditEvent?patient={AINO}&_count=2&_sort=-_lastUpdated", by=by)
    for _ in range(20):
        assert "theirs" not in str(page)
        url = next((each["url"] for each in page["link"] if each["relation"] == "next"), None)
        if url is None:
            break
        page = await searched(ask, "AuditEvent?" + url.partition("?")[2], by=by)
    theirs = await searched(ask, f"AuditEvent?patient={AINO}&entity=CarePlan/theirs&agent={H}", by=Aino)
    assert len(ids(theirs)) > 3
    for id in ids(theirs):
        for interaction, address in (("read", f"AuditEvent/{id}"), ("vread", f"AuditEvent/{id}/1")):
            try:
                shown = str((await ask(interaction, address, by=by)).content)
            except NotFound:
                continue
            assert "theirs" not in shown and "CarePlan/1" in shown  # the search that found something of both


async def test_a_consent_that_lies_elsewhere_is_not_told_of(ask: Ask, store: Store) -> None:
    await the_world(ask)
    await written(store, a_change(k1(), id="theirs", controller=H), a_change(k1(), id="ours", controller=S))
    grounds_of_it = ("consent", "Consent/theirs/_history/1", "Consent/ours/_history/1")
    deed = {"organization": H, "person": NIKO, "patients": (AINO,), "registers": (S,), "grounds": grounds_of_it}
    async with store.begin() as unit:
        await unit.record(a_trail("update", "Task", resource_id="nikos", version=2)._replace(**deed))
    assert "Consent/theirs" in str(await the_newest(ask))
    [told_to_sari] = await the_log(ask, f"&agent={NIKO}", by=Sari)
    assert "theirs" not in str(told_to_sari) and grounds(told_to_sari) == {"consent"}
    assert entities(told_to_sari) == {AINO, "Task/nikos/_history/2", "Consent/ours/_history/1"}


async def test_what_names_nobody_is_not_told_to_who_was_shown_beside_it(ask: Ask) -> None:
    await the_world(ask)
    nobody_s = {"resourceType": "Communication", "id": "nobodys", "status": "completed", "recipient": [a_reference(H)]}
    await together(ask, system(S), nobody_s)
    found = resource_in(await ask("search-system", "?_type=Communication,Goal&_id=nobodys,1", by=system(S)))
    assert set(ids(found)) == {"nobodys", "1"}
    event = await the_newest(ask)
    assert (who(event), entities(event)) == ([S], {AINO, "Goal/1"})
    assert ids(await searched(ask, "AuditEvent?entity=Communication/nobodys", by=Aino)) == []
    whole = await searched(ask, "AuditEvent?entity=Communication/nobodys&subtype=search-system", by=system(S))
    assert len(ids(whole)) == 1


@pytest.mark.parametrize("by", [Sari, Niko, system(S), system(H), system("Organization/strange")])
async def test_it_is_the_same_whichever_way_it_is_found(
    ask: Ask, guarded: Store, by: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await what_others_did(ask)
    await ask("read", "Goal/1", by=Sari)
    before = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    questions = (
        "AuditEvent?_count=500",
        f"AuditEvent?patient={AINO}&_count=500",
        "AuditEvent?action=R,U&_count=500&_sort=-_lastUpdated",
        f"AuditEvent?agent={NIKO},{S}&_count=500",
        "AuditEvent?entity=CarePlan/1,Task/nikos&_count=500",
        f"Patient?_has:AuditEvent:patient:agent={H}&_count=500",
    )
    found = []
    for way in ("little", "some", "much"):
        seen = Seeing(**{way: frozenset({"AuditEvent", "Patient"})})
        monkeypatch.setattr("sharedplan.store.extents.Extent.seeing", lambda extent, type, seen=seen: seen)
        fresh = asking(Store(guarded.pool))  # what was counted is kept
        found.append(
            [sorted(ids(await searched(fresh, f"{each}&_lastUpdated=lt{before}", by=by))) for each in questions]
        )
    assert found[0] == found[1] == found[2]
    assert any(found[0]) or by == system("Organization/strange")


async def test_what_was_shown_beside_it_is_not_told_of(ask: Ask, store: Store) -> None:
    await the_world(ask)
    await consents(ask, k1())
    pekka, eino = "Patient/pekka", "Patient/eino"
    await together(
        ask,
        system(S),
        a_patient(id="pekka"),
        a_care_team(pekka, id="pekkas", participant=[a_member(NIKO, "nurse")]),
    )
    based = [a_reference("CarePlan/1")]
    await together(
        ask, system(H), a_patient(id="eino"), a_care_team(eino, id="einos", participant=[a_member(NIKO, "nurse")])
    )
    await written(
        store,
        a_change(an_observation(pekka), id="pekkas", controller=H),
        a_change(an_observation(eino), id="einos", controller=H),
        a_change(an_observation(AINO, basedOn=based), id="hid", controller=H),
    )
    seen = await ask("search-system", "?_type=CarePlan,Observation&_id=1,pekkas,einos", by=Niko)
    assert {"1", "pekkas", "einos"} == set(ids(resource_in(seen)))
    await searched(ask, "Observation?_id=hid&_include=Observation:based-on", by=Niko)
    for by in (Sari, system(S)):
        of_pekka = await searched(ask, f"AuditEvent?patient=Patient/pekka&agent={H}", by=by)
        assert of_pekka["total"] == 0
        events = await the_log(ask, f"&agent={H}&subtype=search-type,search-system", by=by)
        assert [entities(each) for each in events] == [{AINO, "CarePlan/1"}] * 2
        assert "searched for." in in_english(events[0]) and "bservation" not in str(events)


async def test_what_was_deleted_since_is_told_as_it_was_shown(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    await ask("operation", "CarePlan/1", by=Niko, operation="document")
    await searched(ask, f"Goal?patient={AINO}", by=Niko)
    before = [entities(each) for each in await the_log(ask, f"&agent={NIKO}", by=Sari)]
    assert before[0] == {AINO, "Goal/1"} and "CarePlan/1" in before[1]
    await ask("delete", "Goal/1", by=system(S))
    await ask("delete", "CarePlan/1", by=system(S))
    after = [entities(each) for each in await the_log(ask, f"&agent={NIKO}", by=Sari)]
    assert after == before


async def test_a_write_that_changes_nothing_is_told(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    task = resource_in(await ask("read", "Task/nikos", by=Niko))
    assert (await ask("update", "Task/nikos", task, by=Niko)).version == 1
    newest = (await the_log(ask, f"&agent={NIKO}", by=Sari))[0]
    assert newest["subtype"][0]["code"] == "update" and "Task/nikos/_history/1" in entities(newest)


async def test_what_is_left_of_a_page_may_be_in_no_register(ask: Ask) -> None:
    await the_world(ask)
    await together(ask, system(S), {"resourceType": "Practitioner", "id": "sari"})
    dire = a_condition(AINO, id="dire", meta=TABOO, asserter=a_reference(SARI))
    await together(ask, system(S), dire)
    shown = await searched(ask, "Condition?_id=dire&_include=Condition:asserter", by=system(S))
    assert {each["resource"]["id"] for each in shown["entry"]} == {"dire", "sari"}
    event = await the_newest(ask)
    assert who(event) == [S] and "dire" not in str(event) and entities(event) == {AINO, SARI}
