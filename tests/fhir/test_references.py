"""References: what they mean, where they are, and how a transaction rewrites them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from published import examples
from sharedplan.fhir.json_text import read, write
from sharedplan.fhir.references import Reference, each, parse, rewritten

URN = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Patient/1", Reference("relative", "Patient/1", "Patient", "1")),
        ("Patient/1/_history/3", Reference("relative", "Patient/1/_history/3", "Patient", "1", "3")),
        (
            "https://x.fi/fhir/Patient/a-b.c",
            Reference("absolute", "https://x.fi/fhir/Patient/a-b.c", "Patient", "a-b.c", base="https://x.fi/fhir"),
        ),
        (
            "http://x/Patient/1/_history/2",
            Reference("absolute", "http://x/Patient/1/_history/2", "Patient", "1", "2", "http://x"),
        ),
        ("https://x.fi/about", Reference("absolute", "https://x.fi/about")),
        (URN, Reference("urn", URN)),
        ("urn:oid:1.2.3", Reference("urn", "urn:oid:1.2.3")),
        ("#p1", Reference("fragment", "#p1", id="p1")),
        ("#", Reference("fragment", "#", id="")),
        (
            "Patient?identifier=a|b",
            Reference("conditional", "Patient?identifier=a|b", "Patient", criteria="identifier=a|b"),
        ),
    ],
)
def test_a_reference_is_understood(text: str, meaning: Reference) -> None:
    assert parse(text) == meaning


@pytest.mark.parametrize(
    "text",
    ["", "Patient", "Patient/", "patient/1", "/Patient/1", "Patient/a_b", "Patient/1/2", "Patient/1 ", "# 1", "a b"],
)
def test_what_is_no_reference_is_malformed(text: str) -> None:
    assert parse(text).kind == "malformed"


@given(st.text())
def test_any_text_can_be_parsed(text: str) -> None:
    assert parse(text).text == text


def test_an_absolute_reference_to_our_base_is_a_relative_one() -> None:
    absolute = parse("https://x.fi/fhir/Patient/1/_history/2")
    assert absolute.relative_to("https://x.fi/fhir/") == parse("Patient/1/_history/2")
    assert absolute.relative_to("https://x.fi/other") is absolute
    assert absolute.target == "Patient/1"


def test_each_reference_is_found_with_its_path() -> None:
    plan = {
        "resourceType": "CarePlan",
        "subject": {"reference": "Patient/1"},
        "contained": [{"resourceType": "CareTeam", "participant": [{"member": {"reference": "#"}}]}],
        "activity": [{"detail": {"performer": [{"display": "x"}, {"reference": "Practitioner/2"}]}}],
        "extension": [{"url": "http://x", "valueReference": {"reference": URN}}],
    }
    assert [(path, text) for path, _, text in each(plan)] == [
        ("CarePlan.subject", "Patient/1"),
        ("CarePlan.contained[0].participant[0].member", "#"),
        ("CarePlan.activity[0].detail.performer[1]", "Practitioner/2"),
        ("CarePlan.extension[0].valueReference", URN),
    ]


def test_an_activity_that_is_a_reference_is_found_inside_it() -> None:
    plan = {"resourceType": "CarePlan", "activity": [{"reference": {"reference": "Task/1"}}]}
    assert [path for path, _, _ in each(plan)] == ["CarePlan.activity[0].reference"]


def everywhere(link: str) -> dict[str, Any]:
    """A resource with a link in every place that is rewritten, and in some that are not."""
    return {
        "resourceType": "CarePlan",
        "text": {
            "status": "generated",
            "div": f'<div>{link} <a href="{link}">x</a><img alt="{link}" src=\'{link}\'/></div>',
        },
        "contained": [{"resourceType": "Task", "id": "t", "for": {"reference": link}}],
        "instantiatesUri": ["http://other", link],
        "identifier": [{"system": link, "value": link}],
        "subject": {"reference": link, "display": link},
        "description": link,
        "_description": {"extension": [{"url": "http://x", "valueUuid": link}]},
        "extension": [
            {"url": "http://x", "extension": [{"url": "y", "valueUri": link}, {"url": "z", "valueString": link}]}
        ],
        "note": [{"text": link, "authorReference": {"reference": link}}],
    }


def test_links_are_rewritten_wherever_the_standard_says() -> None:
    expected = everywhere(URN)
    expected["text"]["div"] = f'<div>{URN} <a href="Patient/7">x</a><img alt="{URN}" src=\'Patient/7\'/></div>'
    expected["contained"][0]["for"]["reference"] = "Patient/7"
    expected["instantiatesUri"][1] = "Patient/7"
    expected["identifier"][0]["system"] = "Patient/7"
    expected["subject"]["reference"] = "Patient/7"
    expected["_description"]["extension"][0]["valueUuid"] = "Patient/7"
    expected["extension"][0]["extension"][0]["valueUri"] = "Patient/7"
    expected["note"][0]["authorReference"]["reference"] = "Patient/7"
    assert rewritten(everywhere(URN), {URN: "Patient/7"}) == expected


def test_canonicals_are_not_rewritten() -> None:
    response = {"resourceType": "QuestionnaireResponse", "questionnaire": URN, "subject": {"reference": URN}}
    assert rewritten(response, {URN: "Patient/7"}) == {**response, "subject": {"reference": "Patient/7"}}


def test_relative_and_conditional_links_are_rewritten_when_they_are_keys() -> None:
    task = {
        "resourceType": "Task",
        "for": {"reference": "Patient?identifier=1"},
        "owner": {"reference": "Organization/1"},
    }
    assert rewritten(task, {"Patient?identifier=1": "Patient/8", "Organization/1": "Organization/9"}) == {
        "resourceType": "Task",
        "for": {"reference": "Patient/8"},
        "owner": {"reference": "Organization/9"},
    }


def test_rewriting_changes_nothing_in_place_and_keeps_what_is_untouched() -> None:
    before = everywhere(URN)
    kept = json.dumps(before)
    after = rewritten(before, {URN: "Patient/7"})
    assert json.dumps(before) == kept
    assert list(after) == list(before)
    assert rewritten(before, {"urn:uuid:other": "Patient/7"}) is before


@pytest.mark.parametrize("text", examples()[::7])
def test_there_and_back_again_is_the_same(text: str) -> None:
    resource = read(text)
    links = {link: f"urn:uuid:{number}" for number, (_, _, link) in enumerate(each(resource))}
    back = {urn: link for link, urn in links.items()}
    assert write(rewritten(rewritten(resource, links), back)) == write(resource)


def test_an_unknown_shape_does_not_stop_the_rewriting() -> None:
    odd = {"resourceType": "Nothing", "a": [[{"reference": URN}], 1, None], "b": {"resourceType": 5}}
    assert rewritten(odd, {URN: "Patient/7"})["a"][0][0] == {"reference": "Patient/7"}
