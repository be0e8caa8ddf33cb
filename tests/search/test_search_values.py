"""Tokens, references, strings and uris: how they are asked for, and what that finds."""

from typing import Any

import pytest

from sharedplan.errors import Incorrect
from sharedplan.search.indexing import index_values
from sharedplan.search.matching import matches
from sharedplan.search.parse import parse
from sharedplan.search.values import string
from sharedplan.search.values.escapes import plain, split

BASE = "https://plan.example/fhir"


def found(type: str, name: str, value: str, /, **elements: Any) -> bool:
    values = index_values(type, {"resourceType": type, **elements}, base=BASE)
    return matches(parse(type, [(name, value)], base=BASE).where, type, "1", values)


CODED = {"category": [{"coding": [{"system": "urn:a", "code": "x"}, {"code": "y"}]}]}


@pytest.mark.parametrize(
    ("value", "is_found"),
    [
        ("x", True),
        ("urn:a|x", True),
        ("urn:a|", True),
        ("|y", True),
        ("y", True),
        ("|x", False),
        ("urn:a|y", False),
        ("urn:b|x", False),
        ("urn:b|", False),
        ("X", False),
        ("urn:b|x,y", True),
    ],
)
def test_a_token_is_found_in_four_ways(value: str, is_found: bool) -> None:
    assert found("CarePlan", "category", value, **CODED) == is_found
    assert found("CarePlan", "category:not", value, **CODED) != is_found


def test_not_finds_what_has_no_value_at_all() -> None:
    assert found("CarePlan", "category:not", "x")
    assert not found("CarePlan", "category", "x")


def test_a_code_is_found_by_the_system_that_its_binding_implies() -> None:
    assert found("Patient", "gender", "http://hl7.org/fhir/administrative-gender|male", gender="male")
    assert not found("Patient", "gender", "urn:other|male", gender="male")


def test_a_bar_or_comma_in_a_code_is_escaped() -> None:
    odd = {"identifier": [{"system": "urn:a", "value": "1|2,3\\4"}]}
    assert found("Patient", "identifier", r"urn:a|1\|2\,3\\4", **odd)
    assert not found("Patient", "identifier", r"1|2\,3\\4", **odd)


def test_a_code_with_a_bar_is_not_taken_for_a_system_and_a_code() -> None:
    assert not found("Patient", "identifier", "urn:a|1", identifier=[{"value": "urn:a|1"}])


@pytest.mark.parametrize("value", ["|", "a|b|c"])
def test_a_token_that_says_nothing_is_refused(value: str) -> None:
    with pytest.raises(Incorrect, match=r"^category: "):
        parse("CarePlan", [("category", value)])


@pytest.mark.parametrize(
    ("name", "value", "is_found"),
    [
        ("subject", "Patient/anna", True),
        ("subject", "anna", True),
        ("subject:Patient", "anna", True),
        ("subject:Patient", "Patient/anna", True),
        ("subject", f"{BASE}/Patient/anna", True),
        ("subject", "Patient/anna/_history/2", True),
        ("subject:Group", "anna", False),
        ("subject", "Group/anna", False),
        ("subject", "Patient/ann", False),
        ("subject", "https://other.example/fhir/Patient/anna", False),
        ("patient", "anna", True),
        ("subject", "Patient/bela,Patient/anna", True),
    ],
)
def test_a_reference_is_found_relative_absolute_typed_or_by_its_id(name: str, value: str, is_found: bool) -> None:
    assert found("CarePlan", name, value, subject={"reference": "Patient/anna"}) == is_found


@pytest.mark.parametrize("value", ["", "Patient/", "a b", "Patient/a/b", "#p1", "/Patient/1", "patient/1"])
def test_what_is_no_reference_is_refused(value: str) -> None:
    with pytest.raises(Incorrect, match=r"^subject"):
        parse("CarePlan", [("subject", value)])


def test_a_type_that_the_element_cannot_refer_to_is_refused() -> None:
    with pytest.raises(Incorrect, match="subject has no modifier :Practitioner"):
        parse("CarePlan", [("subject:Practitioner", "1")])
    with pytest.raises(Incorrect, match="given a reference to a Group"):
        parse("CarePlan", [("subject:Patient", "Group/1")])


def test_a_canonical_is_found_with_its_version_and_without() -> None:
    url = "https://x.example/PlanDefinition/stop"
    for value, is_found in ((url, True), (f"{url}|2", True), (f"{url}|3", False)):
        assert found("CarePlan", "instantiates-canonical", value, instantiatesCanonical=[f"{url}|2"]) == is_found


NAMED = {"name": [{"family": "Mäki-Virtänen", "given": ["Åke", "Øystein"], "text": "Åke  Mäki"}]}


