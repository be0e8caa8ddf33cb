"""A consultation that names no client reaches whom it asks, in whatever register he works, and nobody else."""

from dataclasses import replace
from typing import Any

import pytest

from builders import a_communication, a_concept, a_patient, a_practitioner, a_reference, a_task
from exchange.answers import ids, named, searched
from exchange.asking import Ask, a_bundle, an_entry, resource_in
from exchange.cast import (
    AINO,
    KAI,
    NIKO,
    OLLI,
    SARI,
    Aino,
    H,
    Jari,
    Kai,
    Leena,
    N,
    Niko,
    Olli,
    S,
    Sari,
    Ville,
    a_role,
    is_refused,
    person,
    system,
    the_world,
    together,
)
from exchange.test_trails import log
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.errors import NotFound, Refused, Unprocessable
from sharedplan.fhir.exchanges import Json
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, written

TASK = "https://sharedplan.dev/fhir/CodeSystem/task"
NIKOS_ROLE = "PractitionerRole/niko"
AsRole = person(NIKOS_ROLE, H)

ASKERS: dict[str, Principal] = {
    **{"Niko": Niko, "Niko as a role": AsRole, "Niko elsewhere": person(NIKO, N), "Olli": Olli},
    **{"system of H": system(H), "Jari": Jari, "system of N": system(N), "Aino": Aino, "Leena": Leena},
    **{"Sari": Sari, "Kai": Kai, "system of S": system(S)},
}
ASKING = {"Sari", "Kai", "system of S"}
ASKED = {
    "niko": (NIKO, {"Niko", "Niko as a role", "Niko elsewhere"}),
    "role": (NIKOS_ROLE, {"Niko", "Niko as a role", "system of H"}),
    "h": (H, {"Niko", "Niko as a role", "Olli", "system of H"}),
}
"""Id → whom it asks, and who is asked so beside those of the register that it lies in."""


def a_message(to: str, **elements: Any) -> Json:
    message = a_communication(None, recipient=[a_reference(to)], **elements)
    return {name: value for name, value in message.items() if name != "subject"}


def a_question(to: str, **elements: Any) -> Json:
    code = a_concept(TASK, "consultation")
    task = a_task(None, owner=a_reference(to), requester=a_reference(KAI), code=code, **elements)
    return {name: value for name, value in task.items() if name != "for"}


async def asked_of_h(ask: Ask) -> None:
    """S asks Niko, his role and his organisation, by messages and tasks, of nobody and of Aino; each message is based
    on its task."""
    await the_world(ask)
    made = []
    for id, (to, _) in ASKED.items():
        made += [a_question(to, id=id), a_message(to, id=id, basedOn=[a_reference(f"Task/{id}")])]
        made.append({**a_question(to, id=f"{id}-aino"), "for": a_reference(AINO)})
        about = a_communication(AINO, id=f"{id}-aino", recipient=[a_reference(to)])
        made.append({**about, "basedOn": [a_reference(f"Task/{id}")]})
    await together(ask, system(S), *made)


async def shown(ask: Ask, by: Principal, type: str) -> list[set[str]]:
    """The ids that each path shows to somebody, all that he is not to see left out."""
    other = "Communication" if type == "Task" else "Task"
    every = [*ASKED, *(f"{id}-aino" for id in ASKED)]
    found: list[set[str]] = []
    for interaction, suffix in (("read", ""), ("vread", "/1"), ("history-instance", "")):
        there = set()
        for id in every:
            try:
                answer = resource_in(await ask(interaction, f"{type}/{id}{suffix}", by=by))
            except NotFound:
                continue
            there.add(answer["id"] if interaction != "history-instance" else answer["entry"][0]["resource"]["id"])
        found.append(there)
    for question in (
        f"{type}?_count=100",
        f"{type}?status:not=draft&_sort=-_lastUpdated",
        f"{type}?_id={','.join(every)}",
    ):
        bundle = await searched(ask, question, by=by)
        assert bundle["total"] == len(ids(bundle))
        found.append(set(ids(bundle)))
    assert (await searched(ask, f"{question}&_summary=count", by=by))["total"] == bundle["total"]
    both = await searched(ask, f"?_type=Task,Communication&_id={','.join(every)}&_count=100", by=by)
    found.append({each.partition("/")[2] for each in named(both) if each.startswith(type)})
    for history in (f"{type}?_count=100", f"{type}?_since=2020-01-01T00:00:00Z&_count=100"):
        bundle = resource_in(await ask("history-type", history, by=by))
        assert bundle["total"] == len(bundle.get("entry", []))
        found.append({each["resource"]["id"] for each in bundle.get("entry", [])})
    whole = resource_in(await ask("history-system", "?_count=500", by=by))
    of_type = [each["resource"] for each in whole.get("entry", [])]
    found.append({each["id"] for each in of_type if each["resourceType"] == type})
    control = "_include=Communication:based-on" if type == "Task" else "_revinclude=Communication:based-on"
    included = named(await searched(ask, f"{other}?{control}&_count=100", by=by), "include")
    found.append({each.partition("/")[2] for each in included})
    return [{id for id in each if id in every} for each in found]


