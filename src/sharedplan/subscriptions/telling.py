"""Telling one Subscription: the handshake, what there is to tell, a heartbeat when there was nothing for too long.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

import asyncio
import uuid
from collections.abc import Callable

from sharedplan.access.principal import Principal
from sharedplan.access.standing import restored
from sharedplan.clock import Clock
from sharedplan.errors import SharedplanError, Unauthenticated
from sharedplan.fhir import json_text
from sharedplan.fhir.notifications import Told, notification
from sharedplan.interactions.subscribing import asking
from sharedplan.store.subscriptions import Event, State, Subscriptions
from sharedplan.subscriptions.notify import News, Notifier
from sharedplan.subscriptions.progress import Progress, Way, sent
from sharedplan.subscriptions.rest_hook import NotDelivered, RestHook
from sharedplan.subscriptions.secrets import Secrets

_NAMES = uuid.UUID("6c1f7a52-5f0b-5f0e-9a53-6d5d7c7a9b1e")

Present = Callable[[Principal], Principal | None]
"""Whom was kept → whom he is now: None when he may ask for nothing any more."""


class Teller:
    """Deals with those that were claimed."""

    def __init__(
        self,
        kept: Subscriptions,
        notifier: Notifier,
        progress: Progress,
        hook: RestHook,
        secrets: Secrets,
        clock: Clock,
        *,
        base: str,
        present: Present,
    ) -> None:
        self._kept = kept
        self._notifier = notifier
        self._progress = progress
        self._hook = hook
        self._secrets = secrets
        self._clock = clock
        self._base = base
        self._present = present
        self._judging = asyncio.Lock()

    async def deal_with(self, state: State) -> None:
        """Tells it what there is to tell. Raises SharedplanErrors of ours, which are not the receiver's fault."""
        if state.content is None:
            await self._kept.forget()
            return
        if state.newest != state.version:
            await self._progress.released(state)
            return
        resource = json_text.read(state.content)
        wanted, known = asking(resource), self._secrets.opened(state.id, state.headers)
        lines = tuple(known.get(line, "") for line in wanted.headers)
        way = Way(state, wanted, resource.get("status", ""), lines, self._clock.now())
        by = self._asker(state)
        if way.has_ended:
            await self._progress.end(way, "its end has come")
        elif by is None:
            await self._progress.end(way, "nobody is known on whose behalf it would be told: write it again")
        elif "" in way.headers:
            await self._progress.end(way, "the values of channel.header are not known any more: write them again")
        else:
            await self._try(way, by)

    def _asker(self, state: State) -> Principal | None:
        """By whose eyes it is told; None when that is nobody, or nobody any more."""
        try:
            return self._present(restored(state.who))
        except (KeyError, Unauthenticated):
            return None

    async def _try(self, way: Way, by: Principal) -> None:
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
            await self._progress.failed(way, str(failure), str(failure), is_final=failure.is_final)
        except SharedplanError as failure:
            if failure.status >= 500:
                raise
            # Its owner is told what is wrong with the criteria; the log does not repeat what they ask for.
            await self._progress.failed(way, "; ".join(each.saying for each in failure.issues), type(failure).__name__)
        else:
            await self._progress.succeeded(way, news)

    async def _tell(self, way: Way, news: News) -> bool:
        """Sends what there is to tell; False when it turns out to be another's to tell."""
        if news.lost:
            await self._send(way, "heartbeat")
            await self._kept.end(way.state.id, news.lost)
        if news.events:
            if not await self._kept.begin(way.state, news.until, at=self._clock.now()):
                return False
            await self._send(way, "event-notification", news.events)
            await self._kept.tell(way.state.id, news.events)
        elif not news.lost and way.is_silent:
            await self._send(way, "heartbeat")
        return True

    async def _send(self, way: Way, kind: str, events: tuple[Event, ...] = ()) -> None:
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
            sent().labels("failed").inc()
            raise
        sent().labels("taken").inc()


def _same_id(subscription: str, told: list[Told]) -> str:
    """The id of the Bundle that tells these events, the same for every try."""
    return str(uuid.uuid5(_NAMES, json_text.write([subscription, *([each.number, each.name] for each in told)])))
