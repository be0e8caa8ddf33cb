"""Statements in company: short ones of the same text go to the database together, as one message and one transaction,
and as one statement where their askers may see the same (`store/joint.py`).

A call of the driver and a commit cost more than many a question, so whoever asks while one with the same text is under
way waits for it to end, or for enough others to come that a second call is worth its price, or for a moment, and goes
with all of them. While nothing is under way, nobody waits but for those who ask in the same turn of the loop.

Writes of one text go so, too. Whoever writes holds the clock until the commit (`draw_instants`), so nothing is gained
side by side: those who would wait for it one by one, each with a commit of his own, go together as soon as it is free.
https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import asyncpg

from sharedplan.errors import Fault, SharedplanError, Unavailable
from sharedplan.logs import log, place
from sharedplan.store.engine import FAILURES, Pool, is_lost, meaning
from sharedplan.store.joint import Question
from sharedplan.store.session import fetch_alone

SIDE_BY_SIDE = 2
"""Calls of one text under way at once: while the database answers one, the service makes the next ready."""

ENOUGH = 8
"""So many who wait make a call of their own beside the one under way. Fewer are better off in the next one: of 32 who
read at once each took 96 µs of the service and 74 of PostgreSQL, against 104 and 85 when four were enough and half of
those who waited went; of eight, one call at a time takes as long as two of four (medians of seven rounds in turns)."""

ONE_MORE = 0.010
"""Seconds that a statement takes for one more call to be under way: what takes long gains little from company, and
keeps it waiting. Who has waited so long goes with those who have come, though they are not enough: what is under way
may be one question that takes seconds."""

OTHERS = 2
"""Connections of a pool of four or more that the questions of one text leave to others, however long they take."""

MOST = 16
"""Questions of one call, when they are known to be quick."""

UNKNOWN = 4
"""The same as long as nobody knows what one takes."""

LONG_ENOUGH = 0.1
"""Seconds that one call may be expected to take: what takes long is better asked side by side, and the database gives
up a statement after some seconds."""

PATIENCE = timedelta(seconds=10)
"""How long one call may take. The database's own limit for a statement is shorter; this one is for a database that does
not answer at all."""

TEXTS = 1000
"""Texts that are remembered."""

Rows = list[asyncpg.Record]


class _Waiting(NamedTuple):
    """What is asked for whom, and who waits; None tells him that nothing came of it, and to try by himself."""

    question: Question
    who: Sequence[Any]
    answer: "asyncio.Future[Rows | None]"

    def parameters(self, turn: int) -> list[Any]:
        return [*self.question.parameters, *self.who, turn]


@dataclass(slots=True, eq=False)
class _Way:
    """All who ask with one text: those who wait, how many calls are under way, and what one statement took lately."""

    sql: str
    is_write: bool = False
    waiting: deque[_Waiting] = field(default_factory=deque)
    calls: int = 0
    is_gathering: bool = False  # a call is about to begin, and takes whoever has come by then
    is_late: bool = False  # the first of those who wait has waited for ONE_MORE
    watch: asyncio.TimerHandle | None = None  # sees to it that this is noticed
    took: float = 0.0  # seconds
    most_calls: int = SIDE_BY_SIDE  # at once
    singles: deque["asyncio.Future[None]"] = field(default_factory=deque)  # of those who wait to ask alone

    def is_to_go(self, many: int) -> bool:
        """Whether so many who wait go now."""
        if self.is_gathering:
            return False
        if not self.calls:
            return True
        if self.is_write:
            return False
        slow = self.took // ONE_MORE
        is_time = many >= ENOUGH or self.is_late or slow > 0
        return is_time and self.calls < min(SIDE_BY_SIDE + slow, self.most_calls)

    def batch(self) -> list[_Waiting]:
        """Who goes with the call that begins. Nothing is asked for who has gone away meanwhile."""
        self.is_late = False
        first = [self.waiting.popleft() for _ in range(min(self._most, len(self.waiting)))]
        return [each for each in first if not each.answer.done()]

    @property
    def _most(self) -> int:
        if self.is_write:
            return MOST
        return max(1, min(MOST, int(LONG_ENOUGH / self.took))) if self.took else UNKNOWN

    @property
    def is_quick(self) -> bool:
        """Whether what it asks is known to give the connection back soon, on a busy machine, too."""
        return 0 < self.took < LONG_ENOUGH

    def learn(self, took: float) -> None:
        self.took = self.took + (took - self.took) / 8 if self.took else took


class Company:
    """Sends statements, each of which may be undone and done again until it is committed. The last parameter of each is
    an integer, its turn, which each of its rows has as the first column; here it is added and read."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ways: dict[str, _Way] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._writes: set[asyncio.Task[None]] = set()

    async def fetch(self, question: Question, who: Sequence[Any] = ()) -> Rows:
        """The rows of one statement, which the second guard is opened for. Raises as `Session.fetch` does."""
        return await self._together(self._ways.get(question.sql) or self._new(question.sql), question, who)

    async def write(self, sql: str, parameters: list[Any]) -> Rows:
        """The same of a statement that writes, is committed on return, and happens but once: when it is not known
        whether it was committed, Unavailable is raised. Who is cancelled may have written all the same."""
        return await self._together(self._ways.get(sql) or self._new(sql, is_write=True), Question(sql, parameters))

    @property
    def writes(self) -> frozenset[object]:
        """Stands for the writes that are under way, each as long as it may still be committed."""
        return frozenset(self._writes)

    async def _together(self, way: _Way, question: Question, who: Sequence[Any] = ()) -> Rows:
        waiting = _Waiting(question, who, asyncio.get_running_loop().create_future())
        way.waiting.append(waiting)
        self._go_on(way)
        rows = await waiting.answer
        # What failed may have been another's fault: each tries again by himself.
        return rows if rows is not None else await self._alone(way, waiting)

    async def drain(self) -> None:
        """Returns when nobody asks or waits any more."""
        while any(way.calls or way.waiting for way in self._ways.values()):  # noqa: ASYNC110  # seldom; calls are many
            await asyncio.sleep(0.01)

    def _new(self, sql: str, *, is_write: bool = False) -> _Way:
        if len(self._ways) >= TEXTS:
            for idle in [each for each, way in self._ways.items() if not way.calls][: TEXTS // 2]:
                del self._ways[idle]
        most_calls = min(self._pool.size, max(SIDE_BY_SIDE, self._pool.size - OTHERS))
        return self._ways.setdefault(sql, _Way(sql, is_write, most_calls=most_calls))

    async def _alone(self, way: _Way, waiting: _Waiting) -> Rows:
        try:
            while way.calls >= way.most_calls:
                turn = asyncio.get_running_loop().create_future()
                way.singles.append(turn)
                await turn
            way.calls += 1
            try:
                return await fetch_alone(self._pool, way.sql, waiting.parameters(0), once=way.is_write)
            finally:
                way.calls -= 1
        finally:
            self._go_on(way)  # whoever is cancelled in his turn, too, leaves it to the next

    def _go_on(self, way: _Way) -> None:
        """Those who wait go now, if it is time: by a task of its own, for none of them carries the others."""
        while way.singles and way.calls < way.most_calls:
            turn = way.singles.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        if not way.waiting:
            return
        if way.is_to_go(len(way.waiting)):
            way.calls += 1
            way.is_gathering = True
            call = asyncio.create_task(self._call(way))
            self._running.add(call)
            call.add_done_callback(self._running.discard)
            if way.is_write:
                self._writes.add(call)
                call.add_done_callback(self._writes.discard)
        elif way.watch is None and not way.is_write:
            loop = asyncio.get_running_loop()
            way.watch = loop.call_later(ONE_MORE, self._look_again, way, way.waiting[0])

    def _look_again(self, way: _Way, first: _Waiting) -> None:
        way.watch = None
        way.is_late = bool(way.waiting) and way.waiting[0] is first
        self._go_on(way)

    async def _call(self, way: _Way) -> None:
        # Whoever was about to ask has asked by now, for a task begins after all that was ready when it was made.
        way.is_gathering = False
        batch = way.batch()
        self._go_on(way)
        try:
            if batch:
                await self._ask(way, batch)
        except Exception as unforeseen:
            log.error("company_failed", failure=type(unforeseen).__name__, place=place(unforeseen))
            saying = "something went wrong in the service"
            _tell(batch, Unavailable(saying) if way.is_write else Fault(saying))  # it may have been committed
        except BaseException:  # cancelled: the loop ends
            _tell([*batch, *way.waiting], Unavailable("the service is stopping"))
            way.waiting.clear()
            raise
        finally:
            way.calls -= 1
            self._go_on(way)

    async def _ask(self, way: _Way, batch: Sequence[_Waiting]) -> None:
        """One call for all of these, and what comes of it to each."""
        clock, joint = asyncio.get_running_loop().time, _joint(batch)
        try:
            connection = await self._pool.acquire(first=way.is_quick)
        except SharedplanError as failure:
            _tell(batch, failure)
            return
        begun = clock()
        try:
            # By the driver's own time: it would not let itself be cancelled amidst many.
            patience = PATIENCE.total_seconds()
            if joint is not None:
                sql, parameters = joint
                found = await connection.fetch(sql, *parameters, timeout=patience)
            elif len(batch) == 1:
                found = await connection.fetch(way.sql, *batch[0].parameters(0), timeout=patience)
            else:
                sent = [each.parameters(turn) for turn, each in enumerate(batch)]
                found = await connection.fetchmany(way.sql, sent, timeout=patience)
        except FAILURES as failure:
            means = meaning(failure)
            was_lost = is_lost(failure) or isinstance(failure, TimeoutError)
            took = (clock() - begun) / len(batch)
            if took > max(way.took, ONE_MORE) and not is_lost(failure):  # what fails at once tells nothing
                way.learn(took)
            if was_lost:
                self._pool.lose(connection)
            else:
                self._pool.release(connection)
            if way.is_write and isinstance(means, Unavailable):
                # It may have been committed; or it waited for what each by himself would wait for as long again.
                _tell(batch, means)
                return
            if not was_lost:
                if len(batch) == 1 and not (joint is not None and isinstance(means, Fault)):  # it is nobody else's
                    _tell(batch, means)
                    return
                if joint is not None:  # or nobody would notice that one is refused again and again
                    log.warning("asked_apart", failure=type(failure).__name__)
            answers: list[Rows | None] = [None] * len(batch)
        except BaseException:
            self._pool.discard(connection)  # cancelled amidst the call
            raise
        else:
            self._pool.release(connection)
            way.learn((clock() - begun) / len(batch))
            answers = _apart(found, len(batch))
        _answer([(each.answer, rows) for each, rows in zip(batch, answers, strict=True)])


def _joint(batch: Sequence[_Waiting]) -> tuple[str, list[Any]] | None:
    """The one statement that answers all, and its parameters; None when there is none."""
    question, who, _ = batch[0]
    joint = question.joint
    if joint is None or (len(batch) == 1 and not joint.is_for_one):
        return None
    if any(each.question.joint is not joint or each.who != who for each in batch):
        return None
    try:
        return joint.sql, joint.parameters(who, [each.question.own for each in batch])
    except (TypeError, ValueError):  # somebody's text is none that JSON can hold
        return None


def _apart(found: Rows, turns: int) -> list[Rows | None]:
    """The rows of each turn."""
    if turns == 1:
        return [list(found)]
    answers: list[Rows] = [[] for _ in range(turns)]
    for row in found:
        answers[row[0]].append(row)
    return [*answers]


def _answer(left: Sequence[tuple["asyncio.Future[Rows | None]", Rows | None]]) -> None:
    """Each is told in a turn of the loop of his own. What is written leaves when a turn ends, so the first has his
    answer while that of the second is made, and what he asks next has come when the last is done: with eight who ask,
    the service is busy for 70 % of the time rather than 60 (reads, on a machine with other work; measured)."""
    (answer, rows), *others = left
    if not answer.done():
        answer.set_result(rows)
    if others:
        asyncio.get_running_loop().call_soon(_answer, others)


def _tell(batch: Sequence[_Waiting], failure: SharedplanError) -> None:
    for _, _, answer in batch:
        if not answer.done():
            answer.set_exception(copy(failure))  # each raises one of his own, for it keeps the way that it went
