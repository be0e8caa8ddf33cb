"""The log as it is told to a client, and to whoever looks after him: without what its rows say of others; SQL, pure.

Many rows name several clients: a system's search of all plans does. Each of them may know that he was among them, and
not who else was. So what belongs to others is taken out of the rows before anything is asked of them: a client who
searches his log by somebody else's name finds nothing. Refusals stand in it that concern him though they name nobody.

Nor is he told by it of what is labelled so that somebody is to talk with him about it first (TBOO): that somebody did
something to data of his stays, and what it was is taken out in the same way, by the label that it has now. What he
asked himself in vain stands as he put it, for so it reads whatever there is. But where that is known to concern him
only by what is stored, it is there for things alone that he sees: else such a row would tell that there is something.

Whoever looks after a client in the register that the client is in is told what others did to what lies in it, for
which its keeper answers: not that there is anything of the client's in other registers, which is for those to tell.
What his own did he sees as it was.
"""

from collections.abc import Mapping

from sharedplan.search import expression as e
from sharedplan.store.projection import projection
from sharedplan.store.statements import Statement

OF_OTHERS = ("resource_id", "version", "query", "request_id", "reasons", "grounds")
"""What a row says that may be of others, when it names several."""


OF_EVENTS = ("entity_name", "entity_role", "entity_type", "lookup", "narrative", "words")
"""The columns of an AuditEvent that was loaded which words of its entities are in."""


def reader_of(within: e.Expression | None) -> str | None:
    """The client whose own log is read; None when it is not read so."""
    match within:
        case e.ToldOf(client):
            return client
        case e.And(parts):
            return next((found for part in parts if (found := reader_of(part)) is not None), None)
    return None


ON_ONE = ("read", "vread", "create", "update", "patch", "delete", "history-instance")
"""Interactions with one thing, so that the register of the row is that of the thing, even when it is no more."""

_ON_ONE = f"(l.subtype && array[{', '.join(map(repr, ON_ONE))}])"


def rows(statement: Statement, within: e.Expression | None) -> str | None:
    """What stands in the place of the log's table for a client who reads his own, and for whoever looks after clients;
    None for anybody else."""
    client = reader_of(within)
    if client is not None:
        return of_client(statement, client)
    keeper = keeper_of(within)
    return of_keeper(statement, keeper) if keeper is not None else None


def keeper_of(within: e.Expression | None) -> e.OfOwnClients | None:
    """Who looks after clients of his register, when the log is read so."""
    match within:
        case e.OfOwnClients():
            return within
        case e.And(parts) | e.Or(parts):
            return next((found for part in parts if (found := keeper_of(part)) is not None), None)
    return None


def of_keeper(statement: Statement, keeper: e.OfOwnClients) -> str:
    """What his own did, and what others did in his register."""
    me = statement.bind([keeper.person or keeper.organization], "text[]")
    register = statement.bind(keeper.organization, "text")
    is_own = f"(l.agent && {me} or l.controller = {register}) is true"
    about = "(l.trail ->> 'type') || '/' || (l.trail ->> 'resource_id')"
    # The clients of a row come first in what it names.
    shown = f"l.entity[cardinality(l.patient) + 1:] || case when {about} = any(l.patient) then {about} end"
    in_register = f"(((l.trail -> 'registers')::jsonb ? {register}) is true)"
    of_several = f"not {is_own} and {_ON_ONE} is not true and {in_register}"
    told = f"case when {of_several} then told_in_register({shown}, l.patient, {register}) end"
    is_seen = f"({_ON_ONE} or cardinality(told.names) > 0 and (({about}) is null or {about} = any(told.names)))"
    instead = {
        '"patient"': "case when told.names is null then l.patient else "
        "array(select n from unnest(told.names) n where n = any(l.patient)) end",
        '"entity"': "coalesce(told.names, l.entity)",
        "trail": f"case when {is_own} then l.trail else told_to_register(l.trail, {register}, told.names) end",
    }
    return f"""(select {_listed(instead)}
        from audit_event l cross join lateral (select {told} as names offset 0) told
        where {is_own} or {in_register} and {is_seen})"""


