"""Expression → SQL condition over a type's table; the only place that builds a query's conditions.

https://www.postgresql.org/docs/current/functions-array.html, https://www.postgresql.org/docs/current/functions-range.html

Names come from the registry of parameters alone, values always travel as parameters. Each condition has the form that
its column's index serves: overlap for arrays, range operators for times and numbers, equality for single references,
a tsquery for what begins. A condition on an absent value is null, which counts as false; so a negation asks whether
its part is not true. What lies across references is asked of the rows that the asker may see, and of no others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sharedplan.search import expression as e
from sharedplan.search.masking import MASKED, is_masked, may_mask, of_masked, without_places
from sharedplan.search.matching import members
from sharedplan.search.parameters import Parameter
from sharedplan.search.values import lookup, position, string, token, uri
from sharedplan.search.values.entry import capped
from sharedplan.store import own_log, ranges
from sharedplan.store.clients import Clients
from sharedplan.store.projection import projection
from sharedplan.store.reach import led, reach
from sharedplan.store.selectivity import ANCHORS, client_of, is_anchor, is_broad
from sharedplan.store.statements import Statement

MANY = 200
"""Entries that one look into an index is asked for together."""


class Holder(NamedTuple):
    """What rows are contained in: the type, the slice of it, and the alias of the container's own row beside them."""

    type: str
    within: e.Expression
    alias: str = "r"


def condition(
    statement: Statement,
    expression: e.Expression,
    type: str,
    alias: str = "r",
    *,
    is_anchored: bool = False,
    client: str | None = None,
    is_whole: bool = False,
    holder: Holder | None = None,
    is_led: bool = False,
) -> str:
    """The SQL that is true of the rows of the type, under that alias, which meet the expression.

    It can stand beside AND as it is. `is_anchored`: something beside it leaves few rows already. `client`: what stands
    beside it leaves rows of that client alone, so what he allows is asked once. `is_whole`: nothing beside it leaves
    out any. `holder`: the rows are of contained resources (`store/containing.py`), which may be asked for what they
    say; what may be seen is asked of the container. `is_led`: it is asked of few rows, one by one (`leading`).
    """
    slice = e.asker_of(expression)
    asked = _Condition(statement, type, alias, client, is_whole, slice, holder, is_led)
    return asked.sql(expression, is_anchored or is_led)


def masked(
    statement: Statement, within: e.Expression, type: str, alias: str = "r", *, client: str | None = None
) -> str:
    """SQL of whether a safety ban takes something out of the row of the type, under that alias, for whom the slice is
    of; empty when it never does. `client`: as for `condition`."""
    asker = e.asker_of(within)
    if asker is None or not may_mask(type):
        return ""
    contained = "" if type in MASKED else f"{alias}.content -> 'contained' is not null"
    return Clients(statement, type, alias, client).masked(asker, has_something=contained)


def masked_within(statement: Statement, holder: Holder, type: str) -> str:
    """The same of a row of that type which is contained: the ban is that of the container's client. A contained
    Location is a place."""
    asker = e.asker_of(holder.within)
    if asker is None or (type not in MASKED and type != "Location"):
        return ""
    return Clients(statement, holder.type, holder.alias).masked(asker)


def masked_column(
    statement: Statement, within: e.Expression, type: str, alias: str = "r", *, client: str | None = None
) -> str:
    """The same as a column to be selected: `masked`."""
    return f"{masked(statement, within, type, alias, client=client) or 'false'} AS masked"


def unmasked(statement: Statement, parameter: Parameter, alias: str) -> str:
    """The condition, to stand behind others, that what the parameter finds in a row may be told to whoever asks."""
    if not is_masked(parameter):
        return ""
    hidden = masked(statement, statement.seen.get(parameter.resource, e.Nothing()), parameter.resource, alias)
    return f" and ({hidden}) is not true" if hidden else ""


