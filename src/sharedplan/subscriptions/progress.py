"""How far a Subscription has come: taken and kept, or failed and tried later, or given up.

https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.status
"""

import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sharedplan.clock import Clock
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.subscribing import Asking
from sharedplan.logs import log
from sharedplan.search.values import date
from sharedplan.store import subscriptions as kept
from sharedplan.store.subscriptions import State, Subscriptions
from sharedplan.store.unit_of_work import Store
from sharedplan.subscriptions.keeping import keep_status
from sharedplan.subscriptions.notify import News

if TYPE_CHECKING:
    from prometheus_client import Counter

LEAST, MOST = timedelta(seconds=1), timedelta(hours=1)
"""Between a failure and the next try."""

TROUBLED = 3
"""Failures in a row from which on the Subscription itself says error."""

AFTER_FAULT = timedelta(seconds=5)
"""Until the next try when it was we who failed."""

LOOK_BACK = timedelta(minutes=10)
"""How often it is looked whether what was told is still to be seen, where nothing has changed but the time."""


@cache
def sent() -> "Counter":
    """What Prometheus reads of it; made when it is first needed, as in `rest/metrics.py`."""
    from prometheus_client import Counter

    return Counter("sharedplan_notifications", "Messages of Subscriptions: taken, failed, or given up", ["outcome"])


@dataclass(frozen=True, slots=True)
class Way:
    """One Subscription on its way: what it asks for, the status that it shows, the header lines to be sent, and the
    present."""

    state: State
    asking: Asking
    shown: str
    headers: tuple[str, ...]
    at: datetime

    @property
    def is_silent(self) -> bool:
        """Whether it is time for a heartbeat."""
        period, told_at = self.asking.heartbeat, self.state.told_at
        return period is not None and (told_at is None or told_at + period <= self.at)

    @property
    def has_ended(self) -> bool:
        """Whether its end has come."""
        return self.asking.end is not None and _instant(self.asking.end) <= self.at


class Progress:
    """Keeps how far each has come."""

    def __init__(
        self,
        store: Store,
        subscriptions: Subscriptions,
        clock: Clock,
        policy: Policy,
        *,
        base: str,
        patience: timedelta,
        pace: timedelta,
    ) -> None:
        """`patience`: how long a receiver may fail before it is given up. `pace`: between two looks at one."""
        self._store = store
        self._kept = subscriptions
        self._clock = clock
        self._policy = policy
        self._base = base
        self._patience = patience
        self._pace = pace

    async def succeeded(self, way: Way, news: News | None) -> None:
        """The receiver has taken the handshake, or all the news; goes on from there."""
        state = way.state
        was_sent = news is None or bool(news.events or news.lost) or way.is_silent
        now = self._progress(
            state,
            status="active",
            cursor=news.until if news is not None else state.cursor,
            until=None,
            events=state.events + (len(news.events) if news is not None else 0),
            failures=0,
            failing_since=None,
            due=way.at if news is not None and news.has_more else way.at + self._pace,
            wakes=self._wakes(way, way.at if was_sent else state.told_at),
            told_at=way.at if was_sent else state.told_at,
        )
        tells = way.shown != "active" and (news is None or news.events or news.lost or state.failures)
        if tells and (await self._keep_status(way, now, "active", None) or news is None):
            return  # without news, what was written meanwhile has a handshake of its own
        await self._kept.save(state, now)

    async def failed(self, way: Way, why: str, reason: str, *, is_final: bool = False) -> None:
        """Waits longer; says why in the Subscription once it is no blip, and gives up at the end of all patience.
        `reason` is for the log."""
        state, now = way.state, self._clock.now()
        since, failures = state.failing_since or now, state.failures + 1
        if is_final or now - since >= self._patience:
            sent().labels("given-up").inc()
            await self.end(way, why, reason)
            return
        log.info("notification_failed", subscription=state.id, failures=failures, reason=reason)
        begun = await self._as_begun(state)
        later = self._progress(begun, failures=failures, failing_since=since, due=now + pause(failures, state.id))
        if failures >= TROUBLED and way.shown != "error" and await self._keep_status(way, later, "error", why):
            return
        await self._kept.save(begun, later)

    async def end(self, way: Way, why: str, reason: str | None = None) -> None:
        """It is off, and says why; `reason` is for the log, where it is another."""
        log.info("subscription_off", subscription=way.state.id, reason=reason or why)
        await self._keep_status(way, self._progress(way.state, status="off", until=None), "off", why)

    def _wakes(self, way: Way, told_at: datetime | None) -> datetime:
        """When it is looked at again though nothing has changed: to look back, to be heard of, to end."""
        period = LOOK_BACK.total_seconds()
        shift = zlib.crc32(way.state.id.encode()) % period
        turn = (way.at.timestamp() - shift) // period + 1
        wakes = [datetime.fromtimestamp(turn * period + shift, way.at.tzinfo)]
        if way.asking.heartbeat is not None:
            wakes.append((told_at or way.at) + way.asking.heartbeat)
        if way.asking.end is not None:
            wakes.append(_instant(way.asking.end))
        return min(wakes)

    async def later(self, state: State) -> None:
        """We failed, and not the receiver: again before long."""
        begun = await self._as_begun(state)
        await self._kept.save(begun, self._progress(begun, due=self._clock.now() + AFTER_FAULT))

    async def released(self, state: State) -> None:
        """Nothing was done: it has been written meanwhile."""
        await self._kept.save(state, self._progress(state))

    async def _as_begun(self, state: State) -> State:
        """The state with the end of what was being told, so that the next try tells the same."""
        return replace(state, until=await self._kept.until(state))

    async def _keep_status(self, way: Way, progress: kept.Progress, shown: str, error: str | None) -> bool:
        return await keep_status(
            way.state,
            progress,
            shown,
            error,
            store=self._store,
            clock=self._clock,
            policy=self._policy,
            base=self._base,
        )

    def _progress(self, state: State, **changed: Any) -> kept.Progress:
        """How far the state is, with what has changed of it; due at once unless that says otherwise."""
        names = (name for name in kept.Progress.__dataclass_fields__ if name != "due")
        return kept.Progress(**{"due": self._clock.now(), **{name: getattr(state, name) for name in names}, **changed})


def pause(failures: int, name: str) -> timedelta:
    """How long to wait after so many failures in a row: twice as long each time, from a second to an hour, and a fifth
    more or less, so that not all come back at once."""
    spread = zlib.crc32(f"{name} {failures}".encode()) / 2**32
    wanted = LEAST * (2.0 ** min(failures - 1, 20) * (0.8 + 0.4 * spread))
    return min(max(wanted, LEAST), MOST)


def _instant(text: str) -> datetime:
    return date.span(text)[0]
