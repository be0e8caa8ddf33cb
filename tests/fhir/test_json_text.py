"""JSON in and out: nothing is lost, nothing ambiguous comes in, and only our own errors come out."""

import copy
import json
import pickle
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from published import examples
from sharedplan.errors import Incorrect
from sharedplan.fhir.json_text import Number, is_deeper, read, write

LITERALS = ["1.10", "1e2", "-0.0", "-0", "100000000000000000000.5", "0.000", "1E+2", "12345678901234567890", "1.0e-10"]


def issues(body: bytes | str) -> list[tuple[str | None, str]]:
    with pytest.raises(Incorrect) as refused:
        read(body)
    return [(issue.at, issue.saying) for issue in refused.value.issues]


@pytest.mark.parametrize("literal", LITERALS)
def test_numbers_keep_their_digits(literal: str) -> None:
    assert (
        write(read(f'{{"value":[{literal},{{"deep":{literal}}}]}}')) == f'{{"value":[{literal},{{"deep":{literal}}}]}}'
    )


@pytest.mark.parametrize("literal", LITERALS)
def test_a_number_that_keeps_its_digits_is_a_decimal_too(literal: str) -> None:
    number = read(literal)
    assert number == Decimal(literal)
    assert isinstance(number, Number) and number.literal == literal


@pytest.mark.parametrize("literal", ["0", "-1", "9223372036854775807", "-9223372036854775808"])
def test_a_whole_number_of_64_bits_is_an_int(literal: str) -> None:
    assert read(literal) == int(literal) and type(read(literal)) is int


def test_copies_of_a_number_keep_its_digits() -> None:
    number = read("1.10")
    assert [one.literal for one in (copy.copy(number), copy.deepcopy(number), pickle.loads(pickle.dumps(number)))] == [
        "1.10"
    ] * 3


def test_decimals_of_our_own_are_written_plainly() -> None:
    assert write({"value": Decimal("2.50")}) == '{"value":2.50}'


def test_what_is_no_json_value_is_not_written() -> None:
    with pytest.raises(TypeError):
        write({"value": object()})
    with pytest.raises(TypeError):
        write({"value": Decimal("NaN")})


def test_members_keep_their_order() -> None:
    assert write(read('{"b":1,"a":{"z":1,"y":[{"d":1,"c":2}]}}')) == '{"b":1,"a":{"z":1,"y":[{"d":1,"c":2}]}}'


def test_pretty_text_says_the_same() -> None:
    value = read('{"a":[1.10,{"b":"ä"}]}')
    assert write(value, pretty=True) == '{\n  "a": [\n    1.10,\n    {\n      "b": "ä"\n    }\n  ]\n}'


@pytest.mark.parametrize("text", examples())
def test_the_examples_of_the_standard_survive(text: str) -> None:
    assert write(read(text)) == text


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
STRINGS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[chr(c) for c in range(32) if chr(c) not in "\t\n\r"])
)
VALUES: st.SearchStrategy[str] = st.recursive(
    st.one_of(
        NUMBERS, STRINGS.map(lambda s: json.dumps(s, ensure_ascii=False)), st.sampled_from(["true", "false", "null"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5).map(lambda items: f"[{','.join(items)}]"),
        st.dictionaries(STRINGS, inner, max_size=5).map(
            lambda members: "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{v}" for k, v in members.items()) + "}"
        ),
    ),
    max_leaves=30,
)


@given(VALUES)
@example('{"a":-0.0}')
def test_any_json_survives(text: str) -> None:
    assert write(read(text)) == text
    assert write(read(text.encode())) == text


@given(VALUES)
def test_white_space_and_escapes_change_nothing(text: str) -> None:
    loose = json.dumps(json.loads(text, parse_float=Number, parse_int=Number), default=lambda n: 0, indent=1)
    assert json.loads(write(read(loose))) == json.loads(loose)


@given(st.one_of(st.binary(), st.text(), st.text('[]{},:"\\u0d89etrufalsn1-. \n')))
def test_whatever_comes_only_our_own_error_is_raised(body: bytes | str) -> None:
    try:
        read(body)
    except Incorrect as refused:
        assert refused.issues and all(issue.saying for issue in refused.issues)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "line 1, column 1"),
        ("  ", "line 1, column 3"),
        ('{"a":1,}', "line 1, column 8"),
        ('{"a":\n 1 "b":2}', "line 2, column 4"),
        ("{'a':1}", "line 1, column 2"),
        ('{"a" 1}', "line 1, column 6"),
        ("[1,]", "line 1, column 4"),
        ('{"a":[1}', "line 1, column 8"),
        ("tru", "line 1, column 1"),
        ("{} {}", "line 1, column 4"),
        ('{"a":"', "line 1, column 6"),
        ('{"a":"\n"}', "line 1, column 7"),
        ('"\\x"', "line 1, column 2"),
        ("01", "line 1, column 2"),
        ("+0", "line 1, column 1"),
        ("1.", "line 1, column 2"),
        ('{"a":', "line 1, column 6"),
    ],
)
def test_a_fault_of_grammar_is_told_with_its_place(text: str, place: str) -> None:
    ((at, saying),) = issues(text)
    assert at is None and saying.startswith("This is not JSON: ") and saying.endswith(f"({place}).")


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_calls_a_number_is_refused(literal: str) -> None:
    assert issues(f'{{"resourceType":"Observation","value":{literal}}}') == [
        ("Observation.value", f"{literal} is no JSON number.")
    ]


