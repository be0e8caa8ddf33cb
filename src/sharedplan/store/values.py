"""Conditions on the values of one parameter, as SQL in the form that its column's index serves; pure.

https://www.postgresql.org/docs/current/functions-array.html, https://www.postgresql.org/docs/current/functions-range.html

Overlap for arrays, range operators for times and numbers, equality for single references, a tsquery for what begins.
A condition on an absent value is null, which counts as false.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sharedplan.search import expression as e
from sharedplan.search.parameters import Parameter
from sharedplan.search.values import lookup, position, string, token, uri
from sharedplan.search.values.entry import capped
from sharedplan.store import own_log, ranges
from sharedplan.store.selectivity import ANCHORS
from sharedplan.store.statements import Statement, linked


@dataclass(frozen=True, slots=True)
class Values:
    """Conditions on what the rows of one type, under an alias, have as values of its parameters."""

    statement: Statement
    type: str
    alias: str

    def sql(self, expression: e.Expression) -> str:
        """The condition. Raises TypeError for what is none on values."""
        match expression:
            case e.HasToken(parameter, _, code) if parameter.code in ANCHORS and code is not None:
                # Without the value the planner makes one plan for good, rather than one each time: 0.4 ms (measured).
                return (
                    f"{self.column(parameter)} && (select {self.statement.bind([token.entry(expression)], 'text[]')})"
                )
            case e.HasToken(parameter):
                return self.overlap(parameter, [token.entry(expression)])
            case e.HasEntry(parameter, entries):
                return self.overlap(parameter, entries)
            case e.RefersTo(parameter, references):
                if parameter.is_scalar:
                    return self.one_of(self.column(parameter), references)
                return self.overlap(parameter, references)
            case e.InTime():
                return self.in_time(expression)
            case e.InRange():
                return self.in_range(expression)
            case e.HasText():
                return self.has_text(expression)
            case e.Begins(_, starts):
                return self.looked_up(lookup.query([[each] for each in starts], prefix=True))
            case e.Identified(parameter, entries):
                return self.looked_up(lookup.query([[lookup.identified(parameter.column, each)] for each in entries]))
            case e.HasUri():
                return self.has_uri(expression)
            case e.HasWords(parameter, text):
                asked = self.statement.bind(text, "text")
                return f"{self.column(parameter)} @@ websearch_to_tsquery('finnish', {asked})"
            case e.Near():
                return self.near(expression)
        raise TypeError(f"no SQL for {expression!r}")

    def missing(self, parameter: Parameter) -> str:
        if parameter.column in ("id", "last_updated"):
            return "false"
        absent = f"{self.column(parameter)} is null"
        if parameter.type == "reference":  # what is named by an identifier alone has no entry in the column
            named = self.looked_up(lookup.query([[lookup.identified(parameter.column, "")]], prefix=True))
            return f"({absent} and ({named}) is not true)"
        return f"({absent})"

    def column(self, parameter: Parameter, suffix: str = "") -> str:
        return f'{self.alias}."{parameter.column}{suffix}"'

    def one_of(self, column: str, values: tuple[str, ...]) -> str:
        if len(values) == 1:
            return f"{column} = {self.statement.bind(values[0], 'text')}"
        return f"{column} = any({self.statement.bind(list(values), 'text[]')})"

    def overlap(self, parameter: Parameter, entries: Iterable[str]) -> str:
        values = self.statement.bind(list(entries), "text[]")
        meets = f"{self.column(parameter)} && {values}"
        whole = own_log.WHOLE.get(parameter.column) if self.type == "AuditEvent" else None
        if whole is not None and own_log.is_cut(self.statement.seen.get(self.type)):  # what is told has no index
            return f"({self.alias}.{whole} && {values} and {meets})"
        return meets

    def looked_up(self, query: str) -> str:
        return f"{self.alias}.lookup @@ {self.statement.bind(query, 'text')}::tsquery"

    def in_time(self, asked: e.InTime) -> str:
        """One range by itself; of several, first the range that encloses all, which the index has, then each."""
        bind = self.statement.bind
        low = bind(asked.low, "timestamptz") if asked.prefix != "gt" else ""  # a placeholder must be used
        high = bind(asked.high, "timestamptz") if asked.prefix != "lt" else ""
        if asked.parameter.is_scalar:
            return ranges.in_time(asked.prefix, self.column(asked.parameter), low, high)
        each = ranges.in_time(asked.prefix, "v", low, high)
        if asked.keys:
            return self.keyed(asked.parameter, asked.keys, each)
        enclosing = ranges.may_be_in_time(asked.prefix, self.column(asked.parameter, "_span"), low, high)
        return f"({enclosing} and exists (select from unnest({self.column(asked.parameter)}) v where {each}))"

    def in_range(self, asked: e.InRange) -> str:
        bind, column = self.statement.bind, self.column(asked.parameter)
        if asked.prefix in ("eq", "ne", "ap"):
            value = f"numrange({bind(asked.low, 'numeric')}, {bind(asked.high, 'numeric')})"
        else:
            value = ranges.beside(asked.prefix, bind(asked.value, "numeric"))
        each = ranges.in_range(asked.prefix, "v", value)
        enclosing = f"{self.column(asked.parameter, '_span')} && {value}" if asked.parameter.has_span else "true"
        if asked.prefix in ("ne", "sa", "eb"):
            enclosing = f"{column} is not null"
        if asked.keys and asked.keys != ("",):
            return f"({enclosing} and {self.keyed(asked.parameter, asked.keys, each)})"
        if asked.keys:
            keys = self.column(asked.parameter, "_key")
            return f"({enclosing} and exists (select from unnest({keys}, {column}) q(k, v) where k = '' and {each}))"
        return f"({enclosing} and exists (select from unnest({column}) v where {each}))"

    def keyed(self, parameter: Parameter, keys: tuple[str, ...], each: str) -> str:
        """One of the ranges beside one of the keys is so."""
        column, wanted = f'{self.alias}."{parameter.key_column}"', self.statement.bind(list(keys), "text[]")
        pairs = f"unnest({column}, {self.column(parameter)}) q(k, v)"
        return f"({column} && {wanted} and exists (select from {pairs} where k = any({wanted}) and {each}))"

    def has_text(self, asked: e.HasText) -> str:
        if asked.how == "exact":
            return self.overlap(asked.parameter, [string.exactly(asked.text)])
        column = asked.parameter.column
        if asked.how == "starts":
            return self.looked_up(lookup.query([[lookup.beginning(column, asked.text)]], prefix=True))
        pattern = self.statement.bind(f"%{_literally(asked.text)}%", "text")
        each = self.any_entry(asked.parameter, f"v like {pattern} and v not like '{string.EXACT}%'")
        pieces = lookup.pieces(column, asked.text)
        if not pieces:
            return each
        return f"({self.looked_up(lookup.query([pieces, [lookup.overflow(column)]]))} and {each})"

    def has_uri(self, asked: e.HasUri) -> str:
        if asked.how == "exact":
            return self.overlap(asked.parameter, [capped(asked.uri)])
        if asked.how == "above":
            return self.overlap(asked.parameter, uri.ancestors(asked.uri))
        start = uri.beneath(asked.uri)
        itself, pattern = self.statement.bind(start[:-1], "text"), self.statement.bind(f"{_literally(start)}%", "text")
        each = self.any_entry(asked.parameter, f"v = {itself} or v like {pattern}")
        beginning = lookup.beginning(asked.parameter.column, start[:-1])
        return f"({self.looked_up(lookup.query([[beginning]], prefix=True))} and {each})"

    def any_entry(self, parameter: Parameter, holds: str) -> str:
        return f"exists (select from unnest({self.column(parameter)}) v where {holds})"

    def near(self, asked: e.Near) -> str:
        column, bind = self.column(asked.parameter), self.statement.bind
        boxes = []
        for south, west, north, east in position.boxes(asked.circle):
            corners = [bind(each, "float8") for each in (south, west, north, east)]
            south_north = f"{column}[1] between {corners[0]} and {corners[2]}"
            boxes.append(f"({south_north} and {column}[2] between {corners[1]} and {corners[3]})")
        circle = (asked.circle.latitude, asked.circle.longitude, asked.circle.metres)
        exact = ranges.within_metres(column, *(bind(each, "float8") for each in circle))
        return f"({linked(' or ', boxes, 'false')} and {exact})"


def _literally(text: str) -> str:
    """The text as a LIKE pattern that matches only itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
