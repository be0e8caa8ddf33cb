"""`_filter`: a condition written as an expression. https://hl7.org/fhir/R4/search_filter.html

given eq "peter" and birthdate ge 2014-10-10
subject.name co pet or not (status in http://example.org/ValueSet/open)

Each test is of a search parameter, or of one that a chain of references leads to, and means what the same question
means as a parameter. Where `and` and `or` meet, parentheses must say what belongs together, for a reader who takes it
the other way would see the wrong resources. Filters within a path (`name[…].name`) are not done here.
"""

import re
from dataclasses import dataclass

import orjson

from sharedplan.errors import Incorrect
from sharedplan.search import expression as e
from sharedplan.search import filters
from sharedplan.search.filters import Asking, Unknown
from sharedplan.search.parameters import PARAMETERS, SOUNDS, Parameter
from sharedplan.search.values import string

NAME = "_filter"

MOST_TESTS = 100
MOST_DEPTH = 20
"""Parentheses that may lie within each other."""

_NAME = r"[A-Za-z_][\w-]*(?::[A-Za-z]+)?"
_PATH = re.compile(rf"({_NAME}(?:\.{_NAME})*)(?=[\s\[]|$)", re.ASCII)
_OPERATOR = re.compile(r"[a-z]{2}(?=\s)")
_LOGICAL = re.compile(r"(and|or)(?=[\s(]|$)")
_NOT = re.compile(r"not\s*\(")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"(?=[\s)\]]|$)')
_TOKEN = re.compile(r'[^\s)\]"][^\s)\]]*')
_BARE_COMMA = re.compile(r"(\\.)|,", re.DOTALL)

_OF_RANGES = frozenset({"date", "number", "quantity"})
_PREFIXES = frozenset({"gt", "lt", "ge", "le", "ap", "sa", "eb"})
_MODIFIERS = {"ss": "below", "sb": "above", "in": "in", "ni": "not-in"}
_OPERATORS = frozenset({"eq", "ne", "co", "sw", "pr", "re", *_PREFIXES, *_MODIFIERS})
_LEFT_OUT = frozenset({"ew", "po"})
_WITH_SEPARATORS = frozenset({"token", "quantity", "composite", "special"})


def parse(type: str, text: str, asking: Asking) -> e.Expression:
    """The condition that the expression asks of resources of the type.

    Raises Incorrect, saying where it goes wrong, and Unknown for a parameter or operator that there is not.
    """
    reader = _Reader(type, text, asking)
    found = reader.tests(0)
    if reader.at < len(text):
        raise reader.wrong("and, or, or the end")
    return found


