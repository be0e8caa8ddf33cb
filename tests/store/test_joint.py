"""Who asks in company gets what he would have got alone, and leaves the same trail."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import asyncpg
import pytest

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import bundles
from sharedplan.search.expression import Everything, Expression, Nothing, OfRegister, Or, Permitted
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.parse import parse
from sharedplan.store.guard import PATH, Who
from sharedplan.store.joint import Question, joint, may_join
from sharedplan.store.queries import audited
from sharedplan.store.searches import UNKNOWN, Search, Seeing, SortKey
from sharedplan.store.searching import page
from sharedplan.store.statements import Statement
from sharedplan.store.trail import FIELDS
from sharedplan.store.unit_of_work import Store
from sharedplan.store.weighing import HEAVY
from sharedplan.store.wholes import whole
from store.changes import NORTH, a_change, a_trail, written

SOUTH = "Organization/south"
EVERYTHING: dict[str, Expression] = dict.fromkeys(CATALOGUE, Everything())
SLICES: dict[str, Expression] = {
    "all": Everything(),
    "system": Or((OfRegister(NORTH), Permitted(None, NORTH, "TREAT"))),
    "another's system": Or((OfRegister(SOUTH), Permitted(None, SOUTH, "TREAT"))),
    "person": Permitted("Practitioner/sari", NORTH, "TREAT"),
    "nobody": Nothing(),
}
LITTLE, MUCH = Seeing(little=frozenset(CATALOGUE)), Seeing(much=frozenset(CATALOGUE))
WHO = {"person": Who("asker", "Practitioner/sari", NORTH), "another's system": Who("asker", None, SOUTH)}

AROUND = "&_include=CarePlan:subject&_include=CarePlan:care-team&_revinclude=Task:focus"
TOGETHER = {
    "by client": ["CarePlan?patient=Patient/a", "CarePlan?patient=Patient/b", "CarePlan?patient=Patient/none"],
    "few of many": ["CarePlan?patient=Patient/a&_count=2", "CarePlan?patient=Patient/b&_count=2"],
    "none shown": ["CarePlan?patient=Patient/a&_count=0", "CarePlan?patient=Patient/b&_count=0"],
    "by identifier": ["CarePlan?identifier=urn:x|1", "CarePlan?identifier=urn:x|2", "CarePlan?identifier=urn:x|'\"\\"],
    "in time": ["CarePlan?date=ge2020-05&date=lt2021", "CarePlan?date=ge2021&date=lt2030"],
    "across": ["CarePlan?care-team.participant=Practitioner/1", "CarePlan?care-team.participant=Practitioner/2"],
    "sorted": ["CarePlan?status=active&_sort=-date,_id", "CarePlan?status=draft&_sort=-date,_id"],
    "since then": [
        "CarePlan?_lastUpdated=ge2020&_sort=_lastUpdated",
        "CarePlan?_lastUpdated=ge2099&_sort=_lastUpdated",
    ],
    "all": ["CarePlan", "CarePlan"],
    "clients": ["Patient?_id=a,none", "Patient?_id=b,c", "Patient?_id=none,no"],
    "plans": ["CarePlan/a0", "CarePlan/sa0", "CarePlan/none"],
    "patients": ["Patient/a", "Patient/sa", "Patient/none"],
    "organisations": ["Organization/a", "Organization/none"],
    "whole": [f"CarePlan?_id={id}{AROUND}" for id in ("a0", "b0", "none")],
    "whole and few": [f"CarePlan?patient=Patient/{id}&_count=2&_sort=-date{AROUND}" for id in "abc"],
    "log": ["AuditEvent?_lastUpdated=ge2020&_count=3", "AuditEvent?_lastUpdated=ge2099&_count=3"],
}


def resources() -> Sequence[dict[str, Any]]:
    made: list[dict[str, Any]] = [{"resourceType": "Patient", "id": each} for each in "abc"]
    for client, person in ("a", 1), ("b", 2):
        subject = {"reference": f"Patient/{client}"}
        member = {"member": {"reference": f"Practitioner/{person}"}}
        made.append({"resourceType": "CareTeam", "id": client, "subject": subject, "participant": [member]})
        for n in range(4):
            plan = {"resourceType": "CarePlan", "id": f"{client}{n}", "intent": "plan", "subject": subject}
            plan |= {"status": "active" if n % 2 else "draft", "careTeam": [{"reference": f"CareTeam/{client}"}]}
            plan |= {"identifier": [{"system": "urn:x", "value": str(n)}], "title": 'Åäö "quoted" \\'}
            made.append(plan | ({"period": {"start": f"202{n}-06-01"}} if n else {}))
            task = {"resourceType": "Task", "id": f"{client}{n}", "status": "ready", "intent": "order", "for": subject}
            made.append(task | {"focus": {"reference": f"CarePlan/{client}{n}"}})
    return made


async def answered(connection: Any, statements: Sequence[tuple[str, Sequence[Any]]]) -> tuple[list[Any], list[Any]]:
    """The rows that the statements give, and their audit rows but for what the clock says; then all is undone."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        rows = [dict(row) for sql, values in statements for row in await connection.fetch(sql, *values)]
        columns = "id, action, subtype, type, agent, outcome, patient, entity, policy, concerns, trail::text AS trail"
        told = await connection.fetch(f"SELECT {columns} FROM public.audit_event WHERE id LIKE 'own-%' ORDER BY id")
        return rows, [dict(row) for row in told]
    finally:
        await transaction.rollback()


