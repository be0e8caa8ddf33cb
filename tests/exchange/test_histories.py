"""Histories of an instance, a type and the system, page by page, through the conductor."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import a_care_plan, a_goal, an_observation
from exchange.asking import ANNA, BASE, BY_SCOPES, RECORDS, Ask, a_patient, resource_in
from exchange.cast import AINO, Aino, H, Jari, Kai, Leena, N, Niko, S, Sari, consents, k1, k2, system, the_world
from sharedplan.errors import Incorrect, NotFound
from sharedplan.fhir.bundles import instant
from sharedplan.fhir.exchanges import Json
from subscriptions.receiving import a_subscription


async def some_history(ask: Ask) -> None:
    await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    await ask("update", "Patient/1", a_patient(id="1", gender="female"))
    await ask("create", "Group", {"resourceType": "Group", "type": "person", "actual": True})
    await ask("delete", "Patient/1")
    await ask("update", "Patient/1", a_patient(id="1"))


def versions(bundle: Json) -> list[str]:
    return [each["response"]["etag"] for each in bundle.get("entry", [])]


def link(bundle: Json, relation: str) -> str | None:
    return next((each["url"] for each in bundle["link"] if each["relation"] == relation), None)


def query(url: str) -> str:
    return url.partition("?")[2]


async def test_an_instances_history_has_its_versions_newest_first_and_deletions_without_a_resource(ask: Ask) -> None:
    await some_history(ask)
    bundle = resource_in(await ask("history-instance", "Patient/1"))
    assert (bundle["type"], bundle["total"]) == ("history", 4)
    assert link(bundle, "self") == f"{BASE}/Patient/1/_history"
    assert link(bundle, "next") is None
    assert [each["request"] for each in bundle["entry"]] == [
        {"method": "PUT", "url": "Patient/1"},
        {"method": "DELETE", "url": "Patient/1"},
        {"method": "PUT", "url": "Patient/1"},
        {"method": "PUT", "url": "Patient/1"},
    ]
    assert ["resource" in each for each in bundle["entry"]] == [True, False, True, True]
    assert [each["response"]["status"] for each in bundle["entry"]] == [
        "200 OK",
        "204 No Content",
        "200 OK",
        "201 Created",
    ]
    assert {each["fullUrl"] for each in bundle["entry"]} == {f"{BASE}/Patient/1"}
    assert versions(bundle) == ['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']
    assert all(each["response"]["lastModified"].endswith("Z") for each in bundle["entry"])


async def test_a_creation_shows_as_a_post_to_its_type(ask: Ask) -> None:
    await some_history(ask)
    bundle = resource_in(await ask("history-type", "Group"))
    assert [each["request"] for each in bundle["entry"]] == [{"method": "POST", "url": "Group"}]
    assert bundle["total"] == 1


async def test_the_systems_history_has_all_types_and_its_pages_miss_and_repeat_nothing(ask: Ask) -> None:
    await some_history(ask)
    whole = resource_in(await ask("history-system"))
    assert whole["total"] == 10  # each with its Provenance
    page = resource_in(await ask("history-system", "?_count=2"))
    seen = [page]
    while (following := link(page, "next")) is not None:
        assert following.startswith(f"{BASE}/_history?_page=")
        page = resource_in(await ask("history-system", "?" + query(following)))
        seen.append(page)
    assert [len(each["entry"]) for each in seen] == [2] * 5
    assert {each["total"] for each in seen} == {10}
    assert [entry for each in seen for entry in each["entry"]] == whole["entry"]


async def test_since_and_at_choose_by_time(ask: Ask) -> None:
    first = await ask("update", "Patient/1", a_patient(id="1", gender="male"))
    second = await ask("update", "Patient/1", a_patient(id="1", gender="female"))
    third = await ask("delete", "Patient/1")
    assert first.last_updated and second.last_updated and third.last_updated

    async def found(parameter: str) -> list[str]:
        return versions(resource_in(await ask("history-instance", f"Patient/1?{parameter}")))

    assert await found(f"_since={instant(second.last_updated)}") == ['W/"3"', 'W/"2"']
    assert await found(f"_since={instant(third.last_updated + timedelta(seconds=1))}") == []
    assert await found(f"_at={instant(second.last_updated)}") == ['W/"2"']
    assert await found("_at=2000") == []
    assert await found("_at=2000-01") == []


async def test_a_history_takes_no_other_parameters_and_each_once(ask: Ask) -> None:
    await some_history(ask)
    for wrong in (
        *("name=x", "_count=x", "_count=-1", "_since=2026-01-01", "_since=2026-01-01T00:00:00", "_since=x"),
        *("_since=gt2026-01-01T00:00:00Z", "_at=lt2026", "_at=x", "_count=1&_count=2", "_page=made-up", "_page="),
    ):
        with pytest.raises(Incorrect):
            await ask("history-type", f"Patient?{wrong}")


async def test_a_cursor_is_of_one_client_and_one_address(ask: Ask) -> None:
    await some_history(ask)
    following = query(link(resource_in(await ask("history-type", "Patient?_count=1")), "next") or "")
    assert (await ask("history-type", f"Patient?{following}")).status == 200
    for interaction, address, by in (
        ("history-system", "", RECORDS),
        ("history-type", "Group", RECORDS),
        ("history-instance", "Patient/1", RECORDS),
        ("history-type", "Patient", ANNA),
    ):
        with pytest.raises(Incorrect):
            await ask(interaction, f"{address}?{following}", by=by)
    with pytest.raises(Incorrect):
        await ask("history-type", f"Patient?{following}&_count=5")


async def test_what_never_was_has_no_history_but_what_was_deleted_has(ask: Ask) -> None:
    with pytest.raises(NotFound):
        await ask("history-instance", "Patient/none")
    await ask("update", "Patient/1", a_patient(id="1"))
    await ask("delete", "Patient/1")
    assert resource_in(await ask("history-instance", "Patient/1"))["total"] == 2
    assert resource_in(await ask("history-instance", "Patient/1?_since=2100-01-01T00:00:00Z"))["total"] == 0


async def test_a_page_of_none_still_counts(ask: Ask) -> None:
    await some_history(ask)
    bundle = resource_in(await ask("history-type", "Patient?_count=0"))
    assert bundle["total"] == 4
    assert "entry" not in bundle and link(bundle, "next") is None


async def test_only_what_is_visible_has_a_history(ask: Ask) -> None:
    await ask("update", "Patient/anna", a_patient(id="anna"))
    await ask("update", "Patient/otto", a_patient(id="otto"))
    bundle = resource_in(await ask("history-type", "Patient", by=ANNA))
    assert [each["fullUrl"] for each in bundle["entry"]] == [f"{BASE}/Patient/anna"]
    assert bundle["total"] == 1


async def test_a_version_that_spoke_of_another_client_stays_that_ones(ask: Ask) -> None:
    def a_plan(subject: str) -> Json:
        return {
            "resourceType": "CarePlan",
            "id": "moved",
            "status": "active",
            "intent": "plan",
            "subject": {"reference": subject},
        }

    await ask("update", "CarePlan/moved", a_plan("Patient/berit"))
    await ask("update", "CarePlan/moved", a_plan("Patient/anna"), policy=BY_SCOPES)
    assert versions(resource_in(await ask("history-instance", "CarePlan/moved", by=ANNA))) == ['W/"2"']
    assert versions(resource_in(await ask("history-type", "CarePlan", by=ANNA))) == ['W/"2"']
    with pytest.raises(NotFound):
        await ask("vread", "CarePlan/moved/1", by=ANNA)
    assert (await ask("vread", "CarePlan/moved/2", by=ANNA)).status == 200
    assert (await ask("vread", "CarePlan/moved/1")).status == 200


async def test_a_subscription_is_in_the_histories_of_its_own_writer_alone(ask: Ask) -> None:
    """Also beside others of the same organisation: what it follows, and where that is told, is nobody else's."""
    await the_world(ask)
    everybody = (Sari, replace(Sari, client_id="another app"), Kai, system(S), Niko)
    own = {}
    for by in everybody:
        made = await ask("create", "Subscription", a_subscription("https://receiver.example/told"), by=by)
        own[by] = f"{BASE}/Subscription/{made.id}"
    assert len({*own.values()}) == len(everybody)
    for by in everybody:
        of_type = resource_in(await ask("history-type", "Subscription", by=by))
        of_all = resource_in(await ask("history-system", "?_count=1000", by=by))
        told = [each["fullUrl"] for each in of_all["entry"] if "/Subscription/" in each["fullUrl"]]
        assert [each["fullUrl"] for each in of_type["entry"]] == told == [own[by]]
        assert of_type["total"] == 1 and of_all["total"] == len(of_all["entry"])


