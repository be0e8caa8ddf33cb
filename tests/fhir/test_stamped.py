"""The text that is stored: as sent, with the id and meta filled in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from published import examples
from sharedplan.fhir.json_text import read, write
from sharedplan.fhir.resources import stamped

AT = "2025-06-03T14:10:00.123456Z"


def stored(text: str) -> str:
    return stamped(read(text), id="7", version=3).at(AT)


def test_id_and_meta_follow_the_resource_type() -> None:
    assert stored('{"resourceType":"Patient","active":true}') == (
        f'{{"resourceType":"Patient","id":"7","meta":{{"versionId":"3","lastUpdated":"{AT}"}},"active":true}}'
    )


def test_what_the_client_placed_stays_in_its_place() -> None:
    text = (
        '{"active":true,"meta":{"lastUpdated":"2001-01-01T00:00:00Z","tag":[{"code":"x"}],"versionId":"99"},'
        '"id":"old","resourceType":"Patient"}'
    )
    assert stored(text) == (
        f'{{"active":true,"meta":{{"lastUpdated":"{AT}","tag":[{{"code":"x"}}],"versionId":"3"}},'
        '"id":"7","resourceType":"Patient"}'
    )


def test_meta_follows_an_id_that_the_client_placed() -> None:
    assert stored('{"resourceType":"Patient","active":true,"id":"old"}') == (
        f'{{"resourceType":"Patient","active":true,"id":"7","meta":{{"versionId":"3","lastUpdated":"{AT}"}}}}'
    )
    assert stored('{"id":"old","resourceType":"Patient"}') == (
        f'{{"id":"7","meta":{{"versionId":"3","lastUpdated":"{AT}"}},"resourceType":"Patient"}}'
    )


def test_stamping_changes_nothing_in_place() -> None:
    resource = read('{"resourceType":"Patient","meta":{"source":"http://x"}}')
    stamped(resource, id="7", version=1)
    assert write(resource) == '{"resourceType":"Patient","meta":{"source":"http://x"}}'


@pytest.mark.parametrize("text", examples())
def test_the_examples_of_the_standard_are_stored_byte_for_byte(text: str) -> None:
    resource = read(text)
    head, _, rest = stored(text).partition(f'"lastUpdated":"{AT}"')
    assert head and rest
    kept = read(stored(text))
    assert kept["id"] == "7" and kept["meta"] == {**resource.get("meta", {}), "versionId": "3", "lastUpdated": AT}
    for each in (kept, resource):
        each.pop("id", None)
        each.pop("meta", None)
    assert write(kept) == write(resource)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_no_text_of_a_client_is_taken_for_the_place_of_the_instant(text: str) -> None:
    resource = {"resourceType": "Patient", "name": [{"text": text, "family": f'"\\u0000"{text}'}]}
    assert json.loads(stamped(resource, id="7", version=1).at(AT)) == {
        **resource,
        "id": "7",
        "meta": {"versionId": "1", "lastUpdated": AT},
    }
