"""What the history of a type, or of everything, costs: what is in it, and nothing for what is hidden from the asker. Of
searches the same for whoever sees little."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg
import pytest

from builders import a_care_plan, a_goal, a_patient, a_reference, a_task
from databases import Server, of_service
from exchange.asking import ANNA
from exchange.cast import person, system
from sharedplan.access.decision import Facts, decide
from sharedplan.access.principal import Principal
from sharedplan.fhir.exchanges import Asked
from sharedplan.search.expression import (
    And,
    Everything,
    Expression,
    HasToken,
    OfClient,
    OfRegister,
    Permitted,
    WrittenBy,
)
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.parse import parse
from sharedplan.store.engine import LONGEST, Pool
from sharedplan.store.extents import Extents
from sharedplan.store.guard import PATH, Who
from sharedplan.store.histories import history
from sharedplan.store.projection import projection
from sharedplan.store.queries import Query
from sharedplan.store.searches import Place, Search, SortKey
from sharedplan.store.searching import page
from sharedplan.store.session import Session
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, written
from store.explaining import explained

LARGE, SMALL, STRANGE = "Organization/large", "Organization/small", "Organization/strange"
TYPES = ("Patient", "CarePlan", "Goal", "Task", "Provenance")
PLANS = 20
COPIES = 100
GOALS = 500
"""Copies of the hidden goals, without their versions."""

OF_A_TYPE, OF_A_SEARCH, OF_EVERYTHING = 30, 60, 150
"""Pages that may be looked at more when 10,000 versions were added that are hidden: a table that was read from end to
end while it had three pages, and indexes that are a level deeper."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

A_MEMBER = f"""
    INSERT INTO access_member (client, team, member, roles, period, says_since)
    VALUES ('Patient/shared', 'CareTeam/1', '{SMALL}', '{{}}', '[2020-01-01,)', true)
"""
A_PERMIT = f"""
    INSERT INTO access_rule (
        client, consent, version, number, at, rank, updated, is_ban, performers, path, depth, effect, period,
        recipients, holders, authors, classes, codes, labels, data, is_of_all_data
    ) VALUES (
        'Patient/shared', 'Consent/1', 1, 0, now(), now(), now(), false, '{{}}', '', 0, 'permit', '[2020-01-01,)',
        '[["{SMALL}"]]', '[]', '[]', '[]', '[]', '[]', '[]', true
    )
"""

ASKERS = {
    "a small organisation": system(SMALL),
    "a person of it": person("Practitioner/small", SMALL),
    "in an emergency": person("Practitioner/small", SMALL, "ETREAT"),
    "a client": replace(ANNA, person="Patient/own"),
    "a stranger": system(STRANGE),
    "a strange person": person("Practitioner/strange", STRANGE),
}


def of_a_client(name: str) -> list[dict[str, Any]]:
    client = f"Patient/{name}"
    of_the_plan = {"target": [a_reference(f"CarePlan/{name}")], "recorded": "2026-01-01T00:00:00Z"}
    by_large = {"status": "scheduled", "performer": [a_reference(LARGE)]}
    return [
        a_patient(id=name, gender="female"),
        a_care_plan(client, id=name, period={"start": "2024-05-01"}, activity=[{"detail": by_large}]),
        a_goal(client, id=name),
        a_task(client, id=name, focus=a_reference(f"CarePlan/{name}"), owner=a_reference(LARGE)),
        {"resourceType": "Provenance", "id": name, **of_the_plan, "agent": [{"who": a_reference("Device/x")}]},
    ]