def shown(rows: Sequence[dict[str, Any]], turn: int, count: int) -> list[dict[str, Any]]:
    """What is shown of the rows of one who asked: a statement of one gives one row more where there is any."""
    own = [row for row in rows if row["turn"] == turn]
    is_more = own and (own[0].get("fetched") or len([row for row in own if not row.get("is_included")])) > count
    page = [row for row in own if not row.get("is_included")][: count or 1]
    page += [row for row in own if row.get("is_included")]
    return [{**row, "as_of": None, "fetched": is_more} for row in page]


def question(
    asked: str, seen: Mapping[str, Expression], number: int, *, as_text: bool = False, seeing: Seeing = UNKNOWN
) -> tuple[Question, int]:
    """The question, with its audit row, and how many it shows."""
    type, _, pairs = asked.partition("?")
    if "/" in type:
        type, _, id = type.partition("/")
        trail = a_trail("read", type, resource_id=id)
        return audited(type, id, within=seen[type], trail=trail, row_id=f"own-{number}"), 1
    query = parse(type, [tuple(pair.split("=", 1)) for pair in pairs.split("&") if pair])  # type: ignore[misc]
    sort = tuple(SortKey(*each) for each in query.sort)
    count = 20 if query.count is None else query.count
    search = Search({type: query.where}, seen, count, "accurate", sort, as_text=as_text, seeing=seeing)
    patients = ("Patient/asked",) if number % 2 else ()
    trail = a_trail("search-type", type, query=asked, patients=patients)
    row = f"own-{number}"
    if not query.includes:
        return page(search, trail=trail, row_id=row, is_light=True), count
    found = whole(search, query.includes, limit=100, trail=trail, row_id=row)
    assert found is not None
    return found, count