@dataclass(slots=True)
class _Reader:
    """The expression, and how far it has been read."""

    type: str
    text: str
    asking: Asking
    at: int = 0
    count: int = 0

    def tests(self, depth: int) -> e.Expression:
        """Tests that `and`, or `or`, joins."""
        parts, word = [self.test(depth)], ""
        while found := self.taken(_LOGICAL):
            if word and found != word:
                raise Incorrect(f"{NAME}: where and and or meet, parentheses say what belongs together")
            word = found
            parts.append(self.test(depth))
        if len(parts) == 1:
            return parts[0]
        return e.And(tuple(parts)) if word == "and" else e.Or(tuple(parts))

    def test(self, depth: int) -> e.Expression:
        if depth > MOST_DEPTH:
            raise Incorrect(f"{NAME}: more than {MOST_DEPTH} parentheses lie within each other")
        self.skip()
        is_negated = self.taken(_NOT) is not None
        if is_negated or self.text.startswith("(", self.at):
            self.at += 0 if is_negated else 1
            found = self.tests(depth + 1)
            if not self.text.startswith(")", self.at):
                raise self.wrong("a closing parenthesis")
            self.at += 1
            self.skip()
            return e.Not(found) if is_negated else found
        self.count += 1
        if self.count > MOST_TESTS:
            raise Incorrect(f"{NAME} takes at most {MOST_TESTS} tests")
        path = self.needed(_PATH, "a search parameter, or not and a parenthesis")
        if self.text.startswith("[", self.at):
            raise Unknown(f"{NAME}: a filter within a path is not supported")
        operator = self.needed(_OPERATOR, "an operator")
        if operator not in _OPERATORS:
            raise Unknown(
                f"{NAME}: the operator {operator} is not supported" if operator in _LEFT_OUT else _other(operator)
            )
        return _test(self.type, path, operator, self.value(), self.asking)

    def value(self) -> str:
        if (quoted := self.taken(_STRING)) is None:
            return self.needed(_TOKEN, "a value")
        try:
            found = str(orjson.loads(quoted))
        except orjson.JSONDecodeError:
            raise Incorrect(f"{NAME}: {quoted[:60]} is not a string as JSON writes it") from None
        if "\x00" in found:
            raise Incorrect(f"{NAME}: a value has characters that are not text")
        return found

    def needed(self, pattern: re.Pattern[str], what: str) -> str:
        found = self.taken(pattern)
        if found is None:
            raise self.wrong(what)
        return found

    def taken(self, pattern: re.Pattern[str]) -> str | None:
        """What matches here, with the space after it left behind; None when nothing does."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        self.skip()
        return found[0]

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def wrong(self, wanted: str) -> Incorrect:
        here = self.text[self.at : self.at + 20]
        return Incorrect(f"{NAME}: {wanted} is wanted at character {self.at + 1}, before {here or 'the end'!r}")


def _other(operator: str) -> str:
    return f"{NAME}: there is no operator {operator}; there are {', '.join(sorted(_OPERATORS))}"


def _test(type: str, path: str, operator: str, value: str, asking: Asking) -> e.Expression:
    """One test, of what the path leads to from a resource of that type."""
    first, dot, rest = path.partition(".")
    code, colon, target = first.partition(":")
    parameter = PARAMETERS[type].get(code)
    if parameter is None or (colon and not dot):
        raise filters.unknown(type, first)
    if dot:
        return filters.chained(
            parameter, target or None, rest, lambda each, further: _test(each, rest, operator, value, further), asking
        )
    return _of_parameter(type, parameter, operator, value, asking)


def _of_parameter(type: str, parameter: Parameter, operator: str, value: str, asking: Asking) -> e.Expression:
    """Raises Incorrect for an operator that says nothing about values of that kind."""
    code, kind = parameter.code, parameter.type
    is_plain_text = kind == "string" and code != SOUNDS
    escaped = _escaped(parameter, value)
    match operator:
        case "pr" if value in ("true", "false"):
            return filters.filter(type, f"{code}:missing", "false" if value == "true" else "true", asking)
        case "pr":
            raise Incorrect(f"{NAME}: {code} pr is followed by true or false")
        case "eq" if is_plain_text:
            return e.HasEntry(parameter, (string.beginning(string.asked_for(code, escaped)),))
        case "eq":
            return filters.filter(type, code, f"eq{escaped}" if kind in _OF_RANGES else escaped, asking)
        case "ne" if kind in _OF_RANGES:
            return filters.filter(type, code, f"ne{escaped}", asking)
        case "ne" if not parameter.many:
            is_equal = _of_parameter(type, parameter, "eq", value, asking)
            return e.And((e.Not(e.Missing(parameter)), e.Not(is_equal)))
        case "ne":
            raise Incorrect(f"{NAME}: {code} may have several values, so ask not ({code} eq …)")
        case "co" | "sw" if is_plain_text:
            return filters.filter(type, f"{code}:contains" if operator == "co" else code, escaped, asking)
        case "ss" | "sb" | "in" | "ni" if kind == "token":
            return filters.filter(type, f"{code}:{_MODIFIERS[operator]}", escaped, asking)
        case "re" if kind == "reference":
            return filters.filter(type, code, escaped, asking)
        case _ if operator in _PREFIXES and kind in _OF_RANGES:
            return filters.filter(type, code, f"{operator}{escaped}", asking)
    raise Incorrect(f"{NAME}: {operator} says nothing about {code}, which is a {kind}")


def _escaped(parameter: Parameter, value: str) -> str:
    """The value as a parameter's: it is one, whatever commas it has, and its bars part it only where bars do."""
    if parameter.type in _WITH_SEPARATORS:
        return _BARE_COMMA.sub(lambda found: found[1] or "\\,", value)
    return value.replace("\\", "\\\\").replace(",", "\\,")
