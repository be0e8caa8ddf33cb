"""Indexes of lists: what is added to them is sorted in aside, about once a second and all together.

PostgreSQL keeps new entries in a list, which each search goes through. Whoever fills it would sort it in for all before
him, and wait for it. Together it costs less, too, for a key that many rows have is written once for all of them: a
search of ten things took a fifth less of the database so (measured).
https://www.postgresql.org/docs/current/gin.html#GIN-FAST-UPDATE
"""

from sharedplan.store.engine import Pool
from sharedplan.store.session import fetch_alone

INTERVAL = 1.0
"""Seconds between two."""


async def merge(pool: Pool) -> int:
    """Sorts in what is not; how many pages it was on, 0 also when another worker is at it. Raises as
    `Session.fetch` does: Fault, too, where the service's role has not been granted that yet."""
    return int((await fetch_alone(pool, "SELECT merge_indexes()"))[0][0])