async def test_who_sees_which_consultation_by_every_path(ask: Ask) -> None:
    await asked_of_h(ask)
    for name, by in ASKERS.items():
        nobodys = {id for id, (_, asked) in ASKED.items() if name in asked | ASKING}
        of_aino = {f"{id}-aino" for id in ASKED} if name in ("Sari", "system of S", "Aino") else set()
        for type in ("Task", "Communication"):
            *paths, included = await shown(ask, by, type)
            for number, each in enumerate(paths):
                assert each == nobodys | of_aino, (name, type, number)
            expected = nobodys if type == "Task" else nobodys | of_aino
            if name == "Aino":  # she sees none of the tasks that both refer to
                expected = set()
            assert included == expected, (name, type, "included")


async def test_the_asker_of_another_register_sees_the_answer(ask: Ask) -> None:
    await asked_of_h(ask)
    answer = a_message(KAI, id="answer", inResponseTo=[a_reference("Communication/niko")])
    answer |= {"basedOn": [a_reference("Task/niko")], "sender": a_reference(NIKO)}
    await ask("update", "Communication/answer", answer, by=Niko)
    for by, sees in ((Niko, True), (Olli, True), (Kai, True), (Sari, False), (system(S), False), (Jari, False)):
        found = await searched(
            ask, "Communication?based-on=Task/niko&_id=answer&_include=Communication:based-on", by=by
        )
        assert ids(found) == (["answer"] if sees else [])


async def moved(ask: Ask, by: Principal, id: str, **elements: Any) -> Json:
    task = {**resource_in(await ask("read", f"Task/{id}", by=by)), **elements}
    return resource_in(await ask("update", f"Task/{id}", task, by=by, prefer="representation"))


async def test_the_owner_moves_it_on(ask: Ask) -> None:
    await asked_of_h(ask)
    for by, id in ((Niko, "niko"), (AsRole, "role"), (Olli, "h"), (system(H), "h")):
        for status in ("accepted", "in-progress"):
            assert (await moved(ask, by, id, status=status))["status"] == status
    output = [{"type": {"text": "Vastaus"}, "valueString": "Kokeilkaa yhdessä."}]
    assert (await moved(ask, Niko, "niko", status="completed", output=output))["output"] == output
    patch = [{"op": "replace", "path": "/status", "value": "completed"}]
    await ask("patch", "Task/h", patch, by=Ville, patch_format="json-patch")
    event = (await log(ask))[-1]
    (detail,) = event["entity"][0]["detail"]
    assert (event["subtype"][0]["code"], detail["valueString"]) == ("patch", "addressed")
    assert (await ask("read", "Task/niko", by=Sari)).version == 4
    assert resource_in(await ask("history-instance", "Task/niko", by=Niko))["total"] == 1
    assert resource_in(await ask("history-instance", "Task/niko", by=system(S)))["total"] == 4


async def test_it_is_handed_on_within_the_organisation_alone(ask: Ask) -> None:
    await asked_of_h(ask)
    for to in ("Practitioner/jari", "PractitionerRole/jari", N, "Practitioner/nobody", KAI):
        with pytest.raises(Refused):
            await moved(ask, Niko, "niko", owner=a_reference(to))
    assert (await moved(ask, Niko, "niko", owner=a_reference(OLLI)))["owner"]["reference"] == OLLI
    with pytest.raises(NotFound):
        await ask("read", "Task/niko", by=Niko)
    await moved(ask, Olli, "niko", owner=a_reference("PractitionerRole/ville"))
    await moved(ask, system(H), "niko", owner=a_reference(H))
    assert resource_in(await ask("read", "Task/niko", by=Niko))["owner"]["reference"] == H


