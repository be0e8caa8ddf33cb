"""A client's own log: the rows of the trail that are of him, without what they say of others; SQL, pure.

Many rows name several clients: a system's search of all plans does. Each of them may know that he was among them, and
not who else was. So what belongs to others is taken out of the rows before anything is asked of them: a client who
searches his log by somebody else's name finds nothing. Refusals stand in it that concern him though they name nobody.
"""

from sharedplan.search import expression as e
from sharedplan.store.projection import projection
from sharedplan.store.statements import Statement

OF_OTHERS = ("resource_id", "version", "query", "request_id", "reasons", "grounds")
"""What a row says that may be of others, when it names several."""


def reader_of(within: e.Expression | None) -> str | None:
    """The client whose own log is read; None when it is not read so."""
    match within:
        case e.ToldOf(client):
            return client
        case e.And(parts):
            return next((found for part in parts if (found := reader_of(part)) is not None), None)
    return None


def rows(statement: Statement, within: e.Expression | None) -> str | None:
    """What stands in the place of the log's table for a client who reads his own; None for anybody else."""
    client = reader_of(within)
    if client is None:
        return None
    me, names = statement.bind([client], "text[]"), projection("AuditEvent").columns
    is_alone = f"coalesce(l.patient <@ {me}, true)"
    instead = {
        '"patient"': me,
        '"entity"': f"case when l.entity @> {me} and {is_alone} then l.entity when {is_alone} then l.entity || {me} "
        f"else {me} end",
        # The words of a search that others sent may name whom it did not find; that there was one is told.
        "trail": f"case when {is_alone} and (l.agent && {me} or l.trail ->> 'query' is null) then l.trail "
        f"when {is_alone} then jsonb_set(l.trail::jsonb, '{{query}}', '\"\"')::json "
        f"else (l.trail::jsonb - {_keys()})::json end",
    }
    listed = ", ".join(f"{instead.get(name, f'l.{name}')} as {name}" for name in (*names, "xact"))
    own = f"l.patient && {me} and (l.content is null or l.patient <@ {me})"
    # Each way by its index, and none twice.
    return f"""(select {listed} from audit_event l where {own}
        union all
        select {listed} from audit_event l where l.concerns && {me} and (l.patient && {me}) is not true)"""


def _keys() -> str:
    return f"array[{', '.join(repr(each) for each in OF_OTHERS)}]"
