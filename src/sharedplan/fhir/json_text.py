"""JSON text in and out without loss: the one reader and the one writer of everything that clients send.

Numbers keep their digits, members their order, and whatever another reader could understand differently is refused:
names given twice, NaN, numbers that overflow, control characters, lone surrogates, bottomless nesting.

https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/datatypes.html#decimal
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, Never

import orjson

from sharedplan.errors import Incorrect, Issue

MAX_DEPTH = 64
MAX_COMMAS = 500_000  # of a body, before it is read: about a second's reading, in which all others wait
MAX_VALUES = 100_000  # of one resource: checking more takes longer than others should wait for their turn
MAX_DIGITS = 40
MAX_EXPONENT = 308  # beyond it a double overflows, and most other readers keep numbers in doubles

_BYTE_ORDER_MARK = "\ufeff"
_SUSPECT_ESCAPE = re.compile(r"\\[bfu]")
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")  # https://hl7.org/fhir/R4/datatypes.html#string
_TOLD = 100  # flaws
_QUICK_INTEGER = 18  # so many digits always fit into 64 bits


class Number(Decimal):
    """A JSON number that is no 64-bit integer; `literal` is how it was written."""

    __slots__ = ("literal",)
    literal: str

    def __new__(cls, literal: str) -> "Number":
        number = super().__new__(cls, literal)
        number.literal = literal
        return number

    def __reduce__(self) -> tuple[type["Number"], tuple[str]]:
        return Number, (self.literal,)

    def __copy__(self) -> "Number":
        return self

    def __deepcopy__(self, memo: Any) -> "Number":
        return self


class _Flawed(Exception):
    """The text is JSON by its grammar, but holds something we refuse."""


class _Flaw:
    """Stands in the tree where something is wrong, so that its path can be told."""

    def __init__(self, saying: str, inside: dict[str, Any] | None = None) -> None:
        self.saying, self.inside = saying, inside


def read(body: bytes | str, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value that the text holds: objects as dicts, integers as int, other numbers as Number.

    Raises Incorrect, saying where: the line and column of a fault of grammar, the path of what is refused besides.
    """
    text = _decoded(body)
    if len(text) > MAX_COMMAS and text.count(",") > MAX_COMMAS:
        raise Incorrect(f"This holds more than {MAX_COMMAS:,} values, which no resource or Bundle needs.")
    try:
        value = _STRICT.decode(text)
    except json.JSONDecodeError as fault:
        raise Incorrect(f"This is not JSON: {_in_words(fault)} (line {fault.lineno}, column {fault.colno}).") from None
    except RecursionError:
        raise _too_deep(max_depth) from None
    except _Flawed:
        raise Incorrect(issues=_flaws(text)) from None
    if text.count("{") + text.count("[") > max_depth and is_deeper(value, max_depth):
        raise _too_deep(max_depth)
    if _SUSPECT_ESCAPE.search(text) and (flaws := list(islice(_bad_strings(value, _root(value)), _TOLD))):
        raise Incorrect(issues=flaws)
    return value


def write(value: Any, *, pretty: bool = False) -> str:
    """The value as JSON text, compact or indented by two; each Number as it was read."""
    return orjson.dumps(value, _plain, orjson.OPT_INDENT_2 if pretty else None).decode()


def _plain(value: Any) -> orjson.Fragment:
    if isinstance(value, Number):
        return orjson.Fragment(value.literal)
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def _decoded(body: bytes | str) -> str:
    if isinstance(body, str):
        text = body
        if (found := re.search("[\ud800-\udfff]", text)) is not None:
            raise Incorrect(f"This is not text: half a character stands alone {_position(text, found.start())}.")
    else:
        try:
            text = body.decode()
        except UnicodeDecodeError as fault:
            before = body[: fault.start].decode(errors="replace")
            raise Incorrect(f"This is not UTF-8: a wrong byte stands {_position(before, len(before))}.") from None
    return text.removeprefix(_BYTE_ORDER_MARK)


def _position(text: str, at: int) -> str:
    return f"in line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def _in_words(fault: json.JSONDecodeError) -> str:
    """What the decoder found, said to somebody who has to mend it."""
    rest = fault.doc[fault.pos :].lstrip()
    if not fault.doc.strip():
        return "there is no text"
    if not rest:
        return "the text ends too early"
    if fault.msg == "Expecting value" and rest[0] in "}]":
        return f"a value is missing, or there is a comma too many, before {rest[0]!r}"
    return _WORDS.get(fault.msg, fault.msg[:1].lower() + fault.msg[1:])


