"""One process of a load: items come in, outcomes go out. It has its own event loop and its own connections."""

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, TypeVar

from sharedplan.clock import SystemClock
from sharedplan.loading.loader import Done, Loader, Missed
from sharedplan.loading.preparing import Choices
from sharedplan.loading.reading import Text
from sharedplan.loading.report import Outcome
from sharedplan.store.engine import Pool
from sharedplan.store.generations import holding
from sharedplan.store.unit_of_work import Store

PATIENCE = timedelta(minutes=2)
"""What a statement, a lock and a pause between statements may take: Bundles of thousands take longer than requests."""

T = TypeVar("T")


class _Here:
    """What this process works with; set once, by `begin`."""

    runner: asyncio.Runner
    loader: Loader
    held: AbstractAsyncContextManager[None]


def begin(url: str, choices: Choices) -> None:
    """Makes the process ready; for a pool of processes to call first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process that asked for the load
    pool = Pool(
        url,
        size=1,
        statement_timeout=PATIENCE,
        lock_timeout=PATIENCE,
        idle_in_transaction_timeout=PATIENCE,
        unguarded=True,
    )
    _Here.runner = asyncio.Runner()
    _Here.held = holding(url)  # until the process ends
    _Here.runner.run(_Here.held.__aenter__())
    _Here.loader = Loader(Store(pool), SystemClock(), choices)


def load(texts: Sequence[Text]) -> Done:
    """Loads an item in this process."""
    return _run(_Here.loader.load(texts))


def load_again(texts: Sequence[Text], missed: Missed) -> Outcome:
    """Loads what was missed of an item in this process."""
    return _run(_Here.loader.load_again(texts, missed))


def _run(work: Coroutine[Any, Any, T]) -> T:
    return _Here.runner.run(work)
