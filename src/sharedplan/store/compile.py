"""Expression → SQL condition over a type's table; the only place that builds a query's conditions.

Names come from the registry of parameters alone, values always travel as parameters. Conditions on the values of one
parameter are in `store/values.py`, those that go by the client of a row in `store/clients.py`. A condition on an absent
value is null, which counts as false; so a negation asks whether its part is not true. What lies across references is
asked of the rows that the asker may see, and of no others.
"""

from dataclasses import dataclass
from datetime import datetime

from sharedplan.search import expression as e
from sharedplan.search.masking import of_masked, without_places
from sharedplan.search.matching import members
from sharedplan.search.parameters import Parameter
from sharedplan.search.values import token
from sharedplan.store import own_log
from sharedplan.store.clients import Clients
from sharedplan.store.masks import Holder, masked, masked_within, unmasked
from sharedplan.store.projection import projection
from sharedplan.store.reach import led, reach
from sharedplan.store.selectivity import client_of, is_anchor, is_broad
from sharedplan.store.statements import Statement, linked
from sharedplan.store.values import Values

MANY = 200
"""Entries that one look into an index is asked for together."""


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
                    return f"(({hidden}) is true or {self.values.missing(parameter)})"
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
                return linked(" or ", [self.sql(part, is_anchored) for part in _merged(parts)], "false")
            case e.Not(e.Missing(parameter)) if not of_masked(e.Missing(parameter)):
                return f"not {self.values.missing(parameter)}"
            case e.Not(part):
                return f"({self.sql(part, is_anchored)}) is not true"
            case e.HasId(ids):
                return self.values.one_of(f"{self.alias}.id", ids)
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
                return self.values.missing(parameter)
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
        return linked(" and ", found, "true")

    def of_parameter(self, expression: e.Expression) -> str:
        """A condition on the values of one parameter."""
        if isinstance(expression, e.HasEntry) and len(expression.entries) > MANY:
            given = self.statement.bind(list(expression.entries), "text[]")
            return self.found_by(expression.parameter, f"select distinct unnest({given})")
        return self.values.sql(expression)

    @property
    def values(self) -> Values:
        return Values(self.statement, self.type, self.alias)

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
        return linked(" and ", parts, "true")

    def updated(self, since: datetime | None, until: datetime | None) -> str:
        parts, alias = [], self.holder.alias if self.holder is not None else self.alias
        if since is not None:
            parts.append(f"{alias}.last_updated >= {self.statement.bind(since, 'timestamptz')}")
        if until is not None:
            parts.append(f"{alias}.last_updated < {self.statement.bind(until, 'timestamptz')}")
        return linked(" and ", parts, "true")

    def chained(self, asked: e.Chained, is_anchored: bool) -> str:
        """From this row to what it refers to, when few rows are left to ask; else from there to here."""
        inner = self.statement.alias()
        source = f"{rows(self.statement, asked.type)} {inner}"
        where = self.visible(asked.type, asked.where, inner, is_anchored and not asked.parameter.is_canonical)
        named, parameter = _name(asked.type, inner), asked.parameter
        if parameter.is_canonical:
            return self.found_by(parameter, f"select unnest({inner}.url) from {source} where {where}")
        column, start = self.values.column(parameter), len(asked.type) + 2
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
            return f"exists (select from unnest({self.values.column(parameter)}) v where v in ({entries}))"
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
