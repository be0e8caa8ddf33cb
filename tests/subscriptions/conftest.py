"""Subscriptions on a real PostgreSQL, told to a real receiver."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from exchange.asking import Ask, asking
from sharedplan.store.unit_of_work import Store
from sharedplan.subscriptions.delivery import Deliverer
from subscriptions.receiving import POLICY, Later, Receiver, a_deliverer, receiving


@pytest.fixture
def ask(guarded: Store) -> Ask:
    """Asks for one interaction, behind the second guard."""
    return partial(asking(guarded), policy=POLICY)


@pytest.fixture
def clock() -> Later:
    return Later()


@pytest.fixture
def deliverer(guarded: Store, clock: Later) -> Deliverer:
    return a_deliverer(guarded, clock)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found
