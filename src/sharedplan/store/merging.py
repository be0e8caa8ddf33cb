"""The log's index: what reads add to it is sorted in aside, about once a second and all together.

Whoever fills the list of what is not yet sorted in would do it for all before him, and wait for it. Together it costs
less, too, for a key that many rows have is written once for all of them: a search of ten things took a fifth less of
the database so (measured).
https://www.postgresql.org/docs/current/gin.html#GIN-FAST-UPDATE
"""

import asyncio

from sharedplan.errors import SharedplanError
from sharedplan.logs import log
from sharedplan.store.engine import Pool
from sharedplan.store.session import fetch_alone

INTERVAL = 1.0
"""Seconds between two."""


async def merge(pool: Pool) -> int:
    """Sorts in what is not; how many pages it was on, 0 also when another worker is at it. Raises as
    `Session.fetch` does: Fault, too, where the service's role has not been granted that yet."""
    return int((await fetch_alone(pool, "SELECT merge_log_index()"))[0][0])


async def keep_merging(pool: Pool) -> None:
    """Sorts in about once a second, until it is cancelled."""
    while True:
        await asyncio.sleep(INTERVAL)
        try:
            await merge(pool)
        except SharedplanError as failure:
            log.warning("log_index_not_merged", failure=str(failure))
