"""How PostgreSQL finds the answers of typical searches, asked of tables of ten thousand rows: never by reading a table
from end to end."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from builders import a_care_plan, a_patient, a_task, an_observation
from databases import Server, of_service
from sharedplan.catalogue import CATALOGUE
from sharedplan.search.expression import Addressed, Expression, InCompartment, OfRegister, Or, Permitted
from sharedplan.search.includes import parse as parse_include
from sharedplan.search.parse import parse
from sharedplan.store import including
from sharedplan.store.engine import Pool
from sharedplan.store.guard import PATH, Who
from sharedplan.store.joint import Question
from sharedplan.store.projection import projection
from sharedplan.store.queries import audited
from sharedplan.store.searches import Place, Search, SortKey
from sharedplan.store.searching import page
from sharedplan.store.unit_of_work import Store
from sharedplan.store.visible_versions import newest
from store.changes import ALL, NORTH, a_change, a_trail, written
from store.explaining import explained

TYPES = ("Patient", "CarePlan", "Observation", "Task")
TEMPLATES = 250
COPIES = 40
"""Rows made of each template: what they say is the same, but for their ids and what they refer to."""

WHO = Who("asker", None, "Organization/north")

SOON = datetime(2024, 6, 1, tzinfo=UTC)
NAMES = ("aalto", "virta", "koski", "laine", "niemi", "salo", "harju", "lampi", "saari", "vuori", "kallio", "metsä")
UCUM = "http://unitsofmeasure.org"

Plan = list[dict[str, Any]]
Query = tuple[str, list[Any]]


def templates() -> Iterator[dict[str, Any]]:
    dice = random.Random(7)
    for n in range(TEMPLATES):
        day = f"20{dice.randrange(10, 25)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 28):02}"
        meta = {
            "tag": [{"system": "urn:tag", "code": f"tag{n % 100}"}],
            "profile": [f"https://x.example/profile/{n % 100}"],
        }
        word = f"{dice.choice(NAMES)}{dice.choice(NAMES)}{dice.choice(NAMES)}"
        narrative = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{word} {n}</div>'}
        common = {"meta": meta, "identifier": [{"system": "urn:ids", "value": f"i{n}"}], "text": narrative}
        name = [{"family": f"{word} {n}", "given": [dice.choice(NAMES)]}]
        yield a_patient(id=f"p{n}", name=name, birthDate=day, gender="female" if n % 2 else "male", **common)
        yield a_care_plan(
            f"Patient/p{n}",
            id=f"c{n}",
            period={"start": f"{day}T08:00:00Z", "end": f"{day}T18:00:00Z"},
            activity=[
                {
                    "detail": {
                        "status": "scheduled",
                        "performer": [{"reference": f"Practitioner/d{n % 100}", "identifier": {"value": f"a{n}"}}],
                    }
                }
            ],
            category=[{"coding": [{"system": "urn:cat", "code": f"k{n % 100}"}], "text": word}],
            instantiatesUri=[f"https://x.example/guide/{n % 100}/part/{n}"],
            status="draft" if n % 3 else "active",
            **common,
        )
        coding = {"system": "http://loinc.org", "code": f"29463-{n % 100}", "display": word}
        quantity = {"value": 50 + n / 10, "unit": "kg", "system": UCUM, "code": "kg"}
        observed = {"code": {"coding": [coding]}, "valueQuantity": quantity, "effectiveDateTime": day}
        yield an_observation(f"Patient/p{n}", id=f"o{n}", **observed, **common)
        yield a_task(
            f"Patient/p{n}",
            id=f"t{n}",
            focus={"reference": f"CarePlan/c{n}"},
            owner={"reference": f"Practitioner/d{n % 100}"},
            code={"coding": [{"system": "urn:task", "code": f"do{n % 100}"}]},
            **common,
        )


class Crowd:
    """The filled database, asked as the service asks it: behind the second guard."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._connection = self._runner.run(self._fill(url))

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.run(self._operator.close())
        self._runner.close()

    async def _fill(self, url: str) -> asyncpg.Connection:
        pool = Pool(url, size=2, unguarded=True)
        await written(Store(pool), *(a_change(each, id=each["id"]) for each in templates()))
        await pool.close()
        connection = await asyncpg.connect(url)
        for type in TYPES:
            await _multiply(connection, type)
        self._operator = connection
        return await asyncpg.connect(of_service(url), server_settings={"search_path": PATH})

    def plan(self, query: Query, *, mode: str, by_operator: bool = False) -> Plan:
        """The steps of the plan, each with its node type and the table that it reads."""
        told = [*query[1], *WHO, *([0] if "AS turn" in query[0] else [])]
        return self._explained(query[0], told, mode, self._operator if by_operator else self._connection)

    def plan_of_several(self, questions: Sequence[Question]) -> Plan:
        """The same of the one statement for all who ask so, which the service lets be planned once for all values."""
        (together,) = {each.joint for each in questions}
        assert together is not None
        told = together.parameters(WHO, [each.own for each in questions])
        return self._explained(together.sql, told, "force_generic_plan", self._connection)

    def _explained(self, sql: str, told: Sequence[Any], mode: str, connection: asyncpg.Connection) -> Plan:
        return list(_nodes(self._runner.run(explained(connection, sql, told, mode))))


