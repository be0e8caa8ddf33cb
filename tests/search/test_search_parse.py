"""Query strings: what is understood, and what is refused by name."""

from datetime import UTC, datetime

import pytest

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect
from sharedplan.search.expression import (
    And,
    Everything,
    HasId,
    HasToken,
    InCompartment,
    Missing,
    Not,
    Nothing,
    Or,
    RefersTo,
    Updated,
)
from sharedplan.search.identity import mentions_identity_code
from sharedplan.search.indexing import index_values
from sharedplan.search.matching import matches
from sharedplan.search.parameters import COMPARTMENTS, PARAMETERS
from sharedplan.search.parse import _controls, parse

STATUS = PARAMETERS["CarePlan"]["status"]
SUBJECT = PARAMETERS["CarePlan"]["subject"]
TENTH = datetime(2024, 6, 10, 9, tzinfo=UTC)
ELEVENTH = datetime(2024, 6, 10, 9, 0, 1, tzinfo=UTC)


def test_no_parameters_ask_for_everything() -> None:
    assert parse("CarePlan", []).where == Everything()
    assert parse("CarePlan", [("_count", "10"), ("_sort", "-_lastUpdated")]).where == Everything()


def test_parameters_are_joined_by_and_their_values_by_or() -> None:
    pairs = [("status", "draft,active"), ("subject", "Patient/1"), ("status", "active")]
    assert parse("CarePlan", pairs).where == And(
        (
            Or((HasToken(STATUS, None, "draft"), HasToken(STATUS, None, "active"))),
            RefersTo(SUBJECT, ("Patient/1",)),
            HasToken(STATUS, None, "active"),
        )
    )


def test_not_and_missing() -> None:
    assert parse("CarePlan", [("status:not", "a,b")]).where == Not(
        Or((HasToken(STATUS, None, "a"), HasToken(STATUS, None, "b")))
    )
    assert parse("CarePlan", [("status:missing", "true")]).where == Missing(STATUS)
    assert parse("CarePlan", [("status:missing", "false")]).where == Not(Missing(STATUS))


def test_ids() -> None:
    assert parse("CarePlan", [("_id", "a,b")]).where == HasId(("a", "b"))


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", Updated(TENTH, ELEVENTH)),
        ("ne", Not(Updated(TENTH, ELEVENTH))),
        ("gt", Updated(since=ELEVENTH)),
        ("sa", Updated(since=ELEVENTH)),
        ("ge", Updated(since=TENTH)),
        ("lt", Updated(until=TENTH)),
        ("eb", Updated(until=TENTH)),
        ("le", Updated(until=ELEVENTH)),
    ],
)
def test_last_updated_by_every_prefix(prefix: str, expected: object) -> None:
    assert parse("CarePlan", [("_lastUpdated", f"{prefix}2024-06-10T09:00:00Z")]).where == expected


def test_newer_than_an_instant_leaves_out_that_very_microsecond_and_no_other() -> None:
    where = parse("CarePlan", [("_lastUpdated", "gt2024-06-10T09:00:00.000001Z")]).where
    assert where == Updated(since=datetime(2024, 6, 10, 9, 0, 0, 2, UTC))


def test_what_says_how_the_answer_looks_is_no_filter() -> None:
    pairs = [
        ("_count", "0"),
        ("_sort", "_id,-_lastUpdated"),
        ("_total", "none"),
        ("_summary", "count"),
        ("_format", "x"),
    ]
    query = parse("CarePlan", pairs)
    assert (query.count, query.sort, query.total, query.summary) == (
        0,
        ((PARAMETERS["CarePlan"]["_id"], False), (PARAMETERS["CarePlan"]["_lastUpdated"], True)),
        "none",
        "count",
    )
    assert query.understood == tuple(pairs[:4])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("statos", "x", "CarePlan has no search parameter statos; do you mean status?"),
        ("_lastupdated", "2024", "do you mean _lastUpdated?"),
        ("zzzzzz", "x", "CarePlan has no search parameter zzzzzz$"),
        ("status:nott", "x", "status has no modifier :nott; do you mean :not?"),
        ("date:text", "2024", "date has no modifier :text"),
        ("subject:exact", "x", "subject has no modifier :exact"),
        ("subject:Pateint", "x", "do you mean :Patient?"),
        ("subject.nane", "x", "has no search parameter nane"),
        ("subject:Patient.nane", "x", "Patient has no search parameter nane; do you mean name?"),
        ("subject:Claim.name", "x", "subject refers to no Claim"),
        ("status.code", "x", "status is no reference"),
        ("_has:Observation:patient:code", "x", "patient of a Observation does not refer to a CarePlan"),
        ("_has:Task:fokus:status", "x", "Task has no reference parameter fokus; do you mean focus?"),
        ("_has:Claim:focus:status", "x", "_has: Claim is not offered here"),
        ("_has:Task:focus", "x", "_has is written"),
        ("_query", "x", "_query is not supported"),
        ("_sort", "statos", "_sort: CarePlan has no search parameter statos; do you mean status?"),
        ("_sort", "_text", "_sort: _text has no order"),
        ("status:", "x", "status"),
        ("_id:not", "x", "_id"),
    ],
)
def test_what_is_not_known_is_refused_by_name_or_dropped_and_told(name: str, value: str, says: str) -> None:
    with pytest.raises(Incorrect, match=says.replace("?", r"\?")):
        parse("CarePlan", [(name, value)])
    query = parse("CarePlan", [(name, value), ("status", "active")], lenient=True)
    assert query.where == HasToken(STATUS, None, "active")
    assert query.understood == (("status", "active"),)
    assert [issue.severity for issue in query.dropped] == ["warning"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", ""),
        ("status", "active,"),
        ("status", ","),
        ("status", " "),
        ("status", "a\x00b"),
        ("status", "\ud800"),
        ("status:missing", "yes"),
        ("_id", "a b"),
        ("_count", "-1"),
        ("_count", "ten"),
        ("_count", "１"),
        ("_sort", ""),
        ("_sort", "status,-status"),
        ("_include", "CarePlan:subjekt"),
        ("_include", "CarePlan:subject:Claim"),
        ("_include:repeat", "CarePlan:subject"),
        ("_revinclude", "Claim:patient"),
        ("_contained", "yes"),
        ("_contained", "true,both"),
        ("_containedType", "both"),
        ("_list", "$current-problems"),
        ("_total", "maybe"),
        ("_summary", "x"),
        ("date", "yesterday"),
        ("_lastUpdated", "gt"),
        ("status", ",".join("x" * 101)),
    ],
)
def test_a_bad_value_is_refused_by_name_also_when_lenient(name: str, value: str) -> None:
    for lenient in (False, True):
        with pytest.raises(Incorrect, match=name.partition(":")[0]):
            parse("CarePlan", [(name, value)], lenient=lenient)


