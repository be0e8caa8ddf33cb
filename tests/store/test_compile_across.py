"""Questions that follow references find the same in SQL and in memory, whichever way the SQL goes, and nothing by what
the asker may not see."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databases import Server
from sharedplan.catalogue import CATALOGUE
from sharedplan.search import expression as e
from sharedplan.search.includes import Include
from sharedplan.search.indexing import index_values
from sharedplan.search.matching import Known, matches
from sharedplan.search.parameters import PARAMETERS, Parameter
from sharedplan.store import including
from sharedplan.store.compile import condition
from sharedplan.store.guard import NOBODY
from sharedplan.store.projection import projection
from sharedplan.store.statements import Statement
from store.comparing import ROW, START, Database


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Database]:
    with server.database() as url:
        connected = Database(url)
        yield connected
        connected.close()


@pytest.fixture(scope="module")
def bare(server: Server) -> Iterator[Database]:
    """A database whose own tables are asked."""
    with server.database() as url:
        connected = Database(url)
        yield connected
        connected.close()


IDS = ("0", "1", "2")
CODES = st.sampled_from(["draft", "active"])


def refers(*types: str) -> st.SearchStrategy[Any]:
    """References to rows that are there, or are not, or lie elsewhere, or contained, or named by identifier alone."""
    named = [f"{type}/{id}" for type in types for id in (*IDS, "9")]
    texts = st.sampled_from(
        [*named, *named, "urn:uuid:1", "https://x.example/Patient/1", "#x", f"{named[0]}/_history/1"]
    )
    return texts.map(lambda text: {"reference": text}) | st.just({"identifier": {"value": "1"}})


URLS = st.sampled_from(["http://x.example/p", "http://x.example/q", "http://x.example/p|2"])

ELEMENTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "Patient": {
        "gender": st.sampled_from(["male", "female"]),
        "link": st.lists(refers("Patient").map(lambda other: {"other": other}), max_size=2),
    },
    "CarePlan": {
        "status": CODES,
        "subject": refers("Patient", "Group"),
        "partOf": st.lists(refers("CarePlan"), max_size=2),
        "instantiatesCanonical": st.lists(URLS, max_size=2),
    },
    "Task": {
        "status": CODES,
        "focus": refers("CarePlan", "Patient", "Task"),
        "for": refers("Patient"),
        "basedOn": st.lists(refers("CarePlan", "Task"), max_size=2),
    },
    "PlanDefinition": {"status": CODES, "url": st.sampled_from(["http://x.example/p", "http://x.example/q"])},
}
FOLLOWED = {
    "Patient": [("link", "Patient")],
    "CarePlan": [
        *(("subject", "Patient"), ("patient", "Patient"), ("part-of", "CarePlan")),
        ("instantiates-canonical", "PlanDefinition"),
    ],
    "Task": [
        *(("focus", "CarePlan"), ("focus", "Patient"), ("focus", "Task"), ("patient", "Patient")),
        *(("subject", "Patient"), ("based-on", "CarePlan"), ("based-on", "Task")),
    ],
    "PlanDefinition": [],
}
LEAVES: dict[str, list[e.Expression]] = {
    type: [
        e.Everything(),
        e.Nothing(),
        *(e.HasId((id,)) for id in IDS),
        *(e.Missing(PARAMETERS[type][code]) for code, _ in FOLLOWED[type]),
        *(e.RefersTo(PARAMETERS[type][code], (f"{target}/1",)) for code, target in FOLLOWED[type]),
        *(
            e.HasToken(PARAMETERS[type]["gender" if type == "Patient" else "status"], None, code)
            for code in ("active", "male")
        ),
    ]
    for type in ELEMENTS
}
SLICES = st.sampled_from(
    [
        *[e.Everything()] * 4,
        e.Nothing(),
        e.InCompartment("Patient", "1"),
        e.HasId(("0", "1")),
        e.Not(e.HasId(("0",))),
        e.And((e.Not(e.HasId(("2",))), e.Everything())),
    ]
)


def questions(type: str, depth: int = 2) -> st.SearchStrategy[e.Expression]:
    leaves = st.sampled_from(LEAVES[type])
    if not depth:
        return leaves
    across: list[st.SearchStrategy[e.Expression]] = [
        st.builds(e.Chained, st.just(PARAMETERS[type][code]), st.just(target), questions(target, depth - 1))
        for code, target in FOLLOWED[type]
    ]
    across += [
        st.builds(e.ReferredBy, st.just(PARAMETERS[source][code]), questions(source, depth - 1))
        for source, ways in FOLLOWED.items()
        for code, target in ways
        if target == type
    ]
    one = st.one_of(*across, leaves)
    return st.one_of(
        one,
        one.map(e.Not),
        st.lists(one, max_size=2).map(lambda parts: e.And(tuple(parts))),
        st.lists(one, max_size=2).map(lambda parts: e.Or(tuple(parts))),
    )


QUESTIONS = {type: questions(type) for type in ELEMENTS}
RESOURCES = {type: st.lists(st.fixed_dictionaries({}, optional=each), max_size=3) for type, each in ELEMENTS.items()}


class Visible:
    """The rows of all types that lie within the slices."""

    def __init__(self, stored: Mapping[str, list[ROW]], seen: Mapping[str, e.Expression]) -> None:
        self._known = {
            type: [
                known
                for known in (Known(type, row["id"], row["values"], row["at"]) for row in rows)
                if matches(seen[type], type, known.id, known.values, last_updated=known.last_updated)
            ]
            for type, rows in stored.items()
        }

    def of(self, type: str) -> list[Known]:
        return self._known[type]

    def masks(self, it: Known) -> bool:
        return False


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_lies_across_references_is_found_the_same_in_sql_and_in_memory(
    database: Database, data: st.DataObject
) -> None:
    stored: dict[str, list[ROW]] = {}
    for type, resources in RESOURCES.items():
        stored[type] = [
            {"id": id, "at": START, "values": index_values(type, {"resourceType": type, **each})}
            for id, each in zip(IDS, data.draw(resources), strict=False)
        ]
        database.make(type)
        database.insert(type, stored[type])
    seen = {type: data.draw(SLICES) for type in ELEMENTS}
    world = Visible(stored, seen)
    for type in data.draw(st.lists(st.sampled_from(sorted(ELEMENTS)), min_size=2, max_size=5)):
        asked = data.draw(QUESTIONS[type])
        expected = {row["id"] for row in stored[type] if matches(asked, type, row["id"], row["values"], world=world)}
        for is_anchored in (False, True):
            assert database.found(type, asked, seen=seen, is_anchored=is_anchored) == expected, (asked, is_anchored)


def test_a_hidden_row_answers_no_question_about_others(database: Database) -> None:
    stored = {
        "Patient": [{"resourceType": "Patient", "id": "1", "gender": "male"}],
        "CarePlan": [{"resourceType": "CarePlan", "id": "1", "subject": {"reference": "Patient/1"}}],
    }
    for type, resources in stored.items():
        database.make(type)
        rows = [{"id": each["id"], "at": START, "values": index_values(type, each)} for each in resources]
        database.insert(type, rows)
    male = e.HasToken(PARAMETERS["Patient"]["gender"], None, "male")
    forward = e.Chained(PARAMETERS["CarePlan"]["patient"], "Patient", male)
    back = e.ReferredBy(PARAMETERS["CarePlan"]["patient"], e.Everything())
    for within, expected in ((e.Everything(), {"1"}), (e.Nothing(), set()), (e.InCompartment("Patient", "2"), set())):
        seen = {"Patient": within, "CarePlan": within}
        for is_anchored in (False, True):
            assert database.found("CarePlan", forward, seen=seen, is_anchored=is_anchored) == expected
            assert database.found("Patient", back, seen=seen, is_anchored=is_anchored) == expected


def ways() -> Iterator[tuple[Parameter, str]]:
    """Every reference parameter with each type that it may lead to."""
    for type in CATALOGUE:
        for parameter in PARAMETERS[type].values():
            if parameter.type == "reference":
                for target in parameter.targets:
                    if target in CATALOGUE:
                        yield parameter, target


def test_every_reference_can_be_followed_both_ways_and_included(bare: Database) -> None:
    seen = dict.fromkeys(CATALOGUE, e.Everything())
    tried = 0
    for parameter, target in ways():
        source = parameter.resource
        there = e.HasId(("1",))
        for is_anchored in (False, True):
            for type, asked in (
                (source, e.Chained(parameter, target, there)),
                (target, e.ReferredBy(parameter, there)),
            ):
                statement = Statement([], seen)
                where = condition(statement, asked, type, is_anchored=is_anchored)
                bare.run(f"SELECT id FROM {projection(type).table} r WHERE {where}", *statement.parameters)
        for include in (Include(parameter, (target,)), Include(parameter, (target,), is_reverse=True)):
            found = {target if include.is_reverse else source: ["1"]}
            query = including.step([include], found, seen=seen, known={}, limit=10)
            assert query is not None
            bare.run(query[0], *query[1], *NOBODY)
        tried += 1
    assert tried > 500