@pytest.mark.parametrize(
    ("name", "value", "is_found"),
    [
        ("family", "Mäki", True),
        ("family", "maki", True),
        ("family", "MÄKI-VIRT", True),
        ("family", "virtanen", False),
        ("family:contains", "virtÄN", True),
        ("family:contains", "x", False),
        ("family:exact", "Mäki-Virtänen", True),
        ("family:exact", "mäki-virtänen", False),
        ("family:exact", "Maki-Virtanen", False),
        ("family:exact", "Mäki", False),
        ("given", "ake", True),
        ("name", "ake maki", True),
        ("family", "x,maki", True),
        ("family", "%", False),
        ("family:contains", "_", False),
    ],
)
def test_a_string_is_found_by_its_beginning_whatever_its_case_and_accents(
    name: str, value: str, is_found: bool
) -> None:
    assert found("Patient", name, value, **NAMED) == is_found


@pytest.mark.parametrize("text", ["=Odd", "==", "\\x", "\t tab", "a=b"])
def test_signs_that_mark_entries_are_found_as_they_are(text: str) -> None:
    named = {"name": [{"family": text}]}
    escaped = text.replace("\\", "\\\\")
    assert found("Patient", "family", escaped, **named)
    assert found("Patient", "family:contains", escaped, **named)
    assert found("Patient", "family:exact", escaped, **named)
    assert not found("Patient", "family", "=" + escaped.strip(), **named)
    assert not found("Patient", "family:contains", "=" + escaped.strip(), **named)


def test_a_long_text_is_searched_to_its_end() -> None:
    words = " ".join(f"word{number}" for number in range(1000))
    for number in (0, 1, 24, 25, 26, 49, 50, 500, 998, 999):
        asked = " ".join(f"word{each}" for each in range(number, min(number + 20, 1000)))
        assert found("PlanDefinition", "description:contains", asked, description=words), number
    assert not found("PlanDefinition", "description:contains", "word998 word1", description=words)
    assert not found("PlanDefinition", "description", "word1", description=words)
    assert found("PlanDefinition", "description:exact", words, description=words)
    assert not found("PlanDefinition", "description:exact", words, description=words + ".")


def test_folding_twice_changes_nothing() -> None:
    for text in ("ÅÄÖ åäö", "İstanbul", "ﬁne", "Ǆ", "ﬀ", "Straße", " a\u00a0b\u2003c "):
        assert string.fold(string.fold(text)) == string.fold(text)
    assert string.fold("Straße") == "strasse"


def test_a_text_of_nothing_but_accents_or_too_long_is_refused() -> None:
    for value in ("\u0301", "x" * 201):
        with pytest.raises(Incorrect, match=r"^family"):
            parse("Patient", [("family", value)])


@pytest.mark.parametrize(
    ("name", "value", "is_found"),
    [
        ("url", "http://acme.org/fhir/ValueSet/123", True),
        ("url", "http://acme.org/fhir/ValueSet/12", False),
        ("url", "http://ACME.org/fhir/ValueSet/123", False),
        ("url:below", "http://acme.org/fhir/", True),
        ("url:below", "http://acme.org/fhir", True),
        ("url:below", "http://acme.org/fhir/ValueSet/12", False),
        ("url:above", "http://acme.org/fhir/ValueSet/123/_history/5", True),
        ("url:above", "http://acme.org/fhir/ValueSet/123", True),
        ("url:above", "http://acme.org/fhir/ValueSet/1234", False),
        ("url:above", "http://acme.org/fhir", False),
    ],
)
def test_a_uri_is_found_whole_or_above_or_below(name: str, value: str, is_found: bool) -> None:
    assert found("ValueSet", name, value, url="http://acme.org/fhir/ValueSet/123") == is_found


def test_a_urn_has_nothing_above_or_below() -> None:
    with pytest.raises(Incorrect, match=r"^url:below"):
        parse("ValueSet", [("url:below", "urn:oid:1.2")])


def test_both_values_of_a_composite_may_be_escaped() -> None:
    assert found(
        "Observation", "code-value-string", r"a\$b$c\,d", code={"coding": [{"code": "a$b"}]}, valueString="c,d"
    )
    with pytest.raises(Incorrect, match="composite"):
        parse("Observation", [("code-value-string", r"a\$b")])


def test_values_are_split_where_the_separator_is_not_escaped() -> None:
    assert split(r"a\,b,c,\\,d", ",") == [r"a\,b", "c", r"\\", "d"]
    assert split("a\\", ",") == ["a\\"]
    assert split(r"a\$b$c", "$") == [r"a\$b", "c"]
    assert split(",", ",") == ["", ""]
    assert [plain(part) for part in (r"a\,b", r"\\", r"\$\|", r"\n", "a\\")] == ["a,b", "\\", "$|", r"\n", "a\\"]