async def test_nobody_makes_it_another_s_or_somebody_s(ask: Ask) -> None:
    await asked_of_h(ask)
    for more in (
        {"for": a_reference(AINO)},
        {"for": {"identifier": {"value": "1"}}},
        {"basedOn": [a_reference("CarePlan/1")]},
        {"owner": None},
        {"status": "draft"},
        {"code": {"text": "Muuta"}},
    ):
        task = {**resource_in(await ask("read", "Task/niko", by=Niko)), **more}
        with pytest.raises(Refused):
            await ask("update", "Task/niko", {name: each for name, each in task.items() if each}, by=Niko)
    for by in (Niko, system(H)):
        assert await is_refused(ask, "delete", "Task/h", by=by)
        assert await is_refused(ask, "delete", "Communication/h", by=by)
        message = resource_in(await ask("read", "Communication/h", by=by))
        assert await is_refused(ask, "update", "Communication/h", {**message, "status": "stopped"}, by=by)
    for by in (Jari, system(N), Aino):
        assert await is_refused(ask, "update", "Task/niko", a_question(NIKO, id="niko", status="accepted"), by=by)
        patch = [{"op": "replace", "path": "/status", "value": "accepted"}]
        assert await is_refused(ask, "patch", "Task/niko", patch, by=by, patch_format="json-patch")
    assert (await ask("read", "Task/niko", by=Sari)).version == 1


CLOSED: dict[str, Json] = {
    "subject": {"subject": a_reference(AINO)},
    "subject elsewhere": {"subject": a_reference("https://elsewhere.example/fhir/Patient/1")},
    "subject by identifier": {"subject": {"identifier": {"system": "urn:ids", "value": "1"}}},
    "about": {"about": [a_reference(AINO)]},
    "about by identifier": {"about": [{"type": "Patient", "identifier": {"value": "1"}}]},
    "encounter": {"encounter": a_reference("Encounter/1")},
    "plan": {"basedOn": [a_reference("CarePlan/1")]},
    "plan elsewhere": {"basedOn": [a_reference("https://elsewhere.example/fhir/CarePlan/1")]},
    "version of the plan": {"basedOn": [a_reference("https://plan.example/fhir/CarePlan/1/_history/1")]},
    "relative": {"sender": a_reference("RelatedPerson/leena")},
    "client as well": {"recipient": [a_reference(NIKO), a_reference(AINO)]},
    "payload": {"payload": [{"contentReference": a_reference("Observation/psy")}]},
    "extension": {"extension": [{"url": "urn:x", "valueReference": a_reference(AINO)}]},
    "urn": {"about": [a_reference("urn:uuid:0190a5c2-0000-7000-8000-000000000000")]},
    "contained": {"contained": [{**a_patient(), "id": "p"}], "about": [{"reference": "#p"}]},
    "not sent": {"status": "preparation"},
}
OPEN: dict[str, Json] = {
    "plain": {},
    "display": {"subject": {"display": "Eräs asiakkaamme"}},
    "absolute": {"recipient": [a_reference(f"https://plan.example/fhir/{NIKO}")]},
    "several": {"recipient": [a_reference(N), a_reference(NIKO)]},
    "sender": {"sender": a_reference(SARI)},
    "by identifier, and a practitioner": {"about": [{"type": "Practitioner", "identifier": {"value": "1"}}]},
    "definition": {"about": [a_reference("Questionnaire/1")]},
    "contained": {"contained": [{**a_practitioner(), "id": "p"}], "sender": {"reference": "#p"}},
}


async def test_what_might_lead_to_a_client_is_closed(ask: Ask) -> None:
    await the_world(ask)
    for cases, is_open in ((CLOSED, False), (OPEN, True)):
        for name, elements in cases.items():
            made = {**a_message(NIKO), **elements}
            id = (await ask("create", "Communication", made, by=system(S))).id
            found = await searched(ask, f"Communication?_id={id}", by=Niko)
            assert (found["total"] == 1) is is_open, name
            assert await is_refused(ask, "read", f"Communication/{id}", by=Niko) is not is_open, name


