"""The rows of contained resources: found as the test in memory says, made anew, and forgotten with their container."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import a_care_plan, a_care_team, a_condition, a_goal, a_reference, a_task
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Conflict
from sharedplan.fhir import json_text
from sharedplan.search import expression as e
from sharedplan.search.indexing import index_values, inner_values
from sharedplan.search.matching import Known, matches
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.parse import parse
from sharedplan.store.forgetting import forget
from sharedplan.store.reindexing import reindex, reindex_contained
from sharedplan.store.searches import Contained, Place, Search, SortKey
from sharedplan.store.selectivity import is_anchor
from sharedplan.store.session import Session
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Change, Found, Version
from store.changes import ALL, a_change, a_deletion, written

Json = dict[str, Any]

EVERYWHERE = dict.fromkeys(CATALOGUE, ALL)


def holding(resource: Json, *, version: int = 1) -> Change:
    """The resource as a version, with what it contains."""
    return replace(a_change(resource, id=resource["id"], version=version), contained=inner_values(resource))


def a_plan(id: str, *inner: Json, **elements: Any) -> Json:
    return a_care_plan(id=id, contained=list(inner), **elements)


async def found(store: Store, type: str, where: e.Expression = ALL, **how: Any) -> Found:
    of_search = {name: how.pop(name) for name in ("count", "sort", "place") if name in how}
    within, limits = how.pop("within", EVERYWHERE), how.pop("limits", EVERYWHERE)
    contained = Contained(within, limits, **{"is_alone": True, **how})
    search = Search(
        {type: where}, EVERYWHERE, of_search.pop("count", 100), "accurate", contained=contained, **of_search
    )
    async with store.begin() as unit, unit.snapshot():
        return await unit.search(search)


def names(versions: Iterable[Version]) -> list[str]:
    return [
        f"{each.container.type}/{each.container.id}#{each.id}" if each.container else f"{each.type}/{each.id}"
        for each in versions
    ]


async def rows(store: Store, sql: str) -> list[str]:
    session = Session(store.pool)
    got = [str(row[0]) for row in await session.fetch(sql, [])]
    session.rest()
    return got


HELD = "SELECT container_type || '/' || container || '/' || version || '#' || id FROM contained.{} ORDER BY 1"


# Both readers of an expression.

DAYS = ("2024", "2024-05", "2024-05-01", "2023-12-31")


def a_random_goal(dice: random.Random, id: str) -> Json:
    made = a_goal(f"Patient/{dice.choice('ab')}", id=id, lifecycleStatus=dice.choice(("active", "planned")))
    if dice.random() < 0.7:
        made["startDate"] = dice.choice(DAYS)
    if dice.random() < 0.7:
        made["target"] = [{"dueDate": dice.choice(DAYS)} for _ in range(dice.randrange(1, 3))]
    if dice.random() < 0.5:
        made["category"] = [{"coding": [{"system": "urn:x", "code": dice.choice("abc")}], "text": dice.choice("pq")}]
    return made


QUESTIONS = [
    *("lifecycle-status=active", "category=urn:x|a,urn:x|b", "category:text=p", "category:not=a", "patient=a"),
    *("start-date=2024", "start-date=gt2024-02", "start-date:missing=true", "target-date=le2024-05", "_id=g1,g0"),
    *("_lastUpdated=lt2000", "_lastUpdated=gt2000", "_has:Task:focus:status=requested", "subject:Patient=Patient/b"),
    *("patient:Patient._id=a", "_filter=not(category eq a) and (start-date gt 2023 or _id eq g0)"),
]
COMPARTMENT = e.InCompartment("Patient", "a")


class _Others:
    """A Patient and a Task are all that is beside."""

    def of(self, type: str) -> list[Known]:
        if type == "Patient":
            return [Known("Patient", "a", index_values("Patient", {"resourceType": "Patient"}))]
        return [Known("Task", "1", index_values("Task", TASK))] if type == "Task" else []

    def allows(self, asked: object, it: Known) -> bool:
        raise AssertionError("nobody asks for that")


TASK = a_task(id="1", focus=a_reference("Goal/g0"))


async def test_sql_finds_what_the_test_in_memory_finds(store: Store) -> None:
    dice = random.Random(7)
    containers = [
        a_plan(
            f"p{n}", *(a_random_goal(dice, f"g{k}") for k in range(dice.randrange(4))), subject=f"Patient/{'ab'[n % 2]}"
        )
        for n in range(30)
    ]
    patient = {"resourceType": "Patient", "id": "a"}
    versions = await written(
        store, *map(holding, containers), a_change(patient, id="a"), a_change(TASK, id="1"), a_change(a_goal(), id="g0")
    )
    at = {each.id: each.last_updated for each in versions}
    wheres = [parse("Goal", [tuple(each.split("=", 1))]).where for each in QUESTIONS]  # type: ignore[list-item]
    wheres += [COMPARTMENT, e.Not(COMPARTMENT), *(e.Or((COMPARTMENT, each)) for each in wheres[:4])]
    seen = 0
    for where in wheres:
        expected = []
        for each in containers:
            holder = Known("CarePlan", each["id"], index_values("CarePlan", each), at[each["id"]])
            for inner in inner_values(each):
                if matches(where, "Goal", inner.id or "", inner.values, container=holder, world=_Others()):
                    expected.append(f"CarePlan/{each['id']}#{inner.id}")
        got = await found(store, "Goal", where)
        assert (sorted(names(got.versions)), got.total) == (sorted(expected), len(expected)), where
        seen += 0 < len(expected) < 40
        containing = await found(store, "Goal", where, is_alone=False)
        assert sorted(names(containing.versions)) == sorted({each.partition("#")[0] for each in expected})
    assert seen > 12


@pytest.mark.parametrize("sort", [(), ("start-date",), ("-start-date",), ("-target-date", "_id"), ("_lastUpdated",)])
@pytest.mark.parametrize("is_alone", [True, False])
@pytest.mark.parametrize("is_both", [True, False])
async def test_pages_under_writes_show_the_first_moment(
    store: Store, sort: tuple[str, ...], is_alone: bool, is_both: bool
) -> None:
    dice = random.Random(f"{sort}{is_alone}{is_both}")
    keys = tuple(SortKey(PARAMETERS["Goal"][each.lstrip("-")], each.startswith("-")) for each in sort)
    how = {"sort": keys, "is_alone": is_alone, "is_both": is_both}

    def anew(n: int, version: int) -> Change:
        if n % 3 == 0:
            return holding({**a_random_goal(dice, f"r{n}")}, version=version)
        goals = [a_random_goal(dice, f"g{k}") for k in range(dice.randrange(4))]
        if n % 3 == 1:
            return holding(a_plan(f"r{n}", *goals), version=version)
        return holding(a_care_team(id=f"r{n}", contained=goals), version=version)

    newest = dict.fromkeys(range(15), 1)
    await written(store, *(anew(n, 1) for n in newest))
    whole = await found(store, "Goal", **how)
    assert whole.total == len(whole.versions) > 3
    page = await found(store, "Goal", count=3, **how)
    shown = [page.versions]
    assert page.as_of is not None
    while page.more:
        for n in dice.sample(range(15), 4):
            newest[n] += 1
            change = anew(n, newest[n])
            await written(
                store, change if dice.random() < 0.7 else a_deletion(change.type, change.id, version=newest[n])
            )
        await written(store, holding(a_plan(f"new{len(shown)}", a_random_goal(dice, "g0"))))
        page = await found(store, "Goal", count=3, place=Place(page.as_of, page.last), **how)  # type: ignore[arg-type]
        assert page.total == whole.total
        shown.append(page.versions)
    assert [(each.content, each.container, each.version) for page in shown for each in page] == [
        (each.content, each.container, each.version) for each in whole.versions
    ]
    back = await found(store, "Goal", count=3, place=Place(page.as_of, page.first, is_backwards=True), **how)  # type: ignore[arg-type]
    assert names(back.versions) == names(shown[-2])


async def test_limits_are_asked_of_what_is_contained_and_slices_of_the_container(store: Store) -> None:
    await written(
        store,
        holding(a_plan("a", a_goal(id="g"))),
        holding(a_plan("d", a_goal(id="g", lifecycleStatus="planned"), status="draft")),
    )
    active = parse("CarePlan", [("status", "active")]).where
    planned = parse("Goal", [("lifecycle-status", "planned")]).where
    nothing = e.Nothing()
    for within, limit, expected in (
        (active, ALL, ["CarePlan/a#g"]),
        (ALL, planned, ["CarePlan/d#g"]),
        (active, planned, []),
        (nothing, ALL, []),
        (ALL, nothing, []),
    ):
        got = await found(
            store, "Goal", within={**EVERYWHERE, "CarePlan": within}, limits={**EVERYWHERE, "Goal": limit}
        )
        assert (names(got.versions), got.total) == (expected, len(expected))


# What becomes of the rows.


def inners(type: str, content: str) -> Any:
    return inner_values(json_text.read(content))


def values(type: str, content: str) -> Mapping[str, Any]:
    return index_values(type, json_text.read(content))


async def test_what_was_lost_or_is_wrong_is_made_anew(store: Store) -> None:
    team = a_care_team(id="t", contained=[a_condition(id="c")])
    await written(store, holding(a_plan("p", a_goal(id="g1"), a_goal(id="g2"), a_condition(id="c"))), holding(team))
    await written(store, holding(a_plan("p", a_goal(id="g1", startDate="2024-05-01"), a_goal(id="g2")), version=2))
    both = ("goal", "condition")
    before = [await rows(store, f"SELECT k::text FROM contained.{each} k ORDER BY 1") for each in both]

    async def mended(type: str) -> int:
        return (await reindex(store.pool, type, values, lambda *_: None, inners)).mended

    assert await mended("CarePlan") == 0
    session = Session(store.pool)
    for change in (
        "UPDATE contained.goal SET start_date = NULL, id = 'x' WHERE number = 0 AND version = 2",
        "DELETE FROM contained.goal WHERE number = 1 AND version = 2",
        "INSERT INTO contained.condition (container_type, container, version, number) VALUES ('CarePlan', 'p', 2, 7)",
        "INSERT INTO contained.goal (container_type, container, version, number) VALUES ('CarePlan', 'ghost', 1, 0)",
    ):
        await session.fetch(change, [])
    session.rest()
    assert await mended("CarePlan") >= 3
    assert await mended("Goal") == 1  # the ghost's
    assert [await rows(store, f"SELECT k::text FROM contained.{each} k ORDER BY 1") for each in both] == before
    assert (await mended("CarePlan"), await mended("Goal")) == (0, 0)


async def test_those_in_containers_of_all_types_are_made_anew_with_their_own_type(store: Store) -> None:
    team = a_care_team(id="t", contained=[a_condition(id="c", recordedDate="2024-05-01")])
    plans = [a_plan(f"p{n}", a_condition(id="c", recordedDate="2024-05-01"), a_goal(id="g")) for n in range(5)]
    await written(store, holding(team), *map(holding, plans))
    session = Session(store.pool)
    await session.fetch("UPDATE contained.condition SET recorded_date = NULL WHERE container <> 'p3'", [])
    session.rest()
    after: tuple[str, str, int, int] | None = ("", "", 0, 0)
    mended = 0
    while after is not None:
        after, more = await reindex_contained(store.pool, "Condition", inners, after=after, size=2)
        mended += more
    assert mended == 5
    assert await rows(store, "SELECT count(*) FROM contained.condition WHERE recorded_date IS NOT NULL") == ["6"]


async def test_they_are_forgotten_when_no_page_can_show_their_container(store: Store) -> None:
    await written(store, holding(a_plan("p", a_goal(id="old"))), holding(a_plan("q", a_goal(id="gone"))))
    await written(store, holding(a_plan("p", a_goal(id="new")), version=2), a_deletion("CarePlan", "q", version=2))
    assert await rows(store, HELD.format("goal")) == ["CarePlan/p/1#old", "CarePlan/p/2#new", "CarePlan/q/1#gone"]
    assert await forget(store.pool, timedelta(hours=1)) == 0
    assert len(await rows(store, HELD.format("goal"))) == 3
    assert await forget(store.pool, timedelta(0)) == 2
    assert await rows(store, HELD.format("goal")) == ["CarePlan/p/2#new"]


async def test_a_write_that_fails_leaves_none(store: Store) -> None:
    await written(store, holding(a_plan("p", a_goal(id="g"))))
    with pytest.raises(Conflict):
        await written(store, holding(a_plan("q", a_goal(id="g"))), holding(a_plan("p", a_condition(id="c"))))
    assert await rows(store, HELD.format("goal")) == ["CarePlan/p/1#g"]
    assert await rows(store, HELD.format("condition")) == []


def test_the_id_of_what_is_contained_leaves_many_for_others_share_it() -> None:
    """The container is then looked for by its clients: 50,000 were each asked about before (above 5 s, measured)."""
    by_id = e.HasId(("g",))
    of_anna = parse("Goal", [("patient", "Patient/anna")]).where
    assert is_anchor(by_id) and not is_anchor(by_id, within=True)
    assert not is_anchor(e.Or((of_anna, by_id)), within=True) and is_anchor(e.And((of_anna, by_id)), within=True)
