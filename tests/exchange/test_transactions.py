"""Transactions, through the conductor."""

import asyncio
import base64
from typing import Any

import pytest

from exchange.asking import ANNA, BASE, POLICY, Ask, a_bundle, a_patient, an_entry, identified, resource_in
from sharedplan.errors import (
    Conflict,
    Incorrect,
    ManyMatches,
    NotFound,
    Refused,
    SharedplanError,
    Unprocessable,
    VersionMismatch,
)
from sharedplan.exchange import conditions
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.acting import Policy
from sharedplan.search.indexing import index_values


async def answered(ask: Ask, *entries: Json, **more: object) -> list[Json]:
    answer = await ask("transaction", "", a_bundle("transaction", *entries), **more)
    bundle = resource_in(answer)
    assert (answer.status, bundle["type"]) == (200, "transaction-response")
    found: list[Json] = bundle.get("entry", [])
    assert len(found) == len(entries)
    return found


async def refused(ask: Ask, kind: type[SharedplanError], *entries: Json, **more: object) -> SharedplanError:
    with pytest.raises(kind) as failure:
        await ask("transaction", "", a_bundle("transaction", *entries), **more)
    return failure.value


async def how_many(ask: Ask, type: str = "Patient") -> int:
    total: int = resource_in(await ask("search-type", f"{type}?_count=0"))["total"]
    return total


def places(failure: SharedplanError) -> list[str | None]:
    return [issue.at for issue in failure.issues]


def a_group(*members: str, **elements: object) -> Json:
    member = [{"entity": {"reference": reference}} for reference in members]
    return {
        "resourceType": "Group",
        "type": "person",
        "actual": True,
        **({"member": member} if member else {}),
    } | elements


def members(group: Json) -> list[str]:
    return [each["entity"]["reference"] for each in group["member"]]


def id_of(entry: Json) -> str:
    return str(entry["response"]["location"]).split("/")[-3]


async def test_entries_are_answered_in_the_order_sent_though_done_in_another(ask: Ask) -> None:
    await ask("update", "Patient/old", a_patient(id="old", gender="male"))
    read, put, post, deleted, searched = await answered(
        ask,
        an_entry("GET", "Patient/new"),
        an_entry("PUT", "Patient/new", a_patient(id="new", gender="male")),
        an_entry("POST", "Patient", a_patient(id="ignored")),
        an_entry("DELETE", "Patient/old"),
        an_entry("GET", "Patient?gender=male"),
    )
    statuses = [each["response"]["status"] for each in (read, put, post, deleted, searched)]
    assert statuses == ["200 OK", "201 Created", "201 Created", "204 No Content", "200 OK"]
    assert read["resource"]["gender"] == "male"
    assert put["response"]["location"] == f"{BASE}/Patient/new/_history/1"
    assert id_of(post) != "ignored"
    assert deleted["response"]["etag"] == 'W/"2"' and "location" not in deleted["response"]
    assert [each["resource"]["id"] for each in searched["resource"]["entry"]] == ["new"]
    assert "resource" not in put


async def test_references_lead_to_what_the_entries_became(ask: Ask) -> None:
    circle = a_group("urn:uuid:a", "urn:uuid:b", "https://other.example/fhir/Patient/c", "Patient/c", "Patient/x")
    entries = await answered(
        ask,
        an_entry("POST", "Group", circle, "https://other.example/fhir/Group/g"),
        an_entry(
            "POST", "Patient", a_patient(link=[{"other": {"reference": "urn:uuid:b"}, "type": "seealso"}]), "urn:uuid:a"
        ),
        an_entry(
            "PUT",
            "Patient/b",
            a_patient(id="b", link=[{"other": {"reference": "urn:uuid:a"}, "type": "seealso"}]),
            "urn:uuid:b",
        ),
        an_entry("POST", "Patient", a_patient(), "https://other.example/fhir/Patient/c"),
        prefer="representation",
    )
    group, a, b, c = (each["resource"] for each in entries)
    here = [f"Patient/{a['id']}", "Patient/b", f"Patient/{c['id']}", f"Patient/{c['id']}", "Patient/x"]
    assert members(group) == here
    assert a["link"][0]["other"]["reference"] == "Patient/b"
    assert b["link"][0]["other"]["reference"] == f"Patient/{a['id']}"


async def test_references_to_a_version_stay_versioned(ask: Ask) -> None:
    await ask("update", "Patient/p", a_patient(id="p"))
    entries = await answered(
        ask,
        an_entry("PUT", "Patient/p", a_patient(id="p", gender="male"), f"{BASE}/Patient/p"),
        an_entry("POST", "Group", a_group("Patient/p/_history/9", "Patient/p"), "urn:uuid:g"),
        prefer="representation",
    )
    assert members(entries[1]["resource"]) == ["Patient/p/_history/2", "Patient/p"]


