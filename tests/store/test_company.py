"""Statements of one text go together, and each gets his own answer, whatever becomes of the others."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from builders import a_patient
from sharedplan.errors import Conflict, Fault, Unavailable
from sharedplan.search.expression import Everything
from sharedplan.store import company as companies
from sharedplan.store import trail as trails
from sharedplan.store.company import ENOUGH, MOST, OTHERS, UNKNOWN, Company
from sharedplan.store.engine import Pool
from sharedplan.store.guard import Who
from sharedplan.store.joint import Question, joint
from sharedplan.store.session import fetch_alone
from sharedplan.store.statements import Statement
from sharedplan.store.unit_of_work import RetryableConflict, Store
from store.changes import a_change, a_trail, written

SQUARES = "SELECT $2::integer AS turn, n * n AS square FROM generate_series(1, $1::integer) n"
PARTS = "SELECT $2::integer AS turn, 12 / $1::integer AS part"
PROCESS = "SELECT $1::integer AS turn, pg_current_xact_id()::text AS transaction"
KEPT = """WITH kept AS (INSERT INTO scratch (n) VALUES (12 / $1::integer) RETURNING n)
    SELECT $2::integer AS turn, n, pg_current_xact_id()::text AS transaction FROM kept"""
SLOWLY = """WITH slept AS MATERIALIZED (SELECT pg_sleep(0.3)), kept AS (
        INSERT INTO scratch (n) SELECT 12 / $1::integer FROM slept RETURNING n
    ) SELECT $2::integer AS turn, n FROM kept"""
SLOW_PARTS = """SELECT $2::integer AS turn, 12 / $1::integer AS part, pg_sleep(0.06 / abs($1::integer))::text"""
WAITS = "SELECT $2::integer AS turn, pg_sleep($1::float)::text AS slept"
SLOW = "SELECT $1::integer AS turn, pg_backend_pid() AS process, pg_sleep(0.05)::text AS slept"


@pytest.fixture
async def company(pool: Pool) -> AsyncIterator[Company]:
    yield Company(pool)


async def test_each_gets_the_rows_of_his_own_question(company: Company) -> None:
    answers = await asyncio.gather(*(company.fetch(Question(SQUARES, [n])) for n in range(40)))
    assert [[row["square"] for row in rows] for rows in answers] == [
        [n * n for n in range(1, last + 1)] for last in range(40)
    ]


async def test_those_who_ask_at_once_share_a_transaction(company: Company) -> None:
    answers = await asyncio.gather(*(company.fetch(Question(PROCESS, [])) for _ in range(32)))
    assert len({rows[0]["transaction"] for rows in answers}) < 8


async def test_who_asks_what_cannot_be_answered_fails_alone(company: Company, pool: Pool) -> None:
    answers = await asyncio.gather(*(company.fetch(Question(PARTS, [n])) for n in (1, 0, 3, 4)), return_exceptions=True)
    assert isinstance(answers[1], Fault)
    assert [rows[0]["part"] for rows in answers if not isinstance(rows, BaseException)] == [12, 4, 3]
    assert pool.in_use == 0


async def test_who_goes_away_takes_nobody_along(company: Company, pool: Pool) -> None:
    asked = [asyncio.create_task(company.fetch(Question(SLOW, []))) for _ in range(6)]
    await asyncio.sleep(0.02)
    for each in asked[::2]:
        each.cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in answers] == [True, False] * 3
    assert pool.in_use == 0


async def test_a_connection_that_died_is_replaced_unnoticed(company: Company, pool: Pool, database_url: str) -> None:
    await company.fetch(Question(SQUARES, [1]))
    beside = await asyncpg.connect(database_url)
    await beside.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'sharedplan'"
    )
    await beside.close()
    answers = await asyncio.gather(*(company.fetch(Question(SQUARES, [2])) for _ in range(5)))
    assert all([row["square"] for row in rows] == [1, 4] for rows in answers)
    assert pool.in_use == 0


async def test_what_takes_long_is_asked_side_by_side(company: Company) -> None:
    await asyncio.gather(*(company.fetch(Question(SLOW, [])) for _ in range(4)))  # by now it is known
    asked = []
    for _ in range(5):
        asked.append(asyncio.create_task(company.fetch(Question(SLOW, []))))
        await asyncio.sleep(0)
    assert len({rows[0]["process"] for rows in await asyncio.gather(*asked)}) > 2


async def settled() -> None:
    """All who can go have gone."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_enough_who_wait_make_a_call_of_their_own(
    company: Company, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so do fewer, once the first of them has waited: what is under way may take seconds."""
    monkeypatch.setattr(companies, "ONE_MORE", 0.5)  # long enough for a busy machine
    await company.fetch(Question(WAITS, [0.0]))
    under_way = asyncio.create_task(company.fetch(Question(WAITS, [4.0])))
    await settled()
    enough = [asyncio.create_task(company.fetch(Question(WAITS, [0.1]))) for _ in range(ENOUGH)]
    await settled()
    assert pool.in_use == 2
    await asyncio.gather(*enough)
    few = [asyncio.create_task(company.fetch(Question(WAITS, [0.0]))) for _ in range(ENOUGH - 1)]
    await settled()
    assert pool.in_use == 1
    await asyncio.gather(*few)
    assert not under_way.done()
    under_way.cancel()
    await asyncio.gather(under_way, return_exceptions=True)


async def test_what_takes_long_goes_in_calls_that_do_not(company: Company) -> None:
    """Of sixteen that take a third of a second each, one call would take more than the database allows."""
    for _ in range(2):
        await company.fetch(Question(WAITS, [0.2]))
    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*(company.fetch(Question(WAITS, [0.2])) for _ in range(16)))
    assert asyncio.get_running_loop().time() - begun < 16 * 0.2 / 2


async def test_what_takes_long_leaves_connections_to_others(database_url: str) -> None:
    pool = Pool(database_url, size=6, wait=timedelta(milliseconds=200), unguarded=True)
    company = Company(pool)
    for _ in range(2):
        await company.fetch(Question(WAITS, [0.1]))
    long = [asyncio.create_task(company.fetch(Question(WAITS, [0.1]))) for _ in range(16)]
    await settled()
    assert pool.in_use == 6 - OTHERS
    assert await company.fetch(Question(SQUARES, [1]))
    assert all([await each for each in long])  # none of them waited for the pool for longer than it lets anybody
    await pool.close()


async def test_whom_one_spoils_it_for_leave_connections_to_others_too(database_url: str) -> None:
    """Each tries again by himself, and not all at once."""
    pool = Pool(database_url, size=6, wait=timedelta(milliseconds=300), unguarded=True)
    company = Company(pool)
    most = 0

    async def watched() -> None:
        nonlocal most
        while True:
            most = max(most, pool.in_use)
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watched())
    asked = [1, 2, 3, 0, 4, *([6] * 11)]
    await company.fetch(Question(SLOW_PARTS, [1]))
    company._ways[SLOW_PARTS].took = 0.001  # so all go in one call
    answers = await asyncio.gather(*(company.fetch(Question(SLOW_PARTS, [n])) for n in asked), return_exceptions=True)
    watching.cancel()
    assert [isinstance(each, BaseException) for each in answers] == [n == 0 for n in asked]
    assert (most, pool.in_use) == (6 - OTHERS, 0)
    await pool.close()


async def test_one_connection_is_enough_for_all(database_url: str) -> None:
    """Who waits behind what takes long waits in company, and not for the pool."""
    pool = Pool(database_url, size=1, wait=timedelta(milliseconds=100), unguarded=True)
    company = Company(pool)
    await company.fetch(Question(WAITS, [0.0]))
    long = asyncio.create_task(company.fetch(Question(WAITS, [0.5])))
    await settled()
    assert all(await asyncio.gather(long, *(company.fetch(Question(WAITS, [0.0])) for _ in range(3))))
    await pool.close()


async def test_what_fails_at_once_is_not_taken_for_quick(company: Company) -> None:
    await company.fetch(Question(SLOW_PARTS, [1]))
    took = company._ways[SLOW_PARTS].took
    for _ in range(5):
        with pytest.raises(Fault):
            await company.fetch(Question(SLOW_PARTS, [0]))
    assert company._ways[SLOW_PARTS].took == took


async def test_what_the_database_gave_up_is_known_to_take_long(database_url: str) -> None:
    pool = Pool(database_url, size=2, statement_timeout=timedelta(milliseconds=300), unguarded=True)
    company = Company(pool)
    await company.fetch(Question(WAITS, [0.0]))
    took = company._ways[WAITS].took
    with pytest.raises(Unavailable):
        await company.fetch(Question(WAITS, [5.0]))
    assert company._ways[WAITS].took > took + 0.02
    await pool.close()


async def test_what_is_quick_comes_before_others_who_wait_for_a_connection(
    company: Company, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, acquire = [], pool.acquire

    async def noted(**turn: bool) -> asyncpg.Connection:
        turns.append(turn)
        return await acquire(**turn)

    monkeypatch.setattr(pool, "acquire", noted)
    for seconds in (0.0, 0.0, 2.0, 0.0):
        await company.fetch(Question(WAITS, [seconds]))
    assert turns == [{"first": False}, {"first": True}, {"first": True}, {"first": False}]


async def test_who_knows_nothing_of_a_question_asks_few_at_once(company: Company) -> None:
    answers = await asyncio.gather(*(company.fetch(Question(PROCESS, [])) for _ in range(MOST)))
    transactions = [rows[0]["transaction"] for rows in answers]
    assert transactions.count(transactions[0]) == UNKNOWN


async def test_what_nobody_foresaw_is_told_to_those_whom_it_met(
    company: Company, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(**turn: bool) -> asyncpg.Connection:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(pool, "acquire", broken)
        with pytest.raises(Fault):
            await company.fetch(Question(SQUARES, [1]))
    assert [row["square"] for row in await company.fetch(Question(SQUARES, [2]))] == [1, 4]


async def test_without_a_connection_all_are_told(company: Company, pool: Pool) -> None:
    await pool.close()
    answers = await asyncio.gather(*(company.fetch(Question(SQUARES, [1])) for _ in range(3)), return_exceptions=True)
    assert {type(each) for each in answers} == {Unavailable}


async def test_a_text_that_is_none_fails_alone(company: Company, pool: Pool) -> None:
    """Half a character: JSON makes nothing of it, and neither does the driver."""
    alone = "SELECT $5::integer AS turn, $1::text AS said, $2::text || $3::text || $4::text AS who"
    shown, recorded = "SELECT turn, said FROM answers ORDER BY turn", "recorded AS (SELECT)"
    answer = "SELECT $1::text AS said"
    several = joint(Statement(), [(0, None)], answer, many=1, rows="answers", recorded=recorded, shown=shown)
    texts = ["a", "\ud800", "b", "c", "d", "e"]
    questions = [Question(alone, [each], several, [each, *([None] * len(trails.FIELDS))]) for each in texts]
    answers = await asyncio.gather(*(company.fetch(each, Who("asker")) for each in questions), return_exceptions=True)
    assert [each[0]["said"] for each in answers if not isinstance(each, BaseException)] == [*"abcde"]
    assert isinstance(answers[1], Fault)
    assert pool.in_use == 0


async def test_who_asks_what_one_statement_for_all_cannot_answer_fails_alone(company: Company, pool: Pool) -> None:
    alone = "SELECT $5::integer AS turn, 12 / $1::integer AS part, $2::text || $3::text || $4::text AS who"
    shown, recorded = "SELECT turn, part FROM answers ORDER BY turn", "recorded AS (SELECT)"
    answer = "SELECT 12 / $1::integer AS part"
    several = joint(Statement(), [(0, None)], answer, many=1, rows="answers", recorded=recorded, shown=shown)
    asked = [1, 2, 0, 3, 4, 6, 12]
    questions = [Question(alone, [each], several, [each, *([None] * len(trails.FIELDS))]) for each in asked]
    answers = await asyncio.gather(*(company.fetch(each, Who("asker")) for each in questions), return_exceptions=True)
    assert [each[0]["part"] for each in answers if not isinstance(each, BaseException)] == [12, 6, 4, 3, 2, 1]
    assert isinstance(answers[2], Fault)
    assert pool.in_use == 0


async def test_what_fails_by_itself_is_asked_once(
    company: Company, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the database gave up after its time would else take as long again, and the request has not so much."""
    asked, acquire = [], pool.acquire

    async def counted(**turn: bool) -> asyncpg.Connection:
        asked.append(await acquire(**turn))
        return asked[-1]

    monkeypatch.setattr(pool, "acquire", counted)
    with pytest.raises(Fault):
        await company.fetch(Question(PARTS, [0]))
    assert (len(asked), pool.in_use) == (1, 0)


