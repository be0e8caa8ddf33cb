"""The audit trail as a hash chain: a seal about once a second over all rows that were written since the last one.

Rows of the trail are written side by side, so none can wait for another's hash. A row knows the transaction that wrote
it; a seal covers the rows of all transactions from where the last one ended up to the oldest that still runs. Those are
over, so nothing can be added to them, and whatever is changed or taken away later no longer fits the seal's hash. Each
hash covers the one before. Who keeps a head (`sharedplan verify-audit` prints it) can tell when the end is cut off.
https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sharedplan.store.engine import Pool
from sharedplan.store.session import fetch_alone

INTERVAL = 1.0
"""Seconds between two seals."""

TOGETHER = 200
"""Seals that are checked by one statement."""

_SEALER = 7461980432
"""The advisory lock that lets one worker seal at a time."""

_DIGESTS = "coalesce(string_agg(e.digest, ''::bytea ORDER BY e.xact, e.id), ''::bytea)"

_SEAL = f"""
    WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({_SEALER}) AS so),
    last AS (
        SELECT * FROM (
            SELECT number, until, hash FROM audit_seal UNION ALL SELECT 0, 0, ''::bytea
        ) every ORDER BY number DESC LIMIT 1
    ),
    over AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS until),
    batch AS (
        SELECT count(*)::integer AS rows, {_DIGESTS} AS digests FROM audit_digest e
        WHERE e.xact >= (SELECT until FROM last) AND e.xact < (SELECT until FROM over)
    )
    INSERT INTO audit_seal (number, since, until, rows, hash, at)
    SELECT last.number + 1, last.until, over.until, batch.rows, sha256(last.hash || batch.digests), clock_timestamp()
    FROM last, over, batch, mine WHERE mine.so AND batch.rows > 0
    ON CONFLICT DO NOTHING RETURNING rows
"""

_CHECK = f"""
    SELECT s.number, s.at, s.rows, s.hash, found.rows AS found,
        s.since = coalesce(before.until, 0) AND s.number = coalesce(before.number, 0) + 1
            AND found.rows = s.rows AND s.hash = sha256(coalesce(before.hash, ''::bytea) || found.digests) AS holds
    FROM audit_seal s LEFT JOIN audit_seal before ON before.number = s.number - 1
    CROSS JOIN LATERAL (
        SELECT count(*)::integer AS rows, {_DIGESTS} AS digests FROM audit_digest e
        WHERE e.xact >= s.since AND e.xact < s.until
    ) found
    WHERE s.number > $1::bigint ORDER BY s.number LIMIT {TOGETHER}
"""

_UNSEALED = """
    SELECT count(*) FROM audit_digest WHERE xact >= (SELECT coalesce(max(until), 0) FROM audit_seal)
"""


@dataclass(frozen=True, slots=True)
class Checked:
    """One seal, compared with the rows that it covers: how many it was made over, how many there are, and whether all
    is as it was. `hash` and `at` (ISO 8601) are the seal's."""

    number: int
    at: str
    rows: int
    found: int
    hash: str
    holds: bool


async def seal(pool: Pool) -> int:
    """Seals what was written since the last seal; how many rows it was, 0 also when another worker is at it.

    Raises Unavailable.
    """
    found = await fetch_alone(pool, _SEAL, once=True)
    return found[0][0] if found else 0


async def checked(pool: Pool) -> AsyncIterator[Checked]:
    """All seals in their order, each compared with its rows. Raises Unavailable."""
    last = 0
    while found := await fetch_alone(pool, _CHECK, [last]):
        for row in found:
            yield Checked(
                row["number"], row["at"].isoformat(), row["rows"], row["found"], row["hash"].hex(), bool(row["holds"])
            )
        last = found[-1]["number"]


async def unsealed(pool: Pool) -> int:
    """Rows that no seal covers yet. Raises Unavailable."""
    return int((await fetch_alone(pool, _UNSEALED))[0][0])