async def test_it_closes_and_opens_as_it_names_somebody(ask: Ask, store: Store) -> None:
    await asked_of_h(ask)
    about = {"about": [a_reference(AINO)]}
    for elements, sees in ((about, False), ({}, True)):
        await ask("update", "Communication/niko", a_message(NIKO, id="niko", **elements), by=system(S))
        for question in ("read", "history-instance"):
            assert await is_refused(ask, question, "Communication/niko", by=Niko) is not sees
        for version in ("1", "2"):
            assert await is_refused(ask, "vread", f"Communication/niko/{version}", by=Niko)
    await written(
        store,
        replace(a_change(a_communication(AINO, recipient=[a_reference(NIKO)]), id="niko", version=4), controller=S),
    )
    for version in ("1", "2", "3", "4"):
        assert await is_refused(ask, "vread", f"Communication/niko/{version}", by=Niko)
    found = await searched(ask, "Communication?recipient=Practitioner/niko", by=Niko)
    assert (found["total"], ids(found)) == (0, [])


async def test_a_role_that_is_held_no_more_is_not_reached(ask: Ask) -> None:
    await asked_of_h(ask)
    await ask("update", NIKOS_ROLE, {**a_role(NIKO, H), "active": False}, by=system(H))
    for by in (Niko, AsRole, system(H)):
        for type in ("Task", "Communication"):
            found = ids(await searched(ask, f"{type}?_id=niko,role,h", by=by))
            assert sorted(found) == (["h"] if by.person is None else ["niko"])


async def test_the_limits_of_scopes_hold(ask: Ask) -> None:
    await asked_of_h(ask)
    for scopes, types in (
        ("user/Task.rs", {"Task"}),
        ("user/Task.rs?status=accepted user/Communication.rs?status=completed", {"Communication"}),
    ):
        by = replace(Niko, scopes=parse(scopes), token_id=scopes)
        for type in ("Task", "Communication"):
            assert await is_refused(ask, "read", f"{type}/niko", by=by) is (type not in types)
    assert await is_refused(ask, "update", "Task/niko", a_question(NIKO, id="niko", status="accepted"), by=by)


async def test_a_personal_identity_code_is_refused_as_ever(ask: Ask) -> None:
    await asked_of_h(ask)
    told = [{"type": {"text": "Vastaus"}, "valueString": "Onko hän 131052-308T?"}]
    with pytest.raises(Unprocessable):
        await moved(ask, Niko, "niko", output=told)
    message = a_message(KAI, payload=[{"contentString": "131052-308T"}])
    with pytest.raises(Unprocessable):
        await ask("create", "Communication", message, by=Niko)


async def test_the_log_says_on_what_ground(ask: Ask) -> None:
    await asked_of_h(ask)
    await ask("read", "Communication/h", by=Olli)
    await searched(ask, "Task?_id=h", by=system(H))
    await ask("history-instance", "Task/h", by=Olli)
    await ask("read", "Task/h", by=Kai)
    for event in (await log(ask))[-4:-1]:
        (detail,) = event["entity"][0]["detail"]
        assert (detail["type"], detail["valueString"]) == ("ground", "addressed")
        assert "a consultation addressed to whoever asks, which names no client" in event["text"]["div"]
        assert "patient" not in str(event)
    assert "register" in (await log(ask))[-1]["text"]["div"]


async def test_a_client_s_log_is_told_of_the_ground_for_what_is_his(ask: Ask) -> None:
    """A page has something of his, and a consultation of another register beside."""
    await asked_of_h(ask)
    await ask("update", "Communication/back", a_message(KAI, id="back"), by=system(H))
    await together(ask, system(S), a_task(AINO, id="kais", owner=a_reference(KAI)))
    await together(ask, system(S), a_communication(AINO, id="own"))
    found = await searched(ask, "Communication?_id=own,back", by=Kai)
    assert sorted(ids(found)) == ["back", "own"]
    event = (await log(ask))[-1]
    details = [each["detail"] for each in event["entity"] if "detail" in each]
    assert [[one["valueString"] for one in each] for each in details] == [["register"]]


async def test_in_a_transaction_the_owner_answers_at_once(ask: Ask) -> None:
    await asked_of_h(ask)
    task = {**a_question(NIKO, id="niko"), "status": "completed"}
    answer = a_message(KAI, basedOn=[a_reference("Task/niko")], sender=a_reference(NIKO))
    entries = [an_entry("PUT", "Task/niko", task), an_entry("POST", "Communication", answer)]
    bundle = resource_in(await ask("transaction", "", a_bundle("transaction", *entries), by=Niko))
    assert [each["response"]["status"][:3] for each in bundle["entry"]] == ["200", "201"]
    found = await searched(ask, "Communication?based-on=Task/niko", by=Kai)
    assert found["total"] == 2
