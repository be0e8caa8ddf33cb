"""Delivery: take on what was written, claim what is due, and have it told, several at the same time.

https://hl7.org/fhir/R4/subscription.html#2.46.7, https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/

At least once, and in order for each Subscription: the next changes are looked at when the present ones are taken. Each
worker of the service looks for what is due; a claim in the database lets one have it (`store/subscriptions.py`).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from sharedplan.access.principal import Principal
from sharedplan.clock import Clock
from sharedplan.errors import SharedplanError
from sharedplan.fhir import json_text
from sharedplan.interactions.acting import Policy
from sharedplan.logs import log, place
from sharedplan.store.subscriptions import New, State, Subscriptions
from sharedplan.store.unit_of_work import Store
from sharedplan.subscriptions.notify import Notifier
from sharedplan.subscriptions.progress import Progress
from sharedplan.subscriptions.rest_hook import RestHook
from sharedplan.subscriptions.secrets import Secrets
from sharedplan.subscriptions.telling import Present, Teller

PACE = 1.0
"""Seconds between two looks when nothing is due."""

PLACES = 8
"""Receivers that one worker sends to at the same time."""

FORGETTING = 60
"""Looks after which what was kept of deleted Subscriptions is taken away."""


def unchanged(by: Principal) -> Principal | None:
    """For whoever's standing is nowhere written down but in what is stored."""
    return by


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
        pace: timedelta = timedelta(seconds=PACE),
        present: Present = unchanged,
    ) -> None:
        """`patience`: how long a receiver may fail before it is given up. `pace`: how long to leave one alone of which
        all is told."""
        self._kept = Subscriptions(store.pool)
        self._clock = clock
        self._secrets = Secrets(policy.cursors)
        self._progress = Progress(store, self._kept, clock, policy, base=base, patience=patience, pace=pace)
        self._teller = Teller(
            self._kept,
            Notifier(store, self._kept, clock, policy, base=base),
            self._progress,
            hook,
            self._secrets,
            clock,
            base=base,
            present=present,
        )
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._ended: float | None = None  # by the loop's clock
        self._looks = 0

    async def run(self, is_draining: Callable[[], bool] = lambda: False) -> None:
        """Looks again and again, until it is told to stop, or the service begins to."""
        while not self._stopping.is_set() and not is_draining():
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
        self._ended = asyncio.get_running_loop().time()

    async def stop(self, patience: timedelta) -> None:
        """Begins nothing more, and returns when what is under way has ended, or the patience: counted from when nothing
        more was begun, for requests may have taken their time since."""
        self._stopping.set()
        now = asyncio.get_running_loop().time()
        if self._running:
            left = (self._ended or now) + patience.total_seconds() - now
            _, late = await asyncio.wait(self._running, timeout=max(0.0, left))
            for each in late:
                each.cancel()

    async def look(self) -> int:
        """Takes on what has been written, and begins what is due, as far as there are places; how many it began."""
        for new in await self._kept.new():
            try:
                await self._take_on(new)
            except SharedplanError:
                raise
            except Exception as failure:  # one that cannot be understood keeps nobody else waiting
                log.error("subscription_not_understood", subscription=new.id, failure=type(failure).__name__)
                await self._kept.take_on(new, status="off", who="{}", headers=None, at=self._clock.now())
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
        shown = resource.get("status")
        goes_on = shown in ("active", "error") and new.status == "active"
        status = "off" if shown == "off" else "active" if goes_on else "requested"
        who.pop("headers", None)  # of versions from when they were kept there
        secrets = self._secrets.opened(new.id, new.headers)
        for each in new.sealed:
            secrets |= self._secrets.opened(new.id, each)
        lines = resource["channel"].get("header", ())
        secrets = {line: real for line, real in secrets.items() if line in lines}
        sealed = self._secrets.sealed(new.id, secrets)
        await self._kept.take_on(new, status=status, who=json_text.write(who), headers=sealed, at=self._clock.now())

    async def _handled(self, state: State) -> None:
        """Deals with one; what goes wrong here, and not with the receiver, is tried again before long."""
        try:
            await self._teller.deal_with(state)
        except SharedplanError as failure:
            log.warning("subscription_not_handled", subscription=state.id, failure=str(failure))
        except Exception as failure:
            log.error(
                "subscription_not_handled", subscription=state.id, failure=type(failure).__name__, place=place(failure)
            )
        else:
            return
        with suppress(SharedplanError):
            await self._progress.later(state)
