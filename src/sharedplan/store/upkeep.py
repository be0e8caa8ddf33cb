"""What each process does over and over for the store, beside answering."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

from sharedplan.errors import SharedplanError
from sharedplan.logs import log
from sharedplan.store import merging, sealing
from sharedplan.store.engine import Pool
from sharedplan.store.forgetting import forget_all


def upkeep(pool: Pool, page_lifetime: timedelta) -> tuple[Coroutine[Any, Any, None], ...]:
    """All of it, each to be run until it is cancelled. `page_lifetime`: how long pages may be followed."""
    return (
        _kept(
            partial(forget_all, pool, page_lifetime),
            every=max(1.0, page_lifetime.total_seconds() / 12),
            failing="past_not_forgotten",
        ),
        _kept(partial(sealing.seal, pool), every=sealing.INTERVAL, failing="trail_not_sealed"),
        _kept(partial(merging.merge, pool), every=merging.INTERVAL, failing="indexes_not_merged"),
    )


async def _kept(do: Callable[[], Awaitable[object]], *, every: float, failing: str) -> None:
    """Does so again and again, with `every` so many seconds between. What fails is told the operator by the event
    `failing`, and done the next time."""
    while True:
        await asyncio.sleep(every)
        try:
            await do()
        except SharedplanError as failure:
            log.warning(failing, failure=str(failure))
