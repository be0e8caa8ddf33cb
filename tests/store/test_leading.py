"""Whichever way the matches of a search are found, by what is asked or by what its asker sees, they are the same."""

import asyncio
import random
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from builders import (
    a_care_plan,
    a_care_team,
    a_goal,
    a_patient,
    a_practitioner_role,
    a_reference,
    a_task,
)
from databases import Server, of_service
from exchange.asking import ANNA
from exchange.cast import person, system
from sharedplan.access.decision import Facts, decide
from sharedplan.access.principal import Principal
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.exchanges import Asked
from sharedplan.search.parse import parse
from sharedplan.store.engine import Pool
from sharedplan.store.extents import LITTLE, SOME, Extent, Extents
from sharedplan.store.guard import PATH, Who
from sharedplan.store.searches import Place, Search, Seeing, SortKey
from sharedplan.store.searching import page
from sharedplan.store.selectivity import is_anchor, is_broad
from sharedplan.store.session import Session
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, a_deletion, written
from store.test_histories import A_MEMBER, A_PERMIT, LARGE, SMALL, STRANGE

CLIENTS = ("own", "shared", "hidden", "other")
PEOPLE = ("Practitioner/small", "Practitioner/strange", SMALL, LARGE)
TYPES = ("Patient", "CareTeam", "CarePlan", "Goal", "Task", "Communication", "Provenance", "PractitionerRole")
WAYS = [Seeing(little=frozenset(CATALOGUE)), Seeing(some=frozenset(CATALOGUE)), Seeing(much=frozenset(CATALOGUE))]

ASKERS = {
    "a small organisation": system(SMALL),
    "a large one": system(LARGE),
    "a person": person("Practitioner/small", SMALL),
    "a person who stands alone": person("Practitioner/small", None),
    "in an emergency": person("Practitioner/small", SMALL, "ETREAT"),
    "a client": replace(ANNA, person="Patient/own"),
    "a stranger": system(STRANGE),
}
QUESTIONS = [
    "CarePlan?status=STATUS",
    "CarePlan?status:not=STATUS",
    "CarePlan?date=geDATE",
    "CarePlan?date=DATE&performer=WHO",
    "CarePlan?performer=WHO&_sort=-date",
    "CarePlan?performer:missing=true",
    "CarePlan?care-team.participant=WHO&_sort=_lastUpdated",
    "CarePlan?care-team.participant:PractitionerRole.practitioner=Practitioner/small",
    "CarePlan?_has:Task:focus:owner=WHO",
    "CarePlan?_has:Task:focus:status=STATUS",
    "CarePlan?goal.lifecycle-status=STATUS&status=STATUS",
    "CarePlan?identifier=urn:ids|NUMBER",
    "CarePlan?_lastUpdated=gt2000&_sort=-_lastUpdated",
    "CarePlan?_lastUpdated=gt2000&_lastUpdated=lt2100",
    "CarePlan?_lastUpdated=gt2000&status=STATUS&_sort=_lastUpdated",
    "CarePlan?_sort=-_lastUpdated",
    "CarePlan?_sort=_id",
    "Task?_lastUpdated=gt2000&_sort=_lastUpdated",
    "Task?focus:CarePlan._lastUpdated=gt2000",
    "Task?owner=WHO",
    "Task?owner=WHO&status=STATUS&_sort=-authored-on",
    "Task?focus:CarePlan.status=STATUS",
    "Task?focus:CarePlan.care-team.participant=WHO",
    "Task?status=STATUS",
    "Task?patient.gender=female",
    "Communication?recipient=WHO",
    "Communication?status=STATUS",
    "Patient?gender=female",
    "Patient?_has:CarePlan:patient:status=STATUS&_sort=-birthdate",
    "Patient?_has:CarePlan:patient:_has:Task:focus:owner=WHO",
    "Goal?lifecycle-status=STATUS,draft",
    "Provenance?agent=WHO",
    "Provenance?target=CarePlan/NUMBER",
    "PractitionerRole?_has:CareTeam:participant:status=STATUS",
]