async def test_a_fhirpath_patch_may_refer_to_what_is_made_beside_it(ask: Ask) -> None:
    await ask("update", "Group/g", a_group(id="g"))
    value = {"name": "value", "part": [{"name": "entity", "valueReference": {"reference": "urn:uuid:p"}}]}
    path = {"name": "path", "valueString": "Group"}
    parts = [{"name": "type", "valueCode": "add"}, path, {"name": "name", "valueString": "member"}, value]
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    patched, made = await answered(
        ask,
        an_entry("PATCH", "Group/g", patch),
        an_entry("POST", "Patient", a_patient(), "urn:uuid:p"),
        prefer="representation",
    )
    assert members(patched["resource"]) == [f"Patient/{made['resource']['id']}"]


async def test_a_condition_finds_or_creates_and_references_follow(ask: Ask) -> None:
    there = await ask("create", "Patient", identified("1"))
    found, made, group = await answered(
        ask,
        an_entry("POST", "Patient", identified("1"), "urn:uuid:1", ifNoneExist="identifier=urn:ids|1"),
        an_entry("POST", "Patient", identified("2"), "urn:uuid:2", ifNoneExist="identifier=urn:ids|2"),
        an_entry("POST", "Group", a_group("urn:uuid:1", "urn:uuid:2")),
        prefer="representation",
    )
    assert [each["response"]["status"] for each in (found, made)] == ["200 OK", "201 Created"]
    assert id_of(found) == there.id
    assert members(group["resource"]) == [f"Patient/{there.id}", f"Patient/{id_of(made)}"]


async def test_conditional_references_find_what_is_there_and_what_is_made_here(ask: Ask) -> None:
    there = await ask("create", "Patient", identified("1"))
    made, group = await answered(
        ask,
        an_entry("POST", "Patient", identified("2")),
        an_entry("POST", "Group", a_group("Patient?identifier=urn:ids|1", "Patient?identifier=urn:ids|2")),
        prefer="representation",
    )
    assert members(group["resource"]) == [f"Patient/{there.id}", f"Patient/{id_of(made)}"]