@pytest.mark.parametrize(
    ("slice", "seeing"),
    [*((each, UNKNOWN) for each in SLICES), ("another's system", LITTLE), ("person", LITTLE), ("system", MUCH)],
)
async def test_it_is_what_each_would_have_got_alone(
    slice: str, seeing: Seeing, store: Store, database_url: str
) -> None:
    given = resources()
    await written(store, *(a_change(each, id=each["id"]) for each in given))
    others = ({**each, "id": f"s{each['id']}"} for each in given)
    await written(store, *(a_change(each, id=each["id"], controller=SOUTH) for each in others))
    who, seen = WHO.get(slice, Who("asker", None, NORTH)), dict.fromkeys(CATALOGUE, SLICES[slice])
    connection = await asyncpg.connect(database_url, server_settings={"search_path": PATH})
    try:
        for name, group in TOGETHER.items():
            questions = [question(each, seen, number, seeing=seeing) for number, each in enumerate(group)]
            (together,) = {each.joint for each, _ in questions}
            assert together is not None, name
            alone = [(each.sql, [*each.parameters, *who, turn]) for turn, (each, _) in enumerate(questions)]
            at_once = [(together.sql, together.parameters(who, [each.own for each, _ in questions]))]
            rows, told = await answered(connection, alone)
            same, told_of_all = await answered(connection, at_once)
            for turn, (_, count) in enumerate(questions):
                assert shown(same, turn, count) == shown(rows, turn, count), (name, turn)
            assert told_of_all == told, name
            assert len(told) == len(group)
    finally:
        await connection.close()


def joined(mode: str, type: str, rows: Sequence[dict[str, Any]]) -> bytes | None:
    """The rows as entries, as `bundles.searchset_of` takes them."""
    heads, tail = [], ""
    for row in rows:
        head, tail = bundles.around(f"{bundles.HERE}/{row.get('type') or type}/{row['id']}", mode)
        heads.append(head + row["content"])
    return f"{tail}{bundles.NEXT}".join(heads).encode() if heads else None


@pytest.mark.parametrize("slice", SLICES)
async def test_a_page_as_text_is_what_its_rows_are(slice: str, store: Store, database_url: str) -> None:
    """What a safety ban hides something of comes as rows: `exchange/test_in_company.py`."""
    await written(store, *(a_change(each, id=each["id"]) for each in resources()))
    who, seen = WHO.get(slice, Who("asker", None, NORTH)), dict.fromkeys(CATALOGUE, SLICES[slice])
    connection = await asyncpg.connect(database_url, server_settings={"search_path": PATH})
    as_text = 0
    try:
        for name, group in TOGETHER.items():
            answers = []
            for is_text in (False, True):
                questions = [question(each, seen, number, as_text=is_text)[0] for number, each in enumerate(group)]
                (together,) = {each.joint for each in questions}
                assert together is not None
                asked = [(together.sql, together.parameters(who, [each.own for each in questions]))]
                answers.append(await answered(connection, asked))
            (rows, told), (texts, told_with_text) = answers
            assert told_with_text == told, name
            for turn, asked_for in enumerate(group):
                own, pages = ([each for each in of if each["turn"] == turn] for of in (rows, texts))
                if not pages:
                    assert not own
                    continue
                page, *more = pages
                first, own = own[0], [each for each in own if each["id"] is not None]
                if "entries" not in page:
                    assert [each["id"] for each in (page, *more) if each["id"] is not None] == [e["id"] for e in own]
                    continue
                as_text += bool(own)
                assert not more
                type = asked_for.partition("?")[0]
                matches = [each for each in own if not each.get("is_included")]
                assert page["entries"] == joined("match", type, matches), name
                assert page["included"] == joined("include", type, own[len(matches) :]), name
                ends = (matches[0]["id"], matches[-1]["id"]) if matches else (None, None)
                assert (page["id"], page["last"]) == ends
                assert [page["total"], page["fetched"]] == [first["total"], first["fetched"]]
    finally:
        await connection.close()
    assert bool(as_text) == (slice in ("all", "system"))