def test_a_control_is_given_once() -> None:
    with pytest.raises(Incorrect, match="_count is given twice"):
        parse("CarePlan", [("_count", "1"), ("_count", "2")])


def test_a_search_has_its_limits() -> None:
    parse("CarePlan", [("status", "x")] * 100)
    with pytest.raises(Incorrect, match="at most 100 parameters"):
        parse("CarePlan", [("status", "x")] * 101)
    with pytest.raises(Incorrect, match="longer than the name"):
        parse("CarePlan", [("x" * 9_000_000, "x")], lenient=True)


@pytest.mark.parametrize("type", CATALOGUE)
def test_every_parameter_of_every_type_can_be_asked_for(type: str) -> None:
    values = {
        "token": "a|b",
        "reference": "https://x.example/1",
        "date": "2024",
        "string": "x",
        "uri": "urn:x",
        "number": "1.5",
        "quantity": "5|http://unitsofmeasure.org|mg",
    }
    for parameter in PARAMETERS[type].values():
        if parameter.components:
            value = "$".join(values[each.type] for each in parameter.components)
        elif parameter.code == "near":
            value = "60.17|24.94|5|km"
        else:
            value = "x" if parameter.code in ("_id", "_text", "_content") else values[parameter.type]
        assert parse(type, [(parameter.code, value)]).where != Everything(), parameter.code


@pytest.mark.parametrize(
    ("elements", "patient", "is_member"),
    [
        ({"subject": {"reference": "Patient/1"}}, "1", True),
        ({"subject": {"reference": "Patient/1"}}, "2", False),
        ({"subject": {"reference": "Group/1"}}, "1", False),
        ({"activity": [{"detail": {"performer": [{"reference": "Patient/1"}]}}]}, "1", True),
        ({"author": {"reference": "Patient/1"}}, "1", False),  # no parameter of the definition looks there
    ],
)
def test_membership_in_a_compartment(elements: dict[str, object], patient: str, is_member: bool) -> None:
    values = index_values("CarePlan", {"resourceType": "CarePlan", **elements})
    assert matches(InCompartment("Patient", patient), "CarePlan", "x", values) == is_member


def test_a_resource_is_in_its_own_compartment_and_types_without_parameters_are_in_none() -> None:
    values = index_values("Patient", {"resourceType": "Patient"})
    assert matches(InCompartment("Patient", "1"), "Patient", "1", values)
    assert not matches(InCompartment("Patient", "1"), "Patient", "2", values)
    assert "Task" not in COMPARTMENTS["Patient"]
    assert not matches(InCompartment("Patient", "1"), "Task", "1", index_values("Task", {"resourceType": "Task"}))


def test_a_resource_yet_to_be_stored_is_later_than_all_that_are() -> None:
    values = index_values("Patient", {"resourceType": "Patient"})
    assert matches(Updated(since=TENTH), "Patient", "1", values)
    assert not matches(Updated(until=TENTH), "Patient", "1", values)
    assert not matches(Nothing(), "Patient", "1", values)


@pytest.mark.parametrize(
    ("value", "is_told"),
    [
        ("urn:oid:1.2.246.21|anything", True),
        ("131052-308T", True),
        ("131052-308t", True),
        ("urn:x|131052A308T", True),
        ("a,010594Y9032,b", True),
        ("URN:OID:1.2.246.21|anything", True),
        ("https://x|131052-308T", True),
        ("131052+308T", True),
        ("131052 308t", True),  # a plus sign that was not encoded
        ("131052–308T", True),
        ("131052%2D308T", True),
        ("131052%252b308T", True),
        ("urn%3Aoid%3A1.2.246.21%7Cx", True),
        ("131052%zz308T", False),
        ("131052-308U", False),  # the check character is wrong
        ("1131052-308T", False),
        ("123456", False),
        ("urn:oid:1.2.246.10|131052", False),
    ],
)
def test_a_personal_identity_code_is_recognised(value: str, is_told: bool) -> None:
    assert mentions_identity_code([("_count", "1"), ("identifier", value)]) == is_told
    assert mentions_identity_code([("subject:Patient.identifier", value)]) == is_told
    assert mentions_identity_code([(value, "")]) == is_told


def test_what_is_long_is_not_kept() -> None:
    """Or whoever asks for many elements again and again fills the memory."""
    before = _controls.cache_info().currsize
    for number in range(3):
        parse("Goal", [("_elements", ",".join(f"e{number}x{each}" for each in range(100)))])
    assert _controls.cache_info().currsize == before
