"""Delivery: claim what is due, tell it, wait longer after each failure, and give up aloud.

https://hl7.org/fhir/R4/subscription.html#2.46.7, https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/

At least once, and in order for each Subscription: the next changes are looked at when the present ones are taken. Each
worker of the service looks for what is due; a claim in the database lets one have it (`store/subscriptions.py`).
"""

import asyncio
import uuid
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from prometheus_client import Counter

from sharedplan.access.principal import Principal
from sharedplan.access.standing import restored
from sharedplan.clock import Clock
from sharedplan.errors import Incorrect, SharedplanError, Unauthenticated
from sharedplan.fhir import json_text
from sharedplan.fhir.notifications import Told, notification
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.subscribing import TYPE, Asking, asking
from sharedplan.logs import log, place
from sharedplan.search.values import date
from sharedplan.store.subscriptions import Event, New, State, Subscriptions
from sharedplan.store.unit_of_work import Store
from sharedplan.subscriptions.keeping import keep_status
from sharedplan.subscriptions.notify import News, Notifier
from sharedplan.subscriptions.rest_hook import NotDelivered, RestHook

PACE = 1.0
"""Seconds between two looks when nothing is due."""

PLACES = 8
"""Receivers that one worker sends to at the same time."""

LEAST, MOST = timedelta(seconds=1), timedelta(hours=1)
"""Between a failure and the next try."""

TROUBLED = 3
"""Failures in a row from which on the Subscription itself says error."""

AFTER_FAULT = timedelta(seconds=5)
"""Until the next try when it was we who failed."""

LOOK_BACK = timedelta(minutes=10)
"""How often it is looked whether what was told is still to be seen, where nothing has changed but the time."""

FORGETTING = 60
"""Looks after which what was kept of deleted Subscriptions is taken away."""

_NAMES = uuid.UUID("6c1f7a52-5f0b-5f0e-9a53-6d5d7c7a9b1e")

_sent = Counter("sharedplan_notifications", "Messages of Subscriptions: taken, failed, or given up", ["outcome"])

Present = Callable[[Principal], Principal | None]
"""Whom was kept → whom he is now: None when he may ask for nothing any more."""


def unchanged(by: Principal) -> Principal | None:
    """For whoever's standing is nowhere written down but in what is stored."""
    return by


@dataclass(frozen=True, slots=True)
class _Way:
    """One Subscription on its way, with all that is needed to tell it."""

    state: State
    asking: Asking
    shown: str  # the status that the resource has
    headers: tuple[str, ...]
    at: datetime