def resources(dice: random.Random) -> Iterator[tuple[dict[str, Any], str]]:
    """Things of clients, and in what register each is."""

    def one(*values: Any) -> Any:
        return dice.choice(values)

    role = {"practitioner": a_reference("Practitioner/small"), "organization": a_reference(SMALL), "active": True}
    yield a_practitioner_role(id="small", **role), LARGE
    for name in CLIENTS:
        kept = SMALL if name == "own" else LARGE
        yield a_patient(id=name, gender=one("female", "male"), birthDate=one("1980-01-01", "1990")), kept
    for n in range(24):
        name = one(*CLIENTS)
        client, kept, id = f"Patient/{name}", one(SMALL, LARGE) if name == "shared" else LARGE, str(n)
        kept = SMALL if name == "own" else kept
        members = [{"member": a_reference(one(*PEOPLE, "PractitionerRole/small"))} for _ in range(2)]
        status = one("active", "draft")
        yield a_care_team(client, id=id, status=one("active", "inactive"), participant=members), kept
        detail = {"status": "scheduled", "performer": [a_reference(one(*PEOPLE))]}
        more = {"activity": [{"detail": detail}]} if one(True, False) else {}
        more |= {"careTeam": [a_reference(f"CareTeam/{one(n, dice.randrange(24))}")]}
        more |= {"goal": [a_reference(f"Goal/{one(n, dice.randrange(24))}")]}
        more |= {"identifier": [{"system": "urn:ids", "value": str(n % 6)}]}
        dates = {"period": {"start": f"202{n % 6}-0{1 + n % 9}-01"}}
        yield a_care_plan(client, id=id, status=status, **dates, **more), kept
        yield a_goal(client, id=id, lifecycleStatus=one("active", "completed")), kept
        asked = {"focus": a_reference(f"CarePlan/{one(n, dice.randrange(24))}"), "owner": a_reference(one(*PEOPLE))}
        yield a_task(client, id=id, status=one("requested", "active"), **asked), kept
        to = {"recipient": [a_reference(one(*PEOPLE))]}
        subject = {} if one(True, False) else {"subject": a_reference(client)}
        said = {"resourceType": "Communication", "id": id, "status": one("completed", "preparation")}
        yield {**said, **to, **subject}, kept
        agent = [{"who": a_reference(one(*PEOPLE))}]
        target = [a_reference(f"CarePlan/{id}")]
        told = {"resourceType": "Provenance", "id": id, "target": target, "recorded": "2026-01-01T00:00:00Z"}
        yield {**told, "agent": agent}, kept


class World:
    """A database with things that some see and others do not, asked behind the second guard."""

    def __init__(self, url: str, seed: int) -> None:
        self.dice = random.Random(seed)
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._runner.run(self._fill(url))

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(doing)

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.run(self.pool.close())
        self._runner.close()

    async def _fill(self, url: str) -> None:
        self.pool = Pool(url, size=2, unguarded=True)
        self._store = Store(self.pool)
        self._made = [a_change(each, id=each["id"], controller=kept) for each, kept in resources(self.dice)]
        for change in self._made:
            if change.type == "Provenance":
                target = next(each for each in self._made if (each.type, each.id) == ("CarePlan", change.id))
                change.values["patient"] = [target.values["patient"]]  # type: ignore[index]
        await written(self._store, *self._made)
        connection = await self.pool.acquire()
        await connection.execute(f"{A_MEMBER}; {A_PERMIT}")
        self.pool.release(connection)
        self._connection = await asyncpg.connect(of_service(url), server_settings={"search_path": PATH})

    def change(self) -> datetime:
        """Some of it becomes something else, or goes; gives the moment before."""

        async def changed() -> datetime:
            before = datetime.now(UTC)
            there = [each for each in self._made if each.type not in ("Patient", "PractitionerRole", "Provenance")]
            some = self.dice.sample(there, 30)
            await written(self._store, *(a_deletion(each.type, each.id, version=2) for each in some[:10]))
            new = {(each["resourceType"], each["id"]): each for each, _ in resources(self.dice)}
            later = [
                replace(a_change(new[each.type, each.id], id=each.id, version=2), controller=each.controller)
                for each in some[10:]
            ]
            await written(self._store, *later)
            return before

        return self._runner.run(changed())

    def rows(self, search: Search, by: Principal) -> list[dict[str, Any]]:
        sql, parameters, *_ = page(search)
        told = [*parameters, *Who("asker", by.person, by.organization), 0]
        found = self._runner.run(self._connection.fetch(sql, *told))
        return [{**row, "as_of": None} for row in found]

    def question(self, question: str) -> str:
        for name, values in (
            ("STATUS", ("active", "draft", "requested", "completed")),
            ("WHO", PEOPLE),
            ("DATE", ("2021", "2023-04", "2024-05-01")),
            ("NUMBER", ("1", "2", "7")),
        ):
            question = question.replace(name, self.dice.choice(values))
        return question


def asked(question: str, slices: dict[str, Any], **more: Any) -> Search:
    type, _, pairs = question.partition("?")
    query = parse(type, [tuple(pair.split("=", 1)) for pair in pairs.split("&")], at=datetime.now(UTC))  # type: ignore[misc]
    return Search({type: query.where}, slices, 20, "accurate", tuple(SortKey(*each) for each in query.sort), **more)


def check(url: str, seed: int, *, every: int) -> None:
    world = World(url, seed)
    try:
        seen = led = 0
        for moment in (None, world.change(), None):
            for name, by in ASKERS.items():
                slices = dict(decide(Asked("search-type", "CarePlan"), by, Facts(datetime.now(UTC))).slices)
                for each in world.dice.sample(QUESTIONS, every):
                    search = replace(asked(world.question(each), slices), count=world.dice.choice((3, 20)))
                    if moment is not None:
                        keys = (None,) * len(search.sort) + (0, "")
                        search = replace(search, place=Place(moment, keys if world.dice.random() < 0.7 else None))
                    rows = world.rows(search, by)
                    seen += rows[0]["total"]
                    texts = {page(search).sql: search}
                    texts |= {page(one).sql: one for one in (replace(search, seeing=way) for way in WAYS)}
                    for other in list(texts.values())[1:]:
                        led += 1
                        assert world.rows(other, by) == rows, (name, other)
        assert seen > every and led > every  # or nothing was compared
    finally:
        world.close()