def rows(statement: Statement, type: str, within: e.Expression | None = None) -> str:
    """What the rows of a type are read from: its table, or for a moment that has passed what was in it then.

    What has been superseded since lies in the schema `past`, with all its columns; a view has both. Such a row is
    there only for whom the newest row of the resource is there, too, the last one if it was deleted: what may be seen
    is decided by what is now. `within` is the slice where it is another than the statement's. Most rows are older than
    the moment, so that no index is looked into for it.
    """
    table = source_of(statement, type, statement.seen.get(type))
    if statement.as_of is None:
        return table
    names, moment = ", ".join(projection(type).columns), statement.moment
    if not projection(type).is_superseded:
        names += f", {', '.join(own_log.WHOLE.values())}" if own_log.is_cut(statement.seen.get(type)) else ""
        return f"(select {names} from {table} existing where last_updated <= {moment})"
    ever = projection(type).ever
    there, now = statement.alias(), statement.alias()
    within = statement.seen[type] if within is None else within
    visible = ""
    if not isinstance(within, e.Everything):
        inside = condition(statement, within, type, now, is_anchored=True)
        last = f"not is_succeeded('{type}', {now}.id, {now}.version)"
        newest = f"select from {ever} {now} where {now}.id = {there}.id and {inside} and {last}"
        visible = f" and ({there}.until = 'infinity' or exists ({newest}))"
    return f"""(select {names} from {ever} {there}
        where ({there}.last_updated <= {moment}) is true and {there}.until > {moment}{visible})"""


def source_of(statement: Statement, type: str, within: e.Expression | None) -> str:
    """What the living rows of a type are read from by whom that slice is: its table, but for a client's own log."""
    own = own_log.rows(statement, within) if type == "AuditEvent" else None
    return own or projection(type).table


def leading(statement: Statement, asked: e.Expression, within: e.Expression, type: str, alias: str = "r") -> str:
    """The condition, to stand before what is `asked` of the type's rows and the slice, that leads to what the asker may
    see: where that is little, and what is asked may be met by much that is hidden. Then what is asked is compiled as
    `is_led`, and stands as one that no index is looked into for. Empty where it is to be found by what is asked."""
    seeing = statement.seeing
    if type not in seeing.little and not (type in seeing.some and is_broad(asked)):
        return ""
    return "" if is_anchor(asked, surely=True) or is_anchor(within) else led(statement, within, type, alias)


def written_by(statement: Statement, by: e.WrittenBy, alias: str) -> str:
    """SQL of whether a version, under that alias, was written by them."""
    asked = (("client", by.client), ("organization", by.organization), ("person", by.person))
    same = " and ".join(
        f"{alias}.who ->> '{name}' is not distinct from {statement.bind(value, 'text')}" for name, value in asked
    )
    return f"({same} or {alias}.who ->> 'scopes' is null)"