async def test_many_conditional_references_look_at_each_entry_once(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def counted(type: str, *given: Any, **named: Any) -> dict[str, Any]:
        looked_at.append(type)
        return index_values(type, *given, **named)

    monkeypatch.setattr(conditions, "index_values", counted)
    made = [an_entry("POST", "Patient", identified(str(number))) for number in range(30)]
    group = a_group(*(f"Patient?identifier=urn:ids|{number}" for number in range(30)))
    *_, last = await answered(ask, *made, an_entry("POST", "Group", group), prefer="representation")
    assert len(set(members(last["resource"]))) == 30
    assert looked_at == ["Patient"] * 30


async def test_a_conditional_reference_that_selects_none_or_several_names_its_entry(ask: Ask) -> None:
    for _ in range(2):
        await ask("create", "Patient", identified("2"))
    none = an_entry("POST", "Group", a_group("Patient/1", "Patient?identifier=urn:ids|1"))
    failure = await refused(ask, VersionMismatch, an_entry("POST", "Patient", a_patient()), none)
    assert failure.status == 412
    assert places(failure) == ["Bundle.entry[1].resource.member[1].entity.reference"]
    several = an_entry("POST", "Group", a_group("Patient?identifier=urn:ids|2"))
    failure = await refused(ask, ManyMatches, an_entry("POST", "Patient", a_patient()), several)
    assert places(failure) == ["Bundle.entry[1].resource.member[0].entity.reference"]
    twice = [an_entry("POST", "Patient", identified("3")), an_entry("POST", "Patient", identified("3"))]
    await refused(ask, ManyMatches, *twice, an_entry("POST", "Group", a_group("Patient?identifier=urn:ids|3")))
    assert (await how_many(ask), await how_many(ask, "Group")) == (2, 0)


async def test_a_deletion_comes_before_the_condition_of_a_creation(ask: Ask) -> None:
    old = await ask("create", "Patient", identified("1"))
    made, deleted = await answered(
        ask,
        an_entry("POST", "Patient", identified("1"), ifNoneExist="identifier=urn:ids|1"),
        an_entry("DELETE", f"Patient/{old.id}"),
    )
    assert [each["response"]["status"] for each in (made, deleted)] == ["201 Created", "204 No Content"]
    assert id_of(made) != old.id


async def test_a_failure_in_the_last_entry_leaves_nothing_and_names_the_entry(ask: Ask) -> None:
    fine = [an_entry("POST", "Patient", a_patient()), an_entry("PUT", "Patient/2", a_patient(id="2"))]
    failure = await refused(ask, SharedplanError, *fine, an_entry("POST", "Patient", a_patient(gender="neither")))
    assert failure.status in (400, 422)
    assert places(failure) == ["Bundle.entry[2].resource.gender"]
    assert await how_many(ask) == 0
    failure = await refused(ask, NotFound, *fine, an_entry("GET", "Patient/none"))
    assert places(failure) == ["Bundle.entry[2]"]
    failure = await refused(ask, VersionMismatch, *fine, an_entry("DELETE", "Patient/none", ifMatch='W/"1"'))
    assert places(failure) == ["Bundle.entry[2]"]
    assert await how_many(ask) == 0
    assert resource_in(await ask("history-system"))["total"] == 0


async def test_all_faulty_resources_are_told_of_at_once(ask: Ask) -> None:
    wrong = an_entry("POST", "Patient", a_patient(gender="neither"))
    failure = await refused(ask, SharedplanError, wrong, an_entry("POST", "Patient", a_patient()), wrong)
    assert places(failure) == ["Bundle.entry[0].resource.gender", "Bundle.entry[2].resource.gender"]


async def test_types_that_are_not_offered_are_each_named(ask: Ask) -> None:
    failure = await refused(
        ask,
        Incorrect,
        an_entry("POST", "Claim", {"resourceType": "Claim"}),
        an_entry("POST", "Patient", a_patient()),
        an_entry("POST", "Medication", {"resourceType": "Medication"}),
    )
    assert places(failure) == ["Bundle.entry[0]", "Bundle.entry[2]"]


async def test_what_is_wrong_around_the_resources_is_told_all_at_once(ask: Ask) -> None:
    failure = await refused(
        ask,
        SharedplanError,
        an_entry("POST", "Patient", a_patient(), "not a url", ifnoneexist="x"),
        {**an_entry("FETCH", "Patient"), "search": {"mode": "nonsense"}},
    )
    assert failure.status in (400, 422)
    assert {at.partition("]")[0] for at in places(failure) if at is not None} >= {"Bundle.entry[0", "Bundle.entry[1"}


async def test_two_changes_of_one_resource_are_refused(ask: Ask) -> None:
    await ask("create", "Patient", identified("1", gender="male"))
    existing = resource_in(await ask("search-type", "Patient"))["entry"][0]["resource"]["id"]
    for other in (
        an_entry("DELETE", f"Patient/{existing}"),
        an_entry("PUT", "Patient?identifier=urn:ids|1", identified("1")),
        an_entry("DELETE", "Patient?identifier=urn:ids|1"),
    ):
        failure = await refused(ask, Incorrect, an_entry("PUT", f"Patient/{existing}", a_patient(id=existing)), other)
        assert failure.status == 400
    create = an_entry("POST", "Patient", identified("2"), ifNoneExist="identifier=urn:ids|2")
    assert places(await refused(ask, Incorrect, create, create)) == ["Bundle.entry[1]"]


async def test_conditional_updates_patches_and_deletions_work_within(ask: Ask) -> None:
    for value in ("1", "2", "3"):
        await ask("create", "Patient", identified(value, gender="male"))
    data = base64.b64encode(b'[{"op":"replace","path":"/gender","value":"other"}]').decode()
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    updated, patched, deleted, made = await answered(
        ask,
        an_entry("PUT", "Patient?identifier=urn:ids|1", identified("1", gender="female")),
        an_entry("PATCH", "Patient?identifier=urn:ids|2", binary),
        an_entry("DELETE", "Patient?identifier=urn:ids|3"),
        an_entry("PUT", "Patient?identifier=urn:ids|4", identified("4")),
        prefer="representation",
    )
    statuses = [each["response"]["status"] for each in (updated, patched, deleted, made)]
    assert statuses == ["200 OK", "200 OK", "204 No Content", "201 Created"]
    assert (updated["resource"]["gender"], patched["resource"]["gender"]) == ("female", "other")
    assert patched["response"]["etag"] == 'W/"2"'


async def test_preconditions_of_entries_are_honoured(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    put = a_patient(id="1", gender="female")
    await refused(ask, VersionMismatch, an_entry("PUT", "Patient/1", put, ifMatch='W/"9"'))
    await refused(ask, VersionMismatch, an_entry("PUT", "Patient/1", put, ifNoneMatch="*"))
    updated, read = await answered(
        ask, an_entry("PUT", "Patient/1", put, ifMatch='W/"1"'), an_entry("GET", "Patient/1", ifNoneMatch='W/"2"')
    )
    assert (updated["response"]["status"], read["response"]["status"]) == ("200 OK", "304 Not Modified")


async def test_the_outcome_tells_of_references_that_lead_out_to_nothing(ask: Ask) -> None:
    entries = await answered(
        ask,
        an_entry("POST", "Patient", a_patient(), "urn:uuid:1"),
        an_entry("POST", "Group", a_group("urn:uuid:1", "Patient/none")),
        prefer="OperationOutcome",
    )
    issues = entries[1]["response"]["outcome"]["issue"]
    assert [each["expression"] for each in issues if each["severity"] == "warning"] == [["Group.member[1].entity"]]
    strict = Policy(POLICY.cursors, enforces_references=True)
    failure = await refused(
        ask,
        Unprocessable,
        an_entry("POST", "Patient", a_patient()),
        an_entry("POST", "Group", a_group("Patient/none")),
        policy=strict,
    )
    assert places(failure) == ["Bundle.entry[1].resource.member[0].entity"]


async def test_each_entry_is_judged_by_itself_and_one_refusal_refuses_all(ask: Ask) -> None:
    await ask("update", "Patient/anna", a_patient(id="anna"))
    mine = an_entry("PUT", "Patient/anna", a_patient(id="anna", gender="female"))
    failure = await refused(
        ask, Refused, mine, an_entry("POST", "Organization", {"resourceType": "Organization"}), by=ANNA
    )
    assert places(failure) == ["Bundle.entry[1]"]
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    theirs = an_entry("POST", "Observation", {**observation, "subject": {"reference": "Patient/otto"}})
    assert places(await refused(ask, Refused, mine, theirs, by=ANNA)) == ["Bundle.entry[1]"]
    assert (await ask("read", "Patient/anna")).version == 1


@pytest.mark.parametrize("first", ["POST", "PUT"])
async def test_two_entries_that_would_create_by_one_condition_are_refused(ask: Ask, first: str) -> None:
    condition = "identifier=urn:ids|8"
    created = an_entry("POST", "Patient", identified("8"), ifNoneExist=condition)
    updated = an_entry("PUT", f"Patient?{condition}", identified("8"))
    failure = await refused(ask, Incorrect, created if first == "POST" else updated, updated)
    assert "entry 0" in str(failure) and places(failure) == ["Bundle.entry[1]"]
    assert await how_many(ask) == 0


async def test_a_transaction_may_be_empty_or_read_only_but_not_too_large(ask: Ask) -> None:
    assert await answered(ask) == []
    (read,) = await answered(ask, an_entry("GET", "Patient?gender=male"))
    assert read["resource"]["total"] == 0
    small = Policy(POLICY.cursors, bundle_entries=1)
    await refused(ask, Incorrect, *[an_entry("GET", "Patient")] * 2, policy=small)


async def test_a_full_url_stands_for_one_resource(ask: Ask) -> None:
    create = an_entry("POST", "Patient", a_patient(), "urn:uuid:1")
    failure = await refused(ask, SharedplanError, create, create)
    assert "fullUrl" in str(failure)


async def test_an_update_to_a_free_id_by_a_condition_that_selects_nothing_is_a_conflict_if_it_is_taken(
    ask: Ask,
) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    failure = await refused(ask, Conflict, an_entry("PUT", "Patient?identifier=urn:ids|1", identified("1", id="1")))
    assert places(failure) == ["Bundle.entry[0]"]


async def test_an_update_that_says_the_same_makes_no_version_within_either(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1"))
    same, new = await answered(
        ask, an_entry("PUT", "Patient/1", a_patient(id="1")), an_entry("PUT", "Patient/2", a_patient(id="2"))
    )
    assert [each["response"]["etag"] for each in (same, new)] == ['W/"1"', 'W/"1"']


async def test_others_get_their_turn_between_a_few_large_entries(ask: Ask) -> None:
    await ask("create", "Patient", a_patient())  # the first one makes ready what checking needs
    large = a_patient(name=[{"family": "a"} for _ in range(10_000)])
    bundle = a_bundle("transaction", *(an_entry("POST", "Patient", large) for _ in range(8)))
    loop, waits = asyncio.get_running_loop(), 0
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(ask("transaction", "", bundle))
        turn = loop.time()
        while not asking.done():
            await asyncio.sleep(0)
            waits += loop.time() - turn > 0.02
            turn = loop.time()
    assert asking.result().status == 200
    assert waits >= 8  # one for each entry, instead of a single long one for all; a busy machine only adds to them
