"""What the history of a type, or of everything, costs: what is in it, and nothing for what is hidden from the asker."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

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
from sharedplan.store.engine import LONGEST, Pool
from sharedplan.store.guard import PATH, Who
from sharedplan.store.histories import history
from sharedplan.store.projection import projection
from sharedplan.store.queries import Query
from sharedplan.store.searches import Search
from sharedplan.store.searching import page
from sharedplan.store.unit_of_work import Store
from store.changes import a_change, written
from store.explaining import explained

LARGE, SMALL, STRANGE = "Organization/large", "Organization/small", "Organization/strange"
TYPES = ("Patient", "CarePlan", "Goal", "Task", "Provenance")
PLANS = 20
COPIES = 100
OF_A_TYPE, OF_EVERYTHING = 30, 150
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
    return [
        a_patient(id=name),
        a_care_plan(client, id=name),
        a_goal(client, id=name),
        a_task(client, id=name),
        {"resourceType": "Provenance", "id": name, **of_the_plan, "agent": [{"who": a_reference("Device/x")}]},
    ]


class Others:
    """A database in which a small organisation has a client, and sees another's; and a large one has more and more."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._runner.run(self._fill(url))

    def close(self) -> None:
        self._runner.run(self._connection.close())
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
                await self._operator.execute(
                    f"INSERT INTO {table} ({names}) SELECT {made} FROM {table}, generate_series(1, {COPIES}) n "
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


QUESTIONS = [(None, None), ("CarePlan", LONG_AGO), ("Provenance", None)]


Costs = tuple[dict[tuple[str, str | None, datetime | None, str], int], dict[str, tuple[int, int]]]
"""Pages looked at for each history, and of each asker what his searches cost."""


@pytest.fixture(scope="module")
def costs(server: Server) -> Iterator[tuple[Costs, Costs]]:
    """Before others had more, and after."""
    with server.database() as url:
        others = Others(url)
        try:
            few = _costs(others), _search_costs(others)
            others.grow()
            many = _costs(others), _search_costs(others)
            by = ASKERS["a small organisation"]
            found = others.found(asked(by, None, None), by)
            assert {"CarePlan/own", "Provenance/own", "CarePlan/shared"} <= set(found)
            assert others.found(searched(by, Everything()), by) == ["Goal/shared"]
            yield few, many
        finally:
            others.close()


def test_a_history_costs_no_more_where_others_have_more(costs: tuple[Costs, Costs]) -> None:
    (few, _), (many, _) = costs
    more = {each: (few[each], many[each]) for each in few if many[each] > few[each]}
    grown = {
        (who, type, mode): (before, after)
        for (who, type, _, mode), (before, after) in more.items()
        if after - before > (OF_A_TYPE if type else OF_EVERYTHING)
    }
    assert grown == {}


def test_a_search_asks_nothing_of_what_is_hidden(costs: tuple[Costs, Costs]) -> None:
    """Nor does it walk along it where nothing but the slice leaves anything out."""
    (_, before), (_, after) = costs
    grown = {
        name: (before[name], after[name])
        for name in ASKERS
        if after[name][0] > before[name][0] or after[name][1] > before[name][1] + OF_A_TYPE
    }
    assert grown == {}


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