async def test_the_history_of_everything_is_that_of_each_resource_for_whoever_asks(ask: Ask) -> None:
    """The one is found along indexes and by the rows that are visible, the other by looking at each version."""
    await the_world(ask)
    await consents(ask, k1(), k2())
    await ask("update", "CarePlan/1", a_care_plan(AINO, id="1", title="again"), by=system(S))
    await ask("update", "Observation/plain", an_observation(AINO, id="plain", status="amended"), by=system(H))
    await ask("update", "Group/1", {"resourceType": "Group", "id": "1", "type": "person", "actual": True}, by=system(H))
    await ask("delete", "Observation/old", by=system(H))
    await ask("update", "Patient/bo", a_patient(id="bo"), by=system(S))
    await ask("update", "Goal/moved", a_goal(AINO, id="moved"), by=system(S))
    await ask("update", "Goal/moved", a_goal("Patient/bo", id="moved"), by=system(S), policy=BY_SCOPES)
    everybody = (*map(system, (S, H, N)), Sari, Niko, Jari, Leena, Aino, replace(Niko, purpose="ETREAT"))
    known = {
        each["fullUrl"].removeprefix(f"{BASE}/")
        for by in everybody
        for each in resource_in(await ask("history-system", "?_count=1000", by=by)).get("entry", [])
    }
    assert len(known) > 40 and {"Observation/old", "Group/1"} <= known
    for by in everybody:
        of_all = resource_in(await ask("history-system", "?_count=1000", by=by))
        of_each = []
        for name in known:
            with suppress(NotFound):
                of_each += resource_in(await ask("history-instance", name, by=by))["entry"]
        of_each.sort(key=lambda entry: entry["response"]["lastModified"], reverse=True)
        assert of_all["entry"] == of_each
        assert of_all["total"] == len(of_each)
        since = of_each[len(of_each) // 2]["response"]["lastModified"]
        late = resource_in(await ask("history-system", f"?_since={since}&_count=1000", by=by))
        assert late["entry"] == [each for each in of_each if each["response"]["lastModified"] >= since]
        for type in {each.partition("/")[0] for each in known}:
            of_type = resource_in(await ask("history-type", f"{type}?_count=1000", by=by)).get("entry", [])
            assert of_type == [each for each in of_each if each["fullUrl"].startswith(f"{BASE}/{type}/")]
