"""When a version of a resource is visible, and what is asked of single ones, as SQL text and its parameters; pure.

A version is visible when the resource's current row lies within the slice and the version itself spoke of the same
client: what was once another's stays theirs. Where that cannot be told, the current version is all. A deleted resource
has no row any more, so it is visible only to whom everything is, or everything of its register.
"""

from collections.abc import Mapping, Sequence

from sharedplan.search.expression import (
    And,
    Everything,
    Expression,
    Not,
    OfClient,
    OfRegister,
    Or,
    Permitted,
    WrittenBy,
    asker_of,
)
from sharedplan.search.masking import MASKED, may_mask
from sharedplan.store.clients import acted_for
from sharedplan.store.compile import condition, written_by
from sharedplan.store.projection import projection
from sharedplan.store.queries import Query
from sharedplan.store.statements import Statement

SPOKEN_OF = "CASE WHEN v.type = 'Provenance' THEN v.patients END AS spoken_of"
"""The patients of what does not tell them by itself."""

FIELDS = "v.type, v.id, v.version, v.last_updated, v.interaction, v.content"


def newest(type: str, id: str, *, within: Expression) -> Query:
    """The newest version of a resource, also a deletion."""
    statement = Statement([type, id])
    visible = seen(type, within, statement)
    sql = f"""
        SELECT {FIELDS}, {masked_version({type: within}, [type], statement)}
        FROM resource_version v WHERE v.type = $1::text AND v.id = $2::text AND {visible}
        ORDER BY v.version DESC LIMIT 1
        """
    return statement.headed(sql), statement.parameters


def version(type: str, id: str, number: int, *, within: Expression) -> Query:
    """One version of a resource."""
    statement = Statement([type, id, number])
    visible = seen(type, within, statement)
    sql = f"""
        SELECT {FIELDS}, v.controller, {SPOKEN_OF}, {masked_version({type: within}, [type], statement)}
        FROM resource_version v
        WHERE v.type = $1::text AND v.id = $2::text AND v.version = $3::integer AND {visible}
        """
    return statement.headed(sql), statement.parameters


def deletions(type: str, ids: Sequence[str], *, within: Expression) -> Query | None:
    """The newest version of each of these ids, where it is a deletion that is visible; None when none can be."""
    statement = Statement([type, list(ids)])
    seen = _seen_gone(within, statement)
    if seen is None:
        return None
    sql = f"""
        SELECT * FROM (
            SELECT DISTINCT ON (v.id) {FIELDS}, v.controller, v.who FROM resource_version v
            WHERE v.type = $1::text AND v.id = ANY($2::text[]) ORDER BY v.id, v.version DESC
        ) v WHERE interaction = 'delete' AND {seen} AND NOT is_succeeded($1::text, v.id, v.version)
        """
    return statement.headed(sql), statement.parameters


def seen(type: str, within: Expression, statement: Statement) -> str:
    """The condition on a version `v` of a resource that it is visible.

    A register's versions are seen by whoever sees the register, also deletions.
    """
    match within:
        case Everything():
            return "true"
        case OfRegister(organization):
            return f"v.controller = {statement.bind(organization, 'text')}"
        case Or(parts):
            return f"({' OR '.join(seen(type, part, statement) for part in parts)})"
        case And((inner, WrittenBy() as by)):
            return f"({seen(type, inner, statement)} AND {written_by(statement, by, 'v')})"
    client = own_view(within)
    if client and not projection(type).patients:
        return "false"  # it never speaks of a client; and nothing may be bound that nothing refers to
    inside = condition(statement, within, type, is_anchored=True, is_whole=True)
    row = f"SELECT FROM {projection(type).table} r WHERE {inside} AND r.id = v.id"
    if client:
        of_him = f"v.patients <@ ARRAY[{statement.bind(client, 'text')}]"
        return f"(EXISTS ({row}) AND {of_him} AND v.patients <> '{{}}')"
    # OFFSET keeps it from becoming a join, in which the slice would be asked again for each version there ever was:
    # who may not see a thing of 250 versions waited for four seconds (measured).
    return f"EXISTS ({row} AND r.version = v.version OFFSET 0)"


def _seen_gone(within: Expression, statement: Statement) -> str | None:
    """The condition on a version `v` that is visible even when nothing living is there; None when that is never so."""
    match within:
        case Everything():
            return "true"
        case OfRegister(organization):
            return f"v.controller = {statement.bind(organization, 'text')}"
        case Or(parts):
            found = [each for part in parts if (each := _seen_gone(part, statement)) is not None]
            return f"({' OR '.join(found)})" if found else None
        case And((inner, WrittenBy() as by)):
            gone = _seen_gone(inner, statement)
            return f"({gone} AND {written_by(statement, by, 'v')})" if gone is not None else None
    return None


def own_view(within: Expression) -> str | None:
    """The client whose own view it is, without further limits; None for any other."""
    match within:
        case OfClient(client) | And((OfClient(client), Not())):
            return client
    return None


def masked_version(within: Mapping[str, Expression], types: Sequence[str], statement: Statement) -> str:
    """The column `masked` of a version `v`: whether the ban that a client has now takes something out of it for whoever
    asks."""
    alike: dict[tuple[Permitted, bool], list[str]] = {}
    for type in types:
        asker = asker_of(within[type])
        if asker is not None and may_mask(type):
            alike.setdefault((asker, type in MASKED), []).append(f"'{type}'")
    found = []
    for (asker, is_whole), those in alike.items():
        own = acted_for(statement, asker)
        banned = "EXISTS (SELECT FROM unnest(v.patients) p WHERE access_has_safety_ban(p))"
        holds = "" if is_whole else " AND v.content -> 'contained' IS NOT NULL"
        found.append(f"v.type IN ({', '.join(those)}){holds} AND (v.controller = {own}) IS NOT TRUE AND {banned}")
    return f"({' OR '.join(found) or 'false'}) AS masked"