@pytest.mark.parametrize(
    ("answer", "asked_for"),
    [("SELECT 1 / 0 AS part", 2), ("SELECT pg_cancel_backend(pg_backend_pid())::text || pg_sleep(1) AS part", 1)],
    ids=["its own fault", "given up by the database"],
)
async def test_one_who_asks_alone_by_a_statement_of_several(
    answer: str, asked_for: int, company: Company, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He is asked for by a statement of his own only where that may help."""
    asked, acquire = [], pool.acquire

    async def counted(**turn: bool) -> asyncpg.Connection:
        asked.append(await acquire(**turn))
        return asked[-1]

    monkeypatch.setattr(pool, "acquire", counted)
    alone = "SELECT $4::integer AS turn, 7 AS part, $1::text || $2::text || $3::text AS who"
    parts = {"rows": "answers", "recorded": "recorded AS (SELECT)", "shown": "SELECT turn, part FROM answers"}
    several = joint(Statement(), [], answer, many=0, is_for_one=True, **parts)
    question = Question(alone, [], several, [None] * len(trails.FIELDS))
    try:
        assert [row["part"] for row in await company.fetch(question, Who("asker"))] == [7]
    except Unavailable:
        assert asked_for == 1
    assert (len(asked), pool.in_use) == (asked_for, 0)


async def test_nothing_is_asked_for_who_went_away_while_he_waited(company: Company, pool: Pool) -> None:
    beside = await pool.acquire()
    await beside.execute("CREATE TABLE told (n integer)")
    telling = """WITH told_of AS (INSERT INTO told VALUES ($1::integer)), slept AS MATERIALIZED (SELECT pg_sleep(0.05))
        SELECT $2::integer AS turn FROM slept"""
    asked = [asyncio.create_task(company.fetch(Question(telling, [0])))]
    await asyncio.sleep(0.02)
    asked += [asyncio.create_task(company.fetch(Question(telling, [n]))) for n in (1, 2)]
    await asyncio.sleep(0.005)
    asked[1].cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert [row["n"] for row in await beside.fetch("SELECT n FROM told ORDER BY n")] == [0, 2]
    pool.release(beside)
    assert pool.in_use == 0


async def kept(pool: Pool) -> list[int]:
    connection = await pool.acquire()
    try:
        return [row["n"] for row in await connection.fetch("SELECT n FROM scratch ORDER BY n")]
    finally:
        pool.release(connection)


@pytest.fixture
async def scratch(pool: Pool) -> AsyncIterator[None]:
    connection = await pool.acquire()
    await connection.execute("CREATE TABLE scratch (n integer PRIMARY KEY)")
    pool.release(connection)
    yield
    connection = await pool.acquire()
    await connection.execute("DROP TABLE scratch")
    pool.release(connection)


async def test_those_who_write_at_once_share_a_transaction(company: Company, pool: Pool, scratch: None) -> None:
    first = asyncio.create_task(company.write(KEPT, [12]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    answers = await asyncio.gather(first, *(company.write(KEPT, [n]) for n in (6, 4, 3, 2, 1)))
    assert [rows[0]["n"] for rows in answers] == [1, 2, 3, 4, 6, 12]
    alone, *others = (rows[0]["transaction"] for rows in answers)
    assert len(set(others)) == 1 and alone not in others
    assert await kept(pool) == [1, 2, 3, 4, 6, 12]


async def test_who_writes_what_cannot_be_written_fails_alone(company: Company, pool: Pool, scratch: None) -> None:
    answers = await asyncio.gather(*(company.write(KEPT, [n]) for n in (12, 0, 12, 4)), return_exceptions=True)
    assert isinstance(answers[1], Fault)
    assert [type(each) for each in answers].count(Conflict) == 1
    assert await kept(pool) == [1, 3]
    assert pool.in_use == 0


@pytest.mark.parametrize("asked", [[12, 6], [12, 0]], ids=["together", "alone after another's fault"])
async def test_what_may_have_been_written_is_not_written_again(
    company: Company, pool: Pool, database_url: str, scratch: None, asked: list[int]
) -> None:
    writing = [asyncio.create_task(company.write(SLOWLY, [n])) for n in asked]
    beside = await asyncpg.connect(database_url)
    stopped = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query = $1"
    await asyncio.sleep(0.1 if all(asked) else 0.45)  # the first has been refused with the second, and goes alone
    assert await beside.fetch(stopped, SLOWLY)
    await beside.close()
    answers = await asyncio.gather(*writing, return_exceptions=True)
    assert [type(each) for each in answers] == [Unavailable, Unavailable if all(asked) else Fault]
    await asyncio.sleep(0.7)
    assert await kept(pool) == []
    assert pool.in_use == 0


async def test_who_waits_for_the_clock_in_vain_does_not_wait_again_alone(
    store: Store, pool: Pool, database_url: str
) -> None:
    await written(store, a_change(a_patient(), id="warm"))
    short = Pool(database_url, size=4, lock_timeout=timedelta(milliseconds=300), unguarded=True)
    holding = await asyncpg.connect(database_url)
    holds = holding.transaction()
    await holds.start()
    await holding.execute("SELECT draw_instants(1)")
    most, together = 0, Store(short)
    writes = [written(together, a_change(a_patient(), id=f"p{n}")) for n in range(6)]
    answers = asyncio.gather(*writes, return_exceptions=True)
    begun = asyncio.get_running_loop().time()
    while not answers.done():
        most = max(most, short.in_use)
        await asyncio.sleep(0.02)
    assert {type(each) for each in answers.result()} == {RetryableConflict}
    assert most <= 2
    assert asyncio.get_running_loop().time() - begun < 0.9
    await holds.rollback()
    await holding.close()
    await short.close()


async def test_creates_of_several_units_share_a_transaction(store: Store, pool: Pool) -> None:
    async def create(n: int) -> None:
        async with store.begin() as unit:
            unit.put(a_change(a_patient(), id=f"p{n}"))
            await unit.write([a_trail("create", resource_id=f"p{n}")])

    await asyncio.gather(*(create(n) for n in range(12)))
    found = await fetch_alone(pool, "SELECT count(*), count(DISTINCT xact) AS by FROM audit_event")
    assert found[0]["count"] == 12 and found[0]["by"] < 4
    found = await fetch_alone(pool, "SELECT count(DISTINCT last_updated) FROM resource_version WHERE type = 'Patient'")
    assert found[0]["count"] == 12


async def test_who_writes_in_company_holds_no_connection_of_his_own(database_url: str) -> None:
    pool = Pool(database_url, size=1, wait=timedelta(milliseconds=200), unguarded=True)
    async with Store(pool).begin() as unit:
        assert await unit.named(["Patient/p1"], within=None) == {}
        assert pool.in_use == 1
        unit.put(a_change(a_patient(), id="p1"))
        assert len(await unit.write()) == 1
    await pool.close()


async def test_who_looks_in_company_holds_no_connection_of_his_own(database_url: str) -> None:
    pool = Pool(database_url, size=1, wait=timedelta(milliseconds=200), unguarded=True)
    store = Store(pool)
    async with store.begin() as unit:
        unit.put(a_change(a_patient(), id="p1"))
        await unit.write()
    async with store.begin() as unit:
        assert list(await unit.named(["Patient/p1"], within=None)) == ["Patient/p1"]
        assert pool.in_use == 1
        found = await unit.read("Patient", "p1", within=Everything())
    assert found is not None
    await pool.close()


async def test_units_are_settled_once_nothing_that_they_wrote_is_under_way(
    database_url: str, pool: Pool, store: Store
) -> None:
    """Though it waited when that was asked, and its unit was cancelled when it had been sent."""
    holding = await asyncpg.connect(database_url)
    holds = holding.transaction()
    await holds.start()
    await holding.execute("SELECT draw_instants(1)")
    first = asyncio.create_task(written(store, a_change(a_patient(), id="first")))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(written(store, a_change(a_patient(), id="second")))
    await asyncio.sleep(0.1)
    settled = asyncio.create_task(store.settled())
    await asyncio.sleep(0.05)
    blocking = await asyncpg.connect(database_url)
    blocks = blocking.transaction()
    await blocks.start()
    waiting = asyncio.create_task(blocking.execute("SELECT draw_instants(1)"))  # next after the first
    await asyncio.sleep(0.1)
    await holds.rollback()
    await asyncio.gather(first, waiting)
    await asyncio.sleep(0.2)
    second.cancel()
    await asyncio.sleep(0.2)
    assert not settled.done()
    await blocks.rollback()
    await settled
    assert len(await fetch_alone(pool, "SELECT FROM resource_version WHERE id IN ('first', 'second')")) == 2
    await asyncio.gather(second, return_exceptions=True)
    await holding.close()
    await blocking.close()


async def test_who_goes_away_has_written_nothing_or_all(company: Company, pool: Pool, scratch: None) -> None:
    first = asyncio.create_task(company.write(SLOWLY, [1]))
    await asyncio.sleep(0.1)
    later = asyncio.create_task(company.write(SLOWLY, [2]))
    await asyncio.sleep(0.1)
    under_way = company.writes
    first.cancel()
    later.cancel()
    await asyncio.gather(first, later, return_exceptions=True)
    assert under_way and under_way == company.writes
    await company.drain()
    assert not company.writes
    assert await kept(pool) == [12]  # it was under way; the other had not been sent