WHOLE = {"entity": "whole_entity", "patient": "whole_patient"}
"""Columns beside those of the log: all that the row names, by which it is found before it is asked what is told."""


def is_cut(within: e.Expression | None) -> bool:
    """Whether rows of the log are told to whom that slice is without what they say of others."""
    return reader_of(within) is not None or keeper_of(within) is not None


def _listed(instead: Mapping[str, str]) -> str:
    """The columns of the log, with something `instead` of some."""
    listed = {name: f"l.{name}" for name in (*projection("AuditEvent").columns, "xact")}
    listed |= {whole: f"l.{name}" for name, whole in WHOLE.items()}
    listed |= instead
    return ", ".join(f"{value} as {name}" for name, value in listed.items())


def of_client(statement: Statement, client: str, *, withholds: bool = True) -> str:
    """What is told of the log to the client. It `withholds` what he is not to be told of yet, unless it is not he who
    is told."""
    me = statement.bind([client], "text[]")
    is_alone = f"coalesce(coalesce(l.patient, l.concerns) <@ {me}, true)"
    entity, trail, instead = "l.entity", "l.trail", {}
    if withholds:
        untold = statement.untold_to(client)
        is_open = f"({untold} = '{{}}' or l.agent && {me} and not l.outcome && '{{0}}')"
        is_touched = f"({is_open} is not true and l.entity && {untold})"
        those = f"array(select n from unnest(l.entity) n where n = any({untold}::text[]))"
        one = statement.bind(client, "text")
        # A page may have shown beside what is his what names no client at all.
        his = f"case when l.content is null and not {_ON_ONE} then told_of(l.entity, {one}) else l.entity end"
        named = f"case when {is_alone} then {his} else {those} end"
        told = f"array(select n from unnest({his}) n where n <> all({untold}::text[]))"
        entity = f"case when {is_touched} then {told} else {his} end"
        trail = f"case when {is_open} or l.trail is null then l.trail else told_trail(l.trail, {named}, {untold}) end"
        shown = f"told_of(l.entity[coalesce(cardinality(l.patient), 0) + 1:], {one})"
        left = f"array(select n from unnest({shown}) n where n <> all({untold}::text[]))"
        of_several = f"{is_touched} and {_ON_ONE} is not true and cardinality({left}) > 0"
        trail = f"case when {of_several} then told_registers({trail}, {left}) else {trail} end"
        instead = {name: f"case when not {is_touched} then l.{name} end" for name in map(_quoted, OF_EVENTS)}
        instead["content"] = f"case when {is_touched} then told_event(l.content, {one}) else l.content end"
    instead |= {
        **{WHOLE["patient"]: me, WHOLE["entity"]: f"(l.entity || {me})"},
        '"patient"': me,
        '"entity"': f"case when l.entity @> {me} and {is_alone} then {entity} when {is_alone} then {entity} || {me} "
        f"else {me} end",
        # The words of a search that others sent may name whom it did not find; that there was one is told.
        "trail": f"case when {is_alone} and (l.agent && {me} or l.trail ->> 'query' is null) then {trail} "
        f"when {is_alone} then jsonb_set(({trail})::jsonb, '{{query}}', '\"\"')::json "
        f"else (({trail})::jsonb - {_keys()})::json end",
    }
    listed = _listed(instead)
    own = f"l.patient && {me} and (l.content is null or l.patient <@ {me})"
    concerned = f"l.concerns && {me} and (l.patient && {me}) is not true"
    about = "array[(l.trail ->> 'type') || '/' || (l.trail ->> 'resource_id')]"
    sees = f"access_targets({about}, {me}, null, null, null, {statement.bind(client, 'text')})"
    # Each way by its index, and none twice.
    return f"""(select {listed} from audit_event l where {own}
        union all
        select {listed} from audit_event l where {concerned} and ((l.agent && {me}) is not true or {sees}))"""


def _quoted(name: str) -> str:
    return f'"{name}"'


def _keys() -> str:
    return f"array[{', '.join(repr(each) for each in OF_OTHERS)}]"
