"""Expression → SQL condition over a type's table; the only place that builds a query's conditions.

https://www.postgresql.org/docs/current/functions-array.html, https://www.postgresql.org/docs/current/functions-range.html

Names come from the registry of parameters alone, values always travel as parameters. Each condition has the form that
its column's index serves: overlap for arrays, range operators for times, equality for single references. A condition
on an absent value is null, which counts as false; so a negation asks whether its part is not true.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sharedplan.search import expression as e
from sharedplan.search.matching import members
from sharedplan.search.parameters import OWN_COLUMNS, Parameter
from sharedplan.search.values import string, token, uri
from sharedplan.search.values.entry import capped


def condition(expression: e.Expression, type: str, parameters: list[Any], alias: str = "r") -> str:
    """The SQL that is true of the rows of the type's table, under that alias, which meet the expression.

    Appends to `parameters`; the placeholders go on from its length. The text can stand beside AND as it is.
    """
    return _Compiling(type, parameters, alias).sql(expression)


class _Compiling:
    def __init__(self, type: str, parameters: list[Any], alias: str) -> None:
        self.type, self.parameters, self.alias = type, parameters, alias

    def sql(self, expression: e.Expression) -> str:
        match expression:
            case e.Everything():
                return "true"
            case e.Nothing():
                return "false"
            case e.And(parts):
                return _joined(" and ", [self.sql(part) for part in parts], "true")
            case e.Or(parts):
                return _joined(" or ", [self.sql(part) for part in _merged(parts)], "false")
            case e.Not(e.Missing(parameter)):
                return "true" if parameter.code in OWN_COLUMNS else f"{self.column(parameter)} is not null"
            case e.Not(part):
                return f"({self.sql(part)}) is not true"
            case e.HasId(ids):
                return self.one_of(f"{self.alias}.id", ids)
            case e.Updated(since, until):
                return self.updated(since, until)
            case e.InCompartment():
                return self.sql(members(expression, self.type))
            case e.Missing(parameter):
                return "false" if parameter.code in OWN_COLUMNS else f"{self.column(parameter)} is null"
            case e.HasToken(parameter):
                return self.overlap(parameter, [token.entry(expression)])
            case _Entries(parameter, entries):
                return self.overlap(parameter, entries)
            case e.RefersTo(parameter, references):
                if parameter.is_scalar:
                    return self.one_of(self.column(parameter), references)
                return self.overlap(parameter, references)
            case e.InTime():
                return self.in_time(expression)
            case e.HasText():
                return self.has_text(expression)
            case e.HasUri():
                return self.has_uri(expression)
        raise TypeError(f"no SQL for {expression!r}")

    def bind(self, value: Any, type: str) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters)}::{type}"

    def column(self, parameter: Parameter, suffix: str = "") -> str:
        return f'{self.alias}."{parameter.column}{suffix}"'

    def one_of(self, column: str, values: tuple[str, ...]) -> str:
        if len(values) == 1:
            return f"{column} = {self.bind(values[0], 'text')}"
        return f"{column} = any({self.bind(list(values), 'text[]')})"

    def overlap(self, parameter: Parameter, entries: Iterable[str]) -> str:
        return f"{self.column(parameter)} && {self.bind(list(entries), 'text[]')}"

    def updated(self, since: datetime | None, until: datetime | None) -> str:
        parts = []
        if since is not None:
            parts.append(f"{self.alias}.last_updated >= {self.bind(since, 'timestamptz')}")
        if until is not None:
            parts.append(f"{self.alias}.last_updated < {self.bind(until, 'timestamptz')}")
        return _joined(" and ", parts, "true")

    def in_time(self, asked: e.InTime) -> str:
        """One range by itself; of several, first the range that encloses all, which the index has, then each."""
        low = self.bind(asked.low, "timestamptz") if asked.prefix != "gt" else ""  # a placeholder must be used
        high = self.bind(asked.high, "timestamptz") if asked.prefix != "lt" else ""
        if asked.parameter.is_scalar:
            return _in_range(asked.prefix, self.column(asked.parameter), low, high)
        enclosing = _may_be_in_range(asked.prefix, self.column(asked.parameter, "_span"), low, high)
        each = _in_range(asked.prefix, "v", low, high)
        return f"({enclosing} and exists (select from unnest({self.column(asked.parameter)}) v where {each}))"

    def has_text(self, asked: e.HasText) -> str:
        if asked.how == "exact":
            return self.overlap(asked.parameter, [string.exactly(asked.text)])
        if asked.how == "contains":
            pattern = self.bind(f"%{_literally(asked.text)}%", "text")
            return self.any_entry(asked.parameter, f"v like {pattern} and v not like '{string.EXACT}%'")
        pattern = self.bind(f"{_literally(string.beginning(asked.text))}%", "text")
        return self.any_entry(asked.parameter, f"v like {pattern}")

    def has_uri(self, asked: e.HasUri) -> str:
        if asked.how == "exact":
            return self.overlap(asked.parameter, [capped(asked.uri)])
        if asked.how == "above":
            return self.overlap(asked.parameter, uri.ancestors(asked.uri))
        start = uri.beneath(asked.uri)
        itself, pattern = self.bind(start[:-1], "text"), self.bind(f"{_literally(start)}%", "text")
        return self.any_entry(asked.parameter, f"v = {itself} or v like {pattern}")

    def any_entry(self, parameter: Parameter, holds: str) -> str:
        return f"exists (select from unnest({self.column(parameter)}) v where {holds})"


class _Entries(e.Expression):
    """Alternatives of one parameter that are all found by index entries: one look into the index for all of them."""

    __match_args__ = ("parameter", "entries")
    __slots__ = ("entries", "parameter")

    def __init__(self, parameter: Parameter, entries: list[str]) -> None:
        self.parameter, self.entries = parameter, entries


def _merged(parts: tuple[e.Expression, ...]) -> list[e.Expression]:
    """The alternatives, with tokens, and with references, of one parameter drawn together."""
    tokens: dict[Parameter, list[str]] = {}
    references: dict[Parameter, list[str]] = {}
    ids: list[str] = []
    others: list[e.Expression] = []
    for part in parts:
        match part:
            case e.HasToken(parameter):
                tokens.setdefault(parameter, []).append(token.entry(part))
            case e.RefersTo(parameter, named):
                references.setdefault(parameter, []).extend(named)
            case e.HasId(named):
                ids.extend(named)
            case _:
                others.append(part)
    return [
        *(_Entries(parameter, found) for parameter, found in tokens.items()),
        *(e.RefersTo(parameter, tuple(found)) for parameter, found in references.items()),
        *([e.HasId(tuple(ids))] if ids else []),
        *others,
    ]


def _joined(word: str, parts: list[str], empty: str) -> str:
    if len(parts) < 2:
        return parts[0] if parts else empty
    return f"({word.join(parts)})"


def _in_range(prefix: str, column: str, low: str, high: str) -> str:
    """One range against [low, high), as the standard words the prefixes. https://hl7.org/fhir/R4/search.html#prefix"""
    value, above, below = f"tstzrange({low}, {high})", f"tstzrange({high}, null)", f"tstzrange(null, {low})"
    match prefix:
        case "eq":
            return f"{column} <@ {value}"
        case "ne":
            return f"not {column} <@ {value}"
        case "gt":
            return f"{column} && {above}"
        case "lt":
            return f"{column} && {below}"
        case "ge":
            return f"({column} && {above} or {column} <@ {value})"
        case "le":
            return f"({column} && {below} or {column} <@ {value})"
        case "sa":
            return f"{column} >> {value}"
        case "eb":
            return f"{column} << {value}"
    return f"{column} && {value}"  # ap


def _may_be_in_range(prefix: str, span: str, low: str, high: str) -> str:
    """What holds of the enclosing range when it holds of one that it encloses."""
    match prefix:
        case "ne":
            return f"{span} is not null"
        case "gt" | "sa":
            return f"{span} && tstzrange({high}, null)"
        case "lt" | "eb":
            return f"{span} && tstzrange(null, {low})"
        case "ge":
            return f"{span} && tstzrange({low}, null)"
        case "le":
            return f"{span} && tstzrange(null, {high})"
    return f"{span} && tstzrange({low}, {high})"


def _literally(text: str) -> str:
    """The text as a LIKE pattern that matches only itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
