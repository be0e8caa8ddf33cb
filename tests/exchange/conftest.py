"""Asking the service through its conductor, on a real PostgreSQL."""

import pytest

from exchange.asking import Ask, asking
from sharedplan.store.unit_of_work import Store


@pytest.fixture
def ask(store: Store, guarded: Store) -> Ask:
    """Asks for one interaction, as the service does: behind the second guard."""
    return asking(guarded, by_scopes=store)