async def _multiply(connection: asyncpg.Connection, type: str) -> None:
    """Each row of the table COPIES times: single references lead to the copies of what they led to."""
    shape = projection(type)
    indexes = await connection.fetch(
        "SELECT indexdef, indexname FROM pg_indexes WHERE schemaname = 'public' AND tablename = $1 "
        "AND indexname NOT LIKE '%_pkey'",
        CATALOGUE[type].table,
    )
    for row in indexes:
        await connection.execute(f"DROP INDEX {row['indexname']}")
    single = {f'"{name}"' for name, kind in zip(shape.names, shape.kinds, strict=True) if kind == "text"} | {"id"}
    made = [
        f"{name} || '-' || n"
        if name in single
        else "last_updated - n * interval '1 s'"
        if name == "last_updated"
        else name
        for name in shape.columns
    ]
    await connection.execute(
        f"INSERT INTO {shape.table} ({', '.join(shape.columns)}) "
        f"SELECT {', '.join(made)} FROM {shape.table}, generate_series(1, {COPIES - 1}) n"
    )
    for row in indexes:
        await connection.execute(row["indexdef"])
    await connection.execute(f"VACUUM ANALYZE {shape.table}")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


@pytest.fixture(scope="module")
def crowd(server: Server) -> Iterator[Crowd]:
    with server.database() as url:
        found = Crowd(url)
        yield found
        found.close()


def seen(within: Expression = ALL) -> dict[str, Expression]:
    return dict.fromkeys(CATALOGUE, within)


def asked(question: str, *, within: Expression = ALL, place: Place | None = None) -> Query:
    type, _, pairs = question.partition("?")
    query = parse(type, [tuple(pair.split("=", 1)) for pair in pairs.split("&") if pair], at=SOON)  # type: ignore[misc]
    sort = tuple(SortKey(*each) for each in query.sort)
    total = "none" if query.total == "none" else "some"  # to count all, it is right to read all
    return page(Search({type: query.where}, seen(within), 20, total, sort, place))


def read_from_end_to_end(plan: Plan) -> list[str]:
    tables = {CATALOGUE[type].table for type in TYPES}
    return [
        f"{each['Relation Name']}: {each.get('Filter')}"
        for each in plan
        if each["Node Type"] == "Seq Scan" and each["Relation Name"] in tables
        if each.get("Schema", "public") == "public"
    ]


def outline(plan: Plan) -> str:
    """The steps of the plan with what they read, a line each."""
    told = ("Relation Name", "Index Name", "Index Cond", "Filter", "Plan Rows")
    return "\n".join(" ".join([each["Node Type"], *(str(each[key]) for key in told if key in each)]) for each in plan)


