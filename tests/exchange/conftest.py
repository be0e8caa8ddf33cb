"""Asking the service through its conductor, on a real PostgreSQL."""

import asyncio
import json

import pytest

from databases import Server
from exchange.asking import Ask, asking
from exchange.cast import system
from sharedplan.demo import world
from sharedplan.store.engine import Pool
from sharedplan.store.unit_of_work import Store
from snapshots import Snapshot


@pytest.fixture
def ask(store: Store, guarded: Store) -> Ask:
    """Asks for one interaction, as the service does: behind the second guard."""
    return asking(guarded, by_scopes=store)


@pytest.fixture(scope="session")
def written_demo(server: Server) -> Snapshot:
    """The demo world as the service writes it."""

    async def write(url: str) -> None:
        pool = Pool(url, unguarded=True)
        ask = asking(Store(pool))
        for part in world.PARTS:
            await ask("transaction", "", json.loads(part.text), by=system(part.organization))
        await pool.close()

    with server.database() as url:
        asyncio.run(write(url))
        return server.snapshot(url)


@pytest.fixture
def demo(server: Server, written_demo: Snapshot, database_url: str, ask: Ask) -> Ask:
    """Asks where the demo world is."""
    server.put_back(written_demo)
    return ask
