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
    **{"Niko": Niko, "Niko as a role": AsRole, "Niko elsewhere": person(NIKO, N), "Olli": Olli, "Ville": Ville},
    **{"system of H": system(H), "Jari": Jari, "system of N": system(N), "Aino": Aino, "Leena": Leena},
    **{"Sari": Sari, "Kai": Kai, "system of S": system(S)},
}
ASKING = {"Sari", "Kai", "system of S"}
ASKED = {
    "niko": (NIKO, {"Niko", "Niko as a role", "Niko elsewhere"}),
    "role": (NIKOS_ROLE, {"Niko", "Niko as a role", "system of H"}),
    "h": (H, {"Niko", "Niko as a role", "Olli", "Ville", "system of H"}),
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