async def test_what_is_too_long_for_some_is_shown_to_the_others(store: Store, database_url: str) -> None:
    plan = {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"reference": "Patient/long"}}
    long = "".join(str(number) for number in range(40_000))
    changes = [{**plan, "id": f"long{n}", "note": [{"text": f"{n} {long}"}]} for n in range(2)]
    short = {**plan, "id": "short", "subject": {"reference": "Patient/short"}}
    await written(store, *(a_change(each, id=each["id"]) for each in [*changes, short]))
    asked = [f"CarePlan?patient=Patient/{each}" for each in ("long", "short")]
    asked += [f"{each}&_include=CarePlan:goal" for each in asked]
    connection = await store.pool.acquire()
    for pair in (asked[:2], asked[2:]):
        questions = [question(each, EVERYTHING, number)[0] for number, each in enumerate(pair)]
        together = questions[0].joint
        assert together is not None
        values = together.parameters(Who("asker"), [each.own for each in questions])
        rows, told = await answered(connection, [(together.sql, values)])
        assert [(row["turn"], row["id"], row["fetched"]) for row in rows] == [(0, None, HEAVY), (1, "short", None)]
        assert [row["id"] for row in told] == ["own-1"]
    store.pool.release(connection)


def test_the_ends_of_the_calendar_are_asked_for_alone() -> None:
    asked = "CarePlan?date=lt2999-12-31T23:59:59.999Z"
    assert question(asked, EVERYTHING, 0)[0].joint is not None
    assert not may_join([datetime.max.replace(tzinfo=UTC)])
    assert not may_join(["Patient/a", datetime.min.replace(tzinfo=UTC)])


TEXTS = (
    "",
    "null",
    "true",
    "1e5",
    "{a,b}",
    '"',
    "\\",
    "\\u0000",
    "'",
    "$1::text",
    "å\u2028\U0001f600",
    " a ",
    "x" * 100_000,
)
TIMES = (
    datetime(2, 1, 1, tzinfo=UTC),
    datetime(999, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    datetime(9998, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
)


async def test_the_database_takes_values_in_json_as_it_takes_them_alone(store: Store) -> None:
    """Whatever may join is the same text, list or instant to it, to the microsecond."""
    values = [(text, [text, *TEXTS], at) for text, at in zip(TEXTS, TIMES * 4, strict=False)] + [("", [], TIMES[0])]
    assert all(may_join(each) for each in values)
    same = "$1::text AS said, $2::text[] AS list, $3::timestamptz AS at"
    shown = "SELECT turn, said, list, at FROM answers ORDER BY turn"
    fillings = [(0, None), (1, None), (2, None)]
    of_all = joint(
        Statement(), fillings, f"SELECT {same}", many=3, rows="answers", recorded="recorded AS (SELECT)", shown=shown
    )
    asked = [[*each, *([None] * len(FIELDS))] for each in values]
    connection = await store.pool.acquire()
    alone = [
        tuple(*await connection.fetch(f"SELECT {turn} AS turn, {same}", *each)) for turn, each in enumerate(values)
    ]
    found = await connection.fetch(of_all.sql, *of_all.parameters(Who("asker"), asked))
    assert [tuple(row) for row in found] == alone
    store.pool.release(connection)


@pytest.mark.parametrize("slice", SLICES)
async def test_the_database_takes_the_statement_of_several_for_each_type(slice: str, store: Store) -> None:
    """Were it to refuse one, all would be asked alone ever after, and nobody would notice but by the clock."""
    connection = await store.pool.acquire()
    for type in CATALOGUE:
        seen = dict.fromkeys(CATALOGUE, SLICES[slice])
        asked = [f"{type}/a", f"{type}?_id=a", f"{type}?_lastUpdated=ge2020&_sort=-_lastUpdated"]
        for each in (*asked, *([f"{type}?patient=Patient/a"] if "patient" in PARAMETERS[type] else [])):
            together = question(each, seen, 0)[0].joint
            assert together is not None, each
            await connection.prepare(together.sql)
    store.pool.release(connection)


def test_values_that_the_answer_has_no_use_for_are_brought_all_the_same() -> None:
    made = joint(
        Statement(["x"]),
        ((0, None),),
        "SELECT $1::text AS x",
        many=3,
        rows="found",
        recorded="noted AS (SELECT 1)",
        shown="SELECT 1",
    )
    assert made.names == ("turn", "v0", "v1", "v2", *FIELDS)