def test_a_search_finds_the_same_whether_it_is_led_or_not(server: Server) -> None:
    with server.database() as url:
        check(url, 7, every=6)


class Counting(Session):
    """Counts what it asks."""

    asked = 0

    async def ask(self, sql: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
        self.asked += 1
        return await super().ask(sql, parameters)


async def test_how_much_somebody_sees_is_counted_once_in_a_while(store: Store) -> None:
    plans = [a_care_plan(f"Patient/{n}", id=str(n)) for n in range(40)]
    await written(store, *(a_change(each, id=each["id"], controller=LARGE) for each in plans))
    extents, session = Extents(), Counting(store.pool)
    for by, sees in ((system(STRANGE), {"CarePlan"}), (system(LARGE), set())):
        slices = dict(decide(Asked("search-type", "CarePlan"), by, Facts(datetime.now(UTC))).slices)
        session.who, before = Who("asker", by.person, by.organization), session.asked
        for question in ("CarePlan?status=active", "CarePlan?date=ge2020", "CarePlan?status=draft"):
            found = await extents.found(asked(question, slices), session)
            assert found.seeing.little == sees
        assert session.asked == before + 1
    of_a_client = asked("CarePlan?patient=Patient/1&status=active", slices)
    assert await Extents().found(of_a_client, session) is of_a_client
    across = asked("Patient?_has:CarePlan:patient:status=active", slices)
    await extents.found(across, session)
    assert session.asked == 3  # of the patients; the plans are known


async def test_who_sees_neither_little_nor_much_is_led_where_far_more_meets_what_he_asks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharedplan.store.extents.LITTLE", 2)
    monkeypatch.setattr("sharedplan.store.extents.SOME", 5)
    plans = [
        a_care_plan(
            f"Patient/{n}",
            id=str(n),
            status="draft" if n % 30 == 0 else "active",
            period={"start": "2026", "end": "2026"},
        )
        for n in range(600)
    ]
    await written(
        store, *(a_change(each, id=each["id"], controller=SMALL if n < 20 else LARGE) for n, each in enumerate(plans))
    )
    connection = await store.pool.acquire()
    await connection.execute("ANALYZE care_plan")
    store.pool.release(connection)
    extents, session = Extents(), Counting(store.pool)
    session.who = Who("asker", None, SMALL)
    slices = dict(decide(Asked("search-type", "CarePlan"), system(SMALL), Facts(datetime.now(UTC))).slices)
    for question, is_led in (
        ("CarePlan?status=active", True),
        ("CarePlan?status=draft", False),  # 20 of all, and he sees 20
        ("CarePlan?date=ge2020", True),
        ("CarePlan?date=ge2030", False),
        ("CarePlan?status=active&date=ge2030", False),
        ("CarePlan?_count=10", False),  # along the register
        ("Patient?_has:CarePlan:patient:status=active", True),
    ):
        for _ in range(2):
            found = await extents.found(asked(question, slices), session)
            assert ("CarePlan" in found.seeing.some) == is_led, question
    assert session.asked == 2  # how much he sees of plans and of patients


@pytest.mark.parametrize(
    ("rows", "of", "little", "some"),
    [
        (0, 0, True, False),
        (30, 30, False, False),
        (30, 1_000, True, False),
        (LITTLE, 10_000, True, False),
        (LITTLE, 1_000, False, False),
        (LITTLE + 1, 1_000_000, False, True),
        (LITTLE + 1, 20_000, False, False),
        (SOME, 1_000_000, False, True),
        (SOME + 1, 100_000_000, False, False),
    ],
)
def test_little_is_little_beside_all_that_there_is(rows: int, of: int, little: bool, some: bool) -> None:
    assert (Extent(rows, of).is_little, Extent(rows, of).is_some) == (little, some)


@pytest.mark.parametrize(
    ("question", "broad", "of_one"),
    [
        ("status=active", True, False),
        ("status=active&date=ge2020", True, False),
        ("status:not=active", True, False),
        ("date=2024-05-01", False, False),
        ("performer=Practitioner/1&date=ge2020", False, False),
        ("identifier=urn:x|1", False, True),
        ("encounter=Encounter/1", False, False),
        ("patient=Patient/1", False, True),
        ("_id=1", False, True),
    ],
)
def test_what_much_may_meet_is_told_by_its_form(question: str, broad: bool, of_one: bool) -> None:
    where = asked(f"CarePlan?{question}", {}).wheres["CarePlan"]
    assert (is_broad(where), is_anchor(where, surely=True)) == (broad, of_one)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8))
def test_a_search_finds_the_same_in_many_worlds(server: Server, seed: int) -> None:
    with server.database() as url:
        check(url, seed, every=len(QUESTIONS))
