"""Time and chance, handed in: the only sources of both, so that tests can fix them."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import uuid_utils


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, UTC."""

    def new_id(self) -> str:
        """A new resource id: UUIDv7, so that ids of one time lie together in the index."""


class SystemClock:
    """The machine's clock and randomness."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def new_id(self) -> str:
        return str(uuid_utils.uuid7())


@dataclass
class FixedClock:
    """A clock that stands still until told; ids count up."""

    at: datetime
    count: int = field(default=0)

    def now(self) -> datetime:
        return self.at

    def new_id(self) -> str:
        self.count += 1
        return str(uuid.UUID(int=(0x7 << 76) | (0x2 << 62) | self.count))

    def advance(self, by: timedelta) -> None:
        self.at += by