class Deliverer:
    """Tells the Subscriptions of one database."""

    def __init__(
        self,
        store: Store,
        hook: RestHook,
        clock: Clock,
        policy: Policy,
        *,
        base: str,
        patience: timedelta = timedelta(hours=72),
        present: Present = unchanged,
    ) -> None:
        """`patience`: how long a receiver may fail before it is given up."""
        self._store = store
        self._kept = Subscriptions(store.pool)
        self._notifier = Notifier(store, self._kept, clock, policy, base=base)
        self._hook = hook
        self._clock = clock
        self._policy = policy
        self._base = base
        self._patience = patience
        self._present = present
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._looks = 0
        self._judging = asyncio.Lock()

    async def run(self) -> None:
        """Looks again and again, until it is told to stop."""
        while not self._stopping.is_set():
            started = 0
            try:
                started = await self.look()
            except SharedplanError as failure:
                log.warning("subscriptions_not_looked_at", failure=str(failure))
            except Exception as failure:  # the next look may do better
                log.error("subscriptions_not_looked_at", failure=type(failure).__name__, place=place(failure))
            if started:
                await asyncio.wait(self._running, timeout=PACE, return_when=asyncio.FIRST_COMPLETED)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), PACE)

    async def stop(self, patience: timedelta) -> None:
        """Begins nothing more, and returns when what is under way has ended, or the patience."""
        self._stopping.set()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=patience.total_seconds())
            for each in late:
                each.cancel()

    async def look(self) -> int:
        """Takes on what has been written, and begins what is due, as far as there are places; how many it began."""
        for new in await self._kept.new():
            await self._take_on(new)
        self._looks += 1
        if self._looks % FORGETTING == 0:
            await self._kept.forget()
        free = PLACES - len(self._running)
        found = await self._kept.claim(free, at=self._clock.now()) if free else []
        for state in found:
            task = asyncio.create_task(self._handled(state))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return len(found)

    async def settle(self) -> None:
        """Returns when nothing is due any more."""
        while await self.look():
            await asyncio.wait(self._running)

    async def _take_on(self, new: New) -> None:
        """Keeps a Subscription that was written: what it shows as active goes on, all else begins by a handshake."""
        resource, who = json_text.read(new.content), json_text.read(new.who or "{}")
        shown = resource["status"]
        goes_on = shown in ("active", "error") and new.status == "active"
        status = "off" if shown == "off" else "active" if goes_on else "requested"
        secrets = self._opened(new.id, new.headers) | self._opened(new.id, who.pop("headers", None))
        lines = resource["channel"].get("header", ())
        secrets = {line: real for line, real in secrets.items() if line in lines}
        sealed = self._policy.cursors.sealed(secrets, client=f"{TYPE}/{new.id}") if secrets else None
        await self._kept.take_on(new, status=status, who=json_text.write(who), headers=sealed, at=self._clock.now())

    def _opened(self, id: str, sealed: str | None) -> dict[str, str]:
        """The header lines that were sealed, by those that stand for them; none when the key is another one now."""
        if sealed is None:
            return {}
        try:
            return {
                str(line): str(real)
                for line, real in self._policy.cursors.opened(sealed, client=f"{TYPE}/{id}").items()
            }
        except Incorrect:
            return {}

    async def _handled(self, state: State) -> None:
        """Deals with one; what goes wrong here, and not with the receiver, is tried again before long."""
        try:
            await self._deal_with(state)
        except SharedplanError as failure:
            log.warning("subscription_not_handled", subscription=state.id, failure=str(failure))
        except Exception as failure:
            log.error(
                "subscription_not_handled", subscription=state.id, failure=type(failure).__name__, place=place(failure)
            )
        else:
            return
        with suppress(SharedplanError):
            await self._save(await self._as_begun(state), due=self._clock.now() + AFTER_FAULT)

    async def _deal_with(self, state: State) -> None:
        now = self._clock.now()
        if state.content is None:
            await self._kept.forget()
            return
        if state.newest != state.version:  # it has been written meanwhile
            await self._save(state, due=now)
            return
        resource = json_text.read(state.content)
        wanted = asking(resource)
        known = self._opened(state.id, state.headers)
        way = _Way(state, wanted, resource["status"], tuple(known.get(line, "") for line in wanted.headers), now)
        by = self._asker(state)
        if wanted.end is not None and _instant(wanted.end) <= now:
            await self._end(way, "its end has come")
        elif by is None:
            await self._end(way, "nobody is known on whose behalf it would be told: write it again")
        elif "" in way.headers:
            await self._end(way, "the values of channel.header are not known any more: write them again")
        else:
            await self._try(way, by)

    def _asker(self, state: State) -> Principal | None:
        """By whose eyes it is told; None when that is nobody, or nobody any more."""
        try:
            return self._present(restored(state.who))
        except (KeyError, Unauthenticated):
            return None

    async def _try(self, way: _Way, by: Principal) -> None:
        state = way.state
        looks_back = state.wakes is not None and state.wakes <= way.at
        news: News | None = None
        try:
            if state.status == "requested":
                await self._send(way, "handshake")
            else:
                async with self._judging:  # one at a time: requests need the connections more
                    news = await self._notifier.news(state, by, way.asking, looks_back=looks_back)
                if not await self._tell(way, news):
                    return
        except NotDelivered as failure:
            await self._failed(way, str(failure), is_final=failure.is_final)
        except SharedplanError as failure:
            if failure.status >= 500:
                raise
            await self._failed(way, "; ".join(each.saying for each in failure.issues))
        else:
            await self._succeeded(way, news)

    async def _tell(self, way: _Way, news: News) -> bool:
        """Sends what there is to tell; False when it turns out to be another's to tell."""
        if news.lost:
            await self._send(way, "heartbeat")
            await self._kept.end(way.state.id, news.lost)
        if news.events:
            if not await self._kept.begin(way.state, news.until):
                return False
            await self._send(way, "event-notification", news.events)
            await self._kept.tell(way.state.id, news.events)
        elif not news.lost and self._is_silent(way):
            await self._send(way, "heartbeat")
        return True

    def _is_silent(self, way: _Way) -> bool:
        """Whether it is time for a heartbeat."""
        period, told_at = way.asking.heartbeat, way.state.told_at
        return period is not None and (told_at is None or told_at + period <= way.at)

    async def _send(self, way: _Way, kind: str, events: tuple[Event, ...] = ()) -> None:
        state, now = way.state, self._clock.now()
        body = None
        if way.asking.payload:
            told = [Told(each.number, each.at, each.name, each.interaction) for each in events]
            body = notification(
                state.id,
                "requested" if kind == "handshake" else "active",
                kind,
                base=self._base,
                id=_same_id(state.id, told) if told else self._clock.new_id(),
                status_id=self._clock.new_id(),
                at=now,
                events=state.events + len(told),
                told=told,
                names=way.asking.names,
            )
        try:
            await self._hook.post(way.asking.endpoint, way.headers, body)
        except NotDelivered:
            _sent.labels("failed").inc()
            raise
        _sent.labels("taken").inc()

    async def _succeeded(self, way: _Way, news: News | None) -> None:
        state = way.state
        version: int | None = state.version
        if way.shown != "active" and (news is None or news.events or news.lost or state.failures):
            version = await self._keep_status(way, "active", None)
        was_sent = news is None or bool(news.events or news.lost) or self._is_silent(way)
        is_done = version is not None
        if news is None and not is_done:
            return  # it was written meanwhile, and the handshake is the new one's
        await self._save(
            state,
            version=version or state.version,
            status="active",
            cursor=news.until if news is not None else state.cursor,
            until=None,
            events=state.events + (len(news.events) if news is not None else 0),
            failures=0,
            failing_since=None,
            due=way.at,
            wakes=self._wakes(way, way.at if was_sent else state.told_at),
            told_at=way.at if was_sent else state.told_at,
        )

    async def _failed(self, way: _Way, why: str, *, is_final: bool = False) -> None:
        """Waits longer; says so in the Subscription once it is no blip, and gives up at the end of all patience."""
        state, now = way.state, self._clock.now()
        since, failures = state.failing_since or now, state.failures + 1
        if is_final or now - since >= self._patience:
            _sent.labels("given-up").inc()
            await self._end(way, why)
            return
        version: int | None = state.version
        if failures >= TROUBLED and way.shown != "error":
            version = await self._keep_status(way, "error", why)
        log.info("notification_failed", subscription=state.id, failures=failures, reason=why)
        await self._save(
            await self._as_begun(state),
            version=version or state.version,
            failures=failures,
            failing_since=since,
            due=now + pause(failures, state.id),
        )

    async def _as_begun(self, state: State) -> State:
        """The state with the end of what was being told, so that the next try tells the same."""
        return replace(state, until=await self._kept.until(state))

    async def _end(self, way: _Way, why: str) -> None:
        """It is off, and says why."""
        version = await self._keep_status(way, "off", why)
        log.info("subscription_off", subscription=way.state.id, reason=why)
        if version is not None:
            await self._save(way.state, version=version, status="off", until=None)

    async def _keep_status(self, way: _Way, status: str, error: str | None) -> int | None:
        return await keep_status(
            way.state, status, error, store=self._store, clock=self._clock, policy=self._policy, base=self._base
        )

    def _wakes(self, way: _Way, told_at: datetime | None) -> datetime:
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

    async def _save(self, state: State, **changed: object) -> bool:
        """Keeps the state, with what has changed of it."""
        names = (
            *("status", "version", "cursor", "until", "events", "failures", "failing_since", "due", "wakes", "told_at"),
        )
        kept = {name: changed.get(name, getattr(state, name, None)) for name in names}
        kept["due"] = kept["due"] or self._clock.now()
        return await self._kept.save(state, **kept)  # type: ignore[arg-type]


def pause(failures: int, name: str) -> timedelta:
    """How long to wait after so many failures in a row: twice as long each time, from a second to an hour, and a fifth
    more or less, so that not all come back at once."""
    spread = zlib.crc32(f"{name} {failures}".encode()) / 2**32
    wanted = LEAST * (2.0 ** min(failures - 1, 20) * (0.8 + 0.4 * spread))
    return min(max(wanted, LEAST), MOST)


def _same_id(subscription: str, told: list[Told]) -> str:
    """The id of the Bundle that tells these events, the same for every try."""
    return str(uuid.uuid5(_NAMES, json_text.write([subscription, *([each.number, each.name] for each in told)])))


def _instant(text: str) -> datetime:
    return date.span(text)[0]