@dataclass(frozen=True, slots=True)
class _Condition:
    """Conditions on the rows of one type under one alias; of the one client, if there is one; contained in something,
    if there is a holder."""

    statement: Statement
    type: str
    alias: str
    client: str | None = None
    is_whole: bool = False
    slice: e.Permitted | None = None  # whose slice the expression is, when it is one
    holder: Holder | None = None
    is_led: bool = False

    def sql(self, expression: e.Expression, is_anchored: bool = False) -> str:
        if of_masked(expression) and (hidden := self.masked()):
            match expression:
                case e.Missing(parameter):
                    return f"(({hidden}) is true or {self.missing(parameter)})"
                case e.RefersTo() if (others := without_places(expression)).references:
                    found = f"({self.of_parameter(expression)} and ({hidden}) is not true)"
                    return f"({self.of_parameter(others)} or {found})"
            return f"({self.shown(expression, is_anchored)} and ({hidden}) is not true)"
        return self.shown(expression, is_anchored)

    def masked(self) -> str:
        """Whether something of the row is masked for whoever asks; empty when it never is."""
        if self.holder is not None:
            return masked_within(self.statement, self.holder, self.type)
        within = self.slice or self.statement.seen.get(self.type, e.Nothing())
        return masked(self.statement, within, self.type, self.alias)

    def shown(self, expression: e.Expression, is_anchored: bool) -> str:
        """The condition, where nothing is masked."""
        match expression:
            case e.Everything():
                return "true"
            case e.Nothing():
                return "false"
            case e.And(parts):
                return self.all_of(parts, is_anchored or is_anchor(expression))
            case e.Or((*ways, e.Addressed())) if self.is_of_one:  # it names no client
                return self.shown(e.Or(tuple(ways)) if len(ways) > 1 else ways[0], is_anchored)
            case e.Or((e.OfRegister() as own, e.Permitted(None) as others)) if self.is_of_one:
                # What goes by the client alone is cheap, and stands apart, so that it is asked before the second guard.
                clients = Clients(self.statement, self.type, self.alias, self.client)
                register, permitted = self.sql(own), self.sql(others, is_anchored)
                return f"(({register} or {clients.is_let_see(others)}) and ({register} or {permitted}))"
            case e.Or(parts):
                return _joined(" or ", [self.sql(part, is_anchored) for part in _merged(parts)], "false")
            case e.Not(e.Missing(parameter)) if not of_masked(e.Missing(parameter)):
                return f"not {self.missing(parameter)}"
            case e.Not(part):
                return f"({self.sql(part, is_anchored)}) is not true"
            case e.HasId(ids):
                return self.one_of(f"{self.alias}.id", ids)
            case e.Updated(since, until):
                return self.updated(since, until)
            case e.InCompartment() if self.holder is not None:  # what is contained is where its container is
                return _Condition(self.statement, self.holder.type, self.holder.alias).sql(expression, is_anchored)
            case e.InCompartment():
                return self.sql(members(expression, self.type))
            case (
                e.OfRegister()
                | e.OfClient()
                | e.ToldOf()
                | e.Permitted()
                | e.Addressed()
                | e.Opened()
                | e.OfOwnClients()
                | e.WrittenBy()
            ) if self.holder is not None:
                raise TypeError("what may be seen is asked of the container")
            case e.OfRegister(organization):
                return f"{self.alias}.controller = {self.statement.bind(organization, 'text')}"
            case e.ToldOf(client):
                return f"{self.alias}.patient && {self.statement.bind([client], 'text[]')}"
            case e.WrittenBy():
                its = f"w.type = '{self.type}' and w.id = {self.alias}.id and w.version = {self.alias}.version"
                by = written_by(self.statement, expression, "w")
                return f"exists (select from resource_version w where {its} and {by})"
            case e.OfNoOthersSubscription():
                return self.of_no_others_subscription(expression)
            case e.TargetsWithin():
                return self.targets_within(expression)
            case e.OfClient() | e.Permitted() | e.Addressed() | e.Opened() | e.OfOwnClients() | e.OfTargets():
                clients = Clients(self.statement, self.type, self.alias, self.client)
                return clients.sql(expression, is_anchored=is_anchored, is_whole=self.is_whole)
            case e.Missing(parameter):
                return self.missing(parameter)
            case e.Chained():
                return self.chained(expression, is_anchored)
            case e.ReferredBy() if self.holder is not None:
                return "false"  # nothing outside can refer to it
            case e.ReferredBy():
                return self.referred_by(expression, is_anchored)
        return self.of_parameter(expression)

    @property
    def is_of_one(self) -> bool:
        """Whether all rows are of one client that is known."""
        return self.holder is None and Clients(self.statement, self.type, self.alias, self.client).is_of_one

    def of_no_others_subscription(self, asked: e.OfNoOthersSubscription) -> str:
        told = f"{self.alias}.trail ->>"
        doers = (("client_id", asked.client), ("organization", asked.organization), ("person", asked.person))
        own = " and ".join(
            f"{told} '{name}' is not distinct from {self.statement.bind(value, 'text')}" for name, value in doers
        )
        about = f"{told} 'type' is distinct from 'Subscription' or {told} 'resource_id' is null"
        return f"({about} or {own})"

    def all_of(self, parts: tuple[e.Expression, ...], is_anchored: bool) -> str:
        """All of the parts. Beside a reference or an anchor no range is looked for by its index: it would find most of
        the table first, and the planner, which does not see the values, now and then chooses so (340 ms, measured)."""
        is_narrow = is_anchored or any(isinstance(part, e.RefersTo) for part in parts)
        found = []
        for part in parts:
            sql = self.sql(part, is_anchored)
            found.append(f"({sql}) is true" if is_narrow and isinstance(part, (e.InTime, e.InRange)) else sql)
        return _joined(" and ", found, "true")

    def of_parameter(self, expression: e.Expression) -> str:
        """A condition on the values of one parameter."""
        match expression:
            case e.HasToken(parameter, _, code) if parameter.code in ANCHORS and code is not None:
                # Without the value the planner makes one plan for good, rather than one each time: 0.4 ms (measured).
                return (
                    f"{self.column(parameter)} && (select {self.statement.bind([token.entry(expression)], 'text[]')})"
                )
            case e.HasToken(parameter):
                return self.overlap(parameter, [token.entry(expression)])
            case e.HasEntry(parameter, entries) if len(entries) > MANY:
                given = self.statement.bind(list(entries), "text[]")
                return self.found_by(parameter, f"select distinct unnest({given})")
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

    def targets_within(self, asked: e.TargetsWithin) -> str:
        column, parts = f"{self.alias}.target", []
        if asked.without:
            types = self.statement.bind(list(asked.without), "text[]")
            parts.append(f"not exists (select from unnest({column}) v where split_part(v, '/', 1) = any({types}))")
        for type, limit in asked.limits:
            one = self.statement.alias()
            meets = condition(self.statement, limit, type, one, is_anchored=True)
            there = (
                f"select from {projection(type).table} {one} where {one}.id = substr(v, {len(type) + 2}) and {meets}"
            )
            parts.append(
                f"not exists (select from unnest({column}) v where v like '{type}/%' and not exists ({there}))"
            )
        return _joined(" and ", parts, "true")

    def missing(self, parameter: Parameter) -> str:
        if parameter.column in ("id", "last_updated"):
            return "false"
        absent = f"{self.column(parameter)} is null"
        if parameter.type == "reference":  # what is named by an identifier alone has no entry in the column
            named = self.looked_up(lookup.query([[lookup.identified(parameter.column, "")]], prefix=True))
            return f"({absent} and ({named}) is not true)"
        return f"({absent})"

    def updated(self, since: datetime | None, until: datetime | None) -> str:
        parts, alias = [], self.holder.alias if self.holder is not None else self.alias
        if since is not None:
            parts.append(f"{alias}.last_updated >= {self.statement.bind(since, 'timestamptz')}")
        if until is not None:
            parts.append(f"{alias}.last_updated < {self.statement.bind(until, 'timestamptz')}")
        return _joined(" and ", parts, "true")

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
        return f"({_joined(' or ', boxes, 'false')} and {exact})"

    def chained(self, asked: e.Chained, is_anchored: bool) -> str:
        """From this row to what it refers to, when few rows are left to ask; else from there to here."""
        inner = self.statement.alias()
        source = f"{rows(self.statement, asked.type)} {inner}"
        where = self.visible(asked.type, asked.where, inner, is_anchored and not asked.parameter.is_canonical)
        named, parameter = _name(asked.type, inner), asked.parameter
        if parameter.is_canonical:
            return self.found_by(parameter, f"select unnest({inner}.url) from {source} where {where}")
        column, start = self.column(parameter), len(asked.type) + 2
        if is_anchored and parameter.is_scalar:
            there = f"{inner}.id = substr({column}, {start}) and {column} like '{asked.type}/%'"
            return f"exists (select from {source} where {there} and {where})"
        if is_anchored:
            there = f"{inner}.id = substr(v, {start}) where v like '{asked.type}/%'"
            return f"exists (select from unnest({column}) v join {source} on {there} and {where})"
        found = f"select {named} from {source} where {where}"
        return f"{column} = any(array({found}))" if parameter.is_scalar else self.found_by(parameter, found)

    def referred_by(self, asked: e.ReferredBy, is_anchored: bool) -> str:
        parameter, inner = asked.parameter, self.statement.alias()
        source = f"{rows(self.statement, parameter.resource)} {inner}"
        where = self.visible(parameter.resource, asked.where, inner, is_anchored)
        where += unmasked(self.statement, parameter, inner) if self.type == "Location" else ""
        column, start = f'{inner}."{parameter.column}"', len(self.type) + 2
        if parameter.is_canonical:
            return f"exists (select from {source} where {column} && {self.alias}.url and {where})"
        name = _name(self.type, self.alias)
        if is_anchored:
            refers = f"{column} = {name}" if parameter.is_scalar else f"{column} && array[{name}]"
            return f"exists (select from {source} where {refers} and {where})"
        if parameter.is_scalar:
            found = f"select substr({column}, {start}) from {source} where {column} like '{self.type}/%' and {where}"
        else:
            each = f"{source}, unnest({column}) v"
            found = f"select substr(v, {start}) from {each} where v like '{self.type}/%' and {where}"
        return f"{self.alias}.id = any(array({found}))"

    def found_by(self, parameter: Parameter, entries: str) -> str:
        """The parameter's array holds one of many entries, which a statement gives: each is looked up by itself, for
        one look for all of them costs by the square of their number (40,000: above 30 s against 0.6, measured). What is
        found is an array, and each look a query of its own: a plan that is kept knows no values, takes each entry for
        one that a hundredth of the table has, and would rather read all of a large table for each (above 5 s against
        3 ms among a million, measured)."""
        if self.holder is not None or self.is_led:
            return f"exists (select from unnest({self.column(parameter)}) v where v in ({entries}))"
        table, other = rows(self.statement, self.type), self.statement.alias()
        look_up = (
            f'select {other}.id from {table} {other} where {other}."{parameter.column}" && array[k.entry] offset 0'
        )
        found = f"select found.id from ({entries}) k(entry) cross join lateral ({look_up}) found"
        return f"{self.alias}.id = any(array({found}))"

    def visible(self, type: str, where: e.Expression, alias: str, is_found: bool) -> str:
        """The condition on another type's rows, those of its slice only; `is_found`: they are few already."""
        within = self.statement.seen[type]
        led = "" if is_found else leading(self.statement, where, within, type, alias)
        asked = condition(self.statement, where, type, alias, is_anchored=is_anchor(within), is_led=bool(led))
        inside = _Condition(self.statement, type, alias, client_of(where), slice=e.asker_of(within))
        visible = inside.sql(within, is_found or (not led and is_anchor(where)))
        if led:
            return f"{led} and ({asked}) is true and {visible}"
        if not is_found and is_anchor(where) and not is_anchor(where, surely=True):
            # Nothing is asked of what others keep that refers to the same.
            near = reach(self.statement, within, type, alias, looks_up=True)
            asked = f"{asked} and ({near}) is true" if near else asked
        return f"{asked} and {visible}"


