"""Primitive types: what is one and what is not."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedplan.fhir.json_text import read
from sharedplan.fhir.primitives import PRIMITIVES, is_id, shown

GOOD: dict[str, list[Any]] = {
    "base64Binary": ["AAAA", "QQ==", "QUI=", "AA AA\r\nAAAA"],
    "boolean": [True, False],
    "canonical": ["http://x/y|1.0", "#q", "urn:uuid:1"],
    "code": ["a", "a b", "a\tb"],
    "date": ["2025", "2025-06", "2025-06-30", "2024-02-29", "0001", "9999-12-31"],
    "dateTime": [
        "2025",
        "2025-06-03",
        "2025-06-03T00:00:00Z",
        "2025-06-03T23:59:60.1234567+14:00",
        "2025-06-03T10:00:00-03:30",
    ],
    "decimal": [0, -1, read("1.10"), read("1e2"), Decimal("0.5")],
    "id": ["a", "A-1.b", "1" * 64],
    "instant": ["2025-06-03T14:10:00Z", "2025-06-03T14:10:00.123+03:00"],
    "integer": [0, -2147483648, 2147483647],
    "markdown": ["*a*", " "],
    "oid": ["urn:oid:1.2.3", "urn:oid:2.0"],
    "positiveInt": [1, 2147483647],
    "string": ["a", " ", "a\nb", "ä😀"],
    "time": ["00:00:00", "23:59:59.999"],
    "unsignedInt": [0, 2147483647],
    "uri": ["http://x", "urn:oid:1", "Patient/1", "|"],
    "url": ["http://x"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "xhtml": ["<div/>"],
}
BAD: dict[str, list[Any]] = {
    "base64Binary": ["", "A", "AAA", "AAAA=", "A===", "ÄÄÄÄ", 1],
    "boolean": ["true", 1, 0, "", None],
    "canonical": ["", "a b", 1],
    "code": ["", " a", "a ", "a  b", 1, True, ["a"]],
    "date": [
        "",
        "25",
        "2025-13",
        "2025-00",
        "2025-02-29",
        "2025-04-31",
        "2025-06-03T10:00:00Z",
        "0000",
        "2025-6-3",
        2025,
    ],
    "dateTime": [
        *("2025-06-03T10:00:00", "2025-06-03T10:00Z", "2025-06-03T24:00:00Z", "2025-06T10:00:00Z"),
        *("2025-06-03 10:00:00Z", "2025-02-30T10:00:00Z", "2025-06-03T10:00:00+15:00", "2025-06-03T10:00:00z", 1),
    ],
    "decimal": ["1", True, None, 1.5],
    "id": ["", "a_b", "a b", "ä", "1" * 65, "a\n", 1],
    "instant": ["2025", "2025-06-03", "2025-06-03T14:10:00", 1],
    "integer": ["1", True, 2147483648, -2147483649, read("1.0"), read("-0"), None],
    "markdown": ["", 1],
    "oid": ["1.2.3", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.02"],
    "positiveInt": [0, -1, "1", True],
    "string": ["", 1, None, "a" * (1024 * 1024 + 1)],
    "time": ["24:00:00", "10:00", "10:00:00Z", 1],
    "unsignedInt": [-1, read("0.0"), "0"],
    "uri": ["", " ", "http://x y", "a\n", 1],
    "url": ["a b"],
    "uuid": ["c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520", 17],
    "xhtml": ["", 1],
}


@pytest.mark.parametrize(("type", "value"), [(type, value) for type in GOOD for value in GOOD[type]])
def test_values_of_a_type_fit(type: str, value: Any) -> None:
    assert PRIMITIVES[type].fits(value)


@pytest.mark.parametrize(("type", "value"), [(type, value) for type in BAD for value in BAD[type]])
def test_other_values_do_not_fit(type: str, value: Any) -> None:
    assert not PRIMITIVES[type].fits(value)


def test_every_type_was_asked_both_ways() -> None:
    assert GOOD.keys() == BAD.keys() == PRIMITIVES.keys()


@given(st.one_of(st.text(), st.integers(), st.none(), st.booleans(), st.lists(st.text()), st.decimals()))
def test_any_value_can_be_asked(value: Any) -> None:
    assert {type(primitive.fits(value)) for primitive in PRIMITIVES.values()} == {bool}
    assert is_id(value) in (True, False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 1}, "an object"),
        ([1], "an array"),
        (None, "null"),
        (True, "true"),
        (read("1.10"), "1.10"),
        (12, "12"),
        ("a\nb", '"a b"'),
        ("x" * 100, '"' + "x" * 57 + '…"'),
    ],
)
def test_a_value_is_shown_shortly(value: Any, text: str) -> None:
    assert shown(value) == text


def test_a_text_that_is_too_long_is_told_so() -> None:
    assert all("1 MiB" in PRIMITIVES[type].looks for type in ("string", "markdown"))
