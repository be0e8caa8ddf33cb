"""The time that a request may take, for all of one process by one timer.

`asyncio.timeout` sets a timer for each request, which costs a read a twentieth of its time. Here all have the same time
from their beginning on, so whoever began first is late first, and one timer stands for that one.
"""

import asyncio
from types import TracebackType

LATE = "late"
"""What the CancelledError of a task whose time is up holds; no other does."""


class Deadlines:
    """`with` it, a task has so many seconds; then it is cancelled, and TimeoutError is raised instead, unless it makes
    something else of that itself."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[asyncio.Task[None], float] = {}  # by the loop's clock, in the order of time
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # there is one a process

    def __enter__(self) -> None:
        loop = self._loop = self._loop or asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("only a task has a deadline")
        until = self._until[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(until, self._look, loop)

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = asyncio.current_task(self._loop)
        if task is None or self._until.pop(task, None) is not None:
            return  # in time
        # Whoever is being cancelled by somebody else, too, is not only late.
        if task.uncancel() == 0 and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from failure

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel who is late, and look again when the next one will be."""
        self._timer = None
        while self._until:
            task, until = next(iter(self._until.items()))
            if until > loop.time():
                self._timer = loop.call_at(until, self._look, loop)
                return
            del self._until[task]
            task.cancel(LATE)