class Others:
    """A database in which a small organisation has a client, and sees another's; and a large one has more and more."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._runner.run(self._fill(url))

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.run(self._pool.close())
        self._runner.run(self._operator.close())
        self._runner.close()

    async def _fill(self, url: str) -> None:
        pool = Pool(url, size=2, unguarded=True)
        changes = [a_change(each, id=each["id"], controller=SMALL) for each in of_a_client("own")]
        changes += [a_change(each, id=each["id"], controller=LARGE) for each in of_a_client("shared")]
        for n in range(PLANS):
            changes += [a_change(each, id=each["id"], controller=LARGE) for each in of_a_client(f"hidden{n}")]
        for change in changes:
            if change.type == "Provenance":
                change.values["patient"] = [f"Patient/{change.id}"]  # type: ignore[index]
        await written(Store(pool), *changes)
        await pool.close()
        self._operator = await asyncpg.connect(url)
        for statement in (A_MEMBER, A_PERMIT, "ALTER DATABASE CURRENT_DATABASE SET track_functions = 'pl'"):
            database = await self._operator.fetchval("SELECT quote_ident(current_database())")
            await self._operator.execute(statement.replace("CURRENT_DATABASE", database))
        self._connection = await asyncpg.connect(of_service(url), server_settings={"search_path": PATH})
        self._pool = Pool(of_service(url), size=1)
        # All goals are in one register, so a search that goes by it looks to the planner like one that finds all.
        await self._operator.execute(f"DELETE FROM goal WHERE controller = '{SMALL}'")
        await self._operator.execute("VACUUM ANALYZE")

    def grow(self) -> None:
        """Copies of all that is hidden."""
        self._runner.run(self._grow())

    async def _grow(self) -> None:
        for type in TYPES:
            for table, of_type in ((projection(type).table, "true"), ("resource_version", f"type = '{type}'")):
                columns = await self._operator.fetch(
                    "SELECT quote_ident(attname) AS name, format_type(atttypid, atttypmod) AS kind FROM pg_attribute "
                    "WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
                    table,
                )
                names = ", ".join(each["name"] for each in columns)
                made = ", ".join(
                    f"last_updated - n * interval '1 s' + interval '1 us' * {TYPES.index(type)}"
                    if each["name"] == "last_updated"
                    else f"replace({each['name']}::text, 'hidden', 'hidden' || n || '-')::{each['kind']}"
                    for each in columns
                )
                copies = GOALS if type == "Goal" and table != "resource_version" else COPIES
                await self._operator.execute(
                    f"INSERT INTO {table} ({names}) SELECT {made} FROM {table}, generate_series(1, {copies}) n "
                    f"WHERE id LIKE 'hidden%' AND {of_type}"
                )
        await self._operator.execute("VACUUM ANALYZE")

    def buffers(self, query: Query, by: Principal, mode: str) -> int:
        """How many pages the database looks at to answer, planning apart."""

        told = _told(query, by)
        plan = self._runner.run(explained(self._connection, query[0], told, mode, "ANALYZE, BUFFERS"))
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    def judged(self, query: Query, by: Principal) -> int:
        """How often the second guard is asked of a client, or what a consent lets be seen of a thing."""

        calls = "SELECT coalesce(sum(calls), 0)::int FROM pg_stat_xact_user_functions WHERE funcname = ANY($1)"
        judging = ["guard_knows", "access_sees", "access_item"]

        async def counted() -> int:
            await self._connection.execute("SET plan_cache_mode = force_generic_plan")
            async with self._connection.transaction():
                before = await self._connection.fetchval(calls, judging)
                await self._connection.fetch(query[0], *_told(query, by))
                return int(await self._connection.fetchval(calls, judging) - before)

        return self._runner.run(counted())

    def measured(self, search: Search, by: Principal) -> Search:
        """The search, with how much its asker sees."""
        return self._runner.run(self._measured(search, by))

    async def _measured(self, search: Search, by: Principal) -> Search:
        session = Session(self._pool)
        session.who = Who("asker", by.person, by.organization)
        return await Extents().found(search, session)

    def found(self, query: Query, by: Principal) -> list[str]:
        rows = self._runner.run(self._connection.fetch(query[0], *_told(query, by)))
        return [f"{each.get('type', 'Goal')}/{each['id']}" for each in rows if each["id"] is not None]


def _told(query: Query, by: Principal) -> list[Any]:
    return [*query[1], *Who("asker", by.person, by.organization), *([0] if "AS turn" in query[0] else [])]


def slices(by: Principal) -> dict[str, Expression]:
    return dict(decide(Asked("history-system"), by, Facts(datetime.now(UTC))).slices)


def asked(by: Principal, type: str | None, since: datetime | None, before: datetime | None = None) -> Query:
    query = history(within=slices(by), type=type, id=None, since=since, at=None, before=before, count=50)
    assert query is not None
    return query


def searched(by: Principal, where: Expression) -> Query:
    sql, parameters, *_ = page(Search({"Goal": where}, slices(by), 10, "accurate"))
    return sql, [*parameters]


def as_a_unit_asks(others: "Others", by: Principal, question: str, place: Place | None = None) -> Query:
    """The statement of the search by one of whom the store knows how much he sees."""
    type, _, pairs = question.partition("?")
    query = parse(type, [tuple(pair.split("=", 1)) for pair in pairs.split("&")], at=LONG_AGO)  # type: ignore[misc]
    sort = tuple(SortKey(*each) for each in query.sort)
    search = Search({type: query.where}, slices(by), 10, "accurate", sort, place)
    sql, parameters, *_ = page(others.measured(search, by))
    return sql, [*parameters]


SEARCHES = [
    "Goal?lifecycle-status=active",
    "Goal?lifecycle-status:not=completed&_sort=-start-date",
    "Goal?_tag:missing=true",
    "Task?owner=Organization/large",
    "CarePlan?performer=Organization/large",
    "CarePlan?date=ge2020",
    "CarePlan?_has:Task:focus:status=requested",
    "Patient?_has:Task:patient:owner=Organization/large",
    "Task?focus:CarePlan.status=active",
    "Task?owner:Organization.name=large&_sort=-authored-on",
    "Patient?gender=female",
    "Patient?_has:Goal:patient:lifecycle-status=active",
    "Provenance?agent=Device/x",
]
"""Questions whose conditions all that is hidden meets."""

EVERYTHING_BY = {"a small organisation", "a client", "a stranger"}

QUESTIONS = [(None, None), ("CarePlan", LONG_AGO), ("Provenance", None)]


class Costs(NamedTuple):
    """Pages looked at for each history; of each asker what his searches cost, and the pages for each of SEARCHES."""

    histories: dict[tuple[str, str | None, datetime | None, str], int]
    searches: dict[str, tuple[int, int]]
    led: dict[tuple[str, str, bool], int]


@pytest.fixture(scope="module")
def costs(server: Server) -> Iterator[tuple[Costs, Costs]]:
    """Before others had more, and after."""
    with server.database() as url:
        others = Others(url)
        try:
            few = Costs(_costs(others), _search_costs(others), _costs_of_those_who_see_little(others))
            others.grow()
            many = Costs(_costs(others), _search_costs(others), _costs_of_those_who_see_little(others))
            by = ASKERS["a small organisation"]
            found = others.found(asked(by, None, None), by)
            assert {"CarePlan/own", "Provenance/own", "CarePlan/shared"} <= set(found)
            assert others.found(searched(by, Everything()), by) == ["Goal/shared"]
            yield few, many
        finally:
            others.close()


def test_a_history_costs_no_more_where_others_have_more(costs: tuple[Costs, Costs]) -> None:
    few, many = (each.histories for each in costs)
    more = {each: (few[each], many[each]) for each in few if many[each] > few[each]}
    grown = {
        (who, type, mode): (before, after)
        for (who, type, _, mode), (before, after) in more.items()
        if after - before > (OF_A_TYPE if type else OF_EVERYTHING)
    }
    assert grown == {}


def test_a_search_asks_nothing_of_what_is_hidden(costs: tuple[Costs, Costs]) -> None:
    """Nor does it walk along it where nothing but the slice leaves anything out."""
    before, after = (each.searches for each in costs)
    grown = {
        name: (before[name], after[name])
        for name in ASKERS
        if after[name][0] > before[name][0] or after[name][1] > before[name][1] + OF_A_TYPE
    }
    assert grown == {}


def test_a_search_by_whoever_sees_little_costs_nothing_for_what_is_hidden(costs: tuple[Costs, Costs]) -> None:
    """Though all of that meets the condition; on the first page and on later ones."""
    few, many = (each.led for each in costs)
    assert {each: (few[each], many[each]) for each in few if many[each] > few[each] + OF_A_SEARCH} == {}


def _costs_of_those_who_see_little(others: Others) -> dict[tuple[str, str, bool], int]:
    costs = {}
    for number, (name, by) in enumerate(ASKERS.items()):
        for question in SEARCHES if name in EVERYTHING_BY else SEARCHES[number::2]:
            later = Place(datetime.now(UTC), (None,) * question.count("_sort") + (0, ""))
            for place in (None, later) if question in SEARCHES[:2] else (None,):
                query = as_a_unit_asks(others, by, question, place)
                costs[name, question, place is None] = others.buffers(query, by, "force_generic_plan")
    return costs


def _search_costs(others: Others) -> dict[str, tuple[int, int]]:
    """Of each asker (things judged of a search with a condition, pages looked at of one without any)."""
    status = HasToken(PARAMETERS["Goal"]["lifecycle-status"], None, "active")
    return {
        name: (
            others.judged(searched(by, status), by),
            others.buffers(searched(by, Everything()), by, "force_generic_plan"),
        )
        for name, by in ASKERS.items()
    }


def _costs(others: Others) -> dict[tuple[str, str | None, datetime | None, str], int]:
    for by in ASKERS.values():  # what is kept for the connection is looked for once
        others.found(asked(by, None, None), by)
    return {
        (name, type, since, mode): others.buffers(asked(by, type, since), by, mode)
        for name, by in ASKERS.items()
        for type, since in QUESTIONS
        for mode in ("force_custom_plan", "force_generic_plan")
    }


@pytest.mark.parametrize("by", ASKERS.values(), ids=ASKERS)
def test_the_history_of_everything_is_short_enough_to_be_kept_prepared(by: Principal) -> None:
    assert len(asked(by, None, LONG_AGO, LONG_AGO)[0]) < LONGEST


@pytest.mark.parametrize(
    "part", [OfClient("Patient/own"), Permitted(None, SMALL, "TREAT"), OfRegister(SMALL), Everything()]
)
def test_who_wrote_it_is_asked_in_whatever_way_a_version_is_found(part: Expression) -> None:
    within = {"CarePlan": And((part, WrittenBy("records", SMALL, "Practitioner/small")))}
    query = history(within=within, type="CarePlan", id=None, since=None, at=None, before=None, count=50)
    assert query is not None and "Practitioner/small" in query[1]
