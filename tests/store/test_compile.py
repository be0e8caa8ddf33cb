"""The SQL of an expression finds what the test in memory finds, over random rows and random questions."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databases import Server
from sharedplan.search import expression as e
from sharedplan.search.indexing import index_values
from sharedplan.search.matching import matches
from sharedplan.search.parameters import PARAMETERS, Parameter
from sharedplan.search.parse import parse
from sharedplan.store.compile import condition
from sharedplan.store.statements import Statement
from store.comparing import ROW, START, Database


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
DISPLAYED = st.fixed_dictionaries({}, optional={"code": TEXTS, "display": TEXTS})
CONCEPTS = st.fixed_dictionaries({"coding": st.lists(CODINGS | DISPLAYED, max_size=2)}, optional={"text": TEXTS})
ALL_TOKENS = ["a", "urn:a|a", "|a", "urn:b|", r"a\|b|", r"a\|b", r"a\,b", r"\\", "a%", LONG]
TOKENS = st.sampled_from(ALL_TOKENS)
TARGETS = ["Patient/1", "Patient/2", "Group/1", "urn:uuid:1", "https://x.example/Patient/1"]
IDENTIFIERS = st.fixed_dictionaries(
    {},
    optional={"system": st.sampled_from(["urn:a", "a|b"]), "value": TEXTS, "type": CONCEPTS},
)
REFERENCES = st.fixed_dictionaries({"reference": st.sampled_from([*TARGETS, "#x"])}) | st.fixed_dictionaries(
    {}, optional={"identifier": IDENTIFIERS, "reference": st.sampled_from(TARGETS)}
)
UCUM = "http://unitsofmeasure.org"
ALL_NUMBERS = ["0", "1", "1.0", "1.00", "0.995", "1.005", "-1", "1000", "1e3", "999.5", "1e-3", "100", "37.5", "310.65"]
NUMBERS = st.sampled_from(ALL_NUMBERS)
DECIMALS = NUMBERS.map(Decimal)
UNITS = st.sampled_from(
    [
        *({}, {"unit": "kg"}, {"code": "kg"}, {"system": "urn:a", "code": "kg"}),
        *({"system": UCUM, "code": code, "unit": "x|y"} for code in ("kg", "g", "mg", "Cel", "K", "{score}", "oddity")),
    ]
)
QUANTITIES = st.builds(
    lambda value, unit, comparator: {**value, **unit, **comparator},
    st.fixed_dictionaries({}, optional={"value": DECIMALS}),
    UNITS,
    st.sampled_from([{}, *({"comparator": each} for each in ("<", "<=", ">", ">="))]),
)
RANGES = st.builds(
    lambda ends, unit: {name: {"value": value, **unit} for name, value in ends.items()},
    st.fixed_dictionaries({}, optional={"low": DECIMALS, "high": DECIMALS}),
    UNITS,
)
SAMPLES = st.fixed_dictionaries(
    {"origin": st.builds(lambda value, unit: {"value": value, **unit}, DECIMALS, UNITS), "data": st.just("1 E 3 -2 U")},
    optional={"factor": DECIMALS},
)
OBSERVED = st.one_of(
    QUANTITIES.map(lambda value: {"valueQuantity": value}),
    SAMPLES.map(lambda value: {"valueSampledData": value}),
    CONCEPTS.map(lambda value: {"valueCodeableConcept": value}),
    TEXTS.map(lambda value: {"valueString": value}),
    st.sampled_from([each for each in ALL_DATES if "T" in each]).map(lambda value: {"valueDateTime": value}),
    PERIODS.map(lambda value: {"valuePeriod": value}),
    st.just({}),
)
COMPONENTS = st.builds(lambda code, value: {"code": code, **value}, CONCEPTS, OBSERVED)
POINTS = [(60.17, 24.94), (60.2, 24.9), (-89.9, 10.0), (0.0, 179.9), (0.0, -179.9), (90.0, 0.0)]
POSITIONS = st.sampled_from(POINTS).map(lambda at: {"latitude": Decimal(str(at[0])), "longitude": Decimal(str(at[1]))})
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
    "Observation": {
        "code": CONCEPTS,
        "subject": REFERENCES,
        "value": OBSERVED,
        "component": st.lists(COMPONENTS, max_size=3),
    },
    "Encounter": {"length": QUANTITIES},
    "Condition": {"onset": st.one_of(RANGES.map(lambda value: {"onsetRange": value}), st.just({}))},
    "Location": {"position": POSITIONS, "partOf": REFERENCES, "name": TEXTS, "identifier": st.lists(IDENTIFIERS)},
    "DocumentReference": {
        "relatesTo": st.lists(
            st.fixed_dictionaries({}, optional={"code": st.sampled_from(["replaces", "signs"]), "target": REFERENCES}),
            max_size=3,
        )
    },
    "Patient": {
        "identifier": st.lists(IDENTIFIERS, max_size=2),
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
    "quantity": st.builds(
        lambda prefix, number, unit: f"{prefix}{number}{unit}",
        PREFIXES,
        NUMBERS,
        st.sampled_from(
            [
                "",
                "||kg",
                "||x\\|y",
                "|urn:a|kg",
                *(f"|{UCUM}|{code}" for code in ("kg", "g", "mg", "Cel", "K", "1", "oddity")),
            ]
        ),
    ),
    "special": st.builds(
        lambda at, metres: f"{at[0]}|{at[1]}|{metres}|m",
        st.sampled_from([*POINTS, (0.0, 180.0), (-90.0, 0.0)]),
        st.sampled_from(["0", "1000", "30000", "1e6", "2e7", "3e7"]),
    ),
}
TYPED = st.builds(
    lambda system, code, value: f"{system}|{code}|{value}", *[st.sampled_from(["urn:a", r"a\|b", "a"])] * 3
)
MODIFIERS: dict[str, list[str]] = {
    "token": ["", ":not", ":text"],
    "reference": ["", ":Patient", ":identifier"],
    "date": [""],
    "string": ["", ":exact", ":contains"],
    "uri": ["", ":above", ":below"],
    "quantity": [""],
    "composite": [""],
    "special": [""],
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
    "Patient": [
        *("name", "family", "given", "phonetic", "deceased", "birthdate", "link", "_profile"),
        *("identifier", "identifier:of-type"),
    ],
    "Observation": [
        *("code", "value-concept", "value-string", "value-date", "value-quantity", "component-value-quantity"),
        *("combo-value-quantity", "combo-code", "subject", "patient", "code-value-concept", "code-value-date"),
        *("code-value-quantity", "code-value-string", "combo-code-value-concept", "combo-code-value-quantity"),
        *("component-code-value-concept", "component-code-value-quantity"),
    ],
    "Encounter": ["length"],
    "Condition": ["onset-age"],
    "Location": ["near", "partof", "name", "identifier", "identifier:of-type"],
    "DocumentReference": ["relationship", "relatesto", "relation"],
}


@st.composite
def rows(draw: st.DrawFn, type: str) -> list[ROW]:
    resources = draw(st.lists(st.fixed_dictionaries({}, optional=ELEMENTS[type]), min_size=1, max_size=8))
    for each in resources:
        for choice in ("value", "onset"):
            each.update(each.pop(choice, {}))
    return [
        {"id": str(n), "at": START + timedelta(hours=n), "values": index_values(type, {"resourceType": type, **each})}
        for n, each in enumerate(resources)
    ]


def of_component(parameter: Parameter) -> st.SearchStrategy[str]:
    """Values of the parameter, as a query has them."""
    if not parameter.components:
        return VALUES[parameter.type]
    one, other = (of_component(each) for each in parameter.components)
    return st.builds(lambda first, second: f"{first}${second}", one, other)


@st.composite
def parameter_questions(draw: st.DrawFn, type: str) -> e.Expression:
    """What one pair of a query string asks."""
    code, _, given = draw(st.sampled_from(ASKED[type])).partition(":")
    parameter = PARAMETERS[type][code]
    is_of_sound = code == "phonetic"
    offered = [given and f":{given}"] if given or is_of_sound else [*MODIFIERS[parameter.type], ":missing"]
    modifier = draw(st.sampled_from(offered))
    if modifier == ":missing":
        value = draw(st.sampled_from(["true", "false"]))
    else:
        values = of_component(parameter)
        if modifier == ":of-type":
            values = TYPED
        if modifier == ":text":
            values = VALUES["string"]
        if modifier == ":identifier":
            values = TOKENS
        if is_of_sound:
            values = st.sampled_from(["a", "AB", "b x", "xx"])
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


@pytest.mark.parametrize("type", ELEMENTS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
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
            if modifier in (":text", ":identifier"):
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
    sql = f"explain select id from public.care_plan r where {condition(statement, expression, 'CarePlan')}"
    database.run("set enable_seqscan = off")
    plan = "\n".join(row[0] for row in database.run(sql, *statement.parameters))
    assert "Index" in plan and "Seq Scan" not in plan, plan
    assert "Index Cond" in plan, plan