_WORDS = {
    "Expecting value": "a value is missing or misspelt",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting property name enclosed in double quotes": "a quoted name is missing, or there is a comma too many",
    "Illegal trailing comma before end of object": "there is a comma too many",
    "Illegal trailing comma before end of array": "there is a comma too many",
    "Extra data": "there is more text after the end",
    "Unterminated string starting at": "a string has no closing quote",
    "Invalid control character at": "a line break or other control character stands in a string; write it as \\n",
    "Invalid \\escape": "a backslash in a string is followed by something that is no escape",
    "Invalid \\uXXXX escape": "\\u in a string needs four hexadecimal digits",
}


def _too_deep(max_depth: int) -> Incorrect:
    return Incorrect(issues=[Issue("too-costly", f"The JSON is nested deeper than {max_depth} levels.")])


def is_deeper(value: Any, max_depth: int = MAX_DEPTH) -> bool:
    """Whether objects and arrays are nested deeper than so many levels, and the text could not be read again."""
    level = [value]
    for _ in range(max_depth):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent if type(parent) is list else ())
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def excess(value: dict[str, Any]) -> str | None:
    """What there is too much of in the object: "levels" or "values", at any depth; None when it is within both."""
    level: list[Any] = [value]
    left = MAX_VALUES
    for _ in range(MAX_DEPTH):
        below = []
        for parent in level:
            left -= len(parent)
            for child in parent.values() if type(parent) is dict else parent:
                if type(child) is dict or type(child) is list:
                    below.append(child)
        if left < 0:
            return "values"
        if not below:
            return None
        level = below
    return "levels"


# The strict pass raises at the first flaw; only then a second pass goes over the text, to name each with its path.


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise _Flawed
    return found


def _integer(literal: str) -> int | Number:
    if len(literal) <= _QUICK_INTEGER and literal != "-0":
        return int(literal)
    if len(literal) > MAX_DIGITS:
        raise _Flawed
    number = int(literal)
    return number if -(2**63) <= number < 2**63 and literal != "-0" else Number(literal)


def _decimal(literal: str) -> Number:
    if len(literal) > MAX_DIGITS:
        raise _Flawed
    try:
        number = Number(literal)
    except ArithmeticError:  # an exponent that not even a Decimal can hold
        raise _Flawed from None
    if not -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise _Flawed
    return number


def _constant(literal: str) -> Never:
    raise _Flawed


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)


def _marked_object(members: list[tuple[str, Any]]) -> Any:
    found = dict(members)
    if len(found) == len(members):
        return found
    names = [name for name, _ in members]
    twice = next(name for name in names if names.count(name) > 1)
    return _Flaw(f"{_shown(twice)} is given twice in one object; only one of them can be meant.", found)


def _marked_number(literal: str) -> Any:
    try:
        return _decimal(literal)
    except _Flawed:
        what = f"longer than {MAX_DIGITS} characters" if len(literal) > MAX_DIGITS else "outside what can be kept"
        return _Flaw(f"The number {_shown(literal)} is {what}.")


def _marked_constant(literal: str) -> _Flaw:
    return _Flaw(f"{literal} is no JSON number.")


_MARKING = json.JSONDecoder(
    object_pairs_hook=_marked_object,
    parse_int=_marked_number,
    parse_float=_marked_number,
    parse_constant=_marked_constant,
)


def _flaws(text: str) -> list[Issue]:
    try:
        value = _MARKING.decode(text)
        return list(islice(_marks(value, _root(value)), _TOLD))
    except (json.JSONDecodeError, RecursionError):  # the grammar breaks after the flaw, or bottomless nesting follows
        return [Issue("invalid", "The JSON holds a name twice or a number that cannot be kept, and later breaks off.")]


def _marks(value: Any, path: str) -> Iterator[Issue]:
    if isinstance(value, _Flaw):
        yield Issue("invalid", value.saying, path or None)
        value = value.inside
    for at, child in _children(value, path):
        yield from _marks(child, at)


def _bad_strings(value: Any, path: str) -> Iterator[Issue]:
    if isinstance(value, str):
        if (found := _NOT_TEXT.search(value)) is not None:
            what = "half a character (a lone surrogate)" if found[0] > "\ud7ff" else "a control character"
            yield Issue("invalid", f"The text holds {what}, \\u{ord(found[0]):04x}.", path or None)
        return
    if isinstance(value, dict):
        for name in value:
            if _NOT_TEXT.search(name):
                yield Issue("invalid", "A name holds a control character or half a character.", path or None)
    for at, child in _children(value, path):
        yield from _bad_strings(child, at)


def _children(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield (f"{path}.{name}" if path else name), child
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield f"{path}[{index}]", child


def _root(value: Any) -> str:
    if isinstance(value, _Flaw):
        value = value.inside
    named = value.get("resourceType") if isinstance(value, dict) else None
    return named if isinstance(named, str) and named.isalpha() and named.isascii() else ""


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")
