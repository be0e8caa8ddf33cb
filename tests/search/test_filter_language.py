"""`_filter`: expressions read into the conditions that parameters ask."""

from datetime import UTC, datetime

import pytest

from sharedplan.errors import Incorrect
from sharedplan.search import filter_language, filters
from sharedplan.search.expression import And, Chained, Coded, Expression, HasEntry, Missing, Not, Or
from sharedplan.search.filters import Asking, Unknown
from sharedplan.search.indexing import index_values
from sharedplan.search.matching import matches
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.parse import parse

ASKING = Asking(at=datetime(2026, 1, 1, tzinfo=UTC))


def read(text: str, type: str = "Patient") -> Expression:
    return filter_language.parse(type, text, ASKING)


def asked(name: str, value: str, type: str = "Patient") -> Expression:
    """What the same question means as a parameter."""
    return filters.filter(type, name, value, ASKING)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("gender eq male", "gender", "male"),
        ('name co "pet"', "name:contains", "pet"),
        ("name sw pet", "name", "pet"),
        ("birthdate ge 2014-10-10", "birthdate", "ge2014-10-10"),
        ("birthdate eq 2014", "birthdate", "eq2014"),
        ("birthdate ne 2014", "birthdate", "ne2014"),
        ("birthdate ap 2014", "birthdate", "ap2014"),
        ("birthdate sa 2014", "birthdate", "sa2014"),
        ("_lastUpdated lt 2030-01-01", "_lastUpdated", "lt2030-01-01"),
        ("_id eq a", "_id", "a"),
        ("gender pr true", "gender:missing", "false"),
        ("gender pr false", "gender:missing", "true"),
        ("identifier eq urn:ids|1", "identifier", "urn:ids|1"),
        ('identifier eq "urn:ids|a,b"', "identifier", r"urn:ids|a\,b"),
        (r'identifier eq "urn:ids|a\\,b\\|c"', "identifier", r"urn:ids|a\,b\|c"),
        (r'name sw "a\\b,c \u00e4"', "name", r"a\\b\,c ä"),
        ("organization re Organization/1", "organization", "Organization/1"),
        ("organization.name sw north", "organization.name", "north"),
        ("general-practitioner:Practitioner.name sw a", "general-practitioner:Practitioner.name", "a"),
        ("_security in urn:v", "_security:in", "urn:v"),
        ("_security ni urn:v", "_security:not-in", "urn:v"),
        ("_security ss urn:s|a", "_security:below", "urn:s|a"),
        ("_security sb urn:s|a", "_security:above", "urn:s|a"),
    ],
)
def test_a_test_means_what_a_parameter_means(text: str, name: str, value: str) -> None:
    assert read(text) == asked(name, value)


def test_and_or_and_not_join_tests() -> None:
    male, active, anna = asked("gender", "male"), asked("active", "true"), asked("name", "anna")
    assert read("gender eq male and active eq true and name sw anna") == And((male, active, anna))
    assert read("gender eq male or active eq true") == Or((male, active))
    assert read("not (gender eq male)") == Not(male)
    assert read("not(gender eq male and active eq true)or(name sw anna)") == Or((Not(And((male, active))), anna))
    assert read("  ( ( gender eq male ) )  ") == male
    assert read("gender eq male and (active eq true or name sw anna)") == And((male, Or((active, anna))))


def test_a_name_equals_whole_whatever_its_case_and_accents() -> None:
    values = index_values("Patient", {"resourceType": "Patient", "name": [{"given": ["Päivi"]}]}, base="")
    for text, is_equal in (('given eq "PÄIVI"', True), ("given eq paivi", True), ('given eq "päiv"', False)):
        assert matches(read(text), "Patient", "a", values) is is_equal


def test_what_has_one_value_may_be_unequal_and_what_has_several_may_not_be_asked_so() -> None:
    gender = PARAMETERS["Patient"]["gender"]
    assert read("gender ne male") == And((Not(Missing(gender)), Not(asked("gender", "male"))))
    with pytest.raises(Incorrect, match="name"):
        read("name ne anna")


def test_a_chain_ends_in_what_an_operator_asks() -> None:
    found = read('subject:Patient.given eq "Anna" and subject:Patient._security in urn:v', "Flag")
    subject, given = PARAMETERS["Flag"]["subject"], PARAMETERS["Patient"]["given"]
    security = PARAMETERS["Patient"]["_security"]
    assert found == And(
        (
            Chained(subject, "Patient", HasEntry(given, ("anna",))),
            Chained(subject, "Patient", Coded(security, "in", None, "urn:v")),
        )
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "character 1"),
        ("gender", "operator"),
        ("gender eq", "operator"),
        ("gender eq ", "a value"),
        ("gender eq male active eq true", "and, or, or the end"),
        ("gender eq male and", "a search parameter"),
        ("(gender eq male", "closing parenthesis"),
        ("gender eq male)", "the end"),
        ("not gender eq male", "operator"),
        ('name sw "anna', "a value"),
        (r'name sw "\x"', "string"),
        ("gender eq male and active eq true or name sw anna", "parentheses"),
        ("gender co male", "co says nothing about gender"),
        ("name gt 5", "gt says nothing about name"),
        ("gender re Patient/1", "re says nothing"),
        ("name ss a", "ss says nothing"),
        ("gender pr maybe", "true or false"),
        ("birthdate eq tomorrow", "birthdate"),
        ("birthdate gt gt2014", "birthdate"),
        ("phonetic co anna", "co says nothing"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(Incorrect, match=said) as refusal:
        read(text)
    assert not isinstance(refusal.value, Unknown)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gendre eq male", "gender"),
        ("organization.nome sw a", "name"),
        ("gender.name sw a", "no reference"),
        ("gender:not eq male", "gender"),
        ("name ew nna", "ew is not supported"),
        ("birthdate po 2014", "po is not supported"),
        ("name like anna", "operator"),
        ("name xx anna", "no operator xx"),
        ("organization[name sw a].name sw b", "within a path"),
    ],
)
def test_what_there_is_not_is_named(text: str, said: str) -> None:
    with pytest.raises(Incorrect, match=said):
        read(text)


def test_an_expression_has_limits() -> None:
    many = " and ".join(["gender eq male"] * filter_language.MOST_TESTS)
    assert isinstance(read(many), And)
    with pytest.raises(Incorrect, match="at most 100"):
        read(f"{many} and gender eq male")
    deep = filter_language.MOST_DEPTH
    assert read("(" * deep + "gender eq male" + ")" * deep) == asked("gender", "male")
    with pytest.raises(Incorrect, match="within each other"):
        read("not(" * 5_000 + "gender eq male")


def test_a_query_takes_one_filter_beside_its_parameters() -> None:
    found = parse("Patient", [("_filter", "gender eq male"), ("active", "true")])
    assert found.where == And((asked("gender", "male"), asked("active", "true")))
    assert len(found.understood) == 2
    with pytest.raises(Incorrect, match="twice"):
        parse("Patient", [("_filter", "gender eq male")] * 2)
    for name in ("_filter:not", "organization._filter", "_has:Flag:subject:_filter"):
        with pytest.raises(Unknown, match="by itself"):
            parse("Patient", [(name, "gender eq male")])
    lenient = parse("Patient", [("_filter", "gendre eq male"), ("active", "true")], lenient=True)
    assert (lenient.where, len(lenient.dropped)) == (asked("active", "true"), 1)
