"""What may be used one time only: the assertions by which clients prove themselves, by issuer and `jti`.

The insert is the check, so of several that bring the same one at the same time, to whichever process, one is first.
https://www.rfc-editor.org/rfc/rfc7519#section-4.1.7
"""

from datetime import datetime

from sharedplan.store.engine import Pool
from sharedplan.store.session import Session, fetch_alone

_USE = """
    INSERT INTO client_assertion (issuer, jti, until) VALUES ($1::text, $2::text, $3::timestamptz)
    ON CONFLICT DO NOTHING RETURNING true
"""

_FORGET = "DELETE FROM client_assertion WHERE until < now() - interval '1 minute' RETURNING true"
"""A minute later than it ended, for the database's clock may be another than ours."""


async def use_up(session: Session, issuer: str, jti: str, until: datetime) -> bool:
    """Whether this is the first use; it is committed at once, unless a transaction has begun."""
    return bool(await session.fetch(_USE, [issuer, jti, until]))


async def forget_used(pool: Pool) -> int:
    """Takes away those that have ended, so nobody could use them any more; how many it was."""
    return len(await fetch_alone(pool, _FORGET))