QUESTIONS = [
    "CarePlan?patient=Patient/p7-3",
    "CarePlan?subject=Patient/p7-3",
    "CarePlan?patient=Patient/p7-3,Patient/p8-4",
    "CarePlan?patient=Patient/p7-3&status=active",
    "CarePlan?patient=Patient/p7-3&status:not=active&_sort=-date",
    "Patient?identifier=urn:ids|i7",
    "CarePlan?identifier=i7",
    "Patient?_id=p7-3",
    "Patient?_id=p7-3,p8-4",
    "CarePlan?performer=Practitioner/d7&date=2024-05",
    "CarePlan?performer=Practitioner/d7&date=ge2024-05-01&date=lt2024-05-08",
    "CarePlan?date=2024-05-07",
    "CarePlan?date=ge2024-05-01&date=le2024-05-08",
    "Patient?birthdate=2012-05-07",
    "Observation?date=2012-05-07",
    "Patient?family=virtakoskilaine",
    "Patient?name=aalto",
    "Patient?name:exact=aaltovirtakoski 3",
    "Patient?name:contains=rtakosk",
    "Patient?family:contains=vir",
    "CarePlan?instantiates-uri=https://x.example/guide/7/part/7",
    "CarePlan?instantiates-uri:below=https://x.example/guide/7",
    "CarePlan?instantiates-uri:above=https://x.example/guide/7/part/7/x",
    "CarePlan?category=urn:cat|k7",
    "CarePlan?category:text=virtakoski",
    "Observation?code:text=virtakoski",
    "Observation?code=http://loinc.org|29463-7&value-quantity=gt70||kg",
    f"Observation?value-quantity=55.5|{UCUM}|kg",
    f"Observation?value-quantity=55500|{UCUM}|g",
    f"Observation?code-value-quantity=29463-7$gt50|{UCUM}|kg",
    "CarePlan?performer:identifier=a7",
    "Patient?_text=virtakoskilaine",
    "Patient?_content=virtakoskilaine",
    "Patient?_tag=urn:tag|tag7",
    "Patient?_profile=https://x.example/profile/7",
    "Patient?_lastUpdated=gt2100-01-01",
    "Patient?_lastUpdated=gt2100-01-01&_sort=_lastUpdated",
    "CarePlan?patient.identifier=urn:ids|i7",
    "CarePlan?subject:Patient.name=virtakoskilaine",
    "CarePlan?patient.birthdate=2012-05-07",
    "Task?focus:CarePlan.patient=Patient/p7-3",
    "Task?focus:CarePlan.patient.identifier=urn:ids|i7",
    "CarePlan?patient=Patient/p7-3&patient.family=virtakoskilaine",
    "CarePlan?activity-reference:Task.code=urn:task|do7",
    "CarePlan?_has:Task:focus:code=urn:task|do7",
    "CarePlan?_has:Task:focus:owner=Practitioner/d7",
    "CarePlan?_id=c7-3&_has:Task:focus:status=requested",
    "CarePlan?patient=Patient/p7-3&_has:Task:focus:status=requested",
    "Patient?_has:CarePlan:patient:performer=Practitioner/d7",
    "Patient?_has:Observation:patient:code=http://loinc.org|29463-7",
    "Patient?_has:CarePlan:patient:_has:Task:focus:code=urn:task|do7",
    "Patient?_id=p7-3&_has:Observation:patient:code=http://loinc.org|29463-7",
    "Patient?_list=mine",
]
MODES = ["force_custom_plan", "force_generic_plan"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_typical_search_reads_no_table_from_end_to_end(crowd: Crowd, question: str, mode: str) -> None:
    plan = crowd.plan(asked(question), mode=mode)
    assert read_from_end_to_end(plan) == [], outline(plan)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("question", [each for each in QUESTIONS if "_sort" not in each])
def test_no_more_does_a_later_page(crowd: Crowd, question: str, mode: str) -> None:
    plan = crowd.plan(asked(question, place=Place(datetime.now(UTC), (0, "c7-3"))), mode=mode)
    assert read_from_end_to_end(plan) == [], outline(plan)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "question",
    [
        "CarePlan",
        "CarePlan?status=active&_sort=-date",
        "CarePlan?patient.name=virtakoskilaine",
        "CarePlan?category:text=virtakoski",
        "Observation?_sort=-date",
        "Patient?_has:Observation:patient:code=http://loinc.org|29463-7",
        "Patient",
    ],
)
def test_what_one_client_may_see_is_found_by_the_client(crowd: Crowd, question: str, mode: str) -> None:
    later = Place(datetime.now(UTC), (*([SOON] if "_sort" in question else []), 0, "c7-3"))
    for place in (None, later):
        plan = crowd.plan(asked(question, within=InCompartment("Patient", "p7-3"), place=place), mode=mode)
        assert read_from_end_to_end(plan) == [], outline(plan)