def _name(type: str, alias: str) -> str:
    """How references name the row. Ids are compared byte by byte, and references by an index that is not."""
    return f"('{type}/' || {alias}.id) collate \"default\""


def _merged(parts: tuple[e.Expression, ...]) -> list[e.Expression]:
    """The alternatives, with those drawn together that one look into the index finds: entries, and references, of one
    parameter, and ids."""
    entries: dict[Parameter, list[str]] = {}
    references: dict[Parameter, list[str]] = {}
    ids: list[str] = []
    others: list[e.Expression] = []
    for part in parts:
        match part:
            case e.HasToken(parameter):
                entries.setdefault(parameter, []).append(token.entry(part))
            case e.HasEntry(parameter, found):
                entries.setdefault(parameter, []).extend(found)
            case e.RefersTo(parameter, named):
                references.setdefault(parameter, []).extend(named)
            case e.HasId(named):
                ids.extend(named)
            case _:
                others.append(part)
    return [
        *(e.HasEntry(parameter, tuple(found)) for parameter, found in entries.items()),
        *(e.RefersTo(parameter, tuple(found)) for parameter, found in references.items()),
        *([e.HasId(tuple(ids))] if ids else []),
        *others,
    ]


def _joined(word: str, parts: list[str], empty: str) -> str:
    if len(parts) < 2:
        return parts[0] if parts else empty
    return f"({word.join(parts)})"


def _literally(text: str) -> str:
    """The text as a LIKE pattern that matches only itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
