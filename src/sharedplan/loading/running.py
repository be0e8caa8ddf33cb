"""A whole load: the files read here, their items worked on by several processes, what came of them added up."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from sharedplan.loading import working
from sharedplan.loading.items import Item, items
from sharedplan.loading.loader import Done, Missed
from sharedplan.loading.preparing import Choices
from sharedplan.loading.reading import UNREADABLE, Text, texts
from sharedplan.loading.report import Outcome, Refusal
from sharedplan.loading.scheduling import Schedule

QUEUED = 1
"""Items for each process beyond the one that it works on, so that it never waits for the next."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load is: bytes of all files, as they lie on disk, that are done with; and what came of it so far."""

    bytes: int
    outcome: Outcome


def run(
    files: Iterable[Path], url: str, choices: Choices, *, processes: int, told: Callable[[Progress], None]
) -> Outcome:
    """Loads the files, in their order where it matters, into the database at `url`.

    Tells how far it is after each item. Raises SharedplanErrors of status 500 and above when the store fails.
    """
    load = _Load(files, told)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([working.__name__])
    with ProcessPoolExecutor(processes, context, working.begin, (url, choices)) as pool:
        try:
            load.go(pool, most=processes * (1 + QUEUED))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return load.outcome


class _Load:
    """One load on its way."""

    def __init__(self, files: Iterable[Path], told: Callable[[Progress], None]) -> None:
        self.outcome = Outcome()
        self._told = told
        self._begins: dict[str, int] = {}  # file → bytes of the files before it
        self._done = 0
        self._schedule = Schedule(self._items(files))
        self._missed: list[tuple[Item, Missed]] = []

    def go(self, pool: ProcessPoolExecutor, *, most: int) -> None:
        begun: dict[Future[Done], Item] = {}
        while True:
            while len(begun) < most and (item := self._schedule.next()) is not None:
                begun[pool.submit(working.load, item.texts)] = item
            if not begun:
                break
            for future in wait(begun, return_when=FIRST_COMPLETED).done:
                self._finish(begun.pop(future), future.result())
        for item, missed in self._missed:
            self.outcome.add(pool.submit(working.load_again, item.texts, missed).result())
        self._told(Progress(self._done, self.outcome))

    def _finish(self, item: Item, done: Done) -> None:
        self._schedule.done(item)
        self.outcome.add(done.outcome)
        if done.missed:
            self._missed.append((item, done.missed))
        last = item.texts[-1]
        self._done = max(self._done, self._begins[last.file] + last.position)
        self._told(Progress(self._done, self.outcome))

    def _items(self, files: Iterable[Path]) -> Iterator[Item]:
        yield from items(self._texts(files))

    def _texts(self, files: Iterable[Path]) -> Iterator[Text]:
        """The texts of all files; a file that cannot be read is refused, and the next one follows."""
        before = 0
        for file in files:
            self._begins[str(file)] = before
            try:
                yield from texts(file)
                before += file.stat().st_size
            except UNREADABLE as failure:
                why = getattr(failure, "strerror", None) or str(failure) or type(failure).__name__
                self.outcome.refused.append(Refusal(str(file), None, None, (f"cannot be read: {why}",)))