@pytest.mark.parametrize(
    "literal", ["1e999", "-1e999", "1e-999", "0e999", "1e99999999999999999999", "1" * 41, "9" * 5000, "0." + "1" * 40]
)
def test_numbers_that_others_could_not_keep_are_refused(literal: str) -> None:
    ((at, _),) = issues(f'{{"resourceType":"Observation","component":[{{"value":{literal}}}]}}')
    assert at == "Observation.component[0].value"


def test_a_name_given_twice_is_refused_at_any_depth() -> None:
    found = issues('{"resourceType":"CarePlan","a":[{"b":{"x":1,"x":2}}],"status":"draft","status":"active"}')
    assert [at for at, _ in found] == ["CarePlan", "CarePlan.a[0].b"]
    assert "'status' is given twice" in found[0][1]


def test_all_flaws_are_told_at_once() -> None:
    assert [at for at, _ in issues('{"a":NaN,"b":[1e999,{"c":1,"c":1}]}')] == ["a", "b[0]", "b[1]"]


def test_a_flaw_before_a_fault_of_grammar_is_refused_as_well() -> None:
    assert len(issues('{"a":1,"a":2,"b"')) == 1


@pytest.mark.parametrize("text", [r'"\u0000"', r'"a\u0007"', r'"\b"', r'"\f"', r'"\u001f"'])
def test_control_characters_are_refused_when_escaped(text: str) -> None:
    ((at, saying),) = issues(f'{{"resourceType":"Patient","name":[{{"text":{text}}}]}}')
    assert at == "Patient.name[0].text" and "control character" in saying


@pytest.mark.parametrize("text", ['"\x00"', '"\x07"', '"\t"'])
def test_control_characters_are_refused_when_raw(text: str) -> None:
    assert "control character" in issues(text)[0][1]


def test_tabs_and_line_breaks_are_text_when_escaped() -> None:
    assert read(r'"a\tb\r\n"') == "a\tb\r\n"


@pytest.mark.parametrize("text", [r'"\ud83d"', r'"\ude00\ud83d"', r'"a\udc00b"'])
def test_half_characters_are_refused_when_escaped(text: str) -> None:
    assert "lone surrogate" in issues(text)[0][1]
    assert "half a character" in issues(f"{{{text}:1}}")[0][1]


def test_half_characters_are_refused_when_raw() -> None:
    assert "half a character" in issues('{"a":"\ud83d"}')[0][1]
    assert "not UTF-8" in issues(b'{"a":"\xed\xa0\xbd"}')[0][1]


def test_whole_characters_may_be_escaped() -> None:
    assert write(read(r'"\ud83d\ude00\u00e4"')) == '"😀ä"'


@pytest.mark.parametrize("body", [b"\xff\xfe{\x00}\x00", b'{"a":"\xe4"}', b"\x80", '{"a":1}'.encode("utf-16")])
def test_other_encodings_than_utf8_are_refused(body: bytes) -> None:
    assert "not UTF-8" in issues(body)[0][1]


def test_the_place_of_a_wrong_byte_is_told() -> None:
    assert issues('{\n"ä":"'.encode() + b'\xff"}') == [
        (None, "This is not UTF-8: a wrong byte stands in line 2, column 6.")
    ]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbf{}") == {}


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_nesting_ends_at_64_levels() -> None:
    assert read(nested(64)) is not None
    assert "deeper than 64" in issues(nested(65))[0][1]
    assert "deeper than 64" in issues('{"a":' * 65 + "1" + "}" * 65)[0][1]


@pytest.mark.parametrize("text", [nested(100_000), "[" * 100_000, '{"a":' * 100_000, '{"a":1,"a":' + "[" * 100_000])
def test_bottomless_nesting_is_refused(text: str) -> None:
    assert len(issues(text)) == 1


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert len(read("[" + ",".join(["[]"] * 1000) + "]")) == 1000


def test_the_depth_of_a_value_can_be_asked() -> None:
    value: Any = []
    for _ in range(63):
        value = [value]
    assert not is_deeper(value)
    assert is_deeper({"a": value})


def test_a_body_of_very_many_values_is_refused_before_it_is_read() -> None:
    with pytest.raises(Incorrect, match="more than 500,000 values"):
        read('{"x":[' + "1," * 500_001 + "1]}")
