"""A scope's limit holds on every path by which a resource may leave or be written.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
"""

from dataclasses import replace
from typing import Any

import pytest

from exchange.asking import RECORDS, Ask, a_bundle, an_entry, resource_in
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.errors import Conflict, NotFound, Refused, SharedplanError
from sharedplan.fhir.exchanges import Answer, Json


def limited(scope: str) -> Principal:
    return replace(RECORDS, scopes=parse(scope))


ACTIVE = limited("system/CarePlan.cruds?status=active system/Task.rs")


def a_plan(id: str, status: str, **elements: Any) -> Json:
    return {
        **{"resourceType": "CarePlan", "id": id, "status": status, "intent": "plan"},
        **{"subject": {"reference": "Patient/p"}, **elements},
    }


def ids(answer: Answer) -> list[str]:
    return [entry["resource"]["id"] for entry in resource_in(answer).get("entry", ()) if "resource" in entry]


@pytest.fixture(autouse=True)
async def world(ask: Ask) -> None:
    """An active plan, a draft, one that was a draft before, and a Task for each."""
    for id, status in (("active", "active"), ("draft", "draft"), ("was", "draft"), ("was", "active")):
        await ask("update", f"CarePlan/{id}", a_plan(id, status))
    for id in ("active", "draft"):
        task = {"resourceType": "Task", "id": id, "status": "requested", "intent": "order"}
        await ask("update", f"Task/{id}", {**task, "focus": {"reference": f"CarePlan/{id}"}})
    await ask("update", "CarePlan/part", a_plan("part", "active", partOf=[{"reference": "CarePlan/draft"}]))


async def test_what_lies_outside_looks_as_if_it_were_not_there(ask: Ask) -> None:
    assert resource_in(await ask("read", "CarePlan/active", by=ACTIVE))["status"] == "active"
    for interaction, address in (
        ("read", "CarePlan/draft"),
        ("vread", "CarePlan/draft/1"),
        ("history-instance", "CarePlan/draft"),
        ("patch", "CarePlan/draft"),
    ):
        with pytest.raises(NotFound) as hidden:
            await ask(interaction, address, [], by=ACTIVE, patch_format="json-patch")
        with pytest.raises(NotFound) as absent:
            await ask(interaction, address.replace("draft", "never"), [], by=ACTIVE, patch_format="json-patch")
        assert str(hidden.value).replace("draft", "never") == str(absent.value)


async def test_searches_and_their_totals_are_of_what_lies_within(ask: Ask) -> None:
    found = resource_in(await ask("search-type", "CarePlan?_total=accurate&_sort=_id", by=ACTIVE))
    assert (found["total"], [entry["resource"]["id"] for entry in found["entry"]]) == (3, ["active", "part", "was"])
    assert ids(await ask("search-type", "CarePlan?status=draft", by=ACTIVE)) == []
    assert ids(await ask("search-type", "CarePlan?_id=draft", by=ACTIVE)) == []
    assert ids(await ask("search-system", "?_type=CarePlan&_id=draft,active", by=ACTIVE)) == ["active"]


async def test_nothing_else_leaves_by_includes_chains_and_has(ask: Ask) -> None:
    with_plans = await ask("search-type", "Task?_include=Task:focus&_sort=_id", by=ACTIVE)
    assert ids(with_plans) == ["active", "draft", "active"]
    assert ids(await ask("search-type", "CarePlan?_id=part&_include=CarePlan:part-of", by=ACTIVE)) == ["part"]
    assert ids(await ask("search-type", "Task?focus:CarePlan.status=draft", by=ACTIVE)) == []
    assert ids(await ask("search-type", "CarePlan?part-of.status=draft", by=ACTIVE)) == []
    tasks_alone = limited("system/Task.rs?status=completed system/CarePlan.rs")
    assert ids(await ask("search-type", "CarePlan?_has:Task:focus:status=requested", by=tasks_alone)) == []
    assert ids(await ask("search-type", "CarePlan?_id=active&_revinclude=Task:focus", by=tasks_alone)) == ["active"]


async def test_histories_show_the_versions_that_lie_within(ask: Ask) -> None:
    for interaction, address in (
        ("history-type", "CarePlan"),
        ("history-system", ""),
        ("history-instance", "CarePlan/was"),
    ):
        shown = resource_in(await ask(interaction, address, by=limited("system/CarePlan.rs?status=active")))
        assert {entry["resource"]["status"] for entry in shown["entry"]} == {"active"}
        assert shown["total"] == len(shown["entry"])
    with pytest.raises(NotFound):
        await ask("vread", "CarePlan/was/1", by=ACTIVE)


async def test_what_is_written_must_lie_within(ask: Ask) -> None:
    assert (await ask("create", "CarePlan", a_plan("x", "active"), by=ACTIVE)).status == 201
    with pytest.raises(Refused):
        await ask("create", "CarePlan", a_plan("x", "draft"), by=ACTIVE)
    with pytest.raises(Refused):
        await ask("update", "CarePlan/new", a_plan("new", "draft"), by=ACTIVE)
    with pytest.raises(Refused):
        await ask("update", "CarePlan/active", a_plan("active", "draft"), by=ACTIVE)
    with pytest.raises(Refused):
        patch = [{"op": "replace", "path": "/status", "value": "draft"}]
        await ask("patch", "CarePlan/active", patch, by=ACTIVE, patch_format="json-patch")
    assert resource_in(await ask("read", "CarePlan/active"))["status"] == "active"


async def test_what_lies_outside_is_not_written(ask: Ask) -> None:
    with pytest.raises(Conflict):
        await ask("update", "CarePlan/draft", a_plan("draft", "active"), by=ACTIVE)
    assert (await ask("delete", "CarePlan/draft", by=ACTIVE)).status == 204
    assert resource_in(await ask("read", "CarePlan/draft"))["status"] == "draft"
    assert (await ask("delete", "CarePlan/active", by=ACTIVE)).status == 204
    with pytest.raises(SharedplanError):
        await ask("read", "CarePlan/active")


async def test_each_letter_has_its_own_limit(ask: Ask) -> None:
    by = limited("system/CarePlan.r system/CarePlan.u?status=draft")
    assert resource_in(await ask("read", "CarePlan/active", by=by))
    with pytest.raises(Conflict):
        await ask("update", "CarePlan/active", a_plan("active", "draft"), by=by)
    assert (await ask("update", "CarePlan/draft", a_plan("draft", "draft", title="t"), by=by)).status == 200


async def test_a_transaction_is_judged_entry_by_entry(ask: Ask) -> None:
    good = an_entry("PUT", "CarePlan/one", a_plan("one", "active"))
    with pytest.raises(Refused) as refused:
        bad = an_entry("PUT", "CarePlan/two", a_plan("two", "draft"))
        await ask("transaction", "", a_bundle("transaction", good, bad), by=ACTIVE)
    assert "entry[1]" in str(refused.value.issues[0].at)
    assert (await ask("transaction", "", a_bundle("transaction", good), by=ACTIVE)).status == 200
    with pytest.raises(NotFound):
        await ask("read", "CarePlan/two")


async def test_conditions_find_what_lies_within_alone(ask: Ask) -> None:
    made = await ask("create", "CarePlan", a_plan("x", "active"), by=ACTIVE, if_none_exist="_id=draft")
    assert made.status == 201
    plan = {name: value for name, value in a_plan("x", "active").items() if name != "id"}
    updated = await ask("update", "CarePlan?_id=draft", plan, by=ACTIVE)
    assert (updated.status, updated.id == "draft") == (201, False)
