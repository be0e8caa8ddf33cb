"""Every write of a client's data leaves a Provenance: who, for whom, by which system, what for, and on whose word."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from builders import (
    a_care_plan,
    a_concept,
    a_goal,
    a_patient,
    a_provenance,
    a_reference,
    an_appointment,
    an_encounter,
    an_observation,
    an_organization,
)
from exchange.answers import ids, named, searched
from exchange.asking import BASE, Ask, a_bundle, an_entry, resource_in
from exchange.cast import (
    AINO,
    JARI,
    NIKO,
    SARI,
    Aino,
    H,
    Jari,
    Kai,
    Leena,
    Mother,
    Niko,
    Olli,
    S,
    Sari,
    a_permit,
    consents,
    day,
    k1,
    k2,
    put,
    system,
    the_world,
)
from sharedplan.access.principal import Principal
from sharedplan.access.rows import rows_of
from sharedplan.access.scopes import parse
from sharedplan.errors import Incorrect, NotFound, Refused, SharedplanError, Unprocessable
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.provenances import MARK
from sharedplan.search.indexing import Inner, index_values, inner_values
from sharedplan.store.reindexing import reindex
from sharedplan.store.unit_of_work import Store

PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PLAN = "CarePlan/1"
PSY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}


async def provenances(ask: Ask, of: str, *, by: Principal | None = None) -> list[Json]:
    """Those of a thing, oldest first."""
    found = await searched(ask, f"Provenance?target={of}&_sort=_lastUpdated&_count=100", by=by or system(S))
    return [each["resource"] for each in found.get("entry", ())]


def told(provenance: Json) -> tuple[str, str]:
    """What was done to which version."""
    (target,) = provenance["target"]
    return provenance["activity"]["coding"][0]["code"], target["reference"]


async def test_each_write_leaves_one_of_the_version_that_it_made(ask: Ask) -> None:
    await ask("update", AINO, a_patient(id="aino"), by=system(S))
    await ask("update", "Goal/1", a_goal(AINO, id="1"), by=system(S))
    await ask("update", "Goal/1", a_goal(AINO, id="1", startDate="2026-01-01"), by=system(S))
    change = [{"op": "replace", "path": "/startDate", "value": "2026-01-02"}]
    await ask("patch", "Goal/1", change, by=system(S), patch_format="json-patch")
    await ask("delete", "Goal/1", by=system(S))
    found = await provenances(ask, "Goal/1")
    assert [told(each) for each in found] == [
        ("CREATE", "Goal/1/_history/1"),
        ("UPDATE", "Goal/1/_history/2"),
        ("UPDATE", "Goal/1/_history/3"),
        ("DELETE", "Goal/1/_history/4"),
    ]
    history = resource_in(await ask("history-instance", "Goal/1", by=system(S)))
    instants = [each["response"]["lastModified"] for each in reversed(history["entry"])]
    assert [each["recorded"] for each in found] == instants
    created = await ask("create", "Observation", an_observation(AINO), by=system(S))
    assert [told(each) for each in await provenances(ask, f"Observation/{created.id}")] == [
        ("CREATE", f"Observation/{created.id}/_history/1")
    ]


async def test_it_names_the_person_the_organisation_the_system_and_the_purpose(ask: Ask) -> None:
    await the_world(ask)
    await ask("update", "Goal/2", a_goal(AINO, id="2"), by=replace(Sari, purpose="CAREMGT"))
    (found,) = await provenances(ask, "Goal/2")
    author, assembler = found["agent"]
    assert author == {
        "type": {"coding": [{"system": PARTICIPANT, "code": "author", "display": "Author"}]},
        "who": a_reference(SARI),
        "onBehalfOf": a_reference(S),
    }
    assert assembler["type"]["coding"][0]["code"] == "assembler"
    assert assembler["who"] == {"type": "Device", "identifier": {"value": "app"}}
    assert found["reason"] == [a_concept(REASON, "CAREMGT")]
    assert found["meta"]["tag"] == [MARK]
    (of_system,) = await provenances(ask, "Goal/1")
    assert of_system["agent"][0]["who"] == a_reference(S)


async def test_an_update_that_changes_nothing_leaves_none(ask: Ask) -> None:
    for _ in range(2):
        await ask("update", AINO, a_patient(id="aino"), by=system(S))
    assert len(await provenances(ask, AINO)) == 1


async def test_what_was_there_already_gets_none(ask: Ask) -> None:
    known = a_patient(identifier=[{"system": "urn:ids", "value": "1"}])
    for _ in range(2):
        await ask("create", "Patient", known, by=system(S), if_none_exist="identifier=urn:ids|1")
    assert (await searched(ask, "Provenance?_summary=count", by=system(S)))["total"] == 1


async def test_what_failed_leaves_none(ask: Ask) -> None:
    bad = a_bundle("transaction", put(a_patient(id="aino")), put({"resourceType": "Goal", "id": "1"}))
    with pytest.raises(SharedplanError):
        await ask("transaction", "", bad, by=system(S))
    assert (await searched(ask, "Provenance?_summary=count", by=system(S)))["total"] == 0


async def test_in_a_transaction_each_entry_has_its_own_and_in_a_batch(ask: Ask) -> None:
    things = (a_patient(id="aino"), a_care_plan(AINO, id="1"), a_goal(AINO, id="1"))
    await ask("transaction", "", a_bundle("transaction", *map(put, things)), by=system(S))
    again = (a_goal(AINO, id="1", startDate="2026-01-01"), a_goal(AINO, id="2"))
    await ask("batch", "", a_bundle("batch", *map(put, again), an_entry("DELETE", "CarePlan/1")), by=system(S))
    whole = await searched(ask, "Provenance?_sort=_lastUpdated", by=system(S))
    found = [each["resource"] for each in whole["entry"]]
    assert sorted(told(each) for each in found) == sorted(
        [
            ("CREATE", "Patient/aino/_history/1"),
            ("CREATE", "CarePlan/1/_history/1"),
            ("CREATE", "Goal/1/_history/1"),
            ("UPDATE", "Goal/1/_history/2"),
            ("CREATE", "Goal/2/_history/1"),
            ("DELETE", "CarePlan/1/_history/2"),
        ]
    )
    instants = [each["meta"]["lastUpdated"] for each in found]
    assert len(set(instants)) == len(instants)


async def test_an_operation_leaves_one_of_what_it_writes(ask: Ask) -> None:
    await the_world(ask)
    body = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "found unconscious"}]}
    olli = replace(Olli, purpose="ETREAT")
    answer = resource_in(await ask("operation", AINO, body, by=olli, operation="break-glass", method="POST"))
    (task,) = (each["valueReference"]["reference"] for each in answer["parameter"] if each["name"] == "task")
    assert [told(each) for each in await provenances(ask, task)] == [("CREATE", f"{task}/_history/1")]
    # An emergency opens the core data, and not who wrote it.
    assert (await ask("read", PLAN, by=olli)).status == 200
    assert await provenances(ask, PLAN, by=olli) == []


async def test_the_directory_and_provenances_themselves_leave_none(ask: Ask) -> None:
    await ask("update", S, an_organization(id="s"), by=system(S))
    await ask("update", AINO, a_patient(id="aino"), by=system(S))
    await ask("create", "Provenance", a_provenance(AINO), by=system(S))
    whole = await searched(ask, f"Provenance?_tag={MARK['system']}|{MARK['code']}", by=system(S))
    assert [told(each["resource"])[1] for each in whole["entry"]] == ["Patient/aino/_history/1"]


async def test_they_are_found_as_any_other(ask: Ask) -> None:
    await the_world(ask)
    (made,) = await provenances(ask, PLAN)
    by, id = system(S), made["id"]
    for question in (
        f"Provenance?patient={AINO}&target={PLAN}",
        f"Provenance?target={PLAN}&recorded=ge{day(date(2026, 3, 1))}",
        f"Provenance?target={PLAN}&agent={S}",
        f"Provenance?target={PLAN}&agent:identifier=records",
        f"Provenance?target:CarePlan.status=active&agent-type=author&target={PLAN}",
    ):
        assert ids(await searched(ask, question, by=by)) == [id], question
    assert not ids(await searched(ask, f"Provenance?target={PLAN}&recorded=lt2020", by=by))
    with_it = await searched(ask, "CarePlan?_revinclude=Provenance:target", by=by)
    assert named(with_it, "include") == [f"Provenance/{id}"]
    inside = resource_in(await ask("search-type", "Provenance", by=by, compartment=("Patient", "aino")))
    assert id in ids(inside)
    assert resource_in(await ask("read", f"Provenance/{id}", by=by)) == made
    assert resource_in(await ask("vread", f"Provenance/{id}/1", by=by)) == made
    whole = resource_in(await ask("history-type", "Provenance", by=by))
    assert id in [each["resource"]["id"] for each in whole["entry"]]


async def test_a_reindex_finds_nothing_to_mend(ask: Ask, store: Store) -> None:
    await the_world(ask)
    await ask("delete", "Goal/1", by=system(S))
    await ask("create", "Provenance", a_provenance(PLAN), by=system(S))
    said = stated(contained=[{"resourceType": "Device", "id": "d"}], agent=[{"who": a_reference("#d")}])
    await ask("update", "Goal/2", a_goal(AINO, id="2"), by=system(S), provenance=said)

    def values(type: str, content: str) -> dict[str, Any]:
        return index_values(type, json_text.read(content), base=BASE)

    def derived(type: str, content: str, version: int) -> str | None:
        return rows_of(json_text.read(content), version)

    def inners(type: str, content: str) -> tuple[Inner, ...]:
        return inner_values(json_text.read(content), base=BASE)

    assert (await reindex(store.pool, "Provenance", values, derived, inners)).mended == 0


# On whose word: X-Provenance


def stated(**elements: Any) -> Json:
    return {"resourceType": "Provenance", **elements}


INFORMANT = {"type": a_concept(PARTICIPANT, "informant"), "who": a_reference("RelatedPerson/leena")}


async def test_what_the_header_states_is_kept_beside_what_the_token_says(ask: Ask) -> None:
    await ask("update", AINO, a_patient(id="aino"), by=system(S))
    said = stated(
        recorded="2001-01-01T00:00:00Z",
        occurredDateTime="2026-01-01",
        policy=["urn:policy"],
        reason=[{"text": "asked by the client"}],
        activity={"coding": [{"system": "urn:a", "code": "b"}], "text": "told by phone"},
        agent=[INFORMANT],
        entity=[{"role": "source", "what": a_reference("DocumentReference/1")}],
        text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">by phone</div>'},
        meta={"tag": [{"code": "mine"}], "versionId": "7"},
    )
    await ask("update", "Goal/1", a_goal(AINO, id="1"), by=system(S), provenance=said)
    (found,) = await provenances(ask, "Goal/1")
    assert [each["type"]["coding"][0]["code"] for each in found["agent"]] == ["author", "assembler", "informant"]
    assert found["agent"][2] == INFORMANT
    assert found["recorded"] > "2026"
    assert (found["occurredDateTime"], found["policy"], found["entity"]) == (
        said["occurredDateTime"],
        said["policy"],
        said["entity"],
    )
    assert [each["code"] for each in found["activity"]["coding"]] == ["CREATE", "b"]
    assert (found["activity"]["text"], found["text"]) == ("told by phone", said["text"])
    assert [each.get("text") for each in found["reason"]] == [None, "asked by the client"]
    assert ([each["code"] for each in found["meta"]["tag"]], found["meta"]["versionId"]) == (
        ["by-service", "mine"],
        "1",
    )
    assert ids(await searched(ask, "Provenance?agent=RelatedPerson/leena", by=system(S))) == [found["id"]]
    assert ids(await searched(ask, "Provenance?entity=DocumentReference/1", by=system(S))) == [found["id"]]


async def test_what_the_header_contains_is_kept_and_found(ask: Ask) -> None:
    await ask("update", AINO, a_patient(id="aino"), by=system(S))
    device = {"resourceType": "Device", "id": "d", "deviceName": [{"name": "tablet", "type": "user-friendly-name"}]}
    said = stated(contained=[device], agent=[{"who": a_reference("#d")}])
    await ask("update", "Goal/1", a_goal(AINO, id="1"), by=system(S), provenance=said)
    (found,) = await provenances(ask, "Goal/1")
    assert found["contained"] == [device]
    inside = await searched(ask, "Device?device-name=tablet&_contained=true&_containedType=container", by=system(S))
    assert ids(inside) == [found["id"]]


async def test_the_header_of_a_bundle_speaks_of_each_entry(ask: Ask) -> None:
    entries = [put(each) for each in (an_organization(id="s"), a_patient(id="aino"), a_goal(AINO, id="1"))]
    await ask("transaction", "", a_bundle("transaction", *entries), by=system(S), provenance=stated(agent=[INFORMANT]))
    again = put(a_goal(AINO, id="2"))
    await ask("batch", "", a_bundle("batch", again), by=system(S), provenance=stated(agent=[INFORMANT]))
    whole = await searched(ask, "Provenance?agent=RelatedPerson/leena", by=system(S))
    assert sorted(told(each["resource"])[1] for each in whole["entry"]) == [
        "Goal/1/_history/1",
        "Goal/2/_history/1",
        "Patient/aino/_history/1",
    ]


@pytest.mark.parametrize(
    "said",
    [
        stated(target=[a_reference(AINO)]),
        stated(agent=[{"type": {"text": "nobody"}}]),
        stated(agents=[]),
        stated(entity=[{"role": "invented", "what": a_reference(AINO)}]),
        stated(meta={"tag": [MARK]}),
    ],
    ids=["with a target", "an agent who is nobody", "no such element", "no such code", "the service's own tag"],
)
@pytest.mark.parametrize("interaction", ["update", "transaction", "batch"])
async def test_a_header_that_cannot_be_kept_is_refused_and_nothing_is_written(
    ask: Ask, interaction: str, said: Json
) -> None:
    patient = a_patient(id="aino")
    body = patient if interaction == "update" else a_bundle(interaction, put(patient))
    with pytest.raises(Incorrect) as refused:
        await ask(interaction, AINO if interaction == "update" else "", body, by=system(S), provenance=said)
    assert all("X-Provenance" in each.saying for each in refused.value.issues)
    with pytest.raises(NotFound):
        await ask("read", AINO, by=system(S))


@pytest.mark.parametrize("resource", [an_organization(id="s"), a_provenance(AINO, id="1")])
async def test_the_header_is_refused_where_no_provenance_is_kept(ask: Ask, resource: Json) -> None:
    with pytest.raises(Incorrect, match="no Provenance is kept of"):
        address = f"{resource['resourceType']}/{resource['id']}"
        await ask("update", address, resource, by=system(S), provenance=stated(agent=[INFORMANT]))


async def test_the_log_tells_whose_provenance_was_looked_at(ask: Ask) -> None:
    await the_world(ask)
    (made,) = await provenances(ask, PLAN)
    for interaction, address in (("read", ""), ("vread", "/1"), ("history-instance", "")):
        await ask(interaction, f"Provenance/{made['id']}{address}", by=Sari)
        log = await searched(ask, f"AuditEvent?patient={AINO}&subtype={interaction}&_count=50", by=Aino)
        assert len(log["entry"]) == 1, interaction


# Nobody forges


async def test_what_the_service_recorded_is_never_changed(ask: Ask) -> None:
    await the_world(ask)
    (made,) = await provenances(ask, PLAN)
    address = f"Provenance/{made['id']}"
    changed = {**made, "agent": made["agent"][:1]}
    unmarked = {name: value for name, value in made.items() if name != "meta"}
    for by in (system(S), Sari):
        for question in (
            ("update", address, changed),
            ("update", address, unmarked),
            ("delete", address, None),
        ):
            with pytest.raises(Refused):
                await ask(*question, by=by)
        with pytest.raises(Refused):
            change = [{"op": "remove", "path": "/agent/1"}]
            await ask("patch", address, change, by=by, patch_format="json-patch")
    assert (await ask("update", address, made, by=system(S))).version == 1
    assert resource_in(await ask("read", address, by=system(S))) == made


async def test_nobody_gives_the_tag_of_the_service(ask: Ask) -> None:
    await the_world(ask)
    with pytest.raises(Unprocessable):
        await ask("create", "Provenance", a_provenance(PLAN, meta={"tag": [MARK]}), by=system(S))
    await ask("update", "Provenance/own", a_provenance(PLAN, id="own"), by=system(S))
    with pytest.raises(Unprocessable):
        change = [{"op": "add", "path": "/meta/tag", "value": [MARK]}]
        await ask("patch", "Provenance/own", change, by=system(S), patch_format="json-patch")


async def test_what_one_is_of_stays_as_it_is(ask: Ask) -> None:
    await the_world(ask)
    await ask("update", "Provenance/own", a_provenance(PLAN, id="own"), by=system(S))
    with pytest.raises(Unprocessable, match="stays as it is"):
        await ask("update", "Provenance/own", a_provenance("Goal/1", id="own"), by=system(S))
    other = a_provenance(PLAN, id="own", policy=["urn:p"])
    assert (await ask("update", "Provenance/own", other, by=system(S))).version == 2
    assert (await ask("delete", "Provenance/own", by=system(S))).status == 204


# Seen by whoever sees all that it is of


async def of(ask: Ask, by: Principal) -> set[str]:
    """What the Provenances are of that the asker sees, by whatever way he looks."""
    whole = await searched(ask, "Provenance?_count=200", by=by)
    of_client = await searched(ask, f"Provenance?patient={AINO}&_count=200", by=by)
    history = resource_in(await ask("history-type", "Provenance?_count=200", by=by))
    found = {each["resource"]["id"]: each["resource"] for each in whole.get("entry", ())}
    assert found.keys() == set(ids(of_client)) == {each["resource"]["id"] for each in history.get("entry", ())}
    assert whole["total"] == of_client["total"] == history["total"] == len(found)
    for id in found:
        await ask("read", f"Provenance/{id}", by=by)
    return {each["reference"].partition("/_history")[0] for one in found.values() for each in one["target"]}


async def test_it_is_seen_by_whoever_sees_what_it_is_of(ask: Ask) -> None:
    await the_world(ask)
    everything = await of(ask, system(S)) | await of(ask, system(H))
    assert {PLAN, "Goal/1", "Observation/psy", AINO} <= everything
    own = {"Observation/psy", "Observation/plain", "Observation/old", "Observation/new"}
    assert await of(ask, Niko) == own  # in his own register
    assert await of(ask, Jari) == await of(ask, Leena) == await of(ask, Kai) == set()
    await consents(ask, k1(), k2())
    everything |= {"Consent/k1", "Consent/k2"}
    assert await of(ask, Niko) == everything
    assert await of(ask, Jari) == {PLAN, "CareTeam/1", "Task/nikos"}
    assert await of(ask, Leena) == await of(ask, Kai) == set()
    assert await of(ask, Aino) == everything
    await ask("update", "Consent/k1", k1(status="inactive"), by=system(S))
    assert await of(ask, Niko) == own


async def test_what_is_not_to_be_told_to_the_client_is_not_told_by_whom_it_is(ask: Ask) -> None:
    await the_world(ask)
    untold = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "TBOO"}]}
    await ask("update", "Goal/untold", a_goal(AINO, id="untold", meta=untold), by=system(S))
    assert "Goal/untold" not in await of(ask, Aino)
    assert "Goal/untold" in await of(ask, Sari)


async def test_of_what_was_deleted_only_the_system_of_its_register_sees_who_did_it(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    await ask("delete", "Goal/1", by=system(S))
    assert [told(each)[0] for each in await provenances(ask, "Goal/1")] == ["CREATE", "DELETE"]
    for by in (Niko, Aino, Sari, system(H)):
        assert await provenances(ask, "Goal/1", by=by) == []


async def test_one_of_several_things_is_hidden_with_any_of_them(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1(), k2())
    await ask("update", "Provenance/two", a_provenance(PLAN, "Goal/1", id="two"), by=system(S))
    await ask("update", "Provenance/one", a_provenance(PLAN, id="one"), by=system(S))
    for by, seen in ((Niko, {"one", "two"}), (Jari, {"one"}), (Aino, {"one", "two"}), (Kai, set()), (Leena, set())):
        assert {"one", "two"} & set(ids(await searched(ask, "Provenance", by=by))) == seen
        for id in ("one", "two"):
            if id not in seen:
                with pytest.raises(NotFound):
                    await ask("read", f"Provenance/{id}", by=by)
    found = await searched(ask, "CarePlan?_id=1&_revinclude=Provenance:target", by=Jari)
    assert "Provenance/two" not in named(found, "include")
    assert "Provenance/one" in named(found, "include")


async def test_many_at_once_are_judged_as_each_by_itself(ask: Ask) -> None:
    """All of them are judged by what was found out of each client once; one that is named, by itself."""
    await the_world(ask)
    psy = a_permit(NIKO, id="p", type="deny", given=day(date(2026, 2, 2), at=9), provision={"securityLabel": [PSY]})
    await consents(ask, k1(), k2(), psy)
    both = [{"actor": a_reference(each), "status": "accepted"} for each in (AINO, "Patient/eino")]
    await ask("update", "Patient/eino", a_patient(id="eino"), by=system(S))
    await ask("update", "Appointment/both", an_appointment(id="both", participant=both), by=system(S))
    await ask("update", "Goal/gone", a_goal(AINO, id="gone"), by=system(H))
    await ask("delete", "Goal/gone", by=system(H))
    await ask("create", "Provenance", a_provenance("Goal/1", "Observation/plain"), by=Niko)  # in two registers
    await ask("create", "Provenance", a_provenance("Goal/1", "Practitioner/sari"), by=Sari)
    await ask("create", "Provenance", a_provenance("Goal/never-was"), by=Sari)
    askers = (Sari, Niko, Jari, Kai, Olli, Leena, Mother, Aino, system(S), system(H), system("Organization/n"))
    every = {each for by in askers for each in ids(await searched(ask, "Provenance?_count=200", by=by))}
    counts = {}
    for by in askers:
        alone = {each for each in every if ids(await searched(ask, f"Provenance?_id={each}", by=by))}
        whole = await searched(ask, "Provenance?_count=200", by=by)
        assert (set(ids(whole)), whole["total"]) == (alone, len(alone)), by
        in_order = await searched(ask, "Provenance?_count=200&_sort=-_lastUpdated", by=by)
        assert set(ids(in_order)) == alone, by
        for question in ("Provenance", ""):
            feed = resource_in(
                await ask(f"history-{'type' if question else 'system'}", f"{question}?_count=300", by=by)
            )
            told = [each["resource"] for each in feed.get("entry", ()) if "resource" in each]
            assert {each["id"] for each in told if each["resourceType"] == "Provenance"} == alone, by
        counts[f"{by.person or by.organization}"] = len(alone)
    assert 0 < counts[JARI] < counts[NIKO] < len(every) and counts[H] > 4, counts


async def test_scopes_that_hide_a_type_hide_its_provenances(ask: Ask) -> None:
    await the_world(ask)
    narrow = replace(system(S), scopes=parse("system/Provenance.rs system/Goal.rs system/CarePlan.rs?status=draft"))
    found = await searched(ask, "Provenance?_count=200", by=narrow)
    assert {told(each["resource"])[1] for each in found["entry"]} == {"Goal/1/_history/1"}
    wider = replace(system(S), scopes=parse("system/Provenance.rs system/CarePlan.rs?status=active"))
    found = await searched(ask, "Provenance?_count=200", by=wider)
    assert {told(each["resource"])[1] for each in found["entry"]} == {"CarePlan/1/_history/1"}


async def test_a_target_that_is_hidden_is_told_as_one_that_is_not_there(ask: Ask) -> None:
    await the_world(ask)
    for id, target in (("hidden", "Goal/1"), ("absent", "Goal/none")):
        await ask("update", f"Provenance/{id}", a_provenance(target, id=id), by=system(H))
    questions: list[tuple[str, str]] = [
        ("read", "Provenance/{}"),
        ("vread", "Provenance/{}/1"),
        ("history-instance", "Provenance/{}"),
        ("search-type", "Provenance?_id={}&_total=accurate"),
        ("search-type", f"Provenance?_id={{}}&patient={AINO}&_total=accurate"),
    ]
    for by in (system(H), Niko, Sari, Aino):
        for interaction, address in questions:
            outcomes = []
            for id in ("hidden", "absent"):
                try:
                    answer = await ask(interaction, address.format(id), by=by)
                    total = resource_in(answer).get("total")
                    outcomes.append((answer.status, total))
                except SharedplanError as failure:
                    outcomes.append((failure.status, str(failure).replace(id, "")))
            assert outcomes[0] == outcomes[1], (by.person, interaction, address)
    # The system that wrote it keeps what it wrote, and nobody who sees the goal is shown a stranger's word on it.
    assert (await ask("read", "Provenance/hidden", by=system(H))).status == 200
    assert "Provenance/hidden" not in {f"Provenance/{each['id']}" for each in await provenances(ask, "Goal/1", by=Sari)}


async def test_one_of_a_thing_in_another_register_lies_there(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1())
    await ask("update", "Provenance/niko", a_provenance(PLAN, id="niko"), by=Niko)
    assert "niko" in {each["id"] for each in await provenances(ask, PLAN, by=system(S))}
    assert "niko" in {each["id"] for each in await provenances(ask, PLAN, by=Sari)}
    await ask("update", "Consent/k1", k1(status="inactive"), by=system(S))
    for by in (Niko, system(H)):
        with pytest.raises(NotFound):
            await ask("read", "Provenance/niko", by=by)


async def test_one_goes_in_with_what_it_is_of(ask: Ask) -> None:
    entries = [
        put(a_patient(id="aino")),
        an_entry("POST", "Goal", a_goal(AINO), "urn:uuid:3f3f0b0e-0000-4000-8000-000000000001"),
        put(a_provenance("urn:uuid:3f3f0b0e-0000-4000-8000-000000000001", id="own")),
    ]
    await ask("transaction", "", a_bundle("transaction", *entries), by=system(S))
    assert "own" in ids(await searched(ask, f"Provenance?patient={AINO}", by=Aino))


async def test_access_decision_says_of_one_what_is_seen(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k2())
    for of_what, decision in ((PLAN, "permit"), ("Goal/1", "deny")):
        (made,) = await provenances(ask, of_what)
        body = {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "actor", "valueReference": a_reference("Practitioner/jari")},
                {"name": "organization", "valueReference": a_reference("Organization/n")},
                {"name": "target", "valueReference": a_reference(f"Provenance/{made['id']}")},
            ],
        }
        answer = await ask("operation", AINO, body, by=Aino, operation="access-decision", method="POST")
        assert resource_in(answer)["parameter"][0]["valueCode"] == decision


# Authors of what has no element that names one


def by_author(*names: str, type: str = "permit") -> Json:
    role = a_concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "AUT")
    actor = [{"role": role, "reference": a_reference(each)} for each in names]
    recipient = a_concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
    return a_permit(
        id=f"by-{type}",
        given=day(date(2026, 2, 20), at=9),
        provision={"actor": [*actor, {"role": recipient, "reference": a_reference(H)}]},
        type=type,
    )


async def test_a_permit_for_what_somebody_wrote_opens_what_the_service_saw_him_write(ask: Ask) -> None:
    await the_world(ask)
    await ask("update", "Encounter/saris", an_encounter(AINO, id="saris"), by=Sari)
    await consents(ask, by_author(SARI))
    found = ids(await searched(ask, "Encounter", by=Niko))
    assert found == ["saris"]
    # Who claims it of somebody opens nothing: the other encounter was written by the system.
    claim = a_provenance("Encounter/1", id="claim", agent=[{**INFORMANT, "who": a_reference(SARI)}])
    claim["agent"][0]["type"] = a_concept(PARTICIPANT, "author")
    await ask("update", "Provenance/claim", claim, by=system(S))
    assert ids(await searched(ask, "Encounter", by=Niko)) == ["saris"]


async def test_a_deny_of_what_somebody_wrote_hides_also_what_others_say_he_wrote(ask: Ask) -> None:
    await the_world(ask)
    await ask("update", "Encounter/saris", an_encounter(AINO, id="saris"), by=Sari)
    await consents(ask, k1(), by_author(SARI, type="deny"))
    assert ids(await searched(ask, "Encounter", by=Niko)) == ["1"]
    claim = a_provenance("Encounter/1", id="claim", agent=[{"who": a_reference(SARI)}])
    claim["agent"][0]["type"] = a_concept(PARTICIPANT, "author")
    await ask("update", "Provenance/claim", claim, by=system(S))
    assert ids(await searched(ask, "Encounter", by=Niko)) == []


async def test_a_write_is_judged_by_the_same_authors(ask: Ask) -> None:
    await the_world(ask)
    mine = an_encounter(AINO, id="saris", participant=[{"individual": a_reference(NIKO)}])
    await ask("update", "Encounter/saris", mine, by=Sari)
    await consents(ask, k1())
    changed = {**mine, "status": "in-progress"}
    assert (await ask("update", "Encounter/saris", changed, by=Niko)).status == 200
    await consents(ask, by_author(SARI, type="deny"))
    with pytest.raises(SharedplanError):
        await ask("update", "Encounter/saris", {**changed, "status": "cancelled"}, by=Niko)


async def test_a_deny_heeds_also_what_a_person_says_together_with_the_thing(ask: Ask) -> None:
    await the_world(ask)
    await consents(ask, k1(), by_author(JARI, type="deny"))
    for id in ("together", "apart"):
        claim = a_provenance(f"Encounter/{id}", id=id, agent=[{"who": a_reference(JARI)}])
        claim["agent"][0]["type"] = a_concept(PARTICIPANT, "author")
        both = [an_encounter(AINO, id=id), claim]
        for sent in [both] if id == "together" else [both[:1], both[1:]]:
            await ask("transaction", "", a_bundle("transaction", *map(put, sent)), by=Sari)
    assert ids(await searched(ask, "Encounter", by=Niko)) == ["1"]
    assert sorted(ids(await searched(ask, "Provenance?_id=together,apart", by=system(S)))) == ["apart", "together"]