@pytest.mark.parametrize("organization", [None, "Organization/north"])
def test_who_may_see_nothing_of_a_client_is_told_so_before_a_row_is_looked_for(
    crowd: Crowd, organization: str | None
) -> None:
    slice = Permitted("Practitioner/d1", organization, "TREAT")
    plan = crowd.plan(asked("CarePlan?patient=Patient/p7-3", within=slice), mode="force_generic_plan")
    assert [each for each in plan if "{all,some}" in each.get("One-Time Filter", "")], outline(plan)


@pytest.mark.parametrize("person", ["Practitioner/d1", None])
def test_a_hidden_thing_is_judged_once_however_many_versions_it_has(crowd: Crowd, person: str | None) -> None:
    slice = Permitted(person, "Organization/north", "TREAT")
    plan = crowd.plan(newest("CarePlan", "c7-3", within=slice), mode="force_generic_plan")
    (judged,) = [each["Filter"] for each in plan if "access_sees" in each.get("Filter", "")]
    assert "version = " in judged.partition("access_sees")[0], outline(plan)


def test_of_a_system_the_cheap_part_is_asked_before_the_second_guard(crowd: Crowd) -> None:
    slice = Or((OfRegister("Organization/north"), Permitted(None, "Organization/north", "TREAT")))
    plan = crowd.plan(asked("CarePlan?patient=Patient/p7-3", within=slice), mode="force_generic_plan")
    (filtered,) = [each["Filter"] for each in plan if "access_item" in each.get("Filter", "")]
    assert filtered.index("{all,some}") < filtered.index("guard_finds") < filtered.index("access_item"), filtered


@pytest.mark.parametrize("mode", MODES)
def test_what_a_system_sees_of_several_types_is_found_by_its_clients(crowd: Crowd, mode: str) -> None:
    """Of Patients they are made from ids, which are compared otherwise than references."""
    slice = Permitted(None, "Organization/north", "TREAT")
    search = Search(dict.fromkeys(("CarePlan", "Patient", "Task"), ALL), seen(slice), 20, "some")
    found = page(search)
    plan = crowd.plan((found.sql, found.parameters), mode=mode)
    assert read_from_end_to_end(plan) == [], outline(plan)


@pytest.mark.parametrize("mode", MODES)
def test_each_that_an_array_refers_to_is_looked_up(crowd: Crowd, mode: str) -> None:
    """A kept plan takes each value of an array for one that a hundredth of the table has; among a million it tried all
    pairs of plans and teams."""
    plan = crowd.plan(asked("CarePlan?activity-reference:Task.code=urn:task|do7"), mode=mode)
    assert not [each for each in plan if "&&" in each.get("Join Filter", "")], outline(plan)
    looked_up = [each for each in plan if "activity_reference" in each.get("Index Cond", "")]
    assert looked_up, outline(plan)


SLICES = [ALL, Or((OfRegister(NORTH), Permitted(None, NORTH, "TREAT"))), Permitted("Practitioner/d7", NORTH, "TREAT")]


@pytest.mark.parametrize("slice", SLICES)
@pytest.mark.parametrize("type", TYPES)
def test_who_reads_together_with_others_finds_his_own_by_its_id(crowd: Crowd, type: str, slice: Expression) -> None:
    trail = a_trail("read", type)
    questions = [audited(type, f"{n}", within=slice, trail=trail, row_id=f"{n}") for n in range(5)]
    plan = crowd.plan_of_several(questions)
    assert read_from_end_to_end(plan) == [], outline(plan)


