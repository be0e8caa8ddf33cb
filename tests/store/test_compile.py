"""The SQL of an expression finds what the test in memory finds, over random rows and random questions."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databases import Server
from sharedplan.search import expression as e
from sharedplan.search.indexing import index_values
from sharedplan.search.matching import matches
from sharedplan.search.parameters import PARAMETERS, columns
from sharedplan.search.parse import parse
from sharedplan.store.compile import condition
from sharedplan.store.statements import Statement
from sharedplan.store.types import ENCODERS, placeholder

ROW = dict[str, Any]
START = datetime(2024, 1, 1, tzinfo=UTC)


def encoded(type: str, values: ROW) -> list[Any]:
    found = [(column, values[column.name]) for column in columns(type)]
    return [None if value is None else ENCODERS[column.kind](value) for column, value in found]


class Database:
    """A connection with a temporary table for each type asked about, driven from tests that are not async."""

    def __init__(self, url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.connection = self.loop.run_until_complete(asyncpg.connect(url))

    def close(self) -> None:
        self.loop.run_until_complete(self.connection.close())
        self.loop.close()

    def make(self, type: str) -> None:
        kinds = {"lookup": "tsvector", "words": "tsvector"}
        declared = "".join(f', "{each.name}" {kinds.get(each.kind, each.kind)}' for each in columns(type))
        self.run(f"create temporary table if not exists {type}_ (id text, last_updated timestamptz{declared})")
        self.run(f"truncate {type}_")

    def insert(self, type: str, rows: list[ROW]) -> None:
        marks = ", ".join(["$1", "$2", *(placeholder(each.kind, n) for n, each in enumerate(columns(type), 3))])
        sent = [(row["id"], row["at"], *encoded(type, row["values"])) for row in rows]
        self.loop.run_until_complete(self.connection.executemany(f"insert into {type}_ values ({marks})", sent))

    def run(self, sql: str, *parameters: Any) -> list[Any]:
        found: list[Any] = self.loop.run_until_complete(self.connection.fetch(sql, *parameters))
        return found

    def found(self, type: str, expression: e.Expression) -> set[str]:
        """The ids of the rows that the compiled condition selects."""
        statement = Statement(["unused"])
        sql = condition(statement, expression, type, "it")
        sql = f"select id from {type}_ it where $1 <> '' and {sql}"
        return {row["id"] for row in self.run(sql, *statement.parameters)}


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Database]:
    with server.database() as url:
        connected = Database(url)
        yield connected
        connected.close()


LONG = "x" * 450
ALL_TEXTS = ["a", "ab", "Ab", "ä", "äb", "a%", "a_", "%", "\\", "=a", "a|b", "a,b", LONG, LONG + "y"]
TEXTS = st.sampled_from(ALL_TEXTS)
ALL_DATES = [
    *("1900", "2024", "2024-02", "2024-02-29", "2024-03-01", "2023-12-31", "9999-12-31", "0001-01-01"),
    *("2024-02-29T10:00:00Z", "2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00.5Z"),
]
DATES = st.sampled_from(ALL_DATES)
ALL_PREFIXES = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
PREFIXES = st.sampled_from(ALL_PREFIXES)
PERIODS = st.fixed_dictionaries({}, optional={"start": DATES, "end": DATES})
CODINGS = st.fixed_dictionaries({}, optional={"system": st.sampled_from(["urn:a", "urn:b", "a|b"]), "code": TEXTS})
CONCEPTS = st.fixed_dictionaries({"coding": st.lists(CODINGS, max_size=2)})
ALL_TOKENS = ["a", "urn:a|a", "|a", "urn:b|", r"a\|b|", r"a\|b", r"a\,b", r"\\", "a%", LONG]
TOKENS = st.sampled_from(ALL_TOKENS)
TARGETS = ["Patient/1", "Patient/2", "Group/1", "urn:uuid:1", "https://x.example/Patient/1"]
REFERENCES = st.sampled_from([*TARGETS, "#x"]).map(lambda text: {"reference": text})
ALL_URIS = ["urn:a", *(f"http://a.example{path}" for path in ("", "/", "/b", "/b/c", "/b/c%_", "/b/c%_/d", "/b/cxy/d"))]
URIS = st.sampled_from(ALL_URIS)
DETAILS = st.fixed_dictionaries({}, optional={"scheduledPeriod": PERIODS, "performer": st.lists(REFERENCES)})
NAMES = st.fixed_dictionaries({}, optional={"family": TEXTS, "given": st.lists(st.none() | TEXTS, max_size=2)})

ELEMENTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "CarePlan": {
        "category": st.lists(CONCEPTS, max_size=2),
        "subject": REFERENCES,
        "careTeam": st.lists(REFERENCES, max_size=2),
        "period": PERIODS,
        "activity": st.lists(st.fixed_dictionaries({"detail": DETAILS}), max_size=3),
        "instantiatesUri": st.lists(URIS, max_size=2),
    },
    "Patient": {
        "name": st.lists(NAMES, max_size=2),
        "deceasedBoolean": st.booleans(),
        "birthDate": st.sampled_from(["2024", "2024-02", "2024-02-29"]),
        "link": st.lists(st.fixed_dictionaries({"other": REFERENCES}), max_size=2),
        "meta": st.fixed_dictionaries({"profile": st.lists(URIS, max_size=2)}),
    },
}

ALL_STRINGS = ["a", "AB", "ä", "a%", "_", r"\\", "=a", r"a\,b", "b", "x" * 200]

VALUES: dict[str, st.SearchStrategy[str]] = {
    "token": TOKENS,
    "reference": st.sampled_from(["1", *TARGETS]),
    "date": st.builds(str.__add__, PREFIXES, DATES),
    "string": st.sampled_from(ALL_STRINGS),
    "uri": URIS,
}
MODIFIERS: dict[str, list[str]] = {
    "token": ["", ":not"],
    "reference": ["", ":Patient"],
    "date": [""],
    "string": ["", ":exact", ":contains"],
    "uri": ["", ":above", ":below"],
}
ASKED = {
    "CarePlan": [
        "category",
        "subject",
        "care-team",
        "performer",
        "patient",
        "date",
        "activity-date",
        "instantiates-uri",
    ],
    "Patient": ["name", "family", "given", "deceased", "birthdate", "link", "_profile"],
}


@st.composite
def rows(draw: st.DrawFn, type: str) -> list[ROW]:
    resources = draw(st.lists(st.fixed_dictionaries({}, optional=ELEMENTS[type]), min_size=1, max_size=8))
    return [
        {"id": str(n), "at": START + timedelta(hours=n), "values": index_values(type, {"resourceType": type, **each})}
        for n, each in enumerate(resources)
    ]


@st.composite
def parameter_questions(draw: st.DrawFn, type: str) -> e.Expression:
    """What one pair of a query string asks."""
    parameter = PARAMETERS[type][draw(st.sampled_from(ASKED[type]))]
    modifier = draw(st.sampled_from([*MODIFIERS[parameter.type], ":missing"]))
    if modifier == ":missing":
        value = draw(st.sampled_from(["true", "false"]))
    else:
        values = VALUES[parameter.type]
        if modifier == ":Patient":
            values = values.filter(lambda text: text.startswith(("Patient/", "1")))
            modifier = "" if "Patient" not in parameter.targets else modifier
        if modifier in (":above", ":below"):
            values = values.filter(lambda text: "://" in text)
        value = ",".join(draw(st.lists(values, min_size=1, max_size=3)))
    return parse(type, [(f"{parameter.code}{modifier}", value)], at=datetime(2024, 6, 1, tzinfo=UTC)).where


def questions(type: str) -> st.SearchStrategy[e.Expression]:
    ids = st.lists(st.sampled_from("0123"), max_size=3).map(lambda found: e.HasId(tuple(found)))
    hours = st.none() | st.integers(0, 8).map(lambda hour: START + timedelta(hours=hour))
    leaves = st.one_of(
        parameter_questions(type),
        parameter_questions(type),
        ids,
        st.builds(e.Updated, hours, hours),
        st.sampled_from([e.Everything(), e.Nothing(), e.InCompartment("Patient", "1"), e.InCompartment("Device", "1")]),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: e.And(tuple(parts))),
            st.lists(inner, max_size=3).map(lambda parts: e.Or(tuple(parts))),
            inner.map(e.Not),
        ),
        max_leaves=6,
    )


@pytest.mark.parametrize("type", ["CarePlan", "Patient"])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_sql_and_memory_give_the_same_answer(database: Database, type: str, data: st.DataObject) -> None:
    stored = data.draw(rows(type))
    database.make(type)
    database.insert(type, stored)
    for expression in data.draw(st.lists(questions(type), min_size=1, max_size=5)):
        expected = {
            row["id"] for row in stored if matches(expression, type, row["id"], row["values"], last_updated=row["at"])
        }
        assert database.found(type, expression) == expected, expression


ALL_PERIODS: list[ROW] = [
    *({"start": start} for start in ALL_DATES),
    *({"end": end} for end in ALL_DATES),
    *({"start": start, "end": end} for start in ALL_DATES for end in ALL_DATES),
]
DATES_ASKED = [f"{prefix}{each}" for prefix in ALL_PREFIXES for each in ALL_DATES]

EXHAUSTIVE = {
    ("CarePlan", "date"): ([{"period": each} for each in ALL_PERIODS], DATES_ASKED),
    ("CarePlan", "activity-date"): (
        [
            {"activity": [{"detail": {"scheduledPeriod": one}}, {"detail": {"scheduledPeriod": other}}]}
            for one in ALL_PERIODS[::3]
            for other in ALL_PERIODS[::11]
        ],
        DATES_ASKED,
    ),
    ("Patient", "family"): ([{"name": [{"family": each}]} for each in ALL_TEXTS], ALL_STRINGS),
    ("Patient", "_profile"): ([{"meta": {"profile": [each]}} for each in ALL_URIS], ALL_URIS),
    ("CarePlan", "subject"): ([{"subject": {"reference": each}} for each in [*TARGETS, "#x"]], ["1", *TARGETS]),
    ("CarePlan", "care-team"): ([{"careTeam": [{"reference": each}]} for each in [*TARGETS, "#x"]], ["1", *TARGETS]),
    ("CarePlan", "category"): (
        [
            {"category": [{"coding": [{"system": system, "code": code}]}]}
            for system in ("urn:a", "urn:b", "a|b")
            for code in ALL_TEXTS
        ],
        ALL_TOKENS,
    ),
}


@pytest.mark.parametrize(("type", "code"), EXHAUSTIVE)
def test_every_value_of_a_parameter_finds_the_same_in_sql_and_in_memory(
    database: Database, type: str, code: str
) -> None:
    resources, values = EXHAUSTIVE[type, code]
    stored = [
        {"id": str(n), "at": START, "values": index_values(type, {"resourceType": type, **each})}
        for n, each in enumerate([*resources, {}])
    ]
    database.make(type)
    database.insert(type, stored)
    for modifier in MODIFIERS[PARAMETERS[type][code].type]:
        for value in values:
            if (modifier in (":above", ":below") and "://" not in value) or modifier == ":Patient":
                continue
            asked = parse(type, [(f"{code}{modifier}", value)], at=datetime(2024, 6, 1, tzinfo=UTC)).where
            for expression in (asked, e.Not(asked)):
                expected = {row["id"] for row in stored if matches(expression, type, row["id"], row["values"])}
                assert database.found(type, expression) == expected, (modifier, value)


def compiled(type: str, *pairs: tuple[str, str]) -> tuple[str, list[Any]]:
    statement = Statement()
    return condition(statement, parse(type, list(pairs)).where, type), statement.parameters


def test_alternatives_of_one_parameter_are_one_look_into_the_index() -> None:
    assert compiled("CarePlan", ("status", "draft,active")) == ('r."status" && $1::text[]', [["draft", "active"]])
    assert compiled("CarePlan", ("subject", "Patient/1,Patient/2")) == (
        'r."subject" = any($1::text[])',
        [["Patient/1", "Patient/2"]],
    )


def test_one_reference_is_an_equality() -> None:
    assert compiled("CarePlan", ("patient", "Patient/1")) == ('r."patient" = $1::text', ["Patient/1"])


def test_values_never_stand_in_the_text() -> None:
    evil = "x'); drop table care_plan; --"
    for name in ("identifier", "identifier:not"):
        sql, parameters = compiled("CarePlan", (name, evil))
        assert "drop" not in sql
        assert parameters == [[evil]]


def test_a_compartment_is_any_of_its_parameters_or_the_resource_itself() -> None:
    statement = Statement()
    assert condition(statement, e.InCompartment("Patient", "1"), "Patient") == (
        '(r."link" && $1::text[] or r.id = $2::text)'
    )
    assert json.dumps(statement.parameters) == '[["Patient/1"], "1"]'
    assert condition(Statement(), e.InCompartment("Patient", "1"), "Task") == "false"


def test_an_unknown_expression_is_our_mistake() -> None:
    with pytest.raises(TypeError):
        condition(Statement(), e.Expression(), "Task")


@pytest.mark.parametrize(
    "expression",
    [
        *(
            parse("CarePlan", [pair]).where
            for pair in (
                ("status", "draft,active"),
                ("identifier", "urn:x|1"),
                ("patient", "Patient/1"),
                ("patient", "Patient/1,Patient/2"),
                ("performer", "Practitioner/1"),
                ("date", "2024-05"),
                ("date", "ge2024-05"),
                ("instantiates-uri:above", "http://a.example/b/c"),
                ("_lastUpdated", "gt2024-05-01T10:00:00Z"),
                ("_id", "1,2"),
            )
        ),
        e.InCompartment("Patient", "1"),
        e.And((e.InCompartment("Patient", "1"), parse("CarePlan", [("status:not", "draft")]).where)),
    ],
)
def test_an_index_of_the_table_can_serve_it(database: Database, expression: e.Expression) -> None:
    statement = Statement()
    sql = f"explain select id from care_plan r where {condition(statement, expression, 'CarePlan')}"
    database.run("set enable_seqscan = off")
    plan = "\n".join(row[0] for row in database.run(sql, *statement.parameters))
    assert "Index" in plan and "Seq Scan" not in plan, plan
    assert "Index Cond" in plan, plan
