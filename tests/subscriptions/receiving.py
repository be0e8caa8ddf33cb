"""A receiver of notifications on this machine, and Subscriptions that lead there."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sharedplan.clock import SystemClock
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.cursors import Cursors
from sharedplan.interactions.endpoints import Endpoints
from sharedplan.store.unit_of_work import Store
from sharedplan.subscriptions.delivery import Deliverer
from sharedplan.subscriptions.rest_hook import RestHook

Json = dict[str, Any]

BASE = "https://plan.example/fhir"
HERE = Endpoints(loopback=True)
POLICY = Policy(Cursors(b"test"), endpoints=HERE)


class Later(SystemClock):
    """The machine's clock, put forward."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


@dataclass
class Received:
    """One request: its headers in small letters, and its body."""

    headers: dict[str, str]
    body: str

    @property
    def bundle(self) -> Json:
        found: Json = json.loads(self.body)
        return found

    @property
    def status(self) -> dict[str, Any]:
        """The parameters of the SubscriptionStatus by name; the events as (number, what changed)."""
        said: dict[str, Any] = {"events": []}
        for each in self.bundle["entry"][0]["resource"]["parameter"]:
            if each["name"] == "notification-event":
                part = {one["name"]: next(v for k, v in one.items() if k != "name") for one in each["part"]}
                focus = part.get("focus", {"reference": ""})["reference"].removeprefix(f"{BASE}/")
                said["events"].append((int(part["event-number"]), focus))
            else:
                said[each["name"]] = next(value for name, value in each.items() if name != "name")
        return said

    @property
    def kind(self) -> str:
        return str(self.status["type"])

    @property
    def events(self) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = self.status["events"]
        return found


@dataclass
class Receiver:
    """Takes what is sent, and answers with the statuses in their order, then 200."""

    address: str
    statuses: list[int] = field(default_factory=list)
    all: list[Received] = field(default_factory=list)
    something: asyncio.Event = field(default_factory=asyncio.Event)

    def taken(self) -> list[Received]:
        """What has come since this was last asked."""
        found, self.all = self.all, []
        return found

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        kept = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head.split("\r\n")[1:] if line}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.all.append(Received(kept, body.decode()))
        self.something.set()
        status = self.statuses.pop(0) if self.statuses else 200
        more = "Location: http://127.0.0.1:1/\r\n" if status == 302 else ""
        writer.write(f"HTTP/1.1 {status} Said\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    found = Receiver("")
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/told"
    async with server:
        yield found


def a_subscription(to: Receiver | str, criteria: str = "CarePlan?status=active", **elements: Any) -> Json:
    """The smallest Subscription; `channel` adds to the usual one."""
    endpoint = to if isinstance(to, str) else to.address
    channel = {"type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json"}
    channel |= elements.pop("channel", {})
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "To follow the plan",
        "criteria": criteria,
        "channel": {name: value for name, value in channel.items() if value is not None},
        **elements,
    }


def a_deliverer(store: Store, clock: Later, **more: Any) -> Deliverer:
    return Deliverer(store, RestHook(HERE, patience=2), clock, POLICY, base=BASE, pace=timedelta(), **more)