@pytest.mark.parametrize("slice", SLICES)
@pytest.mark.parametrize(
    "question",
    [
        "CarePlan?patient=Patient/p7-3&_sort=-date",
        "Patient?identifier=urn:ids|i7",
        "Patient?_id=p7-3,p8-4",
        "CarePlan?performer=Practitioner/d7&date=ge2024-05-01&date=lt2024-05-08",
        "CarePlan?category=urn:cat|k7",
        "Patient?_lastUpdated=gt2100-01-01&_sort=_lastUpdated",
        "CarePlan?patient.identifier=urn:ids|i7",
        "Task?focus:CarePlan.patient=Patient/p7-3",
    ],
)
def test_what_several_ask_together_reads_no_table_from_end_to_end(
    crowd: Crowd, question: str, slice: Expression
) -> None:
    type, _, pairs = question.partition("?")
    query = parse(type, [tuple(pair.split("=", 1)) for pair in pairs.split("&")], at=SOON)  # type: ignore[misc]
    sort = tuple(SortKey(*each) for each in query.sort)
    search = Search({type: query.where}, seen(slice), 20, "some", sort)
    found = page(search, trail=a_trail("search-type", type), row_id="1", is_light=True)
    plan = crowd.plan_of_several([found, found])
    assert read_from_end_to_end(plan) == [], outline(plan)


SOUTH = "Organization/south"  # which keeps nothing
OF_CONSULTATIONS = [
    Or((OfRegister(SOUTH), Permitted(None, SOUTH, "TREAT"), Addressed(None, SOUTH))),
    Or((Permitted("Practitioner/d7", NORTH, "TREAT"), Addressed("Practitioner/d7", NORTH))),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("slice", OF_CONSULTATIONS)
def test_what_somebody_is_asked_is_found_by_an_index(crowd: Crowd, slice: Expression, mode: str) -> None:
    for question in ("Task?code=urn:task|do7", "Task?owner=Practitioner/d7", "Task?patient=Patient/p7-3", "Task"):
        plan = crowd.plan(asked(question, within=slice), mode=mode)
        assert read_from_end_to_end(plan) == [], (question, outline(plan))
    trail = a_trail("read", "Task")
    questions = [audited("Task", f"{n}", within=slice, trail=trail, row_id=f"{n}") for n in range(5)]
    plan = crowd.plan_of_several(questions)
    assert read_from_end_to_end(plan) == [], outline(plan)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", ["", "-"])
def test_newest_first_walks_along_the_index_on_every_page(crowd: Crowd, way: str, mode: str) -> None:
    for place in (None, Place(datetime.now(UTC), (SOON, 0, "c7-3"))):
        question = asked(f"CarePlan?_sort={way}_lastUpdated&_total=none", place=place)
        plan = crowd.plan(question, mode=mode, by_operator=True)  # nobody else sees all plans
        assert read_from_end_to_end(plan) == [], outline(plan)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "value", "type"),
    [
        ("_include", "CarePlan:patient", "CarePlan"),
        ("_include", "CarePlan:subject", "CarePlan"),
        ("_include", "CarePlan:*", "CarePlan"),
        ("_include", "Task:focus", "Task"),
        ("_revinclude", "Task:focus", "CarePlan"),
        ("_revinclude", "Observation:patient", "Patient"),
        ("_revinclude", "CarePlan:patient", "Patient"),
        ("_revinclude", "Observation:*", "Patient"),
    ],
)
def test_what_belongs_to_a_match_is_found_by_an_index(
    crowd: Crowd, name: str, value: str, type: str, mode: str
) -> None:
    letter = {"CarePlan": "c", "Task": "t", "Patient": "p"}[type]
    found = {type: [f"{letter}{n}-3" for n in range(20)]}
    for as_of in (None, datetime.now(UTC)):
        includes = parse_include(((name, value),), (type,))
        query = including.step(includes, found, seen=seen(), known={}, limit=1000, as_of=as_of)
        assert query is not None
        plan = crowd.plan(query, mode=mode)
        assert read_from_end_to_end(plan) == [], outline(plan)
