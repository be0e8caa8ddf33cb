"""What holds of all rows of a slice and is told without asking anything of the row, as SQL; pure.

Whose register a row is in, and of which clients it is, says of most that is hidden that it is: neither the second guard
nor the consents are asked of that. And by that all that somebody may see is found by indexes: where it is little, a
search is led by it (`Seeing`), and costs nothing for what others keep.
"""

from collections.abc import Iterator

from sharedplan.catalogue import CATALOGUE
from sharedplan.search import expression as e
from sharedplan.search.parameters import CONSULTED
from sharedplan.store.clients import ACTED_FOR, Clients
from sharedplan.store.projection import projection
from sharedplan.store.statements import Statement


def reach(statement: Statement, within: e.Expression, type: str, alias: str = "r", *, looks_up: bool = False) -> str:
    """SQL of what holds of all rows of the slice and costs next to nothing to be told. It stands beside the slice where
    much may be found that is hidden. Empty where there is nothing to be told so. `looks_up`: no index serves it, and it
    is asked of many rows."""
    match within:
        case e.OfRegister(organization):
            return f"{alias}.controller = {statement.bind(organization, 'text')}"
        case e.Permitted() | e.OfTargets(own=None):
            return Clients(statement, type, alias).reach(within, looks_up=looks_up)
        case e.Opened():
            return Clients(statement, type, alias).of_one_of_the_askers(within, looks_up=looks_up) or "false"
        case e.Addressed():
            return f"{alias}.{CONSULTED.name} is not null"
        case e.Or(parts) if _is_told(within):
            found = (reach(statement, part, type, alias, looks_up=looks_up) for part in parts)
            return f"({' or '.join(found)})"
        case e.And(parts):
            told = (part for part in parts if _is_told(part))
            return next((reach(statement, part, type, alias, looks_up=looks_up) for part in told), "")
    return ""


def _is_told(within: e.Expression) -> bool:
    """Whether there is something to be told so of all rows of the slice."""
    match within:
        case e.OfRegister() | e.Permitted() | e.OfTargets(own=None) | e.Opened() | e.Addressed():
            return True
        case e.Or(parts):
            return bool(parts) and all(map(_is_told, parts))
        case e.And(parts):
            return any(map(_is_told, parts))
    return False


def reached(statement: Statement, within: e.Expression, type: str) -> list[str]:
    """SELECTs of the ids of all rows of the slice, and perhaps of some more that are within its reach, each by an
    index; some ids come twice. Of a moment that has passed, with those that were superseded since. Empty where there is
    no such way to find all."""
    if type == "AuditEvent":
        found = _ways_of_the_log(statement, within) if _is_told_of_the_log(within) else iter(())
        return [f"select v.id from {projection(type).table} v where {way}" for way in found]
    if not CATALOGUE[type].client_data or not _is_told(within):
        return []
    ways = [f"select v.id from {projection(type).table} v where {way}" for way in _ways(statement, within, type)]
    if statement.as_of is not None:
        near = reach(statement, within, type, "v")
        since = f"v.until > {statement.moment} and v.until < 'infinity'"
        ways.append(f"select v.id from {projection(type).ever} v where {since} and {near}")
    return ways


def led(statement: Statement, within: e.Expression, type: str, alias: str) -> str:
    """The condition, to stand before all others, that leaves the rows within the slice's reach, found by their ids; all
    else is asked of these. Empty where there is no such way."""
    ways = reached(statement, within, type)
    if not ways:
        return ""
    if type == "AuditEvent":  # of which nothing is told without asking the row
        return f"{alias}.id = any(array({' union all '.join(ways)}))"
    return f"{alias}.id = any(array({' union all '.join(ways)})) and ({reach(statement, within, type, alias)}) is true"


def _ways(statement: Statement, within: e.Expression, type: str) -> Iterator[str]:
    """Conditions on a row `v` of which each has its index. A register is asked for as a range: of one the planner takes
    it to be most of the table where there are few, and reads that from end to end."""
    match within:
        case e.OfRegister(organization):
            own = statement.bind(organization, "text")
            yield f"v.controller between {own} and {own}"
        case e.Permitted() | e.OfTargets(own=None):
            clients = Clients(statement, type, "v")
            if one := clients.of_one_of_the_askers(within):
                yield one
            if clients.kind != "id":
                nobody = "v.patient is null and " if clients.kind else ""
                yield f"{nobody}v.controller between {ACTED_FOR} and {ACTED_FOR}"
        case e.Opened():
            if one := Clients(statement, type, "v").of_one_of_the_askers(within):
                yield one
        case e.Addressed():
            yield Clients(statement, type, "v").addressed(within)
        case e.Or(parts):
            for part in parts:
                yield from _ways(statement, part, type)
        case e.And(parts):
            yield from _ways(statement, next(part for part in parts if _is_told(part)), type)


def _is_told_of_the_log(within: e.Expression) -> bool:
    """Whether all rows of the slice of the log are found by ways of theirs."""
    match within:
        case e.OfRegister() | e.OfOwnClients():
            return True
        case e.RefersTo(parameter):
            return parameter.code == "agent"
        case e.Or(parts):
            return bool(parts) and all(map(_is_told_of_the_log, parts))
        case e.And(parts):
            return any(map(_is_told_of_the_log, parts))
    return False


def _ways_of_the_log(statement: Statement, within: e.Expression) -> Iterator[str]:
    """The same for what others than clients see of the log: what was done by or for somebody, what was loaded into the
    register, and what names clients of one's own, or of those whom a person has to do with."""
    match within:
        case e.OfRegister(organization):
            own = statement.bind(organization, "text")
            yield f"v.controller between {own} and {own}"
        case e.RefersTo(_, references):
            yield f"v.agent && {statement.bind(list(references), 'text[]')}"
        case e.OfOwnClients(None, organization):
            own = statement.bind(organization, "text")
            # With the collation of ids no index of the log would serve.
            name = "('Patient/' || p.id) collate \"default\""
            kept = f"select {name} from patient p where p.controller between {own} and {own}"
            yield f"v.patient && array({kept})"
        case e.OfOwnClients(person, organization):
            statement.asked_by(person, organization)
            yield "v.patient && (select c from askers_clients)::text[]"
        case e.Or(parts):
            for part in parts:
                yield from _ways_of_the_log(statement, part)
        case e.And(parts):
            yield from _ways_of_the_log(statement, next(part for part in parts if _is_told_of_the_log(part)))
